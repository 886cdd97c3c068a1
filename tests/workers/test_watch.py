"""Watching sources: one alert for a silence, days marked until their tickets arrive, and verdicts that wait."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select

from models.database import Database
from models.jobs import Chore
from models.queries import alerts, deliveries, silence
from models.records import Alert, FeedbackItem, SourceSilence
from models.values.feedback import AuthorRole
from models.values.kinds import Kind
from models.values.verdicts import Word
from tests import factories
from tests.clock import NOON, Clock
from tests.steps import walk
from tests.workers.test_measure import confirm, fill, latest
from workers.context import Context
from workers.schedule import run_chore
from workers.watch import watch

WEEKS = 12


def tickets_of(
    context: Context, workspace: int, source: int, *, start: datetime, end: datetime, daily: int = 6
) -> list[int]:
    """Store so many tickets a day, spread over the hours from 8 to 18, without any work for the stages."""
    rng = np.random.default_rng(int(start.timestamp()))
    days = range((end - start.replace(hour=0)).days + 1)
    moments = [
        start.replace(hour=8) + timedelta(days=day, minutes=int(rng.integers(600)))
        for day in days
        for _ in range(daily)
    ]
    rows = [
        FeedbackItem(
            workspace_id=workspace, source_id=source, external_id=f"T-{at:%m%d%H}-{number}", message_id="0",
            created_at=at, ticket_created_at=at, updated_at=at, changed_at=at, text="x", language="en",
            removed=[], author_role=AuthorRole.CUSTOMER, kind=Kind.COMPLAINT,
        )
        for number, at in enumerate(moments)
        if start <= at < end
    ]  # fmt: skip
    with context.database.write(workspace=workspace) as session:
        session.add_all(rows)
        session.flush()
        return [row.id for row in rows]


@pytest.fixture
def source(context: Context, workspace: int) -> int:
    """A source with twelve weeks of tickets until noon today."""
    with context.database.write(workspace=workspace) as session:
        made = factories.source(session, workspace)
    tickets_of(context, workspace, made, start=NOON - timedelta(weeks=WEEKS), end=NOON)
    return made


def told(database: Database, workspace: int) -> list[Alert]:
    with database.read(workspace=workspace) as session:
        return alerts.list_alerts(session, workspace=workspace, is_open=None)


def marked(database: Database, workspace: int, source: int) -> list[int]:
    """Return the incomplete days, as numbers of days after today."""
    with database.read(workspace=workspace) as session:
        days = silence.marks(session, workspace=workspace, source=source)
    return [(day - NOON.date()).days for day in days]


def test_a_silent_source_raises_one_alert_that_closes_by_itself(
    context: Context, workspace: int, source: int, clock: Clock
) -> None:
    watch(context, workspace)
    assert told(context.database, workspace) == []
    clock.advance(days=3)
    for _ in range(3):
        watch(context, workspace)
        clock.advance(minutes=15)
    (alert,) = told(context.database, workspace)
    assert (alert.subject, alert.kind, alert.closed_at) == (f"src_{source}", alerts.SILENT, None)
    assert NOON - timedelta(hours=3) < alert.since <= NOON
    assert "desk has brought no new ticket since" in alert.reason
    assert "is its webhook switched off?" in alert.reason
    # Of the last day so little has passed that its tickets may still come.
    assert marked(context.database, workspace, source) == [0, 1, 2]

    resumed = clock.now
    tickets_of(context, workspace, source, start=resumed, end=resumed + timedelta(days=1))
    clock.advance(days=1)
    watch(context, workspace)
    (alert,) = told(context.database, workspace)
    assert alert.closed_at == clock.now
    # The days remain incomplete.
    assert {0, 1, 2} <= set(marked(context.database, workspace, source))
    # The next silence is an alert of its own.
    clock.advance(days=4)
    watch(context, workspace)
    assert [row.closed_at is None for row in told(context.database, workspace)] == [True, False]


def test_a_declared_holiday_is_no_silence_also_after_the_fact(
    context: Context, workspace: int, source: int, clock: Clock, client: TestClient
) -> None:
    clock.advance(days=3)
    watch(context, workspace)
    assert marked(context.database, workspace, source) == [0, 1, 2]
    assert client.get("/v1/alerts").json()["items"]
    holidays = {
        "kind": "holiday",
        "title": "Midsummer",
        "starts_at": "2026-06-01T00:00:00Z",
        "ends_at": "2026-06-05T00:00:00Z",
    }
    assert client.post("/v1/events", json=holidays).status_code == 201
    watch(context, workspace)
    assert marked(context.database, workspace, source) == []
    assert client.get("/v1/alerts").json()["items"] == []
    health = client.get(f"/v1/sources/src_{source}/health").json()
    assert (health["silence"]["state"], health["silence"]["incomplete_days"]) == ("ordinary", [])
    # On the fifth it should be there again.
    clock.advance(days=3)
    watch(context, workspace)
    assert marked(context.database, workspace, source) == [4, 5]
    assert len(client.get("/v1/alerts").json()["items"]) == 1


def test_a_silence_after_a_single_ticket_is_another_one(
    context: Context, workspace: int, source: int, clock: Clock
) -> None:
    clock.advance(days=3)
    watch(context, workspace)
    first = clock.now
    tickets_of(context, workspace, source, start=first, end=first + timedelta(hours=5))
    clock.advance(days=4)
    watch(context, workspace)
    newer, older = told(context.database, workspace)
    assert (older.closed_at, newer.closed_at) == (clock.now, None)
    assert older.since < first <= newer.since


def test_late_tickets_make_days_complete_again(
    context: Context, workspace: int, source: int, clock: Clock
) -> None:
    clock.advance(days=4)
    watch(context, workspace)
    assert marked(context.database, workspace, source) == [0, 1, 2, 3]
    tickets_of(context, workspace, source, start=NOON, end=NOON + timedelta(days=2))
    watch(context, workspace)
    days = marked(context.database, workspace, source)
    assert 0 not in days
    assert 3 in days
    tickets_of(context, workspace, source, start=NOON + timedelta(days=2), end=clock.now)
    watch(context, workspace)
    assert marked(context.database, workspace, source) == []
    assert [row.closed_at is not None for row in told(context.database, workspace)] == [True]


def test_what_waits_to_be_read_is_no_silence(
    context: Context, workspace: int, source: int, clock: Clock
) -> None:
    clock.advance(days=4)
    with context.database.write(workspace=workspace) as session:
        deliveries.record(session, drafts=[factories.delivery(workspace, source, b"{}", at=clock.now)])
    watch(context, workspace)
    assert told(context.database, workspace) == []


def test_the_reason_says_what_may_be_behind_it(
    context: Context, workspace: int, source: int, clock: Clock
) -> None:
    with context.database.write(workspace=workspace) as session:
        at = clock.advance(days=2)
        body = b'{"id": "T-old", "action": "update_status", "status": "solved"}'
        deliveries.record(session, drafts=[factories.delivery(workspace, source, body, at=at)])
    walk(context)
    clock.advance(days=1)
    watch(context, workspace)
    assert "without a new ticket in them" in told(context.database, workspace)[0].reason

    with context.database.write(workspace=workspace) as session:
        alerts.close_alert(
            session, workspace=workspace, subject=f"src_{source}", kind=alerts.SILENT, now=clock.now
        )
        deliveries.count_rejected(
            session, workspace=workspace, source=source, reason="the signature is wrong.", now=clock.now
        )
    watch(context, workspace)
    assert "refused since: the signature is wrong." in told(context.database, workspace)[0].reason


def test_a_file_is_never_silent_and_other_workspaces_are_left_alone(
    context: Context, workspace: int, database: Database, clock: Clock
) -> None:
    with context.database.write(workspace=workspace) as session:
        made = factories.source(session, workspace, secret=None)
    tickets_of(context, workspace, made, start=NOON - timedelta(weeks=WEEKS), end=NOON)
    other = factories.workspace(database)
    clock.advance(days=9)
    assert run_chore(context, Chore.WATCH, announce=lambda _: None)
    assert told(context.database, workspace) == told(context.database, other) == []
    assert marked(context.database, workspace, made) == []


def test_two_watchers_raise_one_alert(context: Context, workspace: int, source: int, clock: Clock) -> None:
    clock.advance(days=4)
    for _ in range(2):
        with context.database.write(workspace=workspace) as session:
            alerts.open_alert(
                session, workspace=workspace, subject=f"src_{source}", kind=alerts.SILENT, reason="x",
                since=NOON, now=clock.now,
            )  # fmt: skip
    watch(context, workspace)
    assert len(told(context.database, workspace)) == 1


# --- verdicts -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("share", "gaps"), [(1.0, True), (0.2, True), (0.05, False)])
def test_a_theme_is_incomplete_if_the_silent_source_carries_a_tenth_of_it(
    context: Context, workspace: int, source: int, clock: Clock, share: float, gaps: bool
) -> None:
    with context.database.write(workspace=workspace) as session:
        second = factories.source(session, workspace, name="second")
    own = tickets_of(
        context, workspace, second, start=NOON - timedelta(weeks=WEEKS), end=NOON + timedelta(days=9)
    )
    with context.database.write(workspace=workspace) as session:
        theme = factories.theme(session, workspace, 1)
        query = select(FeedbackItem.id).where(FeedbackItem.source_id == source).order_by(FeedbackItem.id)
        silent = list(session.scalars(query))
        wanted = int(100 * share)
        factories.assign(
            session, workspace, silent[-wanted:] + own[-200 : -100 - wanted or None][: 100 - wanted], theme
        )
    clock.advance(days=9)
    watch(context, workspace)
    with context.database.read(workspace=workspace) as session:
        assert session.scalar(select(func.count(SourceSilence.id))) == 9
        found = silence.gaps(session, workspace=workspace)
        alone = silence.gaps(session, workspace=workspace, theme=theme)
    assert bool(found.of(theme)) is gaps
    assert alone.of(theme) == found.of(theme)
    assert len(found.total) == 9  # it carries half of all
    assert found.sources(theme) == ({"desk"} if gaps else set())


def test_a_source_that_dies_at_the_release_is_no_fall(
    context: Context, workspace: int, source: int, clock: Clock
) -> None:
    """The same counts are a fall where the source was heard, and cannot be told where it was silent."""
    with context.database.write(workspace=workspace) as session:
        theme = factories.theme(session, workspace, 1)
        items = list(session.scalars(select(FeedbackItem.id)))
        factories.assign(session, workspace, items, theme)
        factories.release(session, workspace)
        factories.feature(session, workspace, of="1.0")
        end = NOON + timedelta(weeks=20)
        lone = factories.source(session, workspace, name="lone")
        factories.item(session, workspace, lone, external_id="last", at=end)
        factories.item(session, workspace, lone, external_id="first", at=NOON - timedelta(weeks=40))
    fill(context.database, workspace, theme, rate=3.0, seed=1, after=0.1)
    confirm(context, workspace, theme, at=NOON - timedelta(days=3))
    clock.advance(weeks=12)
    walk(context)
    assert latest(context, workspace, theme).word is Word.FELL
    watch(context, workspace)
    walk(context)
    row = latest(context, workspace, theme)
    assert row.word is Word.CANNOT_TELL
    assert "source_gap" in row.reasons
    (check,) = [check for check in row.checks if check["code"] == "silence"]
    assert check["passed"] is False
    assert "because a source was silent: desk" in str(check["sentence"])
    # Its tickets are fetched after all: the fall is told.
    tickets_of(context, workspace, source, start=NOON, end=clock.now)
    watch(context, workspace)
    walk(context)
    row = latest(context, workspace, theme)
    assert row.word is Word.FELL
    assert "silence" not in [check["code"] for check in row.checks]
    assert row.created_at > datetime(2026, 6, 1, tzinfo=UTC)
