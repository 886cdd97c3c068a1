"""Stage `measure`: sources that begin or end within the weeks of a release: never read as complaints that rose or fell."""

from datetime import datetime, timedelta

import numpy as np
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import update

from models.database import Database
from models.queries import counts, impact, silence
from models.records import Assignment, FeedbackItem, Source, Verdict
from models.values.feedback import AuthorRole
from models.values.kinds import Kind
from models.values.verdicts import Word
from tests import factories
from tests.clock import NOON, Clock
from tests.query_world import ZONE
from tests.steps import walk
from tests.workers.test_measure import confirm, latest, verdicts
from workers.context import Context
from workers.watch import watch

FIRST = NOON - timedelta(weeks=30)
END = NOON + timedelta(weeks=9)
DAILY = 4.0
CHANGES = (Word.FELL, Word.ROSE, Word.UNCHANGED)


@pytest.fixture
def theme(context: Context, workspace: int) -> int:
    """A theme linked beforehand to a release at noon today."""
    with context.database.write(workspace=workspace) as session:
        made = factories.theme(session, workspace, 1)
        factories.release(session, workspace)
        factories.feature(session, workspace, of="1.0")
    confirm(context, workspace, made, at=NOON - timedelta(days=3))
    return made


@pytest.fixture
def desk(context: Context, workspace: int) -> int:
    """A source that goes on, connected before everything."""
    return source_of(context.database, workspace, "desk", since=FIRST)


def source_of(database: Database, workspace: int, name: str, *, since: datetime | None) -> int:
    """Add a source that was connected then; None: one that was filled from a file."""
    secret = None if since is None else factories.SECRET
    with database.write(workspace=workspace) as session:
        made = factories.source(session, workspace, name=name, secret=secret)
        session.get_one(Source, made).created_at = since or NOON
        return made


def complain(
    database: Database,
    workspace: int,
    source: int,
    theme: int,
    *,
    daily: float = DAILY,
    start: datetime = FIRST,
    end: datetime = END,
    seed: int = 1,
) -> int:
    """Store so many complaints of a source on a theme a day, and count them; return how many came."""
    rng = np.random.default_rng(seed)
    days = [start + timedelta(days=number) for number in range((end - start).days)]
    moments = [day for day in days for _ in range(int(rng.poisson(daily)))]
    with database.write(workspace=workspace) as session:
        rows = [
            FeedbackItem(
                workspace_id=workspace, source_id=source, external_id=f"{theme}-{number}-{at:%y%m%d}",
                message_id="0", created_at=at, ticket_created_at=at, updated_at=at, changed_at=at, text="x",
                language="en", removed=[], author_role=AuthorRole.CUSTOMER, kind=Kind.COMPLAINT,
            )
            for number, at in enumerate(moments)
        ]  # fmt: skip
        session.add_all(rows)
        session.flush()
        session.add_all(
            Assignment(workspace_id=workspace, item_id=row.id, theme_id=theme, from_revision=1, score=1.0)
            for row in rows
        )
        session.flush()
        counts.recompute(
            session, workspace=workspace, theme=theme, days={at.date() for at in moments}, zone=ZONE
        )
    return len(moments)


def judge(context: Context, workspace: int, theme: int, clock: Clock) -> Verdict:
    """Judge the release anew at its last look, and return what is said of the theme."""
    clock.now = max(clock.now, END + timedelta(days=4))
    with context.database.write(workspace=workspace) as session:
        impact.mark_releases(session, workspace=workspace, since=FIRST.date(), now=clock.now)
    walk(context)
    return latest(context, workspace, theme)


def go_on(context: Context, workspace: int, source: int) -> None:
    """Take a source for one that has always been there and goes on."""
    values = {"stored_secret": factories.SECRET, "created_at": FIRST}
    with context.database.write(workspace=workspace) as session:
        session.execute(update(Source).where(Source.id == source).values(values))


def said(row: Verdict, code: str) -> list[str]:
    return [str(check["sentence"]) for check in row.checks if check["code"] == code]


@pytest.mark.parametrize(("weeks", "until"), [(1, "2026-06-07"), (3, "2026-06-21")])
def test_a_file_that_ends_soon_after_the_release_is_no_fall(
    context: Context, workspace: int, theme: int, desk: int, clock: Clock, weeks: int, until: str
) -> None:
    history = source_of(context.database, workspace, "history", since=None)
    end = NOON + timedelta(weeks=weeks)
    complain(context.database, workspace, history, theme, end=end)
    complain(context.database, workspace, desk, theme, daily=1.0, seed=2)
    row = judge(context, workspace, theme, clock)
    assert row.word is Word.CANNOT_TELL
    assert "source_gap" in row.reasons
    (sentence,) = said(row, "coverage")
    assert f"history (from 2025-11-03 until {until})" in sentence
    assert not [each for each in verdicts(context, workspace, theme) if each.word in CHANGES]
    # It is the file's end that holds it back: of a source that goes on the same tickets are a fall.
    go_on(context, workspace, history)
    row = judge(context, workspace, theme, clock)
    assert row.effect is not None
    assert row.effect < 0.7
    assert row.word is (Word.FELL if weeks == 1 else Word.INCONCLUSIVE)


