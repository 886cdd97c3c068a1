"""The peers, each against the same method in scipy or statsmodels, series by series."""

import csv
import os
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from bench.panel import glm, peers_daily, peers_weekly
from bench.panel.answer import Answer, days, weeks
from bench.panel.peers import PEERS
from bench.panel.regimes import REGIMES, Regime
from bench.panel.series import Floats, Panel, draw
from bench.panel.structural import fit_local_level, futures, structural

BEFORE, WASH_OUT = 182, 7
TIGHT = 1e-12


@pytest.fixture(scope="module", params=["nb_low", "ar_5", "high_50"])
def panel(request: pytest.FixtureRequest) -> Panel:
    return draw(REGIMES[request.param], ratio=0.8, count=4, seed=41)


@pytest.fixture(scope="module")
def poisson_panel() -> Panel:
    """Without memory, shocks and overdispersion, so that every peer is right."""
    return draw(Regime(40.0, dispersion=0.0), ratio=0.5, count=3, seed=42)


def answers_of(answer: Answer, row: int) -> list[float]:
    return [float(each[row]) for each in answer]


def normal(estimate: float, error: float) -> list[float]:
    """p, effect, low, high of a log rate ratio."""
    reach = stats.norm.ppf(0.975) * error
    ends = np.exp([estimate, estimate - reach, estimate + reach])
    return [2 * stats.norm.sf(abs(estimate / error)), *ends]


def daily_table(panel: Panel, row: int) -> tuple[Floats, Floats, Floats]:
    """Counts, log exposure and design (step first) of the days without the wash-out, written out day by day."""
    kept = [t for t in range(panel.counts.shape[1]) if not BEFORE <= t < BEFORE + WASH_OUT]
    design = [
        [float(t >= BEFORE), 1.0, (t - BEFORE) / 7, *(float(t % 7 == k) for k in range(6))] for t in kept
    ]
    return panel.counts[row, kept], np.log(panel.exposure[row, kept]), np.array(design)


def weekly_table(panel: Panel, row: int) -> tuple[Floats, Floats, Floats, Floats]:
    """Counts, exposure, control and weeks from the release, written out week by week."""
    starts = [t for t in range(0, panel.counts.shape[1], 7) if t != BEFORE]
    counts, exposure, control = (
        np.array([sum(each[row, t : t + 7]) for t in starts])
        for each in (panel.counts, panel.exposure, panel.control)
    )
    return counts, exposure, control, (np.array(starts) - BEFORE) / 7


def test_welch_is_that_of_scipy(panel: Panel) -> None:
    found = peers_daily.welch(panel)
    rate = panel.counts / panel.exposure
    for row in range(len(panel)):
        before, after = rate[row, BEFORE - 28 : BEFORE], rate[row, BEFORE + 7 : BEFORE + 35]
        expected = stats.ttest_ind(after, before, equal_var=False)
        interval = np.array(expected.confidence_interval()) / before.mean()
        assert answers_of(found, row) == pytest.approx(
            [expected.pvalue, after.mean() / before.mean(), *np.maximum(1 + interval, 0)], rel=1e-9
        )


def test_the_binomial_is_that_of_scipy_and_bears_empty_windows(panel: Panel) -> None:
    counts = panel.counts.copy()
    counts[0, BEFORE:] = 0
    counts[1, :BEFORE] = 0
    panel = replace(panel, counts=counts)
    found = peers_daily.binomial(panel)
    for row in range(len(panel)):
        sides = slice(BEFORE - 56, BEFORE), slice(BEFORE + 7, None)
        (x, x_days), (y, y_days) = ((counts[row, s].sum(), panel.exposure[row, s].sum()) for s in sides)
        share = y_days / (x_days + y_days)
        tails = [
            stats.binomtest(int(y), int(x + y), share, alternative=which).pvalue
            for which in ("less", "greater")
        ]
        ends = stats.binomtest(int(y), int(x + y), share).proportion_ci(method="exact")
        with np.errstate(divide="ignore"):
            ratios = np.array([y / (x + y), ends.low, ends.high]) * x_days / y_days
            expected = ratios / (1 - ratios * y_days / x_days)
        assert answers_of(found, row) == pytest.approx([min(1, 2 * min(tails)), *expected], rel=1e-6)


def test_poisson_is_that_of_statsmodels(panel: Panel) -> None:
    api = pytest.importorskip("statsmodels.api")
    found = peers_daily.poisson(panel)
    for row in range(len(panel)):
        counts, offset, design = daily_table(panel, row)
        fit = api.GLM(counts, design, family=api.families.Poisson(), offset=offset).fit(tol=TIGHT)
        assert answers_of(found, row) == pytest.approx(normal(fit.params[0], fit.bse[0]), rel=1e-5)


