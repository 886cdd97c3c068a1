"""Two over-dispersed counts compared given their sum; `models.impact.movement` says where the formulas are from."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import exp, fsum, log, sqrt
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import bdtr, gammaln, roots_genlaguerre, stdtr

Floats = NDArray[np.float64]

LEVEL: Final = 0.05
"""One minus the coverage of the interval."""
EXACT_UP_TO: Final = 500
"""Where both counts are larger, tails are read from Student's t: the exact sum would be long and the same."""

_NODES: Final = 12
_PLAIN: Final = 1.001
"""Dispersions below it are taken for 1: the beta-binomial would lose its digits to cancellation."""
_KNOWN: Final = 300
"""Degrees of freedom from which on a dispersion is taken for known."""
_MOST_MEMORY: Final = 0.9
_MOST_SHRUNK: Final = 0.5
_WIDEST: Final = 25.0
"""Log ratios beyond it, either way, are taken for unbounded."""


class Noise(NamedTuple):
    """How much more counts vary than by chance: variance over mean, at least 1, with its degrees of freedom."""

    dispersion: float
    freedom: float


class Weekly(NamedTuple):
    """How a theme's weeks vary: variance over mean, correlation of neighbours freed of its bias in short series
    (Marriott and Pope 1954), how many weeks that rests on, and their mean."""

    dispersion: float
    likeness: float
    weeks: int
    mean: float


@dataclass(frozen=True, slots=True)
class Contrast:
    """Complaints and exposure of the recent weeks and of the baseline, with what is known of their noise."""

    recent: int
    baseline: int
    recent_exposure: float
    baseline_exposure: float
    noise: Noise


@dataclass(frozen=True, slots=True)
class Compared:
    """The ratio of two rates (None where the baseline is 0) with its 95% interval, and the two-sided p value."""

    ratio: float | None
    low: float
    high: float | None
    p_value: float
    is_rise: bool


def weekly(counts: Floats, exposure: Floats) -> Weekly:
    """Return how weeks in order of time (nan: left out) vary at a steady rate.

    The dispersion is Pearson's statistic over its degrees of freedom (McCullagh and Nelder 1989, section 4.5).
    """
    usable = np.isfinite(counts) & np.isfinite(exposure)
    weeks, total = int(usable.sum()), float(counts[usable].sum())
    if weeks < 2 or total == 0:
        return Weekly(1.0, 0.0, weeks, 0.0)
    expected = exposure * (total / float(exposure[usable].sum()))
    residuals = (counts - expected) / np.sqrt(expected)
    square = float(np.mean(residuals[usable] ** 2))
    pairs = usable[1:] & usable[:-1]
    likeness = 0.0
    if pairs.any() and square > 0:
        raw = float(np.mean(residuals[1:][pairs] * residuals[:-1][pairs])) / square
        likeness = raw + (1.0 + 3.0 * raw) / weeks
    return Weekly(square * weeks / (weeks - 1), likeness, weeks, total / weeks)


def memory(found: Sequence[Weekly]) -> float:
    """Return the correlation from week to week of what makes weeks vary beyond chance, pooled over themes, 0 to 1.

    One theme's weeks tell little of it. Chance does not last, so likeness is that of the whole variance, which is
    `dispersion`, and memory that of its part beyond chance, `dispersion - 1`.
    """
    lasting = fsum(each.likeness * each.dispersion * each.weeks for each in found)
    beyond = fsum((each.dispersion - 1.0) * each.weeks for each in found)
    return min(max(lasting / beyond, 0.0), _MOST_MEMORY) if beyond > 0 else 0.0


def noise(found: Weekly, *, memory: float, window: int) -> Noise:
    """Return how much sums of `window` weeks and of the baseline vary, given the memory of what lies beyond chance.

    That part of the variance of a sum of n weeks is multiplied by 1 + 2 sum over k < n of (1 - k / n) memory^k.
    Counts with rare spikes tell less of their variance than normal values do: the degrees of freedom are those of the
    scaled chi-squared with the variance of the estimate (Satterthwaite 1946), from the kurtosis of the negative
    binomial.
    """
    dispersion = max(found.dispersion, 1.0)
    if found.weeks < 2 or not found.mean:
        return Noise(1.0, 1.0)
    kurtosis = 6.0 * (dispersion - 1.0) / found.mean + 1.0 / (dispersion * found.mean)
    freedom = 2.0 * (found.weeks - 1) / (2.0 + kurtosis)
    # Weeks that are alike are nearer their mean than the rate that they wander around.
    shrunk = (_lasting(memory, found.weeks) - 1.0) / found.weeks
    beyond = (dispersion - 1.0) / (1.0 - min(shrunk, _MOST_SHRUNK))
    # The variance of a ratio is the sum of both windows', each over its length: the shorter weighs more.
    share = window / (window + found.weeks)
    lasting = (1.0 - share) * _lasting(memory, window) + share * _lasting(memory, found.weeks)
    return Noise(1.0 + beyond * lasting, max(freedom, 1.0))


