"""Mixtures of skewed normals, many at once: distribution, quantiles, tail probability, and a tighter prior.

A component has a mode and the standard deviation that the curvature there gives. Two more numbers correct it to
third order, as the simplified Laplace approximation of Rue, Martino and Chopin (2009, §3.2.3) does: `tilt`, the slope
of the log density at the mode, and `skew`, its third derivative, both in standard deviations. Rue and others fit a
skew normal to them; a log-gamma distribution is nearer to the truth here, because with all else known the log of a
Poisson mean has exactly that one.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

Floats = NDArray[np.float64]

_LEAST_SKEW: Final = 1e-4
_MOST_SKEW: Final = 1.0
_LEAST_SHAPE: Final = 0.2
_MOST_STEPS: Final = 400  # ordinary mixtures take half a dozen; one of extremes may need many halvings
_TOLERANCE: Final = 1e-9
_WIDEST: Final = 40.0


class Mixture(NamedTuple):
    """Components in the last axis, all arrays (..., K): weights that sum to 1, modes, deviations, tilt, skew."""

    weight: Floats
    mode: Floats
    sd: Floats
    tilt: Floats
    skew: Floats

    def shifted(self, by: Floats) -> "Mixture":
        """Move all components by (..., 1)."""
        return self._replace(mode=self.mode + by)


def normal(weight: Floats, mean: Floats, sd: Floats) -> Mixture:
    """Make a mixture of plain normals."""
    none = np.zeros_like(mean)
    return Mixture(weight, mean, sd, none, none)


def distribution(mixture: Mixture, at: Floats) -> Floats:
    """Give P(X <= at) at points (..., L): (..., L)."""
    return _distribution(mixture.weight, _lines(mixture), at)


def survival(mixture: Mixture, at: Floats) -> Floats:
    """Give P(X > at) at points (..., L): (..., L), exact where it is tiny."""
    scores = _scores(_lines(mixture), at)
    above: Floats = (mixture.weight[..., None, :] * ndtr(-scores)).sum(axis=-1)
    return above


def two_sided(mixture: Mixture) -> Floats:
    """Give twice the smaller tail probability at 0: (...).

    It is below a exactly where the equal-tailed (1 - a) interval leaves 0 out.
    """
    zero = np.zeros((*mixture.mode.shape[:-1], 1))
    below, above = distribution(mixture, zero)[..., 0], survival(mixture, zero)[..., 0]
    p_value: Floats = np.minimum(2 * np.minimum(below, above), 1.0)
    return p_value


def quantiles(mixture: Mixture, levels: Floats) -> Floats:
    """Give the quantiles at levels (..., L): (..., L).

    Root finding in normal scores, in which a mixture's distribution is nearly a straight line: secant steps, and a
    halving of the bracket where a step would leave it.
    """
    wanted, lines = ndtri(levels), _lines(mixture)
    mean, sd = (moment[..., None] for moment in _moments(mixture))
    low = (mixture.mode - _WIDEST * mixture.sd).min(axis=-1)[..., None] + 0 * wanted
    high = (mixture.mode + _WIDEST * mixture.sd).max(axis=-1)[..., None] + 0 * wanted
    at, slope = mean + wanted * sd, np.broadcast_to(1 / sd, wanted.shape)
    missed = _miss(mixture.weight, lines, at, wanted)
    for _ in range(_MOST_STEPS):
        open_ = np.abs(missed) > _TOLERANCE
        if not open_.any():
            break
        low, high = np.where(missed < 0, at, low), np.where(missed < 0, high, at)
        step = at - missed / slope
        inside = (step > low) & (step < high)
        following = np.where(open_, np.where(inside, step, (low + high) / 2), at)
        missed_next = _miss(mixture.weight, lines, following, wanted)
        secant = (missed_next - missed) / np.where(open_, following - at, 1.0)
        slope = np.where(open_ & (secant > 0), secant, slope)
        at, missed = following, missed_next
    return np.asarray(at, dtype=np.float64)


def shrunk_mean(mixture: Mixture, *, prior_sd: float, wanted: tuple[tuple[float, float], ...]) -> Floats:
    """Give the mean (...) once the prior N(0, prior_sd) under a mixture is replaced by a mixture of normals around 0.

    wanted: (share, standard deviation) of each. A component counts as normal likelihood, with the skewed component's
    mean, times prior; its weight changes by the ratio of the two evidences. Raises ValueError unless every wanted
    standard deviation is below prior_sd.
    """
    if not all(0 < sd < prior_sd for _, sd in wanted):
        raise ValueError("standard deviations in wanted must be above 0 and below prior_sd")
    centre, precision = mixture.mode + mixture.sd * _pull(mixture), mixture.sd**-2.0
    logs, means = [], []
    for share, sd in wanted:
        tightened = precision + sd**-2.0 - prior_sd**-2.0
        mean = centre * precision / tightened
        logs.append(
            np.log(share / sd)
            + 0.5 * (tightened * mean**2 - precision * centre**2 - np.log(tightened / precision))
        )
        means.append(mean)
    log_ratio = np.stack(logs)
    ratio = mixture.weight * np.exp(log_ratio - log_ratio.max(axis=(0, -1), keepdims=True))
    mean_of_all: Floats = (ratio * np.stack(means)).sum(axis=(0, -1)) / ratio.sum(axis=(0, -1))
    return mean_of_all


class _Lines(NamedTuple):
    """What the normal scores of components are made of: score = height * (expm1(slope * x + start) + lift)."""

    slope: Floats
    start: Floats
    height: Floats
    lift: Floats


def _lines(mixture: Mixture) -> _Lines:
    """Prepare the normal scores z of components: P(X <= x) = Phi(z).

    exp(|skew| x) of a component left of its mode has a gamma distribution with rate k = skew^-2 and shape
    k + tilt / |skew|; its normal score is that of Wilson and Hilferty (1931): tails of .01 are right within 2% from
    shape 2 on, tails of .001 within 10% from shape 3 on. A positive skew is the mirror image.
    """
    side = np.where(mixture.skew > 0, -1.0, 1.0)
    size = np.clip(np.abs(mixture.skew), _LEAST_SKEW, _MOST_SKEW)
    rate = size**-2.0
    shape = np.maximum(rate + side * mixture.tilt / size, _LEAST_SHAPE * rate)
    slope = side * size / (3 * mixture.sd)
    start = np.log(rate / shape) / 3 - slope * mixture.mode
    return _Lines(slope, start, side * 3 * np.sqrt(shape), 1 / (9 * shape))


def _scores(lines: _Lines, at: Floats) -> Floats:
    """Give the normal scores of points (..., L): (..., L, K)."""
    slope, start, height, lift = (part[..., None, :] for part in lines)
    scores: Floats = height * (np.expm1(slope * at[..., None] + start) + lift)
    return scores


def _distribution(weight: Floats, lines: _Lines, at: Floats) -> Floats:
    below: Floats = (weight[..., None, :] * ndtr(_scores(lines, at))).sum(axis=-1)
    return below


def _miss(weight: Floats, lines: _Lines, at: Floats, wanted: Floats) -> Floats:
    """Give by how much the normal scores of points miss those wanted."""
    missed: Floats = ndtri(np.clip(_distribution(weight, lines, at), 1e-300, 1 - 1e-16)) - wanted
    return missed


def _moments(mixture: Mixture) -> tuple[Floats, Floats]:
    mean = (mixture.weight * mixture.mode).sum(axis=-1)
    spread = mixture.sd**2 + (mixture.mode - mean[..., None]) ** 2
    return mean, np.sqrt((mixture.weight * spread).sum(axis=-1))


def _pull(mixture: Mixture) -> Floats:
    """Give the mean of each component in standard deviations from its mode, to third order."""
    pull: Floats = mixture.tilt + mixture.skew / 2
    return np.clip(pull, -1.0, 1.0)
