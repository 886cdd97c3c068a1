from datetime import date

import numpy as np
import pytest

from models.values.series import Period, Series, period_start

MONDAY = date(2026, 3, 2)


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
