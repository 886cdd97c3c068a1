"""A Poisson regression with a latent AR(1) term, averaged over how restless the series may be.

    y_w ~ Poisson(E_w exp(x_w b + u_w)),   u_w = phi u_{w-1} + e_w,   sd(u_w) = sigma,   b_j ~ N(m_j, s_j)

Regression weights b and latent path u are integrated out by Laplace's method for each (sigma, phi) of a grid, and for
each of several sets of prior standard deviations s ("hypotheses"); what is wanted is then a mixture over all of them,
weighted by approximate evidence times prior (nested Laplace in the sense of Rue, Martino and Chopin 2009, §3). The
mode is found once per grid point, under reference standard deviations; each hypothesis takes the likelihood as
quadratic around it. The joint log posterior is concave, so each fit has one mode.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from models.impact import laplace, smallmatrix, tridiagonal
from models.impact.laplace import Batch, Curvature, Mode
from models.impact.mixture import Mixture

Floats = NDArray[np.float64]
Item = TypeVar("Item")

_SIGMAS: Final = (0.03, 0.1, 0.18, 0.3, 0.5, 0.9)
_SIGMA_MEAN: Final = 0.15
_PHIS: Final = {0.0: 0.4, 0.5: 0.3, 0.8: 0.2, 0.95: 0.1}
_COARSE: Final = ((0.05, 0.17, 0.4), {0.0: 0.4, 0.5: 0.3, 0.85: 0.3})
_PILOT: Final = (0.25, 0.5)
_PILOT_TOLERANCE: Final = 0.05
_BATCH_POINTS: Final = 1024  # series times grid points: small enough for the cache, large enough for numpy


class Grid(NamedTuple):
    """Points (G,) of the latent term's size and memory, with their prior probabilities."""

    sigma: Floats
    phi: Floats
    prior: Floats


def default_grid() -> Grid:
    """Give the prior of the noise: sigma has an exponential density of mean .15, phi is mostly small.

    Points of sigma are unevenly spaced; each carries the density times the width of its cell. The smallest sigma
    hardly moves anything, whatever its memory, and has one point.
    """
    return _grid(_SIGMAS, _PHIS)


def coarse_grid() -> Grid:
    """Give a third of the points, for what no verdict rests on: the control's tests and the smallest visible fall."""
    return _grid(*_COARSE)


def _grid(sigmas: Sequence[float], phis: dict[float, float]) -> Grid:
    size = np.array(sigmas)
    mass = np.exp(-size / _SIGMA_MEAN) * np.gradient(size)
    mass /= mass.sum()
    points = [(sigmas[0], _PILOT[1], float(mass[0]))]
    points += [
        (sigma, phi, float(share) * weight)
        for sigma, share in zip(sigmas[1:], mass[1:], strict=True)
        for phi, weight in phis.items()
    ]
    sigma, phi, prior = np.array(points).T
    return Grid(sigma, phi, prior)


@dataclass(frozen=True, slots=True, eq=False)
class Design:
    """One series to fit. The first column is the effect.

    counts: (n,) float64, nan where not observed; log_offset: (n,) finite, log of the count expected at b = m, u = 0;
    columns: (n, p); prior_mean: (p,); prior_sd: (D, p) one row per hypothesis; share: (D,) their prior probabilities;
    reference_sd: (p,) under which the mode is found. Time steps are equally spaced.
    """

    counts: Floats
    log_offset: Floats
    columns: Floats
    prior_mean: Floats
    prior_sd: Floats
    share: Floats
    reference_sd: Floats


def simple_design(counts: Floats, log_offset: Floats, columns: Floats, mean: Floats, sd: Floats) -> Design:
    """Make a design with a single hypothesis: prior N(mean, sd), (p,) each."""
    return Design(counts, log_offset, columns, mean, sd[None], np.ones(1), sd)


@dataclass(frozen=True, slots=True, eq=False)
class Posterior:
    """What the fit of one series says of the effect, per component: K = grid points times hypotheses.

    effect: mixture (K,) of the log rate ratio; expected: (K,) sum of the counts expected without the effect over the
    observed steps in which it acts; hypotheses: (D,) posterior probability of each.
    """

    effect: Mixture
    expected: Floats
    hypotheses: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Forecast:
    """What the fit of one series expects without the effect, per component: K = grid points times hypotheses.

    weight: (K,) sums to 1; path: (n, K) log expected count at the mode; path_sd: (n, K) its standard deviation, where
    it was asked for; point, hypothesis: (K,) indices of the grid point and of the row of prior_sd.
    """

    weight: Floats
    path: Floats
    path_sd: Floats | None
    point: NDArray[np.intp]
    hypothesis: NDArray[np.intp]


