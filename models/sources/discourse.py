"""Discourse: posts and topics of a forum.

The event's name stands in the header `X-Discourse-Event`; the body is {"post": ...} or {"topic": ...}. A topic is the
record, its first post (`post_number` 1) the message `FIRST_MESSAGE`, every other post a message under its own id.
Topic events carry no text: they bring title, tags and state.

Deleting the first post deletes the topic. A retry has a new event id in Discourse, so that a copy may be applied
twice; it changes nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from models.errors import Invalid
from models.sources.markdown import mark_quotes, plain_markdown
from models.sources.payload import (
    MAX_ID_CHARS,
    JsonObject,
    flag_of,
    id_of,
    language_of,
    names_of,
    number_of,
    object_or_empty,
    read_object,
    require_id,
    short_of,
    text_of,
)
from models.sources.scope import Fact
from models.sources.signature import header
from models.sources.source import Answer, Source, SourceSettings, body_key, bounded_key, tagged
from models.sources.times import past_instant_of
from models.values.feedback import FIRST_MESSAGE, Action, AuthorRole, Change, FeedbackChange, Status

INSTANCE = "X-Discourse-Instance"
EVENT_ID = "X-Discourse-Event-Id"
EVENT_TYPE = "X-Discourse-Event-Type"
EVENT = "X-Discourse-Event"
CHANNEL = "forum"

_SMALL_ACTION, _WHISPER, _MODERATOR_ACTION = 3, 4, 2
_ARCHETYPE_PRIVATE = "private_message"


def delivery_key(headers: Mapping[str, str], body: bytes) -> str:
    """Return the forum's address and its event number: the number alone counts per forum."""
    key = _event_id(headers)
    return bounded_key(key) if key else body_key(body)


def handshake(headers: Mapping[str, str], body: bytes) -> Answer | None:
    """Answer the ping that an administrator sends from the webhook's page."""
    if (header(headers, EVENT_TYPE) or "").strip() == "ping":
        return Answer(body=b'{"pong":true}')
    return None


def parse(
    body: bytes, *, headers: Mapping[str, str], settings: SourceSettings, received_at: datetime
) -> tuple[Change, ...]:
    """Turn one event into changes; raise Invalid where it cannot be understood."""
    payload = read_object(body)
    event_id = short_of(_event_id(headers), field=EVENT_ID, limit=1000)
    if "ping" in payload and len(payload) == 1:
        return (FeedbackChange(action=Action.PING, event_id=event_id),)
    name = (short_of(header(headers, EVENT), field=EVENT) or "").lower()
    if not name:
        raise Invalid(f"header {EVENT} is missing: it says what happened", field=EVENT)
    kind, reader = _reader(payload)
    if reader is None:
        return (FeedbackChange(action=Action.IGNORE, event_id=event_id),)
    data = object_or_empty(payload.get(kind), field=kind)
    return reader(_Event(name, kind, event_id, data, settings, received_at, _forum(headers)))


def _event_id(headers: Mapping[str, str]) -> str | None:
    number, instance = header(headers, EVENT_ID), header(headers, INSTANCE)
    if not number:
        return None
    return f"{instance}#{number}" if instance else number


def _forum(headers: Mapping[str, str]) -> str | None:
    """Return the forum's host."""
    address = (header(headers, INSTANCE) or "").partition("://")
    return short_of((address[2] or address[0]).strip("/").lower()[:MAX_ID_CHARS], field=INSTANCE)


@dataclass(frozen=True, slots=True)
class _Event:
    """An event taken apart: `data` is the post or topic as it now is."""

    name: str
    kind: str
    event_id: str | None
    data: JsonObject
    settings: SourceSettings
    received_at: datetime
    forum: str | None

    def time(self, name: str) -> datetime | None:
        """Read a time, ISO 8601."""
        field = f"{self.kind}.{name}"
        return past_instant_of(self.data.get(name), field=field, received_at=self.received_at)

    def flag(self, name: str) -> bool:
        """Read a flag; absent is false."""
        return flag_of(self.data.get(name), field=f"{self.kind}.{name}") or False

    def text(self, name: str) -> str | None:
        """Read a text."""
        return text_of(self.data.get(name), field=f"{self.kind}.{name}")

    def short(self, name: str) -> str | None:
        """Read a short text."""
        return short_of(self.data.get(name), field=f"{self.kind}.{name}")

    def number(self, name: str) -> float | None:
        """Read a number."""
        return number_of(self.data.get(name), field=f"{self.kind}.{name}")

    def bare(self, action: Action, topic: str, message_id: str | None = None) -> FeedbackChange:
        """Return a change that says nothing about the post or topic."""
        return FeedbackChange(action=action, external_id=topic, message_id=message_id, event_id=self.event_id)

    def gone(self, topic: str, message_id: str | None = None) -> FeedbackChange:
        """Return the deletion of a post, or of the whole topic; one that is hidden tells its last change alone."""
        moments = [self.time("deleted_at")]
        if not self.name.endswith("_destroyed"):
            moments.append(self.time("updated_at"))
        at = next((moment for moment in moments if moment is not None), None)
        return replace(self.bare(Action.DELETE, topic, message_id), occurred_at=at)

    def ignored(self) -> tuple[Change, ...]:
        """Return the change for an event that is none of ours."""
        return (FeedbackChange(action=Action.IGNORE, event_id=self.event_id),)


def _is_private(event: _Event) -> bool:
    name = "topic_archetype" if event.kind == "post" else "archetype"
    return event.short(name) == _ARCHETYPE_PRIVATE


