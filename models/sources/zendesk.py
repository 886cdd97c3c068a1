"""Zendesk: ticket events (event-subscribed webhooks) and the trigger template that our documentation offers.

Which message is which. A ticket's description is its first comment, and Zendesk announces it twice:
`ticket.created` carries it as `detail.description` without a comment id, and the `ticket.comment_added` of
the same action carries it again with one. Both become message `FIRST_MESSAGE`: a comment whose text equals
the description is the description. Every other comment is a message under its own comment id. So (source,
ticket id, message id) is the key, and whichever event arrives first, or twice, nothing doubles.

An event about a ticket we have not seen also carries the description in `detail`: it follows as a `fallback`
change that creates the first message only if that is neither stored nor gone. So a staff reply or a status
change still brings in the customer's opening text. Redactions and deletions never do.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from models.errors import Invalid
from models.sources.paths import first_of, mapped, spam_of
from models.sources.payload import (
    JsonObject,
    channel_of,
    first,
    flag_of,
    id_of,
    language_of,
    names_of,
    object_or_empty,
    plan_of,
    read_object,
    require_id,
    said_text,
    short_of,
    status_of,
    tags_of,
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

INVOCATION = "X-Zendesk-Webhook-Invocation-Id"
_PREFIX = "zen:event-type:"
CALL = "phone"
"""Channel of calls, which staff write down."""
_SATISFACTION = {"good": 1.0, "bad": 0.0}


def delivery_key(headers: Mapping[str, str], body: bytes) -> str:
    """Return the event's id; for a trigger, which has none, the id of the invocation (the same on a
    retry)."""
    try:
        payload = read_object(body)
        # A trigger's body is the administrator's own: its "id" would be the ticket's, alike in every update.
        event = id_of(payload.get("id"), field="id") if "type" in payload else None
    except Invalid:
        event = None
    key = event or header(headers, INVOCATION)
    return bounded_key(key) if key else body_key(body)


def parse(
    body: bytes, *, headers: Mapping[str, str], settings: SourceSettings, received_at: datetime
) -> tuple[Change, ...]:
    """Turn one ticket event or trigger call into changes; raise Invalid where it cannot be understood."""
    payload = read_object(body)
    if "type" not in payload:
        return (_from_trigger(payload, headers=headers, settings=settings, received_at=received_at),)
    kind = require_id(payload["type"], field="type").removeprefix(_PREFIX)
    event_id = id_of(payload.get("id"), field="id")
    if not kind.startswith(("ticket.", "messaging_ticket.")):
        return (FeedbackChange(action=Action.IGNORE, event_id=event_id),)
    event = _event(payload, kind=kind, event_id=event_id, settings=settings, received_at=received_at)
    return _HANDLERS.get(kind, _updated)(event)


@dataclass(frozen=True, slots=True)
class _Event:
    """A ticket event taken apart. `ticket` holds what `detail` says about the ticket, whatever the event
    is."""

    external_id: str
    event_id: str | None
    occurred_at: datetime | None
    received_at: datetime
    detail: JsonObject
    body: JsonObject
    ticket: Callable[[], FeedbackChange]

    def bare(self, action: Action, **more: str | None) -> FeedbackChange:
        """Return a change that says nothing about the ticket: `detail` still holds text that must go."""
        return FeedbackChange(
            action=action,
            external_id=self.external_id,
            event_id=self.event_id,
            occurred_at=self.occurred_at,
            message_id=more.get("message_id"),
            merged_into=more.get("merged_into"),
        )


def _event(
    payload: JsonObject,
    *,
    kind: str,
    event_id: str | None,
    settings: SourceSettings,
    received_at: datetime,
) -> _Event:
    detail = object_or_empty(payload.get("detail"), field="detail")
    about = text_of(payload.get("subject"), field="subject") or ""
    external_id = require_id(detail.get("id") or about.removeprefix("zen:ticket:"), field="detail.id")
    occurred_at = past_instant_of(payload.get("time"), field="time", received_at=received_at)

    def ticket() -> FeedbackChange:
        known = FeedbackChange(
            action=Action.UPDATE_STATUS, external_id=external_id, event_id=event_id, occurred_at=occurred_at
        )
        return _ticket(known, detail, settings=settings, received_at=received_at)

    return _Event(
        external_id=external_id,
        event_id=event_id,
        occurred_at=occurred_at,
        received_at=received_at,
        detail=detail,
        body=object_or_empty(payload.get("event"), field="event"),
        ticket=ticket,
    )


def _ticket(
    known: FeedbackChange, detail: JsonObject, *, settings: SourceSettings, received_at: datetime
) -> FeedbackChange:
    """Fill in what an event's `detail` says about its ticket, without any text but the subject."""
    via = object_or_empty(detail.get("via"), field="detail.via")
    tags = names_of(detail, "tags", field="detail.tags", separator=None)
    found = replace(
        known,
        created_at=past_instant_of(
            detail.get("created_at"), field="detail.created_at", received_at=received_at
        ),
        updated_at=past_instant_of(
            detail.get("updated_at"), field="detail.updated_at", received_at=received_at
        ),
        subject=text_of(detail.get("subject"), field="detail.subject"),
        customer_id=id_of(detail.get("requester_id"), field="detail.requester_id"),
        account_id=id_of(detail.get("organization_id"), field="detail.organization_id"),
        channel=channel_of(via.get("channel"), field="detail.via.channel"),
        tags=tags,
        plan=tagged(tags, settings.plan_tag_prefix),
        product_area=tagged(tags, settings.area_tag_prefix),
        status=status_of(detail.get("status"), field="detail.status", words=settings.statuses),
        brand=first_of(detail, "brand_id", "brand"),
        group=first_of(detail, "group_id", "group"),
        form=first_of(detail, "ticket_form_id", "form_id", "form"),
    )
    return mapped(found, detail, settings.fields)