def test_the_negative_binomial_is_that_of_statsmodels_at_our_dispersion(panel: Panel) -> None:
    """And that dispersion makes Pearson's chi-squared what moments ask for, or is 0 where it is less anyway."""
    api = pytest.importorskip("statsmodels.api")
    cells = days(panel)
    ours = glm.negative_binomial(daily_table(panel, 0)[2], cells.counts, cells.exposure)
    found = peers_daily.negative_binomial(panel)
    assert ours.dispersion.any()
    for row in range(len(panel)):
        counts, offset, design = daily_table(panel, row)
        alpha = float(ours.dispersion[row])
        family = api.families.NegativeBinomial(alpha=alpha) if alpha else api.families.Poisson()
        fit = api.GLM(counts, design, family=family, offset=offset).fit(tol=TIGHT)
        assert answers_of(found, row) == pytest.approx(normal(fit.params[0], fit.bse[0]), rel=1e-5)
        pearson = fit.pearson_chi2 / fit.df_resid
        assert pearson == pytest.approx(1, rel=1e-6) if alpha else pearson < 1


def test_dispersion_comes_back_on_average_and_is_zero_for_poisson_counts() -> None:
    """200 series of 231 days: the mean dispersion has a standard error of about .004."""
    drawn = days(draw(Regime(20.0, dispersion=0.3), ratio=1.0, count=200, seed=43))
    design = daily_table(draw(REGIMES["iid_5"], ratio=1.0, count=1, seed=1), 0)[2]
    fit = glm.negative_binomial(design, drawn.counts, drawn.exposure)
    assert fit.dispersion.mean() == pytest.approx(0.3, abs=0.015)
    even = glm.negative_binomial(design, np.round(fit.mean), drawn.exposure)
    assert not even.dispersion.any()


def test_newey_west_is_that_of_statsmodels(panel: Panel) -> None:
    api = pytest.importorskip("statsmodels.api")
    found = peers_daily.newey_west(panel)
    for row in range(len(panel)):
        counts, offset, design = daily_table(panel, row)
        model = api.GLM(counts, design, family=api.families.Poisson(), offset=offset)
        fit = model.fit(tol=TIGHT, cov_type="HAC", cov_kwds={"maxlags": 7})
        assert answers_of(found, row) == pytest.approx(normal(fit.params[0], fit.bse[0]), rel=1e-5)


def test_weekly_quasi_poisson_is_that_of_statsmodels(panel: Panel) -> None:
    api = pytest.importorskip("statsmodels.api")
    found = peers_weekly.quasi_poisson(panel)
    for row in range(len(panel)):
        counts, exposure, _, week = weekly_table(panel, row)
        design = np.column_stack([week >= 0, np.ones(len(week)), week])
        model = api.GLM(counts, design, family=api.families.Poisson(), offset=np.log(exposure))
        fit = model.fit(tol=TIGHT, scale="X2", use_t=True)
        expected = [fit.pvalues[0], np.exp(fit.params[0]), *np.exp(fit.conf_int()[0])]
        assert answers_of(found, row) == pytest.approx(expected, rel=1e-5)


def test_the_control_as_offset_is_that_of_statsmodels(panel: Panel) -> None:
    """33 weeks: three lags by the usual rule."""
    api = pytest.importorskip("statsmodels.api")
    found = peers_weekly.control_offset(panel)
    for row in range(len(panel)):
        counts, _, control, week = weekly_table(panel, row)
        design = np.column_stack([week >= 0, np.ones(len(week))]).astype(float)
        model = api.GLM(counts, design, family=api.families.Poisson(), offset=np.log(control))
        fit = model.fit(tol=TIGHT, cov_type="HAC", cov_kwds={"maxlags": 3})
        assert answers_of(found, row) == pytest.approx(normal(fit.params[0], fit.bse[0]), rel=1e-5)


def test_the_published_segmented_regression_comes_out() -> None:
    """Lopez Bernal, Cummins and Gasparrini (2017): .894 (.839-.953) with dispersion 3.56, on a normal scale."""
    folder = os.environ.get("EBB_SHARED")
    if folder is None:
        pytest.skip("EBB_SHARED is not set; sicily.csv: github.com/gasparrini/2017_lopezbernal_IJE_codedata")
    with (Path(folder) / "data/sicily/sicily.csv").open() as file:
        rows = [[float(r[k]) for k in ("aces", "stdpop", "smokban", "time")] for r in csv.DictReader(file)]
    counts, population, ban, month = np.array(rows).T
    fit = glm.poisson(np.column_stack([ban, np.ones(len(rows)), month]), counts[None], population[None])
    error = fit.error(0) * np.sqrt(fit.pearson())
    _, *found = normal(float(fit.coefficients[0, 0]), float(error[0]))
    assert found == pytest.approx([0.894, 0.839, 0.953], abs=6e-4)
    assert fit.pearson()[0] == pytest.approx(3.56, abs=0.005)