def test_a_file_that_ends_a_day_before_the_others_is_nothing_to_tell_before_a_look_is_due(
    context: Context, workspace: int, theme: int, desk: int, clock: Clock
) -> None:
    history = source_of(context.database, workspace, "history", since=None)
    complain(context.database, workspace, history, theme, end=NOON + timedelta(days=9))
    complain(context.database, workspace, desk, theme, daily=1.0, end=NOON + timedelta(days=10), seed=2)
    clock.now = NOON + timedelta(days=14)
    walk(context)
    row = latest(context, workspace, theme)
    assert row.word is Word.TOO_EARLY
    assert not {"source_gap", "source_left_out"} & set(row.reasons)
    assert said(row, "coverage") == []


@pytest.mark.parametrize("is_file", [True, False])
def test_a_source_that_begins_at_the_release_is_no_rise(
    context: Context, workspace: int, theme: int, desk: int, clock: Clock, is_file: bool
) -> None:
    reviews = source_of(context.database, workspace, "reviews", since=None if is_file else NOON)
    complain(context.database, workspace, desk, theme)
    complain(context.database, workspace, reviews, theme, start=NOON, seed=2)
    row = judge(context, workspace, theme, clock)
    assert row.word is Word.CANNOT_TELL
    assert "source_gap" in row.reasons
    (sentence,) = said(row, "coverage")
    assert "reviews (from 2026-06-01" in sentence
    assert not [each for each in verdicts(context, workspace, theme) if each.word in CHANGES]
    go_on(context, workspace, reviews)
    assert judge(context, workspace, theme, clock).word is Word.ROSE


def test_old_tickets_that_a_new_source_brings_along_do_not_make_it_an_old_one(
    context: Context, workspace: int, theme: int, desk: int, clock: Clock
) -> None:
    mail = source_of(context.database, workspace, "mail", since=NOON)
    complain(context.database, workspace, desk, theme)
    complain(context.database, workspace, mail, theme, start=NOON, seed=2)
    complain(context.database, workspace, mail, theme, daily=0.1, end=NOON, seed=3)
    assert judge(context, workspace, theme, clock).word is Word.CANNOT_TELL
    go_on(context, workspace, mail)
    assert judge(context, workspace, theme, clock).word is Word.ROSE


@pytest.mark.parametrize(("after", "word"), [(0.3, Word.FELL), (3.0, Word.ROSE)])
def test_sources_that_cover_all_of_it_are_judged_as_ever(
    context: Context, workspace: int, theme: int, desk: int, clock: Clock, after: float, word: Word
) -> None:
    """A file and a source that goes on, both there before and after; a second theme begins late."""
    history = source_of(context.database, workspace, "history", since=None)
    for number, source in enumerate((desk, history)):
        complain(context.database, workspace, source, theme, end=NOON, seed=number)
        complain(
            context.database, workspace, source, theme, daily=DAILY * after, start=NOON, seed=10 + number
        )
    with context.database.write(workspace=workspace) as session:
        late = factories.theme(session, workspace, 2)
    complain(context.database, workspace, desk, late, start=NOON - timedelta(weeks=2), seed=3)
    row = judge(context, workspace, theme, clock)
    assert row.word is word
    assert not {"source_gap", "source_left_out"} & set(row.reasons)
    assert said(row, "coverage") == []


def test_a_theme_that_is_new_is_not_a_source_that_is_new(
    context: Context, workspace: int, theme: int, desk: int, clock: Clock
) -> None:
    with context.database.write(workspace=workspace) as session:
        other = factories.theme(session, workspace, 2)
    complain(context.database, workspace, desk, other)
    complain(context.database, workspace, desk, theme, start=NOON - timedelta(weeks=2), seed=2)
    row = judge(context, workspace, theme, clock)
    assert "source_gap" not in row.reasons
    assert said(row, "coverage") == []


@pytest.mark.parametrize("after", [0.3, 1.0])
def test_a_small_new_source_is_left_out_and_the_others_are_judged(
    context: Context, workspace: int, theme: int, desk: int, clock: Clock, after: float
) -> None:
    complain(context.database, workspace, desk, theme, end=NOON)
    complain(context.database, workspace, desk, theme, daily=DAILY * after, start=NOON, seed=4)
    alone = judge(context, workspace, theme, clock)
    form = source_of(context.database, workspace, "form", since=NOON)
    complain(context.database, workspace, form, theme, daily=DAILY / 10, start=NOON, seed=5)
    row = judge(context, workspace, theme, clock)
    assert (row.word, row.effect, row.observed) == (alone.word, alone.effect, alone.observed)
    assert (row.word is Word.FELL) is (after < 1)
    assert "source_left_out" in row.reasons
    assert said(row, "coverage") == [
        "Left out, because they do not cover the time compared: form (from 2026-06-01)."
    ]
    assert row.restates_id == alone.id


