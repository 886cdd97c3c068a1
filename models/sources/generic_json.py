"""Our own JSON: what anything without a connector sends, and what `ebb import` makes of each row of a file.

A body is one entry, or {"items": [entry, ...]}, or a list of entries. An entry's `type` is feedback (the
default), release, metric or ping. Feedback names are forgiving (`generic_fields.FIELDS` lists what is taken
for each). `action` is upsert (the default), append_message, update_status, delete, redact or merge. A
feedback entry without `message_id` is the text its record was opened with. The same (id, message id) twice in
one body: the last one wins.

Two schemes are taken with the source's secret: an HMAC in `X-Signature-256` over "{timestamp}.{body}"
(strong), or the secret itself as a bearer token (weak: it proves who sends, not what).
"""

from collections.abc import Callable, Mapping
from datetime import datetime

from models.errors import Invalid
from models.sources.generic_fields import FIELDS, TELLS, Context, read, time_at
from models.sources.generic_signals import metric_of, release_of
from models.sources.paths import first_of, mapped, spam_of
from models.sources.payload import (
    JsonObject,
    channel_of,
    first,
    flag_of,
    id_of,
    language_of,
    object_or_empty,
    plan_of,
    rating_of,
    read_json,
    require_id,
    require_object,
    short_of,
    status_of,
    tags_of,
    text_of,
)
from models.sources.signature import header
from models.sources.source import Answer, Source, SourceSettings, body_key, bounded_key, tagged
from models.values.feedback import (
    FIRST_MESSAGE,
    Action,
    AuthorRole,
    Change,
    FeedbackChange,
    Rating,
    Status,
    Unreadable,
)

IDEMPOTENCY_KEY = "Idempotency-Key"
MAX_ENTRIES = 10_000

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
    context = Context(event_id=event_id, settings=settings, received_at=received_at)
    payload = read_json(body)
    entries = _entries(payload)
    if entries is None:
        return (change_of(require_object(payload, field="body"), context),)
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


def _tolerant(index: int, entry: object, context: Context) -> Change:
    try:
        return change_of(require_object(entry, field=f"items[{index}]"), context)
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


def change_of(entry: JsonObject, context: Context) -> Change:
    """Turn one entry into a change; raise Invalid where it cannot be understood."""
    kind = short_of(entry.get("type"), field="type") or "feedback"
    reader = _READERS.get(kind.lower())
    if reader is None:
        raise Invalid(f"type must be one of {', '.join(_READERS)}", field="type")
    return reader(entry, context)


def _ping(entry: JsonObject, context: Context) -> Change:
    return FeedbackChange(action=Action.PING, event_id=context.event_id)


def _feedback(entry: JsonObject, context: Context) -> Change:
    """Read one feedback entry; a nested `customer` object {id, email, account_id, plan} fills what is not on
    top."""
    entry = {**_customer(entry), **entry}
    action = _action(entry)
    external_id = read(entry, "external_id", require_id)
    message_id = read(entry, "message_id", id_of)
    if action in (Action.DELETE, Action.REDACT, Action.MERGE):
        return FeedbackChange(
            action=action,
            external_id=external_id,
            message_id=message_id,
            event_id=context.event_id,
            occurred_at=time_at(entry, "occurred_at", context),
            merged_into=read(entry, "merged_into", id_of),
            exact_ids=True,
        )
    return _written(entry, context, action=action, external_id=external_id, message_id=message_id)


