"""Which days and sources are compared where sources begin or end: few left out, enough left, and never a fall of it."""

from datetime import date, timedelta

import numpy as np
import pytest

from models.impact.coverage import Compared, Part, choose_compared
from models.impact.setting import Case
from models.values.coverage import Span
from models.values.series import Period, Series
from tests.models.impact.asking import FINAL, RELEASE, Floats

BEFORE, AFTER = 26 * 7, 8 * 7
START, END = RELEASE - timedelta(days=BEFORE), RELEASE + timedelta(days=AFTER)


def day(weeks: int) -> date:
    """The day so many weeks after the release."""
    return RELEASE + timedelta(weeks=weeks)


def part(daily: float, start: date = START, end: date | None = None) -> Part:
    """A source that brings so many complaints on each day that it covers."""
    days = np.arange(BEFORE + AFTER)
    low, high = (start - START).days, ((end or END) - START).days
    return Part(Span(start, end), np.where((days >= low) & (days < high), daily, 0.0))


def chosen(*parts: Part, steady: float = 0.0, through: date = END, full: date = RELEASE) -> Compared:
    """Choose for these parts, beside sources that cover all days and bring `steady` a day."""
    counts: Floats = sum((each.counts for each in parts), np.full(BEFORE + AFTER, steady))
    series = Series(START, Period.DAY, counts[: (through - START).days])
    return choose_compared(Case(series, RELEASE, full, through, FINAL), parts)


def said(found: Compared) -> tuple[date, date, tuple[int, ...], bool, bool]:
    return found.start, found.end, found.left_out, found.is_fair, found.is_long


def test_where_all_sources_cover_all_days_nothing_is_left_out() -> None:
    assert said(chosen(steady=5.0)) == (START, END, (), True, True)
    assert said(chosen(part(5.0), part(1.0), steady=5.0)) == (START, END, (), True, True)


@pytest.mark.parametrize(("daily", "is_fair"), [(0.5, True), (0.9, True), (1.1, False), (10.0, False)])
def test_a_source_that_begins_at_the_release_is_left_out_where_it_brings_little(
    daily: float, is_fair: bool
) -> None:
    found = chosen(part(daily, day(0)), steady=5.0)
    assert (found.left_out, found.is_fair) == ((0,), is_fair)
    assert (found.start, found.end) == (START, END)


@pytest.mark.parametrize(("daily", "is_fair"), [(0.9, True), (10.0, False)])
def test_a_source_that_ends_soon_after_the_release_is_left_out_where_it_brought_little(
    daily: float, is_fair: bool
) -> None:
    found = chosen(part(daily, end=day(3)), steady=5.0)
    if is_fair:
        assert said(found) == (START, END, (0,), True, True)
    else:  # with it three weeks are left, without it too little
        assert said(found) == (START, day(3), (), True, False)


def test_of_a_source_alone_only_the_days_that_it_covers_are_compared() -> None:
    assert said(chosen(part(5.0, end=day(3)))) == (START, day(3), (), True, False)
    assert said(chosen(part(5.0, end=day(6)))) == (START, day(6), (), True, True)
    found = chosen(part(5.0, day(-6)))
    assert said(found) == (day(-6), END, (), True, False)


def test_a_large_source_that_began_lately_shortens_the_history_and_a_small_one_is_left_out() -> None:
    assert said(chosen(part(5.0, day(-16)), steady=5.0)) == (day(-16), END, (), True, True)
    assert said(chosen(part(0.2, day(-16)), steady=5.0)) == (START, END, (0,), True, True)


def test_what_ended_long_before_the_release_needs_not_be_compared() -> None:
    assert said(chosen(part(9.0, end=day(-14)), steady=5.0)) == (day(-14), END, (), True, True)
    # Nearer to the release too little history is left without it.
    assert not chosen(part(9.0, end=day(-6)), steady=5.0).is_long


def test_an_old_source_that_gives_way_to_a_new_one_is_no_comparison() -> None:
    found = chosen(part(5.0, end=day(0)), part(5.0, day(0)))
    assert not (found.is_fair and found.is_long)
    beside = chosen(part(5.0, end=day(0)), part(5.0, day(0)), steady=5.0)
    assert not beside.is_fair


def test_a_source_without_a_complaint_here_is_nothing_to_the_comparison() -> None:
    assert said(chosen(part(0.0, day(0)), part(0.0, end=day(0)), steady=5.0)) == (START, END, (), True, True)


def test_a_fall_of_what_is_left_does_not_make_a_small_source_large() -> None:
    """What is left out is held against what usually comes, not against what came."""
    small, steady = part(0.6, day(0)), np.full(BEFORE + AFTER, 5.0)
    steady[BEFORE:] = 1.0
    series = Series(START, Period.DAY, steady + small.counts)
    assert choose_compared(Case(series, RELEASE, RELEASE, END, FINAL), [small]).is_fair


def test_a_source_that_begins_within_the_roll_out_or_the_wash_out_is_new_as_well() -> None:
    for start in (RELEASE + timedelta(days=3), RELEASE + timedelta(days=10)):
        assert not chosen(part(5.0, start), steady=5.0, full=RELEASE + timedelta(days=7)).is_fair


@pytest.mark.parametrize("weeks", [0, 1, 8, 40])
def test_a_release_before_all_data_is_no_error(weeks: int) -> None:
    release = START - timedelta(weeks=weeks)
    series = Series(START, Period.DAY, np.full(BEFORE + AFTER, 5.0))
    for parts in ([], [part(5.0, day(-9))]):
        found = choose_compared(Case(series, release, release, END, FINAL), parts)
        assert START <= found.start <= found.end <= END
        assert not found.is_long


@pytest.mark.parametrize("through", [START, day(-3), day(0), day(1)])
def test_data_that_end_before_anything_can_be_compared_are_no_error(through: date) -> None:
    found = chosen(part(5.0, day(-30)), part(1.0, day(-2)), part(1.0, day(2)), steady=5.0, through=through)
    assert found.start <= found.end <= max(through, START)
