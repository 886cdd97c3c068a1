import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from models.impact import mixture
from models.impact.mixture import Mixture

Floats = NDArray[np.float64]

LEVELS = np.array([5e-6, 0.001, 0.015, 0.025, 0.3, 0.5, 0.8, 0.975, 0.985, 0.999, 1 - 5e-6])


def mixed(*, seed: int = 0, components: int = 12, batch: tuple[int, ...] = ()) -> Mixture:
    rng = np.random.default_rng(seed)
    shape = (*batch, components)
    return Mixture(
        weight=rng.dirichlet(np.ones(components), size=batch),
        mode=rng.normal(-0.4, 0.3, size=shape),
        sd=rng.uniform(0.1, 0.6, size=shape),
        tilt=rng.normal(0.0, 0.05, size=shape),
        skew=rng.normal(-0.1, 0.1, size=shape),
    )


def skewed(*, sd: float = 1.0, mode: float = 0.0, tilt: float = 0.0, skew: float = 0.0) -> Mixture:
    parts = (np.array([part]) for part in (1.0, mode, sd, tilt, skew))
    return Mixture(*parts)


# ---------------------------------------------------------------- distribution


def test_normals_mix_as_scipy_says() -> None:
    plain = mixed()
    at = np.linspace(-3, 2, 41)
    expected = stats.norm.cdf(at[:, None], plain.mode, plain.sd) @ plain.weight
    found = mixture.normal(plain.weight, plain.mode, plain.sd)
    assert mixture.distribution(found, at) == pytest.approx(expected, abs=2e-5)
    far = stats.norm.sf(2.0, plain.mode, plain.sd) @ plain.weight
    assert mixture.survival(found, np.array([2.0]))[0] == pytest.approx(far, rel=0.005)


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize(
    ("shape", "near"), [(2.0, 0.25), (5.0, 0.06), (20.0, 0.01), (100.0, 0.002), (3000.0, 0.001)]
)
def test_a_skewed_component_is_the_log_of_a_gamma(shape: float, near: float, mirrored: bool) -> None:
    """Its mode is 0 when the rate equals the shape; its tails from .015 to .985 are near relatively."""
    levels = np.array([0.015, 0.05, 0.3, 0.5, 0.7, 0.95, 0.985])
    at = np.log(stats.gamma.ppf(levels, shape) / shape)
    found = skewed(sd=shape**-0.5, skew=-(shape**-0.5))
    if mirrored:
        found, at = found._replace(skew=-found.skew), -at
    below, above = mixture.distribution(found, at), mixture.survival(found, at)
    left, right = (above, below) if mirrored else (below, above)
    assert left == pytest.approx(levels, rel=near)
    assert right == pytest.approx(1 - levels, rel=near)


@pytest.mark.parametrize("tilt", [-0.4, 0.4])
@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_a_component_has_the_tilt_the_width_and_the_skew_that_it_was_given(tilt: float, sign: float) -> None:
    """Slope, curvature and third derivative of the log density at the mode, by differences of the distribution.

    Wilson and Hilferty's score is itself an approximation, which shows in derivatives.
    """
    found = skewed(sd=2.0, mode=0.7, tilt=tilt, skew=0.2 * sign)
    steps = np.linspace(-0.75, 0.75, 7)
    edges = 0.7 + 2.0 * steps
    near = mixture.distribution(found, edges + 1e-4) - mixture.distribution(found, edges - 1e-4)
    cubic = np.polynomial.Polynomial.fit(steps, np.log(near), 4).convert().coef
    assert cubic[1] == pytest.approx(tilt, abs=0.02)
    assert 2 * cubic[2] == pytest.approx(-1.0, abs=0.03)
    assert 6 * cubic[3] == pytest.approx(0.2 * sign, abs=0.03)


def test_a_distribution_rises_and_its_complement_completes_it() -> None:
    found, at = mixed(batch=(3,)), np.tile(np.linspace(-9, 6, 400), (3, 1))
    below, above = mixture.distribution(found, at), mixture.survival(found, at)
    assert below.shape == (3, 400)
    assert (np.diff(below) >= 0).all() and below[:, 0].max() < 1e-6 and below[:, -1].min() > 1 - 1e-6
    assert below + above == pytest.approx(np.ones((3, 400)), abs=1e-12)


def test_a_tiny_tail_keeps_its_digits() -> None:
    found = mixture.normal(np.ones(1), np.array([-12.0]), np.ones(1))
    assert mixture.survival(found, np.zeros(1))[0] == pytest.approx(stats.norm.sf(12.0), rel=0.05)
    assert float(mixture.two_sided(found)) == pytest.approx(2 * stats.norm.sf(12.0), rel=0.05)


def test_shifting_moves_everything() -> None:
    found = mixed()
    moved = mixture.quantiles(found.shifted(np.array([0.3])), LEVELS)
    assert moved == pytest.approx(mixture.quantiles(found, LEVELS) + 0.3, abs=1e-9)


# ---------------------------------------------------------------- quantiles


def test_one_normal_has_the_quantiles_of_the_table() -> None:
    one = mixture.normal(np.ones(1), np.zeros(1), np.ones(1))
    found = mixture.quantiles(one, np.array([0.005, 0.025, 0.5, 0.95, 0.975]))
    assert found == pytest.approx([-2.575829, -1.959964, 0.0, 1.644854, 1.959964], abs=3e-4)


