"""GitHub: issues, their comments and discussions as feedback; releases and deployments to production as releases.

The event's name stands in `X-GitHub-Event` alone. An issue's text is message `FIRST_MESSAGE` of the record named by
the issue's global id (its number is one per repository); a comment is a message under its own id. Discussions have
ids of their own, so theirs start with "discussion:". Pull requests are not feedback.

Who is staff: `author_association` OWNER, MEMBER or COLLABORATOR. An issue that staff opened is relayed: an item,
counted only where the source's setting says so. A comment never brings in the text of an issue we have not seen:
maintainers and stale-bots walk through years of old issues, which come in full by pulling, or not at all.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import parse_qs

from models.errors import Invalid
from models.sources.paths import first_of
from models.sources.payload import (
    MAX_NAME_CHARS,
    MAX_PLAN_CHARS,
    MAX_URL_CHARS,
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
from models.sources.source import Answer, Source, SourceSettings, key_from, tagged
from models.sources.times import past_instant_of
from models.values.feedback import (
    FIRST_MESSAGE,
    Action,
    AuthorRole,
    Change,
    FeedbackChange,
    ReleaseChange,
)

EVENT = "X-GitHub-Event"
DELIVERY = "X-GitHub-Delivery"

_STAFF = frozenset({"OWNER", "MEMBER", "COLLABORATOR"})
_VERSION = re.compile(r"\D{0,20}\d+(\.\d+)+\S*")
_PRODUCTION = re.compile(r"(?:^|[^a-z])(prod|production|live)(?:$|[^a-z])")
_FORM = b"payload="


def handshake(headers: Mapping[str, str], body: bytes) -> Answer | None:
    """Answer the ping that GitHub sends when a webhook is made."""
    return Answer(body=b'{"pong":true}') if _event_name(headers) == "ping" else None


def parse(
    body: bytes, *, headers: Mapping[str, str], settings: SourceSettings, received_at: datetime
) -> tuple[Change, ...]:
    """Turn one event into changes; raise Invalid where it cannot be understood."""
    name = _event_name(headers)
    if not name:
        raise Invalid(f"header {EVENT} is missing: send GitHub's request unchanged", field=EVENT)
    event = _read(body, headers, settings, received_at)
    read = _READERS.get(name)
    return read(event) if read else event.ignored()


def _event_name(headers: Mapping[str, str]) -> str:
    return (header(headers, EVENT) or "").strip().lower()


def _payload(body: bytes) -> JsonObject:
    """Read the JSON, also where the webhook's content type is a form (the default of GitHub's page)."""
    if not body.startswith(_FORM):
        return read_object(body)
    try:
        fields = parse_qs(body.decode("ascii"), strict_parsing=True, max_num_fields=10)
        written = fields["payload"][0]
    except (LookupError, ValueError):
        raise Invalid(
            "the form cannot be read: set the webhook to application/json", field="payload"
        ) from None
    return read_object(written.encode("utf-8", "replace"))


@dataclass(frozen=True, slots=True)
class _Event:
    """An event taken apart."""

    action: str
    event_id: str | None
    payload: JsonObject
    settings: SourceSettings
    received_at: datetime

    def ignored(self) -> tuple[Change, ...]:
        return (FeedbackChange(action=Action.IGNORE, event_id=self.event_id),)

    def part(self, name: str) -> JsonObject:
        return require_object(self.payload.get(name), field=name)

    def at(self, value: object, *, field: str) -> datetime | None:
        return past_instant_of(value, field=field, received_at=self.received_at)

    def repository(self) -> str | None:
        """Return the repository as owner/name."""
        held = object_or_empty(self.payload.get("repository"), field="repository")
        return short_of(held.get("full_name"), field="repository.full_name")


def _read(body: bytes, headers: Mapping[str, str], settings: SourceSettings, received_at: datetime) -> _Event:
    payload = _payload(body)
    return _Event(
        action=short_of(payload.get("action"), field="action") or "",
        event_id=short_of(header(headers, DELIVERY), field=DELIVERY),
        payload=payload,
        settings=settings,
        received_at=received_at,
    )


@dataclass(frozen=True, slots=True)
class _Thread:
    """An issue or a discussion: what opened it, and the name of its record."""

    event: _Event
    field: str
    held: JsonObject

    @property
    def external_id(self) -> str:
        number = require_id(self.held.get("id"), field=f"{self.field}.id")
        return number if self.field == "issue" else f"{self.field}:{number}"

    def bare(self, action: Action, message_id: str | None = None) -> FeedbackChange:
        """Return a change that says nothing else: the payload still holds text that must go."""
        return FeedbackChange(
            action=action,
            external_id=self.external_id,
            message_id=message_id,
            event_id=self.event.event_id,
            occurred_at=None,
        )

    def state(self) -> FeedbackChange:
        """Say what is known of the record, without any text but its title."""
        tags = names_of(self.held, "labels", field=f"{self.field}.labels")
        settings, event = self.event.settings, self.event
        user = _user(self.held, field=self.field)
        return replace(
            self.bare(Action.UPDATE_STATUS),
            created_at=event.at(self.held.get("created_at"), field=f"{self.field}.created_at"),
            updated_at=event.at(self.held.get("updated_at"), field=f"{self.field}.updated_at"),
            subject=text_of(self.held.get("title"), field=f"{self.field}.title"),
            customer_id=id_of(user.get("id"), field=f"{self.field}.user.id"),
            channel="github",
            tags=tags,
            plan=tagged(tags, settings.plan_tag_prefix),
            product_area=tagged(tags, settings.area_tag_prefix),
            status=status_of(self.held.get("state"), field=f"{self.field}.state", words=settings.statuses),
            brand=event.repository(),
            form=first_of(self.held, "type.name", "category.name"),
        )

    def opening(self) -> FeedbackChange:
        """Return the text it was opened with."""
        role = _role(self.held, field=self.field)
        return replace(
            self.state(),
            action=Action.UPSERT,
            message_id=FIRST_MESSAGE,
            body=_body(self.held, field=self.field),
            author_role=role,
            relayed=role is AuthorRole.AGENT,
        )


def _user(held: JsonObject, *, field: str) -> JsonObject:
    """Return who wrote it; GitHub says null for a deleted account."""
    return object_or_empty(held.get("user"), field=f"{field}.user")


def _role(held: JsonObject, *, field: str) -> AuthorRole:
    kind = short_of(_user(held, field=field).get("type"), field=f"{field}.user.type") or ""
    if kind.lower() == "bot":
        return AuthorRole.BOT
    association = short_of(held.get("author_association"), field=f"{field}.author_association") or ""
    return AuthorRole.AGENT if association.upper() in _STAFF else AuthorRole.CUSTOMER


def markdown(value: object, *, field: str) -> str:
    """Return a Markdown text without HTML comments (what issue templates tell the writer) and empty form
    answers."""
    text = (text_of(value, field=field) or "").replace("\r\n", "\n")
    lines = _without_comments(text).split("\n")
    return "\n".join(line for line in lines if line.strip() != "_No response_")


def _body(held: JsonObject, *, field: str) -> str | None:
    """Return the text of an issue or comment, null as an empty one; None where the event does not tell it."""
    return markdown(held["body"], field=f"{field}.body") if "body" in held else None


def _without_comments(text: str) -> str:
    """Cut `<!-- ... -->`; one that never ends is left as it is."""
    kept, at = [], 0
    while (start := text.find("<!--", at)) >= 0 and (end := text.find("-->", start)) >= 0:
        kept.append(text[at:start])
        at = end + 3
    return "".join((*kept, text[at:]))


def _threaded(event: _Event, name: str) -> tuple[Change, ...]:
    """Read an event about an issue or discussion itself."""
    thread = _Thread(event, name, event.part(name))
    if "pull_request" in thread.held:
        return event.ignored()
    match event.action:
        case "opened" | "created" | "edited":
            return (thread.opening(),)
        case "deleted":
            return (thread.bare(Action.DELETE),)
        case "transferred":
            return _transferred(thread)
        case _:
            return thread.state(), replace(thread.opening(), fallback=True)


def _transferred(thread: _Thread) -> tuple[Change, ...]:
    """A transferred record gets a new id, and is opened under it in the other repository."""
    changes = object_or_empty(thread.event.payload.get("changes"), field="changes")
    name = f"new_{thread.field}"
    held = object_or_empty(changes.get(name), field=f"changes.{name}")
    if held.get("id") is None:
        return thread.event.ignored()
    survivor = _Thread(thread.event, thread.field, held).external_id
    return (replace(thread.bare(Action.MERGE), merged_into=survivor),)


def _commented(event: _Event, name: str) -> tuple[Change, ...]:
    """Read an event about a comment."""
    thread = _Thread(event, name, event.part(name))
    comment = event.part("comment")
    if "pull_request" in thread.held or event.action not in ("created", "edited", "deleted"):
        return event.ignored()
    message_id = require_id(comment.get("id"), field="comment.id")
    if event.action == "deleted":
        return (thread.bare(Action.DELETE, message_id),)
    written = "created_at" if event.action == "created" else "updated_at"
    role = _role(comment, field="comment")
    state = thread.state()
    author = id_of(_user(comment, field="comment").get("id"), field="comment.user.id")
    added = replace(
        state,
        action=Action.APPEND_MESSAGE,
        message_id=message_id,
        occurred_at=event.at(comment.get(written), field=f"comment.{written}"),
        # The issue's own time would date an edit of the comment: it has a time of its own.
        updated_at=None,
        body=_body(comment, field="comment"),
        author_role=role,
        customer_id=author if role is AuthorRole.CUSTOMER else state.customer_id,
    )
    return (added,)


def _released(event: _Event) -> tuple[Change, ...]:
    """Read a release. One publication fires created, published and released: only `published` counts."""
    if event.action != "published":
        return event.ignored()
    held = event.part("release")
    tag = short_of(held.get("tag_name"), field="release.tag_name", limit=MAX_PLAN_CHARS)
    number = require_id(held.get("id"), field="release.id")
    published = held.get("published_at")
    return (
        ReleaseChange(
            external_id=number,
            name=short_of(held.get("name"), field="release.name", limit=MAX_NAME_CHARS) or tag or number,
            event_id=event.event_id,
            version=tag,
            released_at=event.at(published, field="release.published_at"),
            description=_plain(held.get("body"), field="release.body"),
            url=short_of(held.get("html_url"), field="release.html_url", limit=MAX_URL_CHARS),
            prerelease=flag_of(held.get("prerelease"), field="release.prerelease"),
            product_area=event.repository(),
            release_kind="published",
        ),
    )


def _plain(value: object, *, field: str) -> str | None:
    text = text_of(value, field=field)
    return text.replace("\r\n", "\n") if text else None


def _deployed(event: _Event) -> tuple[Change, ...]:
    """Read a deployment's status: only a success, in production, reached customers."""
    status, deployment = event.part("deployment_status"), event.part("deployment")
    environment = short_of(
        status.get("environment") or deployment.get("environment"),
        field="deployment_status.environment",
        limit=MAX_PLAN_CHARS,
    )
    is_success = short_of(status.get("state"), field="deployment_status.state") == "success"
    if not is_success or not _is_production(deployment, environment):
        return event.ignored()
    number = require_id(deployment.get("id"), field="deployment.id")
    name, version = _shipped(deployment)
    return (
        ReleaseChange(
            external_id=number,
            name=name or number,
            event_id=event.event_id,
            version=version,
            released_at=event.at(status.get("created_at"), field="deployment_status.created_at"),
            environment=environment,
            description=_plain(deployment.get("description"), field="deployment.description")
            or _plain(status.get("description"), field="deployment_status.description"),
            url=short_of(status.get("target_url"), field="deployment_status.target_url", limit=MAX_URL_CHARS),
            product_area=event.repository(),
            release_kind="deployment",
        ),
    )


