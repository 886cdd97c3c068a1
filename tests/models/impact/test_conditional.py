"""Two over-dispersed counts compared: the test, its interval, how much weeks vary, and many tests at once."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import betabinom, binomtest, false_discovery_control, t

from models.impact import conditional, discovery
from models.impact.conditional import Contrast, Noise
from tests.models.impact.moving import Regime, simulate

KNOWN = Noise(1.0, 10**6)
"""No more noise than chance, and known to be so."""


def contrast(recent: int, baseline: int, noise: Noise = KNOWN) -> Contrast:
    return Contrast(recent, baseline, 28.0, 182.0, noise)


# --- two counts -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("recent", "baseline"), [(12, 40), (0, 40), (30, 1), (3, 9), (500, 2000)])
def test_without_dispersion_the_test_is_the_exact_conditional_one(recent: int, baseline: int) -> None:
    found = conditional.compare(contrast(recent, baseline))
    low, high = binomtest(recent, recent + baseline, 28 / 210).proportion_ci(0.95, method="exact")
    odds = 182 / 28
    assert found.low == pytest.approx(low / (1 - low) * odds, rel=1e-3)
    assert found.high == pytest.approx(high / (1 - high) * odds, rel=1e-3)


def test_without_dispersion_p_is_twice_the_smaller_binomial_tail() -> None:
    found = conditional.compare(contrast(12, 40))
    tail = binomtest(12, 52, 28 / 210, alternative="greater").pvalue
    assert found.p_value == pytest.approx(2 * tail, rel=1e-9)
    assert found.is_rise
    assert conditional.compare(contrast(1, 40)).is_rise is False


@pytest.mark.parametrize("dispersion", [1.2, 2.0, 6.0])
def test_with_known_dispersion_p_is_that_of_the_beta_binomial(dispersion: float) -> None:
    found = conditional.compare(contrast(20, 60, Noise(dispersion, 10**6)))
    size, share = 80 / (dispersion - 1), 28 / 210
    tail = betabinom.sf(19, 80, size * share, size * (1 - share))
    assert found.p_value == pytest.approx(2 * tail, rel=1e-7)


def test_counts_too_large_for_the_sum_read_the_same_answer_from_students_t() -> None:
    noise = Noise(3.0, 25.0)
    at, beyond = (conditional.compare(contrast(count, 3600, noise)) for count in (500, 501))
    assert beyond.p_value == pytest.approx(at.p_value, abs=0.02)
    assert beyond.low == pytest.approx(at.low, rel=0.02)
    assert beyond.high == pytest.approx(at.high or 0, rel=0.02)


def test_few_weeks_make_the_tails_of_students_t() -> None:
    """For large counts the mean over possible dispersions is Student's t by its definition."""
    weights = conditional._dispersions(Noise(4.0, 10.0))
    z = 2.5
    normal = t(10**7).sf(z * np.sqrt(4.0 / weights[0]))
    assert float(weights[1] @ normal) == pytest.approx(t(10).sf(z), rel=2e-3)


@given(
    recent=st.integers(0, 60),
    baseline=st.integers(0, 300),
    dispersion=st.floats(1.0, 8.0),
    freedom=st.floats(2.0, 25.0),
)
@settings(max_examples=60, deadline=None)
def test_the_interval_holds_one_exactly_where_the_test_does_not_reject(
    recent: int, baseline: int, dispersion: float, freedom: float
) -> None:
    if recent + baseline == 0:
        return
    found = conditional.compare(contrast(recent, baseline, Noise(dispersion, freedom)))
    # At the very border the root's tolerance decides.
    if abs(found.p_value - 0.05) > 1e-3:
        holds_one = found.low <= 1 and (found.high is None or found.high >= 1)
        assert holds_one == (found.p_value > 0.05)


@given(scale=st.floats(0.001, 1e6), recent=st.integers(0, 40), baseline=st.integers(1, 200))
@settings(max_examples=30, deadline=None)
def test_the_unit_of_exposure_does_not_matter(scale: float, recent: int, baseline: int) -> None:
    noise = Noise(1.7, 20.0)
    plain = conditional.compare(Contrast(recent, baseline, 28.0, 182.0, noise))
    scaled = conditional.compare(Contrast(recent, baseline, 28.0 * scale, 182.0 * scale, noise))
    assert scaled.p_value == pytest.approx(plain.p_value, rel=1e-9)
    assert scaled.ratio == pytest.approx(plain.ratio, rel=1e-9)
    assert (scaled.low, scaled.high) == pytest.approx((plain.low, plain.high), rel=1e-3)


