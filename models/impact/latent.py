"""A Poisson regression with a latent AR(1) term, fitted by Laplace approximation at every point of a grid.

    y_w ~ Poisson(E_w exp(x_w b + u_w)),   u_w = phi u_{w-1} + e_w,   sd(u_w) = sigma,   b_j ~ N(m_j, s_j)

The regression weights b and the latent path u are integrated out by Laplace's method for each (sigma, phi);
what is wanted is then a mixture of normals over the grid, weighted by the approximate evidence (nested
Laplace in the sense of Rue, Martino and Chopin 2009, §3). The joint log posterior is concave, so each fit has
one mode.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.impact import tridiagonal

Floats = NDArray[np.float64]

_SIGMAS: Final = (0.02, 0.08, 0.15, 0.25, 0.4, 0.65, 1.0)
_SIGMA_MEAN: Final = 0.25
_PHIS: Final = {0.0: 0.4, 0.5: 0.3, 0.8: 0.2, 0.95: 0.1}
_TOLERANCE: Final = 1e-4  # the step is taken, and Newton doubles the digits: the mode is good to about 1e-8
_MOST_STEPS: Final = 100


class Grid(NamedTuple):
    """Points (G,) of the latent term's size and memory, with their prior probabilities."""

    sigma: Floats
    phi: Floats
    prior: Floats


def default_grid() -> Grid:
    """Give prior "A": sigma has an exponential density of mean .25, phi is mostly small.

    Points of sigma are unevenly spaced; each carries the density times the width of its cell.
    """
    sigmas = np.array(_SIGMAS)
    mass = np.exp(-sigmas / _SIGMA_MEAN) * np.gradient(sigmas)
    prior = np.outer(mass / mass.sum(), list(_PHIS.values())).ravel()
    return Grid(np.repeat(sigmas, len(_PHIS)), np.tile(list(_PHIS), sigmas.size), prior)


@dataclass(frozen=True, slots=True, eq=False)
class Design:
    """One series to fit. The first column is the effect.

    counts: (n,) float64, nan where not observed; log_offset: (n,) finite, log of the count expected at b = m,
    u = 0; columns: (n, p); prior_mean, prior_sd: (p,). Time steps are equally spaced.
    """

    counts: Floats
    log_offset: Floats
    columns: Floats
    prior_mean: Floats
    prior_sd: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Posterior:
    """What the fit of one series says, per grid point.

    weight: (G,), sums to 1; mean, sd: (G,) of the effect; path: (n, G) log expected count without the effect,
    at the mode; path_sd: (n, G) its standard deviation.
    """

    weight: Floats
    mean: Floats
    sd: Floats
    path: Floats
    path_sd: Floats


class _Batch(NamedTuple):
    """Designs side by side; steps past a shorter series' end are not observed.

    counts, observed, log_offset: (n, B); columns: (B, n, p); prior_mean, precision: (B, p).
    """

    counts: Floats
    observed: Floats
    log_offset: Floats
    columns: Floats
    prior_mean: Floats
    precision: Floats
    grid: Grid


class _Curvature(NamedTuple):
    """The Hessian of the negative log posterior at one point, with the latent path eliminated.

    mean: (n, B, G) expected counts, 0 where not observed; factor: of the path's block; response: (n, B, p, G)
    by how much the path gives way per unit of each weight; schur: (B, G, p, p) precision of the weights.
    """

    mean: Floats
    factor: tridiagonal.Factor
    response: Floats
    schur: Floats


def fit(designs: Sequence[Design], grid: Grid | None = None) -> list[Posterior]:
    """Fit every design, all at once; answers stand in the order of the designs.

    Raises ValueError where shapes within a design disagree.
    """
    if not designs:
        return []
    batch = _stack(designs, grid or default_grid())
    weights, path = _mode(batch)
    curvature = _curvature(batch, weights, path)
    evidence = _log_evidence(batch, weights, path, curvature)
    weight = np.exp(evidence - evidence.max(axis=1, keepdims=True))
    weight /= weight.sum(axis=1, keepdims=True)
    sd = np.sqrt(np.linalg.inv(curvature.schur)[..., 0, 0])
    base, base_sd = _baseline(batch, weights, path, curvature)
    return [
        Posterior(weight[i], weights[i, 0], sd[i], base[: d.counts.size, i], base_sd[: d.counts.size, i])
        for i, d in enumerate(designs)
    ]