def _first_message(event: _Event, action: Action, *, opened_for: str | None = None) -> FeedbackChange:
    """Return the ticket's description as message FIRST_MESSAGE; an event without one leaves the stored text.

    A ticket submitted by somebody else than its requester (`opened_for`, where that was another than now) was written
    down by staff, as is a call.
    """
    submitter = id_of(event.detail.get("submitter_id"), field="detail.submitter_id")
    ticket = event.ticket()
    requester = opened_for or ticket.customer_id
    is_other = None not in (submitter, requester) and submitter != requester
    relayed = is_other or ticket.channel == CALL
    return replace(
        ticket,
        action=action,
        message_id=FIRST_MESSAGE,
        body=said_text(event.detail, "description", field="detail.description"),
        author_role=AuthorRole.AGENT if relayed else AuthorRole.CUSTOMER,
        relayed=relayed,
        is_public=flag_of(event.detail.get("is_public"), field="detail.is_public"),
    )


def _with_parent(event: _Event, change: FeedbackChange) -> tuple[Change, ...]:
    """Add the first message for the case that it is not stored."""
    if event.detail.get("description") is None:
        return (change,)
    return change, replace(_first_message(event, Action.UPSERT), fallback=True)


def _created(event: _Event) -> tuple[Change, ...]:
    return (_first_message(event, Action.UPSERT),)


def _requester_changed(event: _Event) -> tuple[Change, ...]:
    """The description is the new requester's from now on; comments stay their authors'."""
    before = id_of(event.body.get("previous"), field="event.previous")
    return (_first_message(event, Action.UPSERT, opened_for=before),)


def _undeleted(event: _Event) -> tuple[Change, ...]:
    """The ticket comes back; a comment of it that was made private before, the description too, does not."""
    return replace(event.ticket(), action=Action.RESTORE), _first_message(event, Action.UPSERT)


def _deleted(event: _Event) -> tuple[Change, ...]:
    return (event.bare(Action.DELETE),)


def _ignored(event: _Event) -> tuple[Change, ...]:
    return (event.bare(Action.IGNORE),)


