"""Daily counts: one for each person, theme and ticket; days of the workspace's zone; recomputed, never added up."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from models.database import Database, Session
from models.jobs import Job
from models.queries import counts, theme_stream
from models.records import DailyCount, FeedbackItem, Work
from models.values.feedback import AuthorRole
from models.values.kinds import Kind
from tests import factories
from tests.clock import NOON

ZONE = ZoneInfo("UTC")
TODAY = NOON.date()


@pytest.fixture
def source(database: Database, workspace: int) -> int:
    with database.write(workspace=workspace) as session:
        return factories.source(session, workspace)


def recompute(session: Session, workspace: int, theme: int, *days: date, zone: ZoneInfo = ZONE) -> None:
    counts.recompute(session, workspace=workspace, theme=theme, days=set(days or {TODAY}), zone=zone)
    session.flush()


def rows(session: Session, theme: int) -> dict[tuple[date, str], tuple[int, int, int]]:
    found = session.scalars(select(DailyCount).where(DailyCount.theme_id == theme))
    return {(row.day, row.segment): (row.complaints, row.items, row.people) for row in found}


def placed(session: Session, workspace: int, source: int, theme: int, **chosen: object) -> int:
    number = factories.item(session, workspace, source, **chosen)  # type: ignore[arg-type]
    factories.assign(session, workspace, [number], theme)
    return number


def test_a_person_counts_once_in_a_ticket_and_again_in_the_next(
    database: Database, workspace: int, source: int
) -> None:
    with database.write(workspace=workspace) as session:
        theme = factories.theme(session, workspace, 1)
        first = placed(session, workspace, source, theme, person="ann")
        again = placed(session, workspace, source, theme, person="ann", message_id="7")
        colleague = placed(session, workspace, source, theme, person="bob", message_id="8")
        ticket = placed(session, workspace, source, theme, person="ann", external_id="T-2")
        recompute(session, workspace, theme)
        assert rows(session, theme) == {(TODAY, "all"): (3, 4, 2)}
        counted = set(session.scalars(select(FeedbackItem.id).where(FeedbackItem.counted)))
        assert counted == {first, colleague, ticket}
        assert again not in counted


def test_people_without_a_name_count_once_in_a_ticket(
    database: Database, workspace: int, source: int
) -> None:
    with database.write(workspace=workspace) as session:
        theme = factories.theme(session, workspace, 1)
        for ticket, message in (("T-1", "0"), ("T-1", "7"), ("T-2", "0")):
            placed(session, workspace, source, theme, external_id=ticket, message_id=message)
        recompute(session, workspace, theme)
        assert rows(session, theme)[TODAY, "all"] == (2, 3, 2)


def test_only_complaints_count(database: Database, workspace: int, source: int) -> None:
    with database.write(workspace=workspace) as session:
        theme = factories.theme(session, workspace, 1)
        for number, kind in enumerate((*Kind, None)):
            placed(session, workspace, source, theme, external_id=f"T-{number}", kind=kind)
        recompute(session, workspace, theme)
        assert rows(session, theme)[TODAY, "all"] == (1, 5, 1)


@pytest.mark.parametrize(("setting", "complaints"), [({}, 0), ({"count_relayed": True}, 1)])
def test_what_staff_relay_counts_only_if_the_source_says_so(
    database: Database, workspace: int, setting: dict[str, object], complaints: int
) -> None:
    with database.write(workspace=workspace) as session:
        source = factories.source(session, workspace, settings=setting)
        theme = factories.theme(session, workspace, 1)
        placed(session, workspace, source, theme, author_role=AuthorRole.AGENT)
        recompute(session, workspace, theme)
        assert rows(session, theme)[TODAY, "all"][:2] == (complaints, 1)
        totals = counts.totals(session, workspace=workspace, zone=ZONE)
        assert sum(totals.values()) == complaints


def test_a_deleted_item_is_neither_counted_nor_held(database: Database, workspace: int, source: int) -> None:
    with database.write(workspace=workspace) as session:
        theme = factories.theme(session, workspace, 1)
        number = placed(session, workspace, source, theme)
        recompute(session, workspace, theme)
        session.get_one(FeedbackItem, number).withdrawn = True
        session.flush()
        recompute(session, workspace, theme)
        assert rows(session, theme) == {}
        assert counts.totals(session, workspace=workspace, zone=ZONE) == {}


def test_a_merged_theme_has_no_counts_and_the_one_that_stands_for_it_has_both(
    database: Database, workspace: int, source: int
) -> None:
    with database.write(workspace=workspace) as session:
        old, new = (factories.theme(session, workspace, number) for number in (1, 2))
        placed(session, workspace, source, old, external_id="T-1", person="ann")
        placed(session, workspace, source, new, external_id="T-2", person="ann")
        for theme in (old, new):
            recompute(session, workspace, theme)
        assert rows(session, old)[TODAY, "all"] == rows(session, new)[TODAY, "all"] == (1, 1, 1)
        factories.merge(session, workspace, 1, 2)
        for theme in (old, new):
            recompute(session, workspace, theme)
        assert rows(session, old) == {}
        assert rows(session, new)[TODAY, "all"] == (2, 2, 1)


def test_days_end_at_midnight_of_the_workspace(database: Database, workspace: int, source: int) -> None:
    zone = ZoneInfo("Pacific/Auckland")  # 12 hours ahead in June
    with database.write(workspace=workspace) as session:
        theme = factories.theme(session, workspace, 1)
        for number, at in enumerate(
            (datetime(2026, 6, 1, 11, 59, 59, tzinfo=UTC), datetime(2026, 6, 1, 12, tzinfo=UTC))
        ):
            placed(session, workspace, source, theme, external_id=f"T-{number}", at=at)
        recompute(session, workspace, theme, date(2026, 6, 1), date(2026, 6, 2), zone=zone)
        assert rows(session, theme) == {
            (date(2026, 6, 1), "all"): (1, 1, 1),
            (date(2026, 6, 2), "all"): (1, 1, 1),
        }


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25)])
def test_a_day_on_which_clocks_change_has_another_length(day: date, hours: int) -> None:
    start, end = counts.day_bounds(day, ZoneInfo("Europe/Berlin"))
    assert end - start == timedelta(hours=hours)


def test_other_days_stay_as_they_are(database: Database, workspace: int, source: int) -> None:
    with database.write(workspace=workspace) as session:
        theme = factories.theme(session, workspace, 1)
        for number in range(3):
            placed(session, workspace, source, theme, external_id=f"T-{number}", at=factories.noon(number))
        recompute(session, workspace, theme, *(factories.day(number) for number in range(3)))
        placed(session, workspace, source, theme, external_id="T-9", at=factories.noon(1))
        recompute(session, workspace, theme, factories.day(0), factories.day(2))
        assert rows(session, theme)[factories.day(1), "all"] == (1, 1, 1)
        recompute(session, workspace, theme, factories.day(1))
        assert rows(session, theme)[factories.day(1), "all"] == (2, 2, 2)


def test_plans_are_counted_beside_the_whole(database: Database, workspace: int, source: int) -> None:
    with database.write(workspace=workspace) as session:
        theme = factories.theme(session, workspace, 1)
        for number, plan in enumerate(("free", "free", "team", None)):
            placed(session, workspace, source, theme, external_id=f"T-{number}", plan=plan)
        recompute(session, workspace, theme)
        found = {segment: row for (_, segment), row in rows(session, theme).items()}
        assert {segment: row[0] for segment, row in found.items()} == {
            "all": 4,
            "plan:free": 2,
            "plan:team": 1,
        }
        assert counts.daily_of(session, workspace=workspace, theme=theme, segment="plan:free") == (
            {TODAY: 2},
            {TODAY: 2},
        )
        assert counts.daily(session, workspace=workspace, segment="plan:team") == {theme: {TODAY: 1}}
        assert counts.totals(session, workspace=workspace, zone=ZONE, segment="plan:free") == {TODAY: 2}


def test_an_item_that_left_its_theme_is_not_counted_there(
    database: Database, workspace: int, source: int
) -> None:
    with database.write(workspace=workspace) as session:
        theme = factories.theme(session, workspace, 1)
        number = placed(session, workspace, source, theme)
        factories.theme(session, workspace, 2)
        recompute(session, workspace, theme)
        theme_stream.leave_stream(session, workspace=workspace, items=[number], revision=2)
        session.expire_all()
        recompute(session, workspace, theme)
        assert rows(session, theme) == {}


def test_marking_asks_once_for_each_theme_and_day(database: Database, workspace: int) -> None:
    with database.write(workspace=workspace) as session:
        pairs = [(1, NOON), (1, NOON + timedelta(hours=1)), (1, factories.noon(1)), (2, NOON)]
        counts.mark(session, workspace=workspace, pairs=pairs, zone=ZONE, now=NOON)
        asked = session.scalars(select(Work).where(Work.stage == Job.COUNT).order_by(Work.id)).all()
        assert [(row.subject, date.fromordinal(row.version)) for row in asked] == [
            (1, TODAY),
            (1, factories.day(1)),
            (2, TODAY),
        ]


def test_totals_hold_complaints_without_a_theme_too(database: Database, workspace: int, source: int) -> None:
    with database.write(workspace=workspace) as session:
        factories.item(session, workspace, source, person="ann")
        factories.item(session, workspace, source, person="ann", message_id="7")
        factories.item(session, workspace, source, external_id="T-2", at=factories.noon(1))
        factories.item(session, workspace, source, external_id="T-3", kind=Kind.PRAISE)
        assert counts.totals(session, workspace=workspace, zone=ZONE) == {TODAY: 1, factories.day(1): 1}
