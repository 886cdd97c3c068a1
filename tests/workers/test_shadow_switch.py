"""The switch to another encoder: themes with the same items stay, the rest is told, and what was said stays said."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from typing import Any

import pytest
from sqlalchemy import func, inspect, select

from models.database import Database, Session
from models.errors import Conflict
from models.jobs import Job
from models.language.encode import FloatArray
from models.queries import impact, shadows, theme_changes, theme_marks, theme_undo, work
from models.queries.theme_log import Acted
from models.records import (
    Arrival,
    Assignment,
    AuditEntry,
    Embedding,
    FeedbackItem,
    ShadowArrival,
    ShadowState,
    ThemeEvent,
    ThemeSeed,
    ThemeState,
    ThemeStreamState,
    Verdict,
    Work,
)
from models.values.moves import Fate
from tests import factories, year
from tests.steps import recounted, stored_counts
from tests.verdicts import verdict_row
from tests.workers.tickets import deliver
from tests.workers.trying import ADA, FED, OTHER, Trying, other_encoder, reopened
from workers import shadow
from workers.run import Stage, run_batch
from workers.stages import build_stages


def revision(desk: Trying) -> int:
    with desk.database.read(workspace=None) as session:
        return session.scalars(select(ThemeStreamState.revision)).one()


def places_at(desk: Trying, number: int) -> dict[int, int]:
    """Map items to their themes as of a theme revision, redirects not followed."""
    with desk.database.read(workspace=None) as session:
        rows = session.scalars(select(Assignment).where(Assignment.from_revision <= number))
        return {
            row.item_id: row.theme_id
            for row in rows
            if row.until_revision is None or row.until_revision > number
        }


def rows_of(session: Session, table: type) -> list[tuple[object, ...]]:
    columns = [column.key for column in inspect(table).columns]
    rows = session.scalars(select(table).order_by(table.id))  # type: ignore[attr-defined]
    return [tuple(repr(getattr(row, name)) for name in columns) for row in rows]


# --- what it changes ----------------------------------------------------------------------------------------


def test_matched_themes_stay_and_the_rest_is_as_the_report_said(desk_of_either: Trying) -> None:
    desk = desk_of_either
    desk.start()
    report, before, themes, old = desk.report(), desk.places(), desk.themes(), revision(desk)
    desk.switch()
    after, numbers = desk.places(), {row.id: row.number for row in themes.values()}
    assert desk.choice() == OTHER
    assert revision(desk) == old + 1
    moved = [item for item in before.keys() | after.keys() if before.get(item) != after.get(item)]
    assert len(moved) == report.moved_items
    now = desk.themes()
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
    assert recounted(desk.database) == stored_counts(desk.database)
    # The shadow is gone, and so are the vectors of the encoder before.
    assert (desk.shadow(), desk.vectors(), desk.count(ShadowArrival)) == (None, {"bfloat16": FED}, 0)


def test_only_items_that_move_are_written_and_every_theme_says_why(desk: Trying) -> None:
    desk.start()
    report, old = desk.report(), revision(desk)
    with desk.database.read(workspace=None) as session:
        before = {row.id: (row.item_id, row.theme_id, row.from_revision, row.until_revision)
                  for row in session.scalars(select(Assignment))}  # fmt: skip
    desk.switch()
    with desk.database.read(workspace=None) as session:
        rows = session.scalars(select(Assignment)).all()
        events = session.scalars(select(ThemeEvent).where(ThemeEvent.revision == old + 1)).all()
        numbers = {row.id: row.number for row in desk.themes().values()}
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


def test_what_was_reported_stays_as_it_was(desk_of_either: Trying) -> None:
    desk = desk_of_either
    theme = max(desk.places().values())
    with desk.database.write(workspace=desk.workspace) as session:
        release = factories.release(session, desk.workspace)
        for number, word in ((0, 1), (theme, 1), (theme, 2)):
            row = verdict_row(release, number, look=word, theme_revision=revision(desk))
            impact.write_verdict(session, workspace=desk.workspace, row=row)
    desk.start()
    with desk.database.read(workspace=None) as session:
        verdicts = rows_of(session, Verdict)
    old, then = revision(desk), places_at(desk, revision(desk))
    desk.switch()
    desk.feed(30)
    with desk.database.read(workspace=None) as session:
        now = rows_of(session, Verdict)
    assert now[: len(verdicts)] == verdicts
    # Later verdicts are rows of their own, under the revision that they counted.
    revised = session_revisions(desk)
    assert all(number > old for number in revised[len(verdicts) :])
    assert places_at(desk, old) == then


def session_revisions(desk: Trying) -> list[int]:
    with desk.database.read(workspace=None) as session:
        return list(session.scalars(select(Verdict.theme_revision).order_by(Verdict.id)))


def test_it_is_in_the_audit_log(desk: Trying) -> None:
    desk.start()
    desk.switch(limit=0.1, accept=0.9)
    with desk.database.read(workspace=None) as session:
        rows = session.scalars(select(AuditEntry).where(AuditEntry.action.like("encoder.%"))).all()
    assert [(row.action, row.actor, row.detail["by"]) for row in rows] == [
        (f"encoder.{verb}", "Ada", "usr_1") for verb in ("try", "switch", "switched")
    ]
    assert (rows[1].detail["limit"], rows[1].detail["accepted"]) == (0.1, 0.9)
    assert rows[2].detail["dtype"] == "bfloat16"


# --- refused ------------------------------------------------------------------------------------------------


def test_above_the_limit_it_is_refused_with_both_shares(desk: Trying) -> None:
    desk.start()
    share = desk.report().moved_share
    with pytest.raises(Conflict, match=rf"{share:.4f} of the volume .* limit is 0.2: send accept_moved"):
        desk.switch(limit=0.2)
    with pytest.raises(Conflict, match="accept_moved"):
        desk.switch(limit=0.2, accept=share - 0.01)
    row = desk.shadow()
    assert row is not None
    assert row.state is ShadowState.READY
    desk.switch(limit=0.2, accept=share)
    assert desk.choice() == OTHER


def test_not_before_the_report_and_asking_twice_is_asking_once(desk: Trying) -> None:
    desk.start(work=False)
    with pytest.raises(Conflict, match=f"0 of {FED} items"):
        desk.switch()
    desk.work()
    desk.switch(work=False)
    desk.switch(work=False)
    desk.work()
    assert desk.choice() == OTHER
    assert (desk.shadow(), desk.vectors()) == (None, {"bfloat16": FED})


def test_more_that_moves_by_then_is_refused_by_the_worker(desk: Trying) -> None:
    desk.start()
    share = desk.report().moved_share
    desk.switch(limit=share, work=False)
    with desk.database.write(workspace=desk.workspace) as session:
        row = shadows.shadow_stream.find(session, workspace=desk.workspace)
        assert row is not None
        row.accepted = share - 0.01
    desk.work()
    row = desk.shadow()
    assert row is not None
    assert (row.state, row.refusal is not None) == (ShadowState.READY, True)
    assert desk.choice() != OTHER
    desk.feed(30)
    desk.switch()
    assert desk.choice() == OTHER


# --- what comes between and afterwards ----------------------------------------------------------------------


def test_items_that_come_between_report_and_switch_are_in_it(desk: Trying) -> None:
    desk.start()
    desk.feed(30, work=False)
    desk.switch(work=False)
    desk.work()
    assert desk.choice() == OTHER
    assert desk.vectors() == {"bfloat16": FED + 30}
    assert desk.count(Arrival) == FED + 30
    assert recounted(desk.database) == stored_counts(desk.database)


def test_the_live_stream_waits_while_it_is_switched(desk: Trying) -> None:
    desk.start()
    desk.feed(10, work=False)
    while desk.one_batch() is not Job.EMBED:
        pass
    desk.switch(work=False)
    assert desk.one_batch() is Job.PLACE
    assert desk.count(Arrival) == FED
    assert desk.one_batch() is Job.SHADOW
    assert desk.choice() == OTHER
    # Vectors of the encoder before are of no use: these items are embedded again.
    desk.work()
    assert desk.vectors() == {"bfloat16": FED + 10}
    assert desk.count(Arrival) == FED + 10
    with desk.database.read(workspace=None) as session:
        attempts = session.scalar(select(func.max(Work.attempts)).where(Work.stage == Job.PLACE))
    assert attempts == 1


def test_a_batch_that_was_being_embedded_begins_again(desk: Trying) -> None:
    desk.start()
    desk.feed(10, work=False)
    assert desk.one_batch() is Job.INTAKE
    theirs = build_stages(desk.context.settings)
    slow = other_encoder("float32")

    def encode(texts: Sequence[str]) -> FloatArray:
        del slow.encode  # type: ignore[misc]
        desk.switch(work=False)
        run_stage_alone(desk, theirs)
        return slow.encode(texts)

    slow.encode = encode  # type: ignore[method-assign]
    desk.context.encoders = {desk.choice(): slow}
    run_batch(desk.context, build_stages(desk.context.settings))
    assert desk.choice() == OTHER
    desk.work()
    assert desk.vectors() == {"bfloat16": FED + 10}
    assert desk.count(Arrival) == FED + 10


def run_stage_alone(desk: Trying, stages: Mapping[Job, Stage]) -> None:
    assert run_batch(desk.context, {Job.SHADOW: stages[Job.SHADOW]}) == (Job.SHADOW, 1)


def test_an_act_during_the_switch_makes_it_compare_again(
    desk: Trying, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.start()
    desk.switch(work=False)
    real, themes = shadow.shadow_report.publish, sorted(set(desk.places().values()))
    acts: list[int] = []

    def late(*given: Any) -> None:
        if not acts:
            acts.append(1)
            act(desk, lambda s: theme_changes.merge(s, theme=themes[0], others=[themes[1]], **who(desk)))
        real(*given)

    monkeypatch.setattr(shadow.shadow_report, "publish", late)
    together = {item for item, theme in desk.places().items() if theme in themes[:2]}
    desk.work()
    assert desk.choice() == OTHER
    assert {desk.places()[item] for item in together} == {themes[0]}
    assert recounted(desk.database) == stored_counts(desk.database)


@pytest.mark.parametrize("place", ["compare", "named", "publish"])
def test_killed_in_the_middle_it_is_done_once(
    desk: Trying, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    desk.start()
    report = desk.report()
    desk.switch(work=False)
    real, calls = getattr(shadow.shadow_report, place), [0]

    def dying(*given: object) -> object:
        calls[0] += 1
        if calls[0] == 1:
            real(*given)
            raise KeyboardInterrupt
        return real(*given)

    monkeypatch.setattr(shadow.shadow_report, place, dying)
    with pytest.raises(KeyboardInterrupt):
        desk.work()
    desk.clock.advance(seconds=61)
    desk.work()
    assert desk.choice() == OTHER
    with desk.database.read(workspace=None) as session:
        done = session.scalars(select(AuditEntry).where(AuditEntry.action == "encoder.switched")).all()
    assert [row.detail["moved"] for row in done] == [report.moved_items]


def story(desk: Trying) -> object:
    with desk.database.read(workspace=None) as session:
        return (
            sorted((row.item_id, row.position, row.theme_number) for row in session.scalars(select(Arrival))),
            session.scalars(select(ThemeStreamState.state)).one(),
            revision(desk),
            desk.places(),
        )


def test_afterwards_a_worker_that_restarts_goes_on_as_one_that_does_not(
    desk: Trying, fed: Trying, tmp_path: Any
) -> None:
    desk.start()
    desk.switch()
    desk.database.close()
    shutil.copy(tmp_path / "ebb.db", tmp_path / "twin.db")
    with closing(Database(f"sqlite:///{tmp_path / 'twin.db'}", synchronous="NORMAL")) as database:
        twin = reopened(database, desk)
        stages = build_stages(twin.context.settings)
        for count in (40, 60, 30):
            desk.feed(count, work=False)
            while desk.one_batch():
                pass
            twin.feed(count, work=False)
            while run_batch(twin.context, stages):
                pass
        assert story(twin) == story(desk)
        assert len(desk.places()) > FED
        assert recounted(desk.database) == stored_counts(desk.database)


def test_and_back_again(desk: Trying) -> None:
    own = desk.choice()
    desk.start()
    desk.switch()
    ids = set(desk.themes())
    desk.start(own)
    desk.switch()
    assert (desk.choice(), desk.vectors()) == (own, {"float32": FED})
    assert ids <= set(desk.themes())
    numbers = [row.number for row in desk.themes().values()]
    assert len(set(numbers)) == len(numbers)
    assert recounted(desk.database) == stored_counts(desk.database)


# --- what people decided ------------------------------------------------------------------------------------


def who(desk: Trying) -> dict[str, Any]:
    return {"workspace": desk.workspace, "author": ADA, "now": desk.clock()}


def act(desk: Trying, doing: Callable[[Session], Acted]) -> Acted:
    with desk.database.write(workspace=desk.workspace) as session:
        return doing(session)


def _decide(desk: Trying) -> dict[str, Any]:
    """Merge, split, pin, move, dismiss, rename and expect; return what must hold of it."""
    sizes: dict[int, list[int]] = {}
    for item, theme in sorted(desk.places().items()):
        sizes.setdefault(theme, []).append(item)
    a, b, c, d, e, *_ = sorted(sizes, key=lambda theme: -len(sizes[theme]))
    part = sizes[c][::2]
    act(desk, lambda s: theme_changes.merge(s, theme=a, others=[b], **who(desk)))
    made = act(
        desk, lambda s: theme_changes.split(s, theme=c, items=part, label="A part", **who(desk))
    ).act.other_ids[0]
    act(desk, lambda s: theme_marks.pin(s, theme=d, **who(desk)))
    moved = sizes[c][1::2][:2]
    act(desk, lambda s: theme_changes.move(s, theme=a, items=moved, **who(desk)))
    act(desk, lambda s: theme_marks.dismiss(s, theme=e, **who(desk)))
    act(desk, lambda s: theme_marks.rename(s, theme=d, label="Kept together", **who(desk)))
    texts = ["The app crashes when I rotate the tablet."]
    seeded = act(desk, lambda s: theme_marks.seed(s, label="Rotation", texts=texts, **who(desk))).act.theme_id
    return {
        "in": {a: [*sizes[a], *sizes[b], *moved], made: part, d: sizes[d], e: sizes[e]},
        "named": {made: "A part", d: "Kept together", seeded: "Rotation"},
        "noise": e,
        "seeded": seeded,
        "rest": c,
        "part": made,
    }


@pytest.mark.parametrize("when", ["before", "meanwhile", "after the report"])
def test_what_people_decided_holds(desk: Trying, when: str) -> None:
    if when == "before":
        wanted = _decide(desk)
        desk.work()
    desk.start(work=False)
    desk.one_batch()
    desk.one_batch()
    if when == "meanwhile":
        wanted = _decide(desk)
    desk.work()
    if when == "after the report":
        wanted = _decide(desk)
    desk.switch()
    desk.feed(40)
    places, themes = desk.places(), desk.themes()
    for theme, items in wanted["in"].items():
        assert {places[item] for item in items} == {theme}
    for theme, label in wanted["named"].items():
        assert (themes[theme].label, themes[theme].state) == (label, ThemeState.ACTIVE)
    assert themes[wanted["noise"]].state is ThemeState.DISMISSED
    # What was split is never one theme again.
    assert themes[wanted["part"]].redirect_id is None
    counted = stored_counts(desk.database)
    assert not [theme for theme, _ in counted if theme == wanted["noise"]]
    assert {
        key: count for key, count in recounted(desk.database).items() if key[0] != wanted["noise"]
    } == counted
    with desk.database.read(workspace=None) as session:
        (seed,) = session.scalars(select(ThemeSeed))
        current = desk.owner().encoder_id
    assert seed.encoder_id == current
    deliver(
        desk.context,
        desk.workspace,
        desk.source,
        {
            **year.tickets()[0].row,
            "id": "late-1",
            "text": "The app crashes when I rotate the tablet, fix it.",
        },
    )
    desk.work()
    with desk.database.read(workspace=None) as session:
        late = session.scalars(select(FeedbackItem.id).where(FeedbackItem.external_id == "late-1")).one()
    assert desk.places()[late] == wanted["seeded"]


def test_acts_from_before_can_be_undone_afterwards(desk: Trying) -> None:
    sizes = sorted(set(desk.places().values()))
    a, b = sizes[:2]
    theirs = {item for item, theme in desk.places().items() if theme == b}
    act(desk, lambda s: theme_changes.merge(s, theme=a, others=[b], **who(desk)))
    desk.work()
    desk.start()
    desk.switch()
    act(desk, lambda s: theme_undo.undo(s, theme=a, **who(desk)))
    desk.work()
    assert {desk.places()[item] for item in theirs} == {b}
    desk.feed(40)
    assert recounted(desk.database) == stored_counts(desk.database)


def test_an_undo_meanwhile_lets_go(desk: Trying) -> None:
    theme = max(set(desk.places().values()))
    act(desk, lambda s: theme_marks.pin(s, theme=theme, **who(desk)))
    desk.start(work=False)
    desk.one_batch()
    act(desk, lambda s: theme_undo.undo(s, theme=theme, **who(desk)))
    desk.work()
    desk.switch()
    assert recounted(desk.database) == stored_counts(desk.database)
    with desk.database.read(workspace=None) as session:
        assert work.count_states(session)
        assert session.scalar(select(func.count()).select_from(Embedding)) == FED


def test_equal_worlds_switch_alike(desk: Trying, fed: Trying, tmp_path: Any) -> None:
    shutil.copy(str(fed.database.url.database), tmp_path / "twin.db")
    with closing(Database(f"sqlite:///{tmp_path / 'twin.db'}", synchronous="NORMAL")) as database:
        twin = reopened(database, fed)
        for each in (desk, twin):
            each.start()
            each.switch()
        assert story(twin) == story(desk)
