"""Daily complaint series with known truth, in a few regimes that real ones resemble."""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from models.values.series import Period, Series

Floats = NDArray[np.float64]

RELEASE = date(2026, 3, 4)
DAYS_BEFORE = 182
DAYS_AFTER = 56
_WEEKDAYS = np.array([1.2, 1.15, 1.1, 1.1, 1.0, 0.7, 0.75])
_CONTROL_LEVEL = 40.0


@dataclass(frozen=True, slots=True)
class Regime:
    """How a series is made.

    level: complaints a day; dispersion: negative binomial, variance = mean + dispersion * mean²; sigma, phi:
    sd and daily memory of the latent log rate; shared: sd of a weekly-lasting shock that hits the control
    too; trend: log rate a week; selected: the release came right after the worst fortnight of a longer
    history.
    """

    level: float
    dispersion: float = 0.1
    sigma: float = 0.0
    phi: float = 0.9
    shared: float = 0.0
    trend: float = 0.0
    selected: bool = False


REGIMES = {
    "low": Regime(0.25, dispersion=0.2),
    "daily": Regime(1.0, dispersion=0.3, sigma=0.25),
    "steady": Regime(5.0, dispersion=0.2),
    "memory": Regime(5.0, dispersion=0.2, sigma=0.22),
    "long memory": Regime(20.0, dispersion=0.1, sigma=0.3, phi=0.96),
    "many": Regime(50.0, dispersion=0.1, sigma=0.18),
    "growing": Regime(5.0, dispersion=0.2, sigma=0.18, trend=0.012),
    "shared shocks": Regime(20.0, dispersion=0.1, sigma=0.1, shared=0.25),
    "after a bad fortnight": Regime(5.0, dispersion=0.2, sigma=0.22, selected=True),
}


def series(regime: Regime, *, ratio: float, rng: np.random.Generator) -> Series:
    """Draw a series of 26 weeks before and 8 after `RELEASE`, whose rate changes by `ratio` on that day."""
    extra = 182 if regime.selected else 0
    total = extra + DAYS_BEFORE + DAYS_AFTER
    exposure = np.round(1000 * 1.01 ** (np.arange(total) / 7) * rng.normal(1.0, 0.003, total))
    week = np.resize(_WEEKDAYS, total) * exposure / 1000
    shock = _latent(regime.shared, 0.95, total, rng)
    log_rate = _latent(regime.sigma, regime.phi, total, rng) + shock
    log_rate += regime.trend * (np.arange(total) - total + DAYS_AFTER) / 7
    base = _counts(regime.level * week * np.exp(log_rate), regime.dispersion, rng)
    first = _worst_fortnight_end(base) - DAYS_BEFORE if regime.selected else 0
    after = np.arange(total) >= first + DAYS_BEFORE
    changed = _counts(regime.level * week * np.exp(log_rate) * ratio, regime.dispersion, rng)
    control = _counts(_CONTROL_LEVEL * week * np.exp(shock), 0.02, rng)
    window = slice(first, first + DAYS_BEFORE + DAYS_AFTER)
    return Series(
        start=RELEASE - timedelta(days=DAYS_BEFORE),
        period=Period.DAY,
        counts=np.where(after, changed, base)[window],
        exposure=exposure[window],
        control=control[window],
    )


def _worst_fortnight_end(counts: Floats) -> int:
    sums = np.convolve(counts, np.ones(14), mode="valid")
    ends = np.arange(14, counts.size + 1)
    allowed = (ends >= DAYS_BEFORE) & (ends <= counts.size - DAYS_AFTER)
    return int(ends[allowed][np.argmax(sums[allowed])])


def _latent(sigma: float, phi: float, size: int, rng: np.random.Generator) -> Floats:
    path = np.empty(size)
    path[0] = rng.normal(0.0, 1.0)
    for i, step in enumerate(rng.normal(0.0, np.sqrt(1 - phi**2), size - 1), start=1):
        path[i] = phi * path[i - 1] + step
    return sigma * path


def _counts(mean: Floats, dispersion: float, rng: np.random.Generator) -> Floats:
    shape = 1.0 / dispersion
    drawn: Floats = rng.poisson(mean * rng.gamma(shape, dispersion, mean.size)).astype(np.float64)
    return drawn
