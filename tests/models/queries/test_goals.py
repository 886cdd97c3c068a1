"""Goals and denominators: written by key, observations replaced, silent days, exposure that asks for verdicts."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from models.database import Database, Session
from models.errors import Conflict, Invalid, NotFound
from models.jobs import Job, WorkState
from models.queries import exposure, goals, products
from models.queries.products import FeatureDraft, Step
from models.records import Exposure, Metric, Release, RolloutStep, Team, Work
from tests import factories
from tests.clock import NOON


def silent(
    session: Session, workspace: int, start: datetime, end: datetime | None, kind: str = "source_silent"
) -> None:
    row = {"key": str(start), "kind": kind, "title": "x", "starts_at": start, "ends_at": end}
    goals.put_event(session, workspace=workspace, row=row, now=NOON)


def test_a_row_written_again_by_key_is_brought_up_to_date(database: Database, workspace: int) -> None:
    other = factories.workspace(database)
    with database.write(workspace=workspace) as session:
        first = goals.put(session, Team, workspace=workspace, row={"key": "mail", "name": "Mail"})
        again = goals.put(session, Team, workspace=workspace, row={"key": "mail", "name": "Post"})
        theirs = goals.put(session, Team, workspace=other, row={"key": "mail", "name": "Theirs"})
        assert first.id == again.id != theirs.id
        assert again.name == "Post"
        assert goals.list_all(session, Team, workspace=workspace) == [again]
        assert goals.find(session, Team, workspace=other, key="mail") is theirs
        with pytest.raises(NotFound, match="team"):
            goals.get(session, Team, workspace=workspace, number=theirs.id)


def test_a_value_observed_again_is_replaced(database: Database, workspace: int) -> None:
    with database.write(workspace=workspace) as session:
        row = {"key": "activation", "name": "Activation", "definition": ""}
        metric = goals.put(session, Metric, workspace=workspace, row=row).id
        values = {(NOON, "all"): 0.4, (NOON, "team"): 0.1, (NOON + timedelta(days=1), "all"): 0.5}
        assert goals.put_observations(session, workspace=workspace, metric=metric, values=values) == 3
        berlin = NOON.astimezone(ZoneInfo("Europe/Berlin"))
        goals.put_observations(session, workspace=workspace, metric=metric, values={(berlin, "all"): 0.3})
        session.expire_all()
        found = goals.observations(session, workspace=workspace, metric=metric)
        assert [(row.at, row.value) for row in found] == [(NOON, 0.3), (NOON + timedelta(days=1), 0.5)]
        latest = goals.latest_observation(session, workspace=workspace, metric=metric)
        assert latest is not None
        assert latest.value == 0.5
        assert goals.latest_observation(session, workspace=workspace, metric=metric, segment="free") is None


def test_silent_dates_are_those_that_a_silence_touches(database: Database, workspace: int) -> None:
    zone = ZoneInfo("Europe/Berlin")
    with database.write(workspace=workspace) as session:
        silent(session, workspace, datetime(2026, 6, 1, 10, tzinfo=UTC), datetime(2026, 6, 3, 15, tzinfo=UTC))
        silent(session, workspace, datetime(2026, 6, 10, 8, tzinfo=UTC), datetime(2026, 6, 10, 9, tzinfo=UTC))
        # From midnight to midnight in Berlin: exactly one day.
        silent(
            session, workspace, datetime(2026, 6, 19, 22, tzinfo=UTC), datetime(2026, 6, 20, 22, tzinfo=UTC)
        )
        silent(session, workspace, datetime(2026, 6, 25, tzinfo=UTC), None)
        silent(
            session,
            workspace,
            datetime(2026, 6, 27, tzinfo=UTC),
            datetime(2026, 6, 29, tzinfo=UTC),
            "incident",
        )
        found = goals.silent_dates(session, workspace=workspace, zone=zone)
        assert sorted(day.day for day in found) == [1, 2, 3, 10, 20]


def test_holidays_are_whole_days_of_the_zone_and_end(database: Database, workspace: int) -> None:
    zone = ZoneInfo("Europe/Berlin")

    def declare(start: datetime, end: datetime | None) -> None:
        silent(session, workspace, start, end, "holiday")

    with database.write(workspace=workspace) as session:
        declare(datetime(2026, 6, 4, 22, tzinfo=UTC), None)
        declare(datetime(2026, 6, 10, 22, tzinfo=UTC), datetime(2026, 6, 12, 22, tzinfo=UTC))
        declare(datetime(2026, 6, 20, 12, tzinfo=UTC), datetime(2026, 6, 20, 12, tzinfo=UTC))
        declare(datetime(2026, 8, 1, tzinfo=UTC), datetime(9998, 1, 1, tzinfo=UTC))
        silent(session, workspace, NOON, None, "incident")
        found = goals.holidays(session, workspace=workspace, zone=zone)
    assert sorted(day.day for day in found if day.month == 6) == [5, 11, 12, 20]
    assert len(found) == 4 + 32, "a span of 31 days that begins at two in the morning touches 32"


def test_exposure_written_again_is_replaced_and_asks_for_verdicts(database: Database, workspace: int) -> None:
    with database.write(workspace=workspace) as session:
        release = factories.release(session, workspace)
        for row in session.scalars(select(Work)):
            row.state = WorkState.DONE
        session.flush()
        values = {(factories.day(n), "all"): 100.0 + n for n in range(1200)}
        put = exposure.put_exposure(
            session, workspace=workspace, series="active_accounts", values=values, now=NOON
        )
        assert put == 1200
        exposure.put_exposure(
            session,
            workspace=workspace,
            series="active_accounts",
            values={(factories.day(0), "all"): 7.0, (factories.day(0), "team"): 3.0},
            now=NOON,
        )
        session.expire_all()
        found = exposure.read_exposure(session, workspace=workspace)
        assert (len(found), found[factories.day(0)], found[factories.day(1)]) == (1200, 7.0, 101.0)
        assert exposure.read_exposure(session, workspace=workspace, segment="team") == {factories.day(0): 3.0}
        assert exposure.read_exposure(session, workspace=workspace, series="other") == {}
        assert len(session.scalars(select(Exposure)).all()) == 1201
        asked = session.scalars(select(Work).where(Work.stage == Job.MEASURE, Work.subject == release)).one()
        assert asked.state is WorkState.READY


def test_a_release_is_out_for_all_at_its_first_step_of_a_hundred_percent(
    database: Database, workspace: int
) -> None:
    steps = (
        Step(factories.noon(9), 100.0),
        Step(factories.noon(1), 10.0, ("beta",)),
        Step(factories.noon(5), 50.0),
    )
    with database.write(workspace=workspace) as session:
        number = factories.release(session, workspace, steps=steps)
        row = session.get_one(Release, number)
        assert (row.released_at, row.full_at) == (factories.noon(1), factories.noon(9))
        stored = products.steps_of(session, workspace=workspace, releases=[number])[number]
        assert [(step.percent, step.segments) for step in stored] == [
            (10.0, ["beta"]),
            (50.0, []),
            (100.0, []),
        ]
        factories.release(session, workspace, at=factories.noon(3))
        session.expire_all()
        assert session.get_one(Release, number).full_at == factories.noon(3)
        assert len(session.scalars(select(RolloutStep)).all()) == 1


@pytest.mark.parametrize(
    "steps",
    [
        (Step(NOON, 0.0),),
        (Step(NOON, 101.0),),
        (Step(NOON, 10.0), Step(NOON, 20.0)),
    ],
)
def test_steps_that_make_no_sense_are_refused(
    database: Database, workspace: int, steps: tuple[Step, ...]
) -> None:
    with database.write(workspace=workspace) as session, pytest.raises(Invalid) as caught:
        factories.release(session, workspace, steps=steps)
    assert caught.value.field == "rollout"


def test_a_feature_keeps_its_release_until_another_is_named(database: Database, workspace: int) -> None:
    with database.write(workspace=workspace) as session:
        first = factories.release(session, workspace, name="1.0")
        number = factories.feature(session, workspace, of="1.0")
        factories.feature(session, workspace, title="New title")
        row = products.get_feature(session, workspace=workspace, feature=number)
        assert (row.title, row.release_id) == ("New title", first)
        with pytest.raises(Conflict, match="no release with key"):
            products.put_feature(
                session, workspace=workspace, draft=FeatureDraft("x", "x", release_key="none"), now=NOON
            )
        assert [f.id for f in products.list_features(session, workspace=workspace, release=first)] == [number]


def test_releases_are_listed_newest_first_page_by_page(database: Database, workspace: int) -> None:
    with database.write(workspace=workspace) as session:
        ids = [
            factories.release(session, workspace, name=str(n), at=factories.noon(n // 2)) for n in range(6)
        ]
        seen: list[int] = []
        before = None
        while rows := products.list_releases(session, workspace=workspace, before=before, limit=2):
            seen += [row.id for row in rows]
            before = rows[-1].released_at, rows[-1].id
        assert seen == ids[::-1]
        within = products.list_releases(
            session, workspace=workspace, since=factories.noon(1), until=factories.noon(2)
        )
        assert [row.id for row in within] == [ids[3], ids[2]]
        other = 99
        with pytest.raises(NotFound):
            products.get_release(session, workspace=other, release=ids[0])
        assert products.find_release(session, workspace=other, key="0") is None
