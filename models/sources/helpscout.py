"""Help Scout: conversation events and satisfaction ratings.

The event's name stands in the header `X-HelpScout-Event` alone; the body is the conversation as it now is, with its
threads embedded (newest first). A thread whose time is the conversation's own is what it was opened with, message
`FIRST_MESSAGE`; every other thread is a message under its own id. Every event brings all published customer threads
that it embeds, so that a delivery which was lost is made good by the next.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from models.errors import Invalid
from models.sources.paths import first_of
from models.sources.payload import (
    JsonObject,
    channel_of,
    first,
    id_of,
    language_of,
    names_of,
    object_or_empty,
    read_object,
    require_id,
    said_text,
    short_of,
    status_of,
    text_of,
)
from models.sources.scope import Fact
from models.sources.signature import header
from models.sources.source import Source, SourceSettings, body_key, bounded_key, tagged
from models.sources.times import past_instant_of
from models.values.feedback import (
    FIRST_MESSAGE,
    Action,
    AuthorRole,
    Change,
    FeedbackChange,
    Rating,
    RatingKind,
)

EVENT = "X-HelpScout-Event"
MAX_THREADS = 1000

_OTHER_TYPES = frozenset({"lineitem", "note", "workflow", "forwardparent"})
_RATINGS = {"great": 3.0, "okay": 2.0, "not_good": 1.0, "not good": 1.0, "bad": 1.0}
_CUSTOM_FIELDS = {
    **dict.fromkeys(("plan", "tier", "subscription"), "plan"),
    **dict.fromkeys(("account", "account id", "company", "company id"), "account"),
    **dict.fromkeys(("product area", "area", "component", "feature"), "area"),
    **dict.fromkeys(("brand", "product"), "brand"),
    **dict.fromkeys(("form", "request type"), "form"),
    **dict.fromkeys(("language", "locale"), "language"),
}


def delivery_key(headers: Mapping[str, str], body: bytes) -> str:
    """Return the event's name and the digest of the body: Help Scout numbers neither events nor deliveries."""
    name = (header(headers, EVENT) or "").strip()[:60]
    return bounded_key(f"{name}:{body_key(body)}")


def parse(
    body: bytes, *, headers: Mapping[str, str], settings: SourceSettings, received_at: datetime
) -> tuple[Change, ...]:
    """Turn one event into changes; raise Invalid where it cannot be understood."""
    payload = read_object(body)
    name = (short_of(header(headers, EVENT), field=EVENT) or "").lower()
    if not name:
        raise Invalid(f"header {EVENT} is missing: it alone says what happened", field=EVENT)
    event = _Event(name, payload, settings, received_at)
    if name == "satisfaction.ratings":
        return _rated(event)
    if not name.startswith("convo."):
        return (FeedbackChange(action=Action.IGNORE),)
    return _HANDLERS.get(name, _updated)(event)


@dataclass(frozen=True, slots=True)
class _Event:
    """One event: its name and the conversation (or rating) as it now is."""

    name: str
    payload: JsonObject
    settings: SourceSettings
    received_at: datetime

    def time(self, value: object, field: str) -> datetime | None:
        """Read a time, ISO 8601."""
        return past_instant_of(value, field=field, received_at=self.received_at, zone=self.settings.zone)

    def bare(self, action: Action, **more: str | None) -> FeedbackChange:
        """Return a change that says nothing about the conversation."""
        return FeedbackChange(
            action=action,
            external_id=more.get("external_id") or require_id(self.payload.get("id"), field="id"),
            message_id=more.get("message_id"),
            merged_into=more.get("merged_into"),
        )

    def record(self) -> FeedbackChange:
        """Return what the event says about the conversation, without any text but the subject."""
        given = self.payload
        customer = object_or_empty(given.get("primaryCustomer"), field="primaryCustomer")
        fields = _custom_fields(given.get("customFields"))
        tags = names_of(given, "tags", field="tags", called=("tag", "name"))
        return replace(
            self.bare(Action.UPDATE_STATUS),
            occurred_at=_latest(self),
            created_at=self.time(given.get("createdAt"), "createdAt"),
            updated_at=self.time(given.get("userUpdatedAt"), "userUpdatedAt"),
            subject=text_of(given.get("subject"), field="subject"),
            customer_id=id_of(customer.get("id"), field="primaryCustomer.id"),
            customer_email=short_of(customer.get("email"), field="primaryCustomer.email"),
            account_id=fields.get("account"),
            plan=(fields.get("plan") or "")[:100] or tagged(tags, self.settings.plan_tag_prefix),
            channel=channel_of(given.get("type"), field="type"),
            tags=tags,
            product_area=fields.get("area") or tagged(tags, self.settings.area_tag_prefix),
            language=language_of(fields.get("language"), field="customFields.text"),
            status=status_of(given.get("status"), field="status", words=self.settings.statuses),
            brand=fields.get("brand"),
            group=first_of(given, "mailboxId", "mailbox.id"),
            form=fields.get("form"),
            spam=_is_spam(self),
        )


