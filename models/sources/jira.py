"""Jira and Jira Service Management: webhooks of issues, comments and versions.

An issue's description is message `FIRST_MESSAGE` of the record named by the issue's id (its key changes when it is
moved); a comment is a message under its own id. Texts come as wiki markup or as a document, by API version.

Who is a customer: an account of type `customer` (the help centre's portal). Where the payload names no type, the
reporter is the customer and everybody else is staff. An issue that staff opened for a customer, or reported
themselves, is relayed: an item with author_role agent, counted only where the source's setting says so. Internal
comments (`jsdPublic` false) are no items.

`jira:version_released` becomes a release at the time of the event: the date in it is typed by a person.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from models.errors import Invalid
from models.sources.jira_text import text_in
from models.sources.paths import first_of
from models.sources.payload import (
    MAX_NAME_CHARS,
    MAX_PLAN_CHARS,
    JsonObject,
    flag_of,
    id_of,
    names_of,
    object_or_empty,
    read_object,
    require_id,
    require_object,
    short_of,
    status_of,
    text_of,
)
from models.sources.scope import Fact
from models.sources.signature import header
from models.sources.source import Source, SourceSettings, key_from, tagged
from models.sources.times import past_instant_of
from models.values.feedback import (
    FIRST_MESSAGE,
    Action,
    AuthorRole,
    Change,
    FeedbackChange,
    ReleaseChange,
    Status,
)

IDENTIFIER = "X-Atlassian-Webhook-Identifier"

_CATEGORIES: Mapping[str, Status] = {
    "new": Status.OPEN,
    "undefined": Status.OPEN,
    "indeterminate": Status.OPEN,
    "done": Status.RESOLVED,
}
_STATUSES: Mapping[str, Status] = {
    **dict.fromkeys(("waiting for customer", "waiting on customer", "pending customer"), Status.PENDING),
    **dict.fromkeys(("canceled", "cancelled", "won't do"), Status.CLOSED),
}
_TEXTS = frozenset({"description", "summary"})
_ORGANISATION = frozenset({"id", "name", "uuid", "self", "_links", "created", "scimManaged"})
"""Members that an entry of the Organizations field may have; sprints, versions and options have others."""
_PORTAL = "customer"


def parse(
    body: bytes, *, headers: Mapping[str, str], settings: SourceSettings, received_at: datetime
) -> tuple[Change, ...]:
    """Turn one event into changes; raise Invalid where it cannot be understood."""
    payload = read_object(body)
    name = require_id(payload.get("webhookEvent"), field="webhookEvent").removeprefix("jira:")
    event = _Event(
        name=name,
        event_id=short_of(header(headers, IDENTIFIER), field=IDENTIFIER),
        occurred_at=past_instant_of(payload.get("timestamp"), field="timestamp", received_at=received_at),
        payload=payload,
        settings=settings,
        received_at=received_at,
    )
    return _READERS.get(name, _ignored)(event)


@dataclass(frozen=True, slots=True)
class _Event:
    """An event taken apart."""

    name: str
    event_id: str | None
    occurred_at: datetime | None
    payload: JsonObject
    settings: SourceSettings
    received_at: datetime

    @property
    def issue(self) -> JsonObject:
        return require_object(self.payload.get("issue"), field="issue")

    @property
    def fields(self) -> JsonObject:
        return object_or_empty(self.issue.get("fields"), field="issue.fields")

    def at(self, value: object, *, field: str) -> datetime | None:
        return past_instant_of(value, field=field, received_at=self.received_at)

    def bare(self, action: Action, message_id: str | None = None) -> FeedbackChange:
        """Return a change that says nothing else: the payload still holds text that must go."""
        return FeedbackChange(
            action=action,
            external_id=require_id(self.issue.get("id"), field="issue.id"),
            message_id=message_id,
            event_id=self.event_id,
            occurred_at=self.occurred_at,
        )


def _state(event: _Event) -> FeedbackChange:
    """Say what the issue's fields tell, without any text but the summary. Those of a comment's event are few."""
    fields, settings = event.fields, event.settings
    tags = names_of(fields, "labels", field="issue.fields.labels")
    reporter = _person(fields.get("reporter"), field="issue.fields.reporter")
    return replace(
        event.bare(Action.UPDATE_STATUS),
        created_at=event.at(fields.get("created"), field="issue.fields.created"),
        updated_at=event.at(fields.get("updated"), field="issue.fields.updated"),
        subject=text_of(fields.get("summary"), field="issue.fields.summary"),
        customer_id=reporter.id,
        account_id=_organisation(fields),
        channel="jira",
        tags=tags,
        plan=tagged(tags, settings.plan_tag_prefix),
        product_area=tagged(tags, settings.area_tag_prefix) or _component(fields),
        status=_status(fields, settings),
        group=first_of(fields, "project.key"),
        form=_request_type(fields) or first_of(fields, "issuetype.name"),
    )


@dataclass(frozen=True, slots=True)
class _Person:
    """An account as Jira names it: Cloud by `accountId` and `accountType`, Data Center by key or name."""

    id: str | None
    kind: str
    email: str | None


def _person(value: object, *, field: str) -> _Person:
    held = object_or_empty(value, field=field)
    named = held.get("accountId") or held.get("key") or held.get("name")
    return _Person(
        id=id_of(named, field=f"{field}.accountId"),
        kind=(short_of(held.get("accountType"), field=f"{field}.accountType") or "").lower(),
        email=short_of(held.get("emailAddress"), field=f"{field}.emailAddress"),
    )


def _role(author: _Person, *, is_reporter: bool) -> AuthorRole:
    if author.kind == "app":
        return AuthorRole.BOT
    if author.kind == _PORTAL or (not author.kind and is_reporter):
        return AuthorRole.CUSTOMER
    return AuthorRole.AGENT


def _organisation(fields: JsonObject) -> str | None:
    """Return the id of the customer's organisation: a custom field whose number differs per site, told by its
    shape."""
    for name, value in fields.items():
        if name.startswith("customfield_") and isinstance(value, list) and value:
            entry = value[0]
            if isinstance(entry, dict) and {"id", "name"} <= set(entry) <= _ORGANISATION:
                return id_of(entry["id"], field=f"issue.fields.{name}.id")
    return None


def _request_type(fields: JsonObject) -> str | None:
    """Return what the customer chose in the portal: a custom field whose number differs per site, told by shape."""
    held = (value for name, value in fields.items() if name.startswith("customfield_"))
    found = (first_of(value, "requestType") for value in held if isinstance(value, dict))
    return next((name for name in found if name), None)


def _component(fields: JsonObject) -> str | None:
    components = fields.get("components")
    if not isinstance(components, list) or not components:
        return None
    component = object_or_empty(components[0], field="issue.fields.components")
    return short_of(component.get("name"), field="issue.fields.components.name")


def _status(fields: JsonObject, settings: SourceSettings) -> Status | None:
    """Read the state: by the source's words, by name, else by category (names are each site's own)."""
    held = object_or_empty(fields.get("status"), field="issue.fields.status")
    words = {**_STATUSES, **settings.statuses}
    named = status_of(held.get("name"), field="issue.fields.status.name", words=words)
    category = object_or_empty(held.get("statusCategory"), field="issue.fields.status.statusCategory")
    key = short_of(category.get("key"), field="issue.fields.status.statusCategory.key") or ""
    return named or _CATEGORIES.get(key.lower())


def _opening(event: _Event) -> FeedbackChange | None:
    """Return the issue's description as the first message; None where the payload does not carry the
    issue."""
    fields = event.fields
    if "description" not in fields:
        return None
    reporter = _person(fields.get("reporter"), field="issue.fields.reporter")
    creator = _person(fields.get("creator"), field="issue.fields.creator")
    role = _role(reporter, is_reporter=True)
    if role is AuthorRole.CUSTOMER and _is_written_down(creator, reporter):
        role = AuthorRole.AGENT
    return replace(
        _state(event),
        action=Action.UPSERT,
        message_id=FIRST_MESSAGE,
        body=text_in(fields.get("description"), field="issue.fields.description") or "",
        author_role=role,
        relayed=role is AuthorRole.AGENT,
        customer_email=reporter.email,
    )


def _is_written_down(creator: _Person, reporter: _Person) -> bool:
    """Tell whether somebody of staff opened the issue for its reporter; apps (mail, forms) carry the reporter's
    own words."""
    known = None not in (creator.id, reporter.id)
    return known and creator.id != reporter.id and creator.kind not in ("app", _PORTAL)


def _created(event: _Event) -> tuple[Change, ...]:
    return (_opening(event) or replace(_state(event), action=Action.FETCH),)


def _updated(event: _Event) -> tuple[Change, ...]:
    """Read a change of an issue: of its text where the change log names it, else of its attributes."""
    opening = _opening(event)
    if opening is None:
        return (_state(event),)
    # Where only issue events are subscribed to, a comment comes along with the change it made.
    added = _commented(event) if isinstance(event.payload.get("comment"), dict) else ()
    if _changed(event) & _TEXTS:
        return opening, *added
    return *added, _state(event), replace(opening, fallback=True)


def _changed(event: _Event) -> set[str]:
    """Return the names of the fields that the change log says changed."""
    items = object_or_empty(event.payload.get("changelog"), field="changelog").get("items")
    fields = (
        [item.get("field") for item in items if isinstance(item, dict)] if isinstance(items, list) else []
    )
    return {field for field in fields if isinstance(field, str)}


def _deleted(event: _Event) -> tuple[Change, ...]:
    return (event.bare(Action.DELETE),)


def _comment(event: _Event) -> tuple[JsonObject, str]:
    comment = require_object(event.payload.get("comment"), field="comment")
    return comment, require_id(comment.get("id"), field="comment.id")


def _commented(event: _Event) -> tuple[Change, ...]:
    """Read a comment as it now stands; an edit that makes it internal takes it away, one that does not brings it."""
    comment, message_id = _comment(event)
    author = _person(comment.get("author"), field="comment.author")
    state = _state(event)
    role = _role(author, is_reporter=author.id is not None and author.id == state.customer_id)
    is_theirs = role is AuthorRole.CUSTOMER
    is_public = flag_of(comment.get("jsdPublic"), field="comment.jsdPublic")
    is_edit = event.name == "comment_updated"
    written_at = event.at(comment.get("created"), field="comment.created") or event.occurred_at
    if is_edit:
        written_at = _edited_at(event, comment)
    if is_edit and is_public is False:
        return (replace(event.bare(Action.DELETE, message_id), occurred_at=written_at),)
    return (
        replace(
            state,
            # An edit shows that the comment stands, also if it was internal before.
            action=Action.RESTORE if is_edit else Action.APPEND_MESSAGE,
            message_id=message_id,
            occurred_at=written_at,
            body=(text_in(comment["body"], field="comment.body") or "") if "body" in comment else None,
            author_role=role,
            is_public=is_public,
            customer_id=author.id if is_theirs else state.customer_id,
            customer_email=author.email if is_theirs else None,
        ),
    )


def _edited_at(event: _Event, comment: JsonObject) -> datetime | None:
    """Return when a comment was edited: a change of who may see it may leave the comment's own time as it was."""
    moments = (event.at(comment.get("updated"), field="comment.updated"), event.occurred_at)
    return max((moment for moment in moments if moment is not None), default=None)


