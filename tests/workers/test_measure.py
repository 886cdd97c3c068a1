"""Stage `measure`: words at their looks, guards, planned readings, late data that restate."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta

import numpy as np
import pytest
from sqlalchemy import select, update

from models.database import Database
from models.jobs import Job, WorkState
from models.queries import exposure, goals, impact, links, products
from models.records import (
    Assignment,
    DailyCount,
    FeedbackItem,
    Link,
    LinkState,
    Release,
    Source,
    Verdict,
    Work,
)
from models.values.kinds import Kind
from models.values.verdicts import Word
from tests import factories
from tests.clock import NOON, Clock
from tests.steps import unfinished, walk
from workers.context import Context
from workers.progress import NAMES

FIRST = NOON - timedelta(weeks=40)


def days_until(until: datetime) -> int:
    return (until - FIRST).days


@pytest.fixture
def world(context: Context, workspace: int) -> tuple[int, int, int]:
    """Two themes with a steady rate until tomorrow, and a release at noon today: (release, theme, other)."""
    with context.database.write(workspace=workspace) as session:
        source = factories.source(session, workspace)
        theme, other = (factories.theme(session, workspace, number) for number in (1, 2))
        for number in (0, 1):  # the data reach from the first day to the last
            factories.item(
                session,
                workspace,
                source,
                external_id=f"T-{number}",
                at=(FIRST, NOON + timedelta(weeks=20))[number],
                kind=Kind.PRAISE,
            )
        release = factories.release(session, workspace)
        factories.feature(session, workspace, of="1.0")
    fill(context.database, workspace, theme, rate=3.0, seed=1)
    fill(context.database, workspace, other, rate=5.0, seed=2)
    return release, theme, other


def fill(
    database: Database,
    workspace: int,
    theme: int,
    *,
    rate: float,
    seed: int,
    after: float = 1.0,
    weeks: int = 60,
) -> None:
    """Lay out daily counts from the first day on; from the release on at `after` times the rate."""
    rng = np.random.default_rng(seed)
    with database.write(workspace=workspace) as session:
        for number in range(weeks * 7):
            day = FIRST.date() + timedelta(days=number)
            count = int(rng.poisson(rate * (after if day > NOON.date() else 1.0)))
            session.add(
                DailyCount(
                    workspace_id=workspace, theme_id=theme, day=day, segment="all", complaints=count,
                    items=count, people=count,
                )
            )  # fmt: skip


def confirm(context: Context, workspace: int, theme: int, *, at: datetime = NOON, feature: int = 1) -> int:
    with context.database.write(workspace=workspace) as session:
        return links.add(session, workspace=workspace, theme=theme, feature=feature, actor="mira", now=at).id


def expose(context: Context, workspace: int, *, value: float = 900.0, day: date | None = None) -> None:
    first = FIRST.date()
    values: Mapping[tuple[date, str], float] = (
        {(day, "all"): value}
        if day
        else {(first + timedelta(days=number), "all"): value for number in range(60 * 7)}
    )
    with context.database.write(workspace=workspace) as session:
        exposure.put_exposure(
            session, workspace=workspace, series="active_accounts", values=values, now=context.clock()
        )


def verdicts(context: Context, workspace: int, theme: int) -> list[Verdict]:
    with context.database.read(workspace=workspace) as session:
        rows = session.scalars(select(Verdict).where(Verdict.theme_key == theme).order_by(Verdict.id))
        return list(rows)


def latest(context: Context, workspace: int, theme: int) -> Verdict:
    with context.database.read(workspace=workspace) as session:
        found = impact.latest_verdicts(session, workspace=workspace)
    return next(row for row in found if row.theme_key == theme)


def planned(context: Context, workspace: int, release: int) -> list[tuple[int, datetime]]:
    """Return the looks that are still to come."""
    with context.database.read(workspace=workspace) as session:
        rows = session.scalars(
            select(Work).where(
                Work.stage == Job.MEASURE,
                Work.subject == release,
                Work.state == WorkState.READY,
                Work.version > 0,
            )
        )
        return sorted((row.version, row.run_at) for row in rows)


def test_before_its_first_look_it_is_too_early_and_the_look_is_planned(
    context: Context, workspace: int, world: tuple[int, int, int]
) -> None:
    release, theme, _ = world
    confirm(context, workspace, theme)
    walk(context)
    row = latest(context, workspace, theme)
    assert (row.word, row.look, row.link_state) == (Word.TOO_EARLY, 0, LinkState.CONFIRMED)
    assert "look_not_due" in row.reasons
    due = NOON.replace(hour=0) + timedelta(weeks=2, days=3)
    assert planned(context, workspace, release) == [(1, due)]


def test_looks_are_read_when_their_day_has_come_and_not_before(
    context: Context, workspace: int, world: tuple[int, int, int], clock: Clock
) -> None:
    release, theme, _ = world
    confirm(context, workspace, theme)
    walk(context)
    seen = []
    for weeks in (2, 4, 8):
        due = NOON.replace(hour=0) + timedelta(weeks=weeks, days=3)
        clock.now = due - timedelta(minutes=5)
        walk(context)
        before = latest(context, workspace, theme).look
        clock.now = due
        walk(context)
        seen.append((before, latest(context, workspace, theme).look))
    assert seen == [(0, 1), (1, 2), (2, 3)]
    assert planned(context, workspace, release) == []
    final = latest(context, workspace, theme)
    assert final.read_through == (NOON + timedelta(weeks=8)).date()


def test_a_fall_is_called_with_its_numbers(
    context: Context, workspace: int, clock: Clock, world: tuple[int, int, int]
) -> None:
    _, theme, other = world
    with context.database.write(workspace=workspace) as session:
        for each in session.scalars(select(DailyCount).where(DailyCount.theme_id == theme)):
            session.delete(each)
    fill(context.database, workspace, theme, rate=3.0, seed=1, after=0.4)
    expose(context, workspace)
    confirm(context, workspace, theme, at=NOON - timedelta(days=3))
    clock.advance(weeks=12)
    walk(context)
    row = latest(context, workspace, theme)
    assert row.word is Word.FELL
    assert row.effect is not None
    assert 0.25 < row.effect < 0.6
    assert row.low is not None
    assert row.high is not None
    assert row.low < row.effect < row.high < 1
    assert row.rate_unit == "complaints per 1,000 customer-days"
    assert row.grade == "D"  # before and after
    assert len(row.input_hash) == 64
    assert [each.restates_id for each in verdicts(context, workspace, theme)] == [None] * 3
    assert verdicts(context, workspace, other) == []


def test_without_a_confirmed_link_all_complaints_are_judged(
    context: Context, workspace: int, world: tuple[int, int, int]
) -> None:
    _, theme, _ = world
    walk(context)
    assert latest(context, workspace, impact.TOTAL).theme_id is None
    assert verdicts(context, workspace, theme) == []


def test_a_link_made_after_the_outcome_could_be_seen_is_marked(
    context: Context, workspace: int, clock: Clock, world: tuple[int, int, int]
) -> None:
    _, theme, _ = world
    confirm(context, workspace, theme, at=NOON + timedelta(days=8))
    clock.advance(weeks=12)
    walk(context)
    row = latest(context, workspace, theme)
    assert "chosen_after" in row.reasons
    assert row.grade == "D"


@pytest.mark.parametrize(("days", "overlaps"), [(20, True), (29, False), (-20, True), (-29, False)])
def test_another_release_on_the_same_theme_within_four_weeks_blocks(
    context: Context, workspace: int, clock: Clock, world: tuple[int, int, int], days: int, overlaps: bool
) -> None:
    _, theme, _ = world
    confirm(context, workspace, theme)
    with context.database.write(workspace=workspace) as session:
        factories.release(session, workspace, name="2.0", at=NOON + timedelta(days=days))
        second = factories.feature(session, workspace, name="second", of="2.0")
    confirm(context, workspace, theme, feature=second)
    clock.advance(weeks=12)
    walk(context)
    found = next(row for row in verdicts(context, workspace, theme) if row.release_id == 1 and row.look == 3)
    assert ("overlapping_release" in found.reasons) is overlaps
    assert (found.word is Word.CANNOT_TELL) is overlaps


def test_late_data_restate_and_the_same_data_do_not(
    context: Context, workspace: int, clock: Clock, world: tuple[int, int, int]
) -> None:
    _, theme, _ = world
    expose(context, workspace)
    confirm(context, workspace, theme)
    clock.advance(weeks=12)
    walk(context)
    first = latest(context, workspace, theme)
    expose(context, workspace)  # the same again
    walk(context)
    assert latest(context, workspace, theme).id == first.id
    wrong = (NOON + timedelta(days=10)).date()
    expose(context, workspace, value=9.0, day=wrong)
    walk(context)
    second = latest(context, workspace, theme)
    assert second.restates_id == first.id
    assert second.input_hash != first.input_hash
    expose(context, workspace, day=wrong)  # put right
    walk(context)
    third = latest(context, workspace, theme)
    assert (third.input_hash, third.effect) == (first.input_hash, first.effect)
    assert third.id > second.id


def test_a_context_event_within_the_window_is_told(
    context: Context, workspace: int, clock: Clock, world: tuple[int, int, int]
) -> None:
    _, theme, _ = world
    confirm(context, workspace, theme)
    clock.advance(weeks=12)
    walk(context)
    assert "context_event" not in latest(context, workspace, theme).reasons
    with context.database.write(workspace=workspace) as session:
        at = NOON + timedelta(days=20)
        row = {"key": "e", "kind": "price_change", "title": "x", "starts_at": at, "ends_at": None}
        goals.put_event(session, workspace=workspace, row=row, now=clock())
    walk(context)
    assert "context_event" in latest(context, workspace, theme).reasons


def complain(context: Context, workspace: int, theme: int, *, at: datetime, version: str, count: int) -> None:
    """Store complaints of a theme whose kind one classifier decided."""
    with context.database.write(workspace=workspace) as session:
        source = session.scalars(select(Source.id)).first()
        assert source is not None
        for number in range(count):
            item = factories.item(session, workspace, source, external_id=f"{version}-{at}-{number}", at=at)
            session.get_one(FeedbackItem, item).kind_version = version
            session.add(
                Assignment(
                    workspace_id=workspace, item_id=item, theme_id=theme, from_revision=1, score=1.0,
                )
            )  # fmt: skip
        session.execute(update(Work).where(Work.stage == Job.EMBED).values(state=WorkState.DONE))


def test_kinds_decided_by_two_classifiers_are_not_compared(
    context: Context, workspace: int, clock: Clock, world: tuple[int, int, int]
) -> None:
    release, theme, _ = world
    confirm(context, workspace, theme)
    complain(context, workspace, theme, at=NOON - timedelta(days=9), version="older", count=4)
    complain(context, workspace, theme, at=NOON + timedelta(days=9), version="newer", count=4)
    clock.advance(weeks=12)
    walk(context)
    row = latest(context, workspace, theme)
    assert row.word is Word.CANNOT_TELL
    assert "kind_changed" in row.reasons
    (check,) = [check for check in row.checks if check["code"] == "kind_changed"]
    assert check["sentence"] == (
        "Kinds were decided by newer and older; their shares differ by 100% before and after."
    )
    assert not check["passed"]
    with context.database.write(workspace=workspace) as session:
        session.execute(update(FeedbackItem).values(kind_version="newer"))
        impact.mark_releases(session, workspace=workspace, since=FIRST.date(), now=clock())
    walk(context)
    again = latest(context, workspace, theme)
    assert again.restates_id == row.id
    assert again.word is not Word.CANNOT_TELL
    assert "kind_changed" not in again.reasons
    assert release == again.release_id


def test_the_same_mix_of_classifiers_before_and_after_is_told_and_judged(
    context: Context, workspace: int, clock: Clock, world: tuple[int, int, int]
) -> None:
    _, theme, _ = world
    confirm(context, workspace, theme)
    for days in (-9, 9):
        for version in ("older", "newer"):
            complain(context, workspace, theme, at=NOON + timedelta(days=days), version=version, count=2)
    clock.advance(weeks=12)
    walk(context)
    row = latest(context, workspace, theme)
    assert "kind_changed" not in row.reasons
    assert row.word is not Word.CANNOT_TELL
    assert [check["passed"] for check in row.checks if check["code"] == "kind_changed"] == [True]


def test_days_without_a_source_are_gaps_and_not_a_fall(
    context: Context, workspace: int, clock: Clock, world: tuple[int, int, int]
) -> None:
    _, theme, _ = world
    confirm(context, workspace, theme)
    start, end = NOON + timedelta(days=8), NOON + timedelta(weeks=8)
    with context.database.write(workspace=workspace) as session:
        silence = {"key": "s", "kind": "source_silent", "title": "x", "starts_at": start, "ends_at": end}
        goals.put_event(session, workspace=workspace, row=silence, now=NOON)
        for each in session.scalars(select(DailyCount).where(DailyCount.day >= start.date())):
            each.complaints = 0
    clock.advance(weeks=12)
    walk(context)
    row = latest(context, workspace, theme)
    assert row.word is Word.CANNOT_TELL
    assert "source_gap" in row.reasons


def test_a_release_that_moves_is_read_at_its_new_looks(
    context: Context, workspace: int, clock: Clock, world: tuple[int, int, int]
) -> None:
    release, theme, _ = world
    confirm(context, workspace, theme)
    clock.advance(weeks=3)
    walk(context)
    assert latest(context, workspace, theme).look == 1
    moved = NOON + timedelta(weeks=4)
    with context.database.write(workspace=workspace) as session:
        factories.release(session, workspace, at=moved, now=clock())
    walk(context)
    assert planned(context, workspace, release) == [(1, moved.replace(hour=0) + timedelta(weeks=2, days=3))]
    clock.now = moved + timedelta(weeks=10)
    walk(context)
    row = latest(context, workspace, theme)
    assert (row.look, row.read_through) == (3, (moved + timedelta(weeks=8)).date())


def test_a_release_entered_before_the_first_ticket_is_read_when_its_look_is_due(
    context: Context, workspace: int, clock: Clock
) -> None:
    with context.database.write(workspace=workspace) as session:
        release = factories.release(session, workspace)
    walk(context)
    assert planned(context, workspace, release) == [(1, NOON.replace(hour=0) + timedelta(weeks=2, days=3))]


def test_a_look_whose_data_are_not_complete_is_tried_again_the_next_day(
    context: Context, workspace: int, clock: Clock, world: tuple[int, int, int]
) -> None:
    release, theme, _ = world
    confirm(context, workspace, theme)
    with context.database.write(workspace=workspace) as session:  # the last ticket so far came on day 53
        session.get_one(FeedbackItem, 2).ticket_created_at = NOON + timedelta(days=53)
    clock.now = NOON + timedelta(weeks=8, days=3)
    walk(context)
    assert latest(context, workspace, theme).look == 2
    assert [number for number, _ in planned(context, workspace, release)] == [3]
    with context.database.write(workspace=workspace) as session:
        session.get_one(FeedbackItem, 2).ticket_created_at = NOON + timedelta(days=57)
    clock.advance(days=1)
    walk(context)
    assert latest(context, workspace, theme).look == 3
    assert planned(context, workspace, release) == []


@pytest.mark.parametrize("weeks", [-200, -41, -39, 30])
def test_a_release_far_from_the_data_is_answered_and_not_an_error(
    context: Context, workspace: int, clock: Clock, world: tuple[int, int, int], weeks: int
) -> None:
    _, theme, _ = world
    with context.database.write(workspace=workspace) as session:
        release = factories.release(session, workspace, at=NOON + timedelta(weeks=weeks))
    confirm(context, workspace, theme, at=NOON - timedelta(weeks=300))
    clock.advance(weeks=12)
    walk(context)
    assert unfinished(context.database, now=clock()) == []
    row = latest(context, workspace, theme)
    assert row.release_id == release
    assert row.word is (Word.TOO_EARLY if weeks > 0 else Word.CANNOT_TELL)


def test_a_release_that_is_gone_is_finished_work(
    context: Context, workspace: int, world: tuple[int, int, int]
) -> None:
    with context.database.write(workspace=workspace) as session:
        session.delete(session.get_one(Release, world[0]))
    walk(context)
    assert unfinished(context.database, now=NOON) == []


def test_a_theme_judged_under_its_old_id_is_judged_on_under_the_new_one(
    context: Context, workspace: int, clock: Clock, world: tuple[int, int, int]
) -> None:
    _, theme, other = world
    confirm(context, workspace, theme)
    walk(context)
    with context.database.write(workspace=workspace) as session:
        factories.merge(session, workspace, 1, 2)
        link = session.scalars(select(Link)).one()
        assert products.list_features(session, workspace=workspace)[0].id == link.feature_id
        impact.mark_releases(session, workspace=workspace, since=NOON.date(), now=clock())
    clock.advance(seconds=1)
    walk(context)
    with context.database.read(workspace=workspace) as session:
        found = impact.latest_verdicts(session, workspace=workspace)
    assert [row.theme_key for row in found if row.theme_key != impact.TOTAL] == [other]


def test_progress_names_every_stage() -> None:
    assert set(NAMES) == set(Job)