def test_a_retired_source_is_no_fall(
    context: Context, workspace: int, theme: int, desk: int, clock: Clock, client: TestClient
) -> None:
    old = source_of(context.database, workspace, "old", since=FIRST)
    complain(context.database, workspace, old, theme, end=NOON + timedelta(days=3))
    complain(context.database, workspace, desk, theme, daily=1.0, seed=2)
    # Of a source that is still expected to deliver, and that nobody has watched, it would be one.
    assert judge(context, workspace, theme, clock).word is Word.FELL
    path = f"/v1/sources/src_{old}/retirement"
    answer = client.put(path, json={"at": (NOON + timedelta(days=3)).isoformat()})
    assert answer.json()["retired_at"] == "2026-06-04T12:00:00Z"
    walk(context)
    row = latest(context, workspace, theme)
    assert row.word is Word.CANNOT_TELL
    assert "source_gap" in row.reasons
    assert "old (from 2025-11-03 until 2026-06-03)" in said(row, "coverage")[0]
    assert client.get(f"/v1/sources/src_{old}/health").json()["silence"]["state"] == "ended"
    assert client.delete(path).json()["retired_at"] is None
    walk(context)
    assert latest(context, workspace, theme).word is Word.FELL
    tomorrow = (clock.now + timedelta(days=1)).isoformat()
    assert client.put(path, json={"at": tomorrow}).status_code == 422


def test_a_source_that_is_retired_after_its_silence_was_told_is_no_fall_either(
    context: Context, workspace: int, theme: int, desk: int, clock: Clock, client: TestClient
) -> None:
    old = source_of(context.database, workspace, "old", since=FIRST)
    complain(context.database, workspace, old, theme, end=NOON + timedelta(days=3))
    complain(context.database, workspace, desk, theme, daily=1.0, seed=2)
    clock.now = END
    watch(context, workspace)
    assert [alert["subject"] for alert in client.get("/v1/alerts").json()["items"]] == [f"src_{old}"]
    assert judge(context, workspace, theme, clock).word is Word.CANNOT_TELL
    assert client.put(f"/v1/sources/src_{old}/retirement", json={}).status_code == 200
    clock.advance(weeks=50)
    watch(context, workspace)
    silent = [alert["subject"] for alert in client.get("/v1/alerts").json()["items"]]
    assert silent == [f"src_{desk}"]  # of which nothing came since either
    assert judge(context, workspace, theme, clock).word is Word.CANNOT_TELL


def test_a_source_that_is_gone_for_a_year_and_that_nobody_retired_is_no_fall(
    context: Context, workspace: int, theme: int, desk: int, clock: Clock
) -> None:
    """It stays silent after the weeks in which silences are looked for."""
    old = source_of(context.database, workspace, "old", since=FIRST)
    complain(context.database, workspace, old, theme, end=NOON + timedelta(days=3))
    complain(context.database, workspace, desk, theme, daily=1.0, seed=2)
    for weeks in (9, 30, 60):
        clock.now = NOON + timedelta(weeks=weeks)
        watch(context, workspace)
        assert judge(context, workspace, theme, clock).word is Word.CANNOT_TELL
    with context.database.read(workspace=workspace) as session:
        days = silence.marks(session, workspace=workspace, source=old)
    assert len(days) > 400


def test_a_new_source_of_other_themes_does_not_lift_what_a_theme_is_compared_with(
    context: Context, workspace: int, theme: int, desk: int, clock: Clock
) -> None:
    with context.database.write(workspace=workspace) as session:
        other = factories.theme(session, workspace, 2)
    complain(context.database, workspace, desk, theme)
    complain(context.database, workspace, desk, other, seed=2)
    alone = judge(context, workspace, theme, clock)
    assert alone.word is not Word.FELL
    reviews = source_of(context.database, workspace, "reviews", since=NOON)
    complain(context.database, workspace, reviews, other, daily=4 * DAILY, start=NOON, seed=3)
    row = judge(context, workspace, theme, clock)
    assert row.word is alone.word
    # Of the control too much would have to be left out: it is done without.
    assert "control_missing" in row.reasons
    assert "control_moved" not in row.reasons
    go_on(context, workspace, reviews)
    assert "control_moved" in judge(context, workspace, theme, clock).reasons


def test_all_complaints_together_are_held_to_the_same_sources(
    context: Context, workspace: int, desk: int, clock: Clock
) -> None:
    with context.database.write(workspace=workspace) as session:
        theme = factories.theme(session, workspace, 1)
        factories.release(session, workspace)
    reviews = source_of(context.database, workspace, "reviews", since=NOON)
    complain(context.database, workspace, desk, theme)
    complain(context.database, workspace, reviews, theme, start=NOON, seed=2)
    assert judge(context, workspace, impact.TOTAL, clock).word is Word.CANNOT_TELL
    go_on(context, workspace, reviews)
    assert judge(context, workspace, impact.TOTAL, clock).word is Word.ROSE
