import numpy as np
import pytest
from numpy.typing import NDArray

from models.impact import latent, mixture
from models.impact.latent import Design, Grid

Floats = NDArray[np.float64]


def make_design(*, steps: int = 20, seed: int = 3, gap: int | None = None) -> Design:
    rng = np.random.default_rng(seed)
    weeks = np.arange(steps) - steps * 2 // 3
    columns = np.column_stack([weeks >= 0, np.ones(steps), weeks]).astype(np.float64)
    counts = rng.poisson(12 * np.exp(-0.4 * columns[:, 0])).astype(np.float64)
    if gap is not None:
        counts[gap] = np.nan
    return Design(counts, np.full(steps, np.log(12.0)), columns, np.zeros(3), np.array([1.5, 1.5, 0.01]))


def dense(design: Design, sigma: float, phi: float) -> tuple[float, float, float, Floats, Floats]:
    """Laplace's method with plain matrices: effect, its sd, log evidence, baseline, its sd."""
    steps, width = design.columns.shape
    lag = np.abs(np.subtract.outer(np.arange(steps), np.arange(steps)))
    precision = np.zeros((width + steps, width + steps))
    precision[:width, :width] = np.diag(design.prior_sd**-2.0)
    precision[width:, width:] = np.linalg.inv(sigma**2 * phi**lag)
    both = np.hstack([design.columns, np.eye(steps)])
    prior = np.concatenate([design.prior_mean, np.zeros(steps)])
    seen, y = ~np.isnan(design.counts), np.nan_to_num(design.counts)
    at = prior.copy()
    for _ in range(200):
        mean = seen * np.exp(design.log_offset + both @ at)
        hessian = both.T @ (mean[:, None] * both) + precision
        at = at + 0.5 * np.linalg.solve(hessian, both.T @ (seen * y - mean) - precision @ (at - prior))
    log_mean = design.log_offset + both @ at
    fit = float(
        np.sum(seen * (y * log_mean - np.exp(log_mean))) - (at - prior) @ precision @ (at - prior) / 2
    )
    evidence = fit + float(np.linalg.slogdet(precision)[1] - np.linalg.slogdet(hessian)[1]) / 2
    covariance = np.linalg.inv(hessian)
    without = both.copy()
    without[:, 0] = 0.0
    spread = np.sqrt(np.einsum("ij,jk,ik->i", without, covariance, without))
    return float(at[0]), float(covariance[0, 0] ** 0.5), evidence, design.log_offset + without @ at, spread


def test_the_banded_fit_equals_plain_matrices_at_every_grid_point() -> None:
    design, grid = make_design(gap=5), latent.default_grid()
    found = latent.fit([design])[0]
    evidence = []
    for k, (sigma, phi) in enumerate(zip(grid.sigma, grid.phi, strict=True)):
        mean, sd, log_evidence, path, path_sd = dense(design, sigma, phi)
        assert found.mean[k] == pytest.approx(mean, abs=1e-6)
        assert found.sd[k] == pytest.approx(sd, abs=1e-6)
        assert found.path[:, k] == pytest.approx(path, abs=1e-6)
        assert found.path_sd[:, k] == pytest.approx(path_sd, abs=1e-6)
        evidence.append(log_evidence + np.log(grid.prior[k]))
    weight = np.exp(np.array(evidence) - max(evidence))
    # Taking the prior precision's determinant from an explicit inverse costs the plain version some digits.
    assert found.weight == pytest.approx(weight / weight.sum(), abs=1e-8)


def test_two_poisson_counts_give_the_log_ratio_and_its_textbook_variance() -> None:
    """10 before, 5 after, vague priors: log(5 / 10), variance 1 / 10 + 1 / 5."""
    columns = np.array([[0.0, 1.0], [1.0, 1.0]])
    design = Design(np.array([10.0, 5.0]), np.zeros(2), columns, np.zeros(2), np.full(2, 1e4))
    still = Grid(np.array([1e-5]), np.array([0.0]), np.array([1.0]))
    found = latent.fit([design], still)[0]
    assert found.mean[0] == pytest.approx(np.log(0.5), abs=1e-6)
    assert found.sd[0] == pytest.approx(np.sqrt(0.3), rel=1e-6)


