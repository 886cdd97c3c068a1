"""What a support or release tool told us, in our own words: neutral changes that the parsers emit.

The key of a feedback item is (source, external id, message id). A record (ticket, conversation, post) is a
row of messages; the text it was opened with is the message `FIRST_MESSAGE`, every later message has the
vendor's own id. None always means "the payload does not say". Times are timezone-aware UTC.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

FIRST_MESSAGE = "0"
"""Message id of the text a record was opened with. No vendor numbers a message 0."""

TOMBSTONE = ""
"""Message id of the row that remembers that a whole record was deleted, also when its text comes later."""

UNKNOWN_TICKET = "unknown"
"""Stands for the ticket that another was merged into, where the vendor does not name it."""

THEMED_LANGUAGES = frozenset({"en", "und"})
"""Languages the bundled model can place in themes; items in others are kept and counted, not themed."""


class Action(StrEnum):
    """What a change does. A delete or redaction wins over an upsert or status that arrives later."""

    UPSERT = "upsert"
    """Create the message or replace its text and attributes; without a body the stored text stays."""
    APPEND_MESSAGE = "append_message"
    """A further message of the record; written like an upsert, under its own message id."""
    UPDATE_STATUS = "update_status"
    """New attributes of the record (status, tags, subject, rating ...); None leaves the stored value
    alone."""
    DELETE = "delete"
    """Remove one message, or the whole record where `message_id` is None."""
    REDACT = "redact"
    """Remove the text of one message, its vector and its quotes; where that message is not stored, of the
    first message (it may be the same text under another id); where `message_id` is None, of the whole
    record."""
    RESTORE = "restore"
    """Undo an older delete of one message, whose text it carries as an upsert does; where that is the first message,
    or `message_id` is None, of the whole record. A redaction stays."""
    STANDS = "stands"
    """The vendor showed the record at this moment, so that a deletion of before is undone; no merge is, and it
    carries no text."""
    MERGE = "merge"
    """The record became part of `merged_into` and must not count twice."""
    VOTE = "vote"
    """A further person stands behind the record; no new text."""
    FETCH = "fetch"
    """The payload has no text: ask the vendor's API for the record."""
    HANDSHAKE = "handshake"
    """The vendor checks the address."""
    PING = "ping"
    """The vendor checks that we are alive."""
    IGNORE = "ignore"
    """Nothing for us in it."""
    RELEASE = "release"
    """Something reached customers."""
    METRIC = "metric"
    """A number was observed."""


class AuthorRole(StrEnum):
    """Who wrote a message; only a customer's own words count as a complaint unless the source's settings say
    more."""

    CUSTOMER = "customer"
    AGENT = "agent"
    BOT = "bot"


class Turn(StrEnum):
    """What place a message has in its ticket, by the times at which its messages were written."""

    OPENS = "opens"
    """The earliest message."""
    JOINS = "joins"
    """The first message of a further person, somebody in copy."""
    FOLLOWS = "follows"
    """Any other message."""


class Status(StrEnum):
    """State of a record, across vendors."""

    OPEN = "open"
    PENDING = "pending"
    RESOLVED = "resolved"
    CLOSED = "closed"


class RatingKind(StrEnum):
    """Kind of scale; ratings of different kinds or bounds are never averaged together."""

    STARS = "stars"
    CSAT = "csat"
    NPS = "nps"


@dataclass(frozen=True, slots=True)
class Rating:
    """A score with its scale: `scale_min` <= `value` <= `scale_max`."""

    value: float
    scale_min: float
    scale_max: float
    kind: RatingKind


@dataclass(frozen=True, slots=True)
class FeedbackChange:
    """One change to one record or message.

    `created_at` is when the record was opened (a complaint is dated by it), `occurred_at` when this event
    happened, so for a later message the time it was written. `relayed`: staff wrote the opening text for a
    customer (a phone ticket, a Slack post). `fallback`: apply only if the text of the message is neither stored nor
    was deleted; so what is told of a record that nobody saw opened brings its opening along, once, and never replaces
    it, nor does a beginning replace a whole text. `opener_id`: the id under which the vendor
    names the opening text elsewhere, where this change tells it. `exact_ids`: a message id of this sender never
    means the opening text, so the redaction of an unknown message leaves that alone. `brand`, `group` (the team
    it was routed to), `form` and `spam` are what rules of scope ask for. `customer_domain`: the e-mail domain of
    the customer's company, where the vendor names it without an address.
    """

    action: Action
    external_id: str | None = None
    message_id: str | None = None
    event_id: str | None = None
    occurred_at: datetime | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    subject: str | None = None
    body: str | None = None
    body_is_html: bool = False
    author_role: AuthorRole | None = None
    is_public: bool | None = None
    relayed: bool = False
    customer_id: str | None = None
    customer_email: str | None = None
    account_id: str | None = None
    plan: str | None = None
    channel: str | None = None
    language: str | None = None
    tags: tuple[str, ...] | None = None
    product_area: str | None = None
    status: Status | None = None
    rating: Rating | None = None
    merged_into: str | None = None
    fallback: bool = False
    opener_id: str | None = None
    exact_ids: bool = False
    brand: str | None = None
    group: str | None = None
    form: str | None = None
    spam: bool | None = None
    customer_domain: str | None = None

    @property
    def makes_item(self) -> bool:
        """Tell whether this text is a feedback item: a customer's own, or relayed by staff; never an internal
        note."""
        writes = self.action in (Action.UPSERT, Action.APPEND_MESSAGE, Action.RESTORE)
        theirs = self.author_role is AuthorRole.CUSTOMER or (
            self.author_role is AuthorRole.AGENT and self.relayed
        )
        return writes and theirs and self.is_public is not False


@dataclass(frozen=True, slots=True)
class ReleaseChange:
    """Something reached customers, or was planned to: `released_at` may lie ahead.

    `rollout_percent` in [0, 100] is the share of customers reached from `released_at` on; `segments` limits
    whom.
    """

    external_id: str
    name: str
    event_id: str | None = None
    version: str | None = None
    released_at: datetime | None = None
    environment: str | None = None
    description: str | None = None
    url: str | None = None
    prerelease: bool | None = None
    product_area: str | None = None
    release_kind: str = "published"
    rollout_percent: float | None = None
    segments: tuple[str, ...] = ()
    feature_keys: tuple[str, ...] = ()
    kr_ids: tuple[str, ...] = ()
    action: Action = Action.RELEASE


@dataclass(frozen=True, slots=True)
class MetricChange:
    """A finite number observed at a time; sending (metric, occurred_at, dimensions) again replaces it.

    `daily`: the payload gave a date only, so the value stands for that whole day of the source's time zone.
    `dimensions` are (name, value) pairs in the order of their names.
    """

    metric: str
    value: float
    occurred_at: datetime
    unit: str | None = None
    event_id: str | None = None
    customer_id: str | None = None
    account_id: str | None = None
    dimensions: tuple[tuple[str, str], ...] = ()
    daily: bool = False
    action: Action = Action.METRIC


@dataclass(frozen=True, slots=True)
class Unreadable:
    """One entry of a batch that could not be understood while others could: `index` from 0, and why."""

    index: int
    reason: str
    field: str | None = None


Change = FeedbackChange | ReleaseChange | MetricChange | Unreadable
