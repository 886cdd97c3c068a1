"""Intercom: notifications of conversations and tickets.

Which message is which. A conversation is opened by its `source`, which is message `FIRST_MESSAGE`; every part is a
message under its own id; the remark of a rating is message `RATING`. Each notification carries the opening text
again, so only `conversation.user.created` writes it; later ones bring it as a `fallback`, for a conversation whose
opening is not stored.

Bodies are HTML. A redacted text is replaced by a placeholder of Intercom's, which is never stored: wherever a
part says `redacted`, its text goes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from models.errors import Invalid
from models.sources.intercom_record import (
    described,
    record_of,
    role_of,
    source_in,
    subject_of,
    word_of,
)
from models.sources.paths import mapped
from models.sources.payload import (
    JsonObject,
    first,
    flag_of,
    id_of,
    object_or_empty,
    read_object,
    require_id,
    require_object,
    short_of,
    status_of,
    text_of,
)
from models.sources.scope import Fact
from models.sources.source import Answer, Source, SourceSettings, key_in
from models.sources.times import past_instant_of
from models.values.feedback import (
    FIRST_MESSAGE,
    Action,
    AuthorRole,
    Change,
    FeedbackChange,
    Status,
)

RATING = "rating"
"""Message id of the remark that came with a rating; a customer who rates again replaces it."""
MAX_PARTS = 500

_TICKET_STATES: Mapping[str, Status] = {
    "submitted": Status.OPEN,
    "in_progress": Status.OPEN,
    "waiting_on_customer": Status.PENDING,
    "resolved": Status.RESOLVED,
}


def handshake(headers: Mapping[str, str], body: bytes) -> Answer | None:
    """Answer the notification of topic `ping`, which Intercom sends when the subscription is tested."""
    try:
        topic = read_object(body).get("topic")
    except Invalid:
        return None
    return Answer(body=b'{"pong":true}') if topic == "ping" else None


def parse(
    body: bytes, *, headers: Mapping[str, str], settings: SourceSettings, received_at: datetime
) -> tuple[Change, ...]:
    """Turn one notification into changes; raise Invalid where it cannot be understood."""
    payload = read_object(body)
    topic = require_id(payload.get("topic"), field="topic")
    event_id = id_of(payload.get("id"), field="id")
    if not topic.startswith(("conversation.", "conversation_part.", "ticket.")):
        return (FeedbackChange(action=Action.IGNORE, event_id=event_id),)
    data = require_object(payload.get("data"), field="data")
    event = _Event(
        topic=topic,
        event_id=event_id,
        occurred_at=past_instant_of(payload.get("created_at"), field="created_at", received_at=received_at),
        item=record_of(require_object(data.get("item"), field="data.item")),
        settings=settings,
        received_at=received_at,
    )
    return _HANDLERS.get(topic, _updated)(event)


@dataclass(frozen=True, slots=True)
class _Event:
    """A notification taken apart; `item` is the conversation or ticket as it now is."""

    topic: str
    event_id: str | None
    occurred_at: datetime | None
    item: JsonObject
    settings: SourceSettings
    received_at: datetime

    @property
    def external_id(self) -> str:
        """Return the id of the conversation or ticket; notifications of deletions name it otherwise."""
        name, value = first(self.item, ("id", "conversation_id", "ticket_id"))
        return require_id(value, field=f"data.item.{name}")

    @property
    def is_ticket(self) -> bool:
        return self.topic.startswith("ticket.")

    def bare(self, action: Action, message_id: str | None = None) -> FeedbackChange:
        """Return a change that says nothing else: the item still holds text that must go."""
        return FeedbackChange(
            action=action,
            external_id=self.external_id,
            message_id=message_id,
            event_id=self.event_id,
            occurred_at=self.occurred_at,
            exact_ids=True,
        )

    def at(self, value: object, *, field: str) -> datetime | None:
        return past_instant_of(value, field=field, received_at=self.received_at)


def _state(event: _Event) -> FeedbackChange:
    """Say what the item tells of its record, without any text."""
    item, settings = event.item, event.settings
    known = replace(
        event.bare(Action.UPDATE_STATUS),
        created_at=event.at(item.get("created_at"), field="data.item.created_at"),
        updated_at=event.at(item.get("updated_at"), field="data.item.updated_at"),
        status=_ticket_status(event) if event.is_ticket else _status(event),
    )
    return mapped(described(known, item, _attributes(item, event), settings), item, settings.fields)


def _attributes(item: JsonObject, event: _Event) -> JsonObject:
    name = "ticket_attributes" if event.is_ticket else "custom_attributes"
    return object_or_empty(item.get(name), field=f"data.item.{name}")


def _status(event: _Event) -> Status | None:
    found = status_of(event.item.get("state"), field="data.item.state", words=event.settings.statuses)
    if found is None and event.item.get("open") is not None:
        is_open = flag_of(event.item.get("open"), field="data.item.open")
        return Status.OPEN if is_open else Status.CLOSED
    return found


def _ticket_status(event: _Event) -> Status | None:
    """Read a ticket's state: an object of category and label, a plain word in older versions of the API."""
    state = event.item.get("ticket_state")
    held = state if isinstance(state, dict) else {"category": state}
    label = status_of(
        held.get("internal_label"), field="data.item.ticket_state", words=event.settings.statuses
    )
    return label or _TICKET_STATES.get(word_of(held.get("category"), field="data.item.ticket_state"))


