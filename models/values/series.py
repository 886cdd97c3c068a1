"""A complaint series: counts over days, weeks or months, with their exposure and an optional control."""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from models.values.periods import Period

__all__ = ["Floats", "Period", "Series", "period_start"]

Floats = NDArray[np.float64]

DAYS_PER_WEEK = 7


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """Counts per period from `start` on, without holes in time: a period that was not observed holds nan.

    start: first day of the first period; counts: (n,) float64, at least 0, nan for a gap;
    exposure: (n,) float64 customer-days, nan where unknown, or None; control: (n,) float64 complaints of the
    reference themes, nan for a gap, or None. The arrays are made read-only. Raises ValueError where shapes
    differ, values are negative or infinite, or a month series does not start on the first of a month.
    """

    start: date
    period: Period
    counts: Floats
    exposure: Floats | None = None
    control: Floats | None = None

    def __post_init__(self) -> None:
        size = np.asarray(self.counts).size
        for name in ("counts", "exposure", "control"):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, _checked(name, value, size))
        if self.period is Period.MONTH and self.start.day != 1:
            raise ValueError(f"start must be the first of a month for a month series, not {self.start}")

    def __len__(self) -> int:
        return int(self.counts.size)

    @property
    def end(self) -> date:
        """The first day after the last period."""
        return period_start(self.start, self.period, len(self))

    def starts(self) -> tuple[date, ...]:
        """List the first day of every period."""
        return tuple(period_start(self.start, self.period, i) for i in range(len(self)))


def period_start(start: date, period: Period, steps: int) -> date:
    """Move `steps` periods (may be negative) from the period that begins at `start`."""
    if period is Period.MONTH:
        months = start.year * 12 + start.month - 1 + steps
        return date(months // 12, months % 12 + 1, 1)
    return start + timedelta(days=steps * (DAYS_PER_WEEK if period is Period.WEEK else 1))


def _checked(name: str, value: Floats, size: int) -> Floats:
    array = np.array(value, dtype=np.float64)
    if array.shape != (size,):
        raise ValueError(f"{name} must have shape ({size},) like counts, not {array.shape}")
    if np.any(array < 0) or np.any(np.isinf(array)):
        raise ValueError(f"{name} must be finite and at least 0 (nan for a gap)")
    array.flags.writeable = False
    return array
