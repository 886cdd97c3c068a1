"""Pull conversations from Intercom: searched by the day of their last change, each then retrieved with its parts.

A search lists one day in UTC in the order of change. Whole days, because a record that changes while its page is read
moves behind the others and pushes one over the page's edge: within the present day the next run reads the day again,
and a day that is over is read until the vendor's total stands still. Versions that are stored already cost nothing.

Messages are named as the webhooks' parser names them: the source is `FIRST_MESSAGE`, a part its own id, the remark of
a rating `rating`.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta

from models.errors import Invalid
from models.sources.intercom_record import described, role_of, source_in
from models.sources.paths import mapped
from models.sources.payload import (
    JsonObject,
    id_of,
    object_or_empty,
    read_object,
    short_of,
    status_of,
    text_of,
)
from models.sources.pull import (
    Ask,
    Page,
    Puller,
    Stub,
    Talk,
    answer_of,
    cursor_text,
    date_of,
    day_bounds,
    id_in,
    is_missing,
    moment_in,
    number_in,
    objects,
    stands,
    told_at,
    version_at,
)
from models.sources.source import SourceSettings
from models.sources.times import past_instant_of
from models.values.feedback import (
    FIRST_MESSAGE,
    Action,
    AuthorRole,
    Change,
    FeedbackChange,
)

API_VERSION = "2.11"
PAGE_CONVERSATIONS = 50
ROUNDS = 4
"""How often a day is read at most until its total stands still."""
INDEX_DELAY = timedelta(minutes=10)
"""How long after its end a day is read once more: the search follows changes with a delay."""

_HOSTS: Mapping[str, str] = {
    "us": "https://api.intercom.io",
    "eu": "https://api.eu.intercom.io",
    "au": "https://api.au.intercom.io",
}
_REMARK = "rating"


def base(place: str) -> str:
    """Return the address of a region's API."""
    if place not in _HOSTS:
        raise Invalid(f"region must be one of {', '.join(_HOSTS)}", field="place")
    return _HOSTS[place]


def sign(token: str, account: str | None) -> tuple[tuple[str, str], ...]:
    """Return the header of an access token, and the version of the API that the answers are read by."""
    return (("Authorization", f"Bearer {token}"), ("Intercom-Version", API_VERSION))


def page(place: str, cursor: JsonObject, since: datetime, now: datetime) -> Talk[Page]:
    """Read the next page of a day's changed conversations."""
    day = date.fromisoformat(cursor_text(cursor, "day") or since.date().isoformat())
    reply = yield _search("updated_at", day, cursor_text(cursor, "after"), reads=frozenset({400, 404}))
    if reply.status != 200 and "after" in cursor:
        # The place on the page is known no more: the day starts again.
        cursor = {"day": day.isoformat()}
        reply = yield _search("updated_at", day, None)
    answer, seen = answer_of(reply), told_at(reply, now)
    total = number_in(answer, "total_count")
    first = cursor.get("total", total)
    state: JsonObject = {
        "day": day.isoformat(),
        "total": first,
        "moved": cursor.get("moved") is True or first != total,
        "round": cursor.get("round", 1),
    }
    stubs = _stubs(answer, seen)
    after = _next(answer)
    if after and stubs:
        return Page(stubs, {**state, "after": after}, False)
    return _end_of_day(stubs, state, day, min(now, seen))


def _end_of_day(stubs: tuple[Stub, ...], state: JsonObject, day: date, now: datetime) -> Page:
    """Go on with the next day, with the same one where records moved while it was read, or be done for now."""
    end = day_bounds(day)[1]
    here: JsonObject = {"day": day.isoformat()}
    rounds = state["round"]
    assert isinstance(rounds, int)
    if state["moved"] and rounds < ROUNDS:
        return Page(stubs, {**here, "round": rounds + 1}, False)
    if now >= end + INDEX_DELAY:
        return Page(stubs, {"day": end.date().isoformat()}, False, end)
    return Page(stubs, here, True, min(now, end))


def _search(name: str, day: date, after: str | None, *, reads: frozenset[int] = frozenset()) -> Ask:
    start, end = (int(moment.timestamp()) for moment in day_bounds(day))
    query = {
        "operator": "AND",
        "value": [
            {"field": name, "operator": ">", "value": start - 1},
            {"field": name, "operator": "<", "value": end},
        ],
    }
    paging: JsonObject = {"per_page": PAGE_CONVERSATIONS, **({"starting_after": after} if after else {})}
    body: JsonObject = {
        "query": query,
        "sort": {"field": name, "order": "ascending"},
        "pagination": paging,
    }
    return Ask("/conversations/search", body=body, reads=reads)


def _next(answer: JsonObject) -> str | None:
    pages = object_or_empty(answer.get("pages"), field="pages")
    return cursor_text(object_or_empty(pages.get("next"), field="pages.next"), "starting_after")


def _stubs(answer: JsonObject, seen: datetime | None) -> tuple[Stub, ...]:
    found = objects(answer.get("conversations"), name="conversations")
    return tuple(_stub(each, seen) for each in found)


def _stub(conversation: JsonObject, seen: datetime | None) -> Stub:
    created = moment_in(conversation, "created_at")
    version = version_at(moment_in(conversation, "updated_at") or created, seen)
    return Stub(id_in(conversation), version, created, conversation)


def details(place: str, stub: Stub) -> Talk[JsonObject | None]:
    """Retrieve a conversation with its parts; one that was deleted meanwhile is gone."""
    reply = yield Ask(f"/conversations/{stub.external_id}", reads=frozenset({404}))
    return gone(stub.external_id) if is_missing(reply) else answer_of(reply)


