"""Front: application webhooks and the webhooks of rules, which carry the same events in two envelopes.

An application sends {type, authorization, payload}, signed with SHA-256 over the time and the body; a rule sends the
event itself, signed with SHA-1 over the body. The names of events differ too (`inbound_received` and `inbound`), but
the event inside is the same object: conversation, source, target.

Which message is which. A conversation's first message has the conversation's own `created_at`; it becomes message
`FIRST_MESSAGE`, every other has its own id. Both times stand in every event about a message, so it always gets the
same id. Where Front sends a preview (`blurb` without text), the preview is stored and a `fetch` follows it.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from models.errors import Invalid
from models.sources.paths import first_of, lookup
from models.sources.payload import (
    MAX_PLAN_CHARS,
    JsonObject,
    channel_of,
    flag_of,
    id_of,
    language_of,
    names_of,
    object_or_empty,
    read_object,
    require_id,
    short_of,
    status_of,
    text_of,
)
from models.sources.scope import Fact
from models.sources.signature import header
from models.sources.source import Answer, Source, SourceSettings, key_in, tagged
from models.sources.times import past_instant_of
from models.values.feedback import FIRST_MESSAGE, Action, AuthorRole, Change, FeedbackChange, Status

CHALLENGE = "X-Front-Challenge"
MAX_CHALLENGE_CHARS = 1000
MAX_MERGED = 100

_STATUSES = {
    "assigned": Status.OPEN,
    "unassigned": Status.OPEN,
    "invisible": Status.OPEN,
    "waiting": Status.PENDING,
    "snoozed": Status.PENDING,
}
_STATUS_OF = {
    **dict.fromkeys(("archive", "conversation_archived"), Status.CLOSED),
    **dict.fromkeys(("reopen", "conversation_reopened", "reminder"), Status.OPEN),
    **dict.fromkeys(("snooze", "conversation_snoozed"), Status.PENDING),
}
_GONE = frozenset({"deleted", "trashed"})
_SPAM = "spam"
_CUSTOM_FIELDS: Mapping[str, tuple[str, ...]] = {
    "plan": ("plan", "tier"),
    "account": ("account id", "account", "company id", "company"),
    "area": ("product area", "area"),
    "brand": ("brand",),
    "form": ("form", "request type"),
    "language": ("language",),
}
"""Our field -> the names of the conversation's custom fields it is read from, the first that says anything wins."""


def handshake(headers: Mapping[str, str], body: bytes) -> Answer | None:
    """Answer the check that Front makes on every save of an application's webhook."""
    challenge = header(headers, CHALLENGE)
    if not challenge or len(challenge) > MAX_CHALLENGE_CHARS:
        return None
    try:
        is_sync = read_object(body).get("type") == "sync"
    except Invalid:
        return None
    return Answer(body=json.dumps({"challenge": challenge}).encode()) if is_sync else None


def parse(
    body: bytes, *, headers: Mapping[str, str], settings: SourceSettings, received_at: datetime
) -> tuple[Change, ...]:
    """Turn one event into changes; raise Invalid where it cannot be understood."""
    payload = read_object(body)
    if payload.get("type") == "sync":
        return (FeedbackChange(action=Action.HANDSHAKE),)
    inner = _event_of(payload)
    kind = require_id(inner.get("type") or payload.get("type"), field="type").lower()
    event_id = id_of(inner.get("id"), field="id")
    conversation = object_or_empty(inner.get("conversation"), field="conversation")
    if not conversation:
        return (FeedbackChange(action=Action.IGNORE, event_id=event_id),)
    event = _Event(kind, event_id, conversation, _target(inner), inner, settings, received_at)
    return _HANDLERS.get(kind, _updated)(event)


