"""Calendar weeks of the console: which are complete, and what days add up to in them. Pure functions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

WEEK: Final = timedelta(days=7)
RECENT: Final = 4
"""Weeks that "lately" means: volumes and changes compare the last four complete weeks with the four before."""
SHOWN: Final = 26
"""Weeks in sparklines and in the chart of all complaints."""


def complete_weeks(end: date, count: int) -> tuple[date, ...]:
    """List the Mondays of the last `count` ISO weeks that are over by `end` (exclusive), oldest first."""
    last = end - timedelta(days=end.weekday()) - WEEK
    return tuple(last - WEEK * back for back in range(count - 1, -1, -1))


def add_up(days: Mapping[date, float], mondays: Sequence[date]) -> tuple[float, ...]:
    """Add days up to the weeks that begin on these Mondays; a day without a value is 0."""
    return tuple(sum(days.get(monday + timedelta(days=i), 0) for i in range(7)) for monday in mondays)


@dataclass(frozen=True, slots=True)
class Lately:
    """Complaints in the last four complete weeks and in the four before; `since` and `until` bound the last."""

    now: int
    before: int
    since: date
    until: date

    @property
    def ratio(self) -> float | None:
        """Now ÷ before; None where there was nothing before."""
        return self.now / self.before if self.before else None


def lately(days: Mapping[date, float], end: date) -> Lately:
    """Compare the last four weeks that are over by `end` with the four before."""
    mondays = complete_weeks(end, 2 * RECENT)
    sums = add_up(days, mondays)
    now, before = sum(sums[RECENT:]), sum(sums[:RECENT])
    return Lately(int(now), int(before), mondays[RECENT], mondays[-1] + WEEK)
