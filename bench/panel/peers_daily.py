"""Peers that count by the day: two tests that compare windows, and three regressions with weekday and trend."""

from __future__ import annotations

from typing import Final

import numpy as np
from scipy.special import betainc, betaincinv

from bench.panel import glm
from bench.panel.answer import INTERVAL, WASH_OUT_DAYS, Answer, Cells, days, on_log_scale, quantile, two_sided
from bench.panel.series import Panel
from models.values.series import DAYS_PER_WEEK, Floats

_WELCH_DAYS: Final = 28
_BINOMIAL_DAYS: Final = 56
_LAGS: Final = 7
_STEP: Final = 0
"""The column of the design that holds the effect."""


def welch(panel: Panel) -> Answer:
    """Compare mean daily rates of 28 days before and 28 after by Welch's t.

    The effect is the change as a share of the mean before, its interval that of the difference as a share of
    the same, so that it leaves 1 out exactly where p < .05.
    """
    before, after = (counts / exposure for counts, exposure in _windows(panel, _WELCH_DAYS))
    parts = [rate.var(axis=1, ddof=1) / rate.shape[1] for rate in (before, after)]
    base, difference = before.mean(axis=1), after.mean(axis=1) - before.mean(axis=1)
    error = np.sqrt(parts[0] + parts[1])
    with np.errstate(divide="ignore", invalid="ignore"):
        degrees = error**4 / (parts[0] ** 2 / (before.shape[1] - 1) + parts[1] ** 2 / (after.shape[1] - 1))
        reach = error * quantile(degrees)
        return Answer(
            p_value=two_sided(difference, error, degrees),
            effect=1 + difference / base,
            low=np.maximum(1 + (difference - reach) / base, 0),
            high=1 + (difference + reach) / base,
        )


def binomial(panel: Panel) -> Answer:
    """Compare the counts of 56 days before and the 49 that are left after, given their sum.

    Twice the smaller binomial tail, and the interval of Clopper and Pearson (1934) carried over to the rate
    ratio, both through the beta distribution (Przyborowski and Wilenski 1940).
    """
    (before, days_before), (after, days_after) = (
        (counts.sum(axis=1), exposure.sum(axis=1)) for counts, exposure in _windows(panel, _BINOMIAL_DAYS)
    )
    share, tail = days_after / (days_before + days_after), (1 - INTERVAL) / 2
    fewer = np.where(before == 0, 1, betainc(before, after + 1, 1 - share))
    more = np.where(after == 0, 1, betainc(after, before + 1, share))
    low = np.where(after == 0, 0, betaincinv(after, before + 1, tail))
    high = np.where(before == 0, 1, betaincinv(after + 1, before, 1 - tail))
    scale = days_before / days_after
    with np.errstate(divide="ignore", invalid="ignore"):
        return Answer(
            p_value=np.minimum(2 * np.minimum(fewer, more), 1),
            effect=scale * after / before,
            low=scale * low / (1 - low),
            high=scale * high / (1 - high),
        )


def poisson(panel: Panel) -> Answer:
    """Regress daily counts on step, trend and weekday with Poisson errors and exposure as offset."""
    fit = _daily_fit(panel)
    return on_log_scale(fit.coefficients[:, _STEP], fit.error(_STEP))


def negative_binomial(panel: Panel) -> Answer:
    """Do as `poisson` with negative binomial errors, their dispersion by moments."""
    cells = days(panel)
    fit = glm.negative_binomial(_daily_design(cells), cells.counts, cells.exposure)
    return on_log_scale(fit.coefficients[:, _STEP], fit.error(_STEP))


def newey_west(panel: Panel) -> Answer:
    """Do as `poisson` with standard errors robust to overdispersion and a week of autocorrelation."""
    fit = _daily_fit(panel)
    return on_log_scale(fit.coefficients[:, _STEP], fit.newey_west_error(_STEP, _LAGS))


def _windows(panel: Panel, width: int) -> list[tuple[Floats, Floats]]:
    """Give counts and exposure (B, at most `width` days) just before, and just after the wash-out."""
    first = panel.before + WASH_OUT_DAYS
    sides = slice(max(panel.before - width, 0), panel.before), slice(first, first + width)
    return [(panel.counts[:, side], panel.exposure[:, side]) for side in sides]


def _daily_fit(panel: Panel) -> glm.Fit:
    cells = days(panel)
    return glm.poisson(_daily_design(cells), cells.counts, cells.exposure)


def _daily_design(cells: Cells) -> Floats:
    """Write step, level, trend and six weekdays (T, 9); which weekday is which does not matter."""
    day = np.round(cells.weeks * DAYS_PER_WEEK)
    weekdays = day[:, None] % DAYS_PER_WEEK == np.arange(1, DAYS_PER_WEEK)
    return np.column_stack([cells.after, np.ones(len(day)), cells.weeks, weekdays]).astype(np.float64)
