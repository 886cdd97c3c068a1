"""Peers that count by the week: segmented regression, the control as offset, and dates when nothing happened."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from bench.panel import glm
from bench.panel.answer import WASH_OUT_DAYS, Answer, Cells, on_log_scale, weeks
from bench.panel.series import Panel
from models.values.series import DAYS_PER_WEEK, Floats

_STEP: Final = 0
_PLACEBO_WEEKS: Final = 8


def quasi_poisson(panel: Panel) -> Answer:
    """Regress weekly counts on step and trend with quasi-Poisson errors and exposure as offset.

    Lopez Bernal, Cummins and Gasparrini (2017); less than a year is too short for their season. Student's t, as
    R prints it where the scale is estimated.
    """
    cells = weeks(panel)
    fit = glm.poisson(_segmented(cells), cells.counts, cells.exposure)
    error = fit.error(_STEP) * np.sqrt(fit.pearson())
    return on_log_scale(fit.coefficients[:, _STEP], error, fit.degrees)


def control_offset(panel: Panel) -> Answer:
    """Regress weekly counts on the step, with the control's counts as offset and Newey-West standard errors.

    The control stands for trend, season and exposure alike. Lags by the rule 4 (n / 100)^(2/9).
    """
    cells = weeks(panel)
    design = np.column_stack([cells.after, np.ones(len(cells.weeks))]).astype(np.float64)
    fit = glm.poisson(design, cells.counts, np.maximum(cells.control, 0.5))
    lags = int(4 * (len(cells.weeks) / 100) ** (2 / 9))
    return on_log_scale(fit.coefficients[:, _STEP], fit.newey_west_error(_STEP, lags))


def placebo_dates(panel: Panel) -> Answer:
    """Hold the log ratio of the rates after and 8 weeks before against that at all earlier dates it fits around.

    Dates a week apart whose weeks before, wash-out and weeks after all lie before the release; on those the true
    log ratio is 0, so their root mean square is the standard error, with as many degrees of freedom less one for
    Student's t. The share of dates with a larger ratio would be the plainer p, but cannot be below 1 / 12 here.
    No answer where fewer than three dates fit.
    """
    cells = weeks(panel)
    before, after = int((~cells.after).sum()), int(cells.after.sum())
    span = _PLACEBO_WEEKS + WASH_OUT_DAYS // DAYS_PER_WEEK + after
    if before < span + 2:
        nothing = np.full(len(panel), np.nan)
        return Answer(nothing, nothing, nothing, nothing)
    counts, exposure = (
        sliding_window_view(each[:, :before], span, axis=1) for each in (cells.counts, cells.exposure)
    )
    placebo = _log_ratio(counts, exposure, after)
    last = slice(before - _PLACEBO_WEEKS, None)
    estimate = _log_ratio(cells.counts[:, last], cells.exposure[:, last], after)
    dates = placebo.shape[1]
    return on_log_scale(estimate, np.sqrt((placebo**2).mean(axis=1)), dates - 1)


def _log_ratio(counts: Floats, exposure: Floats, after: int) -> Floats:
    """Compare the last `after` weeks of (..., W) with the first 8; half a complaint keeps the log finite."""
    sides = slice(-after, None), slice(None, _PLACEBO_WEEKS)
    late, early = (np.log((counts[..., s].sum(-1) + 0.5) / exposure[..., s].sum(-1)) for s in sides)
    ratio: Floats = late - early
    return ratio


def _segmented(cells: Cells) -> Floats:
    return np.column_stack([cells.after, np.ones(len(cells.weeks)), cells.weeks]).astype(np.float64)