def one(place: str, external_id: str) -> Talk[Stub | None]:
    """Find one conversation."""
    if not external_id.isascii() or not external_id.isalnum():
        return None
    reply = yield Ask(f"/conversations/{external_id}", reads=frozenset({404}))
    return None if is_missing(reply) else _stub(answer_of(reply), date_of(reply))


def count(place: str, day: date) -> Talk[int]:
    """Ask how many conversations were created on a day."""
    return number_in(answer_of((yield _search("created_at", day, None))), "total_count")


def listed(place: str, day: date) -> Talk[tuple[Stub, ...]]:
    """List the conversations that were created on a day."""
    found: dict[str, Stub] = {}
    after: str | None = None
    while True:
        reply = yield _search("created_at", day, after)
        answer = answer_of(reply)
        fresh = _stubs(answer, date_of(reply))
        found |= {stub.external_id: stub for stub in fresh}
        after = _next(answer)
        if not after or not fresh:
            return tuple(found.values())


def gone(external_id: str) -> JsonObject:
    """Write the record of what was deleted at the vendor."""
    return {"id": external_id, "gone": True}


# --- what a pulled conversation says ------------------------------------------------------------------------


def parse(
    body: bytes, *, headers: Mapping[str, str], settings: SourceSettings, received_at: datetime
) -> tuple[Change, ...]:
    """Turn a pulled conversation into its messages and its state."""
    record = read_object(body)
    external_id = id_in(record)
    if record.get("gone") is True:
        return (FeedbackChange(action=Action.DELETE, external_id=external_id, occurred_at=received_at),)
    known = _state(record, settings=settings, received_at=received_at)
    held = object_or_empty(record.get("conversation_parts"), field="conversation_parts")
    parts = objects(held.get("conversation_parts") or [], name="conversation_parts")
    messages = [_part(known, part, received_at) for part in parts if part.get("body") or part.get("redacted")]
    return (stands(known), *_opening(known, record), *messages, *_remark(known, record), known)


def _state(record: JsonObject, *, settings: SourceSettings, received_at: datetime) -> FeedbackChange:
    """Read what a conversation says about itself, without any text but the subject."""
    known = FeedbackChange(
        action=Action.UPDATE_STATUS,
        external_id=id_in(record),
        created_at=past_instant_of(record.get("created_at"), field="created_at", received_at=received_at),
        updated_at=past_instant_of(record.get("updated_at"), field="updated_at", received_at=received_at),
        status=status_of(record.get("state"), field="state", words=settings.statuses),
    )
    attributes = object_or_empty(record.get("custom_attributes"), field="custom_attributes")
    return mapped(described(known, record, attributes, settings), record, settings.fields)


def _opening(known: FeedbackChange, record: JsonObject) -> tuple[FeedbackChange, ...]:
    """Read the text that the conversation was opened with."""
    source = source_in(record)
    if source.get("redacted") is True:
        return (_redaction(known, FIRST_MESSAGE),)
    text = text_of(source.get("body"), field="source.body")
    if text is None:
        return ()
    opened = replace(
        known,
        action=Action.UPSERT,
        message_id=FIRST_MESSAGE,
        subject=text_of(source.get("subject"), field="source.subject") or None,
    )
    return (_written(opened, source, text),)


def _part(known: FeedbackChange, part: JsonObject, received_at: datetime) -> FeedbackChange:
    name = id_in(part)
    if part.get("redacted") is True:
        return _redaction(known, name)
    added = replace(
        known,
        action=Action.APPEND_MESSAGE,
        message_id=name,
        occurred_at=past_instant_of(part.get("created_at"), field="part.created_at", received_at=received_at),
        is_public=part.get("part_type") != "note",
        rating=None,
    )
    return _written(added, part, text_of(part.get("body"), field="part.body") or "")


def _redaction(known: FeedbackChange, message_id: str) -> FeedbackChange:
    return FeedbackChange(
        action=Action.REDACT,
        external_id=known.external_id,
        message_id=message_id,
        occurred_at=known.updated_at,
    )


def _written(known: FeedbackChange, said: JsonObject, body: str) -> FeedbackChange:
    """Add a text, which is HTML, and who wrote it."""
    author = object_or_empty(said.get("author"), field="author")
    role = role_of({**author, "is_ai_answer": author.get("is_ai_answer") or said.get("is_ai_answer")})
    is_customer = role is AuthorRole.CUSTOMER
    return replace(
        known,
        body=body,
        body_is_html=True,
        author_role=role,
        customer_id=(id_of(author.get("id"), field="author.id") if is_customer else None)
        or known.customer_id,
        customer_email=short_of(author.get("email"), field="author.email") if is_customer else None,
    )


def _remark(known: FeedbackChange, record: JsonObject) -> tuple[FeedbackChange, ...]:
    """Read the remark of a rating: the customer's own words, and so a message."""
    held = object_or_empty(record.get("conversation_rating"), field="conversation_rating")
    remark = text_of(held.get("remark"), field="conversation_rating.remark") or ""
    if not remark.strip():
        return ()
    said = replace(
        known,
        action=Action.APPEND_MESSAGE,
        message_id=_REMARK,
        occurred_at=moment_in(held, "created_at"),
        body=remark,
        author_role=AuthorRole.CUSTOMER,
    )
    return (said,)


PULLER = Puller(
    kind="intercom",
    place_name="region",
    base=base,
    sign=sign,
    page=page,
    details=details,
    one=one,
    count=count,
    listed=listed,
    gone=gone,
    parse=parse,
)
