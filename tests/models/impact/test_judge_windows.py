from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from models.impact import windows
from models.impact.judge import Case, Setting, judge, judge_many
from models.impact.looks import schedule
from models.values.series import Period, Series
from models.values.verdicts import REASON_TEXT, Look, Reason, Word
from tests.models.impact.asking import FINAL, RELEASE, ask, daily

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
