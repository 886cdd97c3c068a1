"""Where a value stands in a vendor's JSON: a path that an administrator writes, such as `custom_fields.36000`.

A path is names joined by dots. In an object a name is a member. In a list it picks the entry whose id, key, name or
field_id it is (`custom_fields.36000` finds {"id": 36000, "value": "billing"}), else the entry at that place from 0.
An object at the path's end stands for its value, name or title. What is not there is None, never an error: payloads
differ.
"""

import json
from collections.abc import Mapping
from dataclasses import replace

from models.errors import Invalid
from models.sources.payload import JsonObject, flag_of, object_or_empty, short_of
from models.values.feedback import Action, Change, FeedbackChange
from models.values.storable import storable

MAX_PATH_CHARS = 200
MAX_STEPS = 10

TARGETS: Mapping[str, tuple[str, int]] = {
    "product_area": ("product_area", 200),
    "plan": ("plan", 100),
    "account": ("account_id", 200),
    "brand": ("brand", 200),
    "group": ("group", 200),
    "form": ("form", 200),
}
"""Fields that can be mapped, each with the attribute of a change that it fills and the most characters of it."""

_KEYS = ("id", "field_id", "key", "name", "title")
_WORDS = ("name", "title", "display_name", "id")
_WRITING = frozenset({Action.UPSERT, Action.APPEND_MESSAGE, Action.UPDATE_STATUS, Action.RESTORE})


def fields_of(value: object, *, field: str = "fields") -> Mapping[str, str]:
    """Read a map of fields to paths as a person sent it; raise Invalid naming the one that is wrong."""
    found: dict[str, str] = {}
    for name, path in object_or_empty(value, field=field).items():
        if name not in TARGETS:
            raise Invalid(
                f"{field}.{name} cannot be mapped: known are {', '.join(TARGETS)}", field=f"{field}.{name}"
            )
        text = short_of(path, field=f"{field}.{name}", limit=MAX_PATH_CHARS)
        steps = (text or "").split(".")
        if not all(step.strip() for step in steps) or len(steps) > MAX_STEPS:
            raise Invalid(
                f"{field}.{name} must be names joined by dots, at most {MAX_STEPS} of them, "
                "such as custom_fields.36000",
                field=f"{field}.{name}",
            )
        found[name] = ".".join(step.strip() for step in steps)
    return found


def lookup(payload: object, path: str) -> object:
    """Return what stands at a path; None where nothing does."""
    found = payload
    for step in path.split(".")[:MAX_STEPS]:
        found = _step(found, step)
        if found is None:
            return None
    return _plain(found)


def _step(value: object, step: str) -> object:
    if isinstance(value, dict):
        # What a list's entry holds may stand in its value: custom_fields.36000.name.
        return value[step] if step in value else _inside(value.get("value"), step)
    if not isinstance(value, list):
        return None
    for entry in value:
        if isinstance(entry, dict) and any(_is_named(entry.get(key), step) for key in _KEYS):
            return entry
    return value[int(step)] if step.isascii() and step.isdigit() and int(step[:6]) < len(value) else None


def _inside(value: object, step: str) -> object:
    return value.get(step) if isinstance(value, dict) else None


def _is_named(value: object, step: str) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool) and str(value) == step


def _plain(value: object, depth: int = 0) -> object:
    if depth > MAX_STEPS:
        return None
    if isinstance(value, dict):
        if "value" in value:
            return _plain(value["value"], depth + 1)
        told = (value[name] for name in _WORDS if value.get(name) not in (None, ""))
        return next((_plain(each, depth + 1) for each in told), None)
    if isinstance(value, list):
        return next((plain for each in value[:100] if (plain := _plain(each, depth + 1)) is not None), None)
    return value


def mapped(change: FeedbackChange, payload: object, fields: Mapping[str, str]) -> FeedbackChange:
    """Fill a change from where an administrator says its fields stand; what is found there wins over the parser's.

    A value that is no short text says nothing: one odd ticket must not hold its delivery up.
    """
    if not fields or change.action not in _WRITING:
        return change
    found: dict[str, str] = {}
    for name, path in fields.items():
        attribute, limit = TARGETS[name]
        value = lookup(payload, path)
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            text = storable(str(value).strip())[:limit]
            if text:
                found[attribute] = text
    return replace(change, **found) if found else change  # type: ignore[arg-type]


def mapped_all(changes: tuple[Change, ...], body: bytes, fields: Mapping[str, str]) -> tuple[Change, ...]:
    """Fill every feedback change of a delivery from its whole body: the way for connectors that do not do it."""
    if not fields:
        return changes
    try:
        payload: object = json.loads(body)
    except (ValueError, RecursionError):
        return changes
    return tuple(
        mapped(change, payload, fields) if isinstance(change, FeedbackChange) else change
        for change in changes
    )


def first_of(payload: JsonObject, *paths: str) -> str | None:
    """Return the first short text that stands at one of the paths (for connectors' own brand, group and form)."""
    for path in paths:
        value = lookup(payload, path)
        if isinstance(value, str | int) and not isinstance(value, bool) and str(value).strip():
            return storable(str(value).strip())[:200]
    return None


def spam_of(payload: JsonObject, *paths: str) -> bool | None:
    """Return whether a payload calls its record spam; None where it does not say."""
    for path in paths:
        value = lookup(payload, path)
        if value is not None:
            try:
                return flag_of(value, field=path)
            except Invalid:
                continue
    return None
