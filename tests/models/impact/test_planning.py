import numpy as np
import pytest
from scipy import stats
from scipy.special import ndtri

from models.impact import latent, planning_power, planning_working, planning_world, windows
from models.impact.planning_world import World
from tests.models.impact.planned import judged_fell, share_judged_fell

CRITICAL = float(ndtri(0.015))


# ---------------------------------------------------------------- the world


def test_the_noise_has_the_size_and_memory_that_were_asked_for() -> None:
    """4,000 draws: standard errors of the deviation and correlation are about .003 and .015."""
    rates = planning_world.draw(World(weekly=35.0, noise=0.3, memory=0.6, wash_out=1), 4000).log_rate
    assert rates.shape == (78, 4000)
    for week in (0, 30, 77):
        assert rates[week].std() == pytest.approx(0.3, abs=0.012)
    for apart, expected in ((1, 0.6), (3, 0.6**3)):
        assert np.corrcoef(rates[40], rates[40 + apart])[0, 1] == pytest.approx(expected, abs=0.05)


def test_counts_fall_at_the_release_by_the_share_that_was_asked_for() -> None:
    draws = planning_world.draw(World(weekly=20.0, noise=0.2, memory=0.5, wash_out=1), 4000)
    counts = draws.counts(0.4, 10)
    before, after = counts[:26].mean(), counts[26:].mean()
    assert counts.shape == (36, 4000)
    assert before == pytest.approx(20 * np.exp(0.02), rel=0.01)
    assert after / before == pytest.approx(0.6, rel=0.01)


def test_a_longer_look_sees_the_same_releases() -> None:
    draws = planning_world.draw(World(weekly=20.0, noise=0.2, memory=0.5, wash_out=1), 50)
    assert np.array_equal(draws.counts(0.4, 52)[:30], draws.counts(0.4, 4))


# ---------------------------------------------------------------- the working model


def dense_scores(blank: windows.Window, logs: np.ndarray, expected: np.ndarray) -> list[float]:
    """The posterior for log rates (n, M) with chance 1 / expected, by densities in many dimensions."""
    flat = windows.design(blank)
    seen = ~np.isnan(flat.counts)
    columns, weeks, grid = flat.columns[seen], np.flatnonzero(seen), latent.default_grid()
    apart = np.abs(np.subtract.outer(weeks, weeks))
    found = []
    for y in logs.T:
        weights, tails = [], []
        for sigma, phi, prior in zip(grid.sigma, grid.phi, grid.prior, strict=True):
            for share, sd in zip(flat.share, flat.prior_sd, strict=True):
                with_effect = columns * sd
                total = with_effect @ with_effect.T + sigma**2 * phi**apart + np.diag(1 / expected)
                carried = sd[0] ** 2 * columns[:, 0]
                mean = carried @ np.linalg.solve(total, y)
                variance = sd[0] ** 2 - carried @ np.linalg.solve(total, carried)
                weights.append(prior * share * stats.multivariate_normal(np.zeros(y.size), total).pdf(y))
                tails.append(stats.norm.sf(0.0, mean, np.sqrt(variance)))
        found.append(float(stats.norm.ppf(np.average(tails, weights=weights))))
    return found


def test_the_working_model_is_a_mixture_of_linear_regressions() -> None:
    """With a million complaints a week the softened logarithm is the logarithm."""
    world = World(weekly=1e6, noise=0.2, memory=0.5, wash_out=2)
    blank = planning_world.window(world, 9)
    counts = planning_world.draw(world, 4).counts(0.3, 9)
    seen = blank.usable
    expected = 1e6 * np.where(blank.before, 1.0, 0.7)[seen] * np.exp(0.02)
    logs = np.log(counts[seen]) - np.log(counts[blank.before].mean(axis=0))
    scores = planning_working.scores(world, blank, counts, 0.3)
    assert scores == pytest.approx(dense_scores(blank, logs, expected), abs=1e-3)


@pytest.mark.parametrize(
    ("weekly", "fall", "least"), [(7.0, 0.6, 0.85), (35.0, 0.45, 0.95), (350.0, 0.4, 0.99)]
)
def test_the_working_model_ranks_releases_as_the_engine_does(
    weekly: float, fall: float, least: float
) -> None:
    world = World(weekly=weekly, noise=0.2, memory=0.5, wash_out=1)
    blank = planning_world.window(world, 8)
    counts = planning_world.draw(world, 96).counts(fall, 8)
    working = planning_working.scores(world, blank, counts, fall)
    engine = planning_power.engine_scores(blank, counts)
    assert np.corrcoef(working, engine)[0, 1] ** 2 > least


# ---------------------------------------------------------------- the engine's part


@pytest.mark.parametrize("wash_out", [1, 3])
def test_scores_are_below_the_critical_one_exactly_where_the_verdict_is_fell(wash_out: int) -> None:
    world = World(weekly=35.0, noise=0.2, memory=0.5, wash_out=wash_out)
    counts = planning_world.draw(world, 72).counts(0.4, 8)
    scores = planning_power.engine_scores(planning_world.window(world, 8), counts)
    fell = judged_fell(counts.T, wash_out=wash_out)
    assert 10 < fell.sum() < 62
    assert np.array_equal(scores < CRITICAL, fell)


def test_a_history_with_too_few_complaints_is_not_called() -> None:
    """At 1.2 a week half of the histories hold the 30 complaints that a verdict asks for."""
    world = World(weekly=1.2, noise=0.1, memory=0.0, wash_out=1)
    draws = planning_world.draw(world, 1000)
    enough = (draws.before.sum(axis=0) >= 30).mean()
    assert 0.4 < enough < 0.7
    assert planning_power.share_called(draws, 52, 0.95) == pytest.approx(enough, abs=0.02)


@pytest.mark.parametrize(("weekly", "fall", "weeks"), [(7.0, 0.6, 8), (100.0, 0.35, 12)])
def test_the_share_called_is_that_of_verdicts(weekly: float, fall: float, weeks: int) -> None:
    """250 verdicts from a generator of the tests' own: 3 points of Monte Carlo error, 1.2 of the plan's."""
    draws = planning_world.draw(World(weekly, 0.2, 0.5, 1), planning_power.DRAWS)
    found = share_judged_fell(weekly, 0.2, 0.5, fall, weeks, draws=250, seed=3)
    assert planning_power.share_called(draws, weeks, fall) == pytest.approx(found, abs=0.08)
