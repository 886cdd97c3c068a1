import csv
import os
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from models.impact import windows
from models.impact.judge import Case, Setting, judge, judge_many
from models.impact.looks import schedule
from models.values.series import Period, Series
from models.values.verdicts import BLOCKING, REASON_TEXT, Grade, Judgement, Look, Reason, Word

Floats = NDArray[np.float64]

RELEASE = date(2026, 3, 4)
FINAL = Look(number=3, share=1.0, weeks=8, read_on=RELEASE + timedelta(days=59), alpha=0.03)


def daily(
    *,
    before: int = 26,
    after: int = 8,
    level: float = 20.0,
    ratio: float = 1.0,
    exposure: bool = True,
    control: Floats | None = None,
    seed: int = 1,
) -> Series:
    rng = np.random.default_rng(seed)
    rate = np.concatenate([np.full(before * 7, level), np.full(after * 7, level * ratio)])
    return Series(
        start=RELEASE - timedelta(weeks=before),
        period=Period.DAY,
        counts=rng.poisson(rate).astype(np.float64),
        exposure=np.full(rate.size, 1000.0) if exposure else None,
        control=control,
    )


def ask(
    series: Series,
    *,
    look: Look | None = FINAL,
    full: date = RELEASE,
    through: date | None = None,
    setting: Setting | None = None,
    registered: bool = False,
    flags: tuple[Reason, ...] = (),
) -> Judgement:
    return judge(
        series,
        release_start=RELEASE,
        release_full=full,
        read_through=through or series.end,
        look=look,
        setting=setting,
        registered_control=registered,
        flags=flags,
    )


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
    answer = ask(daily(level=0.2, seed=5))
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


# ---------------------------------------------------------------- gaps, roll-outs, thin data


def test_a_gap_is_not_a_zero() -> None:
    series = daily(level=50.0)
    counts = series.counts.copy()
    counts[-21:-7] = np.nan
    answer = ask(replace(series, counts=counts))
    zero = ask(replace(series, counts=np.nan_to_num(counts)))
    assert answer.estimate is not None
    assert zero.estimate is not None
    assert 0.85 < answer.estimate.effect < 1.15
    assert zero.estimate.effect < 0.8
    assert [check.passed for check in answer.checks if check.code == "gaps"] == [False]


def test_silence_after_the_release_cannot_be_told_from_success() -> None:
    series = daily(level=50.0)
    counts = series.counts.copy()
    counts[-28:] = np.nan
    answer = ask(replace(series, counts=counts))
    assert answer.word is Word.CANNOT_TELL
    assert Reason.SOURCE_GAP in answer.reasons


def test_a_series_that_ends_before_the_reading_day_is_silence_too() -> None:
    series = daily(level=50.0, after=3)
    answer = ask(series, through=RELEASE + timedelta(weeks=8))
    assert answer.word is Word.CANNOT_TELL
    assert Reason.SOURCE_GAP in answer.reasons


def test_a_history_of_gaps_is_named_as_such() -> None:
    series = daily()
    counts = series.counts.copy()
    counts[: 20 * 7] = np.nan
    answer = ask(replace(series, counts=counts))
    assert answer.word is Word.CANNOT_TELL
    assert answer.reasons[:2] == (Reason.HISTORY_TOO_SHORT, Reason.SOURCE_GAP)


def test_what_happens_in_the_roll_out_and_the_wash_out_does_not_count() -> None:
    series = daily(level=50.0)
    counts = series.counts.copy()
    counts[26 * 7 : 26 * 7 + 10] *= 5
    noisy = ask(replace(series, counts=counts), full=RELEASE + timedelta(days=3))
    plain = ask(series, full=RELEASE + timedelta(days=3))
    assert noisy.estimate == plain.estimate
    assert next(p.start for p in noisy.periods if p.after) == RELEASE + timedelta(days=10)


@pytest.mark.parametrize("days", [0, 1, 6, 7, 50, 200, 240])
@pytest.mark.parametrize("value", [0.0, 0.1, np.nan])
def test_thin_data_never_raise(days: int, value: float) -> None:
    for exposure in (None, np.zeros(days), np.full(days, np.nan), np.full(days, 10.0)):
        counts = np.full(days, value)
        series = Series(RELEASE - timedelta(weeks=26), Period.DAY, counts, exposure, counts)
        for look in (None, FINAL, schedule(RELEASE)[0]):
            answer = ask(series, look=look, through=RELEASE + timedelta(weeks=8))
            assert answer.word in (Word.CANNOT_TELL, Word.TOO_EARLY)
            assert answer.reasons


def test_a_series_that_begins_after_the_release_cannot_tell() -> None:
    late = Series(RELEASE + timedelta(days=30), Period.DAY, np.ones(60))
    assert ask(late).word is Word.CANNOT_TELL


def test_misuse_raises() -> None:
    with pytest.raises(ValueError, match="release_full"):
        ask(daily(), full=RELEASE - timedelta(days=1))
    with pytest.raises(ValueError, match=r"look\.alpha"):
        ask(daily(), look=Look(1, 1.0, 8, RELEASE, 0.0))
    with pytest.raises(ValueError, match="margin"):
        Setting(margin=(1.1, 1.3))
    with pytest.raises(ValueError, match="alpha"):
        Setting(alpha=0.2)
    with pytest.raises(ValueError, match="at least"):
        Setting(wash_out_days=-1)


