"""Simulated themes for tests of movements: steady ones whose weeks vary more than by chance, and some that changed."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.impact import movement
from models.impact.movement import ThemeWeeks
from models.values.movements import Movement, Outcome

WEEKS = 44
RECENT = 4

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Regime:
    """How themes vary at a steady rate.

    gamma: dispersion of independent weeks (variance over mean); wave, memory: sd and weekly correlation of a log rate
    that wanders around its mean; shared: sd of weekly shocks of the log rate that all themes have in common.
    """

    gamma: float = 1.0
    wave: float = 0.0
    memory: float = 0.0
    shared: float = 0.0


REGIMES = {
    "poisson": Regime(),
    "gamma_2": Regime(gamma=2.0),
    "gamma_4": Regime(gamma=4.0),
    "waves": Regime(wave=0.3, memory=0.5),
    "slow_waves": Regime(wave=0.3, memory=0.8),
    "shared": Regime(gamma=1.5, shared=0.15),
}


def rates(rng: np.random.Generator, themes: int) -> Floats:
    """Draw weekly complaints of themes: a few large, many small, as workspaces have them."""
    return np.exp(rng.normal(1.2, 1.1, size=themes))


def simulate(
    rng: np.random.Generator, regime: Regime, weekly: Floats, ratios: Floats | float = 1.0
) -> list[ThemeWeeks]:
    """Draw themes with these weekly means, whose last weeks are multiplied by ratios."""
    size = weekly.size
    means = np.repeat(weekly[:, None], WEEKS, axis=1)
    means[:, -RECENT:] *= np.broadcast_to(np.asarray(ratios, dtype=np.float64), (size,))[:, None]
    means *= np.exp(_waves(rng, regime, size) + regime.shared * rng.normal(size=WEEKS))
    if regime.gamma > 1:
        means = rng.gamma(means / (regime.gamma - 1.0), regime.gamma - 1.0)
    counts = rng.poisson(means).astype(np.float64)
    exposure = np.full(WEEKS, 6300.0)
    none = np.zeros(WEEKS, dtype=bool)
    return [ThemeWeeks(row, exposure, row > 0, none) for row in counts]


def _waves(rng: np.random.Generator, regime: Regime, size: int) -> Floats:
    """Draw log rates that wander around their mean, in their long-run state from the first week on."""
    found = np.zeros((size, WEEKS))
    found[:, 0] = rng.normal(size=size)
    fresh = np.sqrt(1.0 - regime.memory**2)
    for week in range(1, WEEKS):
        found[:, week] = regime.memory * found[:, week - 1] + fresh * rng.normal(size=size)
    return regime.wave * found - regime.wave**2 / 2


CALLED = (Movement.GROWING, Movement.FADING)


def called(outcomes: Sequence[Outcome]) -> NDArray[np.bool_]:
    """Say of each theme whether it is called growing or fading."""
    return np.array([each.movement in CALLED for each in outcomes])


@dataclass(frozen=True, slots=True)
class Rates:
    """Shares over many workspaces.

    any_false: of workspaces with a false call; discovery: mean share of false ones among the calls (0 without a
    call); power: called ones among the themes that changed and could be tested.
    """

    any_false: float
    discovery: float
    power: float


def measure(
    regime: Regime, *, runs: int, themes: int, seed: int, changed: float = 0.0, ratio: float = 2.0
) -> Rates:
    """Judge many workspaces in which a share of the themes changed by a ratio, up or down by turns."""
    rng = np.random.default_rng(seed)
    any_false, discovery, hits, chances = [], [], 0, 0
    for _ in range(runs):
        factor = np.ones(themes)
        moved = int(changed * themes)
        factor[:moved] = np.where(np.arange(moved) % 2, ratio, 1.0 / ratio)
        outcomes = movement.judge(simulate(rng, regime, rates(rng, themes), factor), recent=RECENT)
        calls = called(outcomes)
        false = int(calls[moved:].sum())
        any_false.append(false > 0)
        discovery.append(false / max(int(calls.sum()), 1))
        hits += int(calls[:moved].sum())
        chances += sum(each.p_value is not None for each in outcomes[:moved])
    return Rates(float(np.mean(any_false)), float(np.mean(discovery)), hits / max(chances, 1))
