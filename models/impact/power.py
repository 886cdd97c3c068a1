"""How large a fall a design can see, from its noise before the release."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from models.impact import mixture
from models.impact.latent import Design, coarse_grid, effect_at, forecast
from models.impact.mixture import Mixture

Floats = NDArray[np.float64]

FALLS: Final = np.array([0.1, 0.35, 0.65, 0.95])


def smallest_falls(
    designs: Sequence[Design], unseen: Sequence[Design], alphas: Sequence[float], *, power: float
) -> list[float | None]:
    """Give, per design, the smallest fall (a share) that would be called with the wanted power at level
    alpha.

    unseen: the same designs with the periods after the release not observed. None: not even a fall by 95%.
    """
    grid = coarse_grid()
    left = effect_at(designs, forecast(unseen, grid), np.log1p(-FALLS), grid)
    return [
        crossing(tail_at_power(np.log1p(-FALLS), each, power=power), alpha / 2)
        for each, alpha in zip(left, alphas, strict=True)
    ]


def tail_at_power(effects: Floats, left: Mixture, *, power: float) -> Floats:
    """Give the one-sided tail probability that the fit stays below with the wanted power: (E,).

    effects: (E,) true log ratios, below 0; left: (E, K) what the fit leaves to each, modes at 0. The estimate is
    taken as normal around the effect with the mixture's variance; a less lucky draw than 1 in 1 / (1 - power) is
    not counted on.
    """
    overall = np.sqrt((left.weight * left.sd**2).sum(axis=1))
    unlucky = effects + ndtri(power) * overall
    tail: Floats = mixture.survival(left.shifted(unlucky[:, None]), np.zeros((effects.size, 1)))[:, 0]
    return tail


def crossing(tails: Floats, level: float) -> float | None:
    """Interpolate the fall at which the tail drops to the level; its z-score is nearly linear in log rate."""
    below = np.flatnonzero(tails <= level)
    if below.size == 0:
        return None
    k = int(below[0])
    if k == 0:
        return float(FALLS[0])
    left, right = ndtri(np.maximum(tails[k - 1 : k + 1], 1e-300))
    effects = np.log1p(-FALLS[k - 1 : k + 1])
    share = (left - ndtri(level)) / (left - right)
    return float(-np.expm1(effects[0] + share * (effects[1] - effects[0])))
