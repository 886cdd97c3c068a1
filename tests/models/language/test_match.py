"""Themes under another encoder are those with the same items."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.language.encode import IntArray
from models.language.events import Bookkeeping
from models.language.match import carry_books, carry_over, changes, match_themes, moved_share, overlaps

SORTED = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6), st.booleans()), max_size=60)


def array(*numbers: int) -> IntArray:
    return np.array(numbers, dtype=np.int64)


def columns(
    rows: list[tuple[int, int, bool]],
) -> tuple[IntArray, IntArray, "np.ndarray[tuple[int], np.dtype[np.bool_]]"]:
    old = np.array([row[0] for row in rows], dtype=np.int64)
    new = np.array([row[1] for row in rows], dtype=np.int64)
    # People hold what is in a theme.
    held = np.array([row[2] and row[0] != 0 for row in rows], dtype=bool)
    return old, new, held


def jaccard(old: IntArray, new: IntArray, a: int, b: int) -> float:
    """The plain definition, over sets."""
    one, other = set(np.flatnonzero(old == a)), set(np.flatnonzero(new == b))
    return len(one & other) / len(one | other)


# --- matching -----------------------------------------------------------------------------------------------


def test_the_same_items_are_the_same_theme() -> None:
    assert match_themes(array(1, 1, 1, 2, 2, 0), array(7, 7, 7, 4, 4, 0)) == {7: 1, 4: 2}


def test_a_theme_that_fell_in_three_matches_none() -> None:
    assert match_themes(array(1, 1, 1), array(1, 2, 3)) == {}


def test_at_exactly_one_half_the_lower_number_is_taken() -> None:
    # Both halves share half of theme 1.
    assert match_themes(array(1, 1, 1, 1), array(9, 9, 3, 3)) == {3: 1}
    # Both old themes are half of the new one.
    assert match_themes(array(5, 5, 2, 2), array(8, 8, 8, 8)) == {8: 2}


def test_what_waits_counts_in_its_theme_alone() -> None:
    # Two of theme 1's four items wait under the new encoder: shared 2 of 4.
    assert match_themes(array(1, 1, 1, 1), array(6, 6, 0, 0)) == {6: 1}
    assert match_themes(array(1, 1, 1, 1, 1), array(6, 6, 0, 0, 0)) == {}


def test_below_one_half_is_refused() -> None:
    with pytest.raises(ValueError, match="not unique"):
        match_themes(array(1), array(1), least=0.4)


@given(SORTED)
def test_matches_are_one_to_one_and_all_that_are_clear(rows: list[tuple[int, int, bool]]) -> None:
    old, new, _ = columns(rows)
    matched = match_themes(old, new)
    assert len(set(matched.values())) == len(matched)
    for b, a in matched.items():
        assert jaccard(old, new, a, b) >= 0.5
    for a in set(old.tolist()) - {0}:
        for b in set(new.tolist()) - {0}:
            if jaccard(old, new, a, b) > 0.5:
                assert matched[b] == a
            if jaccard(old, new, a, b) == 0.5:
                assert b in matched or a in matched.values()


@given(SORTED, st.permutations(range(1, 7)))
def test_names_of_new_themes_do_not_matter(rows: list[tuple[int, int, bool]], order: list[int]) -> None:
    """Above one half; at one half the numbers decide, which are the stream's own order of birth."""
    old, new, _ = columns(rows)
    renamed = np.array([0, *order], dtype=np.int64)[new] if len(new) else new
    plain, other = match_themes(old, new, least=0.51), match_themes(old, renamed, least=0.51)
    assert {order[b - 1]: a for b, a in plain.items()} == other


@given(SORTED)
def test_overlaps_count_every_item_once(rows: list[tuple[int, int, bool]]) -> None:
    old, new, _ = columns(rows)
    table = overlaps(old, new)
    assert table.shape[1] == 3
    assert table[:, 2].sum() == len(old)
    assert table[:, :2].tolist() == sorted(map(list, set(zip(old.tolist(), new.tolist(), strict=True))))


# --- carrying over ------------------------------------------------------------------------------------------


def test_unmatched_themes_get_new_numbers_in_order_of_birth() -> None:
    old, new = array(1, 1, 1, 1, 1, 2, 2), array(5, 5, 5, 8, 6, 3, 3)
    carried = carry_over(old, new, np.zeros(7, dtype=bool), known={}, next_theme=10)
    assert carried.after.tolist() == [1, 1, 1, 11, 10, 2, 2]
    assert (carried.names, carried.born) == ({5: 1, 3: 2, 6: 10, 8: 11}, (10, 11))


def test_held_items_stay_and_do_not_vote() -> None:
    # Of theme 1 a person holds three items; the free one is the whole of the new theme.
    old, new = array(1, 1, 1, 1), array(4, 5, 6, 9)
    carried = carry_over(old, new, np.array([True, True, True, False]), known={}, next_theme=2)
    assert carried.after.tolist() == [1, 1, 1, 1]
    assert carried.born == ()


def test_a_persons_theme_is_itself_and_may_be_joined() -> None:
    old, new = array(1, 1, 1, 1, 2), array(4, 4, 7, 7, 4)
    carried = carry_over(old, new, np.zeros(5, dtype=bool), known={4: 1}, next_theme=3)
    assert carried.after.tolist() == [1, 1, 1, 1, 1]