def _updated(event: _Event) -> tuple[Change, ...]:
    """Any other ticket event: `detail` is the ticket as it now is."""
    return _with_parent(event, event.ticket())


def _comment(event: _Event) -> JsonObject:
    return object_or_empty(event.body.get("comment"), field="event.comment")


def _comment_id(event: _Event) -> str | None:
    return id_of(_comment(event).get("id"), field="event.comment.id")


def _redacted(event: _Event) -> tuple[Change, ...]:
    return (event.bare(Action.REDACT, message_id=_comment_id(event)),)


def _made_private(event: _Event) -> tuple[Change, ...]:
    """Staff withdrew a comment from the customer's view: it is no longer feedback."""
    message_id = _comment_id(event)
    return _deleted_message(event, message_id) if message_id else _ignored(event)


def _deleted_message(event: _Event, message_id: str) -> tuple[Change, ...]:
    return (event.bare(Action.DELETE, message_id=message_id),)


def _merged(event: _Event) -> tuple[Change, ...]:
    """The vendor's property list does not show where the survivor's id stands: take any of the usual
    names."""
    name, target = first(event.body, ("target_ticket_id", "merged_into_id", "current", "ticket_id"))
    return (event.bare(Action.MERGE, merged_into=id_of(target, field=f"event.{name}")),)


def _commented(event: _Event) -> tuple[Change, ...]:
    comment = _comment(event)
    author = object_or_empty(comment.get("author"), field="event.comment.author")
    staff = flag_of(author.get("is_staff"), field="event.comment.author.is_staff")
    text = said_text(comment, "body", field="event.comment.body")
    public = flag_of(comment.get("is_public"), field="event.comment.is_public")
    description = text_of(event.detail.get("description"), field="detail.description")
    if None not in (text, description) and (text or "").split() == (description or "").split():
        opener = replace(_first_message(event, Action.UPSERT), is_public=public, opener_id=_comment_id(event))
        return (opener,)
    ticket = event.ticket()
    # Somebody in copy is another person than the requester, whose ticket the staff answer.
    writer = None if staff else id_of(author.get("id"), field="event.comment.author.id")
    added = replace(
        ticket,
        action=Action.APPEND_MESSAGE,
        message_id=require_id(comment.get("id"), field="event.comment.id"),
        body=text,
        author_role=AuthorRole.AGENT if staff else AuthorRole.CUSTOMER,
        customer_id=writer or ticket.customer_id,
        is_public=public,
    )
    return _with_parent(event, added)


def _messaged(event: _Event) -> tuple[Change, ...]:
    """A messaging ticket's event is skinny: `detail` holds the id alone, the text and its author are in
    `event`."""
    message = object_or_empty(event.body.get("message"), field="event.message")
    actor = object_or_empty(event.body.get("actor"), field="event.actor")
    kind = (short_of(actor.get("type"), field="event.actor.type") or "").lower()
    roles = {"end_user": AuthorRole.CUSTOMER, "user": AuthorRole.CUSTOMER, "agent": AuthorRole.AGENT}
    added = replace(
        event.ticket(),
        action=Action.APPEND_MESSAGE,
        message_id=require_id(message.get("id") or event.event_id, field="event.message.id"),
        body=said_text(message, "body", field="event.message.body"),
        author_role=roles.get(kind, AuthorRole.BOT),
        channel="chat",
    )
    return (added,)


_HANDLERS: Mapping[str, Callable[[_Event], tuple[Change, ...]]] = {
    "ticket.created": _created,
    "ticket.description_changed": _created,
    "ticket.requester_changed": _requester_changed,
    "ticket.comment_added": _commented,
    "ticket.comment_redacted": _redacted,
    "ticket.comment_made_private": _made_private,
    "ticket.attachment_redacted_from_comment": _ignored,
    "ticket.attachment_linked_to_comment": _ignored,
    "ticket.soft_deleted": _deleted,
    "ticket.permanently_deleted": _deleted,
    "ticket.marked_as_spam": _deleted,
    "ticket.undeleted": _undeleted,
    "ticket.merged": _merged,
    "messaging_ticket.message_added": _messaged,
}


