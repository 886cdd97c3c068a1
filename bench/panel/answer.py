"""What a method answers about a panel, and the days and weeks that all peers are given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri, stdtr, stdtrit

from bench.panel.series import Panel
from models.values.series import DAYS_PER_WEEK, Floats

Flags = NDArray[np.bool_]

WASH_OUT_DAYS: Final = 7
"""Left out after the release by every peer, as ours leaves them out: ramps and novelty must not decide who wins."""

INTERVAL: Final = 0.95


class Answer(NamedTuple):
    """What a method says of B series; every field is (B,), nan where the method gives none.

    p_value: two-sided, of no effect; effect: rate after ÷ rate had nothing changed; low, high: 95% interval.
    """

    p_value: Floats
    effect: Floats
    low: Floats
    high: Floats


Peer = Callable[[Panel], Answer]


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """A panel's days or weeks without the wash-out: W of them, in order.

    counts, exposure, control: (B, W); weeks: (W,) weeks from the release to the start of each; after: (W,).
    """

    counts: Floats
    exposure: Floats
    control: Floats
    weeks: Floats
    after: Flags


def days(panel: Panel) -> Cells:
    """Give a panel's days without the wash-out."""
    day = np.arange(panel.counts.shape[1]) - panel.before
    kept = (day < 0) | (day >= WASH_OUT_DAYS)
    return Cells(
        counts=panel.counts[:, kept],
        exposure=panel.exposure[:, kept],
        control=panel.control[:, kept],
        weeks=day[kept] / DAYS_PER_WEEK,
        after=day[kept] >= 0,
    )


def weeks(panel: Panel) -> Cells:
    """Add days up to whole weeks, counted back from the release and forward from the end of the wash-out."""
    first = WASH_OUT_DAYS // DAYS_PER_WEEK
    before = panel.before // DAYS_PER_WEEK
    last = (panel.counts.shape[1] - panel.before) // DAYS_PER_WEEK
    week = np.concatenate([np.arange(-before, 0), np.arange(first, last)])
    column = panel.before + week[:, None] * DAYS_PER_WEEK + np.arange(DAYS_PER_WEEK)
    return Cells(
        counts=panel.counts[:, column].sum(axis=2),
        exposure=panel.exposure[:, column].sum(axis=2),
        control=panel.control[:, column].sum(axis=2),
        weeks=week.astype(np.float64),
        after=week >= 0,
    )


def on_log_scale(estimate: Floats, error: Floats, degrees: Floats | float | None = None) -> Answer:
    """Answer from a log rate ratio (B,) and its standard error (B,) by Wald's test; degrees as in `two_sided`."""
    reach = error * quantile(degrees)
    with np.errstate(over="ignore"):
        interval = np.exp(estimate - reach), np.exp(estimate + reach)
    return Answer(two_sided(estimate, error, degrees), np.exp(estimate), *interval)


def two_sided(estimate: Floats, error: Floats, degrees: Floats | float | None = None) -> Floats:
    """Give the two-sided p (B,) of estimate ÷ error by Student's t with `degrees`, or by the normal if None."""
    with np.errstate(divide="ignore", invalid="ignore"):
        beyond = -np.abs(estimate / error)
    p_value: Floats = 2 * (ndtr(beyond) if degrees is None else stdtr(degrees, beyond))
    return p_value


def quantile(degrees: Floats | float | None = None) -> Floats | float:
    """Give half the width of a 95% interval in standard errors, by Student's t or (None) the normal."""
    upper = 0.5 + INTERVAL / 2
    half: Floats | float = ndtri(upper) if degrees is None else stdtrit(degrees, upper)
    return half
