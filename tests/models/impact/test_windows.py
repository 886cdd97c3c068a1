"""The design that a window becomes, and the cut of days into weeks, against a walk through the calendar."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from numpy.typing import NDArray

from models.impact import windows
from models.impact.windows import TEMPERS, Window, design, frame, unseen_after
from models.values.series import Period, Series
from tests.models.impact.weekly import RELEASE, window

Floats = NDArray[np.float64]

EFFECT, LEVEL, TREND, SPIKE, CONTROL = range(5)


def weekly(*, before: int = 20, after: int = 6, wash_out: int = 1, control: Floats | None = None) -> Window:
    counts = np.arange(before + after, dtype=np.float64)
    return window(counts, before=before, wash_out=wash_out, control=control)


def framed(series: Series, *, release: date = RELEASE) -> Window:
    return frame(
        series,
        release_start=release,
        release_full=release,
        read_through=series.end,
        wash_out_days=7,
        longest_before_days=3000,
    )


# ---------------------------------------------------------------- columns


def test_effect_level_trend_and_spike_stand_in_order() -> None:
    found = design(weekly()).columns
    assert found.shape == (26, 6)
    assert found[:, EFFECT].tolist() == [0.0] * 21 + [1.0] * 5
    assert found[:, LEVEL].tolist() == [1.0] * 26
    assert found[:, TREND].tolist() == [week + 0.5 for week in range(-20, 6)]
    assert found[:, SPIKE].tolist() == [0.0] * 17 + [1.0] * 3 + [0.0] * 6


def test_the_season_turns_once_a_year() -> None:
    found = design(weekly(before=60, after=60)).columns
    days = 7 * found[:, TREND]
    assert found[:, 4] == pytest.approx(np.sin(2 * np.pi * days / 365.25), abs=1e-12)
    assert found[:, 5] == pytest.approx(np.cos(2 * np.pi * days / 365.25), abs=1e-12)


def test_only_usable_periods_are_observed() -> None:
    one = weekly()
    gaps = replace(one, counts=np.where(np.arange(26) == 4, np.nan, one.counts))
    dark = replace(gaps, exposure=np.where(np.arange(26) == 7, 0.0, 10.0))
    seen = ~np.isnan(design(dark).counts)
    assert np.flatnonzero(~seen).tolist() == [4, 7, 20]
    assert design(dark).counts[seen].tolist() == one.counts[seen].tolist()


def test_a_forecast_sees_nothing_after_the_release() -> None:
    one = replace(weekly(), exposure=np.where(np.arange(26) == 7, 0.0, 1.0))
    seen, forecast = design(one), unseen_after(design(one), one)
    assert np.isnan(forecast.counts[20:]).all()
    assert np.array_equal(forecast.counts[:20], seen.counts[:20], equal_nan=True)
    assert np.flatnonzero(np.isnan(forecast.counts[:20])).tolist() == [7]
    assert (forecast.columns == seen.columns).all()
    assert (forecast.log_offset == seen.log_offset).all()
    louder = replace(one, counts=np.where(one.after, 1e4, one.counts))
    assert (unseen_after(design(louder), louder).log_offset == forecast.log_offset).all()


def test_the_offset_is_exposure_times_the_rate_before() -> None:
    exposure = np.linspace(100.0, 200.0, 26)
    found = design(replace(weekly(), exposure=exposure))
    rate = (sum(range(20)) + 0.5) / exposure[:20].sum()
    assert np.exp(found.log_offset) == pytest.approx(rate * exposure, rel=1e-12)


def test_unknown_exposure_is_interpolated_so_that_the_design_stays_finite() -> None:
    exposure = np.full(26, 100.0)
    exposure[[0, 9, 10, 25]] = 0.0
    exposure[11:] *= 4.0
    found = design(replace(weekly(), exposure=exposure))
    expected = np.exp(found.log_offset - found.log_offset[8]) * 100.0
    assert expected[[0, 8, 9, 10, 11, 25]] == pytest.approx([100.0, 100.0, 200.0, 300.0, 400.0, 400.0])


def test_the_control_is_a_centred_log_rate_with_coefficient_near_one() -> None:
    control, exposure = np.linspace(30.0, 60.0, 26), np.linspace(1.0, 2.0, 26)
    control[5] = np.nan
    found = design(replace(weekly(control=control), exposure=exposure))
    log_rate = np.log((control + 0.5) / exposure)
    known = [i for i in range(20) if i != 5]
    expected = np.where(np.isnan(control), 0.0, log_rate - log_rate[known].mean())
    assert found.columns[:, CONTROL] == pytest.approx(expected, abs=1e-12)
    assert np.isnan(found.counts[5])
    assert found.prior_mean.tolist() == [0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0]
    assert found.prior_sd[:, CONTROL].tolist() == [0.5] * len(TEMPERS)


def test_a_control_can_be_left_out() -> None:
    with_gap = np.full(26, 40.0)
    with_gap[5] = np.nan
    without = design(weekly(control=with_gap), with_control=False)
    plain = design(weekly())
    assert (without.columns == plain.columns).all()
    assert (without.prior_mean == 0).all()


# ---------------------------------------------------------------- priors


def test_every_temper_is_a_hypothesis_with_its_share() -> None:
    found = design(weekly())
    assert found.share == pytest.approx([temper.share for temper in TEMPERS])
    assert found.share.sum() == pytest.approx(1.0)
    for row, temper in zip(found.prior_sd, TEMPERS, strict=True):
        scales = [1.5, 1.5, temper.slope_sd, temper.spike_sd, temper.season_sd, temper.season_sd]
        assert row.tolist() == scales


def test_the_reference_lies_within_the_range_of_the_tempers() -> None:
    """The mode is found there and moved quadratically: it must not be the far end of any step."""
    for one in (weekly(), weekly(control=np.full(26, 9.0)), weekly(before=120)):
        found = design(one)
        assert found.reference_sd.shape == found.prior_sd[0].shape
        assert (found.prior_sd.min(axis=0) <= found.reference_sd).all()
        assert (found.reference_sd <= found.prior_sd.max(axis=0)).all()


def test_tempers_are_told_apart_with_and_without_a_spike() -> None:
    assert len({temper[1:] for temper in TEMPERS}) == len(TEMPERS)
    assert min(temper.share for temper in TEMPERS) > 0
    assert {temper.spike_sd > 0.1 for temper in TEMPERS} == {True, False}


def test_all_designs_can_be_fitted_in_one_call() -> None:
    some = [weekly(), weekly(before=150), weekly(control=np.full(26, 9.0))]
    assert len({design(one).prior_sd.shape[0] for one in some}) == 1


def test_shared_priors_cannot_be_changed_by_a_caller() -> None:
    with pytest.raises(ValueError, match="read-only"):
        design(weekly()).prior_sd[0, 0] = 9.0


@pytest.mark.parametrize(("weeks", "waves"), [(104, 1), (105, 2)])
def test_two_years_of_history_show_the_season(weeks: int, waves: int) -> None:
    """104 weeks are 728 days, 105 are 735: from 730 on a second wave is fitted, all with standard deviation .3."""
    found = design(weekly(before=weeks))
    assert found.columns.shape[1] == 4 + 2 * waves
    if waves == 2:
        angle = 2 * np.pi * 7 * found.columns[:, TREND] / 365.25
        assert found.columns[:, 6] == pytest.approx(np.sin(2 * angle), abs=1e-12)
        assert found.columns[:, 7] == pytest.approx(np.cos(2 * angle), abs=1e-12)
        assert found.prior_sd[:, 4:].tolist() == [[0.3] * 4] * len(TEMPERS)


def test_two_years_of_gaps_show_no_season() -> None:
    one = weekly(before=110)
    assert one.has_season
    late = replace(one, counts=np.where(np.arange(116) < 10, np.nan, one.counts))
    assert not late.has_season
    assert design(late).columns.shape[1] == 6


def test_a_window_with_nothing_before_has_no_design() -> None:
    one = weekly()
    for silent in (
        replace(one, counts=np.where(one.before, np.nan, one.counts)),
        replace(one, exposure=np.where(one.before, 0.0, 1.0)),
        replace(one, control=np.where(one.before, np.nan, 5.0)),
    ):
        with pytest.raises(ValueError, match="usable period before"):
            design(silent)


# ---------------------------------------------------------------- spikes and months


@pytest.mark.parametrize("period", [Period.DAY, Period.WEEK])
def test_the_last_three_weeks_before_the_release_may_hold_a_spike(period: Period) -> None:
    days = 7 if period is Period.DAY else 1
    series = Series(start=RELEASE - timedelta(weeks=20), period=period, counts=np.ones(28 * days))
    found = framed(series)
    marked = [
        start for start, mark in zip(found.starts, design(found).columns[:, SPIKE], strict=True) if mark
    ]
    assert marked == [RELEASE - timedelta(weeks=week) for week in (3, 2, 1)]


def test_the_last_month_before_the_release_may_hold_a_spike() -> None:
    series = Series(start=date(2022, 1, 1), period=Period.MONTH, counts=np.full(24, 50.0))
    found = framed(series, release=date(2023, 6, 1))
    columns = design(found).columns
    assert found.weeks[17] == pytest.approx(30 / 2 / 7)
    assert np.flatnonzero(columns[:, SPIKE]).tolist() == [16]
    assert np.flatnonzero(columns[:, EFFECT]).tolist() == list(range(17, 24))
    assert columns[:, TREND] == pytest.approx(found.weeks)


# ---------------------------------------------------------------- days cut into weeks


def cut_by_walking(
    series: Series, release: date, settled: date, read_through: date, earliest: date
) -> list[tuple[date, float, float, float]]:
    """Give (first day, counts, exposure, control) of every week before and after, day by day."""
    rows = [row for row in (series.counts, series.exposure, series.control) if row is not None]
    weeks = []
    for anchor, steps in ((release, range(-80, 0)), (settled, range(80))):
        for step in steps:
            start, last = anchor + timedelta(weeks=step), anchor + timedelta(weeks=step + 1)
            days = [(start - series.start).days + i for i in range(7)]
            if days[0] < 0 or start < earliest or last > read_through or (step < 0 and last > release):
                continue
            sums = [sum(float(row[i]) if i < len(series) else np.nan for i in days) for row in rows]
            weeks.append((start, sums[0], float(np.nan_to_num(sums[1])), sums[2]))
    return weeks


def test_days_are_cut_into_weeks_as_a_walk_through_the_calendar_cuts_them() -> None:
    rng, first = np.random.default_rng(5), date(2024, 3, 4)
    for _ in range(150):
        size = int(rng.integers(1, 250))
        rows = rng.poisson(5.0, (3, size)).astype(np.float64)
        rows[rng.random((3, size)) < 0.01] = np.nan
        series = Series(first, Period.DAY, *rows)
        release = first + timedelta(days=int(rng.integers(-20, size + 20)))
        full = release + timedelta(days=int(rng.choice([0, 0, 3, 7, 10, 30])))
        wash_out, longest = int(rng.choice([0, 7, 10])), int(rng.choice([60, 1000]))
        through = series.end + timedelta(days=int(rng.integers(-60, 30)))
        found = frame(
            series,
            release_start=release,
            release_full=full,
            read_through=through,
            wash_out_days=wash_out,
            longest_before_days=longest,
        )
        settled = full + timedelta(days=wash_out)
        expected = cut_by_walking(series, release, settled, through, release - timedelta(days=longest))
        used = found.before | found.after
        assert [start for start, use in zip(found.starts, used, strict=True) if use] == [
            e[0] for e in expected
        ]
        assert found.control is not None
        values = np.column_stack([found.counts, found.exposure, found.control])[used]
        assert values == pytest.approx(np.array([e[1:] for e in expected]).reshape(-1, 3), nan_ok=True)
        middles = [((start - release).days + 3.5) / 7 for start, *_ in expected]
        assert found.weeks[used] == pytest.approx(np.array(middles))
        assert (np.diff(found.weeks) > 0).all()


def test_the_roll_out_and_wash_out_keep_their_place_in_time() -> None:
    series = Series(start=RELEASE - timedelta(weeks=15), period=Period.DAY, counts=np.ones(30 * 7))
    found = frame(
        series,
        release_start=RELEASE,
        release_full=RELEASE + timedelta(days=14),
        read_through=series.end,
        wash_out_days=7,
        longest_before_days=3000,
    )
    assert found.before.sum() == 15
    assert (~found.before & ~found.after).sum() == 3
    assert np.diff(found.weeks) == pytest.approx(np.ones(found.weeks.size - 1))


def test_exposure_that_is_not_given_is_one() -> None:
    series = Series(start=RELEASE - timedelta(weeks=3), period=Period.WEEK, counts=np.ones(6))
    found = framed(series)
    assert (found.exposure == 1).all()
    assert found.control is None
    assert windows.design(found).columns.shape == (6, 6)
