import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.language.granularity import (
    RESOLUTIONS,
    lists_for_samples,
    repeated_cuts,
    together,
)
from models.language.neighbours import NOBODY, NeighbourLists
from models.language.propose import join
from tests.models.language.synthetic import mixture


def near_of(vectors: np.ndarray, length: int) -> np.ndarray:
    lists = NeighbourLists(lists_for_samples(length), vectors.shape[1])
    lists.add(vectors)
    return lists.near


@pytest.mark.parametrize("sizes", [[120] * 4, [60] * 12, [200, 100, 50, 40, 30, 30]])
def test_the_cut_that_repeats_is_the_one_that_was_mixed(sizes: list[int]) -> None:
    vectors, labels = mixture(sizes, seed=3)
    cuts = repeated_cuts(near_of(vectors, 15), length=15)
    assert len(cuts.labels) == 8
    coarse = cuts.labels[0]
    held = coarse != NOBODY
    assert 0.6 < held.mean() < 0.8
    pairs = set(zip(coarse[held].tolist(), labels[held].tolist(), strict=True))
    assert len(pairs) == len(sizes) == coarse.max() + 1


def test_the_same_lists_give_the_same_cuts_and_the_dial_turns_them() -> None:
    near = near_of(mixture([50] * 8, seed=4, spread=0.2)[0], 15)
    first, second = repeated_cuts(near, length=15), repeated_cuts(near, length=15)
    assert all(np.array_equal(a, b) for a, b in zip(first.labels, second.labels, strict=True))
    wide, narrow = (repeated_cuts(near, length=15, dial=dial) for dial in (0.02, 60.0))
    assert wide.step == narrow.step == first.step
    assert wide.labels[0].max() < first.labels[0].max() < narrow.labels[0].max()
    assert first.resolution == RESOLUTIONS[first.step]


def test_a_search_that_knows_the_last_answer_stays_near_it() -> None:
    near = near_of(mixture([50] * 8, seed=4)[0], 15)
    whole = repeated_cuts(near, length=15)
    assert repeated_cuts(near, length=15, last=whole.step).step <= whole.step + 2
    far = repeated_cuts(near, length=15, last=len(RESOLUTIONS) - 3).step
    assert far > whole.step  # it walks there, a look at a time


def test_one_community_of_everything_is_never_the_answer() -> None:
    vectors, _ = mixture([300], seed=5)
    assert all(labels.max() > 0 for labels in repeated_cuts(near_of(vectors, 15), length=15).labels)


@pytest.mark.parametrize("rows", [1, 2, 3, 5, 9])
def test_a_handful_of_rows_is_no_error(rows: int) -> None:
    cuts = repeated_cuts(near_of(mixture([rows], seed=6)[0], 4), length=4)
    assert {len(labels) for labels in cuts.labels} == {rows}


def test_shares_count_only_the_cuts_that_hold_both_themes() -> None:
    themes = np.array([1, 1, 2, 2, 3, 0])
    cuts = [np.array([0, 0, 0, 0, NOBODY, 0]), np.array([0, 1, 0, 0, 1, 1])]
    numbers, shares = together(cuts, themes)
    assert numbers.tolist() == [1, 2, 3]
    assert shares[0, 1] == pytest.approx((1.0 + 0.5) / 2)
    assert shares[0, 2] == pytest.approx(0.5)  # the first cut holds no row of theme 3
    assert shares[1, 2] == 0
    assert np.array_equal(shares, shares.T)


def joined(
    shares: np.ndarray, sizes: list[int], least: float, refused: set[frozenset[int]]
) -> list[tuple[int, int]]:
    done: list[tuple[int, int]] = []

    def merge(old: int, into: int) -> bool:
        if frozenset((old, into)) in refused:
            return False
        done.append((old, into))
        return True

    join(np.arange(1, len(sizes) + 1), shares, np.array(sizes), least=least, merge=merge)
    return done


def test_the_smaller_joins_the_larger_and_averages_decide_the_rest() -> None:
    shares = np.array([[1, 0.9, 0.8], [0.9, 1, 0.2], [0.8, 0.2, 1]])
    assert joined(shares, [10, 90, 5], 0.7, set()) == [(1, 2)]  # (10 * .8 + 90 * .2) / 100 is too little
    assert joined(shares, [90, 10, 5], 0.7, set()) == [(2, 1), (3, 1)]
    assert joined(shares, [90, 10, 5], 0.95, set()) == []


def test_what_may_not_join_does_not_join_by_way_of_another() -> None:
    shares = np.full((3, 3), 0.99)
    done = joined(shares, [3, 2, 1], 0.7, {frozenset((1, 2))})
    assert len(done) == 1
    assert frozenset(done[0]) in ({1, 3}, {2, 3})


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_joins_end_where_no_pair_has_the_least_share(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 7))
    drawn = np.array(data.draw(st.lists(st.floats(0, 1), min_size=count**2, max_size=count**2))).reshape(
        count, count
    )
    shares = (drawn + drawn.T) / 2
    sizes = data.draw(st.lists(st.integers(1, 9), min_size=count, max_size=count))
    groups = {theme: {theme} for theme in range(1, count + 1)}
    for old, into in joined(shares, sizes, 0.6, set()):
        groups[into] |= groups.pop(old)
    weight = np.array(sizes, dtype=float)
    for a, b in ((a, b) for a in groups for b in groups if a < b):
        one, other = ([each - 1 for each in sorted(groups[key])] for key in (a, b))
        pairs = shares[np.ix_(one, other)] * np.outer(weight[one], weight[other])
        assert pairs.sum() / (weight[one].sum() * weight[other].sum()) < 0.6 + 1e-9
