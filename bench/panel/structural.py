"""The peer that forecasts: a structural time series, as Bayesian structural time series packages use it."""

from __future__ import annotations

import warnings
from importlib import import_module
from typing import Final, NamedTuple

import numpy as np

from bench.panel.answer import Answer, on_log_scale, weeks
from bench.panel.series import Panel
from models.values.series import Floats

_FUTURES: Final = 1000
_SEED: Final = 7


class State(NamedTuple):
    """A local level at the first week after the last one seen, and how it goes on.

    mean: (2,) level and coefficient of the control; covariance: (2, 2); level, noise: variances a week.
    """

    mean: Floats
    covariance: Floats
    level: float
    noise: float


def structural(panel: Panel) -> Answer:
    """Forecast the log rate from the weeks before with a local level and the control, and compare totals.

    statsmodels' UnobservedComponents on log((count + .5) / exposure), by maximum likelihood; 1 000 futures that
    carry the uncertainty of level, control coefficient and shocks, not that of the variances (Brodersen et al.
    2015 without their priors). The log of the observed total, less the mean log total of the futures, over its
    standard deviation there is taken as normal: the share of futures beyond it could not be below 1 / 1 000.
    Raises ModuleNotFoundError without statsmodels, which only developers have.
    """
    cells = weeks(panel)
    log_rate = np.log((cells.counts + 0.5) / cells.exposure)
    control = np.log(np.maximum(cells.control, 0.5) / cells.exposure)
    control -= control[:, ~cells.after].mean(axis=1, keepdims=True)
    ahead = cells.weeks[cells.after].astype(np.intp)
    estimate, error = np.empty(len(panel)), np.empty(len(panel))
    for row in range(len(panel)):
        state = fit_local_level(log_rate[row, ~cells.after], control[row, ~cells.after])
        future = futures(state, control[row, cells.after], ahead)
        exposure = cells.exposure[row, cells.after]
        totals = np.log(np.exp(future) @ exposure)
        observed = np.log(np.exp(log_rate[row, cells.after]) @ exposure)
        estimate[row], error[row] = observed - totals.mean(), totals.std()
    return on_log_scale(estimate, error)


def fit_local_level(values: Floats, regressor: Floats) -> State:
    """Fit a local level with a regression in the state to values (T,), and give the state one step ahead."""
    module = import_module("statsmodels.tsa.statespace.structural")
    model = module.UnobservedComponents(values, "llevel", exog=regressor, mle_regression=False)
    with warnings.catch_warnings():
        # Where the likelihood is flat the search stops early and warns; users take what it found.
        warnings.simplefilter("ignore")
        result = model.fit(disp=False)
    noise, level = result.params
    return State(result.predicted_state[:, -1], result.predicted_state_cov[:, :, -1], level, noise)


def futures(state: State, regressor: Floats, ahead: np.ndarray[tuple[int], np.dtype[np.intp]]) -> Floats:
    """Draw 1 000 futures (1000, W) of the weeks that lie `ahead` (W,) weeks after the state's."""
    rng = np.random.default_rng(_SEED)
    start = rng.multivariate_normal(state.mean, state.covariance, _FUTURES, method="eigh")
    steps = rng.normal(0, np.sqrt(state.level), (_FUTURES, int(ahead[-1])))
    walk = np.pad(np.cumsum(steps, axis=1), ((0, 0), (1, 0)))[:, ahead]
    noise = rng.normal(0, np.sqrt(state.noise), walk.shape)
    drawn: Floats = start[:, :1] + walk + start[:, 1:] * regressor + noise
    return drawn


def run_as_usual(panel: Panel, *, simulate: bool) -> None:
    """Fit every row with statsmodels' defaults and forecast the weeks after, or simulate 1 000 futures of them.

    For timing only: `structural` reaches the same by a quicker road of its own.
    """
    module = import_module("statsmodels.tsa.statespace.structural")
    cells = weeks(panel)
    log_rate = np.log((cells.counts + 0.5) / cells.exposure)
    control = np.log(np.maximum(cells.control, 0.5) / cells.exposure)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for values, regressor in zip(log_rate, control, strict=True):
            result = module.UnobservedComponents(
                values[~cells.after], "llevel", exog=regressor[~cells.after]
            ).fit(disp=False)
            ahead = regressor[cells.after][:, None]
            if simulate:
                result.simulate(len(ahead), anchor="end", repetitions=_FUTURES, exog=ahead)
            else:
                result.get_forecast(len(ahead), exog=ahead).conf_int()
