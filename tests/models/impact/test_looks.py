from datetime import date, timedelta

import pytest

from models.impact.looks import alpha_at, due, schedule

RELEASE = date(2026, 3, 4)


def test_eight_weeks_have_looks_at_two_four_and_eight() -> None:
    looks = schedule(RELEASE)
    assert [look.weeks for look in looks] == [2, 4, 8]
    assert [look.alpha for look in looks] == [0.00001, 0.002, 0.03]
    assert [look.share for look in looks] == [0.25, 0.5, 1.0]
    assert [look.number for look in looks] == [1, 2, 3]
    assert looks[-1].read_on == RELEASE + timedelta(weeks=8, days=3)


def test_looks_that_the_wash_out_swallows_are_left_out() -> None:
    assert [look.weeks for look in schedule(RELEASE, horizon_weeks=4)] == [2, 4]
    assert [look.weeks for look in schedule(RELEASE, wash_out_days=21)] == [4, 8]


@pytest.mark.parametrize("weeks", range(2, 53))
def test_no_horizon_spends_more_than_the_docs_say(weeks: int) -> None:
    looks = schedule(RELEASE, horizon_weeks=weeks)
    assert looks[-1].share == 1.0
    assert sum(look.alpha for look in looks) <= 0.0321
    assert [look.number for look in looks] == list(range(1, len(looks) + 1))


def test_spending_rises_and_ends_at_the_final_level() -> None:
    levels = [alpha_at(share / 20) for share in range(1, 21)]
    assert levels == sorted(levels)
    assert levels[-1] == 0.03
    assert alpha_at(0.0001) == 0.0


@pytest.mark.parametrize("share", [0.0, -0.1, 1.1])
def test_a_share_outside_the_horizon_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match="share"):
        alpha_at(share)


def test_a_horizon_without_a_week_to_count_is_refused() -> None:
    with pytest.raises(ValueError, match="horizon_weeks"):
        schedule(RELEASE, horizon_weeks=1)


def test_a_look_is_due_on_its_day() -> None:
    looks = schedule(RELEASE)
    assert due(looks, today=looks[1].read_on - timedelta(days=1)) == looks[:1]
    assert due(looks, today=looks[1].read_on) == looks[:2]