def _lasting(memory: float, weeks: int) -> float:
    """Return by how much memory lengthens the variance of a sum of weeks."""
    lags = np.arange(1, weeks)
    return 1.0 + 2.0 * float(np.sum((1.0 - lags / weeks) * memory**lags))


def compare(contrast: Contrast) -> Compared:
    """Compare two rates. Raises ValueError without any complaint, or without exposure."""
    y1, y0 = contrast.recent, contrast.baseline
    e1, e0 = contrast.recent_exposure, contrast.baseline_exposure
    if y1 + y0 < 1 or min(y1, y0) < 0 or not (e1 > 0 and e0 > 0):
        raise ValueError("there must be a complaint in one of the windows, and exposure in both")
    ratio = None if y0 == 0 else (y1 / e1) / (y0 / e0)
    tails = _large(contrast) if min(y1, y0) > EXACT_UP_TO else _exact(contrast)
    lower, upper = tails(0.0)
    half = LEVEL / 2
    middle = log((y1 + 0.5) / e1) - log((y0 + 0.5) / e0)
    low = None if y1 == 0 else _root(lambda at: tails(at)[1] - half, middle)
    high = None if y0 == 0 else _root(lambda at: tails(at)[0] - half, middle)
    return Compared(
        ratio=ratio,
        low=0.0 if low is None else exp(low),
        high=None if high is None else exp(high),
        p_value=min(2.0 * min(lower, upper), 1.0),
        is_rise=y1 * e0 > y0 * e1,
    )


Tails = Callable[[float], tuple[float, float]]
"""From a log ratio to the chances of at most, and of at least, what was seen in the recent weeks."""


def _root(function: Callable[[float], float], middle: float) -> float | None:
    """Find where a tail, which is monotone in the log ratio, crosses its level; None where it does nowhere near."""
    ends = middle - _WIDEST, middle + _WIDEST
    if function(ends[0]) * function(ends[1]) > 0:
        return None
    return float(brentq(function, *ends, xtol=1e-5))


def _exact(contrast: Contrast) -> Tails:
    y1, total = contrast.recent, contrast.recent + contrast.baseline
    odds = contrast.recent_exposure / contrast.baseline_exposure
    dispersions, weights = _dispersions(contrast.noise)
    is_plain = dispersions < _PLAIN
    sizes = total / (dispersions[~is_plain] - 1.0)

    def tails(at: float) -> tuple[float, float]:
        share = 1.0 / (1.0 + exp(-at) / odds)
        at_most, exactly = np.empty_like(dispersions), np.empty_like(dispersions)
        at_most[is_plain] = bdtr(y1, total, share)
        exactly[is_plain] = at_most[is_plain] - (bdtr(y1 - 1, total, share) if y1 else 0.0)
        at_most[~is_plain], exactly[~is_plain] = _beta_binomial(y1, total, share, sizes)
        lower, point = float(weights @ at_most), float(weights @ exactly)
        return min(lower, 1.0), min(max(1.0 - lower + point, 0.0), 1.0)

    return tails


def _dispersions(found: Noise) -> tuple[Floats, Floats]:
    """Return dispersions that the estimate leaves possible, with weights; none is below 1.

    The sum of squares over the true dispersion is taken for chi-squared, as in the derivation of Student's t, so that
    few baseline weeks make wide intervals.
    """
    nodes, weights = _chi_squared(found.freedom)
    return np.maximum(found.dispersion * found.freedom / nodes, 1.0), weights


def _chi_squared(freedom: float) -> tuple[Floats, Floats]:
    """Return nodes and weights of Gauss and Laguerre for means over a chi-squared variable."""
    if freedom > _KNOWN:
        return np.array([freedom]), np.ones(1)
    nodes, weights = roots_genlaguerre(_NODES, freedom / 2 - 1)
    return 2 * nodes, weights / weights.sum()


def _beta_binomial(count: int, total: int, share: float, sizes: Floats) -> tuple[Floats, Floats]:
    """Return the chances of at most, and of exactly, `count` of `total`; sizes: (m,) a + b, share: a / (a + b)."""
    a, b = sizes * share, sizes * (1.0 - share)
    none = gammaln(b + total) - gammaln(b) - gammaln(sizes + total) + gammaln(sizes)
    k = np.arange(count, dtype=np.float64)[:, None]
    # Each chance from the one before: the plain formula is a difference of large numbers.
    steps = np.log((total - k) / (k + 1.0) * (a + k) / (b + (total - 1.0 - k)))
    chances = np.exp(none + np.concatenate([np.zeros((1, sizes.size)), np.cumsum(steps, axis=0)]))
    return np.minimum(chances.sum(axis=0), 1.0), chances[-1]


def _large(contrast: Contrast) -> Tails:
    y1, y0 = contrast.recent, contrast.baseline
    seen = log(y1 / contrast.recent_exposure) - log(y0 / contrast.baseline_exposure)
    error = sqrt(contrast.noise.dispersion * (1.0 / y1 + 1.0 / y0))

    def tails(at: float) -> tuple[float, float]:
        z = (seen - at) / error
        return float(stdtr(contrast.noise.freedom, z)), float(stdtr(contrast.noise.freedom, -z))

    return tails
