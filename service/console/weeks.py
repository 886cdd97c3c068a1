"""Calendar weeks of the console: which are complete, and what days add up to in them. Pure functions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from service.suppression import add_shown

Cell = int | None
"""A week's complaints; None where the number is not shown to the reader."""

WEEK: Final = timedelta(days=7)
RECENT: Final = 4
"""Weeks that "lately" means: volumes and changes compare the last four complete weeks with the four before."""
SHOWN: Final = 26
"""Weeks in sparklines and in the chart of all complaints."""


def complete_weeks(end: date, count: int) -> tuple[date, ...]:
    """List the Mondays of the last `count` ISO weeks that are over by `end` (exclusive), oldest first."""
    last = end - timedelta(days=end.weekday()) - WEEK
    return tuple(last - WEEK * back for back in range(count - 1, -1, -1))


def weeks_between(first: date, end: date) -> int:
    """Count the ISO weeks that are over by `end`, from the one that holds the day `first` on; at least 1."""
    begin = first - timedelta(days=first.weekday())
    return max((end - timedelta(days=end.weekday()) - begin).days // 7, 1)


def add_up(days: Mapping[date, int], mondays: Sequence[date]) -> tuple[int, ...]:
    """Add days up to the weeks that begin on these Mondays; a day without a value is 0."""
    return tuple(sum(days.get(monday + timedelta(days=i), 0) for i in range(7)) for monday in mondays)


@dataclass(frozen=True, slots=True)
class Lately:
    """Complaints in the last four complete weeks and in the four before; `since` and `until` bound the last.

    Each number is the sum of the weeks that the reader is shown; partial: some of them are not. gaps: how many of the
    weeks are not complete because a source was silent, so that the sums are too low by nobody knows how much.
    """

    now: int
    before: int
    since: date
    until: date
    now_partial: bool = False
    before_partial: bool = False
    now_gaps: int = 0
    before_gaps: int = 0

    @property
    def gaps(self) -> int:
        """Return how many of the eight weeks are not complete."""
        return self.now_gaps + self.before_gaps

    @property
    def ratio(self) -> float | None:
        """Now ÷ before; None where there was nothing before, or a week is not shown or not complete."""
        is_known = self.before and not (self.now_partial or self.before_partial or self.gaps)
        return self.now / self.before if is_known else None


def lately(cells: Sequence[Cell], mondays: Sequence[date], gaps: Sequence[bool] = ()) -> Lately:
    """Compare the last four of these weeks with the four before; `gaps` says which weeks are not complete."""
    now, before = cells[-RECENT:], cells[-2 * RECENT : -RECENT]
    return Lately(
        add_shown(now),
        add_shown(before),
        mondays[-RECENT],
        mondays[-1] + WEEK,
        None in now,
        None in before,
        sum(gaps[-RECENT:]),
        sum(gaps[-2 * RECENT : -RECENT]),
    )


def without_gaps(cells: Sequence[Cell], gaps: Sequence[bool]) -> tuple[Cell, ...]:
    """Leave out the weeks that are not complete, for a line that breaks there."""
    return tuple(None if is_gap else cell for cell, is_gap in zip(cells, gaps, strict=True))
