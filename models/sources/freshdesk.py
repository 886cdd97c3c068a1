"""Freshdesk: the action "Trigger webhook" of automation rules.

Freshdesk has no fixed payload: an administrator ticks fields (simple content, which arrives in an object
`freshdesk_webhook`) or writes the JSON (advanced content; docs/connectors/freshdesk.md has a template). Both are read
by name. A placeholder without a value arrives empty or as it was written: neither says anything.

What happened is in `event` of our template, else in Freshdesk's own `triggered_event`. A public comment is a
customer's only where the rule says so (`event: requester_reply`, from a rule performed by the requester): the
payload does not tell who wrote it. Comments have no id, so that of a reply is the digest of its text.

Nothing is signed and no event has an id: a copy is known by its bytes.
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from models.sources.paths import spam_of
from models.sources.payload import (
    JsonObject,
    channel_of,
    id_of,
    language_of,
    number_of,
    object_or_empty,
    plan_of,
    read_object,
    require_id,
    short_of,
    status_of,
    tags_of,
    text_of,
)
from models.sources.scope import Fact
from models.sources.source import Source, SourceSettings, body_key, tagged
from models.sources.times import past_instant_of
from models.values.feedback import (
    FIRST_MESSAGE,
    Action,
    AuthorRole,
    Change,
    FeedbackChange,
    Rating,
    RatingKind,
    Status,
)

T = TypeVar("T")

_FIELDS: Mapping[str, tuple[str, ...]] = {
    "external_id": ("ticket_id", "id"),
    "event": ("event",),
    "triggered_event": ("triggered_event",),
    "subject": ("ticket_subject", "subject"),
    "description": (
        "ticket_description",
        "description",
        "ticket_description_text",
        "description_text",
    ),
    "reply": ("ticket_latest_public_comment", "latest_public_comment", "reply"),
    "status": ("ticket_status", "status"),
    "source": ("ticket_source", "source"),
    "tags": ("ticket_tags", "tags"),
    "customer_id": ("ticket_requester_id", "requester_id", "contact_id"),
    "email": ("ticket_contact_email", "ticket_requester_email", "requester_email", "contact_email", "email"),
    "account": (
        "company_id",
        "ticket_company_name",
        "ticket_requester_company_name",
        "company_name",
        "company",
    ),
    "plan": ("plan", "ticket_cf_plan", "cf_plan"),
    "area": (
        "product_area",
        "ticket_cf_product_area",
        "cf_product_area",
        "ticket_product_area",
        "product",
        "ticket_product_name",
        "product_name",
    ),
    "brand": ("brand", "product", "ticket_product_name", "product_name", "portal_name", "ticket_portal_name"),
    "group": ("group", "ticket_group_name", "group_name"),
    "form": ("form", "ticket_form", "form_name", "ticket_ticket_type", "ticket_type", "type"),
    "spam": ("spam", "ticket_spam"),
    "language": ("language", "ticket_contact_language", "requester_language"),
    "created_at": ("created_at", "ticket_created_at"),
    "updated_at": ("updated_at", "ticket_updated_at"),
    "rating": ("satisfaction", "ticket_satisfaction", "survey_rating"),
}
"""Our field -> the names it is read from; the first that says anything wins."""

_PLACEHOLDER = re.compile(r"\s*\{\{[^{}]{0,200}\}\}\s*")
_TICKET_ACTION = re.compile(r"ticket_action\W{1,5}(\w{1,40})")
_MARKUP = re.compile(r"<[a-zA-Z/!]|&(#\d|[a-zA-Z]{2,8};)")
_ISO = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d", re.ASCII)

_EVENTS: Mapping[str, Action] = {
    **dict.fromkeys(("created", "create"), Action.UPSERT),
    **dict.fromkeys(("requester_reply", "customer_reply", "reply"), Action.APPEND_MESSAGE),
    **dict.fromkeys(("deleted", "delete"), Action.DELETE),
    **dict.fromkeys(("restored", "restore", "undeleted"), Action.RESTORE),
}
_SPAM = {
    **dict.fromkeys(("spam", "marked_as_spam", "marked_spam"), True),
    "unmarked_as_spam": False,
}
_STATUS_CODES = {"2": Status.OPEN, "3": Status.PENDING, "4": Status.RESOLVED, "5": Status.CLOSED}
_STATUS_WORDS = {
    "waiting on customer": Status.PENDING,
    "waiting on third party": Status.PENDING,
    "awaiting your reply": Status.PENDING,
    "being processed": Status.OPEN,
}
_CHANNELS = {"1": "email", "2": "web", "3": "phone", "7": "chat", "9": "web", "10": "outbound email"}
_OUTBOUND = "outbound email"


@dataclass(frozen=True, slots=True)
class _Call:
    """One call of a rule: the fields an administrator chose."""

    fields: JsonObject
    settings: SourceSettings
    received_at: datetime

    def read(self, name: str, reader: Callable[..., T]) -> T:
        """Apply a reader to the first name of a field that says anything; errors name that name."""
        found, value = self.named(name)
        return reader(value, field=found)

    def named(self, name: str) -> tuple[str, object]:
        """Return (name, value) of the first name of a field that says anything, (first name, None) if none does."""
        for each in _FIELDS[name]:
            value = self.fields.get(each)
            if isinstance(value, str) and (not value.strip() or _PLACEHOLDER.fullmatch(value)):
                continue
            if value is not None:
                return each, value
        return _FIELDS[name][0], None

    def time(self, name: str) -> datetime | None:
        """Read a time that is one: a display string in the help desk's zone and language is no instant."""
        found, value = self.named(name)
        if isinstance(value, str) and not _ISO.match(value.strip()):
            return None
        return past_instant_of(value, field=found, received_at=self.received_at, zone=self.settings.zone)


