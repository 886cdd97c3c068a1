"""Linear: issues, their comments, and customer requests (which Linear calls customer needs).

A customer's own words are a `CustomerNeed`: a record of its own, of the customer's account. An issue is written by
staff: an item with `author_role: agent`, counted only if the source's settings say so; comments make no item. A need
without text says only that one more customer wants the issue: a vote for it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from models.sources.markdown import plain_markdown
from models.sources.paths import first_of
from models.sources.payload import (
    JsonObject,
    flag_of,
    id_of,
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
from models.sources.source import Source, SourceSettings, key_from, tagged
from models.sources.times import past_instant_of
from models.values.feedback import FIRST_MESSAGE, Action, AuthorRole, Change, FeedbackChange, Status

DELIVERY = "Linear-Delivery"
CHANNEL = "linear"

_STATUSES = {
    **dict.fromkeys(("triage", "backlog", "unstarted", "started"), Status.OPEN),
    "completed": Status.RESOLVED,
    **dict.fromkeys(("canceled", "cancelled", "duplicate"), Status.CLOSED),
}


def parse(
    body: bytes, *, headers: Mapping[str, str], settings: SourceSettings, received_at: datetime
) -> tuple[Change, ...]:
    """Turn one event into changes; raise Invalid where it cannot be understood."""
    payload = read_object(body)
    event_id = short_of(header(headers, DELIVERY), field=DELIVERY)
    handler = _HANDLERS.get(require_id(payload.get("type"), field="type"))
    if handler is None:
        return (FeedbackChange(action=Action.IGNORE, event_id=event_id),)
    data = object_or_empty(payload.get("data"), field="data")
    action = require_id(payload.get("action"), field="action").lower()
    return handler(_Event(action, event_id, data, payload, settings, received_at))


@dataclass(frozen=True, slots=True)
class _Event:
    """An event taken apart: `data` is the entity as it now is, `action` create, update or remove."""

    action: str
    event_id: str | None
    data: JsonObject
    payload: JsonObject
    settings: SourceSettings
    received_at: datetime

    def time(self, value: object, field: str) -> datetime | None:
        """Read a time, ISO 8601."""
        return past_instant_of(value, field=field, received_at=self.received_at)

    def text(self, name: str) -> str | None:
        """Read a Markdown text of the entity, null as an empty one; None where the event does not tell it."""
        text = said_text(self.data, name, field=f"data.{name}")
        return None if text is None else plain_markdown(text)

    @property
    def id(self) -> str:
        """Return the entity's id."""
        return require_id(self.data.get("id"), field="data.id")

    @property
    def before(self) -> JsonObject:
        """Return the old values of what an update changed."""
        return object_or_empty(self.payload.get("updatedFrom"), field="updatedFrom")

    def bare(self, action: Action, *, external_id: str | None = None) -> FeedbackChange:
        """Return a change that says nothing about the entity."""
        return FeedbackChange(
            action=action,
            external_id=external_id or self.id,
            event_id=self.event_id,
            occurred_at=self.time(self.payload.get("createdAt"), "createdAt"),
        )

    def dated(self, change: FeedbackChange) -> FeedbackChange:
        """Add the entity's own times and the channel."""
        return replace(
            change,
            created_at=self.time(self.data.get("createdAt"), "data.createdAt"),
            updated_at=self.time(self.data.get("updatedAt"), "data.updatedAt"),
            channel=CHANNEL,
        )


def _is_removed(event: _Event) -> bool:
    trashed = flag_of(event.data.get("trashed"), field="data.trashed")
    return event.action == "remove" or trashed is True


def _is_restored(event: _Event) -> bool:
    return event.action == "restore" or event.before.get("trashed") is True


def _issue(event: _Event) -> tuple[Change, ...]:
    if _is_removed(event):
        return (event.bare(Action.DELETE),)
    issue = _issue_record(event)
    opening = _issue_text(event, issue)
    if _is_restored(event):
        return (replace(opening, action=Action.RESTORE),)
    if event.action == "create" or {"description", "title"} & set(event.before):
        return (opening,)
    return issue, replace(opening, fallback=True)


def _issue_record(event: _Event) -> FeedbackChange:
    """Return what the event says about the issue, without any text but the title."""
    data = event.data
    tags = names_of(data, "labels", field="data.labels")
    project = object_or_empty(data.get("project"), field="data.project")
    name = short_of(project.get("name"), field="data.project.name")
    return replace(
        event.dated(event.bare(Action.UPDATE_STATUS)),
        subject=text_of(data.get("title"), field="data.title"),
        tags=tags,
        plan=tagged(tags, event.settings.plan_tag_prefix),
        product_area=tagged(tags, event.settings.area_tag_prefix) or name,
        status=_status(event),
        group=first_of(data, "team"),
    )


