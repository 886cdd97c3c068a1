"""Pulling from a vendor's API, without the network: which request comes next, and what its answer means.

A puller's functions are generators: they yield an `Ask`, are sent the `Reply`, and return what they found out. Who
drives them keeps to the vendor's limits (`read_limits`), stores what came and where to go on, and asks for the
details only of versions of records that are not stored yet. So a page that is read again costs one request.

A pulled record is a delivery like any other: its body is the record as canonical JSON, its key the vendor's id with
the version, and the header `PULL_HEADER` says which puller reads it.
"""

import json
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Protocol, TypeVar

from models.errors import Invalid
from models.sources.payload import JsonObject, id_of, require_id, require_object
from models.sources.source import SourceSettings, bounded_key
from models.sources.times import instant_of
from models.values.feedback import Action, Change, FeedbackChange

PULL_HEADER = "X-Ebb-Pull"

SECONDARY_S = 60.0
"""How long to wait after a refusal for haste that does not say how long."""
FAILED_FIRST_S = 30.0
LONGEST_WAIT_S = 3600.0

YOUNG, YOUNG_MARK = timedelta(seconds=2), "~"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Ask:
    """One request: a path below the vendor's address. Of other statuses than 200, `reads` come back as answers."""

    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    # A JSON body makes it a POST.
    body: JsonObject | None = None
    reads: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer: `headers` have lower-case names, `body` is the JSON value, None where there is none.

    Whatever the status: why a vendor refuses may stand in the body alone.
    """

    status: int
    headers: Mapping[str, str]
    body: object = None


Talk = Generator[Ask, Reply, T]
"""A conversation with the vendor that ends with a value."""


@dataclass(frozen=True, slots=True)
class Stub:
    """A record in a list: `version` changes whenever the record does; `listed` is what the list said of it."""

    external_id: str
    version: str
    created_at: datetime | None
    listed: JsonObject = field(repr=False)
    gone: bool = False

    @property
    def is_young(self) -> bool:
        """Whether the record may have changed once more within the second that names its version."""
        return self.version.endswith(YOUNG_MARK)

    @property
    def key(self) -> str:
        """The key of the delivery that holds this version."""
        return bounded_key(f"pull:{self.external_id}@{self.version}")


@dataclass(frozen=True, slots=True)
class Page:
    """One page of changed records; `done`: the vendor has no more at this moment."""

    stubs: tuple[Stub, ...]
    cursor: JsonObject
    done: bool
    # Everything that changed before this moment is on this page or was on an earlier one.
    covered_until: datetime | None = None


class PullParse(Protocol):
    """Turn a pulled record's body into changes, as a connector's parser does with a webhook's."""

    def __call__(
        self, body: bytes, *, headers: Mapping[str, str], settings: SourceSettings, received_at: datetime
    ) -> tuple[Change, ...]:
        """Return the changes in the order in which to apply them."""


@dataclass(frozen=True, slots=True)
class Puller:
    """One vendor's API.

    `base` gives the address for a place and refuses malformed ones; `sign` the headers that prove who asks.
    `page(place, cursor, since, now)` reads the next page of changes; `details(place, stub)` completes a record;
    `one(place, external_id)` finds a single record, None where it is gone (a vendor that finds none by the id we know
    has no `one`); `count(place, day)` asks how many
    records were created on a day in UTC, and `listed(place, day)` which.
    """

    kind: str
    place_name: str
    base: Callable[[str], str]
    sign: Callable[[str, str | None], tuple[tuple[str, str], ...]]
    page: Callable[[str, JsonObject, datetime, datetime], Talk[Page]]
    details: Callable[[str, Stub], Talk[JsonObject | None]]
    one: Callable[[str, str], Talk[Stub | None]] | None
    count: Callable[[str, date], Talk[int]]
    listed: Callable[[str, date], Talk[tuple[Stub, ...]]]
    # Write the record that says a record is gone.
    gone: Callable[[str], JsonObject]
    parse: PullParse


class Held(Exception):
    """The vendor asks for patience: come again after `wait_s` seconds; `is_limit` where it is no failure."""

    def __init__(self, reason: str, wait_s: float, *, is_limit: bool) -> None:
        super().__init__(reason)
        self.reason, self.wait_s, self.is_limit = reason, wait_s, is_limit


class Refused(Exception):
    """The vendor does not let us in, or does not know the place: asking again changes nothing."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def body_of(record: JsonObject) -> bytes:
    """Write a record as canonical JSON: the same record is always the same bytes."""
    return json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode(
        "utf-8", "backslashreplace"
    )


def converse(talk: Talk[T], send: Callable[[Ask], Reply]) -> T:
    """Hold a conversation to its end; whatever `send` raises ends it."""
    try:
        ask = next(talk)
        while True:
            ask = talk.send(send(ask))
    except StopIteration as end:
        found: T = end.value
        return found


def check(ask: Ask, reply: Reply, *, now: datetime, failures: int) -> None:
    """Raise `Held` or `Refused` for an answer that is none; `now` is the vendor's time.

    `failures`: how many runs failed before this one; each makes the next wait longer, up to an hour.
    """
    if reply.status == 200 or reply.status in ask.reads:
        return
    wait = read_limits(reply, now=now)
    if wait is not None:
        raise Held(f"the vendor's rate limit is reached ({reply.status})", wait, is_limit=True)
    if reply.status in (408, 425) or reply.status >= 500:
        raise Held(f"the vendor failed with {reply.status}", backoff(failures), is_limit=False)
    if reply.status == 401:
        raise Refused("the vendor refused the token (401): set a new one with PUT /v1/sources/{id}/pull")
    if reply.status == 403:
        raise Refused("the token may not read this (403): give it read access, then set it again")
    if reply.status in (301, 302, 307, 308):
        raise Refused(f"the vendor answered with a redirect ({reply.status}): the place was moved or renamed")
    if reply.status == 404:
        raise Refused("the vendor knows no such place (404): check its name and what the token may see")
    raise Held(f"the vendor did not understand a request ({reply.status})", backoff(failures), is_limit=False)


def backoff(failures: int) -> float:
    """Return how long to wait after a failed run, in seconds: twice as long each time, at most an hour."""
    wait: float = FAILED_FIRST_S * 2 ** min(failures, 20)
    return min(wait, LONGEST_WAIT_S)


def told_at(reply: Reply, now: datetime) -> datetime:
    """Return when an answer was given by the vendor's clock, which its limits and records go by; else `now`."""
    return date_of(reply) or now


