"""Read a vendor's JSON without trusting it: every accessor returns a clean value or raises Invalid naming the
field."""

import json
import math
import re
from collections.abc import Mapping
from typing import NoReturn

from models.errors import Invalid
from models.values.feedback import Rating, RatingKind, Status
from models.values.storable import storable

JsonObject = dict[str, object]

MAX_ID_CHARS = 200
MAX_PLAN_CHARS = 100
MAX_CHANNEL_CHARS = 64
MAX_NAME_CHARS = 300
MAX_URL_CHARS = 1000
MAX_TEXT_CHARS = 1_000_000
MAX_TAGS = 200

_STATUSES: Mapping[str, Status] = {
    **dict.fromkeys(("new", "open", "active", "triage", "unassigned", "reopened"), Status.OPEN),
    **dict.fromkeys(("pending", "hold", "on-hold", "on hold", "snoozed", "waiting"), Status.PENDING),
    **dict.fromkeys(("resolved", "solved", "done", "complete", "completed"), Status.RESOLVED),
    **dict.fromkeys(("closed", "archived", "declined"), Status.CLOSED),
}
_CHANNELS: Mapping[str, str] = {
    **dict.fromkeys(("mail", "email", "e-mail"), "email"),
    **dict.fromkeys(("web", "web form", "web_form", "web_widget", "portal"), "web"),
    **dict.fromkeys(("phone", "voice", "phone call", "phone call (inbound)"), "phone"),
    **dict.fromkeys(("chat", "messaging", "native_messaging", "web messenger"), "chat"),
    **dict.fromkeys(("api", "web service", "web service (api)"), "api"),
}
_DECIMAL = re.compile(r"[+-]?[0-9]{1,300}(\.[0-9]{0,300})?([eE][+-]?[0-9]{1,4})?", re.ASCII)


