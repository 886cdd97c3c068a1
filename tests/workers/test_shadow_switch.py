"""The switch to another encoder: themes with the same items stay, the rest is told, and what was said stays said."""

import shutil
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any

import pytest
from sqlalchemy import func, select

from models.database import Database, Session
from models.errors import Conflict
from models.jobs import Job
from models.language.encode import FloatArray
from models.queries import impact, shadow_stream, theme_changes
from models.records import (
    Arrival,
    Assignment,
    AuditEntry,
    ShadowArrival,
    ShadowState,
    ThemeEvent,
    ThemeState,
    Verdict,
    Work,
)
from models.values.moves import Fate
from tests import factories
from tests.steps import recounted, stored_counts
from tests.verdicts import verdict_row
from tests.workers.trying import (
    FED,
    OTHER,
    Trying,
    act,
    other_encoder,
    reopened,
    revision,
    story,
    who,
)
from workers import shadow, shadow_report
from workers.run import Stage, run_batch
from workers.stages import build_stages


def places_at(trial: Trying, number: int) -> dict[int, int]:
    """Map items to their themes as of a theme revision, redirects not followed."""
    with trial.database.read(workspace=None) as session:
        rows = session.scalars(select(Assignment).where(Assignment.from_revision <= number))
        return {
            row.item_id: row.theme_id
            for row in rows
            if row.until_revision is None or row.until_revision > number
        }


def verdicts_of(session: Session) -> list[tuple[str, ...]]:
    """Return every verdict with all that it holds."""
    names = [column.name for column in Verdict.__table__.columns]
    rows = session.scalars(select(Verdict).order_by(Verdict.id))
    return [tuple(repr(getattr(row, name)) for name in names) for row in rows]


# --- what it changes ----------------------------------------------------------------------------------------


def test_matched_themes_stay_and_the_rest_is_as_the_report_said(trial_of_either: Trying) -> None:
    trial = trial_of_either
    trial.start()
    report, before, themes, old = trial.report(), trial.places(), trial.themes(), revision(trial)
    trial.switch()
    after, numbers = trial.places(), {row.id: row.number for row in themes.values()}
    assert trial.choice() == OTHER
    assert revision(trial) == old + 1
    moved = [item for item in before.keys() | after.keys() if before.get(item) != after.get(item)]
    assert len(moved) == report.moved_items
    now = trial.themes()
    for each in report.of(Fate.MATCHED):
        (theme,) = (theme for theme, number in numbers.items() if number == each.number)
        assert (now[theme].state, now[theme].label) == (ThemeState.ACTIVE, themes[theme].label)
        assert sum(place == theme for place in after.values()) == each.after
    for each in report.of(Fate.LOST):
        (theme,) = (theme for theme, number in numbers.items() if number == each.number)
        assert now[theme].state is ThemeState.RETIRED
        assert (now[theme].redirect_id, now[theme].label) == (None, themes[theme].label)
    born = {row.number: row for row in now.values() if row.id not in themes}
    assert born.keys() == {each.number for each in report.of(Fate.NEW)}
    assert min(born) > max(numbers.values())
    assert {number: row.label for number, row in born.items()} == {
        each.number: each.label for each in report.of(Fate.NEW)
    }
    assert recounted(trial.database) == stored_counts(trial.database)
    # The shadow is gone, and so are the vectors of the encoder before.
    assert (trial.shadow(), trial.vectors(), trial.count(ShadowArrival)) == (None, {"bfloat16": FED}, 0)


def test_only_items_that_move_are_written_and_every_theme_says_why(trial: Trying) -> None:
    trial.start()
    report, old = trial.report(), revision(trial)
    with trial.database.read(workspace=None) as session:
        before = {row.id: (row.item_id, row.theme_id, row.from_revision, row.until_revision)
                  for row in session.scalars(select(Assignment))}  # fmt: skip
    trial.switch()
    with trial.database.read(workspace=None) as session:
        rows = session.scalars(select(Assignment)).all()
        events = session.scalars(select(ThemeEvent).where(ThemeEvent.revision == old + 1)).all()
        numbers = {row.id: row.number for row in trial.themes().values()}
    fresh = [row for row in rows if row.id not in before]
    ended = [row for row in rows if row.id in before and before[row.id][3] != row.until_revision]
    assert {row.from_revision for row in fresh} == {old + 1} == {row.until_revision for row in ended}
    assert len({row.item_id for row in (*fresh, *ended)}) == report.moved_items
    assert all(before[row.id][:3] == (row.item_id, row.theme_id, row.from_revision) for row in ended)
    assert {event.kind for event in events} == {"model_changed"}
    touched = [each for each in report.themes if not each.before == each.after == each.stayed]
    assert sorted(numbers[event.theme_id] for event in events) == [each.number for each in touched]
    assert all(event.act_id is None for event in events)
    lost = next(each for each in report.of(Fate.LOST) if each.other)
    event = next(event for event in events if numbers[event.theme_id] == lost.number)
    assert event.other_theme_id is not None
    assert (numbers[event.other_theme_id], event.item_count) == (lost.other, lost.before - lost.stayed)