@dataclass(frozen=True, slots=True)
class _Event:
    """An event taken apart. `target` is the message, comment or tag it is about."""

    kind: str
    event_id: str | None
    conversation: JsonObject
    target: JsonObject
    payload: JsonObject
    settings: SourceSettings
    received_at: datetime

    @property
    def external_id(self) -> str:
        """Return the conversation's id."""
        return require_id(self.conversation.get("id"), field="conversation.id")

    def time(self, value: object, field: str) -> datetime | None:
        """Read a time: epoch seconds with a fraction."""
        return past_instant_of(value, field=field, received_at=self.received_at)

    def bare(
        self, action: Action, *, external_id: str | None = None, into: str | None = None
    ) -> FeedbackChange:
        """Return a change that says nothing about the conversation."""
        return FeedbackChange(
            action=action,
            external_id=external_id or self.external_id,
            event_id=self.event_id,
            occurred_at=self.time(self.payload.get("emitted_at"), "emitted_at"),
            merged_into=into,
        )

    def record(self) -> FeedbackChange:
        """Return what the event says about the conversation, without any text but the subject."""
        given = self.conversation
        handle = _handle(given.get("recipient"), "conversation.recipient")
        tags = names_of(given, "tags", field="conversation.tags")
        return replace(
            self.bare(Action.UPDATE_STATUS),
            created_at=self.time(given.get("created_at"), "conversation.created_at"),
            updated_at=self.time(given.get("updated_at"), "conversation.updated_at"),
            subject=text_of(given.get("subject"), field="conversation.subject"),
            customer_id=handle,
            customer_email=handle if handle and "@" in handle else None,
            account_id=_custom(self, "account"),
            tags=tags,
            plan=(_custom(self, "plan") or "")[:MAX_PLAN_CHARS]
            or tagged(tags, self.settings.plan_tag_prefix),
            product_area=_custom(self, "area") or tagged(tags, self.settings.area_tag_prefix),
            language=language_of(_custom(self, "language"), field="conversation.custom_fields"),
            status=_status(self),
            brand=_custom(self, "brand"),
            group=_inbox(self.payload),
            form=_custom(self, "form"),
            spam=_is_spam(given),
        )


def _event_of(payload: JsonObject) -> JsonObject:
    """Return the event itself: an application wraps it."""
    return object_or_empty(payload.get("payload"), field="payload") or payload


def _target(event: JsonObject) -> JsonObject:
    target = object_or_empty(event.get("target"), field="target")
    data = target.get("data")
    return data if isinstance(data, dict) else {}


def _inbox(event: JsonObject) -> str | None:
    """Return the inbox that a message came to, or to which its conversation was moved; else nothing is known."""
    for side in ("target", "source"):
        held = event.get(side)
        if isinstance(held, dict) and lookup(held, "_meta.type") in ("inboxes", "inbox"):
            return first_of(held, "data")
    return None


def _is_spam(conversation: JsonObject) -> bool | None:
    word = short_of(conversation.get("status"), field="conversation.status")
    return None if word is None else word.lower() == _SPAM


def _custom(event: _Event, name: str) -> str | None:
    """Read a custom field of the conversation, which people named."""
    held = event.conversation.get("custom_fields")
    fields = (
        {str(key).strip().lower(): value for key, value in held.items()} if isinstance(held, dict) else {}
    )
    return next((found for each in _CUSTOM_FIELDS[name] if (found := first_of(fields, each))), None)


def _status_word(event: _Event) -> str:
    return (short_of(event.conversation.get("status"), field="conversation.status") or "").lower()


def _status(event: _Event) -> Status | None:
    """Return the state: a workflow's own category first, then the conversation's, then what the event did."""
    words = {**_STATUSES, **event.settings.statuses}
    for name in ("status_category", "status"):
        found = status_of(event.conversation.get(name), field=f"conversation.{name}", words=words)
        if found is not None and not (name == "status" and event.kind in _STATUS_OF):
            return found
    return _STATUS_OF.get(event.kind)


def _handle(value: object, field: str) -> str | None:
    given = object_or_empty(value, field=field)
    return short_of(given.get("handle"), field=f"{field}.handle")


def _sender(message: JsonObject) -> str | None:
    """Return who a message is from; in a conversation of several that need not be its main recipient."""
    recipients = message.get("recipients")
    for each in recipients if isinstance(recipients, list) else []:
        if isinstance(each, dict) and each.get("role") == "from":
            return _handle(each, "target.data.recipients")
    return None


def _updated(event: _Event) -> tuple[Change, ...]:
    """Any other event: the conversation as it now is. A comment is a teammate's own, and never read."""
    if _status_word(event) in _GONE:
        return (event.bare(Action.DELETE),)
    return (event.record(),)


def _deleted(event: _Event) -> tuple[Change, ...]:
    return (event.bare(Action.DELETE),)


def _restored(event: _Event) -> tuple[Change, ...]:
    """Restore the conversation; its text is not in the event and has to be asked for."""
    return replace(event.record(), action=Action.RESTORE), event.bare(Action.FETCH)


