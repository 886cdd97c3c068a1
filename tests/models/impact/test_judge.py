from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from models.impact.judge import Case, judge_many
from models.impact.looks import schedule
from models.values.series import Series
from models.values.verdicts import BLOCKING, Grade, Reason, Word
from tests.models.impact.asking import FINAL, RELEASE, Floats, ask, daily

# ---------------------------------------------------------------- words


def test_a_halving_is_seen_with_its_size() -> None:
    answer = ask(daily(ratio=0.5))
    assert answer.word is Word.FELL
    assert answer.estimate is not None
    assert answer.estimate.low < 0.5 < answer.estimate.high
    assert answer.estimate.observed / answer.estimate.expected == pytest.approx(
        answer.estimate.effect, rel=0.02
    )
    assert answer.estimate.effect < answer.estimate.shrunk_effect < 1
    assert answer.reasons == ()
    assert answer.judgeable_on is None


def test_a_doubling_rose() -> None:
    answer = ask(daily(ratio=2.0))
    assert answer.word is Word.ROSE
    assert answer.bound == 0.0


def test_many_steady_complaints_are_unchanged_within_the_equivalence_interval() -> None:
    answer = ask(daily(level=200.0))
    assert answer.word is Word.UNCHANGED
    assert answer.estimate is not None
    assert answer.estimate.decision_low > 0.8
    assert answer.estimate.decision_high < 1.25
    # 96% lies inside the interval shown at 97% and outside none: it is wider than 95%.
    assert answer.estimate.decision_low < answer.estimate.low
    assert answer.bound == pytest.approx(1 - answer.estimate.decision_low)


def test_a_certain_but_small_fall_fell_and_says_so() -> None:
    answer = ask(daily(level=2000.0, ratio=0.88))
    assert answer.word is Word.FELL
    assert answer.reasons == (Reason.SMALL,)


def test_few_complaints_are_inconclusive_with_bound_and_smallest_visible_fall() -> None:
    answer = ask(daily(level=2.0, ratio=0.9))
    assert answer.word is Word.INCONCLUSIVE
    assert answer.mde is not None
    assert answer.bound is not None
    assert 0.2 < answer.mde < 0.9
    assert 0.1 < answer.bound < 0.9


def test_a_p_value_between_the_two_levels_leans() -> None:
    seeds = (ask(daily(level=3.0, ratio=0.68, seed=seed)) for seed in range(200))
    answer = next(
        a for a in seeds if a.estimate is not None and 0.03 <= a.estimate.p_value < 0.05 and not a.reasons[1:]
    )
    assert answer.word is Word.INCONCLUSIVE
    assert answer.reasons == (Reason.LEANING,)
    assert answer.estimate is not None
    assert answer.estimate.high < 1 < answer.estimate.decision_high


def test_hardly_any_complaints_say_that_even_a_large_fall_would_be_missed() -> None:
    answer = ask(daily(level=0.18, ratio=1.0, seed=5, after=4))
    assert answer.word is Word.INCONCLUSIVE
    assert answer.mde is None
    assert Reason.LOW_POWER in answer.reasons


# ---------------------------------------------------------------- looks


def test_no_look_is_due() -> None:
    answer = ask(daily(after=1), look=None)
    assert answer.word is Word.TOO_EARLY
    assert answer.reasons[0] is Reason.LOOK_NOT_DUE
    assert answer.looks == ()
    assert answer.judgeable_on == RELEASE + timedelta(weeks=8, days=3)


def test_an_early_look_that_settles_nothing_names_the_day_of_the_final_one() -> None:
    first = schedule(RELEASE)[0]
    answer = ask(daily(), look=first, through=RELEASE + timedelta(weeks=2))
    assert answer.word is Word.TOO_EARLY
    assert answer.reasons == (Reason.LOOKS_REMAIN,)
    assert answer.judgeable_on == schedule(RELEASE)[-1].read_on


def test_an_early_look_calls_only_what_is_overwhelming() -> None:
    second = schedule(RELEASE)[1]
    answer = ask(daily(level=200.0, ratio=0.3), look=second, through=RELEASE + timedelta(weeks=4))
    assert answer.word is Word.FELL
    assert answer.estimate is not None
    assert answer.estimate.p_value < second.alpha


def test_a_final_look_needs_four_weeks() -> None:
    answer = ask(daily(level=200.0, ratio=0.3), through=RELEASE + timedelta(days=27))
    assert answer.word is Word.TOO_EARLY
    assert answer.reasons == (Reason.AFTER_TOO_SHORT,)
    assert answer.judgeable_on == RELEASE + timedelta(weeks=4)
    assert ask(daily(level=200.0, ratio=0.3), through=RELEASE + timedelta(days=28)).word is Word.FELL


def test_nothing_after_the_release_is_too_early_without_an_estimate() -> None:
    answer = ask(daily(), through=RELEASE + timedelta(days=2))
    assert answer.word is Word.TOO_EARLY
    assert answer.estimate is None
    assert answer.mde is None
    assert answer.bound is None


# ---------------------------------------------------------------- guards


@pytest.mark.parametrize("flag", sorted(BLOCKING))
def test_a_guard_makes_it_impossible_to_tell_even_what_looks_clear(flag: Reason) -> None:
    answer = ask(daily(ratio=0.3), flags=(flag,))
    assert answer.word is Word.CANNOT_TELL
    assert flag in answer.reasons
    assert answer.estimate is not None


