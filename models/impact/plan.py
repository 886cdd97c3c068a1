"""How many weeks until a fall of a given size can be seen: the same model, before there are data."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.impact.latent import Design, Posterior, default_grid
from models.impact.looks import FINAL_ALPHA
from models.impact.power import smallest_falls
from models.impact.windows import Window, design

Floats = NDArray[np.float64]

WEEKS_BEFORE: Final = 26
LONGEST_WEEKS: Final = 52
SHORTEST_WEEKS: Final = 4
USUAL_NOISE: Final = 0.2
USUAL_POWER: Final = 0.8
_DAY_ZERO: Final = date(2000, 1, 3)
_SHOWN_WEEKS: Final = (4, 8, 12, 26, 52)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a release can be asked to show.

    weeks: since all customers had it, wash-out included, until the fall is seen with the wanted power; None
    if that takes more than LONGEST_WEEKS; weekly_complaints: expected before; smallest_falls: (weeks,
    smallest fall as a share that would be seen then, None if not even 95%).
    """

    weeks: int | None
    weekly_complaints: float
    smallest_falls: tuple[tuple[int, float | None], ...]


def plan(
    *,
    rate: float,
    exposure: float,
    fall: float,
    noise: float = USUAL_NOISE,
    memory: float = 0.5,
    power: float = USUAL_POWER,
    wash_out_weeks: int = 1,
) -> Plan:
    """Say how many weeks it takes to call a fall of the given share.

    rate: complaints per 1 000 exposed customer-days; exposure: exposed customers on a day; noise: standard
    deviation from week to week of the log rate, beyond chance (about .2 is common, measure your own where you
    can); memory: its correlation from one week to the next. 26 weeks of history are taken as given. Raises
    ValueError for values out of bounds.
    """
    _check(rate=rate, exposure=exposure, fall=fall, noise=noise, memory=memory, power=power)
    weekly = rate * exposure * 7 / 1000
    weight = _likely_weights(weekly, noise, memory)
    weeks = range(max(SHORTEST_WEEKS, wash_out_weeks + 1), LONGEST_WEEKS + 1)
    designs = [planned_design(weekly, wash_out_weeks, after - wash_out_weeks) for after in weeks]
    forecasts = [_flat(each, weight) for each in designs]
    falls = smallest_falls(designs, forecasts, [FINAL_ALPHA] * len(designs), power=power)
    visible = dict(zip(weeks, falls, strict=True))
    enough = (week for week, smallest in visible.items() if smallest is not None and smallest <= fall)
    shown = tuple((week, visible[week]) for week in _SHOWN_WEEKS if week in visible)
    return Plan(weeks=next(enough, None), weekly_complaints=weekly, smallest_falls=shown)


def _check(*, rate: float, exposure: float, fall: float, noise: float, memory: float, power: float) -> None:
    if not (rate > 0 and exposure > 0 and np.isfinite(rate * exposure)):
        raise ValueError("rate and exposure must be above 0")
    if not 0 < fall < 1:
        raise ValueError("fall must lie between 0 and 1, for example 0.25")
    if not (0 < noise <= 2 and 0 <= memory < 1 and 0.5 <= power < 1):
        raise ValueError("noise must be in (0, 2], memory in [0, 1), power in [.5, 1)")


def planned_design(weekly: float, wash_out: int, after: int) -> Design:
    """Write the plan as a window in which every week brings what is expected."""
    weeks = np.arange(-WEEKS_BEFORE, wash_out + after)
    window = Window(
        release=_DAY_ZERO,
        starts=tuple(_DAY_ZERO + timedelta(weeks=int(week)) for week in weeks),
        weeks=weeks.astype(np.float64) + 0.5,
        counts=np.full(weeks.size, weekly, dtype=np.float64),
        exposure=np.ones(weeks.size),
        control=None,
        before=weeks < 0,
        after=weeks >= wash_out,
    )
    return design(window)


def _flat(flat: Design, weight: Floats) -> Posterior:
    """Expect the same count every week."""
    path = np.repeat(flat.log_offset[:, None], weight.size, axis=1)
    return Posterior(weight, np.zeros_like(weight), np.ones_like(weight), path, np.zeros_like(path))


def _likely_weights(weekly: float, noise: float, memory: float) -> Floats:
    """Give the grid weights (G,) that the weeks before would leave on average, were noise and memory the
    truth.

    Weights go with prior times the exponential of the expected log likelihood of a Gaussian working model, in
    which a week's log count has variance 1 / weekly beyond the latent path, level, trend and season.
    """
    grid = default_grid()
    before = planned_design(weekly, 0, 0)
    spread = before.columns * before.prior_sd
    known = spread @ spread.T + np.eye(WEEKS_BEFORE) / weekly
    truth = known + _covariance(np.array([noise]), np.array([memory]))[0]
    assumed = known + _covariance(grid.sigma, grid.phi)
    misfit = np.trace(np.linalg.solve(assumed, np.broadcast_to(truth, assumed.shape)), axis1=1, axis2=2)
    score = np.log(grid.prior) - 0.5 * (np.linalg.slogdet(assumed)[1] + misfit)
    weight = np.exp(score - score.max())
    return np.asarray(weight / weight.sum(), dtype=np.float64)


def _covariance(sigma: Floats, phi: Floats) -> Floats:
    """Give the covariances (G, n, n) of stationary AR(1) paths over the weeks before."""
    apart = np.abs(np.subtract.outer(np.arange(WEEKS_BEFORE), np.arange(WEEKS_BEFORE)))
    covariance: Floats = sigma[:, None, None] ** 2 * phi[:, None, None] ** apart
    return covariance
