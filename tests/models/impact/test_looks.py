from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import pytest
from scipy.special import ndtri
from scipy.stats import multivariate_normal

from models.impact.looks import alpha_at, due, headline, plan_looks, schedule
from models.values.verdicts import Estimate, Grade, Judgement, Look, Reason, Word

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


def test_the_levels_are_those_that_the_spending_function_gives() -> None:
    """Lan and DeMets (1983), .03 two-sided: z(.985) = 2.17009, so 2(1 - Phi(4.34018)), 2(1 - Phi(3.06897))."""
    assert [alpha_at(share) for share in (0.25, 0.5, 1.0)] == [0.00001, 0.002, 0.03]
    assert alpha_at(0.25) <= 1.4237e-5 < 2 * alpha_at(0.25)
    assert alpha_at(0.5) <= 0.0021480 < alpha_at(0.5) + 0.001


@pytest.mark.parametrize("weeks", [(2, 4, 8), (4, 8), (7, 8), (4, 6, 8), range(1, 9), (6, 13, 26, 52)])
def test_reading_early_hardly_raises_the_error_whatever_the_plan(weeks: tuple[int, ...]) -> None:
    """The chance that any look of a standard normal path is beyond its level, by numerical integration."""
    looks = plan_looks(RELEASE, weeks)
    shares = np.array([look.share for look in looks])
    bound = -ndtri(np.array([look.alpha for look in looks]) / 2)
    together = np.sqrt(np.minimum.outer(shares, shares) / np.maximum.outer(shares, shares))
    path = multivariate_normal(cov=together, allow_singular=True, seed=1)
    within = path.cdf(bound, lower_limit=-bound)
    assert 0.0299 < 1 - within < 0.035
    if weeks == (2, 4, 8):
        assert 1 - within == pytest.approx(0.0308, abs=0.0001)


def test_a_plan_numbers_its_looks_and_ends_with_the_final_one() -> None:
    looks = plan_looks(RELEASE, (3, 9, 12), reporting_delay_days=2)
    assert [look.number for look in looks] == [1, 2, 3]
    assert [look.share for look in looks] == [0.25, 0.75, 1.0]
    assert [look.read_on for look in looks] == [RELEASE + timedelta(weeks=w, days=2) for w in (3, 9, 12)]
    assert [look.alpha for look in looks] == [alpha_at(0.25), alpha_at(0.75, since=0.25), 0.03]
    assert all(a.alpha < b.alpha for a, b in pairwise(looks))
    assert plan_looks(RELEASE, ()) == ()


@pytest.mark.parametrize("weeks", [(0, 4), (4, 4), (8, 4), (-1, 2)])
def test_a_plan_must_rise(weeks: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="weeks must rise"):
        plan_looks(RELEASE, weeks)


PLAN = plan_looks(RELEASE, (2, 4, 8))
FINAL_DAY = RELEASE + timedelta(weeks=8)


def answer(look: Look | None, word: Word, *reasons: Reason, effect: float = 1.0) -> Judgement:
    estimate = Estimate(effect, effect / 2, effect * 2, 0.5, effect / 2, effect * 2, 100.0, 100.0, effect)
    return Judgement(
        word=word,
        estimate=estimate,
        reasons=reasons,
        bound=None,
        mde=None,
        looks=() if look is None else (look,),
        grade=Grade.D,
        judgeable_on=FINAL_DAY if word is Word.TOO_EARLY else None,
    )


WAITING = [answer(look, Word.TOO_EARLY, Reason.LOOKS_REMAIN) for look in PLAN[:2]]
FELL = [answer(look, Word.FELL, Reason.SMALL, effect=0.5 + look.number / 100) for look in PLAN]


def test_the_final_look_is_the_headline() -> None:
    for early in ([WAITING[0], WAITING[1]], [FELL[0], WAITING[1]], [FELL[0], FELL[1]]):
        assert headline([*early, FELL[2]]) == replace(FELL[2], looks=PLAN)
    for word in Word:
        last = answer(PLAN[2], word, Reason.LEANING)
        assert headline([*WAITING, last]) == replace(last, looks=PLAN)
    assert headline([FELL[2]]) == FELL[2]


@pytest.mark.parametrize("word", [word for word in Word if word is not Word.FELL])
def test_an_early_call_that_the_final_look_does_not_repeat_is_not_sustained(word: Word) -> None:
    last = answer(PLAN[2], word, Reason.LEANING)
    said = headline([FELL[0], WAITING[1], last])
    assert said == replace(last, looks=PLAN, reasons=(Reason.LEANING, Reason.NOT_SUSTAINED))


def test_an_early_call_stands_until_the_final_look() -> None:
    said = headline([FELL[0], WAITING[1]])
    assert (said.word, said.reasons) == (Word.FELL, (Reason.SMALL, Reason.EARLY))
    assert said.estimate == FELL[0].estimate
    assert said.looks == PLAN[:2]
    assert said.judgeable_on == FINAL_DAY
    assert headline(FELL[:2]).estimate == FELL[1].estimate
    assert headline(FELL[:1]).reasons == (Reason.SMALL, Reason.EARLY)


def test_without_a_call_the_latest_early_answer_is_the_headline() -> None:
    assert headline(WAITING) == replace(WAITING[1], looks=PLAN[:2])
    silent = answer(PLAN[1], Word.CANNOT_TELL, Reason.SOURCE_GAP)
    assert headline([WAITING[0], silent]) == replace(silent, looks=PLAN[:2])


def test_a_later_look_that_cannot_tell_takes_an_early_call_back() -> None:
    silent = answer(PLAN[1], Word.CANNOT_TELL, Reason.SOURCE_GAP)
    assert headline([FELL[0], silent]) == replace(silent, looks=PLAN[:2])


def test_before_any_look_is_due_the_answer_stands_as_it_is() -> None:
    none = answer(None, Word.TOO_EARLY, Reason.LOOK_NOT_DUE)
    assert headline([none]) == none
    with pytest.raises(ValueError, match="answers"):
        headline([])


@pytest.mark.parametrize("share", [0.0, -0.1, 1.1])
def test_a_share_outside_the_horizon_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match="share"):
        alpha_at(share)
    with pytest.raises(ValueError, match="share"):
        alpha_at(0.5, since=0.5)


def test_a_horizon_without_a_week_to_count_is_refused() -> None:
    with pytest.raises(ValueError, match="horizon_weeks"):
        schedule(RELEASE, horizon_weeks=1)


def test_a_look_is_due_on_its_day() -> None:
    looks = schedule(RELEASE)
    assert due(looks, today=looks[1].read_on - timedelta(days=1)) == looks[:1]
    assert due(looks, today=looks[1].read_on) == looks[:2]