def date_of(reply: Reply) -> datetime | None:
    """Return the vendor's time of an answer, to the second; None where it does not say."""
    return _http_date(reply.headers.get("date", ""))


def _http_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    return moment.replace(tzinfo=moment.tzinfo or UTC)


def read_limits(reply: Reply, *, now: datetime) -> float | None:
    """Return for how many seconds the vendor wants no request; None where it set no limit.

    Reads `Retry-After` (seconds or a date), and `X-RateLimit-Reset` (epoch seconds) where nothing remains; a 429
    that says neither, and GitHub's 403 that tells of haste in words alone, ask for a minute.
    """
    if reply.status not in (403, 429, 503):
        return None
    wait = _retry_after(reply.headers.get("retry-after"), now)
    if wait is None and reply.headers.get("x-ratelimit-remaining", "").strip() == "0":
        wait = _until_reset(reply.headers.get("x-ratelimit-reset"), now)
    if wait is None and (reply.status == 429 or _tells_of_haste(reply.body)):
        wait = SECONDARY_S
    return None if wait is None else min(max(wait, 1.0), LONGEST_WAIT_S)


def _tells_of_haste(body: object) -> bool:
    message = body.get("message") if isinstance(body, dict) else None
    return isinstance(message, str) and "rate limit" in message.lower()


def pause_after(reply: Reply, *, now: datetime) -> float:
    """Return how long to wait after a good answer: until the reset where it was the last one allowed, else 0."""
    if reply.headers.get("x-ratelimit-remaining", "").strip() != "0":
        return 0.0
    wait = _until_reset(reply.headers.get("x-ratelimit-reset"), now)
    return min(max(wait or 0.0, 0.0), LONGEST_WAIT_S)


def _retry_after(value: str | None, now: datetime) -> float | None:
    if value is None:
        return None
    text = value.strip()
    if text.replace(".", "", 1).isdecimal() and text.isascii():
        return float(text[:12])
    moment = _http_date(text)
    return None if moment is None else (moment - now).total_seconds()


def _until_reset(value: str | None, now: datetime) -> float | None:
    text = (value or "").strip()
    if not (text.isascii() and text.isdecimal() and len(text) <= 12):
        return None
    return int(text) - now.timestamp() + 1


# --- what several pullers need ------------------------------------------------------------------------------


def objects(value: object, *, name: str) -> tuple[JsonObject, ...]:
    """Return a list of JSON objects from an answer; raise `Invalid` for anything else."""
    if not isinstance(value, list):
        raise Invalid(f"the vendor's answer has no list {name}", field=name)
    return tuple(require_object(each, field=name) for each in value)


def is_missing(reply: Reply) -> bool:
    """Say whether an answer to a question about one record means that it is not there.

    Raise `Invalid` where the answer is not the vendor's own: a proxy's page must not delete anything.
    """
    if reply.status == 200:
        return False
    if not isinstance(reply.body, dict):
        raise Invalid(f"an answer {reply.status} that is not the vendor's own", field="answer")
    return True


def answer_of(reply: Reply) -> JsonObject:
    """Return an answer that must be a JSON object."""
    return require_object(reply.body, field="answer")


def number_in(answer: JsonObject, name: str) -> int:
    """Return a whole number of an answer."""
    value = answer.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise Invalid(f"the vendor's answer has no number {name}", field=name)
    return value


def id_in(record: JsonObject) -> str:
    """Return a record's id."""
    return require_id(record.get("id"), field="id")


def moment_in(record: JsonObject, name: str) -> datetime | None:
    """Return a moment of a record."""
    return instant_of(record.get(name), field=name)


def version_at(changed: datetime | None, seen: datetime | None) -> str:
    """Name a record's version by when it changed, to the second.

    One that was seen within a second or two of that may change again and keep its time: it gets a name of its own, so
    that it is fetched once more when it is listed again.
    """
    if changed is None:
        return "0"
    is_young = seen is not None and seen - changed < YOUNG
    return f"{int(changed.timestamp())}{YOUNG_MARK if is_young else ''}"


def cursor_text(cursor: JsonObject, name: str) -> str | None:
    """Return a text of a stored cursor."""
    return id_of(cursor.get(name), field=name)


def day_bounds(day: date) -> tuple[datetime, datetime]:
    """Return a day in UTC as a half-open span."""
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return start, start + timedelta(days=1)


def stands(known: FeedbackChange) -> FeedbackChange:
    """Say that a record was there when it last changed: a vendor that is asked tells of no restoration."""
    return FeedbackChange(action=Action.STANDS, external_id=known.external_id, occurred_at=known.updated_at)


def iso(moment: datetime) -> str:
    """Write a moment to the second, as vendors take it in queries."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