def _latest(event: _Event) -> datetime | None:
    """Return the newest time the conversation names: no event carries the time at which it happened."""
    waiting = object_or_empty(event.payload.get("customerWaitingSince"), field="customerWaitingSince")
    times = [
        event.time(waiting.get("time"), "customerWaitingSince.time"),
        *(event.time(event.payload.get(name), name) for name in ("createdAt", "userUpdatedAt", "closedAt")),
    ]
    return max((each for each in times if each is not None), default=None)


def _custom_fields(value: object) -> dict[str, str]:
    """Return plan, account and area from custom fields with such names; `text` is the label, `value` may be an
    option's id."""
    found: dict[str, str] = {}
    for each in value if isinstance(value, list) else []:
        if not isinstance(each, dict):
            continue
        name = (short_of(each.get("name"), field="customFields.name") or "").lower()
        text = short_of(first(each, ("text", "value"))[1], field="customFields.text")
        if text and name in _CUSTOM_FIELDS:
            found.setdefault(_CUSTOM_FIELDS[name], text)
    return found


def _threads(event: _Event) -> list[JsonObject]:
    embedded = object_or_empty(event.payload.get("_embedded"), field="_embedded").get("threads")
    found = embedded if isinstance(embedded, list) else []
    return [each for each in found[:MAX_THREADS] if isinstance(each, dict)]


def _messages(event: _Event, record: FeedbackChange) -> list[FeedbackChange]:
    """Return the published threads of customers, and a call that staff wrote down, newest first."""
    found = [_message(event, record, each) for each in _threads(event)]
    kept = [each for each in found if each is not None and each.makes_item]
    return sorted(kept, key=lambda each: each.occurred_at or event.received_at, reverse=True)


def _message(event: _Event, record: FeedbackChange, thread: JsonObject) -> FeedbackChange | None:
    kind = (short_of(thread.get("type"), field="threads.type") or "").lower()
    state = (short_of(thread.get("state"), field="threads.state") or "published").lower()
    if kind in _OTHER_TYPES or state != "published":
        return None
    author = object_or_empty(thread.get("createdBy"), field="threads.createdBy")
    by = (short_of(author.get("type"), field="threads.createdBy.type") or kind).lower()
    written_at = event.time(thread.get("createdAt"), "threads.createdAt")
    opens = written_at is not None and written_at == record.created_at
    is_theirs = by == "customer" and kind != "message"
    customer, email = _person(author, record, is_theirs=is_theirs)
    return replace(
        record,
        action=Action.UPSERT if opens else Action.APPEND_MESSAGE,
        message_id=FIRST_MESSAGE if opens else require_id(thread.get("id"), field="threads.id"),
        occurred_at=written_at,
        updated_at=_shown_at(event, record, thread),
        body=said_text(thread, "body", field="threads.body"),
        body_is_html=True,
        author_role=AuthorRole.CUSTOMER if is_theirs else AuthorRole.AGENT,
        relayed=kind == "phone" and not is_theirs,
        customer_id=customer,
        customer_email=email,
    )


def _shown_at(event: _Event, record: FeedbackChange, thread: JsonObject) -> datetime | None:
    """Return how new a thread's text is: as new as the conversation that shows it, for threads tell of no edit.

    Where one tells of it all the same, the later of the two.
    """
    edited_at = event.time(thread.get("updatedAt"), "threads.updatedAt")
    return max((each for each in (edited_at, record.occurred_at) if each is not None), default=None)


def _person(author: JsonObject, record: FeedbackChange, *, is_theirs: bool) -> tuple[str | None, str | None]:
    """Return (id, e-mail) of who wrote a thread: in a conversation of several not always the primary customer."""
    customer = id_of(author.get("id"), field="threads.createdBy.id") if is_theirs else None
    if customer in (None, record.customer_id):
        return record.customer_id, record.customer_email
    return customer, short_of(author.get("email"), field="threads.createdBy.email")


def _is_gone(event: _Event) -> bool:
    return (short_of(event.payload.get("state"), field="state") or "").lower() == "deleted"


def _is_spam(event: _Event) -> bool | None:
    status = short_of(event.payload.get("status"), field="status")
    return None if status is None else status.lower() == "spam"


def _spoke(event: _Event) -> tuple[Change, ...]:
    """A customer wrote. What was deleted meanwhile is left alone."""
    if _is_gone(event):
        return (event.bare(Action.IGNORE),)
    record, threads = event.record(), _threads(event)
    messages = _messages(event, record)
    if messages or threads:
        return tuple(messages) or (record,)
    return *_preview(event, record), event.bare(Action.FETCH)


