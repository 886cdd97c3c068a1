"""Size, equal honesty, power and coverage on made-up numbers."""

from math import isnan, sqrt

import numpy as np
import pytest

from bench.panel import score
from bench.panel.answer import Answer
from bench.panel.score import Share
from models.values.series import Floats

NAN = float("nan")


def answer(*rows: tuple[float, float, float, float]) -> Answer:
    return Answer(*(np.array(column) for column in zip(*rows, strict=True)))


def test_size_is_the_share_below_the_threshold_with_its_error() -> None:
    found = score.size({"a": np.array([0.01, 0.05, 0.2, NAN]), "b": np.array([0.5])}, 0.05)
    assert found == {"a": Share(0.25, sqrt(0.25 * 0.75 / 4), 4), "b": Share(0.0, 0.0, 1)}


def test_at_equal_honesty_the_worst_regime_just_keeps_to_the_limit() -> None:
    even = np.arange(1, 101) / 100
    skew = even**3
    threshold = score.equal_honesty({"even": even, "skew": skew})
    assert threshold == pytest.approx(0.07**3)
    assert score.size({"skew": skew}, threshold)["skew"].value == 0.06
    assert score.size({"skew": skew}, np.nextafter(threshold, 1))["skew"].value == 0.07


def test_equal_honesty_does_not_split_ties() -> None:
    """Five equal p-values in ten cannot be called in part."""
    p = np.array([0.001] * 5 + [0.5] * 5)
    assert score.equal_honesty({"a": p}, worst=0.2) == 0.001
    assert score.size({"a": p}, 0.001)["a"].value == 0
    assert score.equal_honesty({"a": p}, worst=0.5) == 0.5


def test_a_method_that_mostly_declines_may_call_whatever_it_likes_but_no_more_than_everything() -> None:
    p = np.array([0.2] + [NAN] * 99)
    assert score.equal_honesty({"a": p}) == 1
    assert score.size({"a": p}, 1.0)["a"].value == 0.01


@pytest.mark.parametrize(
    ("p", "worst", "name"),
    [
        ({}, 0.06, "p_by_regime"),
        ({"a": np.array([])}, 0.06, "p_by_regime"),
        ({"a": np.ones(1)}, 1.0, "worst"),
    ],
)
def test_equal_honesty_refuses_what_has_no_answer(p: dict[str, Floats], worst: float, name: str) -> None:
    with pytest.raises(ValueError, match=name):
        score.equal_honesty(p, worst)


def test_power_counts_falls_only() -> None:
    found = answer((0.01, 0.5, 0, 1), (0.01, 2.0, 1, 3), (0.2, 0.5, 0, 2), (NAN, NAN, NAN, NAN))
    assert score.power({"a": found}, 0.05)["a"].value == 0.25


def test_coverage_is_of_the_intervals_that_exist() -> None:
    found = answer((0.1, 1, 0.5, 1.5), (0.1, 1, 0.2, 0.4), (0.1, 1, 0.5, np.inf), (NAN, NAN, NAN, NAN))
    share = score.coverage({"a": found}, 0.5)["a"]
    assert share.value == pytest.approx(2 / 3)
    assert share.of == 3
    none = score.coverage({"a": answer((0.1, 1, NAN, NAN))}, 0.5)["a"]
    assert isnan(none.value)
    assert none.of == 0


def test_the_mean_and_the_largest_leave_out_regimes_without_a_series() -> None:
    shares = {"a": Share(0.2, 0.03, 10), "b": Share(0.4, 0.04, 10), "none": Share(NAN, NAN, 0)}
    assert score.mean(shares) == pytest.approx(Share(0.3, 0.025, 2))
    assert score.largest(shares) == ("b", Share(0.4, 0.04, 10))


def test_the_error_is_what_repetition_shows() -> None:
    """4 000 repetitions of 50 series at 6%: the standard deviation has a standard error of about 1 in 90."""
    rng = np.random.default_rng(6)
    sizes = [score.share(rng.uniform(size=50) < 0.06).value for _ in range(4000)]
    assert np.std(sizes) == pytest.approx(sqrt(0.06 * 0.94 / 50), rel=0.05)
