"""How large a fall a design can see, from its noise before the release."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from models.impact.latent import Design, Posterior, effect_sd

Floats = NDArray[np.float64]

FALLS: Final = np.array([0.03, 0.1, 0.2, 0.35, 0.5, 0.7, 0.85, 0.95])


def smallest_falls(
    designs: Sequence[Design], forecasts: Sequence[Posterior], alphas: Sequence[float], *, power: float
) -> list[float | None]:
    """Give, per design, the smallest fall (a share) that would be called with the wanted power at level
    alpha.

    forecasts: fits of the same designs that have not seen the periods after. None: not even a fall by 95%.
    """
    spreads = effect_sd(designs, forecasts, np.log1p(-FALLS))
    return [
        crossing(tail_at_power(np.log1p(-FALLS), sd, forecast.weight, power=power), alpha / 2)
        for sd, forecast, alpha in zip(spreads, forecasts, alphas, strict=True)
    ]


def tail_at_power(effects: Floats, sd: Floats, weight: Floats, *, power: float) -> Floats:
    """Give the one-sided tail probability that the fit stays below with the wanted power: (K,).

    effects: (K,) true log ratios, below 0; sd: (K, G) of the estimate; weight: (G,). The estimate is taken as
    normal around the effect with the mixture's variance; a less lucky draw than 1 in 1 / (1 - power) is not
    counted on.
    """
    overall = np.sqrt((weight * sd**2).sum(axis=1))
    unlucky = effects + ndtri(power) * overall
    tail: Floats = (weight * ndtr(unlucky[:, None] / sd)).sum(axis=1)
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
