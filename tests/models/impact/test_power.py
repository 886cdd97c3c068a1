from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats
from scipy.optimize import brentq

from models.impact import latent, mixture, power, windows
from models.impact.windows import TEMPERS, Window
from tests.models.impact import dense
from tests.models.impact.weekly import drawn, log_rates, window

Floats = NDArray[np.float64]


def one_normal(sd: float) -> mixture.Mixture:
    """Leave a single normal with the same width to every fall that is tried."""
    shape = (power.FALLS.size, 1)
    return mixture.normal(np.ones(shape), np.zeros(shape), np.full(shape, sd))


def textbook_fall(sd: float, *, alpha: float, wanted: float) -> float:
    """Give the fall whose log is (z of the level + z of the power) standard errors away from 0."""
    return float(-np.expm1(-(stats.norm.isf(alpha / 2) + stats.norm.isf(1 - wanted)) * sd))


def even(*, before: int = 26, after: int = 8, weekly: float = 20.0) -> Window:
    return window(np.full(before + after, weekly), before=before)


def smallest(*some: Window, alpha: float = 0.03, wanted: float = 0.8) -> list[float | None]:
    designs = [windows.design(one) for one in some]
    unseen = [windows.unseen_after(windows.design(one), one) for one in some]
    return power.smallest_falls(designs, unseen, [alpha] * len(some), power=wanted)


# ---------------------------------------------------------------- against the textbook


@pytest.mark.parametrize(("alpha", "wanted"), [(0.03, 0.8), (0.05, 0.9), (0.002, 0.5)])
@pytest.mark.parametrize("sd", [0.05, 0.2, 0.4])
def test_one_normal_gives_the_textbook_fall(sd: float, alpha: float, wanted: float) -> None:
    tails = power.tail_at_power(np.log1p(-power.FALLS), one_normal(sd), power=wanted)
    assert power.crossing(tails, alpha / 2) == pytest.approx(
        textbook_fall(sd, alpha=alpha, wanted=wanted), abs=0.002
    )


def test_the_tail_is_that_of_an_unlucky_estimate() -> None:
    """With power 80% the estimate is higher than 1 in 5: its tail above 0 is taken there."""
    weight, sd = np.array([0.7, 0.3]), np.array([0.1, 0.3])
    left = mixture.normal(weight[None], np.zeros((1, 2)), sd[None])
    overall = np.sqrt(weight @ sd**2)
    unlucky = stats.norm.ppf(0.8, loc=np.log(0.6), scale=overall)
    expected = weight @ stats.norm.sf(0.0, loc=unlucky, scale=sd)
    found = power.tail_at_power(np.log([0.6]), left, power=0.8)
    assert found[0] == pytest.approx(expected, rel=0.01)


def test_what_can_never_be_seen_has_no_smallest_fall() -> None:
    tails = power.tail_at_power(np.log1p(-power.FALLS), one_normal(2.0), power=0.8)
    assert power.crossing(tails, 0.015) is None


def test_what_is_always_seen_is_the_smallest_fall_tried() -> None:
    tails = power.tail_at_power(np.log1p(-power.FALLS), one_normal(1e-3), power=0.8)
    assert power.crossing(tails, 0.015) == pytest.approx(0.1)


# ---------------------------------------------------------------- against plain matrices


@pytest.mark.parametrize(("weekly", "after"), [(4.0, 8), (40.0, 4)])
def test_the_smallest_fall_is_where_plain_matrices_put_it(weekly: float, after: int) -> None:
    """Each component's width at a fall is that of a dense Hessian at the counts then expected.

    The dense version uses all components of the full grid that weigh more than 1 in 1000, and plain normals; the fall
    is found by bisection.
    """
    one, grid = even(weekly=weekly, after=after), latent.default_grid()
    design, forecast = (
        windows.design(one),
        latent.forecast([windows.unseen_after(windows.design(one), one)])[0],
    )
    likely = np.flatnonzero(forecast.weight > 1e-3)
    weight = forecast.weight[likely] / forecast.weight[likely].sum()
    problems = [
        dense.problem(
            design,
            prior_sd=design.prior_sd[forecast.hypothesis[k]],
            sigma=float(grid.sigma[forecast.point[k]]),
            phi=float(grid.phi[forecast.point[k]]),
        )
        for k in likely
    ]

    def tail_less_level(effect: float) -> float:
        sds = []
        for k, problem in zip(likely, problems, strict=True):
            mean = np.exp(forecast.path[:, k] + effect * design.columns[:, 0])
            hessian = problem.columns.T @ (mean[:, None] * problem.columns) + problem.precision
            sds.append(np.linalg.inv(hessian)[0, 0] ** 0.5)
        sd = np.array(sds)
        unlucky = effect + stats.norm.ppf(0.8) * np.sqrt(weight @ sd**2)
        return float(weight @ stats.norm.cdf(unlucky / sd)) - 0.015

    expected = -np.expm1(brentq(tail_less_level, np.log(0.05), np.log(0.95), xtol=1e-3))
    assert smallest(one)[0] == pytest.approx(expected, abs=0.03)


