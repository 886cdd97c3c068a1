"""Newton's method for many regressions with a latent AR(1) path at once, and the curvature at their modes.

Arrays have time first, then regression weights, then series, then grid points: (n, p, B, G). The path's block of the
Hessian is tridiagonal and is eliminated first, which leaves one p × p matrix per series and grid point.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.impact import smallmatrix, tridiagonal

Floats = NDArray[np.float64]

# The step is taken, and Newton doubles the digits: log means are good to about 1e-4.
_TOLERANCE: Final = 0.01
_MOST_STEPS: Final = 100


class Batch(NamedTuple):
    """Regressions side by side; steps past a shorter series' end are not observed.

    counts, observed, log_offset: (n, B, 1); columns: (n, p, B, 1); prior_mean, precision: (p, B, 1); sigma, phi:
    (1 or B, G) of the latent path.
    """

    counts: Floats
    observed: Floats
    log_offset: Floats
    columns: Floats
    prior_mean: Floats
    precision: Floats
    sigma: Floats
    phi: Floats


class Mode(NamedTuple):
    """Where the log posterior peaks: weights (p, B, G) and latent path (n, B, G)."""

    weights: Floats
    path: Floats


class Curvature(NamedTuple):
    """The Hessian of the negative log posterior, with the latent path eliminated.

    mean: (n, B, G) expected counts, 0 where not observed; factor: of the path's block; response: (n, p, B, G) by how
    much the path gives way per unit of each weight; information: (p, p, B, G) on the weights, without their prior.
    """

    mean: Floats
    factor: tridiagonal.Factor
    response: Floats
    information: Floats


def climb(batch: Batch, start: Mode, *, tolerance: float = _TOLERANCE) -> Mode:
    """Climb to the mode from `start`.

    A full Newton step changes log means by at most M; log(1 + M) / M of it cannot overshoot, because the Poisson
    likelihood is self-concordant in the sense of Bach (2010, "Self-concordant analysis for logistic regression").
    Raises ArithmeticError where numbers go beyond float64.
    """
    weights, path = start
    for _ in range(_MOST_STEPS):
        step = _newton(batch, weights, path)
        change = np.abs(predictor(batch, *step) * batch.observed).max(axis=0)
        damping = np.where(change > 0, np.log1p(change) / np.maximum(change, 1e-300), 1.0)
        weights, path = weights + damping * step.weights, path + damping * step.path
        if change.max() < tolerance:
            return Mode(weights, path)
    raise ArithmeticError("the fit did not converge: a concave problem met numbers beyond float64")


def predictor(batch: Batch, weights: Floats, path: Floats) -> Floats:
    """Add regression and latent path: (n, B, G)."""
    size, points = weights.shape[1:]
    by_series = batch.columns[..., 0].transpose(2, 0, 1) @ weights.transpose(1, 0, 2)
    total: Floats = by_series.reshape(size, len(batch.columns), points).transpose(1, 0, 2) + path
    return total


def curvature_at(batch: Batch, mean: Floats) -> Curvature:
    """Give the curvature where the expected counts are mean (n, B, G)."""
    diagonal, off_diagonal = _latent_precision(batch, len(mean))
    factor = tridiagonal.factorise(diagonal + mean, off_diagonal)
    left = batch.columns * mean[:, None]
    response = tridiagonal.solve(factor, left)
    left -= mean[:, None] * response
    return Curvature(mean, factor, response, _products(batch.columns, left))


def _products(columns: Floats, left: Floats) -> Floats:
    """Sum columns (n, p, B, 1) times left (n, q, B, G) over time, one matrix product per series: (p, q, B, G)."""
    steps, width, size, points = left.shape
    gathered = left.transpose(2, 0, 1, 3).reshape(size, steps, width * points)
    found = (columns[..., 0].transpose(2, 1, 0) @ gathered).reshape(size, -1, width, points)
    return np.ascontiguousarray(found.transpose(1, 2, 0, 3))


def expected_counts(batch: Batch, mode: Mode) -> Floats:
    """Give the expected counts (n, B, G), 0 where not observed."""
    mean: Floats = batch.observed * np.exp(batch.log_offset + predictor(batch, *mode))
    return mean


def path_energy(batch: Batch, path: Floats) -> Floats:
    """Give minus twice the log prior density of latent paths (n, B, G), up to a constant: (B, G)."""
    steps = len(path)
    log_determinant = -2.0 * steps * np.log(batch.sigma) - (steps - 1) * np.log1p(-(batch.phi**2))
    energy: Floats = (path * _latent_product(batch, path)).sum(axis=0) - log_determinant
    return energy


def _newton(batch: Batch, weights: Floats, path: Floats) -> Mode:
    """Give the full Newton step."""
    curvature = curvature_at(batch, expected_counts(batch, Mode(weights, path)))
    residual = batch.observed * batch.counts - curvature.mean
    alone = tridiagonal.solve(curvature.factor, residual - _latent_product(batch, path))
    slope = _products(batch.columns, (residual - curvature.mean * alone)[:, None])[:, 0]
    slope -= batch.precision * (weights - batch.prior_mean)
    factor = smallmatrix.factorise(smallmatrix.with_diagonal(curvature.information, batch.precision))
    step = smallmatrix.solve(factor, slope)
    return Mode(step, alone - (curvature.response * step).sum(axis=1))


def _latent_precision(batch: Batch, steps: int) -> tuple[Floats, Floats]:
    """Give the stationary AR(1) precision: diagonal (n, B or 1, G) and off-diagonal (B or 1, G)."""
    scale = 1.0 / (batch.sigma**2 * (1.0 - batch.phi**2))
    diagonal = np.repeat(((1.0 + batch.phi**2) * scale)[None], steps, axis=0)
    diagonal[0] = diagonal[-1] = scale
    if steps == 1:
        diagonal[0] = batch.sigma**-2.0
    return diagonal, -batch.phi * scale


def _latent_product(batch: Batch, path: Floats) -> Floats:
    """Multiply the AR(1) precision with a path (n, B, G)."""
    diagonal, off_diagonal = _latent_precision(batch, len(path))
    product: Floats = diagonal * path
    product[1:] += off_diagonal * path[:-1]
    product[:-1] += off_diagonal * path[1:]
    return product