def _issue_text(event: _Event, issue: FeedbackChange) -> FeedbackChange:
    """Return the description: staff's report of what a customer wants, or an integration's own text."""
    is_bot = bool(event.data.get("botActor"))
    return replace(
        issue,
        action=Action.UPSERT,
        message_id=FIRST_MESSAGE,
        body=event.text("description"),
        author_role=AuthorRole.BOT if is_bot else AuthorRole.AGENT,
        relayed=not is_bot,
    )


def _status(event: _Event) -> Status | None:
    """Read the state: a team's own name first where the settings know it, else the type that all teams share."""
    state = object_or_empty(event.data.get("state"), field="data.state")
    name = (short_of(state.get("name"), field="data.state.name") or "").lower()
    own = event.settings.statuses.get(name)
    return own or status_of(state.get("type"), field="data.state.type", words=_STATUSES)


def _comment(event: _Event) -> tuple[Change, ...]:
    """A comment is staff's own, also one that was synchronised from a colleague's chat: it makes no item."""
    issue = object_or_empty(event.data.get("issue"), field="data.issue")
    parent = id_of(event.data.get("issueId") or issue.get("id"), field="data.issueId")
    if parent is None:
        return (FeedbackChange(action=Action.IGNORE, event_id=event.event_id),)
    bare = replace(event.bare(Action.DELETE, external_id=parent), message_id=event.id)
    if _is_removed(event):
        return (bare,)
    is_bot = bool(event.data.get("botActor"))
    said = replace(
        event.dated(bare),
        action=Action.APPEND_MESSAGE,
        body=event.text("body"),
        author_role=AuthorRole.BOT if is_bot else AuthorRole.AGENT,
    )
    return (said,)


def _need(event: _Event) -> tuple[Change, ...]:
    if _is_removed(event):
        return (event.bare(Action.DELETE),)
    customer = object_or_empty(event.data.get("customer"), field="data.customer")
    issue = object_or_empty(event.data.get("issue"), field="data.issue")
    account = id_of(event.data.get("customerId") or customer.get("id"), field="data.customerId")
    text = event.text("body") or ""
    if not text.strip() and not _is_emptied(event):
        return (_vote(event, issue, account),)
    need = replace(
        event.dated(event.bare(Action.UPSERT)),
        message_id=FIRST_MESSAGE,
        subject=text_of(issue.get("title"), field="data.issue.title"),
        body=text,
        author_role=AuthorRole.CUSTOMER,
        account_id=account,
        product_area=first_of(event.data, "project"),
        group=first_of(issue, "team"),
        customer_domain=first_of(customer, "domains"),
    )
    return (replace(need, action=Action.RESTORE) if _is_restored(event) else need,)


def _is_emptied(event: _Event) -> bool:
    """Say whether an update took the words of a request away; what had none before is a vote."""
    before = text_of(event.before.get("body"), field="updatedFrom.body") or ""
    return "body" in event.data and bool(before.strip())


def _vote(event: _Event, issue: JsonObject, account: str | None) -> FeedbackChange:
    target = id_of(event.data.get("issueId") or issue.get("id"), field="data.issueId")
    if target is None or event.action != "create":
        return replace(event.bare(Action.IGNORE), external_id=None)
    # Linear names the company and nobody in it: the company is who votes.
    vote = event.dated(event.bare(Action.VOTE, external_id=target))
    return replace(vote, account_id=account, customer_id=account)


_HANDLERS: Mapping[str, Callable[[_Event], tuple[Change, ...]]] = {
    "Issue": _issue,
    "Comment": _comment,
    "CustomerNeed": _need,
}

_TELLS: Mapping[Fact, str] = {
    Fact.GROUP: "`team.name`; of a request that of its issue",
    Fact.TAG: "`labels`",
    Fact.CHANNEL: "always `linear`",
    Fact.PRODUCT_AREA: "`project.name`; a label",
    Fact.PLAN: "a label",
    Fact.ACCOUNT: "a request's `customerId`",
    Fact.DOMAIN: "the first of a request's `customer.domains`",
}

SOURCE = Source(
    kind="linear",
    title="Linear",
    schemes=("linear",),
    # `webhookId` in the body names the webhook and is the same in all of them.
    delivery_key=key_from(DELIVERY),
    parse=parse,
    kept_headers=(DELIVERY,),
    tells=_TELLS,
)
