"""Slack: messages of the channels an app was invited to (Events API).

A post that opens a thread is message `FIRST_MESSAGE` of the record "channel:ts", a reply a message under its own
`ts` in the record of the thread's first post. `ts` is a text, never a number: it would lose digits.

Who speaks: a member of the workspace that installed the app is a colleague, who reports for a customer: the post
is relayed feedback (author_role agent), counted only where the source's setting says so. In a channel shared with
another company (Slack Connect) its people are customers, and their workspace is the account. Replies of colleagues
are talk about the report, and no items. Bots, joins and other notices are ignored.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from models.errors import Invalid
from models.sources.payload import (
    JsonObject,
    flag_of,
    id_of,
    object_or_empty,
    read_object,
    require_id,
    require_object,
    short_of,
)
from models.sources.scope import Fact
from models.sources.slack_text import text_in
from models.sources.source import Answer, Source, SourceSettings, key_in
from models.sources.times import past_instant_of
from models.values.feedback import FIRST_MESSAGE, Action, AuthorRole, Change, FeedbackChange

_WRITTEN = frozenset({None, "thread_broadcast", "file_share", "me_message"})
"""Subtypes under which people write; every other one is a notice of Slack's own."""


def handshake(headers: Mapping[str, str], body: bytes) -> Answer | None:
    """Answer `url_verification` with its challenge."""
    try:
        payload = read_object(body)
        if payload.get("type") != "url_verification":
            return None
        challenge = short_of(payload.get("challenge"), field="challenge") or ""
    except Invalid:
        return None
    return Answer(body=json.dumps({"challenge": challenge}).encode())


def parse(
    body: bytes, *, headers: Mapping[str, str], settings: SourceSettings, received_at: datetime
) -> tuple[Change, ...]:
    """Turn one event into changes; raise Invalid where it cannot be understood."""
    payload = read_object(body)
    event_id = id_of(payload.get("event_id"), field="event_id")
    ignored = (FeedbackChange(action=Action.IGNORE, event_id=event_id),)
    if payload.get("type") == "url_verification":
        return (FeedbackChange(action=Action.HANDSHAKE),)
    if payload.get("type") != "event_callback":
        return ignored
    inner = require_object(payload.get("event"), field="event")
    if inner.get("type") not in ("message", "app_mention"):
        return ignored
    event = _Event(
        event_id=event_id,
        occurred_at=past_instant_of(payload.get("event_time"), field="event_time", received_at=received_at),
        payload=payload,
        inner=inner,
        received_at=received_at,
    )
    return (
        _READERS.get(short_of(inner.get("subtype"), field="event.subtype") or "", _posted)(event) or ignored
    )


@dataclass(frozen=True, slots=True)
class _Event:
    """A message event taken apart."""

    event_id: str | None
    occurred_at: datetime | None
    payload: JsonObject
    inner: JsonObject
    received_at: datetime

    @property
    def channel(self) -> str:
        return require_id(self.inner.get("channel"), field="event.channel")

    def changed_at(self) -> datetime | None:
        """Return when a message was edited or deleted; `event_time` has whole seconds, too coarse for order."""
        given = self.inner.get("event_ts")
        moment = past_instant_of(given, field="event.event_ts", received_at=self.received_at)
        return moment or self.occurred_at

    def place(self, message: JsonObject, ts: str) -> tuple[str, str]:
        """Return (external id, message id) of a message."""
        thread = short_of(message.get("thread_ts"), field="event.thread_ts")
        if thread is None or thread == ts:
            return f"{self.channel}:{ts}", FIRST_MESSAGE
        return f"{self.channel}:{thread}", ts

    def gone(self, message: JsonObject, ts: str, *, whole: bool) -> tuple[Change, ...]:
        """Return the deletion of a message; `whole`: its record goes with the post that opened it."""
        external_id, message_id = self.place(message, ts)
        return (
            FeedbackChange(
                action=Action.DELETE,
                external_id=external_id,
                message_id=None if whole and message_id == FIRST_MESSAGE else message_id,
                event_id=self.event_id,
                occurred_at=self.changed_at(),
            ),
        )


