"""Small counts: hidden, and not to be had by subtraction either, even by a reader who knows the code."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import product

import pytest

from service.suppression import add_shown, mask, may_show, may_show_total

Shown = tuple[tuple[int | None, ...], int | None]
World = tuple[tuple[int, ...], int]
Publish = Callable[[Sequence[int], int, int], Shown]


def worlds(parts: int, least: int) -> Iterator[World]:
    """Every split up to a size, with every number of complaints that lie in none of its parts."""
    for counts in product(range(least + 4), repeat=parts):
        # Far enough that every small count beside a part of up to `least` could be another one.
        for outside in range((parts + 2) * least + 1):
            yield counts, outside


def shown(counts: Sequence[int], outside: int, least: int) -> Shown:
    total = sum(counts) + outside
    may_stand = may_show_total(total, counts, least)
    return tuple(mask(count, least) for count in counts), total if may_stand else None


def masked_only(counts: Sequence[int], outside: int, least: int) -> Shown:
    return tuple(mask(count, least) for count in counts), sum(counts) + outside


def given_away(publish: Publish, least: int, parts: int) -> list[World]:
    """List the worlds whose published numbers leave one possible value for a count of 1 to least - 1."""
    possible: dict[Shown, list[World]] = defaultdict(list)
    for counts, outside in worlds(parts, least):
        possible[publish(counts, outside, least)].append((counts, outside))
    found = []
    for same in possible.values():
        rows = [(*counts, outside, sum(counts) + outside) for counts, outside in same]
        for values in (set(column) for column in zip(*rows, strict=True)):
            if len(values) == 1 and 0 < values.pop() < least:
                found += [world for world in same if world[1] <= least]
    return found


@pytest.mark.parametrize(("least", "parts"), [(3, 4), (4, 3), (5, 3), (5, 2), (5, 1)])
def test_no_small_count_follows_from_the_rest(least: int, parts: int) -> None:
    assert given_away(shown, least, parts) == []


@pytest.mark.parametrize(("least", "parts"), [(3, 2), (5, 2)])
def test_hiding_small_counts_alone_would_give_them_away(least: int, parts: int) -> None:
    assert given_away(masked_only, least, parts)


@pytest.mark.parametrize(("least", "parts"), [(3, 3), (5, 2)])
def test_no_small_group_of_parts_follows_either(least: int, parts: int) -> None:
    for counts, outside in worlds(parts, least):
        cells, total = shown(counts, outside, least)
        rest = None if total is None else total - add_shown(cells)
        assert rest is None or rest == 0 or rest >= least


def test_small_counts_are_hidden_and_zero_and_large_ones_stay() -> None:
    assert [mask(count, 5) for count in (0, 1, 4, 5, 90)] == [0, None, None, 5, 90]


@pytest.mark.parametrize(
    ("total", "parts", "may"),
    [
        (49, [9, 40], True),  # nothing is hidden, nothing is left
        (56, [9, 40], True),  # 7 lie in no part
        (52, [9, 40], False),  # 3 lie in no part
        (52, [3, 9, 40], False),  # the hidden one is all that is left
        (59, [3, 9, 40], True),  # 10 are left: it may be any
        (45, [1, 1, 1, 1, 1, 40], False),  # five are left for five
        (3, [3], False),
        (0, [0, 0], True),
        (12, [9, 9], False),  # one person with two themes in a ticket: the parts are more than the whole
    ],
)
def test_a_total_stands_only_where_the_rest_tells_nothing(total: int, parts: list[int], may: bool) -> None:
    assert may_show_total(total, parts, 5) == may


def test_sums_are_made_of_what_is_shown() -> None:
    assert add_shown([None, 9, 0, 40]) == 49
    assert add_shown([]) == 0


def test_a_theme_is_shown_from_the_least_group_on() -> None:
    assert [may_show(people, 5) for people in (0, 4, 5)] == [False, False, True]