def delivery_key(headers: Mapping[str, str], body: bytes) -> str:
    """Return the digest of the body: it holds the ticket and the event, and there is no other id."""
    return body_key(body)


def parse(
    body: bytes, *, headers: Mapping[str, str], settings: SourceSettings, received_at: datetime
) -> tuple[Change, ...]:
    """Turn one call of a rule into changes; raise Invalid where it cannot be understood."""
    payload = read_object(body)
    wrapped = payload.get("freshdesk_webhook", payload)
    call = _Call(object_or_empty(wrapped, field="freshdesk_webhook"), settings, received_at)
    external_id = call.read("external_id", require_id)
    event = _event(call)
    action = _EVENTS.get(event, Action.UPDATE_STATUS)
    if action is Action.DELETE:
        return (FeedbackChange(action=action, external_id=external_id),)
    ticket = _ticket(call, external_id, spam=_SPAM.get(event))
    opening = _opening(call, ticket)
    asked = FeedbackChange(action=Action.FETCH, external_id=external_id)
    if action is Action.APPEND_MESSAGE:
        reply = _reply(call, ticket)
        return _with_parent(reply or ticket, opening) + (() if reply else (asked,))
    if opening is not None and action in (Action.UPSERT, Action.RESTORE):
        # What comes back without its text has to be asked for it.
        is_bare = action is Action.RESTORE and opening.body is None
        return (replace(opening, action=action), *((asked,) if is_bare else ()))
    if action is Action.RESTORE:
        return replace(ticket, action=action), asked
    return _with_parent(ticket, opening)


def _event(call: _Call) -> str:
    """Name what happened; a call that does not say brings the ticket as it now is."""
    event = (call.read("event", short_of) or "").lower()
    if not event:
        triggered = (call.read("triggered_event", text_of) or "").lower()
        found = _TICKET_ACTION.search(triggered)
        event = found.group(1) if found else ("" if triggered else "created")
    return event


def _ticket(call: _Call, external_id: str, *, spam: bool | None) -> FeedbackChange:
    """Return what the call says about the ticket, without any text but the subject."""
    email = call.read("email", short_of)
    tags = call.read("tags", tags_of)
    return FeedbackChange(
        action=Action.UPDATE_STATUS,
        external_id=external_id,
        created_at=call.time("created_at"),
        updated_at=call.time("updated_at"),
        subject=call.read("subject", text_of),
        customer_id=call.read("customer_id", id_of) or email,
        customer_email=email,
        account_id=call.read("account", id_of),
        plan=call.read("plan", plan_of) or tagged(tags, call.settings.plan_tag_prefix),
        channel=_channel(call),
        language=call.read("language", language_of),
        tags=tags,
        product_area=call.read("area", short_of) or tagged(tags, call.settings.area_tag_prefix),
        status=_status(call),
        rating=_rating(call),
        brand=call.read("brand", short_of),
        group=call.read("group", short_of),
        form=call.read("form", short_of),
        spam=call.read("spam", _said_spam) if spam is None else spam,
    )


