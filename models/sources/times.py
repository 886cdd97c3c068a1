"""Points in time as the vendors write them: ISO 8601 in many spellings, epoch seconds, milliseconds,
microseconds."""

import re
from datetime import UTC, datetime, timedelta, tzinfo

from models.errors import Invalid

EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
LATEST = datetime(2100, 1, 1, tzinfo=UTC)
MAX_AHEAD = timedelta(days=1)
"""How far ahead of its receipt a customer's message may be dated (clocks and zones differ by no more)."""

_MILLISECONDS_FROM = 1e11
_MICROSECONDS_FROM = 1e14
_NUMBER = re.compile(r"[0-9]{9,16}(\.[0-9]{1,9})?", re.ASCII)
_DATE = re.compile(r"[0-9]{4}-?[0-9]{2}-?[0-9]{2}", re.ASCII)
_FRACTION = re.compile(r"([.,][0-9]{6})[0-9]+")
_ZONE_NAME = re.compile(r"\s*(UTC|GMT)$", re.IGNORECASE)


def is_date(value: object) -> bool:
    """Tell whether `value` is a calendar date without a time of day."""
    return isinstance(value, str) and _DATE.fullmatch(value.strip()) is not None


def instant_of(value: object, *, field: str, zone: tzinfo = UTC) -> datetime | None:
    """Return a point in time in UTC; null and "" are None.

    Takes ISO 8601 (nanoseconds are cut to microseconds; `Z`, `+0100`, ` UTC`), a date (its midnight), and
    epoch numbers, whose unit is told by size (1e11 and more: milliseconds, 1e14 and more: microseconds). A
    time without a zone is read in `zone`. Raises Invalid for anything else and for years outside 1990 to
    2099.
    """
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise Invalid(f"{field} must be a time (ISO 8601 or epoch)", field=field)
    moment = _parse(value, zone)
    if moment is None:
        raise Invalid(
            f"{field} is not a time Ebb can read: send ISO 8601 (2026-03-02T09:14:58Z) or epoch seconds",
            field=field,
        )
    if not EARLIEST <= moment < LATEST:
        raise Invalid(f"{field} lies outside the years 1990 to 2099: check its unit", field=field)
    return moment


def past_instant_of(
    value: object, *, field: str, received_at: datetime, zone: tzinfo = UTC
) -> datetime | None:
    """Return a point in time as `instant_of`; raise Invalid where it is over a day ahead of `received_at`."""
    moment = instant_of(value, field=field, zone=zone)
    if moment is not None and moment > received_at + MAX_AHEAD:
        raise Invalid(f"{field} lies in the future: check its unit, year and time zone", field=field)
    return moment


def _parse(value: str | float, zone: tzinfo) -> datetime | None:
    if not isinstance(value, str):
        return _from_epoch(value)
    text = value.strip()
    if _NUMBER.fullmatch(text):
        return _from_epoch(float(text))
    text = _FRACTION.sub(r"\1", _ZONE_NAME.sub("+00:00", text))
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _from_epoch(number: float) -> datetime | None:
    """Read an epoch number; whole numbers are split by integer arithmetic, so that no microsecond is lost."""
    scale = 1_000_000 if number >= _MICROSECONDS_FROM else 1_000 if number >= _MILLISECONDS_FROM else 1
    try:
        micros = (
            int(number) * (1_000_000 // scale)
            if number == int(number)
            else round(number * (1_000_000 / scale))
        )
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)
    except (ValueError, OverflowError):
        return None