def test_what_was_reported_stays_as_it_was(trial_of_either: Trying) -> None:
    trial = trial_of_either
    theme = max(trial.places().values())
    with trial.database.write(workspace=trial.workspace) as session:
        release = factories.release(session, trial.workspace)
        for number, word in ((0, 1), (theme, 1), (theme, 2)):
            row = verdict_row(release, number, look=word, theme_revision=revision(trial))
            impact.write_verdict(session, workspace=trial.workspace, row=row)
    trial.start()
    with trial.database.read(workspace=None) as session:
        verdicts = verdicts_of(session)
    old, then = revision(trial), places_at(trial, revision(trial))
    trial.switch()
    trial.feed(30)
    with trial.database.read(workspace=None) as session:
        now = verdicts_of(session)
    assert now[: len(verdicts)] == verdicts
    # Later verdicts are rows of their own, under the revision that they counted.
    revised = session_revisions(trial)
    assert all(number > old for number in revised[len(verdicts) :])
    assert places_at(trial, old) == then


def session_revisions(trial: Trying) -> list[int]:
    with trial.database.read(workspace=None) as session:
        return list(session.scalars(select(Verdict.theme_revision).order_by(Verdict.id)))


def test_it_is_in_the_audit_log(trial: Trying) -> None:
    trial.start()
    trial.switch(limit=0.1, accept=0.9)
    with trial.database.read(workspace=None) as session:
        rows = session.scalars(select(AuditEntry).where(AuditEntry.action.like("encoder.%"))).all()
    assert [(row.action, row.actor, row.detail["by"]) for row in rows] == [
        (f"encoder.{verb}", "Ada", "usr_1") for verb in ("try", "switch", "switched")
    ]
    assert (rows[1].detail["limit"], rows[1].detail["accepted"]) == (0.1, 0.9)
    assert rows[2].detail["dtype"] == "bfloat16"


# --- refused ------------------------------------------------------------------------------------------------


def test_above_the_limit_it_is_refused_with_both_shares(trial: Trying) -> None:
    trial.start()
    share = trial.report().moved_share
    with pytest.raises(Conflict, match=rf"{share:.4f} of the volume .* limit is 0.2: send accept_moved"):
        trial.switch(limit=0.2)
    with pytest.raises(Conflict, match="accept_moved"):
        trial.switch(limit=0.2, accept=share - 0.01)
    row = trial.shadow()
    assert row is not None
    assert row.state is ShadowState.READY
    trial.switch(limit=0.2, accept=share)
    assert trial.choice() == OTHER


def test_not_before_the_report_and_asking_twice_is_asking_once(trial: Trying) -> None:
    trial.start(work=False)
    with pytest.raises(Conflict, match=f"0 of {FED} items"):
        trial.switch()
    trial.work()
    trial.switch(work=False)
    trial.switch(work=False)
    trial.work()
    assert trial.choice() == OTHER
    assert (trial.shadow(), trial.vectors()) == (None, {"bfloat16": FED})


def test_more_that_moves_by_then_is_refused_by_the_worker(trial: Trying) -> None:
    trial.start()
    share = trial.report().moved_share
    trial.switch(limit=share, work=False)
    with trial.database.write(workspace=trial.workspace) as session:
        row = shadow_stream.find(session, workspace=trial.workspace)
        assert row is not None
        row.accepted = share - 0.01
    trial.work()
    row = trial.shadow()
    assert row is not None
    assert (row.state, row.refusal is not None) == (ShadowState.READY, True)
    assert trial.choice() != OTHER
    trial.feed(30)
    trial.switch()
    assert trial.choice() == OTHER


# --- what comes between and afterwards ----------------------------------------------------------------------


def test_items_that_come_between_report_and_switch_are_in_it(trial: Trying) -> None:
    trial.start()
    trial.feed(30, work=False)
    trial.switch(work=False)
    trial.work()
    assert trial.choice() == OTHER
    assert trial.vectors() == {"bfloat16": FED + 30}
    assert trial.count(Arrival) == FED + 30
    assert recounted(trial.database) == stored_counts(trial.database)


def test_the_live_stream_waits_while_it_is_switched(trial: Trying) -> None:
    trial.start()
    trial.feed(10, work=False)
    while trial.one_batch() is not Job.EMBED:
        pass
    trial.switch(work=False)
    assert trial.one_batch() is Job.PLACE
    assert trial.count(Arrival) == FED
    assert trial.one_batch() is Job.SHADOW
    assert trial.choice() == OTHER
    # Vectors of the encoder before are of no use: these items are embedded again.
    trial.work()
    assert trial.vectors() == {"bfloat16": FED + 10}
    assert trial.count(Arrival) == FED + 10
    with trial.database.read(workspace=None) as session:
        attempts = session.scalar(select(func.max(Work.attempts)).where(Work.stage == Job.PLACE))
    assert attempts == 1