@pytest.mark.parametrize("seed", range(5))
def test_quantiles_invert_the_distribution(seed: int) -> None:
    found = mixed(seed=seed, components=1 + 25 * seed, batch=(7, 2))
    levels = np.broadcast_to(LEVELS, (7, 2, LEVELS.size))
    at = mixture.quantiles(found, levels)
    assert (np.diff(at) > 0).all()
    assert mixture.distribution(found, at) == pytest.approx(levels, rel=1e-8)


PAIRS = {
    "deviations a hundredfold apart": ([0.5, 0.5], [0.0, 0.0], [0.05, 5.0]),
    "a rare wide one": ([0.99, 0.01], [0.0, 0.5], [0.05, 1.0]),
    "a rare one a hundred times as wide": ([0.999, 0.001], [0.0, 2.0], [0.01, 1.0]),
    "modes twenty deviations apart": ([0.5, 0.5], [0.0, 20.0], [1.0, 1.0]),
    "a rare far one": ([1 - 1e-5, 1e-5], [0.0, 20.0], [1.0, 1.0]),
    "two spikes with nothing between": ([0.5, 0.5], [-1.0, 1.0], [0.02, 0.02]),
}


@pytest.mark.parametrize("name", PAIRS)
def test_extreme_pairs_converge(name: str) -> None:
    found = mixture.normal(*(np.array(part) for part in PAIRS[name]))
    assert mixture.distribution(found, mixture.quantiles(found, LEVELS)) == pytest.approx(LEVELS, rel=1e-8)


def test_a_component_that_weighs_nothing_changes_nothing() -> None:
    found = mixed()
    grown = Mixture(
        *(np.append(part, value) for part, value in zip(found, (0.0, 3.0, 0.2, 0.0, 0.0), strict=True))
    )
    assert mixture.quantiles(grown, LEVELS) == pytest.approx(mixture.quantiles(found, LEVELS), abs=1e-8)


# ---------------------------------------------------------------- p-values


@pytest.mark.parametrize("level", [1e-5, 0.002, 0.03, 0.05, 0.5])
def test_p_value_and_interval_are_two_views_of_one_thing(level: float) -> None:
    """Move the mixture so that one end of its (1 - a) interval is 0: the p-value is then a."""
    found = mixed(seed=2)
    for end in mixture.quantiles(found, np.array([level / 2, 1 - level / 2])):
        assert float(mixture.two_sided(found.shifted(np.array([-end])))) == pytest.approx(level, rel=1e-6)


def test_a_p_value_at_the_median_is_one_and_stands_per_mixture() -> None:
    found = mixed(batch=(4,))
    median = mixture.quantiles(found, np.full((4, 1), 0.5))
    p_values = mixture.two_sided(found.shifted(-median))
    assert p_values.shape == (4,)
    assert p_values == pytest.approx(np.ones(4), abs=1e-8)


# ---------------------------------------------------------------- another prior


@pytest.mark.parametrize(
    "wanted", [((1.0, 0.5),), ((0.5, 0.05), (0.5, 0.7)), ((0.2, 0.1), (0.3, 0.3), (0.5, 0.9))]
)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_tighter_prior_gives_the_mean_of_numerical_integration(
    seed: int, wanted: tuple[tuple[float, float], ...]
) -> None:
    """Posterior, divided by the old prior, times the new one; normal components."""
    plain = mixed(seed=seed, components=4)
    at = np.linspace(-12, 12, 200_001)
    density = stats.norm.pdf(at[:, None], plain.mode, plain.sd) @ plain.weight
    density *= sum(share * stats.norm.pdf(at, 0, sd) for share, sd in wanted) / stats.norm.pdf(at, 0, 1.5)
    found = mixture.shrunk_mean(
        mixture.normal(plain.weight, plain.mode, plain.sd), prior_sd=1.5, wanted=wanted
    )
    assert float(found) == pytest.approx((at * density).sum() / density.sum(), abs=1e-6)


def test_a_tighter_prior_shrinks_one_normal_as_the_conjugate_formula_says() -> None:
    """Posterior N(1, .5) under N(0, 2) holds a likelihood of precision 4 - 1/4 around 1 * 4 / (4 - 1/4)."""
    one = mixture.normal(np.ones((3, 1)), np.array([[1.0], [-1.0], [0.0]]), np.full((3, 1), 0.5))
    found = mixture.shrunk_mean(one, prior_sd=2.0, wanted=((1.0, 0.5),))
    expected = 4.0 / (4.0 - 0.25 + 4.0)
    assert found == pytest.approx([expected, -expected, 0.0])


@pytest.mark.parametrize(("shape", "mirrored"), [(8.0, False), (30.0, False), (30.0, True)])
def test_shrinking_a_skewed_component_is_near_its_true_mean(shape: float, mirrored: bool) -> None:
    """A wide tighter prior leaves the mean of a log-gamma, digamma(k) - log(k), nearly where it was."""
    side = -1.0 if mirrored else 1.0
    found = skewed(sd=shape**-0.5, skew=-side * shape**-0.5)
    mean = float(mixture.shrunk_mean(found, prior_sd=100.0, wanted=((1.0, 50.0),)))
    true = float(stats.loggamma.mean(shape)) - np.log(shape)
    assert mean == pytest.approx(side * true, rel=0.05)


@pytest.mark.parametrize("sd", [0.0, -0.1, 1.5, 2.0])
def test_a_prior_that_is_not_tighter_is_refused(sd: float) -> None:
    with pytest.raises(ValueError, match="below prior_sd"):
        mixture.shrunk_mean(mixed(), prior_sd=1.5, wanted=((0.5, 0.5), (0.5, sd)))
