"""Long streams: what is let go, and that nothing else changes by it."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.language.discover import ThemeStream
from models.language.events import Bookkeeping, Constraints, ThemeSetting, ThemeState
from models.language.neighbours import NOBODY, NeighbourLists
from models.language.place import PENDING
from models.language.release import to_release
from tests.models.language.synthetic import mixture

SHORT = ThemeSetting(
    first_fit=200,
    refit_every=200,
    burst_after=300,
    burst_window=100,
    most_rows=1_200,
    kept_rows=900,
    theme_rows=5,
    merge_every=800,
)


def read(
    stream: ThemeStream, vectors: np.ndarray, start: int, stop: int
) -> tuple[dict[int, int], list[object]]:
    """Feed batches of 50 and return the theme each item entered last, and all events."""
    last: dict[int, int] = {}
    told: list[object] = []
    for first in range(start, stop, 50):
        ids = np.arange(first, min(first + 50, stop))
        events = stream.add(ids, vectors[ids])
        told.extend(events)
        last |= {item: event.theme for event in events for item in event.items}
    return last, told


def test_rows_stay_bounded_and_items_stay_where_they_are() -> None:
    vectors, labels = mixture([700, 600, 500, 500, 400, 300], seed=11)
    stream = ThemeStream(64, SHORT)
    released: set[int] = set()
    last: dict[int, int] = {}
    for first in range(0, 3_000, 50):
        ids = np.arange(first, first + 50)
        events = stream.add(ids, vectors[ids])
        gone = set(stream.released.tolist())
        if first % 1_000 == 950:
            events += stream.finish()  # as the worker does while many wait
        for event in events:
            assert released.isdisjoint(event.items)  # what was let go is not moved again
            last |= dict.fromkeys(event.items, event.theme)
        assert gone.isdisjoint(released)
        released |= gone
        assert len(stream.rows) <= SHORT.most_rows
        held = set(stream.assignments()[0].tolist())
        assert held.isdisjoint(released)
        assert held | released == set(range(first + 50))
    assert len(released) > 1_000
    found = np.array([stream.resolve(last[item]) if item in last else PENDING for item in range(3_000)])
    assert (found != PENDING).mean() > 0.95
    for theme in np.unique(found[found != PENDING]).tolist():
        counts = np.bincount(labels[found == theme])
        assert counts.max() >= 0.9 * counts.sum()
    rest, themes = stream.assignments()
    assert themes.tolist() == found[rest].tolist()


@pytest.mark.parametrize("stop", [1_000, 1_500, 2_150])
def test_a_long_stream_goes_on_after_a_restart_from_what_was_kept(stop: int) -> None:
    vectors, _ = mixture([800, 700, 500, 300, 200], seed=12)
    whole = ThemeStream(64, SHORT)
    read(whole, vectors, 0, stop)
    state = whole.state()
    assert (len(state.ids) < stop) == (stop > SHORT.most_rows)
    books = Bookkeeping.from_json(state.bookkeeping.to_json())
    again = ThemeStream.restore(
        ThemeState(state.ids, state.themes, state.arrived, books), vectors[state.ids], SHORT
    )
    assert read(whole, vectors, stop, 2_500)[1] == read(again, vectors, stop, 2_500)[1]
    assert whole.finish() == again.finish()


def test_bookkeeping_of_before_there_were_looks_can_be_read() -> None:
    books = Bookkeeping.from_json(
        '{"read": 7, "next_theme": 3, "next_refit": 9, "redirects": [], "holds": []}'
    )
    assert (books.looked_at, books.looked_step) == (0, None)


def test_expected_wordings_are_never_let_go() -> None:
    vectors, _ = mixture([900, 700], seed=13)
    constraints = Constraints(kept=frozenset({1}), seeds={1: vectors[:2]})
    stream = ThemeStream.restore(
        ThemeState(*(np.zeros(0, dtype=np.int64),) * 3, Bookkeeping(0, 2, 200, (), ())),
        np.zeros((0, 64), dtype=np.float32),
        replace(SHORT),
        constraints,
    )
    read(stream, vectors, 0, 1_600)
    assert len(stream.assignments()[0]) < 1_600
    assert stream.rows.seeds.tolist() == [0, 1]
    assert np.array_equal(stream.rows.lists.vectors[:2], vectors[:2])


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_what_may_go(data: st.DataObject) -> None:
    count = data.draw(st.integers(0, 60))
    themes = np.array(data.draw(st.lists(st.integers(0, 4), min_size=count, max_size=count)), dtype=np.int64)
    shut = np.array(data.draw(st.lists(st.booleans(), min_size=count, max_size=count)), dtype=bool)
    heads, arrived = np.arange(count) * 7 + 1, np.arange(count)
    keep, least = data.draw(st.integers(0, 60)), data.draw(st.integers(0, 5))
    gone = to_release(heads, themes, arrived, shut, since=count - 10, keep=keep, least=least)
    assert len(gone) == len(set(gone.tolist())) <= max(0, count - keep) or (themes[gone] == PENDING).any()
    assert not shut[gone].any()
    placed = gone[themes[gone] != PENDING]
    assert (arrived[placed] <= count - 10).all()
    stay = np.setdiff1d(np.arange(count), gone)
    for theme in {1, 2, 3, 4} & set(themes.tolist()):
        assert (themes[stay] == theme).sum() >= min(least, (themes == theme).sum())


def test_a_fair_sample_stays() -> None:
    themes = np.repeat([1, 2], [3_000, 1_000])
    gone = to_release(
        np.arange(4_000),
        themes,
        np.zeros(4_000, dtype=np.int64),
        np.zeros(4_000, dtype=bool),
        since=1,
        keep=2_000,
        least=20,
    )
    assert len(gone) == 2_000
    assert (themes[gone] == 1).mean() == pytest.approx(0.75, abs=0.03)
    assert np.corrcoef(gone, np.arange(2_000))[0, 1] > 0.99  # by no order of arrival
    assert gone.mean() == pytest.approx(2_000, abs=80)


def test_lists_are_exact_as_far_as_they_reach_and_whole_again_when_asked() -> None:
    vectors, _ = mixture([300, 200], seed=14)
    lists = NeighbourLists(24, 64, least=15)
    lists.add(vectors[:400])
    kept = np.arange(400)
    rng = np.random.default_rng(15)
    for first in range(400, 500, 20):
        drop = np.sort(rng.permutation(len(kept))[:40])
        lists.remove(drop)
        kept = np.delete(kept, drop)
        lists.add(vectors[first : first + 20])
        kept = np.concatenate([kept, np.arange(first, first + 20)])
        fresh = NeighbourLists(24, 64)
        fresh.add(vectors[kept])
        reach = (lists.near != NOBODY).sum(axis=1)
        assert reach.min() >= 15
        for row, long in enumerate(reach.tolist()):
            assert lists.near[row, :long].tolist() == fresh.near[row, :long].tolist()
    assert reach.min() < 24
    lists.complete()
    assert np.array_equal(lists.near, fresh.near)
    assert np.array_equal(lists.cosine, fresh.cosine)