def _comment_deleted(event: _Event) -> tuple[Change, ...]:
    _, message_id = _comment(event)
    return (event.bare(Action.DELETE, message_id),)


def _released(event: _Event) -> tuple[Change, ...]:
    held = require_object(event.payload.get("version"), field="version")
    number = require_id(held.get("id"), field="version.id")
    name = short_of(held.get("name"), field="version.name", limit=MAX_NAME_CHARS)
    if event.occurred_at is None:
        raise Invalid("timestamp is missing: a release needs its time", field="timestamp")
    return (
        ReleaseChange(
            external_id=number,
            name=name or number,
            event_id=event.event_id,
            version=(name or "")[:MAX_PLAN_CHARS] or None,
            released_at=event.occurred_at,
            description=text_in(held.get("description"), field="version.description") or None,
            product_area=id_of(held.get("projectId"), field="version.projectId"),
            release_kind="version",
        ),
    )


def _ignored(event: _Event) -> tuple[Change, ...]:
    return (FeedbackChange(action=Action.IGNORE, event_id=event.event_id),)


_READERS: Mapping[str, Callable[[_Event], tuple[Change, ...]]] = {
    "issue_created": _created,
    "issue_updated": _updated,
    "issue_deleted": _deleted,
    "comment_created": _commented,
    "comment_updated": _commented,
    "comment_deleted": _comment_deleted,
    "version_released": _released,
}

_TELLS: Mapping[Fact, str] = {
    Fact.GROUP: "`project.key`",
    Fact.FORM: "the request type of the portal, else `issuetype.name`",
    Fact.TAG: "`labels`",
    Fact.CHANNEL: "always `jira`",
    Fact.PRODUCT_AREA: "the first of `components`; a label",
    Fact.PLAN: "a label",
    Fact.ACCOUNT: "the first organisation",
    Fact.DOMAIN: "`reporter.emailAddress`, `comment.author.emailAddress`",
}

SOURCE = Source(
    kind="jira",
    title="Jira Service Management",
    schemes=("jira",),
    # The same on a retry.
    delivery_key=key_from(IDENTIFIER),
    parse=parse,
    kept_headers=(IDENTIFIER,),
    tells=_TELLS,
)