def _written(known: FeedbackChange, author: JsonObject, body: str) -> FeedbackChange:
    """Add who wrote a text and the text itself."""
    role = role_of(author)
    theirs = role is AuthorRole.CUSTOMER
    return replace(
        known,
        body=body,
        body_is_html=True,
        author_role=role,
        customer_id=(id_of(author.get("id"), field="author.id") if theirs else None) or known.customer_id,
        customer_email=short_of(author.get("email"), field="author.email") if theirs else None,
    )


def _opening(event: _Event) -> FeedbackChange | None:
    """Return the text the record was opened with; None where the item does not carry it."""
    if event.is_ticket:
        return _ticket_opening(event)
    source = source_in(event.item)
    if source.get("body") is None or source.get("redacted") is True:
        return None
    author = object_or_empty(source.get("author"), field="data.item.source.author")
    opened = replace(
        _state(event),
        action=Action.UPSERT,
        message_id=FIRST_MESSAGE,
        opener_id=id_of(source.get("id"), field="data.item.source.id"),
        subject=subject_of(source.get("subject")),
    )
    body = text_of(source.get("body"), field="data.item.source.body") or ""
    return _written(opened, {**author, "is_ai_answer": source.get("is_ai_answer")}, body)


def _ticket_opening(event: _Event) -> FeedbackChange | None:
    """Return what stands in the ticket's form; back-office and tracker tickets are the team's own.

    A ticket that staff opened for a customer is relayed: the first part says who did.
    """
    attributes = _attributes(event.item, event)
    subject = text_of(attributes.get("_default_title_"), field="data.item.ticket_attributes")
    body = text_of(attributes.get("_default_description_"), field="data.item.ticket_attributes")
    if (subject is None and body is None) or _is_internal(event):
        return None
    parts = _parts(event)
    author = object_or_empty(parts[0].get("author"), field="part.author") if parts else {}
    relayed = event.topic == "ticket.created" and role_of(author) is AuthorRole.AGENT
    return replace(
        _state(event),
        action=Action.UPSERT,
        message_id=FIRST_MESSAGE,
        subject=subject,
        body=body,
        body_is_html=True,
        author_role=AuthorRole.AGENT if relayed else AuthorRole.CUSTOMER,
        relayed=relayed,
    )


def _is_internal(event: _Event) -> bool:
    return word_of(event.item.get("category"), field="data.item.category") in ("back-office", "tracker")


def _parts(event: _Event) -> list[JsonObject]:
    name = "ticket_parts" if event.is_ticket else "conversation_parts"
    found = object_or_empty(event.item.get(name), field=f"data.item.{name}").get(name)
    if not isinstance(found, list):
        return []
    if len(found) > MAX_PARTS:
        raise Invalid(f"data.item.{name} holds more than {MAX_PARTS} parts", field=f"data.item.{name}")
    return [require_object(part, field=f"data.item.{name}") for part in found]


def _messages(event: _Event) -> list[FeedbackChange]:
    """Return the parts that carry a text, each as a message; of a redacted one, that its text must go."""
    found: list[FeedbackChange] = []
    for part in _parts(event):
        body = text_of(part.get("body"), field="part.body")
        if part.get("redacted") is True:
            found.append(event.bare(Action.REDACT, require_id(part.get("id"), field="part.id")))
        elif body is not None and body.strip():
            found.append(_message(event, part, body))
    return found


