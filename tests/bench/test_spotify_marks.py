from datetime import date

import pytest
from scipy.stats import binom

from bench.spotify_marks import count, rate_ratio

DAY = date(2017, 11, 1)


@pytest.mark.parametrize(
    ("text", "marked"),
    [("and I\ufe0f said", 1), ("i\ufe0f said", 1), ("A\ufe0f", 1), ("love ❤\ufe0f", 0), ("I said", 0)],
)
def test_a_mark_stands_behind_a_letter_and_not_behind_an_emoji(text: str, marked: int) -> None:
    daily = count([("2017-11-01T10:00:00Z", text)])
    assert daily.between(DAY, date(2017, 11, 2)) == (marked, 1)


def test_days_are_half_open() -> None:
    daily = count([("2017-11-01T23:59:59Z", "I\ufe0f"), ("2017-11-02T00:00:00Z", "I\ufe0f")])
    assert daily.between(DAY, date(2017, 11, 2)) == (1, 1)


def test_at_the_ends_of_the_exact_interval_the_tails_hold_one_in_forty() -> None:
    after, before = (4, 3245), (20, 1632)
    ratio, low, high, p = rate_ratio(after, before)

    def share(rate_ratio_: float) -> float:
        return rate_ratio_ * after[1] / (rate_ratio_ * after[1] + before[1])

    assert ratio == pytest.approx((4 / 3245) / (20 / 1632))
    assert binom.sf(3, 24, share(low)) == pytest.approx(0.025, rel=1e-6)
    assert binom.cdf(4, 24, share(high)) == pytest.approx(0.025, rel=1e-6)
    assert p < 0.05
    assert high < 1


def test_an_interval_from_nothing_has_no_upper_end() -> None:
    ratio, low, high, _ = rate_ratio((21, 2158), (0, 7105))
    assert (ratio, high) == (float("inf"), float("inf"))
    assert low > 1