def effect_sd(
    designs: Sequence[Design], posteriors: Sequence[Posterior], effects: Floats, grid: Grid | None = None
) -> list[Floats]:
    """Give the standard deviation that each design would leave to the effect if the effect were as given.

    The counts that stand behind it are those that `posterior.path` expects, so that the answer does not
    depend on what was seen after. effects: (K,) log ratios -> (K, G) per design.
    """
    if not designs:
        return []
    size = effects.size
    batch = _stack([design for design in designs for _ in range(size)], grid or default_grid())
    path = np.zeros((*batch.counts.shape, batch.grid.sigma.size))
    for i, posterior in enumerate(posteriors):
        path[: len(posterior.path), i * size : (i + 1) * size] = posterior.path[:, None, :]
    shift = batch.columns[:, :, 0].T * np.tile(effects, len(designs))
    mean = batch.observed[..., None] * np.exp(path + shift[..., None])
    sd = np.sqrt(np.linalg.inv(_curvature_at(batch, mean).schur)[..., 0, 0])
    return list(sd.reshape(len(designs), size, -1))


def _stack(designs: Sequence[Design], grid: Grid) -> _Batch:
    steps = max(d.counts.size for d in designs)
    width = max(d.prior_mean.size for d in designs)
    size = len(designs)
    counts = np.zeros((steps, size))
    observed, offset = np.zeros((steps, size)), np.zeros((steps, size))
    columns = np.zeros((size, steps, width))
    mean, precision = np.zeros((size, width)), np.ones((size, width))
    for i, design in enumerate(designs):
        n, p = design.columns.shape
        if not (design.counts.shape == design.log_offset.shape == (n,) and design.prior_sd.shape == (p,)):
            raise ValueError("counts and log_offset must be (n,), columns (n, p), priors (p,)")
        seen = ~np.isnan(design.counts)
        counts[:n, i] = np.where(seen, design.counts, 0.0)
        observed[:n, i], offset[:n, i] = seen, design.log_offset
        columns[i, :n, :p] = design.columns
        mean[i, :p], precision[i, :p] = design.prior_mean, design.prior_sd**-2.0
    return _Batch(counts, observed, offset, columns, mean, precision, grid)


def _mode(batch: _Batch) -> tuple[Floats, Floats]:
    """Climb to the mode: weights (B, p, G) and latent path (n, B, G).

    A full Newton step changes log means by at most M; log(1 + M) / M of it cannot overshoot, because the
    Poisson likelihood is self-concordant in the sense of Bach (2010, "Self-concordant analysis for logistic
    regression").
    """
    points = batch.grid.sigma.size
    weights = np.repeat(batch.prior_mean[..., None], points, axis=2)
    path = np.zeros((*batch.counts.shape, points))
    for _ in range(_MOST_STEPS):
        curvature = _curvature(batch, weights, path)
        step_b, step_u = _newton(batch, weights, path, curvature)
        change = np.abs(_predictor(batch, step_b, step_u) * batch.observed[..., None]).max(axis=0)
        damping = np.log1p(change) / np.maximum(change, 1e-300)
        damping[change == 0] = 1.0
        weights += damping[:, None, :] * step_b
        path += damping * step_u
        if change.max() < _TOLERANCE:
            return weights, path
    raise ArithmeticError("the fit did not converge: a concave problem met numbers beyond float64")


def _predictor(batch: _Batch, weights: Floats, path: Floats) -> Floats:
    """Add regression and latent path: (n, B, G)."""
    total: Floats = np.matmul(batch.columns, weights).transpose(1, 0, 2) + path
    return total


def _against(batch: _Batch, values: Floats) -> Floats:
    """Sum columns times values (n, B, K) over time: (B, p, K)."""
    total: Floats = np.matmul(batch.columns.transpose(0, 2, 1), values.transpose(1, 0, 2))
    return total


def _curvature(batch: _Batch, weights: Floats, path: Floats) -> _Curvature:
    log_mean = batch.log_offset[..., None] + _predictor(batch, weights, path)
    return _curvature_at(batch, batch.observed[..., None] * np.exp(log_mean))