def _message(event: _Event, part: JsonObject, body: str) -> FeedbackChange:
    author = object_or_empty(part.get("author"), field="part.author")
    added = replace(
        _state(event),
        action=Action.APPEND_MESSAGE,
        message_id=require_id(part.get("id"), field="part.id"),
        occurred_at=event.at(part.get("created_at"), field="part.created_at") or event.occurred_at,
        is_public=word_of(part.get("part_type"), field="part.part_type") != "note",
    )
    return _written(added, {**author, "is_ai_answer": part.get("is_ai_answer")}, body)


def _fallback(event: _Event) -> tuple[Change, ...]:
    opening = _opening(event)
    return () if opening is None else (replace(opening, fallback=True),)


def _created(event: _Event) -> tuple[Change, ...]:
    opening = _opening(event)
    if opening is None and source_in(event.item).get("redacted") is True:
        return (event.bare(Action.REDACT, FIRST_MESSAGE),)
    if opening is None:
        return (replace(_state(event), action=Action.FETCH),)
    return opening, *_messages(event)


def _ticket_created(event: _Event) -> tuple[Change, ...]:
    """A ticket made of a conversation keeps its id: its form, which staff may have filled in, never replaces
    what the customer wrote."""
    if _is_internal(event):
        return (event.bare(Action.IGNORE),)
    return _updated(event) if _opening(event) else (replace(_state(event), action=Action.FETCH),)


def _updated(event: _Event) -> tuple[Change, ...]:
    """Any other notification: its parts are new messages, else the record itself changed."""
    messages = _messages(event)
    return (*(messages or [_state(event)]), *_fallback(event))


def _rated(event: _Event) -> tuple[Change, ...]:
    """A rating belongs to the record; its remark is the customer's own words, and so a message."""
    state = _state(event)
    held = object_or_empty(event.item.get("conversation_rating"), field="data.item.conversation_rating")
    remark = text_of(held.get("remark"), field="data.item.conversation_rating.remark")
    if remark is None or not remark.strip():
        return (state, *_fallback(event))
    contact = object_or_empty(held.get("contact"), field="data.item.conversation_rating.contact")
    said = replace(
        state,
        body=remark,
        author_role=AuthorRole.CUSTOMER,
        customer_id=id_of(contact.get("id"), field="contact.id") or state.customer_id,
    )
    return said, replace(said, action=Action.APPEND_MESSAGE, message_id=RATING)


def _redacted(event: _Event) -> tuple[Change, ...]:
    """Remove the texts marked as redacted; where none is marked, those of the parts sent; else all of the
    record."""
    parts = _parts(event)
    gone = [part for part in parts if part.get("redacted") is True] or parts
    names = [require_id(part.get("id"), field="part.id") for part in gone]
    if source_in(event.item).get("redacted") is True:
        names.append(FIRST_MESSAGE)
    return tuple(event.bare(Action.REDACT, name) for name in names) or (event.bare(Action.REDACT),)


def _deleted(event: _Event) -> tuple[Change, ...]:
    return (event.bare(Action.DELETE),)


_HANDLERS: Mapping[str, Callable[[_Event], tuple[Change, ...]]] = {
    "conversation.user.created": _created,
    "conversation.admin.single.created": _created,
    "conversation.rating.added": _rated,
    "conversation_part.redacted": _redacted,
    "conversation.deleted": _deleted,
    "ticket.created": _ticket_created,
    "ticket.deleted": _deleted,
}

_TELLS: Mapping[Fact, str] = {
    Fact.BRAND: "`brand`, `brand_id`; attribute *Brand*",
    Fact.GROUP: "`team_assignee_id`",
    Fact.FORM: "a ticket's `ticket_type`",
    Fact.TAG: "`tags`",
    Fact.CHANNEL: "`source.type`",
    Fact.LANGUAGE: "attribute *Language*",
    Fact.PRODUCT_AREA: "attribute *Product area* or *Area*; a tag",
    Fact.PLAN: "attribute *Plan* or *Tier*; a tag",
    Fact.ACCOUNT: "`company_id`, `company`; attribute *Account ID*, *Company ID*, *Account* or *Company*",
    Fact.DOMAIN: "`source.author.email`, a part's `author.email`",
}

SOURCE = Source(
    kind="intercom",
    title="Intercom",
    schemes=("intercom",),
    # The notification's, the same on a retry.
    delivery_key=key_in(lambda payload: id_of(payload.get("id"), field="id")),
    parse=parse,
    handshake=handshake,
    tells=_TELLS,
)