@pytest.mark.parametrize("wrong", [(0, 0, 28.0, 182.0), (1, 1, 0.0, 182.0), (-1, 9, 28.0, 182.0)])
def test_counts_that_cannot_be_compared_are_a_misuse(wrong: tuple[int, int, float, float]) -> None:
    with pytest.raises(ValueError, match="complaint"):
        conditional.compare(Contrast(*wrong, KNOWN))


# --- how much weeks vary --------------------------------------------------------------------------------------


ONES = np.ones(24)
ALIKE = np.array([2.0] * 12 + [8.0] * 12)
"""Weeks like their neighbours."""
APART = np.array([2.0, 8.0] * 12)


def test_the_dispersion_is_pearsons_and_counts_for_no_less_than_one() -> None:
    uneven = conditional.weekly(np.array([0.0, 10.0, 0.0, 10.0, 0.0, 10.0]), np.ones(6))
    assert (uneven.dispersion, uneven.weeks, uneven.mean) == (pytest.approx(6 * 25 / 5 / 5), 6, 5.0)
    even = conditional.weekly(np.array([4.0, 6.0, 5.0, 5.0, 4.0, 6.0]), np.ones(6))
    assert even.dispersion < 1
    assert conditional.noise(even, memory=0.9, window=4).dispersion == 1.0
    assert conditional.noise(uneven, memory=0.0, window=4).dispersion == pytest.approx(uneven.dispersion)


def test_weeks_that_differ_by_their_exposure_do_not_vary() -> None:
    exposure = np.array([1.0, 2.0, 3.0, 4.0])
    assert conditional.weekly(5 * exposure, exposure).dispersion == 0.0


def test_weeks_like_their_neighbours_make_sums_vary_more() -> None:
    assert conditional.weekly(APART, ONES).dispersion == pytest.approx(
        conditional.weekly(ALIKE, ONES).dispersion
    )
    alike, apart = (conditional.memory([conditional.weekly(each, ONES)]) for each in (ALIKE, APART))
    assert (alike, apart) == (0.9, 0.0)
    weekly = conditional.weekly(ALIKE, ONES)
    dispersions = [conditional.noise(weekly, memory=m, window=4).dispersion for m in (0.0, 0.3, 0.6, 0.9)]
    assert dispersions == sorted(dispersions)
    assert dispersions[-1] > 2 * dispersions[0]


def test_the_memory_is_found_again_in_many_themes() -> None:
    rng = np.random.default_rng(3)
    themes = simulate(rng, Regime(wave=0.4, memory=0.6), np.full(300, 20.0))
    found = conditional.memory([conditional.weekly(each.counts[:26], each.exposure[:26]) for each in themes])
    assert found == pytest.approx(0.6, abs=0.1)
    none = simulate(rng, Regime(gamma=3.0), np.full(300, 20.0))
    found = conditional.memory([conditional.weekly(each.counts[:26], each.exposure[:26]) for each in none])
    assert found == pytest.approx(0.0, abs=0.05)


def test_weeks_that_are_left_out_count_for_nothing() -> None:
    counts = np.array([3.0, 9.0, np.nan, 4.0, 8.0, 2.0])
    exposure = np.array([1.0, 2.0, 1.0, 1.0, np.nan, 1.0])
    kept = [0, 1, 3, 5]
    found, plain = conditional.weekly(counts, exposure), conditional.weekly(counts[kept], exposure[kept])
    assert (found.dispersion, found.weeks, found.mean) == (plain.dispersion, plain.weeks, plain.mean)
    # The third week is left out, so that its neighbours are none of each other.
    assert found.likeness != plain.likeness


def test_nothing_to_learn_from_is_no_noise_and_little_certainty() -> None:
    nothing = conditional.weekly(np.zeros(5), np.ones(5))
    assert conditional.memory([nothing]) == conditional.memory([]) == 0.0
    assert conditional.noise(nothing, memory=0.0, window=4) == Noise(1.0, 1.0)
    assert conditional.weekly(np.array([3.0]), np.ones(1)).weeks == 1


def test_rare_spikes_tell_less_of_their_variance() -> None:
    even, spiky = np.tile([8.0, 12.0], 12), np.array([0.0] * 21 + [80.0] * 3)
    one, other = (
        conditional.noise(conditional.weekly(each, ONES), memory=0.0, window=4) for each in (even, spiky)
    )
    assert one.freedom > 20
    assert other.freedom < 3


# --- false discoveries ----------------------------------------------------------------------------------------


@given(st.lists(st.floats(0, 1), max_size=30))
def test_q_values_are_those_of_benjamini_and_hochberg(p_values: list[float]) -> None:
    found = discovery.q_values(p_values)
    expected = false_discovery_control(p_values, method="bh") if p_values else []
    assert found == pytest.approx(list(expected))


def test_p_values_outside_their_range_are_a_misuse() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        discovery.q_values([0.5, 1.5])