def _post(event: _Event) -> tuple[Change, ...]:
    """Read a post event; whispers, small actions and private messages are none of ours."""
    kind = event.number("post_type")
    if kind in (_SMALL_ACTION, _WHISPER) or _is_private(event):
        return event.ignored()
    topic = require_id(event.data.get("topic_id"), field="post.topic_id")
    is_first = event.number("post_number") == 1
    post = FIRST_MESSAGE if is_first else require_id(event.data.get("id"), field="post.id")
    if event.name == "post_destroyed":
        return (event.gone(topic, None if is_first else post),)
    is_gone = event.flag("user_deleted") or event.data.get("deleted_at") is not None
    if (is_gone and event.name != "post_recovered") or event.flag("hidden"):
        return (event.gone(topic, post),)
    return (_said(event, event.bare(_written(event, is_first=is_first), topic, post)),)


def _written(event: _Event, *, is_first: bool) -> Action:
    """An edit shows that the post stands: by an edit its author ends that it is hidden."""
    if event.name in ("post_recovered", "post_edited"):
        return Action.RESTORE
    return Action.UPSERT if is_first else Action.APPEND_MESSAGE


def _said(event: _Event, change: FeedbackChange) -> FeedbackChange:
    """Add a post's text and author."""
    raw = event.text("raw")
    body = event.text("cooked") if raw is None else plain_markdown(mark_quotes(raw))
    # Recovering does not touch updated_at, which is then older than the deletion that it undoes.
    updated_at = None if event.name == "post_recovered" else event.time("updated_at")
    return replace(
        change,
        occurred_at=None if event.name == "post_created" else updated_at,
        created_at=event.time("created_at"),
        updated_at=updated_at,
        subject=event.text("topic_title"),
        body=(body or "") if {"raw", "cooked"} & event.data.keys() else None,
        body_is_html=raw is None,
        author_role=_role(event),
        customer_id=id_of(event.data.get("user_id"), field="post.user_id"),
        channel=CHANNEL,
        product_area=event.short("category_slug"),
        group=event.short("category_slug"),
        brand=event.forum,
        language=language_of(event.data.get("locale"), field="post.locale"),
    )


def _role(event: _Event) -> AuthorRole:
    """Tell who wrote a post: accounts of the system itself have negative numbers."""
    user = event.number("user_id")
    if user is not None and user <= 0:
        return AuthorRole.BOT
    staff = any(event.flag(name) for name in ("staff", "admin", "moderator"))
    return (
        AuthorRole.AGENT if staff or event.number("post_type") == _MODERATOR_ACTION else AuthorRole.CUSTOMER
    )


def _topic(event: _Event) -> tuple[Change, ...]:
    """Read a topic event: attributes, or that the whole topic went or came back."""
    if _is_private(event):
        return event.ignored()
    topic = require_id(event.data.get("id"), field="topic.id")
    is_gone = event.name == "topic_destroyed" or event.data.get("deleted_at") is not None
    if is_gone and event.name != "topic_recovered":
        return (event.gone(topic),)
    tags = names_of(event.data, "tags", field="topic.tags")
    record = replace(
        event.bare(Action.UPDATE_STATUS, topic),
        created_at=event.time("created_at"),
        subject=event.text("title"),
        tags=tags,
        plan=tagged(tags, event.settings.plan_tag_prefix),
        product_area=tagged(tags, event.settings.area_tag_prefix),
        status=_state(event),
        brand=event.forum,
    )
    if event.name == "topic_recovered":
        return replace(record, action=Action.RESTORE), event.bare(Action.FETCH, topic)
    return (record,)


def _state(event: _Event) -> Status | None:
    if event.data.get("accepted_answer"):
        return Status.RESOLVED
    if event.flag("closed") or event.flag("archived"):
        return Status.CLOSED
    return Status.OPEN if "closed" in event.data else None


def _solved(event: _Event) -> tuple[Change, ...]:
    """An answer was marked as the solution, or no longer is; the post itself is the answer, not a complaint."""
    topic = require_id(event.data.get("topic_id"), field="solved.topic_id")
    status = Status.OPEN if event.name.startswith("un") else Status.RESOLVED
    return (replace(event.bare(Action.UPDATE_STATUS, topic), status=status),)


_READERS: Mapping[str, Callable[[_Event], tuple[Change, ...]]] = {
    "post": _post,
    "topic": _topic,
    "solved": _solved,
}


def _reader(payload: JsonObject) -> tuple[str, Callable[[_Event], tuple[Change, ...]] | None]:
    kind = next((each for each in _READERS if each in payload), "")
    return kind, _READERS.get(kind)


_TELLS: Mapping[Fact, str] = {
    Fact.BRAND: "header `X-Discourse-Instance`, the forum's host",
    Fact.GROUP: "a post's `category_slug`",
    Fact.TAG: "`tags` of the topic",
    Fact.CHANNEL: "always `forum`",
    Fact.LANGUAGE: "a post's `locale`",
    Fact.PRODUCT_AREA: "a post's `category_slug`; a tag",
    Fact.PLAN: "a tag",
}

SOURCE = Source(
    kind="discourse",
    title="Discourse",
    schemes=("discourse",),
    delivery_key=delivery_key,
    parse=parse,
    handshake=handshake,
    kept_headers=(INSTANCE, EVENT_ID, EVENT_TYPE, EVENT),
    tells=_TELLS,
)
