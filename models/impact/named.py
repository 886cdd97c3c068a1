"""A series as a file names it, put together from its rows."""

from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.values.series import DAYS_PER_WEEK, Floats, Period, Series

Ints = NDArray[np.int64]

EPOCH: Final = date(1970, 1, 1).toordinal()
FIRST_YEAR, LAST_YEAR = 1900, 2199
"""Dates outside these years are slips of the pen or stand for "never"; sums of weeks with them overflow."""
LARGEST: Final = 1e12
"""Counts above it are no counts of complaints, and the squares of a fit to them leave float64."""
_SHORTEST_MONTH: Final = 28


@dataclass(frozen=True, slots=True)
class NamedSeries:
    """A series of a file with its release."""

    series_id: str
    release: date
    series: Series


def assemble(
    series_id: str, release: date, days: Ints, counts: Floats, exposure: Floats, control: Floats
) -> NamedSeries | None:
    """Put the rows of a series together; None where they are months that do not begin on the first.

    days: (n,) days since 1970-01-01, rising; counts, exposure, control: (n,) nan for a gap. A period between
    the first row and the last without a row is a gap. A column of gaps counts as missing.
    """
    period = period_of(days)
    if period is None:
        return None
    index = _steps(days, period)

    def column(values: Floats) -> Floats:
        if index.size == index[-1] + 1:
            return values
        full = np.full(int(index[-1]) + 1, np.nan)
        full[index] = values
        return full

    def known(values: Floats) -> Floats | None:
        return None if np.isnan(values).all() else column(values)

    start = date.fromordinal(EPOCH + int(days[0]))
    return NamedSeries(
        series_id, release, Series(start, period, column(counts), known(exposure), known(control))
    )


def period_of(days: Ints) -> Period | None:
    """Tell days, weeks and months apart by rising dates alone; gaps only widen the steps.

    Rows at least 28 days apart are months if all begin one. If half of them or more lead into the next
    calendar month without that, they are months dated by another day: None.
    """
    steps = np.diff(days)
    if not steps.size:
        return Period.DAY
    sparse = Period.DAY if np.any(steps % DAYS_PER_WEEK) else Period.WEEK
    if steps.min() < _SHORTEST_MONTH:
        return sparse
    months = _months(days)
    if np.array_equal(months.astype("datetime64[D]"), days.astype("datetime64[D]")):
        return Period.MONTH
    return None if 2 * np.count_nonzero(np.diff(months.astype(np.int64)) == 1) >= steps.size else sparse


def _steps(days: Ints, period: Period) -> Ints:
    """Give the number of periods (n,) from the first row to each."""
    if period is Period.MONTH:
        months = _months(days).astype(np.int64)
        since: Ints = months - months[0]
        return since
    steps: Ints = (days - days[0]) // (DAYS_PER_WEEK if period is Period.WEEK else 1)
    return steps


def _months(days: Ints) -> NDArray[np.datetime64]:
    return days.astype("datetime64[D]").astype("datetime64[M]")