def test_placebo_dates_are_those_at_which_nothing_happened(panel: Panel) -> None:
    """26 weeks before bear 11 dates with 8 weeks before, a wash-out week and 7 after."""
    found = peers_weekly.placebo_dates(panel)
    for row in range(len(panel)):
        ratios = []
        for day in [*range(56, BEFORE - 56 + 1, 7), BEFORE]:
            sides = slice(day - 56, day), slice(day + 7, day + 56)
            rates = [(panel.counts[row, s].sum() + 0.5) / panel.exposure[row, s].sum() for s in sides]
            ratios.append(np.log(rates[1] / rates[0]))
        *placebo, real = ratios
        error = np.sqrt(np.mean(np.square(placebo)))
        reach = stats.t.ppf(0.975, 10) * error
        expected = [2 * stats.t.sf(abs(real / error), 10), *np.exp([real, real - reach, real + reach])]
        assert len(placebo) == 11
        assert answers_of(found, row) == pytest.approx(expected, rel=1e-9)


def test_placebo_dates_give_no_answer_where_history_is_short() -> None:
    found = PEERS["placebo_dates"](draw(REGIMES["iid_5"], ratio=1.0, count=2, seed=4, days_before=17 * 7))
    assert np.isnan(found).all()
    found = PEERS["placebo_dates"](draw(REGIMES["iid_5"], ratio=1.0, count=2, seed=4, days_before=18 * 7))
    assert not np.isnan(found).any()


def test_futures_have_the_mean_and_spread_that_statsmodels_forecasts() -> None:
    """1 000 futures: a mean is off by about a thirtieth of a standard deviation, that by 2 in 100."""
    module = pytest.importorskip("statsmodels.tsa.statespace.structural")
    drawn = weeks(draw(REGIMES["common_20"], ratio=1.0, count=1, seed=8))
    control = np.log(drawn.control[0] / drawn.exposure[0])
    values = np.log((drawn.counts[0] + 0.5) / drawn.exposure[0])[:26]
    level = control[:26].mean()
    state = fit_local_level(values, control[:26] - level)
    assert state.level > 0
    found = futures(state, control[26:] - level, np.arange(1, 8))
    model = module.UnobservedComponents(values, "llevel", exog=control[:26] - level, mle_regression=False)
    result = model.smooth([state.noise, state.level])
    ahead = np.insert(control[26:] - level, 0, 0.0)[:, None]
    forecast = result.get_forecast(8, exog=ahead)
    spread = forecast.se_mean[1:]
    assert np.abs(found.mean(axis=0) - forecast.predicted_mean[1:]).max() < 0.15 * spread.min()
    assert found.std(axis=0) == pytest.approx(spread, rel=0.1)


def test_the_structural_time_series_sees_a_halving(poisson_panel: Panel) -> None:
    pytest.importorskip("statsmodels")
    found = structural(poisson_panel)
    assert (found.p_value < 1e-6).all()
    assert found.effect == pytest.approx([0.5] * 3, abs=0.06)
    assert ((found.low < found.effect) & (found.effect < found.high)).all()


def without_statsmodels() -> list[str]:
    return [name for name in PEERS if name != "structural_time_series"]


@pytest.mark.parametrize("name", without_statsmodels())
def test_every_peer_sees_a_halving_and_covers_it(name: str, poisson_panel: Panel) -> None:
    found = PEERS[name](poisson_panel)
    assert [each.shape for each in found] == [(3,)] * 4
    assert (found.p_value < 1e-3).all()
    assert found.effect == pytest.approx([0.5] * 3, abs=0.06)
    assert ((found.low < found.effect) & (found.effect < found.high)).all()


@pytest.mark.parametrize("name", PEERS)
def test_no_peer_reads_the_first_week_after_the_release(name: str, poisson_panel: Panel) -> None:
    if name not in without_statsmodels():
        pytest.importorskip("statsmodels")
    counts = poisson_panel.counts.copy()
    counts[:, BEFORE : BEFORE + WASH_OUT] *= 3
    found, expected = (PEERS[name](p) for p in (replace(poisson_panel, counts=counts), poisson_panel))
    assert np.array_equal(found, expected)


@pytest.mark.parametrize(("name", "empty"), list(product(without_statsmodels(), ["before", "after", "all"])))
def test_silent_series_do_not_stop_the_others(name: str, empty: str) -> None:
    """No call and no error where there is nothing to compare; the series beside it reads as it does alone."""
    drawn = draw(REGIMES["ar_5"], ratio=0.5, count=2, seed=5)
    counts = drawn.counts.copy()
    first, last = {"before": (0, BEFORE), "after": (BEFORE, None), "all": (0, None)}[empty]
    counts[0, first:last] = 0
    found, alone = PEERS[name](replace(drawn, counts=counts)), PEERS[name](drawn)
    assert [each[1] for each in found] == pytest.approx([each[1] for each in alone], rel=1e-6)
    if empty == "all":
        assert not found.p_value[0] < 0.05
