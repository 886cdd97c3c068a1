"""Distribution, quantiles and tail probability of mixtures of normals, many at once."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

Floats = NDArray[np.float64]

_HALVINGS = 60
_WIDEST_Z = 9.0


def distribution(weight: Floats, mean: Floats, sd: Floats, at: Floats) -> Floats:
    """Give P(X <= at) for mixtures weight, mean, sd (..., G) at points (..., L): (..., L)."""
    z = (at[..., None] - mean[..., None, :]) / sd[..., None, :]
    below: Floats = (weight[..., None, :] * ndtr(z)).sum(axis=-1)
    return below


def quantiles(weight: Floats, mean: Floats, sd: Floats, levels: Floats) -> Floats:
    """Give the quantiles at levels (..., L) of mixtures weight, mean, sd (..., G), by bisection."""
    low = np.broadcast_to((mean - _WIDEST_Z * sd).min(axis=-1)[..., None], levels.shape)
    high = np.broadcast_to((mean + _WIDEST_Z * sd).max(axis=-1)[..., None], levels.shape)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        under = distribution(weight, mean, sd, middle) < levels
        low, high = np.where(under, middle, low), np.where(under, high, middle)
    return np.asarray((low + high) / 2, dtype=np.float64)


def two_sided(weight: Floats, mean: Floats, sd: Floats) -> Floats:
    """Give twice the smaller tail probability at 0 for mixtures (..., G): (...).

    It is below a exactly where the equal-tailed (1 - a) interval leaves 0 out.
    """
    below = (weight * ndtr(-mean / sd)).sum(axis=-1)
    above = (weight * ndtr(mean / sd)).sum(axis=-1)
    p_value: Floats = np.minimum(2 * np.minimum(below, above), 1.0)
    return p_value


def reweighed(
    weight: Floats, mean: Floats, sd: Floats, *, prior_sd: float, wanted_sd: float
) -> tuple[Floats, Floats, Floats]:
    """Replace the prior N(0, prior_sd) under a mixture (..., G) by N(0, wanted_sd), component by component.

    Each component is taken as normal likelihood times prior; its weight changes by the ratio of the two
    evidences. Raises ValueError unless wanted_sd is below prior_sd.
    """
    if not 0 < wanted_sd < prior_sd:
        raise ValueError("wanted_sd must be above 0 and below prior_sd")
    precision = sd**-2.0
    tightened = precision + wanted_sd**-2.0 - prior_sd**-2.0
    moved = mean * precision / tightened
    log_ratio = 0.5 * (np.log(precision / tightened) + tightened * moved**2 - precision * mean**2)
    ratio = weight * np.exp(log_ratio - log_ratio.max(axis=-1, keepdims=True))
    return ratio / ratio.sum(axis=-1, keepdims=True), moved, tightened**-0.5
