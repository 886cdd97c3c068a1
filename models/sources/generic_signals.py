"""Releases and metrics in our own JSON."""

from models.errors import Invalid
from models.sources.generic_fields import FIELDS, Context, read
from models.sources.payload import (
    MAX_NAME_CHARS,
    MAX_PLAN_CHARS,
    MAX_URL_CHARS,
    JsonObject,
    first,
    flag_of,
    id_of,
    list_of,
    number_of,
    object_or_empty,
    require_id,
    short_of,
    text_of,
)
from models.sources.times import instant_of, is_date
from models.values.feedback import MetricChange, ReleaseChange

MAX_DIMENSIONS = 20


def release_of(entry: JsonObject, context: Context) -> ReleaseChange:
    """Read an entry of type release; `released_at` may lie ahead; None: the sender did not say when."""
    id_name, identity = first(entry, ("external_id", "id", "key", "version", "name"))
    external_id = require_id(identity, field=id_name)
    version = short_of(entry.get("version"), field="version", limit=MAX_PLAN_CHARS)
    time_name, released_at = first(entry, ("released_at", "at", "date", "published_at"))
    area_name, area = first(entry, FIELDS["product_area"])
    return ReleaseChange(
        external_id=external_id,
        name=short_of(entry.get("name"), field="name", limit=MAX_NAME_CHARS) or version or external_id,
        event_id=context.event_id,
        version=version,
        released_at=instant_of(released_at, field=time_name, zone=context.settings.zone),
        environment=short_of(entry.get("environment"), field="environment", limit=MAX_PLAN_CHARS),
        description=text_of(entry.get("description"), field="description"),
        url=short_of(entry.get("url"), field="url", limit=MAX_URL_CHARS),
        prerelease=flag_of(entry.get("prerelease"), field="prerelease"),
        product_area=short_of(area, field=area_name),
        release_kind=short_of(entry.get("release_kind"), field="release_kind") or "published",
        rollout_percent=_percent(entry.get("rollout_percent")),
        segments=list_of(entry.get("segments"), field="segments") or (),
        feature_keys=list_of(entry.get("feature_keys"), field="feature_keys") or (),
        kr_ids=list_of(entry.get("kr_ids"), field="kr_ids") or (),
    )


def _percent(value: object) -> float | None:
    percent = number_of(value, field="rollout_percent")
    if percent is not None and not 0 <= percent <= 100:
        raise Invalid("rollout_percent must lie between 0 and 100", field="rollout_percent")
    return percent


def metric_of(entry: JsonObject, context: Context) -> MetricChange:
    """Read an entry of type metric; a date without a time is a value for that day of the source's zone."""
    name_field, name = first(entry, ("metric", "name"))
    at_field, at = first(entry, ("at", "occurred_at", "timestamp", "date"))
    value = number_of(entry.get("value"), field="value")
    occurred_at = instant_of(at, field=at_field, zone=context.settings.zone)
    metric = short_of(name, field=name_field, limit=MAX_PLAN_CHARS)
    if metric is None:
        raise Invalid("metric is missing: name the metric by its key", field=name_field)
    if value is None or occurred_at is None:
        missing = "value" if value is None else at_field
        raise Invalid(f"{missing} is missing: an observation is a number at a time", field=missing)
    return MetricChange(
        metric=metric,
        value=value,
        occurred_at=occurred_at,
        unit=short_of(entry.get("unit"), field="unit"),
        event_id=context.event_id,
        customer_id=read(entry, "customer_id", id_of),
        account_id=read(entry, "account_id", id_of),
        dimensions=_dimensions(entry.get("dimensions")),
        daily=is_date(at),
    )


def _dimensions(value: object) -> tuple[tuple[str, str], ...]:
    given = object_or_empty(value, field="dimensions")
    if len(given) > MAX_DIMENSIONS:
        raise Invalid(f"dimensions may hold at most {MAX_DIMENSIONS} entries", field="dimensions")
    pairs = (
        (short_of(name, field="dimensions"), short_of(text, field=f"dimensions.{name[:40]}"))
        for name, text in given.items()
    )
    return tuple(sorted((name, text) for name, text in pairs if name and text))
