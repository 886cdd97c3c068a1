"""What each source covers, and its complaints by theme and day."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from models.database import Database, Session
from models.errors import NotFound
from models.queries import counts, coverage, pulls, silence, withdrawals
from models.queries.pulls import PullDraft
from models.records import Source
from models.sealing import Keyring
from models.sources.rhythm import Mark
from models.values.coverage import Span
from models.values.kinds import Kind
from tests import factories
from tests.clock import NOON
from tests.query_world import ZONE

TODAY = NOON.date()


def spans(session: Session, workspace: int, zone: ZoneInfo = ZONE, until: date = TODAY) -> dict[str, Span]:
    found = coverage.spans(session, workspace=workspace, zone=zone, until=until)
    return {each.name: each.span for each in found}


def source(
    session: Session, workspace: int, name: str, *, days: list[int], secret: str | None = None, made: int = 0
) -> int:
    """Add a source that was connected `made` days after today, with tickets of some days."""
    found = factories.source(session, workspace, name=name, secret=secret)
    session.get_one(Source, found).created_at = factories.noon(made)
    for number, day in enumerate(days):
        factories.item(session, workspace, found, external_id=f"{name}-{number}", at=factories.noon(day))
    return found


def test_a_file_covers_the_days_from_its_first_ticket_to_its_last(database: Database, workspace: int) -> None:
    with database.write(workspace=workspace) as session:
        source(session, workspace, "file", days=[-9, -30, -3])
        source(session, workspace, "empty", days=[])
        found = spans(session, workspace)
    assert found == {"file": Span(factories.day(-30), factories.day(-2))}


def test_what_goes_on_covers_from_its_connection_or_its_first_ticket_without_an_end(
    database: Database, workspace: int
) -> None:
    other = factories.workspace(database, name="other")
    with database.write(workspace=other) as session:
        source(session, other, "theirs", days=[1], secret="x")
    with database.write(workspace=workspace) as session:
        source(session, workspace, "slow", days=[-4], secret="x", made=-40)
        source(session, workspace, "fetched", days=[-90, -4], secret="x", made=-40)
        found = spans(session, workspace)
    assert found == {"slow": Span(factories.day(-40)), "fetched": Span(factories.day(-90))}


def test_a_source_that_is_pulled_covers_the_time_since_which_it_is(
    database: Database, workspace: int
) -> None:
    with database.write(workspace=workspace) as session:
        desk = source(session, workspace, "desk", days=[-4], secret="x", made=-5)
        draft = PullDraft("acme", None, None, "token", 60, factories.noon(-100))
        pulls.put_pull(session, workspace=workspace, source=desk, draft=draft, keys=Keyring(), now=NOON)
        assert spans(session, workspace) == {"desk": Span(factories.day(-100))}


def test_stray_old_tickets_of_a_new_source_do_not_count_as_history(
    database: Database, workspace: int
) -> None:
    with database.write(workspace=workspace) as session:
        source(session, workspace, "desk", days=[-400, -200, *range(-30, 0)], secret="x", made=-30)
        source(session, workspace, "fetched", days=[*range(-120, 0, 2)], secret="x", made=-60)
        found = spans(session, workspace)
    assert found == {"desk": Span(factories.day(-30)), "fetched": Span(factories.day(-120))}


def test_days_are_those_of_the_workspaces_time_zone(database: Database, workspace: int) -> None:
    with database.write(workspace=workspace) as session:
        made = factories.source(session, workspace, name="file", secret=None)
        for number, at in enumerate(
            (datetime(2026, 1, 1, 23, tzinfo=ZONE), datetime(2026, 2, 1, 12, tzinfo=ZONE))
        ):
            factories.item(session, workspace, made, external_id=f"T-{number}", at=at)
        found = spans(session, workspace, ZoneInfo("Europe/Berlin"))
    assert found == {"file": Span(date(2026, 1, 2), date(2026, 2, 2))}


def test_a_deleted_record_that_nobody_saw_is_no_ticket(database: Database, workspace: int) -> None:
    with database.write(workspace=workspace) as session:
        made = source(session, workspace, "file", days=[-9])
        withdrawals.withdraw(
            session, workspace=workspace, source=made, external_id="gone", message_id=None, is_redaction=False,
            changed_at=NOON, now=NOON,
        )  # fmt: skip
        assert spans(session, workspace) == {"file": Span(factories.day(-9), factories.day(-8))}


def test_a_retired_source_ends_and_its_silence_from_then_on_is_none(
    database: Database, workspace: int
) -> None:
    with database.write(workspace=workspace) as session:
        made = source(session, workspace, "desk", days=[-9], secret="x", made=-50)
        silent = {factories.day(number): Mark(9.0, is_firm=True) for number in (-8, -7, -6)}
        silence.write_marks(session, workspace=workspace, source=made, wanted=silent, now=NOON)
        at = factories.noon(-7)
        row = coverage.put_retirement(session, workspace=workspace, source=made, at=at, now=NOON)
        assert not silence.is_expected(row)
        assert spans(session, workspace) == {"desk": Span(factories.day(-50), factories.day(-7))}
        assert list(silence.marks(session, workspace=workspace, source=made)) == [factories.day(-8)]
        row = coverage.put_retirement(session, workspace=workspace, source=made, at=None, now=NOON)
        assert silence.is_expected(row)
        assert spans(session, workspace) == {"desk": Span(factories.day(-50))}
        with pytest.raises(NotFound):
            coverage.put_retirement(session, workspace=workspace, source=made + 1, at=at, now=NOON)


def test_complaints_are_told_by_theme_source_and_day_as_the_daily_counts_have_them(
    database: Database, workspace: int
) -> None:
    with database.write(workspace=workspace) as session:
        desk, mail = (source(session, workspace, name, days=[]) for name in ("desk", "mail"))
        theme, merged = factories.theme(session, workspace, 1), 0
        merged = factories.theme(session, workspace, 2, into=theme)
        made = [
            factories.item(
                session, workspace, of, external_id=f"T-{number}", at=factories.noon(day), kind=kind
            )
            for number, (of, day, kind) in enumerate(
                [
                    (desk, 0, Kind.COMPLAINT),
                    (desk, 0, Kind.PRAISE),
                    (mail, 0, Kind.COMPLAINT),
                    (mail, 1, Kind.COMPLAINT),
                    (mail, -9, Kind.COMPLAINT),
                    (mail, 1, Kind.COMPLAINT),
                ]
            )
        ]
        factories.assign(session, workspace, made[:3], theme)
        factories.assign(session, workspace, made[3:5], merged)
        days = {factories.day(number) for number in (-9, 0, 1)}
        counts.recompute(session, workspace=workspace, theme=theme, days=days, zone=ZONE)
        asked = {"workspace": workspace, "since": TODAY - timedelta(days=1), "zone": ZONE}
        found = coverage.complaints_of(session, **asked, sources={mail})
        both = coverage.complaints_of(session, **asked, sources={desk, mail})
        stored = counts.daily(session, workspace=workspace)[theme]
        totals = counts.totals(session, workspace=workspace, zone=ZONE)
    day, next_day = TODAY, TODAY + timedelta(days=1)
    assert found == {theme: {mail: {day: 1, next_day: 1}}, 0: {mail: {day: 1, next_day: 2}}}
    for key, whole in ((theme, stored), (0, totals)):
        for each in (day, next_day):
            assert sum(by_day.get(each, 0) for by_day in both[key].values()) == whole[each]