def is_written(message: JsonObject) -> bool:
    """Say whether a person wrote a message: no bot, and no notice of Slack's own."""
    subtype = short_of(message.get("subtype"), field="event.subtype")
    return subtype in _WRITTEN and message.get("bot_id") is None


def ts_of(value: object, *, field: str) -> str:
    """Return a message's id; a number has lost its zeros on the way and is refused."""
    if not isinstance(value, str) or not value.strip():
        raise Invalid(f"{field} must be a text such as 1772442898.000200", field=field)
    return require_id(value, field=field)


def _posted(event: _Event) -> tuple[Change, ...]:
    """Read a new message; () for one that nobody wrote."""
    return _message(event, event.inner, event.occurred_at)


def _edited(event: _Event) -> tuple[Change, ...]:
    """Read a message as it now stands. What is left of a deleted post that has replies is a tombstone."""
    message = require_object(event.inner.get("message"), field="event.message")
    if message.get("subtype") == "tombstone":
        return event.gone(message, ts_of(message.get("ts"), field="event.message.ts"), whole=False)
    return _message(event, message, event.changed_at())


def _deleted(event: _Event) -> tuple[Change, ...]:
    previous = object_or_empty(event.inner.get("previous_message"), field="event.previous_message")
    if previous.get("bot_id") is not None:
        return ()
    ts = ts_of(event.inner.get("deleted_ts") or previous.get("ts"), field="event.deleted_ts")
    return event.gone(previous, ts, whole=True)


def _message(event: _Event, message: JsonObject, at: datetime | None) -> tuple[Change, ...]:
    if not is_written(message):
        return ()
    ts = ts_of(message.get("ts"), field="event.ts")
    external_id, message_id = event.place(message, ts)
    is_first = message_id == FIRST_MESSAGE
    company = _other_company(event, message)
    is_theirs = company is not None
    return (
        FeedbackChange(
            action=Action.UPSERT if is_first else Action.APPEND_MESSAGE,
            external_id=external_id,
            message_id=message_id,
            event_id=event.event_id,
            occurred_at=at,
            created_at=past_instant_of(ts, field="event.ts", received_at=event.received_at)
            if is_first
            else None,
            # Without a text of its own, and with nothing to take one from, it tells none.
            body=text_in(message) or ("" if "text" in message else None),
            author_role=AuthorRole.CUSTOMER if is_theirs else AuthorRole.AGENT,
            relayed=is_first and not is_theirs,
            customer_id=id_of(message.get("user"), field="event.user") if is_theirs else None,
            account_id=company,
            channel="slack",
            brand=id_of(event.payload.get("team_id"), field="team_id"),
            group=event.channel,
        ),
    )


def _other_company(event: _Event, message: JsonObject) -> str | None:
    """Return the workspace of an author from outside, in a channel shared with another company; else None."""
    payload = event.payload
    if not flag_of(payload.get("is_ext_shared_channel"), field="is_ext_shared_channel"):
        return None
    installed = payload.get("authorizations")
    first = installed[0] if isinstance(installed, list) and installed else {}
    own = object_or_empty(first, field="authorizations").get("team_id") or payload.get("team_id")
    given = message.get("user_team") or message.get("source_team") or message.get("team")
    team = id_of(given, field="event.user_team")
    return team if team is not None and team != own else None


_READERS: Mapping[str, Callable[[_Event], tuple[Change, ...]]] = {
    "message_changed": _edited,
    "message_deleted": _deleted,
}

_TELLS: Mapping[Fact, str] = {
    Fact.BRAND: "`team_id`, the workspace",
    Fact.GROUP: "`event.channel`, the channel's id",
    Fact.CHANNEL: "always `slack`",
    Fact.ACCOUNT: "in a shared channel `user_team` or `source_team`, the author's workspace",
}

SOURCE = Source(
    kind="slack",
    title="Slack",
    schemes=("slack",),
    # The same on Slack's retries.
    delivery_key=key_in(lambda payload: id_of(payload.get("event_id"), field="event_id")),
    parse=parse,
    handshake=handshake,
    tells=_TELLS,
)