def _curvature_at(batch: _Batch, mean: Floats) -> _Curvature:
    steps, size, points = mean.shape
    width = batch.precision.shape[1]
    diagonal, off_diagonal = _latent_precision(batch.grid, steps)
    factor = tridiagonal.factorise(diagonal[:, None, :] + mean, np.broadcast_to(off_diagonal, mean.shape))
    weighted = batch.columns.transpose(1, 0, 2)[..., None] * mean[:, :, None, :]
    response = tridiagonal.solve(factor, weighted)
    left = weighted - mean[:, :, None, :] * response
    schur = _against(batch, left.reshape(steps, size, -1)).reshape(size, width, width, points)
    schur += (np.eye(width) * batch.precision[:, None, :])[..., None]
    return _Curvature(mean, factor, response, np.ascontiguousarray(schur.transpose(0, 3, 1, 2)))


def _latent_precision(grid: Grid, steps: int) -> tuple[Floats, Floats]:
    """Give the stationary AR(1) precision: diagonal (n, G) and off-diagonal (1, 1, G)."""
    scale = 1.0 / (grid.sigma**2 * (1.0 - grid.phi**2))
    diagonal = np.tile((1.0 + grid.phi**2) * scale, (steps, 1))
    diagonal[0] = diagonal[-1] = scale
    if steps == 1:
        diagonal[0] = 1.0 / grid.sigma**2
    return diagonal, (-grid.phi * scale)[None, None, :]


def _latent_product(grid: Grid, path: Floats) -> Floats:
    """Multiply the AR(1) precision with a path (n, B, G)."""
    diagonal, off_diagonal = _latent_precision(grid, len(path))
    product: Floats = diagonal[:, None, :] * path
    product[1:] += off_diagonal * path[:-1]
    product[:-1] += off_diagonal * path[1:]
    return product


def _newton(batch: _Batch, weights: Floats, path: Floats, curvature: _Curvature) -> tuple[Floats, Floats]:
    """Give the full Newton step of the weights (B, p, G) and of the path (n, B, G)."""
    residual = batch.counts[..., None] - curvature.mean
    slope_u = residual - _latent_product(batch.grid, path)
    alone = tridiagonal.solve(curvature.factor, slope_u[:, :, None, :])[:, :, 0, :]
    slope_b = _against(batch, residual - curvature.mean * alone)
    slope_b -= (batch.precision * (weights.transpose(2, 0, 1) - batch.prior_mean)).transpose(1, 2, 0)
    solved = np.linalg.solve(curvature.schur, slope_b.transpose(0, 2, 1)[..., None])
    step_b = np.asarray(solved[..., 0].transpose(0, 2, 1), dtype=np.float64)
    step_u: Floats = alone - (curvature.response * step_b).sum(axis=2)
    return step_b, step_u


def _log_evidence(batch: _Batch, weights: Floats, path: Floats, curvature: _Curvature) -> Floats:
    """Approximate log p(y | grid point) + log prior, up to a constant of the series: (B, G)."""
    log_mean = batch.log_offset[..., None] + _predictor(batch, weights, path)
    likelihood = (batch.counts[..., None] * log_mean - curvature.mean).sum(axis=0)
    quadratic = (path * _latent_product(batch.grid, path)).sum(axis=0)
    apart = weights - batch.prior_mean[..., None]
    quadratic += (batch.precision[..., None] * apart**2).sum(axis=1)
    steps, grid = len(path), batch.grid
    log_prior_det = -2.0 * steps * np.log(grid.sigma) - (steps - 1) * np.log1p(-(grid.phi**2))
    log_det = tridiagonal.log_determinant(curvature.factor) + np.linalg.slogdet(curvature.schur)[1]
    evidence: Floats = likelihood - quadratic / 2 + (log_prior_det - log_det) / 2 + np.log(grid.prior)
    return evidence


def _baseline(batch: _Batch, weights: Floats, path: Floats, curvature: _Curvature) -> tuple[Floats, Floats]:
    """Give the log expected count without the effect and its standard deviation: (n, B, G) both."""
    without = weights.copy()
    without[:, 0] = 0.0
    base = batch.log_offset[..., None] + _predictor(batch, without, path)
    columns = batch.columns.transpose(1, 0, 2).copy()
    columns[..., 0] = 0.0
    carried = (columns[..., None] - curvature.response).transpose(1, 3, 0, 2)
    spread = (np.matmul(carried, np.linalg.inv(curvature.schur)) * carried).sum(axis=-1)
    variance = tridiagonal.inverse_diagonal(curvature.factor) + spread.transpose(2, 0, 1)
    return base, np.sqrt(variance)
