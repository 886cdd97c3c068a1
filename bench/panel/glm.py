"""Log-linear count regressions of many series on one design at once, with plain and robust standard errors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from models.values.series import Floats

_ITERATIONS: Final = 50
_TOLERANCE: Final = 1e-9
_NEWTON_STEPS: Final = 4


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """B regressions of T counts on the same P columns.

    design: (T, P); counts, mean: (B, T); coefficients: (B, P); dispersion: (B,) alpha of the variance mean +
    alpha * mean², 0 for Poisson; inverse: (B, P, P) inverse of the expected information.
    """

    design: Floats
    counts: Floats
    mean: Floats
    coefficients: Floats
    dispersion: Floats
    inverse: Floats

    @property
    def degrees(self) -> int:
        """Observations less coefficients."""
        observations, coefficients = self.design.shape
        return int(observations - coefficients)

    def pearson(self) -> Floats:
        """Give Pearson's chi-squared over its degrees of freedom, (B,): the scale of a quasi-likelihood."""
        variance = self.mean * (1 + self.dispersion[:, None] * self.mean)
        scale: Floats = ((self.counts - self.mean) ** 2 / variance).sum(axis=1) / self.degrees
        return scale

    def error(self, column: int) -> Floats:
        """Give the model's standard error of one coefficient, (B,), at scale 1."""
        error: Floats = np.sqrt(self.inverse[:, column, column])
        return error

    def newey_west_error(self, column: int, lags: int) -> Floats:
        """Give the standard error of one coefficient, (B,), robust to variance and to memory of up to `lags`.

        Bartlett weights 1 - l / (lags + 1) and no small-sample factor (Newey and West 1987), as statsmodels has
        it. Observations count as neighbours where they are neighbours in the design.
        """
        weight = 1 / (1 + self.dispersion[:, None] * self.mean)
        influence = (self.counts - self.mean) * weight * (self.inverse[:, column] @ self.design.T)
        variance = (influence**2).sum(axis=1)
        for lag in range(1, lags + 1):
            share = 1 - lag / (lags + 1)
            variance += 2 * share * (influence[:, lag:] * influence[:, :-lag]).sum(axis=1)
        error: Floats = np.sqrt(np.maximum(variance, 0))
        return error


def poisson(design: Floats, counts: Floats, exposure: Floats) -> Fit:
    """Fit Poisson regressions with log link and offset log(exposure).

    design: (T, P) of full rank; counts, exposure: (B, T), exposure above 0. Iteratively reweighted least
    squares (Nelder and Wedderburn 1972).
    """
    return _fit(design, counts, exposure, negative_binomial=False)


def negative_binomial(design: Floats, counts: Floats, exposure: Floats) -> Fit:
    """Fit negative binomial regressions, with alpha where Pearson's chi-squared equals its degrees of freedom.

    Arguments as for `poisson`; alpha by moments (Breslow 1984), 0 where there is no overdispersion.
    """
    return _fit(design, counts, exposure, negative_binomial=True)


def _fit(design: Floats, counts: Floats, exposure: Floats, *, negative_binomial: bool) -> Fit:
    rows, size = len(counts), design.shape[1]
    products = (design[:, :, None] * design[:, None, :]).reshape(len(design), size * size)
    mean = counts + 0.5
    dispersion, score = np.zeros(rows), np.full(rows, np.inf)
    for _ in range(_ITERATIONS):
        weight = mean / (1 + dispersion[:, None] * mean)
        working = np.log(mean / exposure) + (counts - mean) / mean
        information = (weight @ products).reshape(rows, size, size)
        moments = ((weight * working) @ design)[:, :, None]
        coefficients = np.asarray(np.linalg.solve(information, moments)[:, :, 0], np.float64)
        mean = exposure * np.exp(coefficients @ design.T)
        if negative_binomial:
            dispersion = _dispersion(counts, mean, dispersion, len(design) - size)
        before, score = score, _deviance(counts, mean) + dispersion
        if np.all(np.abs(score - before) <= _TOLERANCE * (np.abs(score) + 0.1)):
            break
    weight = mean / (1 + dispersion[:, None] * mean)
    inverse = np.asarray(np.linalg.inv((weight @ products).reshape(rows, size, size)), np.float64)
    return Fit(design, counts, mean, coefficients, dispersion, inverse)


def _deviance(counts: Floats, mean: Floats) -> Floats:
    """Give twice the Poisson log likelihood but for what does not depend on the mean, (B,)."""
    deviance: Floats = 2 * (mean - counts * np.log(mean)).sum(axis=1)
    return deviance


def _dispersion(counts: Floats, mean: Floats, start: Floats, degrees: int) -> Floats:
    """Solve Pearson's chi-squared = degrees for alpha by Newton's method.

    The function is convex and falls, so from the left Newton's steps cannot overshoot, and after the first one
    they always come from the left.
    """
    squares, alpha = (counts - mean) ** 2, start
    for _ in range(_NEWTON_STEPS):
        spread = 1 + alpha[:, None] * mean
        value = (squares / (mean * spread)).sum(axis=1) - degrees
        alpha = np.maximum(alpha + value / (squares / spread**2).sum(axis=1), 0)
    return alpha
