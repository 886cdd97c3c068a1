"""The map of `ebb import --map`: which column means what (its shape is shown in `models.sources.rows`)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo

import yaml

from models.errors import Invalid
from models.sources.generic_fields import FIELDS
from models.sources.payload import JsonObject, object_or_empty, rating_of, require_object, short_of
from models.sources.source import STARS, zone_of
from models.values.feedback import Rating

_MEMBERS = (
    "columns",
    "constants",
    "rating",
    "date_format",
    "time_zone",
    "tag_separator",
    "delimiter",
    "encoding",
)


@dataclass(frozen=True, slots=True)
class ColumnMap:
    """How a file's columns become fields; the empty map goes by the names we know."""

    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    rating: Rating | None = None
    date_format: str | None = None
    zone: tzinfo = UTC
    tag_separator: str | None = None
    delimiter: str | None = None
    encoding: str | None = None
    # Of built-in maps alone: fields whose columns are joined, words of a column with ours, columns of no field.
    joined: frozenset[str] = frozenset()
    words: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()


def load_map(text: str) -> ColumnMap:
    """Read a map from YAML; raise Invalid naming the member that is unknown or wrong."""
    try:
        loaded = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise Invalid(
            f"{_place(error)}not YAML: mend the brackets, quotes or indentation", field="map"
        ) from None
    given = object_or_empty(loaded, field="map")
    unknown = sorted(str(name) for name in given if name not in _MEMBERS)
    if unknown:
        raise Invalid(
            f"the map has no member {unknown[0]}: known are {', '.join(_MEMBERS)}", field=unknown[0]
        )
    return ColumnMap(
        columns={name: _names(value, name) for name, value in _fields(given, "columns").items()},
        constants={
            name: short_of(value, field=f"constants.{name}") or ""
            for name, value in _fields(given, "constants").items()
        },
        rating=_scale(given.get("rating")),
        date_format=_date_format(given.get("date_format")),
        zone=zone_of(given.get("time_zone"), field="time_zone"),
        tag_separator=_separator(given.get("tag_separator"), "tag_separator"),
        delimiter=_separator(given.get("delimiter"), "delimiter"),
        encoding=_encoding(given.get("encoding")),
    )


def _place(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    return f"line {mark.line + 1}: " if mark is not None else ""


def _date_format(value: object) -> str | None:
    """Read a date format; one with a directive that is none would reject every row."""
    written = short_of(value, field="date_format")
    for each in (written or "").split("|"):
        try:
            datetime.strptime("", each)
        except ValueError as error:
            if "directive" in str(error) or "stray" in str(error):
                raise Invalid(
                    f"date_format {written} has a part that is no date's: known are %Y %m %d %H %M %S %b %p %z",
                    field="date_format",
                ) from None
    return written


def _fields(given: JsonObject, member: str) -> JsonObject:
    fields = object_or_empty(given.get(member), field=member)
    unknown = sorted(str(name) for name in fields if name not in FIELDS)
    if unknown:
        known = ", ".join(FIELDS)
        raise Invalid(f"{member} names {unknown[0]}, which is no field: known are {known}", field=member)
    return fields


def _names(value: object, name: str) -> tuple[str, ...]:
    given = value if isinstance(value, list) else [value]
    names = tuple(short_of(each, field=f"columns.{name}") for each in given)
    found = tuple(each for each in names if each)
    if not found or len(found) != len(names):
        raise Invalid(f"columns.{name} must name a column, or several", field=f"columns.{name}")
    return found


def _scale(value: object) -> Rating | None:
    if value is None:
        return None
    given = require_object(value, field="rating")
    low = given.get("min", STARS.scale_min)
    scale = {"value": low, "scale_min": low, "scale_max": given.get("max"), "kind": given.get("kind")}
    return rating_of(scale, field="rating", scale=STARS)


def _separator(value: object, name: str) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or len(value) != 1 or value in '"\r\n':
        raise Invalid(f"{name} must be one character", field=name)
    return value


def _encoding(value: object) -> str | None:
    name = short_of(value, field="encoding")
    try:
        "a".encode(name or "utf-8")
    except LookupError:
        raise Invalid(
            f"encoding {name} is not known: try utf-8, cp1252 or utf-16", field="encoding"
        ) from None
    return name
