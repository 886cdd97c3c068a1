"""Numbers, days and changes as a reader sees them; pure functions."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

MINUS = "−"
_EN_DASH = "–"
_MULTIPLE_FROM = 2.0
"""Rises to at least this ratio are told as "to 2.6 times": +160% is read wrongly by many."""
_TIMES_IN_RANGE_FROM = 3.0


def say_day(day: date) -> str:
    """Write a day, such as `9 Dec 2026`."""
    return f"{day.day} {day:%b %Y}"


def say_moment(moment: datetime, zone: ZoneInfo) -> str:
    """Write a moment in a time zone, such as `9 Dec 2026, 14:05`."""
    local = moment.astimezone(zone)
    return f"{say_day(local.date())}, {local:%H:%M}"


def say_span(first: date, last: date) -> str:
    """Write days from `first` to `last`, both included, such as `2–8 Nov 2026`."""
    if (first.year, first.month) == (last.year, last.month):
        return f"{first.day}{_EN_DASH}{say_day(last)}"
    head = f"{first.day} {first:%b}" if first.year == last.year else say_day(first)
    return f"{head} {_EN_DASH} {say_day(last)}"


def say_count(value: float) -> str:
    """Write a count with a thin space between thousands; at most one decimal, none for whole numbers."""
    rounded = round(value, 1)
    text = f"{rounded:,.0f}" if rounded == int(rounded) or abs(value) >= 100 else f"{rounded:,.1f}"
    return text.replace(",", "\u202f").replace("-", MINUS)


def say_cell(count: int | None, least: int | None) -> str:
    """Write a count that may be hidden: `under 5` where it is."""
    return f"under {least}" if count is None else say_count(count)


def say_value(value: float | None) -> str:
    """Write a measured value with three significant digits; an ellipsis where there is none."""
    if value is None:
        return "…"
    if abs(value) >= 100:
        return say_count(round(value))
    return f"{value:.3g}".replace("-", MINUS)


def say_percent(share: float) -> str:
    """Write a share as whole per cent; a share that is not 0 never reads as 0%, nor one below 1 as 100%."""
    percent = abs(share) * 100
    if 0 < percent < 0.5:
        return "under 1%"
    if 99.5 <= percent < 100:
        return "over 99%"
    return f"{percent:.0f}%"


def say_change(ratio: float) -> str:
    """Write a rate ratio as a signed change: `−40%`, `+12%`, `×2.6`, `±0%`."""
    if ratio >= _MULTIPLE_FROM:
        return f"×{ratio:.2g}" if ratio < 10 else f"×{ratio:.0f}"
    return _percent_change(ratio)


def _percent_change(ratio: float) -> str:
    percent = round((ratio - 1) * 100)
    if percent == 0:
        return "±0%"
    return f"+{percent}%" if percent > 0 else f"{MINUS}{-percent}%"


def say_range(low: float, high: float) -> str:
    """Write an interval of rate ratios as changes, in one unit: `−55% to −20%`, `×0.8 to ×4.1`."""
    if high >= _TIMES_IN_RANGE_FROM:
        return f"×{low:.2g} to ×{high:.2g}"
    return f"{_percent_change(low)} to {_percent_change(high)}"


def say_falls(low: float, high: float) -> str:
    """Write an interval of ratios below 1 as sizes of a fall: `20–55%`; with a rise in it, as changes."""
    if high >= 1:
        return say_range(low, high)
    small, large = round((1 - high) * 100), round((1 - low) * 100)
    return f"{small}%" if small == large else f"{small}{_EN_DASH}{large}%"


def say_rises(effect: float, low: float, high: float) -> str:
    """Write an interval of ratios above 1 as sizes of a rise, in the unit that `say_rise` tells the effect in."""
    if low <= 1:
        return say_range(low, high)
    if effect >= _MULTIPLE_FROM:
        return f"{low:.1f}{_EN_DASH}{high:.1f} times"
    small, large = round((low - 1) * 100), round((high - 1) * 100)
    return f"{small}%" if small == large else f"{small}{_EN_DASH}{large}%"


def say_rise(ratio: float) -> str:
    """Write a ratio above 1 for a sentence: `40%`, or `to 2.6 times what was expected`."""
    if ratio >= _MULTIPLE_FROM:
        return f"to {ratio:.1f} times what was expected"
    return say_percent(ratio - 1)


def say_more_or_fewer(ratio: float) -> str:
    """Write a ratio as `12% fewer` or `8% more`."""
    if round(abs(ratio - 1) * 100) == 0:
        return "no change"
    return f"{say_percent(1 - ratio)} fewer" if ratio < 1 else f"{say_percent(ratio - 1)} more"