def _merged(event: _Event) -> tuple[Change, ...]:
    """The conversations that became part of this one stand in the target or the source."""
    gone: list[str] = []
    for side in ("target", "source"):
        data = object_or_empty(event.payload.get(side), field=side).get("data")
        for each in (data if isinstance(data, list) else [data])[:MAX_MERGED]:
            found = id_of(each.get("id"), field=f"{side}.data.id") if isinstance(each, dict) else None
            if found and found.startswith("cnv_") and found != event.external_id:
                gone.append(found)
    merges = (
        event.bare(Action.MERGE, external_id=each, into=event.external_id) for each in dict.fromkeys(gone)
    )
    return (*merges, event.record())


def _message(event: _Event, *, from_customer: bool) -> tuple[Change, ...]:
    message, record = event.target, event.record()
    if not message:
        return record, event.bare(Action.FETCH)
    sent_at = event.time(message.get("created_at"), "target.data.created_at")
    first = sent_at is not None and sent_at == record.created_at
    body, is_html, is_whole = _text(message)
    sender = _sender(message) if from_customer else None
    change = replace(
        record,
        action=Action.UPSERT if first else Action.APPEND_MESSAGE,
        message_id=FIRST_MESSAGE if first else require_id(message.get("id"), field="target.data.id"),
        body=body,
        body_is_html=is_html,
        author_role=AuthorRole.CUSTOMER if from_customer else AuthorRole.AGENT,
        customer_id=sender or record.customer_id,
        customer_email=sender if sender and "@" in sender else record.customer_email,
        channel=channel_of(message.get("type"), field="target.data.type"),
    )
    if is_whole or not from_customer:
        return (change,)
    asked = replace(event.bare(Action.FETCH), message_id=change.message_id)
    # A beginning never takes the place of a whole text.
    return replace(change, fallback=True), asked


def _text(message: JsonObject) -> tuple[str | None, bool, bool]:
    """Return (text, whether it is HTML, whether it is all of it): a blurb is cut; None where there is no text."""
    text = text_of(message.get("text"), field="target.data.text")
    if text and text.strip():
        return text, False, True
    body = text_of(message.get("body"), field="target.data.body")
    if body and body.strip():
        return body, True, True
    return text_of(message.get("blurb"), field="target.data.blurb") or None, False, False


def _received(event: _Event) -> tuple[Change, ...]:
    """A message came in; one that a teammate wrote (an import, a forward to an inbox) is not the customer's."""
    if _status_word(event) in _GONE:
        return (event.bare(Action.IGNORE),)
    inbound = flag_of(event.target.get("is_inbound"), field="target.data.is_inbound")
    staff = object_or_empty(event.target.get("author"), field="target.data.author")
    return _message(event, from_customer=inbound is not False and not staff)


def _sent(event: _Event) -> tuple[Change, ...]:
    return _message(event, from_customer=False)


_HANDLERS: Mapping[str, Callable[[_Event], tuple[Change, ...]]] = {
    **dict.fromkeys(("inbound", "inbound_received"), _received),
    **dict.fromkeys(("outbound", "outbound_sent", "out_reply"), _sent),
    **dict.fromkeys(("trash", "conversation_deleted", "conversation_trashed"), _deleted),
    **dict.fromkeys(("restore", "conversation_restored"), _restored),
    "conversations_merged": _merged,
}

_TELLS: Mapping[Fact, str] = {
    Fact.BRAND: "custom field *Brand*",
    Fact.GROUP: "the inbox: `source.data.name` of a message, `target.data.name` of a move",
    Fact.FORM: "custom field *Form* or *Request type*",
    Fact.TAG: "`conversation.tags`",
    Fact.CHANNEL: "`target.data.type`",
    Fact.LANGUAGE: "custom field *Language*",
    Fact.PRODUCT_AREA: "custom field *Product area* or *Area*; a tag",
    Fact.PLAN: "custom field *Plan* or *Tier*; a tag",
    Fact.ACCOUNT: "custom field *Account ID*, *Account*, *Company ID* or *Company*",
    Fact.SPAM: "`conversation.status` spam",
    Fact.DOMAIN: "`target.data.recipients`, `conversation.recipient.handle`",
}

SOURCE = Source(
    kind="front",
    title="Front",
    schemes=("front", "front_rule"),
    # The event's, in either envelope.
    delivery_key=key_in(lambda payload: id_of(_event_of(payload).get("id"), field="id")),
    parse=parse,
    handshake=handshake,
    tells=_TELLS,
)
