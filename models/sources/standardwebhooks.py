"""Standard Webhooks: the specification's envelope and signature around an entry of our own JSON.

The specification (standardwebhooks.com) fixes headers, signature and the envelope {type, timestamp, data}; what
`data` holds is the sender's own affair. Ebb reads it as one entry of `generic_json`. `type` is a dotted name whose
first word says what the entry is (feedback, message, release, metric, ping) and whose last word says what happened
(`feedback.created`, `feedback.deleted`, `message.created`). Events of any other kind are ignored, so that a sender
may point its whole stream here.
"""

from collections.abc import Mapping
from datetime import datetime

from models.errors import Invalid
from models.sources.generic_fields import TELLS, Context, read
from models.sources.generic_json import change_of
from models.sources.payload import JsonObject, id_of, object_or_empty, read_object, require_id, short_of
from models.sources.signature import header
from models.sources.source import Answer, Source, SourceSettings, body_key, bounded_key
from models.values.feedback import Action, Change, FeedbackChange

MESSAGE_ID = "webhook-id"

_KINDS = {
    **dict.fromkeys(("feedback", "ticket", "conversation", "review", "survey"), "feedback"),
    **dict.fromkeys(("message", "comment", "reply"), "feedback"),
    **dict.fromkeys(("release", "metric", "ping"), None),
    "test": "ping",
}
_MESSAGES = frozenset({"message", "comment", "reply"})
_EVENTS = {
    **dict.fromkeys(("deleted", "removed"), Action.DELETE),
    "redacted": Action.REDACT,
    "merged": Action.MERGE,
    **dict.fromkeys(("status_changed", "closed", "reopened", "resolved"), Action.UPDATE_STATUS),
    **dict.fromkeys(("message_added", "replied"), Action.APPEND_MESSAGE),
}
_STATUS_OF = {"closed": "closed", "reopened": "open", "resolved": "resolved"}


def delivery_key(headers: Mapping[str, str], body: bytes) -> str:
    """Return `webhook-id`, which is signed and the same on every retry."""
    key = header(headers, MESSAGE_ID)
    return bounded_key(key) if key else body_key(body)


def handshake(headers: Mapping[str, str], body: bytes) -> Answer | None:
    """The specification has no handshake; a `ping` is a delivery like any other."""
    return None


def parse(
    body: bytes, *, headers: Mapping[str, str], settings: SourceSettings, received_at: datetime
) -> tuple[Change, ...]:
    """Turn one message into changes; raise Invalid where it cannot be understood."""
    payload = read_object(body)
    kind = require_id(payload.get("type"), field="type").lower()
    event_id = short_of(header(headers, MESSAGE_ID), field=MESSAGE_ID)
    noun, _, rest = kind.partition(".")
    if noun not in _KINDS:
        return (FeedbackChange(action=Action.IGNORE, event_id=event_id),)
    entry = dict(object_or_empty(payload.get("data"), field="data"))
    entry["type"] = _KINDS[noun] or noun
    if entry["type"] == "feedback":
        _fill(entry, payload, noun=noun, event=rest.rpartition(".")[2])
    context = Context(event_id=event_id, settings=settings, received_at=received_at)
    return (change_of(entry, context),)


def _fill(entry: JsonObject, payload: JsonObject, *, noun: str, event: str) -> None:
    """Say in the entry what the event's name says; what `data` says itself goes first."""
    added = Action.APPEND_MESSAGE if noun in _MESSAGES else Action.UPSERT
    entry.setdefault("action", _EVENTS.get(event, added))
    further = noun in _MESSAGES or entry["action"] == Action.APPEND_MESSAGE
    if further and read(entry, "message_id", id_of) is None:
        # Without its own id it would take the place of the text that the record was opened with.
        raise Invalid(
            "data.message_id is missing: a further message needs an id of its own", field="message_id"
        )
    entry.setdefault("occurred_at", payload.get("timestamp"))
    if event in _STATUS_OF:
        entry.setdefault("status", _STATUS_OF[event])


SOURCE = Source(
    kind="standardwebhooks",
    title="Standard Webhooks",
    schemes=("standard",),
    delivery_key=delivery_key,
    parse=parse,
    handshake=handshake,
    kept_headers=(MESSAGE_ID,),
    tells=TELLS,
)
