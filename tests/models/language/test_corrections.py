"""What people decided about themes is obeyed by every batch and refit that follows."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.language.discover import Constraints, Event, EventKind, ThemeSetting, ThemeStream
from models.language.encode import FloatArray, IntArray, unit_rows
from tests.models.language.synthetic import mixture

QUICK = ThemeSetting(first_fit=150, burst_after=300, burst_window=150)
SIZES = [90, 80, 70, 60, 50]


def fed(
    vectors: FloatArray,
    constraints: Constraints,
    *,
    count: int | None = None,
    setting: ThemeSetting = QUICK,
) -> ThemeStream:
    stream = ThemeStream(vectors.shape[1], setting, constraints)
    feed(stream, vectors[: count or len(vectors)])
    return stream


def feed(stream: ThemeStream, vectors: FloatArray, *, first: int = 0) -> list[Event]:
    events: list[Event] = []
    for start in range(first, len(vectors), 50):
        part = vectors[start : start + 50]
        events += stream.add(np.arange(start, start + len(part), dtype=np.int64), part)
    return events


def again(
    stream: ThemeStream, vectors: FloatArray, constraints: Constraints, *, setting: ThemeSetting = QUICK
) -> ThemeStream:
    """Load the stream as a worker does once somebody decided something."""
    return ThemeStream.restore(stream.state(), vectors, setting, constraints)


def theme_of(stream: ThemeStream, item: int) -> int:
    ids, themes = stream.assignments()
    return int(themes[ids == item][0])


def placed(stream: ThemeStream) -> IntArray:
    return np.unique(stream.assignments()[1][stream.assignments()[1] > 0])


# --- items put somewhere by hand -----------------------------------------------------------------------------


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_an_item_stays_where_a_person_put_it(data: st.DataObject) -> None:
    vectors, _ = mixture(SIZES, seed=data.draw(st.integers(0, 10_000)))
    half = fed(vectors, Constraints(), count=200)
    half.finish()
    numbers = placed(half).tolist()
    chosen = data.draw(st.lists(st.integers(0, 199), min_size=1, max_size=20, unique=True))
    held = {item: data.draw(st.sampled_from(numbers)) for item in chosen}
    stream = again(half, vectors[:200], Constraints(held=held))
    events = [*feed(stream, vectors, first=200), *stream.finish()]
    for item, theme in held.items():
        assert theme_of(stream, item) == stream.resolve(theme)
    assert not {item for event in events for item in event.items} & set(chosen)


def test_a_copy_that_an_undone_act_left_elsewhere_stays_there_after_a_restart() -> None:
    vectors, _ = mixture([40, 40], seed=3)
    vectors[79] = vectors[0]
    stream = fed(vectors, Constraints())
    stream.finish()
    state = stream.state()
    themes = state.themes.copy()
    themes[[0, 79]] = placed(stream)[:2]
    stored = replace(state, themes=themes)
    restored = ThemeStream.restore(stored, vectors, QUICK)
    assert restored.assignments()[1].tolist() == themes.tolist()
    restored.remove([1])
    assert [theme_of(restored, item) for item in (0, 79)] == themes[[0, 79]].tolist()


def test_a_held_item_that_comes_again_goes_where_it_was_put() -> None:
    vectors, _ = mixture(SIZES, seed=3)
    stream = fed(vectors, Constraints())
    stream.finish()
    target = int(placed(stream)[-1])
    other = next(i for i in range(len(vectors)) if theme_of(stream, i) != target)
    held = again(stream, vectors, Constraints(held={other: target}))
    held.remove([other])
    (event,) = held.add(np.array([other]), vectors[:1])  # its text is another one by now
    assert (event.kind, event.theme, event.items) == (EventKind.PLACED, target, (other,))
    assert theme_of(held, other) == target


def test_copies_of_a_held_item_stay_where_they_are_and_new_ones_join_them() -> None:
    vectors, _ = mixture(SIZES, seed=4)
    vectors[10:13] = vectors[9]
    stream = fed(vectors, Constraints())
    stream.finish()
    home = theme_of(stream, 9)
    target = next(theme for theme in placed(stream).tolist() if theme != home)
    held = again(stream, vectors, Constraints(held={9: target}))
    assert [theme_of(held, item) for item in (9, 10, 11, 12)] == [target, home, home, home]
    held.add(np.array([900]), vectors[9:10])
    assert theme_of(held, 900) == home
    held.remove([10])
    assert [theme_of(held, item) for item in (9, 11, 12, 900)] == [target, home, home, home]


# --- themes joined and parted by hand ------------------------------------------------------------------------


def test_what_a_person_joined_is_not_taken_apart() -> None:
    """A subject breaks out, a person puts it back, and goes on breaking out: only what comes later may leave."""
    vectors, labels = mixture([300, 60, 60, 90], seed=5)
    order = np.argsort(labels == 3, kind="stable")
    vectors, old_item = vectors[order], int(np.flatnonzero(labels[order] == 0)[0])
    coarse = replace(QUICK, granularity=0.04)  # so few rows show no burst at the ordinary dial
    stream = fed(vectors, Constraints(), count=480, setting=coarse)
    stream.finish()
    new, old = theme_of(stream, 479), theme_of(stream, old_item)
    assert new != old
    stream.merge(new, into=old)
    items = [item for item in range(480) if theme_of(stream, item) == old]
    read = stream.state().bookkeeping.read

    def left(constraints: Constraints) -> set[int]:
        later = again(stream, vectors[:480], constraints, setting=coarse)
        feed(later, vectors, first=480)
        return {item for item in items if theme_of(later, item) != old}

    assert len(left(Constraints())) >= 10  # else nothing is shown below
    assert left(Constraints(settled={old: read})) == set()


def test_a_theme_that_was_split_is_not_joined_again() -> None:
    vectors, _ = mixture([120, 120], seed=7)
    stream = fed(vectors, Constraints())
    stream.finish()
    home = theme_of(stream, 0)
    members = [int(i) for i in stream.assignments()[0] if theme_of(stream, int(i)) == home]
    part = members[::3]
    state = stream.state()
    number = state.bookkeeping.next_theme
    themes = np.where(np.isin(state.ids, part), number, state.themes)

    def after(constraints: Constraints) -> ThemeStream:

        books = replace(state.bookkeeping, next_theme=number + 1)
        split = ThemeStream.restore(
            replace(state, themes=themes, bookkeeping=books), vectors, QUICK, constraints
        )
        split.finish()
        return split

    assert after(Constraints()).resolve(number) != number  # the same subject: a refit joins it
    kept = after(Constraints(apart=frozenset({frozenset((home, number))}), held=dict.fromkeys(part, number)))
    assert kept.resolve(number) == number
    assert all(theme_of(kept, item) == number for item in part)


# --- seeds ---------------------------------------------------------------------------------------------------


def seeded(*vectors: FloatArray) -> Constraints:
    seeds = {number: unit_rows(each) for number, each in enumerate(vectors, start=1)}
    return Constraints(kept=frozenset(seeds), seeds=seeds)


def planted(constraints: Constraints) -> ThemeStream:
    """A stream in which themes were expected before there were items."""
    state = ThemeStream(64, QUICK).state()

    books = replace(state.bookkeeping, next_theme=1 + len(constraints.seeds))
    return ThemeStream.restore(
        replace(state, bookkeeping=books), np.zeros((0, 64), dtype=np.float32), QUICK, constraints
    )


def test_a_theme_that_is_expected_takes_its_items_and_no_others() -> None:
    vectors, labels = mixture([80, 80, 80], seed=8)
    centre = vectors[labels == 1].mean(axis=0)
    stream = planted(seeded(centre[None]))
    feed(stream, vectors)
    stream.finish()
    themes = stream.assignments()[1]
    assert (themes[labels == 1] == 1).mean() > 0.95
    assert (themes[labels != 1] == 1).sum() == 0
    assert len(set(themes[labels != 1].tolist()) - {0}) >= 2


def test_an_expected_theme_may_stay_empty() -> None:
    vectors, _ = mixture([80, 80], seed=9)
    nothing = np.random.default_rng(10).normal(size=(1, 64)).astype(np.float32)
    stream = planted(seeded(nothing))
    feed(stream, vectors)
    stream.finish()
    assert 1 not in stream.assignments()[1]
    assert stream.resolve(1) == 1


def test_seeds_are_no_items_and_outlive_the_items() -> None:
    vectors, labels = mixture([60, 60], seed=11)
    stream = planted(seeded(vectors[labels == 0].mean(axis=0)[None]))
    feed(stream, vectors)
    assert len(stream.assignments()[0]) == 120
    state = stream.state()
    assert (len(state.ids), len(state.themes), len(state.arrived)) == (120, 120, 120)
    stream.remove(range(0, 120, 2))
    stream.remove(range(120))
    stream.add(np.array([500]), vectors[labels == 0][:1])
    assert theme_of(stream, 500) == 1


def test_a_stream_with_seeds_goes_on_after_a_restart_as_if_there_had_been_none() -> None:
    vectors, labels = mixture(SIZES, seed=12)
    constraints = seeded(vectors[labels == 2].mean(axis=0)[None], vectors[labels == 4].mean(axis=0)[None])
    whole, parted = planted(constraints), planted(constraints)
    feed(whole, vectors[:200])
    feed(parted, vectors[:200])
    parted = again(parted, vectors[:200], constraints)
    assert feed(whole, vectors, first=200) == feed(parted, vectors, first=200)
    assert whole.finish() == parted.finish()


@pytest.mark.parametrize("count", [1, 3])
def test_seeds_change_nothing_for_items_that_are_far_from_them(count: int) -> None:
    vectors, _ = mixture(SIZES, seed=13)
    far = np.zeros((count, 64), dtype=np.float32)
    far[:, -1] = 1.0
    far_from = unit_rows(np.concatenate([vectors[:, :-1], np.zeros((len(vectors), 1))], axis=1))
    plain = fed(far_from, Constraints())
    plain.finish()
    stream = planted(seeded(unit_rows(far)))
    feed(stream, far_from)
    stream.finish()
    mine, theirs = stream.assignments()[1], plain.assignments()[1]
    assert len(placed(stream)) == len(placed(plain))
    pairs = set(zip(mine.tolist(), theirs.tolist(), strict=True))
    assert len(pairs) == len({theme for theme, _ in pairs})
