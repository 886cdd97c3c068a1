"""A working model of the engine, microseconds a series: its priors and its grid, with Gaussian likelihood.

Logs of counts stand in for counts, with the variance that chance has at the expected count; each grid point
and hypothesis is then a linear regression with known variances (Gelman and others 2013, Bayesian Data
Analysis, ch. 14). It ranks series nearly as the engine does; `planning_power` corrects it where it is off.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from models.impact.latent import Design, default_grid
from models.impact.planning_world import World
from models.impact.windows import Window, design

Floats = NDArray[np.float64]

_SOFT: Final = 3.0
"""Added to counts before logs are taken: of .5, 1, 1.5 and 3 it follows the engine best at 2 to 35 a week."""


class _Regression(NamedTuple):
    """Least squares under the covariance C of a grid point, which has probability `prior`.

    gram: X'C⁻¹X (p, p); cross: X'C⁻¹y (p, M); square: y'C⁻¹y (M,); log_determinant: of C, up to a constant.
    """

    prior: float
    gram: Floats
    cross: Floats
    square: Floats
    log_determinant: float


def scores(world: World, blank: Window, counts: Floats, fall: float) -> Floats:
    """Give normal scores (M,) of the posterior probability of a rise, for counts (n, M) drawn at a fall."""
    flat = design(blank)
    seen = ~np.isnan(flat.counts)
    columns = flat.columns[seen]
    shift = np.log1p(-fall) * columns[:, 0]
    expected = blank.counts[seen] * np.exp(shift + world.noise**2 / 2)
    found = _log_rates(counts[seen], expected, shift, blank.before[seen])
    fits = _regressions(columns, found, expected, np.flatnonzero(seen))
    parts = [part for fit in fits for part in _effects(flat, fit)]
    log_weight, score = (np.stack(each) for each in zip(*parts, strict=True))
    weight = np.exp(log_weight - log_weight.max(axis=0))
    rise = (weight * ndtr(score)).sum(axis=0) / weight.sum(axis=0)
    return np.asarray(ndtri(np.clip(rise, 1e-300, 1 - 1e-16)), dtype=np.float64)


def _log_rates(counts: Floats, expected: Floats, shift: Floats, before: NDArray[np.bool_]) -> Floats:
    """Give log rates (n, M) relative to the mean before; at the expected count the slope is a logarithm's."""
    expected, shift = expected[:, None], shift[:, None]
    logs = (1 + _SOFT / expected) * np.log((counts + _SOFT) / (expected + _SOFT)) + shift
    level = (counts[before].sum(axis=0) + 0.5) / expected[before].sum()
    relative: Floats = logs - np.log(level)
    return relative


def _regressions(
    columns: Floats, found: Floats, expected: Floats, weeks: NDArray[np.intp]
) -> Iterator[_Regression]:
    """Regress log rates (n, M) on columns (n, p) at every grid point.

    Scaled by the chance in each week, the covariance is I + sigma² R(phi), and the eigenvectors of R serve
    every sigma.
    """
    grid = default_grid()
    scale = np.sqrt(expected)[:, None]
    apart = np.abs(np.subtract.outer(weeks, weeks))
    for phi in np.unique(grid.phi):
        values, vectors = np.linalg.eigh(scale * phi**apart * scale.T)
        x, y = vectors.T @ (scale * columns), vectors.T @ (scale * found)
        for sigma, prior in zip(grid.sigma[grid.phi == phi], grid.prior[grid.phi == phi], strict=True):
            variance = 1 + sigma**2 * np.maximum(values, 0.0)
            weighted = (x / variance[:, None]).T
            yield _Regression(
                float(prior), weighted @ x, weighted @ y, (1 / variance) @ y**2, float(np.log(variance).sum())
            )


def _effects(flat: Design, fit: _Regression) -> Iterator[tuple[Floats, Floats]]:
    """Give log weight (M,) and normal score (M,) of the effect under each hypothesis (prior means are 0)."""
    for share, prior_sd in zip(flat.share, flat.prior_sd, strict=True):
        left = np.linalg.inv(fit.gram + np.diag(prior_sd**-2.0))
        weights = left @ fit.cross
        gain = (fit.cross * weights).sum(axis=0) - fit.square
        scale = np.linalg.slogdet(left)[1] - 2 * np.log(prior_sd).sum() - fit.log_determinant
        yield np.log(fit.prior * share) + (gain + scale) / 2, weights[0] / np.sqrt(left[0, 0])
