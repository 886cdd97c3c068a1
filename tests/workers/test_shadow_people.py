"""What people decided about themes holds through a change of encoder, whenever they decided it."""

import shutil
from contextlib import closing
from typing import Any

import pytest
from sqlalchemy import func, select

from models.database import Database
from models.queries import theme_changes, theme_marks, theme_undo, work
from models.records import (
    Embedding,
    FeedbackItem,
    ThemeSeed,
    ThemeState,
)
from tests import year
from tests.steps import recounted, stored_counts
from tests.workers.tickets import deliver
from tests.workers.trying import (
    FED,
    Trying,
    act,
    reopened,
    story,
    who,
)


def _decide(trial: Trying) -> dict[str, Any]:
    """Merge, split, pin, move, dismiss, rename and expect; return what must hold of it."""
    sizes: dict[int, list[int]] = {}
    for item, theme in sorted(trial.places().items()):
        sizes.setdefault(theme, []).append(item)
    a, b, c, d, *_ = sorted(sizes, key=lambda theme: -len(sizes[theme]))
    apart = sizes[a][::4]
    e = act(
        trial, lambda s: theme_changes.split(s, theme=a, items=apart, label="Noise", **who(trial))
    ).act.other_ids[0]
    sizes[a], sizes[e] = [item for item in sizes[a] if item not in apart], apart
    part = sizes[c][::2]
    act(trial, lambda s: theme_changes.merge(s, theme=a, others=[b], **who(trial)))
    made = act(
        trial, lambda s: theme_changes.split(s, theme=c, items=part, label="A part", **who(trial))
    ).act.other_ids[0]
    act(trial, lambda s: theme_marks.pin(s, theme=d, **who(trial)))
    moved = sizes[c][1::2][:2]
    act(trial, lambda s: theme_changes.move(s, theme=a, items=moved, **who(trial)))
    act(trial, lambda s: theme_marks.dismiss(s, theme=e, **who(trial)))
    act(trial, lambda s: theme_marks.rename(s, theme=d, label="Kept together", **who(trial)))
    texts = ["The app crashes when I rotate the tablet."]
    seeded = act(
        trial, lambda s: theme_marks.seed(s, label="Rotation", texts=texts, **who(trial))
    ).act.theme_id
    return {
        "in": {a: [*sizes[a], *sizes[b], *moved], made: part, d: sizes[d], e: sizes[e]},
        "named": {made: "A part", d: "Kept together", seeded: "Rotation"},
        "noise": e,
        "seeded": seeded,
        "rest": c,
        "part": made,
    }


@pytest.mark.parametrize("when", ["before", "meanwhile", "after the report"])
def test_what_people_decided_holds(trial: Trying, when: str) -> None:
    if when == "before":
        wanted = _decide(trial)
        trial.work()
    trial.start(work=False)
    trial.one_batch()
    trial.one_batch()
    if when == "meanwhile":
        wanted = _decide(trial)
    trial.work()
    if when == "after the report":
        wanted = _decide(trial)
    trial.switch()
    trial.feed(40)
    places, themes = trial.places(), trial.themes()
    for theme, items in wanted["in"].items():
        assert {places[item] for item in items} == {theme}
    for theme, label in wanted["named"].items():
        assert (themes[theme].label, themes[theme].state) == (label, ThemeState.ACTIVE)
    assert themes[wanted["noise"]].state is ThemeState.DISMISSED
    # What was split is never one theme again.
    assert themes[wanted["part"]].redirect_id is None
    counted = stored_counts(trial.database)
    assert not [theme for theme, _ in counted if theme == wanted["noise"]]
    assert {
        key: count for key, count in recounted(trial.database).items() if key[0] != wanted["noise"]
    } == counted
    with trial.database.read(workspace=None) as session:
        (seed,) = session.scalars(select(ThemeSeed))
        current = trial.owner().encoder_id
    assert seed.encoder_id == current
    deliver(
        trial.context,
        trial.workspace,
        trial.source,
        {
            **year.tickets()[0].row,
            "id": "late-1",
            "text": "The app crashes when I rotate the tablet, fix it.",
        },
    )
    trial.work()
    with trial.database.read(workspace=None) as session:
        late = session.scalars(select(FeedbackItem.id).where(FeedbackItem.external_id == "late-1")).one()
    assert trial.places()[late] == wanted["seeded"]


def test_acts_from_before_can_be_undone_afterwards(trial: Trying) -> None:
    sizes = sorted(set(trial.places().values()))
    a, b = sizes[:2]
    theirs = {item for item, theme in trial.places().items() if theme == b}
    act(trial, lambda s: theme_changes.merge(s, theme=a, others=[b], **who(trial)))
    trial.work()
    trial.start()
    trial.switch()
    act(trial, lambda s: theme_undo.undo(s, theme=a, **who(trial)))
    trial.work()
    assert {trial.places()[item] for item in theirs} == {b}
    trial.feed(40)
    assert recounted(trial.database) == stored_counts(trial.database)


def test_an_undo_meanwhile_lets_go(trial: Trying) -> None:
    theme = max(set(trial.places().values()))
    act(trial, lambda s: theme_marks.pin(s, theme=theme, **who(trial)))
    trial.start(work=False)
    trial.one_batch()
    act(trial, lambda s: theme_undo.undo(s, theme=theme, **who(trial)))
    trial.work()
    trial.switch()
    assert recounted(trial.database) == stored_counts(trial.database)
    with trial.database.read(workspace=None) as session:
        assert work.count_states(session)
        assert session.scalar(select(func.count()).select_from(Embedding)) == FED


def test_equal_worlds_switch_alike(trial: Trying, fed_trial: Trying, tmp_path: Any) -> None:
    shutil.copy(str(fed_trial.database.url.database), tmp_path / "twin.db")
    with closing(Database(f"sqlite:///{tmp_path / 'twin.db'}", synchronous="NORMAL")) as database:
        twin = reopened(database, fed_trial)
        for each in (trial, twin):
            each.start()
            each.switch()
        assert story(twin) == story(trial)


def test_a_lost_theme_can_be_merged_into_the_one_that_took_its_items(trial: Trying) -> None:
    trial.start()
    trial.switch()
    lost = next(row for row in trial.themes().values() if row.state is ThemeState.RETIRED)
    into = next(iter(trial.places().values()))
    act(trial, lambda s: theme_changes.merge(s, theme=into, others=[lost.id], **who(trial)))
    trial.work()
    row = trial.themes()[lost.id]
    assert (row.state, row.redirect_id) == (ThemeState.MERGED, into)
    assert recounted(trial.database) == stored_counts(trial.database)
