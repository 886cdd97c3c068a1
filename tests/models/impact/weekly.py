"""Weekly windows around a release, given or drawn from the engine's own model with known parameters."""

from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from models.impact.windows import Window

Floats = NDArray[np.float64]

RELEASE = date(2024, 3, 4)


def window(
    counts: Floats,
    *,
    before: int,
    wash_out: int = 0,
    exposure: Floats | None = None,
    control: Floats | None = None,
) -> Window:
    """Put counts (n,) into whole weeks, `before` of them before the release."""
    index = np.arange(-before, counts.size - before)
    return Window(
        release=RELEASE,
        starts=tuple(RELEASE + timedelta(weeks=int(week)) for week in index),
        weeks=index.astype(np.float64) + 0.5,
        counts=counts,
        exposure=np.ones(counts.size) if exposure is None else exposure,
        control=control,
        before=index < 0,
        after=index >= wash_out,
    )


def log_rates(
    rng: np.random.Generator,
    *,
    level: float,
    slope_sd: float = 0.003,
    season_sd: float = 0.03,
    spike_sd: float = 0.01,
    sigma: float = 0.2,
    phi: float = 0.5,
    before: int = 26,
    after: int = 8,
) -> Floats:
    """Draw log expected counts (before + after,) of a series to which nothing happens."""
    weeks = np.arange(-before, after) + 0.5
    path = np.empty(weeks.size)
    path[0] = rng.normal()
    for i in range(1, path.size):
        path[i] = phi * path[i - 1] + np.sqrt(1 - phi**2) * rng.normal()
    slope, sine, cosine, spike = rng.normal(0.0, [slope_sd, season_sd, season_sd, spike_sd])
    angle = 2 * np.pi * weeks * 7 / 365.25
    drift = slope * weeks + sine * np.sin(angle) + cosine * np.cos(angle)
    drift += np.where((weeks > -3) & (weeks < 0), spike, 0.0)
    total: Floats = np.log(level) + sigma * path + drift
    return total


def drawn(rng: np.random.Generator, log_rate: Floats, *, ratio: float = 1.0, before: int = 26) -> Floats:
    """Draw counts (n,) whose expectation changes by `ratio` from the release on."""
    change = np.where(np.arange(log_rate.size) >= before, ratio, 1.0)
    counts: Floats = rng.poisson(np.exp(log_rate) * change).astype(np.float64)
    return counts