def test_a_window_with_nothing_before_has_no_design() -> None:
    window = windows.frame(
        daily(before=0),
        release_start=RELEASE,
        release_full=RELEASE,
        read_through=RELEASE + timedelta(weeks=8),
        wash_out_days=7,
        longest_before_days=1100,
    )
    with pytest.raises(ValueError, match="before the release"):
        windows.design(window)


# ---------------------------------------------------------------- chart, batch, time steps


def test_the_chart_shows_every_period_against_what_was_expected() -> None:
    answer = ask(daily(level=50.0, ratio=0.4))
    assert len(answer.periods) == 34
    assert [p.after for p in answer.periods].count(True) == 7
    assert [p.used for p in answer.periods].count(False) == 1
    after = [p for p in answer.periods if p.after]
    assert all(p.observed is not None and p.observed < p.low for p in after)
    before = [p for p in answer.periods if p.used and not p.after]
    assert all(p.observed is not None and p.low <= p.observed <= p.high for p in before)
    assert all(p.low < p.expected < p.high for p in answer.periods)
    assert all(p.exposure == 7000.0 for p in answer.periods)


def test_many_cases_answer_as_each_alone() -> None:
    cases = [
        Case(series, RELEASE, RELEASE, series.end, FINAL)
        for series in (daily(), daily(before=11), daily(ratio=0.5, before=40, control=np.full(48 * 7, 9.0)))
    ]
    together = judge_many(cases)
    for case, answer in zip(cases, together, strict=True):
        alone = ask(case.series)
        assert answer.word is alone.word
        assert answer.reasons == alone.reasons
        if alone.estimate is not None and answer.estimate is not None:
            assert answer.estimate.p_value == pytest.approx(alone.estimate.p_value, rel=1e-6)
    assert all(answer.periods == () for answer in judge_many(cases, with_periods=False))


def test_weeks_given_as_weeks_answer_as_days_do() -> None:
    days = daily(ratio=0.6)
    weeks = Series(
        days.start,
        Period.WEEK,
        days.counts.reshape(-1, 7).sum(axis=1),
        np.full(34, 7000.0),
    )
    by_day, by_week = ask(days).estimate, ask(weeks).estimate
    assert by_day is not None
    assert by_week is not None
    assert by_week.effect == pytest.approx(by_day.effect, rel=1e-9)
    assert by_week.p_value == pytest.approx(by_day.p_value, rel=1e-9)


def test_a_month_series_needs_three_months_after_and_has_no_wash_out() -> None:
    release = date(2026, 1, 1)
    series = Series(date(2024, 1, 1), Period.MONTH, np.full(26, 400.0), np.full(26, 1e5))
    look = Look(1, 1.0, 8, series.end, 0.03)
    answer = judge(series, release_start=release, release_full=release, read_through=series.end, look=look)
    assert answer.word is Word.TOO_EARLY
    assert answer.judgeable_on == date(2026, 4, 1)
    assert answer.estimate is not None
    assert {check.code: check.passed for check in answer.checks}["season"] is True


def test_a_release_inside_a_month_leaves_that_month_out() -> None:
    release = date(2026, 1, 10)
    series = Series(date(2024, 1, 1), Period.MONTH, np.full(28, 400.0), np.full(28, 1e5))
    look = Look(1, 1.0, 8, series.end, 0.03)
    answer = judge(series, release_start=release, release_full=release, read_through=series.end, look=look)
    assert [p.start for p in answer.periods if not p.used] == [date(2026, 1, 1)]
    none = judge(series, release_start=release, release_full=release, read_through=series.end, look=None)
    assert none.judgeable_on == date(2026, 5, 1)


def test_every_reason_has_a_sentence() -> None:
    assert set(REASON_TEXT) == set(Reason)
    assert all(text.endswith(".") for text in REASON_TEXT.values())


# ---------------------------------------------------------------- a published answer


def test_the_sicilian_smoking_ban() -> None:
    """Lopez Bernal, Cummins and Gasparrini (2017): .894 by a step and a trend, .885 with two yearly
    harmonics.

    Their models, run in R and recomputed with quasi-Poisson errors:
    glm(aces ~ offset(log(stdpop)) + smokban + time, family=quasipoisson)                  .894 (.839-.953)
    glm(... + harmonic(month, 2, 12))                                                      .885 (.839-.933)
    """
    folder = os.environ.get("EBB_SHARED")
    if not folder:
        pytest.skip("EBB_SHARED is not set; sicily.csv: github.com/gasparrini/2017_lopezbernal_IJE_codedata")
    with (Path(folder) / "data/sicily/sicily.csv").open() as file:
        rows = list(csv.DictReader(file))
    series = Series(
        date(2002, 1, 1),
        Period.MONTH,
        np.array([float(row["aces"]) for row in rows]),
        np.array([float(row["stdpop"]) for row in rows]),
    )
    ban = date(2005, 1, 1)
    look = Look(1, 1.0, 99, series.end, 0.03)
    answer = judge(series, release_start=ban, release_full=ban, read_through=series.end, look=look)
    assert answer.word is Word.FELL
    assert answer.estimate is not None
    assert 0.86 < answer.estimate.effect < 0.92
    assert answer.estimate.low < 0.885
    assert answer.estimate.high > 0.894