def test_a_number_in_use_is_never_given_again() -> None:
    with pytest.raises(ValueError, match="above every number"):
        carry_over(array(3), array(1), np.zeros(1, dtype=bool), known={}, next_theme=3)
    with pytest.raises(ValueError, match="above every number"):
        carry_over(array(0), array(1), np.zeros(1, dtype=bool), known={1: 9}, next_theme=3)


@pytest.mark.parametrize(
    ("old", "new", "held"),
    [(array(1), array(), [True]), (array(1), array(1), []), (array(1), array(1, 2), [True])],
)
def test_arrays_of_unequal_length_are_refused(old: IntArray, new: IntArray, held: list[bool]) -> None:
    with pytest.raises(ValueError, match="one entry per item"):
        carry_over(old, new, np.array(held, dtype=bool), known={}, next_theme=9)


@given(SORTED, st.dictionaries(st.integers(1, 3), st.integers(1, 6), max_size=2))
def test_nobody_loses_what_people_hold_and_no_two_themes_become_one(
    rows: list[tuple[int, int, bool]], known: dict[int, int]
) -> None:
    old, new, held = columns(rows)
    carried = carry_over(old, new, held, known=known, next_theme=20)
    assert (carried.after[held] == old[held]).all()
    assert ((carried.after == 0) == np.where(held, old == 0, new == 0)).all()
    free = [(b, carried.names[b]) for b in np.unique(new[~held]).tolist() if b]
    others = [number for b, number in free if b not in known]
    assert len(set(others)) == len(others)
    assert set(carried.born) <= set(others)
    assert all(number >= 20 for number in carried.born)


@given(SORTED)
def test_the_same_sorting_moves_nothing(rows: list[tuple[int, int, bool]]) -> None:
    old, _, held = columns(rows)
    carried = carry_over(old, old, held, known={}, next_theme=7)
    assert moved_share(old, carried.after) == 0
    assert all(change.stayed == change.before == change.after for change in changes(old, carried))


# --- what becomes of themes ---------------------------------------------------------------------------------


def test_what_became_of_a_lost_theme_is_told() -> None:
    old = array(1, 1, 1, 1, 1, 1, 2, 2, 2)
    new = array(5, 5, 6, 6, 7, 0, 9, 9, 9)
    carried = carry_over(old, new, np.zeros(9, dtype=bool), known={}, next_theme=3)
    one, two, first, *_ = changes(old, carried)
    assert (one.theme, one.before, one.after, one.is_lost, one.is_new) == (1, 6, 0, True, False)
    assert (one.other, one.other_items) == (3, 2)
    assert (two.theme, two.stayed, two.is_lost, two.other) == (2, 3, False, None)
    assert (first.theme, first.is_new, first.is_lost, first.other, first.other_items) == (
        3,
        True,
        False,
        1,
        2,
    )


@given(SORTED)
def test_changes_add_up(rows: list[tuple[int, int, bool]]) -> None:
    old, new, held = columns(rows)
    carried = carry_over(old, new, held, known={}, next_theme=7)
    found = changes(old, carried)
    assert sum(change.before for change in found) == (old != 0).sum()
    assert sum(change.after for change in found) == (carried.after != 0).sum()
    stayed = sum(change.stayed for change in found) + ((old == 0) & (carried.after == 0)).sum()
    assert stayed == (old == carried.after).sum()


def test_shares_are_of_items_or_of_those_that_count() -> None:
    old, after = array(1, 1, 0, 2), array(1, 3, 3, 2)
    assert moved_share(old, after) == 0.5
    assert moved_share(old, after, np.array([True, True, False, False])) == 0.5
    assert moved_share(old, after, np.array([True, False, False, True])) == 0
    assert moved_share(array(), array()) == 0
    assert moved_share(old, after, np.zeros(4, dtype=bool)) == 0


# --- the books afterwards -----------------------------------------------------------------------------------


def test_books_keep_ages_redirects_and_numbers() -> None:
    old, new = array(1, 1, 2, 2, 5, 5, 5), array(4, 4, 6, 6, 8, 9, 10)
    carried = carry_over(old, new, np.zeros(7, dtype=bool), known={}, next_theme=6)
    live = Bookkeeping(read=120, next_theme=6, next_refit=125, redirects=((3, 1),), holds=((1, 2, 90),))
    # Theme 7 was merged into 4; 11 has nothing left, and is nobody.
    shadow = Bookkeeping(
        read=100,
        next_theme=12,
        next_refit=108,
        redirects=((7, 4),),
        holds=((4, 6, 40), (6, 7, 70), (4, 7, 10), (6, 11, 20)),
        looked_at=80,
        looked_step=6,
    )
    books = carry_books(live, shadow, carried, next_theme=9)
    assert books == Bookkeeping(120, 9, 128, ((3, 1),), ((1, 2, 60),), looked_at=100, looked_step=6)


def test_books_of_a_stream_that_read_less_never_look_back_before_its_beginning() -> None:
    carried = carry_over(array(1, 2), array(1, 2), np.zeros(2, dtype=bool), known={}, next_theme=3)
    live = Bookkeeping(read=5, next_theme=3, next_refit=9, redirects=(), holds=())
    shadow = Bookkeeping(read=50, next_theme=3, next_refit=52, redirects=(), holds=((1, 2, 10),))
    books = carry_books(live, shadow, carried, next_theme=3)
    assert (books.holds, books.next_refit, books.read) == (((1, 2, 0),), 7, 5)
