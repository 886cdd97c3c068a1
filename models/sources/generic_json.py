"""Our own JSON: what anything without a connector sends, and what `ebb import` makes of each row of a file.

A body is one entry, or {"items": [entry, ...]}, or a list of entries. An entry's `type` is feedback (the
default), release, metric or ping. Feedback names are forgiving (`FIELDS`); the first name of each row is the
canonical one. `action` is upsert (the default), append_message, update_status, delete, redact or merge. A
feedback entry without `message_id` is the text its record was opened with. The same (id, message id) twice in
one body: the last one wins.

Two schemes are taken with the source's secret: an HMAC in `X-Signature-256` over "{timestamp}.{body}"
(strong), or the secret itself as a bearer token (weak: it proves who sends, not what).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from models.errors import Invalid
from models.sources.payload import (
    JsonObject,
    channel_of,
    first,
    flag_of,
    id_of,
    language_of,
    list_of,
    number_of,
    object_or_empty,
    rating_of,
    read_json,
    require_id,
    require_object,
    short_of,
    status_of,
    text_of,
)
from models.sources.signature import header
from models.sources.source import Answer, Source, SourceSettings, body_key, bounded_key, tagged
from models.sources.times import instant_of, is_date, past_instant_of
from models.values.feedback import (
    FIRST_MESSAGE,
    Action,
    AuthorRole,
    Change,
    FeedbackChange,
    MetricChange,
    Rating,
    ReleaseChange,
    Status,
    Unreadable,
)

IDEMPOTENCY_KEY = "Idempotency-Key"
MAX_ENTRIES = 10_000
MAX_DIMENSIONS = 20

T = TypeVar("T")

FIELDS: Mapping[str, tuple[str, ...]] = {
    "external_id": ("external_id", "id", "ticket_id"),
    "message_id": ("message_id", "comment_id"),
    "action": ("action",),
    "created_at": ("created_at", "createdAt", "created", "timestamp"),
    "updated_at": ("updated_at", "updatedAt", "updated"),
    "occurred_at": ("occurred_at", "sent_at"),
    "subject": ("subject", "title", "summary"),
    "text": ("text", "body", "message", "description", "comment"),
    "html": ("html",),
    "author_role": ("author_role", "role"),
    "is_public": ("is_public", "public"),
    "customer_id": ("customer_id", "user_id", "customerId", "userId"),
    "customer_email": ("customer_email", "email"),
    "account_id": ("account_id", "accountId", "organization_id", "company_id"),
    "plan": ("plan", "segment", "tier"),
    "channel": ("channel", "via"),
    "language": ("language", "locale"),
    "tags": ("tags", "labels"),
    "product_area": ("area", "product_area", "component"),
    "status": ("status", "state"),
    "rating": ("rating", "score", "stars"),
    "rating_min": ("rating_min",),
    "rating_max": ("rating_max",),
    "rating_kind": ("rating_kind",),
    "merged_into": ("merged_into",),
}
"""Canonical field -> the names it is read from, the first that is neither null nor empty wins."""

_ACTIONS = (
    Action.UPSERT,
    Action.APPEND_MESSAGE,
    Action.UPDATE_STATUS,
    Action.DELETE,
    Action.REDACT,
    Action.MERGE,
)
_WRITING = (Action.UPSERT, Action.APPEND_MESSAGE)
_ROLES: Mapping[str, AuthorRole] = {
    **dict.fromkeys(
        ("customer", "user", "end_user", "end-user", "requester", "contact"), AuthorRole.CUSTOMER
    ),
    **dict.fromkeys(("agent", "staff", "admin", "support"), AuthorRole.AGENT),
    **dict.fromkeys(("bot", "system"), AuthorRole.BOT),
}


@dataclass(frozen=True, slots=True)
class _Context:
    event_id: str | None
    settings: SourceSettings
    received_at: datetime


def delivery_key(headers: Mapping[str, str], body: bytes) -> str:
    """Return the sender's Idempotency-Key joined to a digest of the body, else the digest alone.

    The digest is part of it because a sender that repeats one key for different bodies would lose all but the
    first.
    """
    key = header(headers, IDEMPOTENCY_KEY)
    digest = body_key(body)
    return bounded_key(f"{key}:{digest[-16:]}") if key else digest


def handshake(headers: Mapping[str, str], body: bytes) -> Answer | None:
    """Answer {"type": "ping"}, so that a sender can try its address and secret."""
    try:
        payload = read_json(body)
    except Invalid:
        return None
    is_ping = isinstance(payload, dict) and payload.get("type") == "ping"
    return Answer(body=b'{"pong":true}') if is_ping else None


def parse(
    body: bytes, *, headers: Mapping[str, str], settings: SourceSettings, received_at: datetime
) -> tuple[Change, ...]:
    """Turn a body into changes, each record's last state once.

    Raises Invalid where nothing in the body can be understood; where only some entries cannot, these come
    back as `Unreadable` and the others are not held up.
    """
    event_id = short_of(header(headers, IDEMPOTENCY_KEY), field=IDEMPOTENCY_KEY)
    context = _Context(event_id=event_id, settings=settings, received_at=received_at)
    payload = read_json(body)
    entries = _entries(payload)
    if entries is None:
        return (_change(require_object(payload, field="body"), context),)
    changes = [_tolerant(index, entry, context) for index, entry in enumerate(entries)]
    if changes and all(isinstance(change, Unreadable) for change in changes):
        worst = changes[0]
        assert isinstance(worst, Unreadable)
        raise Invalid(
            f"none of {len(changes)} entries can be read; the first: {worst.reason}", field=worst.field
        )
    return _last_wins(changes)


def _entries(payload: object) -> list[object] | None:
    """Return the entries of a batch, None where the body is one entry."""
    entries = payload.get("items") if isinstance(payload, dict) else payload
    if not isinstance(entries, list):
        return None
    if len(entries) > MAX_ENTRIES:
        raise Invalid(f"a body may hold at most {MAX_ENTRIES} entries: send several", field="items")
    return entries


def _tolerant(index: int, entry: object, context: _Context) -> Change:
    try:
        return _change(require_object(entry, field=f"items[{index}]"), context)
    except Invalid as error:
        return Unreadable(index=index, reason=error.message, field=error.field)


def _last_wins(changes: list[Change]) -> tuple[Change, ...]:
    """Keep the last change of each (record, message, effect), at the place of the first."""
    latest: dict[tuple[object, ...], Change] = {}
    for index, change in enumerate(changes):
        if isinstance(change, FeedbackChange) and change.external_id is not None:
            writes = change.action in _WRITING
            key: tuple[object, ...] = (change.external_id, change.message_id, writes or change.action)
        else:
            key = (index,)
        latest[key] = change
    return tuple(latest.values())


def _change(entry: JsonObject, context: _Context) -> Change:
    kind = short_of(entry.get("type"), field="type") or "feedback"
    reader = _READERS.get(kind.lower())
    if reader is None:
        raise Invalid(f"type must be one of {', '.join(_READERS)}", field="type")
    return reader(entry, context)


def _ping(entry: JsonObject, context: _Context) -> Change:
    return FeedbackChange(action=Action.PING, event_id=context.event_id)


def _feedback(entry: JsonObject, context: _Context) -> Change:
    """Read one feedback entry; a nested `customer` object {id, email, account_id, plan} fills what is not on
    top."""
    entry = {**_customer(entry), **entry}
    action = _action(entry)
    external_id = _read(entry, "external_id", require_id)
    message_id = _read(entry, "message_id", id_of)
    if action in (Action.DELETE, Action.REDACT, Action.MERGE):
        return FeedbackChange(
            action=action,
            external_id=external_id,
            message_id=message_id,
            event_id=context.event_id,
            occurred_at=_time(entry, "occurred_at", context),
            merged_into=_read(entry, "merged_into", id_of),
        )
    return _written(entry, context, action=action, external_id=external_id, message_id=message_id)


def _written(
    entry: JsonObject, context: _Context, *, action: Action, external_id: str, message_id: str | None
) -> FeedbackChange:
    writes = action in _WRITING
    body, is_html = _body(entry) if writes else (None, False)
    email = _read(entry, "customer_email", short_of)
    tags = _read(entry, "tags", list_of)
    role = _role(entry) if writes else None
    change = FeedbackChange(
        action=action,
        external_id=external_id,
        message_id=(message_id or FIRST_MESSAGE) if writes else message_id,
        event_id=context.event_id,
        occurred_at=_time(entry, "occurred_at", context),
        created_at=_time(entry, "created_at", context),
        updated_at=_time(entry, "updated_at", context),
        subject=_read(entry, "subject", text_of),
        body=body,
        body_is_html=is_html,
        author_role=role,
        is_public=_read(entry, "is_public", flag_of),
        relayed=role is AuthorRole.AGENT and message_id in (None, FIRST_MESSAGE),
        customer_id=_read(entry, "customer_id", id_of) or email,
        customer_email=email,
        account_id=_read(entry, "account_id", id_of),
        plan=_read(entry, "plan", short_of) or tagged(tags, context.settings.plan_tag_prefix),
        channel=_read(entry, "channel", channel_of) or ("api" if writes else None),
        language=_read(entry, "language", language_of),
        tags=tags,
        product_area=_read(entry, "product_area", short_of) or tagged(tags, context.settings.area_tag_prefix),
        status=_status(entry, context),
        rating=_rating(entry, context),
    )
    if writes and not body and not (change.subject or "").strip() and change.rating is None:
        raise Invalid("text, subject and rating are all empty: there is nothing to keep", field="text")
    return change


def _read(entry: JsonObject, name: str, reader: Callable[..., T]) -> T:
    """Apply a reader to the first synonym of a field that says anything, naming that synonym in its
    errors."""
    found, value = first(entry, FIELDS[name])
    return reader(value, field=found)


def _customer(entry: JsonObject) -> JsonObject:
    nested = object_or_empty(entry.get("customer"), field="customer")
    names = {"id": "customer_id", "email": "customer_email", "account_id": "account_id", "plan": "plan"}
    return {target: nested.get(name) for name, target in names.items()}


def _action(entry: JsonObject) -> Action:
    word = (_read(entry, "action", short_of) or Action.UPSERT).lower()
    if word not in _ACTIONS:
        raise Invalid(f"action must be one of {', '.join(_ACTIONS)}", field="action")
    return Action(word)


def _role(entry: JsonObject) -> AuthorRole:
    word = (_read(entry, "author_role", short_of) or AuthorRole.CUSTOMER).lower()
    if word not in _ROLES:
        raise Invalid(f"author_role must be one of {', '.join(AuthorRole)}", field="author_role")
    return _ROLES[word]


def _body(entry: JsonObject) -> tuple[str, bool]:
    """Return (text, whether it is HTML): `html` is either the HTML itself, or true to say that `text` is
    HTML."""
    html = entry.get("html")
    if isinstance(html, str) and html.strip().lower() not in ("", "true", "false", "yes", "no", "1", "0"):
        return text_of(html, field="html") or "", True
    text = _read(entry, "text", text_of) or ""
    return (text if text.strip() else ""), flag_of(html, field="html") or False


def _status(entry: JsonObject, context: _Context) -> Status | None:
    found, value = first(entry, FIELDS["status"])
    return status_of(value, field=found, words=context.settings.statuses)


def _rating(entry: JsonObject, context: _Context) -> Rating | None:
    found, value = first(entry, FIELDS["rating"])
    if not isinstance(value, dict):
        scale = {"scale_min": "rating_min", "scale_max": "rating_max", "kind": "rating_kind"}
        value = {"value": value, **{name: entry.get(source) for name, source in scale.items()}}
    return rating_of(value, field=found, scale=context.settings.rating_scale)


def _time(entry: JsonObject, name: str, context: _Context) -> datetime | None:
    found, value = first(entry, FIELDS[name])
    return past_instant_of(value, field=found, received_at=context.received_at, zone=context.settings.zone)


def _release(entry: JsonObject, context: _Context) -> Change:
    id_name, identity = first(entry, ("external_id", "id", "key", "version", "name"))
    external_id = require_id(identity, field=id_name)
    version = short_of(entry.get("version"), field="version")
    time_name, released_at = first(entry, ("released_at", "at", "date", "published_at"))
    area_name, area = first(entry, FIELDS["product_area"])
    return ReleaseChange(
        external_id=external_id,
        name=short_of(entry.get("name"), field="name") or version or external_id,
        event_id=context.event_id,
        version=version,
        released_at=instant_of(released_at, field=time_name, zone=context.settings.zone),
        environment=short_of(entry.get("environment"), field="environment"),
        description=text_of(entry.get("description"), field="description"),
        url=text_of(entry.get("url"), field="url"),
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


def _metric(entry: JsonObject, context: _Context) -> Change:
    name_field, name = first(entry, ("metric", "name"))
    at_field, at = first(entry, ("at", "occurred_at", "timestamp", "date"))
    value = number_of(entry.get("value"), field="value")
    occurred_at = instant_of(at, field=at_field, zone=context.settings.zone)
    if value is None or occurred_at is None:
        missing = "value" if value is None else at_field
        raise Invalid(f"{missing} is missing: an observation is a number at a time", field=missing)
    return MetricChange(
        metric=require_id(name, field=name_field),
        value=value,
        occurred_at=occurred_at,
        unit=short_of(entry.get("unit"), field="unit"),
        event_id=context.event_id,
        customer_id=_read(entry, "customer_id", id_of),
        account_id=_read(entry, "account_id", id_of),
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


_READERS: Mapping[str, Callable[[JsonObject, _Context], Change]] = {
    "feedback": _feedback,
    "release": _release,
    "metric": _metric,
    "ping": _ping,
}

SOURCE = Source(
    kind="generic_json",
    title="Generic JSON",
    schemes=("generic_json", "bearer"),
    delivery_key=delivery_key,
    parse=parse,
    handshake=handshake,
    kept_headers=(IDEMPOTENCY_KEY,),
)
