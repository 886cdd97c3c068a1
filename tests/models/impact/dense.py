"""The engine's model once more with plain matrices, finite differences and importance sampling.

It shares no formula with the engine beyond the model itself, and takes no short cut: the latent path is a block of
parameters like the weights.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.impact.latent import Design

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

_STEP: Final = 0.03
_WIDER: Final = 1.6


class Problem(NamedTuple):
    """Counts (n,) with parameters (q,): weights, then the latent path, under a normal prior."""

    counts: Floats
    seen: Flags
    offset: Floats
    columns: Floats
    prior: Floats
    precision: Floats

    def log_means(self, at: Floats) -> Floats:
        """Give (n,) for one parameter vector, (draws, n) for (draws, q)."""
        found: Floats = self.offset + at @ self.columns.T
        return found

    def log_posterior(self, at: Floats) -> Floats:
        """Give it up to a constant that no parameter, sigma or phi moves."""
        log_mean, apart = self.log_means(at), at - self.prior
        fit = (self.seen * (self.counts * log_mean - np.exp(log_mean))).sum(axis=-1)
        found: Floats = fit - 0.5 * ((apart @ self.precision) * apart).sum(axis=-1)
        found += 0.5 * np.linalg.slogdet(self.precision)[1]
        return found

    def hessian(self, at: Floats) -> Floats:
        """Give the negative second derivatives (q, q)."""
        mean = self.seen * np.exp(self.log_means(at))
        found: Floats = self.columns.T @ (mean[:, None] * self.columns) + self.precision
        return found

    def climb(self, start: Floats, *, fixed: int = 0) -> Floats:
        """Maximise over all but the first `fixed` parameters, by Newton steps that halve until they climb."""
        at = start.copy()
        for _ in range(200):
            residual = self.seen * (self.counts - np.exp(self.log_means(at)))
            slope = self.columns.T @ residual - self.precision @ (at - self.prior)
            step = np.zeros_like(at)
            step[fixed:] = np.linalg.solve(self.hessian(at)[fixed:, fixed:], slope[fixed:])
            share = 1.0
            while share > 1e-8 and self.log_posterior(at + share * step) < self.log_posterior(at):
                share /= 2
            at = at + share * step
            if np.abs(step).max() < 1e-11:
                break
        return at


class Fit(NamedTuple):
    """The mode (q,), its covariance (q, q), Laplace's log evidence, and what the engine reports of them."""

    mode: Floats
    covariance: Floats
    log_evidence: float
    effect: float
    sd: float
    path: Floats
    path_sd: Floats


def problem(design: Design, *, prior_sd: Floats, sigma: float, phi: float) -> Problem:
    steps, width = design.columns.shape
    apart = np.abs(np.subtract.outer(np.arange(steps), np.arange(steps)))
    precision = np.zeros((width + steps, width + steps))
    precision[:width, :width] = np.diag(prior_sd**-2.0)
    precision[width:, width:] = np.linalg.inv(sigma**2 * phi**apart)
    return Problem(
        counts=np.nan_to_num(design.counts),
        seen=~np.isnan(design.counts),
        offset=design.log_offset,
        columns=np.hstack([design.columns, np.eye(steps)]),
        prior=np.concatenate([design.prior_mean, np.zeros(steps)]),
        precision=precision,
    )


def fit(posed: Problem) -> Fit:
    mode = posed.climb(posed.prior)
    hessian = posed.hessian(mode)
    covariance: Floats = np.linalg.inv(hessian).astype(np.float64)
    without = posed.columns.copy()
    without[:, 0] = 0.0
    return Fit(
        mode=mode,
        covariance=covariance,
        log_evidence=float(posed.log_posterior(mode) - 0.5 * np.linalg.slogdet(hessian)[1]),
        effect=float(mode[0]),
        sd=float(covariance[0, 0] ** 0.5),
        path=posed.offset + without @ mode,
        path_sd=np.sqrt(np.einsum("ij,jk,ik->i", without, covariance, without)),
    )


def third_order(posed: Problem, found: Fit) -> tuple[float, float]:
    """Give tilt and skew by differences of the Laplace marginal: the effect held, all else maximised.

    Its log density is the profile, flat at the mode, less half the log determinant of what is left.
    """
    profile, spread = {}, {}
    for steps in (-2, -1, 1, 2):
        start = found.mode.copy()
        start[0] += steps * _STEP * found.sd
        at = posed.climb(start, fixed=1)
        profile[steps] = float(posed.log_posterior(at))
        spread[steps] = -0.5 * float(np.linalg.slogdet(posed.hessian(at)[1:, 1:])[1])
    tilt = (8 * (spread[1] - spread[-1]) - (spread[2] - spread[-2])) / (12 * _STEP)
    skew = (profile[2] - 2 * profile[1] + 2 * profile[-1] - profile[-2]) / (2 * _STEP**3)
    return tilt, skew


def tail_above_zero(posed: Problem, found: Fit, *, draws: int, seed: int) -> tuple[float, float]:
    """Give P(effect > 0) of the true posterior and its standard error, by importance sampling.

    Draws come from the normal at the mode, widened along the effect so that both tails are reached.
    """
    rng = np.random.default_rng(seed)
    along = found.covariance[:, 0] / found.sd
    rest = np.linalg.cholesky(found.covariance[1:, 1:] - np.outer(along[1:], along[1:]))
    score, noise = rng.normal(size=draws), rng.normal(size=(draws, len(rest)))
    at = found.mode + _WIDER * score[:, None] * along
    at[:, 1:] += noise @ rest.T
    log_ratio = posed.log_posterior(at) + 0.5 * (score**2 + (noise**2).sum(axis=1))
    weight = np.exp(log_ratio - log_ratio.max())
    weight /= weight.sum()
    above = at[:, 0] > 0
    tail = float(weight[above].sum())
    return tail, float(np.sqrt((weight**2 * (above - tail) ** 2).sum()))