def test_a_batch_that_was_being_embedded_begins_again(trial: Trying) -> None:
    trial.start()
    trial.feed(10, work=False)
    assert trial.one_batch() is Job.INTAKE
    theirs = build_stages(trial.context.settings)
    slow = other_encoder("float32")

    def encode(texts: Sequence[str]) -> FloatArray:
        del slow.encode
        trial.switch(work=False)
        run_stage_alone(trial, theirs)
        return slow.encode(texts)

    slow.encode = encode  # type: ignore[method-assign]
    trial.context.encoders = {trial.choice(): slow}
    run_batch(trial.context, build_stages(trial.context.settings))
    assert trial.choice() == OTHER
    trial.work()
    assert trial.vectors() == {"bfloat16": FED + 10}
    assert trial.count(Arrival) == FED + 10


def run_stage_alone(trial: Trying, stages: Mapping[Job, Stage]) -> None:
    assert run_batch(trial.context, {Job.SHADOW: stages[Job.SHADOW]}) == (Job.SHADOW, 1)


def test_an_act_during_the_switch_makes_it_compare_again(
    trial: Trying, monkeypatch: pytest.MonkeyPatch
) -> None:
    trial.start()
    trial.switch(work=False)
    real, themes = shadow_report.publish, sorted(set(trial.places().values()))
    acts: list[int] = []

    def late(*given: Any) -> None:
        if not acts:
            acts.append(1)
            act(trial, lambda s: theme_changes.merge(s, theme=themes[0], others=[themes[1]], **who(trial)))
        real(*given)

    monkeypatch.setattr(shadow_report, "publish", late)
    together = {item for item, theme in trial.places().items() if theme in themes[:2]}
    trial.work()
    assert trial.choice() == OTHER
    assert {trial.places()[item] for item in together} == {themes[0]}
    assert recounted(trial.database) == stored_counts(trial.database)


@pytest.mark.parametrize("place", ["compare", "named", "publish"])
def test_killed_in_the_middle_it_is_done_once(
    trial: Trying, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    trial.start()
    report = trial.report()
    trial.switch(work=False)
    real, calls = getattr(shadow_report, place), [0]

    def dying(*given: object) -> object:
        calls[0] += 1
        if calls[0] == 1:
            real(*given)
            raise KeyboardInterrupt
        return real(*given)

    monkeypatch.setattr(shadow_report, place, dying)
    with pytest.raises(KeyboardInterrupt):
        trial.work()
    trial.clock.advance(seconds=61)
    trial.work()
    assert trial.choice() == OTHER
    with trial.database.read(workspace=None) as session:
        done = session.scalars(select(AuditEntry).where(AuditEntry.action == "encoder.switched")).all()
    assert [row.detail["moved"] for row in done] == [report.moved_items]


def test_afterwards_a_worker_that_restarts_goes_on_as_one_that_does_not(
    trial: Trying, fed_trial: Trying, tmp_path: Any
) -> None:
    trial.start()
    trial.switch()
    trial.database.close()
    shutil.copy(tmp_path / "ebb.db", tmp_path / "twin.db")
    with closing(Database(f"sqlite:///{tmp_path / 'twin.db'}", synchronous="NORMAL")) as database:
        twin = reopened(database, trial)
        stages = build_stages(twin.context.settings)
        for count in (40, 60, 30):
            trial.feed(count, work=False)
            while trial.one_batch():
                pass
            twin.feed(count, work=False)
            while run_batch(twin.context, stages):
                pass
        assert story(twin) == story(trial)
        assert len(trial.places()) > FED
        assert recounted(trial.database) == stored_counts(trial.database)


def test_and_back_again(trial: Trying) -> None:
    own = trial.choice()
    trial.start()
    trial.switch()
    ids = set(trial.themes())
    trial.start(own)
    trial.switch()
    assert (trial.choice(), trial.vectors()) == (own, {"float32": FED})
    assert ids <= set(trial.themes())
    numbers = [row.number for row in trial.themes().values()]
    assert len(set(numbers)) == len(numbers)
    assert recounted(trial.database) == stored_counts(trial.database)


def test_a_switch_that_fails_holds_nobody_up(trial: Trying, monkeypatch: pytest.MonkeyPatch) -> None:
    trial.start()
    trial.feed(10, work=False)
    trial.switch(work=False)

    def broken(*_: object) -> None:
        raise RuntimeError

    with monkeypatch.context() as patched:
        patched.setattr(shadow_report, "publish", broken)
        for _ in range(4):
            trial.one_batch()
            trial.clock.advance(seconds=1)
        while (row := trial.shadow()) is not None and row.state is ShadowState.SWITCHING:
            assert trial.one_batch() is not None
    assert row is not None
    assert row.error == shadow.FAILED
    trial.work()
    assert trial.count(Arrival) == FED + 10
    row = trial.shadow()
    assert row is not None
    assert (row.state, row.error) == (ShadowState.READY, None)
    trial.switch()
    assert trial.choice() == OTHER
