"""Draw panels of daily complaint series from a regime, with an effect that is known because it was put in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bench.panel.regimes import Regime
from models.impact.looks import FINAL_ALPHA
from models.impact.setting import Case
from models.values.series import Period, Series
from models.values.verdicts import Look

Floats = NDArray[np.float64]

DAYS_BEFORE: Final = 182
DAYS_AFTER: Final = 56
RELEASE: Final = date(2026, 3, 4)
FINAL_LOOK: Final = Look(
    number=1, share=1.0, weeks=8, read_on=RELEASE + timedelta(days=DAYS_AFTER), alpha=FINAL_ALPHA
)

_EXTRA_DAYS: Final = 182
_FORTNIGHT: Final = 14
_BUMP_SD_DAYS: Final = (5.0, 12.0)
_WEEKDAYS: Final = np.array([1.2, 1.2, 1.15, 1.1, 1.0, 0.7, 0.65])
_ACCOUNTS: Final = 1000.0
_GROWTH_A_WEEK: Final = 0.01
_CONTROL_PER_ROOT: Final = 25.0  # the other themes bring 25 sqrt(level) complaints a day: 11 to 185
_CONTROL_DISPERSION: Final = 0.02


@dataclass(frozen=True, slots=True, eq=False)
class Panel:
    """B series side by side, days in columns; the release is the day of column `before`.

    counts, exposure, control: (B, T); ratio: the rate ratio that was put in, once fully rolled out.
    """

    counts: Floats
    exposure: Floats
    control: Floats
    before: int
    ratio: float

    def __len__(self) -> int:
        return len(self.counts)

    def series(self, index: int, *, exposure: bool = True, control: bool = True) -> Series:
        """Give one row as the engine takes it."""
        return Series(
            start=RELEASE - timedelta(days=self.before),
            period=Period.DAY,
            counts=self.counts[index],
            exposure=self.exposure[index] if exposure else None,
            control=self.control[index] if control else None,
        )

    def cases(self, *, exposure: bool = True, control: bool = True) -> list[Case]:
        """Ask for the verdict on every row at the final look, with the control registered."""
        rows = (self.series(index, exposure=exposure, control=control) for index in range(len(self)))
        return [
            Case(each, RELEASE, RELEASE, each.end, FINAL_LOOK, registered_control=control) for each in rows
        ]


def draw(regime: Regime, *, ratio: float, count: int, seed: int, days_before: int = DAYS_BEFORE) -> Panel:
    """Draw `count` series of `days_before` days before and 56 after a release that changes the rate by `ratio`."""
    rng = np.random.default_rng(seed)
    extra = _EXTRA_DAYS if regime.selected else 0
    total = extra + days_before + DAYS_AFTER
    weeks = np.arange(total) / 7
    exposure = np.round(
        _ACCOUNTS * np.exp(_GROWTH_A_WEEK * (weeks - extra / 7)) * rng.normal(1, 0.003, (count, total))
    )
    usual = exposure / _ACCOUNTS * _WEEKDAYS[(np.arange(total) + rng.integers(0, 7, (count, 1))) % 7]
    shared = latent_path(regime.shared, regime.shared_phi, (count, total), rng)
    log_rate = latent_path(regime.sigma, regime.phi, (count, total), rng) + shared
    log_rate += regime.trend * (weeks - weeks[-DAYS_AFTER])
    if extra:
        log_rate += _bump(
            regime, (count, total), rng, first=days_before - _FORTNIGHT, last=extra + days_before
        )
    mean = regime.level * usual * np.exp(log_rate)
    control = counts(
        _CONTROL_PER_ROOT * np.sqrt(regime.level) * usual * np.exp(shared), _CONTROL_DISPERSION, rng
    )
    quiet = counts(mean, regime.dispersion, rng)
    first = (
        _worst_fortnight_end(quiet, days_before) - days_before
        if regime.selected
        else np.zeros(count, np.intp)
    )
    window = first[:, None] + np.arange(days_before + DAYS_AFTER)
    changed = counts(
        np.take_along_axis(mean, window, axis=1) * _change(regime, ratio, count, days_before, rng),
        regime.dispersion,
        rng,
    )
    after = np.arange(days_before + DAYS_AFTER) >= days_before
    return Panel(
        counts=np.where(after, changed, np.take_along_axis(quiet, window, axis=1)),
        exposure=np.take_along_axis(exposure, window, axis=1),
        control=np.take_along_axis(control, window, axis=1),
        before=days_before,
        ratio=ratio,
    )


def latent_path(sigma: float, phi: float, shape: tuple[int, int], rng: np.random.Generator) -> Floats:
    """Draw stationary AR(1) paths (B, T) with standard deviation sigma and daily memory phi."""
    path = rng.normal(0.0, 1.0, shape)
    path[:, 1:] *= np.sqrt(1 - phi**2)
    for step in range(1, shape[1]):
        path[:, step] += phi * path[:, step - 1]
    scaled: Floats = sigma * path
    return scaled


def counts(mean: Floats, dispersion: float, rng: np.random.Generator) -> Floats:
    """Draw Poisson counts, or negative binomial ones with variance mean + dispersion * mean²."""
    if dispersion > 0:
        mean = mean * rng.gamma(1 / dispersion, dispersion, mean.shape)
    drawn: Floats = rng.poisson(mean).astype(np.float64)
    return drawn


def _bump(
    regime: Regime, shape: tuple[int, int], rng: np.random.Generator, *, first: int, last: int
) -> Floats:
    """Draw a cause that comes and goes: a bell of the log rate (B, T), its height on a day of [first, last)."""
    height = np.log(rng.uniform(*regime.bump, (shape[0], 1)))
    day = rng.integers(first, last, (shape[0], 1))
    width = rng.uniform(*_BUMP_SD_DAYS, (shape[0], 1))
    bell: Floats = height * np.exp(-0.5 * ((np.arange(shape[1]) - day) / width) ** 2)
    return bell


def _change(regime: Regime, ratio: float, count: int, days_before: int, rng: np.random.Generator) -> Floats:
    """Give the factor (B, T) that the release puts on the rate, day by day."""
    day = np.arange(days_before + DAYS_AFTER) - days_before
    ramp = rng.integers(regime.ramp_days[0], regime.ramp_days[1] + 1, (count, 1))
    share = np.clip((day + 1) / np.maximum(ramp, 1), 0, 1)
    excess = rng.uniform(*regime.novelty, (count, 1))
    factor: Floats = np.where(day >= 0, 1 + (ratio - 1) * share, 1.0)
    return factor * np.where((day >= 0) & (day < 7), excess, 1.0)


def _worst_fortnight_end(quiet: Floats, days_before: int) -> NDArray[np.intp]:
    """Find, per row, the day after the worst fortnight that leaves enough days on both sides."""
    total = quiet.shape[1]
    running = np.cumsum(np.pad(quiet, ((0, 0), (1, 0))), axis=1)
    ends = np.arange(days_before, total - DAYS_AFTER + 1)
    sums = running[:, ends] - running[:, ends - _FORTNIGHT]
    worst: NDArray[np.intp] = ends[np.argmax(sums, axis=1)]
    return worst