def test_a_batch_answers_as_each_alone_whatever_the_lengths() -> None:
    designs = [make_design(steps=20, gap=4), make_design(steps=33, seed=9)]
    for alone, together in zip([latent.fit([d])[0] for d in designs], latent.fit(designs), strict=True):
        assert together.weight == pytest.approx(alone.weight, abs=1e-9)
        assert together.mean == pytest.approx(alone.mean, abs=1e-7)
        assert together.path == pytest.approx(alone.path, abs=1e-7)


def test_a_thousandfold_jump_still_converges() -> None:
    counts = np.concatenate([np.full(14, 1.0), np.full(6, 5000.0)])
    design = make_design()
    jump = Design(counts, design.log_offset, design.columns, design.prior_mean, design.prior_sd)
    found = latent.fit([jump])[0]
    assert np.isfinite(found.mean).all()
    assert float(found.weight @ found.mean) > 3


def test_one_step_is_enough_to_fit() -> None:
    one = Design(np.array([7.0]), np.zeros(1), np.ones((1, 1)), np.zeros(1), np.array([1e4]))
    still = Grid(np.array([1e-5]), np.array([0.0]), np.array([1.0]))
    found = latent.fit([one], still)[0]
    assert found.mean[0] == pytest.approx(np.log(7.0), abs=1e-6)
    assert found.sd[0] == pytest.approx(7**-0.5, rel=1e-6)


def test_a_fit_that_does_not_settle_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latent, "_MOST_STEPS", 1)
    with pytest.raises(ArithmeticError, match="did not converge"):
        latent.fit([make_design()])


def test_no_designs_no_answers() -> None:
    assert latent.fit([]) == []
    assert latent.effect_sd([], [], np.zeros(2)) == []


def test_shapes_that_disagree_are_refused() -> None:
    design = make_design()
    short = Design(design.counts[:-1], design.log_offset, design.columns, design.prior_mean, design.prior_sd)
    with pytest.raises(ValueError, match="counts and log_offset"):
        latent.fit([short])


def test_the_grid_prior_is_a_distribution() -> None:
    grid = latent.default_grid()
    assert grid.sigma.shape == grid.phi.shape == grid.prior.shape == (28,)
    assert grid.prior.sum() == pytest.approx(1.0)


@pytest.mark.parametrize("level", [0.01, 0.03, 0.05, 0.5])
def test_p_value_and_interval_are_two_views_of_one_thing(level: float) -> None:
    """Move the mixture so that one end of its (1 - a) interval is 0: the p-value is then a."""
    found = latent.fit([make_design()])[0]
    ends = mixture.quantiles(found.weight, found.mean, found.sd, np.array([level / 2, 1 - level / 2]))
    for end in ends:
        p_value = mixture.two_sided(found.weight, found.mean - end, found.sd)
        assert float(p_value) == pytest.approx(level, rel=1e-9)


def test_one_normal_has_the_quantiles_of_the_table() -> None:
    one = np.ones(1)
    found = mixture.quantiles(one, 0 * one, one, np.array([0.025, 0.5, 0.975]))
    assert found == pytest.approx([-1.959964, 0.0, 1.959964], abs=1e-6)


def test_a_tighter_prior_shrinks_as_the_conjugate_formula_says() -> None:
    """Posterior N(1, .5) under N(0, 2) holds a likelihood of precision 4 - 1/4 around 1 * 4 / (4 - 1/4)."""
    one = np.ones(1)
    weight, mean, sd = mixture.reweighed(one, one, 0.5 * one, prior_sd=2.0, wanted_sd=0.5)
    assert weight == pytest.approx([1.0])
    assert mean == pytest.approx([4.0 / (4.0 - 0.25 + 4.0)])
    assert sd == pytest.approx([(4.0 - 0.25 + 4.0) ** -0.5])
    with pytest.raises(ValueError, match="wanted_sd"):
        mixture.reweighed(one, one, one, prior_sd=0.5, wanted_sd=1.0)