def _is_production(deployment: JsonObject, environment: str | None) -> bool:
    """Tell whether customers use an environment: GitHub's flag says so, or its name."""
    if flag_of(deployment.get("transient_environment"), field="deployment.transient_environment"):
        return False
    flagged = flag_of(deployment.get("production_environment"), field="deployment.production_environment")
    return bool(flagged) or _PRODUCTION.search((environment or "").lower()) is not None


def _shipped(deployment: JsonObject) -> tuple[str | None, str | None]:
    """Return (name, version): the tag that was deployed, else the branch with the short commit."""
    ref = short_of(deployment.get("ref"), field="deployment.ref", limit=MAX_NAME_CHARS)
    sha = short_of(deployment.get("sha"), field="deployment.sha")
    if ref is None or sha is None or _VERSION.fullmatch(ref):
        return ref, (ref or "")[:MAX_PLAN_CHARS] or None
    return f"{ref[:250]} ({sha[:7]})", sha[:7]


_READERS: Mapping[str, Callable[[_Event], tuple[Change, ...]]] = {
    "issues": lambda event: _threaded(event, "issue"),
    "issue_comment": lambda event: _commented(event, "issue"),
    "discussion": lambda event: _threaded(event, "discussion"),
    "discussion_comment": lambda event: _commented(event, "discussion"),
    "release": _released,
    "deployment_status": _deployed,
}

_TELLS: Mapping[Fact, str] = {
    Fact.BRAND: "`repository.full_name`",
    Fact.FORM: "the issue's `type.name`, a discussion's `category.name`",
    Fact.TAG: "`labels`",
    Fact.CHANNEL: "always `github`",
    Fact.PRODUCT_AREA: "a label",
    Fact.PLAN: "a label",
}

SOURCE = Source(
    kind="github",
    title="GitHub",
    schemes=("github",),
    # A redelivery by hand keeps it.
    delivery_key=key_from(DELIVERY),
    parse=parse,
    handshake=handshake,
    kept_headers=(EVENT, DELIVERY),
    tells=_TELLS,
)