# ---------------------------------------------------------------- direction


def falling(falls: Sequence[float | None]) -> bool:
    numbers = [1.0 if fall is None else fall for fall in falls]
    return all(a > b for a, b in pairwise(numbers))


def test_more_complaints_and_more_weeks_show_smaller_falls() -> None:
    assert falling(smallest(*(even(weekly=level) for level in (0.1, 1.0, 5.0, 30.0, 1000.0))))
    assert falling(smallest(*(even(after=weeks) for weeks in (2, 4, 8, 20))))
    assert falling(smallest(*(even(before=weeks) for weeks in (12, 26, 60))))


def test_stricter_levels_and_higher_power_need_larger_falls() -> None:
    pair = even()
    assert falling([smallest(pair, alpha=alpha)[0] for alpha in (1e-5, 0.002, 0.03)])
    assert falling([smallest(pair, wanted=wanted)[0] for wanted in (0.95, 0.8, 0.5)])


def test_noise_before_the_release_hides_falls() -> None:
    rng = np.random.default_rng(3)
    restless = drawn(rng, log_rates(rng, level=40.0, sigma=0.6))
    assert falling(smallest(window(restless, before=26), even(weekly=40.0)))


def test_what_was_seen_after_the_release_does_not_change_the_answer() -> None:
    vanished = window(np.where(np.arange(34) < 26, 20.0, 3.0), before=26)
    plain, other = smallest(even(), vanished)
    assert plain == other


def test_hardly_any_complaints_show_no_fall_and_no_designs_no_answers() -> None:
    assert smallest(even(weekly=0.05)) == [None]
    assert smallest() == []


# ---------------------------------------------------------------- against simulation


def own_log_rates(rng: np.random.Generator, *, level: float) -> Floats:
    """Draw log rates from the engine's own prior: temper, noise and memory."""
    temper = TEMPERS[rng.choice(len(TEMPERS), p=[temper.share for temper in TEMPERS])]
    grid = latent.default_grid()
    point = rng.choice(grid.prior.size, p=grid.prior)
    return log_rates(
        rng,
        level=level,
        slope_sd=temper.slope_sd,
        season_sd=temper.season_sd,
        spike_sd=temper.spike_sd,
        sigma=float(grid.sigma[point]),
        phi=float(grid.phi[point]),
    )


@pytest.mark.parametrize(("level", "seed"), [(10.0, 21), (60.0, 22)])
def test_falls_of_that_size_are_called_as_often_as_promised(level: float, seed: int) -> None:
    """Draw 200 histories, read each one's smallest fall, draw weeks after with just that fall: 80% should be called.

    The Monte Carlo standard error of a share of 80% is 2.8 points; ± 8 is almost three.
    """
    rng, size = np.random.default_rng(seed), 200
    rates = [own_log_rates(rng, level=level) for _ in range(size)]
    quiet = [window(drawn(rng, rate), before=26) for rate in rates]
    fell = []
    for one, rate, fall in zip(quiet, rates, smallest(*quiet), strict=True):
        assert fall is not None
        after = drawn(rng, rate, ratio=1 - fall)
        fell.append(window(np.where(one.after, after, one.counts), before=26))
    effects = [found.effect for found in latent.fit([windows.design(one) for one in fell])]
    called = [
        float(mixture.two_sided(effect)) < 0.03 and float(effect.weight @ effect.mode) < 0
        for effect in effects
    ]
    assert np.mean(called) == pytest.approx(0.8, abs=0.08)
