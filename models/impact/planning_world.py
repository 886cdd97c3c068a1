"""The world that a plan takes for true: counts with known noise, and nothing that moves by itself."""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.impact.setting import Setting
from models.impact.windows import Window, frame
from models.values.series import DAYS_PER_WEEK, Period, Series

Floats = NDArray[np.float64]

WEEKS_BEFORE: Final = 26
LONGEST_WEEKS: Final = 52
_MOST_WEEKLY: Final = 1e6  # above it chance moves a count by less than a thousandth, and noise alone matters
_DAY_ZERO: Final = date(2000, 1, 3)
_SEED: Final = 20


@dataclass(frozen=True, slots=True)
class World:
    """Complaints that come at a steady rate but for a latent AR(1) term in the log rate.

    weekly: complaints expected before; noise, memory: standard deviation of that term and its correlation
    from one week to the next; wash_out: weeks.
    """

    weekly: float
    noise: float
    memory: float
    wash_out: int


@dataclass(frozen=True, slots=True, eq=False)
class Draws:
    """Releases drawn from a world: relative log rates (78, M) and counts before (26, M).

    The same seed for all worlds, weeks and falls, so that plans can be compared with each other.
    """

    world: World
    log_rate: Floats
    before: Floats

    def counts(self, fall: float, weeks: int) -> Floats:
        """Give counts (26 + weeks, M) where the rate falls by a share at the release."""
        after = self.log_rate[WEEKS_BEFORE : WEEKS_BEFORE + weeks]
        mean = _capped(self.world.weekly) * (1 - fall) * np.exp(after)
        return np.concatenate([self.before, np.random.default_rng(_SEED).poisson(mean)])


def draw(world: World, size: int) -> Draws:
    """Draw `size` releases with 26 weeks before and 52 after."""
    rng = np.random.default_rng(_SEED + 1)
    steps = rng.normal(size=(WEEKS_BEFORE + LONGEST_WEEKS, size))
    path = steps.copy()
    for week in range(1, len(path)):
        path[week] = world.memory * path[week - 1] + np.sqrt(1 - world.memory**2) * steps[week]
    log_rate = world.noise * path
    before = rng.poisson(_capped(world.weekly) * np.exp(log_rate[:WEEKS_BEFORE]))
    return Draws(world, log_rate, before.astype(np.float64))


def window(world: World, weeks: int) -> Window:
    """Frame a release so many weeks after all customers had it, with the expected count in every week."""
    size = WEEKS_BEFORE + weeks
    release = _DAY_ZERO + timedelta(weeks=WEEKS_BEFORE)
    flat = np.full(size, _capped(world.weekly))
    return frame(
        Series(start=_DAY_ZERO, period=Period.WEEK, counts=flat, exposure=np.ones(size)),
        release_start=release,
        release_full=release,
        read_through=release + timedelta(weeks=weeks),
        wash_out_days=world.wash_out * DAYS_PER_WEEK,
        longest_before_days=Setting().longest_before_days,
    )


def windows(blank: Window, counts: Floats) -> list[Window]:
    """Put counts (n, M) into a window, one by one."""
    return [replace(blank, counts=each) for each in counts.T]


def _capped(weekly: float) -> float:
    return min(weekly, _MOST_WEEKLY)