def _opening(call: _Call, ticket: FeedbackChange) -> FeedbackChange | None:
    """Return the text the ticket was opened with, None where the call has neither description nor subject.

    Staff write the description of a ticket that came by phone, and open a conversation by outbound e-mail.
    """
    description = call.read("description", text_of)
    if description is None and ticket.subject is None:
        return None
    staff = ticket.channel in ("phone", _OUTBOUND)
    return replace(
        ticket,
        action=Action.UPSERT,
        message_id=FIRST_MESSAGE,
        body=description,
        body_is_html=_MARKUP.search(description or "") is not None,
        author_role=AuthorRole.AGENT if staff else AuthorRole.CUSTOMER,
        relayed=ticket.channel == "phone",
    )


def _reply(call: _Call, ticket: FeedbackChange) -> FeedbackChange | None:
    """Return the requester's reply, None where the call lacks its text."""
    text = call.read("reply", text_of)
    if text is None:
        return None
    digest = hashlib.sha256(" ".join(text.split()).encode("utf-8", "replace")).hexdigest()
    return replace(
        ticket,
        action=Action.APPEND_MESSAGE,
        message_id=f"reply:{digest[:32]}",
        body=text,
        body_is_html=_MARKUP.search(text) is not None,
        author_role=AuthorRole.CUSTOMER,
    )


def _with_parent(change: FeedbackChange, opening: FeedbackChange | None) -> tuple[Change, ...]:
    """Add the opening text for the case that it is not stored."""
    return (change,) if opening is None else (change, replace(opening, fallback=True))


def _status(call: _Call) -> Status | None:
    """Read a status by its code or its display name, of which an administrator may have made more."""
    found, value = call.named("status")
    code = str(value).strip() if isinstance(value, str | int) else ""
    words = {**_STATUS_WORDS, **call.settings.statuses}
    return _STATUS_CODES.get(code) or status_of(value, field=found, words=words)


def _said_spam(value: object, *, field: str) -> bool | None:
    return spam_of({field: value}, field)


def _channel(call: _Call) -> str | None:
    channel = call.read("source", channel_of)
    return _CHANNELS.get(channel or "", channel)


def _rating(call: _Call) -> Rating | None:
    """Read a survey's answer: 103 is extremely happy, 100 neutral, -103 extremely unhappy; words are no scale."""
    found, value = call.named("rating")
    if isinstance(value, str) and not value.strip().lstrip("-").isdigit():
        return None
    number = number_of(value, field=found)
    if number is None or not 100 <= abs(number) <= 103:
        return None
    score = number - 100 if number > 0 else number + 100
    return Rating(value=score, scale_min=-3, scale_max=3, kind=RatingKind.CSAT)


_TELLS: Mapping[Fact, str] = {
    Fact.BRAND: "`brand`, `product`, `product_name`, `portal_name`",
    Fact.GROUP: "`group`, `group_name`",
    Fact.FORM: "`form`, `ticket_type`",
    Fact.TAG: "`tags`",
    Fact.CHANNEL: "`source`",
    Fact.LANGUAGE: "`language`, `requester_language`",
    Fact.PRODUCT_AREA: "`product_area`, `cf_product_area`, `product`; a tag",
    Fact.PLAN: "`plan`, `cf_plan`; a tag",
    Fact.ACCOUNT: "`company_id`, `company_name`",
    Fact.SPAM: "event `spam` and `unmarked_as_spam`; `spam`",
    Fact.DOMAIN: "`requester_email`, `contact_email`",
}

SOURCE = Source(
    kind="freshdesk",
    title="Freshdesk",
    schemes=("token",),
    delivery_key=delivery_key,
    parse=parse,
    tells=_TELLS,
)