def _from_trigger(
    payload: JsonObject, *, headers: Mapping[str, str], settings: SourceSettings, received_at: datetime
) -> FeedbackChange:
    """Read the body that an administrator's trigger writes, after our template; empty placeholders say
    nothing."""
    name, ticket_id = first(payload, ("ticket_id", "id"))
    if ticket_id is None:
        raise Invalid(
            "neither a ticket event nor our trigger template: send type and detail, or ticket_id",
            field="ticket_id",
        )
    tags = tags_of(payload.get("tags"), field="tags", separator=None)
    account_name, account = first(payload, ("organization_external_id", "organization"))
    channel = channel_of(payload.get("channel"), field="channel")
    change = FeedbackChange(
        action=Action.UPSERT,
        external_id=require_id(ticket_id, field=name),
        message_id=FIRST_MESSAGE,
        event_id=short_of(header(headers, INVOCATION), field=INVOCATION),
        created_at=past_instant_of(payload.get("created_at"), field="created_at", received_at=received_at),
        updated_at=past_instant_of(payload.get("updated_at"), field="updated_at", received_at=received_at),
        subject=text_of(payload.get("subject"), field="subject"),
        body=text_of(payload.get("description"), field="description") or None,
        author_role=AuthorRole.AGENT if channel == CALL else AuthorRole.CUSTOMER,
        relayed=channel == CALL,
        customer_id=id_of(payload.get("requester_id"), field="requester_id"),
        customer_email=short_of(payload.get("requester_email"), field="requester_email"),
        account_id=id_of(account, field=account_name),
        plan=plan_of(payload.get("plan"), field="plan") or tagged(tags, settings.plan_tag_prefix),
        channel=channel,
        language=language_of(payload.get("requester_locale"), field="requester_locale"),
        tags=tags,
        product_area=short_of(payload.get("product_area"), field="product_area")
        or tagged(tags, settings.area_tag_prefix),
        status=status_of(payload.get("status"), field="status", words=settings.statuses),
        rating=_satisfaction(payload),
        brand=first_of(payload, "brand"),
        group=first_of(payload, "group"),
        form=first_of(payload, "form", "ticket_form"),
        spam=spam_of(payload, "spam"),
    )
    return mapped(change, payload, settings.fields)


def _satisfaction(payload: JsonObject) -> Rating | None:
    """Zendesk's own survey knows good and bad ("Good with comment"); "Unoffered" and "Offered" are no
    answers."""
    words = (short_of(payload.get("satisfaction"), field="satisfaction") or "").lower().split()
    value = _SATISFACTION.get(words[0]) if words else None
    return None if value is None else Rating(value=value, scale_min=0, scale_max=1, kind=RatingKind.CSAT)


_TELLS: Mapping[Fact, str] = {
    Fact.BRAND: "`brand_id`; trigger: `brand`",
    Fact.GROUP: "`group_id`; trigger: `group`",
    Fact.FORM: "`form_id`; trigger: `form`",
    Fact.TAG: "`tags`",
    Fact.CHANNEL: "`via.channel`; trigger: `channel`",
    Fact.LANGUAGE: "trigger: `requester_locale`",
    Fact.PRODUCT_AREA: "a tag; trigger: `product_area`",
    Fact.PLAN: "a tag; trigger: `plan`",
    Fact.ACCOUNT: "`organization_id`; trigger: `organization_external_id`, `organization`",
    Fact.SPAM: "trigger: `spam`",
    Fact.DOMAIN: "trigger: `requester_email`",
}

SOURCE = Source(
    kind="zendesk",
    title="Zendesk Support",
    schemes=("zendesk",),
    delivery_key=delivery_key,
    parse=parse,
    kept_headers=(INVOCATION,),
    tells=_TELLS,
)