def test_other_flags_stand_beside_the_word() -> None:
    answer = ask(daily(ratio=0.3), flags=(Reason.CONTEXT_EVENT,))
    assert answer.word is Word.FELL
    assert answer.reasons == (Reason.CONTEXT_EVENT,)


def test_eleven_weeks_are_too_short_a_history_and_twelve_are_not() -> None:
    assert ask(daily(before=11)).reasons[0] is Reason.HISTORY_TOO_SHORT
    assert ask(daily(before=11)).estimate is None
    assert ask(daily(before=12)).estimate is not None


def test_fewer_than_thirty_complaints_before_cannot_tell_yet_keep_the_estimate() -> None:
    series = daily(level=0.1)
    assert series.counts[: 26 * 7].sum() < 30
    answer = ask(series)
    assert answer.word is Word.CANNOT_TELL
    assert Reason.TOO_FEW_COMPLAINTS in answer.reasons
    assert answer.estimate is not None


def test_missing_exposure_is_said_and_costs_the_grade() -> None:
    series = daily(exposure=False, control=np.full(34 * 7, 50.0))
    assert Reason.EXPOSURE_MISSING in ask(series, registered=True).reasons
    assert ask(series, registered=True).grade is Grade.D


def test_a_reference_volume_is_not_a_number_of_customers() -> None:
    series = daily(ratio=0.5)
    case = Case(series, RELEASE, RELEASE, series.end, FINAL, registered_control=True, by_reference=True)
    answer = judge_many([case])[0]
    assert answer.word is Word.FELL
    assert answer.grade is Grade.D
    assert Reason.REFERENCE_VOLUME in answer.reasons
    assert Reason.EXPOSURE_MISSING not in answer.reasons
    assert all(period.exposure is None for period in answer.periods)
    with pytest.raises(ValueError, match="by_reference"):
        Case(daily(exposure=False), RELEASE, RELEASE, series.end, FINAL, by_reference=True)


def test_a_registered_control_earns_grade_c_unless_the_link_came_late() -> None:
    series = daily(control=np.full(34 * 7, 50.0))
    assert ask(series).grade is Grade.D
    assert ask(series, registered=True).grade is Grade.C
    assert ask(series, registered=True, flags=(Reason.CHOSEN_AFTER,)).grade is Grade.D


def test_a_release_after_a_spike_is_labelled() -> None:
    series = daily(ratio=0.5)
    counts = series.counts.copy()
    counts[22 * 7 : 26 * 7] *= 2
    assert Reason.AFTER_SPIKE in ask(replace(series, counts=counts)).reasons
    assert Reason.AFTER_SPIKE not in ask(series).reasons


# ---------------------------------------------------------------- control


def shocked(*, seed: int = 4) -> tuple[Floats, Series]:
    """A shock from the release on that halves complaints and control alike."""
    rng = np.random.default_rng(seed)
    shape = np.concatenate([np.ones(26 * 7), np.full(8 * 7, 0.5)])
    shape *= np.repeat(np.exp(rng.normal(0, 0.25, 34)), 7)
    control = rng.poisson(200 * shape).astype(np.float64)
    return control, replace(daily(), counts=rng.poisson(50 * shape).astype(np.float64))


def test_a_control_takes_a_shared_shock_out() -> None:
    control, series = shocked()
    alone, controlled = ask(series), ask(replace(series, control=control))
    assert alone.estimate is not None
    assert controlled.estimate is not None
    assert alone.estimate.effect < 0.65
    assert controlled.estimate.effect > 0.85
    assert controlled.word is not Word.FELL


def test_a_control_that_moves_by_itself_is_named() -> None:
    control, series = shocked()
    answer = ask(replace(series, control=control))
    assert Reason.CONTROL_MOVED in answer.reasons
    assert {check.code: check.passed for check in answer.checks}["control_steady"] is False


def test_a_control_may_not_take_the_estimate_away() -> None:
    """14 weeks before, of which the control lacks 3: 11 are too few, the theme alone has enough."""
    control = np.full(22 * 7, 50.0)
    control[: 3 * 7] = np.nan
    answer = ask(daily(before=14, ratio=0.5, control=control), registered=True)
    assert answer.estimate is not None
    assert answer.word is Word.FELL
    assert Reason.CONTROL_MISSING in answer.reasons


def test_a_control_that_reverses_the_answer_makes_it_impossible_to_tell() -> None:
    rng = np.random.default_rng(2)
    shape = np.repeat(np.exp(rng.normal(0, 0.4, 34)), 7) * np.repeat([1.0, 0.25], [26 * 7, 8 * 7])
    own = np.repeat([1.0, 2.4], [26 * 7, 8 * 7])
    counts = rng.poisson(300 * shape * own).astype(np.float64)
    control = rng.poisson(900 * shape).astype(np.float64)
    series = replace(daily(), counts=counts)
    assert ask(series).word is Word.FELL
    answer = ask(replace(series, control=control))
    assert answer.estimate is not None
    assert answer.estimate.effect > 1
    assert answer.word is Word.CANNOT_TELL
    assert Reason.CONTROLS_DISAGREE in answer.reasons


def test_a_control_with_too_many_gaps_is_left_out() -> None:
    control = np.full(34 * 7, 50.0)
    control[: 15 * 7] = np.nan
    answer = ask(daily(ratio=0.5, control=control), registered=True)
    assert answer.word is Word.FELL
    assert Reason.CONTROL_MISSING in answer.reasons
    assert answer.grade is Grade.D
