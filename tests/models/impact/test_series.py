from datetime import date

import numpy as np
import pytest

from models.values.series import Period, Series, aligned_weeks, period_start

MONDAY = date(2026, 3, 2)


def test_whole_weeks_are_counted_from_the_anchors_weekday() -> None:
    """24 days from a Monday, anchored on a Wednesday: two days, three weeks, one day."""
    daily = Series(MONDAY, Period.DAY, np.arange(24.0), np.full(24, 10.0), np.ones(24))
    weeks = aligned_weeks(daily, anchor=date(2026, 6, 3))
    assert weeks.start == date(2026, 3, 4)
    assert weeks.period is Period.WEEK
    assert weeks.counts == pytest.approx([sum(range(2, 9)), sum(range(9, 16)), sum(range(16, 23))])
    assert weeks.exposure == pytest.approx([70.0, 70.0, 70.0])
    assert weeks.control == pytest.approx([7.0, 7.0, 7.0])
    assert weeks.end == date(2026, 3, 25)


def test_one_gap_day_makes_the_week_a_gap() -> None:
    counts = np.ones(14)
    counts[3] = np.nan
    weeks = aligned_weeks(Series(MONDAY, Period.DAY, counts), anchor=MONDAY)
    assert np.isnan(weeks.counts[0])
    assert weeks.counts[1] == 7.0
    assert weeks.exposure is None


@pytest.mark.parametrize("days", [0, 1, 6])
def test_less_than_a_week_gives_none(days: int) -> None:
    assert len(aligned_weeks(Series(MONDAY, Period.DAY, np.ones(days)), anchor=date(2026, 3, 5))) == 0


def test_only_days_can_be_added_up() -> None:
    with pytest.raises(ValueError, match="daily"):
        aligned_weeks(Series(MONDAY, Period.WEEK, np.ones(3)), anchor=MONDAY)


def test_months_keep_the_calendar() -> None:
    series = Series(date(2025, 11, 1), Period.MONTH, np.ones(4))
    assert series.starts() == (date(2025, 11, 1), date(2025, 12, 1), date(2026, 1, 1), date(2026, 2, 1))
    assert series.end == date(2026, 3, 1)
    assert period_start(date(2026, 1, 1), Period.MONTH, -1) == date(2025, 12, 1)


def test_arrays_cannot_be_changed_behind_the_series_back() -> None:
    given = np.ones(3)
    series = Series(MONDAY, Period.DAY, given)
    given[0] = 9.0
    assert series.counts[0] == 1.0
    with pytest.raises(ValueError, match="read-only"):
        series.counts[0] = 2.0


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("counts", np.array([1.0, -1.0])),
        ("counts", np.array([1.0, np.inf])),
        ("counts", np.ones((2, 2))),
        ("exposure", np.ones(3)),
        ("control", np.array([1.0, -2.0])),
    ],
)
def test_misuse_is_refused_by_name(
    field: str, value: np.ndarray[tuple[int, ...], np.dtype[np.float64]]
) -> None:
    fields = {"counts": np.ones(2), field: value}
    with pytest.raises(ValueError, match=field):
        Series(start=MONDAY, period=Period.DAY, **fields)


def test_a_month_series_starts_on_the_first() -> None:
    with pytest.raises(ValueError, match="first of a month"):
        Series(MONDAY, Period.MONTH, np.ones(2))