def _preview(event: _Event, record: FeedbackChange) -> tuple[Change, ...]:
    """Return what is known without threads: of a customer's new conversation its beginning, else attributes.

    A beginning never takes the place of a whole text.
    """
    author = object_or_empty(event.payload.get("createdBy"), field="createdBy")
    text = text_of(event.payload.get("preview"), field="preview")
    if event.name != "convo.created" or author.get("type") != "customer" or not text:
        return (record,)
    role = AuthorRole.CUSTOMER
    beginning = replace(
        record,
        action=Action.UPSERT,
        message_id=FIRST_MESSAGE,
        body=text,
        author_role=role,
        fallback=True,
    )
    return (beginning,)


def _updated(event: _Event) -> tuple[Change, ...]:
    """Any other event: attributes as they now are, and the customer's threads for the case that one was lost."""
    if _is_gone(event):
        return (event.bare(Action.DELETE),)
    record = event.record()
    return record, *_messages(event, record)


def _deleted(event: _Event) -> tuple[Change, ...]:
    return (event.bare(Action.DELETE),)


def _merged(event: _Event) -> tuple[Change, ...]:
    """The body is the survivor; what became part of it is named by its line items, if at all.

    Where it is not named the survivor's threads are left out: they may be stored under the other conversation.
    """
    survivor = require_id(event.payload.get("id"), field="id")
    gone = dict.fromkeys(
        each for thread in _threads(event) for each in _merged_ids(thread) if each != survivor
    )
    merges = [event.bare(Action.MERGE, external_id=each, merged_into=survivor) for each in gone]
    return (*merges, *_updated(event)) if merges else (event.record(),)


def _merged_ids(thread: JsonObject) -> list[str]:
    action = object_or_empty(thread.get("action"), field="threads.action")
    found: list[object] = []
    if action.get("type") == "merged":
        entities = object_or_empty(
            action.get("associatedEntities"), field="threads.action.associatedEntities"
        )
        found = [first(entities, ("originalConversation", "conversation", "mergedConversation"))[1]]
    elif thread.get("actionType") == "merged":
        found = [thread.get("actionSourceId")]
    ids = (id_of(each, field="threads.action") for each in found)
    return [each for each in ids if each is not None]


def _rated(event: _Event) -> tuple[Change, ...]:
    """Set the record's rating (bad, okay, great); what the customer wrote beside it is a message of its own."""
    name, ticket = first(event.payload, ("conversationId", "ticketId"))
    word = (short_of(event.payload.get("rating"), field="rating") or "").lower()
    value = _RATINGS.get(word)
    found, when = first(event.payload, ("modifiedAt", "createdAt"))
    customer = object_or_empty(event.payload.get("customer"), field="customer")
    rated = FeedbackChange(
        action=Action.UPDATE_STATUS,
        external_id=require_id(ticket, field=name),
        occurred_at=event.time(when, found),
        customer_id=id_of(customer.get("id"), field="customer.id"),
        customer_email=short_of(customer.get("email"), field="customer.email"),
        rating=None if value is None else Rating(value, scale_min=1, scale_max=3, kind=RatingKind.CSAT),
    )
    comment = text_of(event.payload.get("comments"), field="comments") or ""
    if not comment.strip():
        return (rated,)
    said = replace(
        rated,
        action=Action.APPEND_MESSAGE,
        message_id=f"rating:{require_id(event.payload.get('id'), field='id')}",
        body=comment,
        author_role=AuthorRole.CUSTOMER,
    )
    return rated, said


_HANDLERS: Mapping[str, Callable[[_Event], tuple[Change, ...]]] = {
    "convo.created": _spoke,
    "convo.ai-answers.created": _spoke,
    "convo.customer.reply.created": _spoke,
    "convo.deleted": _deleted,
    "convo.merged": _merged,
}

_TELLS: Mapping[Fact, str] = {
    Fact.BRAND: "custom field *Brand* or *Product*",
    Fact.GROUP: "`mailboxId`",
    Fact.FORM: "custom field *Form* or *Request type*",
    Fact.TAG: "`tags`",
    Fact.CHANNEL: "`type`",
    Fact.LANGUAGE: "custom field *Language* or *Locale*",
    Fact.PRODUCT_AREA: "custom field *Product area*, *Area*, *Component* or *Feature*; a tag",
    Fact.PLAN: "custom field *Plan*, *Tier* or *Subscription*; a tag",
    Fact.ACCOUNT: "custom field *Account*, *Account ID*, *Company* or *Company ID*",
    Fact.SPAM: "`status` spam",
    Fact.DOMAIN: "`primaryCustomer.email`, a thread's `createdBy.email`",
}

SOURCE = Source(
    kind="helpscout",
    title="Help Scout",
    schemes=("helpscout",),
    delivery_key=delivery_key,
    parse=parse,
    kept_headers=(EVENT,),
    tells=_TELLS,
)