class _Hypotheses(NamedTuple):
    """Per series, grid point and hypothesis: posterior probability (B, G, D), how far weights move (p, B, G, D), and
    the factor of their precision."""

    weight: Floats
    shift: Floats
    factor: smallmatrix.Factor


def fit(designs: Sequence[Design], grid: Grid | None = None) -> list[Posterior]:
    """Estimate the effect in every design, in batches; answers stand in the order of the designs.

    Raises ValueError where shapes within a design disagree, or the number of hypotheses between them.
    """
    grid = grid or default_grid()
    found: list[Posterior] = []
    for some in _chunks(designs, grid.sigma.size):
        batch, mode, curvature, likely = _fitted(some, grid)
        sd, skew, together = _sd_and_skew(batch, curvature, likely.factor)
        tilt = _tilt(batch, curvature, likely.factor, together)
        modes = mode.weights[0][..., None] + likely.shift[0]
        effect = Mixture(likely.weight, modes, sd, np.broadcast_to(tilt, sd.shape), skew)
        expected = _expected(batch, mode, curvature, likely.shift)
        for i in range(len(some)):
            own = Mixture(*(part[i].ravel() for part in effect))
            found.append(Posterior(own, expected[i].ravel(), likely.weight[i].sum(axis=0)))
    return found


def forecast(
    designs: Sequence[Design], grid: Grid | None = None, *, with_path_sd: bool = False
) -> list[Forecast]:
    """Say what every design expects without the effect, at every step; otherwise as `fit`."""
    grid = grid or default_grid()
    found: list[Forecast] = []
    for some in _chunks(designs, grid.sigma.size):
        batch, mode, curvature, likely = _fitted(some, grid)
        path = _baseline(batch, mode, curvature, likely.shift)
        path_sd = _baseline_sd(batch, curvature, likely.factor) if with_path_sd else None
        point, hypothesis = (index.ravel() for index in np.indices(likely.weight.shape[1:]))
        for i, design in enumerate(some):
            steps = design.counts.size
            spread = None if path_sd is None else path_sd[:steps, i].reshape(steps, -1)
            here = path[:steps, i].reshape(steps, -1)
            found.append(Forecast(likely.weight[i].ravel(), here, spread, point, hypothesis))
    return found


def effect_at(
    designs: Sequence[Design],
    forecasts: Sequence[Forecast],
    effects: Floats,
    grid: Grid | None = None,
    *,
    most: int = 12,
) -> list[Mixture]:
    """Give the mixture that each design would leave to the effect if the effect were as given: (E, most) each.

    The counts that stand behind it are those that the forecasts expect, so that the answer does not depend on what
    was seen after. Only the `most` likeliest components are followed. effects: (E,) log ratios; the mixtures' modes
    are 0. The grid must be that of the forecasts.
    """
    grid = grid or default_grid()
    found: list[Mixture] = []
    points = effects.size * most
    for some, known in zip(_chunks(designs, points), _chunks(forecasts, points), strict=True):
        found += _effect_at(some, known, effects, most, grid)
    return found