def read_json(body: bytes) -> object:
    """Parse a raw body as JSON (UTF-8); raise Invalid for anything else, NaN and Infinity, or too deep
    nesting."""
    try:
        return json.loads(body.decode("utf-8-sig"), parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        raise Invalid(f"the body is not UTF-8 (byte {error.start})", field="body") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise Invalid(f"the body is not JSON ({error.msg} at {where})", field="body") from None
    except ValueError as error:
        raise Invalid(f"the body holds a number that cannot be read ({error})", field="body") from None
    except RecursionError:
        raise Invalid("the body is nested too deeply", field="body") from None


def read_object(body: bytes) -> JsonObject:
    """Parse a raw body that must be a JSON object."""
    return require_object(read_json(body), field="body")


def require_object(value: object, *, field: str) -> JsonObject:
    """Return `value` if it is a JSON object."""
    if not isinstance(value, dict):
        _wrong(field, "an object", value)
    return value


def object_or_empty(value: object, *, field: str) -> JsonObject:
    """Return `value` if it is a JSON object, {} for null."""
    return {} if value is None else require_object(value, field=field)


def first(payload: JsonObject, names: tuple[str, ...]) -> tuple[str, object]:
    """Return (name, value) of the first of `names` that is present and not null or ""; (names[0], None) if
    none is."""
    for name in names:
        value = payload.get(name)
        if value is not None and value != "":
            return name, value
    return names[0], None


def text_of(value: object, *, field: str) -> str | None:
    """Return a text as stored: numbers become text, characters no database takes become U+FFFD; null stays
    None."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        _wrong(field, "a text", value)
    text = value if isinstance(value, str) else str(value)
    if len(text) > MAX_TEXT_CHARS:
        raise Invalid(f"{field} is longer than {MAX_TEXT_CHARS} characters", field=field)
    return storable(text)


def said_text(held: JsonObject, name: str, *, field: str) -> str | None:
    """Return the text of a member, null as an empty one; None where the member is absent and so says nothing."""
    return (text_of(held[name], field=field) or "") if name in held else None


def short_of(value: object, *, field: str, limit: int = MAX_ID_CHARS) -> str | None:
    """Return a text of at most `limit` characters (what its column takes), trimmed; null and "" are None."""
    text = (text_of(value, field=field) or "").strip()
    if len(text) > limit:
        raise Invalid(f"{field} is longer than {limit} characters", field=field)
    return text or None


def plan_of(value: object, *, field: str) -> str | None:
    """Return the name of a plan; one of more than 100 characters is none: the ticket counts more than its plan."""
    text = (text_of(value, field=field) or "").strip()
    return text if 0 < len(text) <= MAX_PLAN_CHARS else None


def id_of(value: object, *, field: str) -> str | None:
    """Return a vendor's id as text; a number with a fraction is none (it has lost digits on the way)."""
    if isinstance(value, float):
        _wrong(field, "an id (text or whole number)", value)
    return short_of(value, field=field)


def require_id(value: object, *, field: str) -> str:
    """Return a vendor's id as text; raise Invalid where it is missing."""
    found = id_of(value, field=field)
    if found is None:
        raise Invalid(f"{field} is missing: without an id the same record would be stored twice", field=field)
    return found


def flag_of(value: object, *, field: str) -> bool | None:
    """Return true, false or None; the words true/false, yes/no and 1/0 are taken as well."""
    if value is None or isinstance(value, bool):
        return value
    word = str(value).strip().lower() if isinstance(value, str | int) else "?"
    if word in ("true", "yes", "1"):
        return True
    if word in ("false", "no", "0"):
        return False
    return None if word == "" else _wrong(field, "true or false", value)


def number_of(value: object, *, field: str) -> float | None:
    """Return a finite number; a decimal text such as "0.412" is taken as well; null and "" are None."""
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        _wrong(field, "a number", value)
    if isinstance(value, str) and not _DECIMAL.fullmatch(value.strip()):
        _wrong(field, "a number such as 0.412", value)
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise Invalid(f"{field} must be a finite number", field=field)
    return number


def list_of(value: object, *, field: str, separator: str | None = ",") -> tuple[str, ...] | None:
    """Return a list of short texts, each once, in order; a text is split at `separator` (None: white space).

    None stays None (not present); an empty list or text is an empty tuple.
    """
    if value is None:
        return None
    if isinstance(value, str):
        parts: list[object] = list(value.split(separator))
    elif isinstance(value, list):
        parts = value
    else:
        _wrong(field, "a list of texts", value)
    if len(parts) > MAX_TAGS:
        raise Invalid(f"{field} holds more than {MAX_TAGS} entries", field=field)
    cleaned = (short_of(part, field=field) for part in parts)
    return tuple(dict.fromkeys(part for part in cleaned if part))


def tags_of(value: object, *, field: str, separator: str | None = ",") -> tuple[str, ...] | None:
    """Return the tags of a ticket as `list_of` reads them: the first 200, without those that are too long.

    The ticket counts more than its tags: what is too much of them holds nothing up.
    """
    parts = value.split(separator) if isinstance(value, str) else value
    if not isinstance(parts, list):
        return list_of(parts, field=field)
    texts = (text_of(part, field=field) or "" for part in parts)
    fitting = dict.fromkeys(text.strip() for text in texts if len(text.strip()) <= MAX_ID_CHARS)
    return list_of(list(fitting)[:MAX_TAGS], field=field)


def names_of(
    payload: JsonObject,
    name: str,
    *,
    field: str,
    called: tuple[str, ...] = ("name",),
    separator: str | None = ",",
) -> tuple[str, ...] | None:
    """Return the tags that a member lists, as texts or as objects `called` by one of these names.

    None where the member is absent; null is an empty list, as a record without tags is sent by some tools.
    """
    if name not in payload:
        return None
    value = payload[name]
    if not isinstance(value, list):
        return tags_of("" if value is None else value, field=field, separator=separator)
    return tags_of(
        [first(each, called)[1] if isinstance(each, dict) else each for each in value], field=field
    )


def status_of(value: object, *, field: str, words: Mapping[str, Status]) -> Status | None:
    """Return the state in our words; `words` (lower case) come first; an unknown or localised word is
    None."""
    word = (short_of(value, field=field) or "").lower()
    return words.get(word) or _STATUSES.get(word)


def channel_of(value: object, *, field: str) -> str | None:
    """Return the channel in our words, an unknown one in lower case."""
    word = (short_of(value, field=field, limit=MAX_CHANNEL_CHARS) or "").lower()
    return _CHANNELS.get(word, word) or None


def language_of(value: object, *, field: str) -> str | None:
    """Return the primary language subtag in lower case ("en-GB" -> "en"); None where it is not one."""
    match = re.match(r"([a-z]{2,3})(?![a-z])", (short_of(value, field=field) or "").lower())
    return match.group(1) if match else None


def rating_of(value: object, *, field: str, scale: Rating) -> Rating | None:
    """Return a rating on `scale` (whose own value is not used), or on the scale the value brings along.

    The value may be a number or an object {value, scale_min, scale_max, kind}. Outside its scale it is
    refused rather than guessed at: a 9 on a scale of 1 to 5 means that the scale is wrong for every rating
    before it, too.
    """
    given = value if isinstance(value, dict) else {"value": value}
    number = number_of(given.get("value"), field=field)
    if number is None:
        return None
    low = number_of(given.get("scale_min"), field=f"{field}.scale_min")
    high = number_of(given.get("scale_max"), field=f"{field}.scale_max")
    kind = _rating_kind(given.get("kind"), field=f"{field}.kind") or scale.kind
    low, high = scale.scale_min if low is None else low, scale.scale_max if high is None else high
    if not low <= number <= high:
        raise Invalid(
            f"{field} {number:g} lies outside its scale of {low:g} to {high:g}: "
            "name the scale in the payload or in the source's settings",
            field=field,
        )
    return Rating(value=number, scale_min=low, scale_max=high, kind=kind)


def _rating_kind(value: object, *, field: str) -> RatingKind | None:
    word = (short_of(value, field=field) or "").lower()
    if not word:
        return None
    try:
        return RatingKind(word)
    except ValueError:
        raise Invalid(f"{field} must be one of {', '.join(RatingKind)}", field=field) from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _wrong(field: str, expected: str, value: object) -> NoReturn:
    kind = {dict: "an object", list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    raise Invalid(f"{field} must be {expected}, got {kind.get(type(value), 'a number')}", field=field)