def _written(
    entry: JsonObject, context: Context, *, action: Action, external_id: str, message_id: str | None
) -> FeedbackChange:
    writes = action in _WRITING
    body, is_html = _body(entry) if writes else (None, False)
    email = read(entry, "customer_email", short_of)
    tags = read(entry, "tags", tags_of)
    if tags is None and action is Action.UPSERT and _has_null_tags(entry):
        tags = ()
    role = _role(entry) if writes else None
    change = FeedbackChange(
        action=action,
        external_id=external_id,
        message_id=(message_id or FIRST_MESSAGE) if writes else message_id,
        event_id=context.event_id,
        occurred_at=time_at(entry, "occurred_at", context),
        created_at=time_at(entry, "created_at", context),
        updated_at=time_at(entry, "updated_at", context),
        subject=read(entry, "subject", text_of),
        body=body,
        body_is_html=is_html,
        author_role=role,
        is_public=read(entry, "is_public", flag_of),
        relayed=role is AuthorRole.AGENT and message_id in (None, FIRST_MESSAGE),
        customer_id=read(entry, "customer_id", id_of) or email,
        customer_email=email,
        account_id=read(entry, "account_id", id_of),
        plan=read(entry, "plan", plan_of) or tagged(tags, context.settings.plan_tag_prefix),
        channel=read(entry, "channel", channel_of) or ("api" if writes else None),
        language=read(entry, "language", language_of),
        tags=tags,
        product_area=read(entry, "product_area", short_of) or tagged(tags, context.settings.area_tag_prefix),
        status=_status(entry, context),
        rating=_rating(entry, context),
        brand=first_of(entry, *FIELDS["brand"]),
        group=first_of(entry, *FIELDS["group"]),
        form=first_of(entry, *FIELDS["form"]),
        spam=spam_of(entry, *FIELDS["spam"]),
    )
    change = mapped(change, entry, context.settings.fields)
    if writes and not body and not (change.subject or "").strip() and change.rating is None:
        raise Invalid("text, subject and rating are all empty: there is nothing to keep", field="text")
    return change


def _has_null_tags(entry: JsonObject) -> bool:
    """Say whether a whole record comes without tags, and not only without a word on them."""
    return any(name in entry and entry[name] is None for name in FIELDS["tags"])


def _customer(entry: JsonObject) -> JsonObject:
    nested = object_or_empty(entry.get("customer"), field="customer")
    names = {"id": "customer_id", "email": "customer_email", "account_id": "account_id", "plan": "plan"}
    return {target: nested.get(name) for name, target in names.items()}


def _action(entry: JsonObject) -> Action:
    word = (read(entry, "action", short_of) or Action.UPSERT).lower()
    if word not in _ACTIONS:
        raise Invalid(f"action must be one of {', '.join(_ACTIONS)}", field="action")
    return Action(word)


def _role(entry: JsonObject) -> AuthorRole:
    word = (read(entry, "author_role", short_of) or AuthorRole.CUSTOMER).lower()
    if word not in _ROLES:
        raise Invalid(f"author_role must be one of {', '.join(AuthorRole)}", field="author_role")
    return _ROLES[word]


def _body(entry: JsonObject) -> tuple[str | None, bool]:
    """Return (text, whether it is HTML): `html` is either the HTML itself, or true to say that `text` is HTML.

    Blanks are a text of no words; no text at all says nothing.
    """
    html = entry.get("html")
    if isinstance(html, str) and html.strip().lower() not in ("", "true", "false", "yes", "no", "1", "0"):
        return text_of(html, field="html") or "", True
    text = read(entry, "text", text_of)
    is_emptied = text is None and any(entry.get(name) == "" for name in FIELDS["text"])
    if is_emptied or (text is not None and not text.strip()):
        text = ""
    return text, flag_of(html, field="html") or False


def _status(entry: JsonObject, context: Context) -> Status | None:
    found, value = first(entry, FIELDS["status"])
    return status_of(value, field=found, words=context.settings.statuses)


def _rating(entry: JsonObject, context: Context) -> Rating | None:
    found, value = first(entry, FIELDS["rating"])
    if not isinstance(value, dict):
        scale = {"scale_min": "rating_min", "scale_max": "rating_max", "kind": "rating_kind"}
        value = {"value": value, **{name: entry.get(source) for name, source in scale.items()}}
    return rating_of(value, field=found, scale=context.settings.rating_scale)


_READERS: Mapping[str, Callable[[JsonObject, Context], Change]] = {
    "feedback": _feedback,
    "release": release_of,
    "metric": metric_of,
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
    tells=TELLS,
)