def _chunks(items: Sequence[Item], points: int) -> Iterator[Sequence[Item]]:
    size = max(_BATCH_POINTS // points, 1)
    for low in range(0, len(items), size):
        yield items[low : low + size]


def _mode(batch: Batch) -> Mode:
    """Climb once under typical noise, and from there to the mode of every grid point."""
    steps, width, size, _ = batch.columns.shape
    pilot = batch._replace(sigma=np.array([[_PILOT[0]]]), phi=np.array([[_PILOT[1]]]))
    start = Mode(np.broadcast_to(batch.prior_mean, (width, size, 1)), np.zeros((steps, size, 1)))
    near = laplace.climb(pilot, start, tolerance=_PILOT_TOLERANCE)
    points = batch.sigma.shape[-1]
    return laplace.climb(batch, Mode(*(np.repeat(part, points, axis=-1) for part in near)))


def _stack(designs: Sequence[Design], grid: Grid) -> Batch:
    steps = max(d.counts.size for d in designs)
    width = max(d.prior_mean.size for d in designs)
    size = len(designs)
    counts, observed, offset = (np.zeros((steps, size, 1)) for _ in range(3))
    columns = np.zeros((steps, width, size, 1))
    mean, precision = np.zeros((width, size, 1)), np.ones((width, size, 1))
    for i, design in enumerate(designs):
        n, p = design.columns.shape
        if not (design.counts.shape == design.log_offset.shape == (n,) and design.reference_sd.shape == (p,)):
            raise ValueError("counts and log_offset must be (n,), columns (n, p), priors (p,)")
        seen = ~np.isnan(design.counts)
        counts[:n, i, 0] = np.where(seen, design.counts, 0.0)
        observed[:n, i, 0], offset[:n, i, 0] = seen, design.log_offset
        columns[:n, :p, i, 0] = design.columns
        mean[:p, i, 0], precision[:p, i, 0] = design.prior_mean, design.reference_sd**-2.0
    return Batch(counts, observed, offset, columns, mean, precision, grid.sigma[None], grid.phi[None])


def _precisions(designs: Sequence[Design], width: int) -> Floats:
    """Stack the hypotheses' prior precisions: (p, B, 1, D)."""
    if len({len(design.prior_sd) for design in designs}) != 1:
        raise ValueError("designs of one call must have the same number of hypotheses")
    found = np.ones((width, len(designs), 1, len(designs[0].prior_sd)))
    for i, design in enumerate(designs):
        found[: design.prior_mean.size, i, 0] = (design.prior_sd**-2.0).T
    return found


def _fitted(designs: Sequence[Design], grid: Grid) -> tuple[Batch, Mode, Curvature, _Hypotheses]:
    batch = _stack(designs, grid)
    mode = _mode(batch)
    curvature = laplace.curvature_at(batch, laplace.expected_counts(batch, mode))
    return batch, mode, curvature, _hypotheses(designs, batch, mode, curvature, grid)


def _hypotheses(
    designs: Sequence[Design], batch: Batch, mode: Mode, curvature: Curvature, grid: Grid
) -> _Hypotheses:
    """Move from the reference prior to each hypothesis, in the quadratic approximation around the mode.

    With information A, reference precision P0 and deviation d = b - m at the mode, the log likelihood's slope there
    is P0 d; under precision P the weights move by (A + P)^-1 (P0 - P) d.
    """
    precision = _precisions(designs, len(mode.weights))
    apart = (mode.weights - batch.prior_mean)[..., None]
    factor = smallmatrix.factorise(smallmatrix.with_diagonal(curvature.information[..., None], precision))
    reference = batch.precision[..., None]
    shift = smallmatrix.solve(factor, (reference - precision) * apart)
    along = np.stack([(row[..., None] * shift).sum(axis=0) for row in curvature.information])
    gain = (shift * (reference * apart - along / 2)).sum(axis=0)
    gain -= 0.5 * (precision * (apart + shift) ** 2 - np.log(precision)).sum(axis=0)
    log_mean = batch.log_offset + laplace.predictor(batch, *mode)
    likelihood = (batch.observed * batch.counts * log_mean - curvature.mean).sum(axis=0)
    fixed = likelihood - 0.5 * laplace.path_energy(batch, mode.path)
    fixed -= 0.5 * tridiagonal.log_determinant(curvature.factor)
    evidence = fixed[..., None] + gain - 0.5 * smallmatrix.log_determinant(factor)
    evidence += np.log(grid.prior)[:, None] + np.log([design.share for design in designs])[:, None, :]
    weight = np.exp(evidence - evidence.max(axis=(1, 2), keepdims=True))
    weight /= weight.sum(axis=(1, 2), keepdims=True)
    return _Hypotheses(weight, shift, factor)


def _sd_and_skew(
    batch: Batch, curvature: Curvature, factor: smallmatrix.Factor
) -> tuple[Floats, Floats, Floats]:
    """Give the effect's standard deviation and skew (B, G, D), and how it goes together with each log mean.

    together: (n, B, G) covariance with the log means in standard deviations of the effect, under the first
    hypothesis. Third derivatives of the Poisson log likelihood are minus the expected counts; Rue, Martino and Chopin
    (2009, equation 23).
    """
    first = np.zeros_like(factor.diagonal)
    first[0] = 1.0
    with_effect = smallmatrix.solve(factor, first)
    sd = np.sqrt(with_effect[0])
    carried = batch.columns - curvature.response
    each = [(carried * scaled).sum(axis=1) for scaled in np.moveaxis(with_effect / sd, -1, 0)]
    skew = [-(curvature.mean * together * together * together).sum(axis=0) for together in each]
    return sd, np.stack(skew, axis=-1), each[0]


def _tilt(batch: Batch, curvature: Curvature, factor: smallmatrix.Factor, together: Floats) -> Floats:
    """Give the tilt (B, G, 1); it is small, and that of the first hypothesis serves for all."""
    spread = _spread(
        batch.columns - curvature.response, smallmatrix.Factor(factor.lower[..., 0], factor.diagonal[..., 0])
    )
    spread += tridiagonal.inverse_diagonal(curvature.factor) - together**2
    tilt: Floats = -0.5 * (curvature.mean * together * spread).sum(axis=0)
    return tilt[..., None]


def _spread(carried: Floats, factor: smallmatrix.Factor) -> Floats:
    """Give v' M^-1 v for the rows v of carried (n, p, B, G) and matrices M (B, G): (n, B, G)."""
    inverse = smallmatrix.inverse(factor)
    return np.asarray(
        (carried * np.stack([(row * carried).sum(axis=1) for row in inverse], axis=1)).sum(axis=1)
    )


def _expected(batch: Batch, mode: Mode, curvature: Curvature, shift: Floats) -> Floats:
    """Add up the counts expected without the effect over the observed steps in which it acts: (B, G, D)."""
    acts = (batch.observed * (batch.columns[:, 0] != 0)).any(axis=(1, 2))
    part = batch._replace(log_offset=batch.log_offset[acts], columns=batch.columns[acts])
    here = Mode(mode.weights, mode.path[acts])
    expected = np.exp(_baseline(part, here, curvature._replace(response=curvature.response[acts]), shift))
    counted = (batch.observed * (batch.columns[:, 0] != 0))[acts]
    return np.asarray((counted[..., None] * expected).sum(axis=0))


def _baseline(batch: Batch, mode: Mode, curvature: Curvature, shift: Floats) -> Floats:
    """Give the log expected count without the effect, (n, B, G, D); the path gives way to weights that move."""
    without = mode.weights.copy()
    without[0] = 0.0
    base = (batch.log_offset + laplace.predictor(batch, without, mode.path))[..., None]
    moved = shift.copy()
    moved[0] = 0.0
    total: Floats = np.repeat(base, shift.shape[-1], axis=-1)
    for j in range(len(shift)):
        total += batch.columns[:, j][..., None] * moved[j] - curvature.response[:, j][..., None] * shift[j]
    return total


def _baseline_sd(batch: Batch, curvature: Curvature, factor: smallmatrix.Factor) -> Floats:
    """Give the standard deviation of `_baseline`: (n, B, G, D)."""
    carried = batch.columns - curvature.response
    carried[:, 0] = -curvature.response[:, 0]
    free = tridiagonal.inverse_diagonal(curvature.factor)
    each = [
        _spread(carried, smallmatrix.Factor(factor.lower[..., d], factor.diagonal[..., d]))
        for d in range(factor.diagonal.shape[-1])
    ]
    return np.sqrt(np.stack(each, axis=-1) + free[..., None])


def _effect_at(
    designs: Sequence[Design], forecasts: Sequence[Forecast], effects: Floats, most: int, grid: Grid
) -> list[Mixture]:
    size = effects.size
    top = [np.argsort(-each.weight)[:most] for each in forecasts]
    batch = _stack([design for design in designs for _ in range(size)], grid)
    point = np.stack([each.point[rows] for each, rows in zip(forecasts, top, strict=True)]).repeat(
        size, axis=0
    )
    batch = batch._replace(sigma=grid.sigma[point], phi=grid.phi[point])
    path = np.zeros((len(batch.counts), *point.shape))
    precision = np.ones((batch.columns.shape[1], *point.shape, 1))
    for i, (design, each, rows) in enumerate(zip(designs, forecasts, top, strict=True)):
        here = slice(i * size, (i + 1) * size)
        path[: len(each.path), here] = each.path[:, None, rows]
        of_row = design.prior_sd[each.hypothesis[rows]] ** -2.0
        precision[: of_row.shape[1], here, :, 0] = of_row.T[:, None, :]
    changed = batch.columns[:, 0] * np.tile(effects, len(designs))[:, None]
    curvature = laplace.curvature_at(batch, batch.observed * np.exp(path + changed))
    factor = smallmatrix.factorise(smallmatrix.with_diagonal(curvature.information[..., None], precision))
    sd, skew = (part[..., 0] for part in _sd_and_skew(batch, curvature, factor)[:2])
    weight = np.repeat(
        np.stack([e.weight[rows] / e.weight[rows].sum() for e, rows in zip(forecasts, top, strict=True)]),
        size,
        axis=0,
    )
    whole = Mixture(weight, np.zeros_like(sd), sd, np.zeros_like(sd), skew)
    return [Mixture(*(part[i * size : (i + 1) * size] for part in whole)) for i in range(len(designs))]
