"""Stage `intake`: read stored deliveries, clean and redact what customers said, and write it as items."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypedDict

from models.database import Session
from models.errors import Invalid
from models.language.detect import detect
from models.language.own_words import TEXT_VERSION, own_line, own_words
from models.queries import (
    deliveries,
    feedback,
    goals,
    people,
    products,
    pulls,
    scope,
    silence,
    standing,
    ticket_states,
    work,
)
from models.queries.feedback import ItemDraft, StatusDraft
from models.queries.work import Leased
from models.records import Delivery, DeliveryState, JsonObject, Metric, Source
from models.sealing import Keyring, bound_to, keyring
from models.sources.reading import newest_event, read_changes
from models.values.feedback import (
    FIRST_MESSAGE,
    Action,
    AuthorRole,
    Change,
    FeedbackChange,
    MetricChange,
    ReleaseChange,
    Unreadable,
)
from workers.context import Context

SUBJECT_KEPT = 1000  # characters of a subject that are stored
APPLY_AT_ONCE = 25
"""Deliveries written in one transaction: short enough that intake never waits long for its turn."""


@dataclass(frozen=True, slots=True)
class Read:
    """A delivery after parsing; `reason` says why it could not be understood, or what in it could not."""

    delivery: Delivery
    source: Source
    prepared: tuple["Prepared", ...]
    state: DeliveryState
    reason: str | None
    occurred_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """A change with its text cleaned and redacted, before any transaction is open."""

    change: Change
    subject: str | None = None
    # None: the change says nothing of its text, and whatever is stored stays.
    text: str | None = None
    removed: tuple[JsonObject, ...] = ()
    language: str = "und"
    # Every word of it is a machine's: an absence note, a confirmation of receipt.
    is_automatic: bool = False


def parse_deliveries(context: Context, leased: Sequence[Leased]) -> None:
    """Parse deliveries and write their changes; one that cannot be understood is kept and says why."""
    pieces = {piece.subject: piece for piece in leased}
    workspace = leased[0].workspace_id
    with context.database.read(workspace=workspace) as session:
        rows = deliveries.load(session, workspace=workspace, deliveries=list(pieces))
    keys = keyring(context.settings.sealing_key)
    reads = [_read(delivery, source, keys) for delivery, source in rows]
    for start in range(0, len(reads), APPLY_AT_ONCE):
        chunk = reads[start : start + APPLY_AT_ONCE]
        with context.database.write(workspace=workspace) as session:
            now = context.clock()
            for read in chunk:
                for prepared in read.prepared:
                    _apply(session, workspace, read.source, prepared, read.delivery.received_at, now)
                deliveries.close(
                    session,
                    workspace=workspace,
                    delivery=read.delivery.id,
                    state=read.state,
                    reason=read.reason,
                )
                silence.note_event(
                    session, workspace=workspace, delivery=read.delivery.id, occurred_at=read.occurred_at
                )
            work.finish(session, [pieces[read.delivery.id] for read in chunk], now=now)


def _read(delivery: Delivery, source: Source, keys: Keyring) -> Read:
    try:
        changes = read_changes(
            source.kind,
            keys.open(delivery.body, bound=bound_to(source.id, delivery.key)),
            headers=delivery.headers,
            settings=source.settings,
            received_at=delivery.received_at,
        )
    except Invalid as error:
        where = f"{error.field}: " if error.field else ""
        return Read(delivery, source, (), DeliveryState.INVALID, f"{where}{error.message}")
    wanted = tuple(_prepare(change) for change in changes if not isinstance(change, Unreadable))
    faults = [change for change in changes if isinstance(change, Unreadable)]
    reason = "; ".join(f"entry {fault.index}: {fault.reason}" for fault in faults) or None
    if faults:
        return Read(delivery, source, wanted, DeliveryState.INVALID, reason, newest_event(changes))
    state = DeliveryState.PARSED if any(map(_matters, changes)) else DeliveryState.IGNORED
    return Read(delivery, source, wanted, state, None, newest_event(changes))


def _matters(change: Change) -> bool:
    return not isinstance(change, FeedbackChange) or change.action not in (
        Action.IGNORE,
        Action.PING,
        Action.HANDSHAKE,
    )


def _prepare(change: Change) -> Prepared:
    """Clean and redact a customer's message; staff's own words are dropped here and never stored."""
    if not isinstance(change, FeedbackChange):
        return Prepared(change)
    subject = own_line(change.subject, limit=SUBJECT_KEPT) if change.subject else None
    if not change.makes_item:
        return Prepared(change, subject=subject)
    if change.body is None:
        return Prepared(change, subject=subject, language=(change.language or detect(subject or ""))[:8])
    kept = own_words(change.body, html=True if change.body_is_html else None)
    removed: list[JsonObject] = [
        {"kind": str(cut.kind), "what": cut.what, "start": cut.start, "end": cut.end} for cut in kept.removed
    ]
    language = change.language or detect(f"{subject or ''} {kept.text}")
    return Prepared(change, subject, kept.text, tuple(removed), language[:8], kept.is_automatic)


def _apply(
    session: Session,
    workspace: int,
    source: Source,
    prepared: Prepared,
    received_at: datetime,
    now: datetime,
) -> None:
    change = prepared.change
    if isinstance(change, FeedbackChange):
        _apply_feedback(session, workspace, source, change, prepared, received_at, now)
    elif isinstance(change, ReleaseChange):
        _apply_release(session, workspace, change, received_at, now)
    elif isinstance(change, MetricChange):
        _apply_metric(session, workspace, change)


def _apply_feedback(
    session: Session,
    workspace: int,
    source: Source,
    change: FeedbackChange,
    prepared: Prepared,
    received_at: datetime,
    now: datetime,
) -> None:
    if change.external_id is None:
        return
    record = Record(workspace, source.id, change.external_id)
    if change.fallback and feedback.has_opening(session, **record.named):
        return
    # A message of a record that was read as a whole was written before: what it says now is as new as the record.
    moments = (change.occurred_at, change.updated_at)
    changed_at = max((moment for moment in moments if moment), default=received_at)
    match change.action:
        case Action.UPSERT | Action.APPEND_MESSAGE | Action.RESTORE:
            if change.action is Action.RESTORE:
                feedback.restore(session, changed_at=changed_at, now=now, **record.named)
            if change.makes_item:
                draft = _item_draft(session, source, prepared, change, Times(received_at, changed_at, now))
                feedback.upsert_item(session, workspace=workspace, draft=draft, now=now)
            else:
                _put_attributes(session, record, change, changed_at, now)
        case Action.STANDS:
            standing.note_standing(session, changed_at=changed_at, **record.named)
        case Action.UPDATE_STATUS:
            _put_attributes(session, record, change, changed_at, now)
        case Action.DELETE | Action.REDACT:
            feedback.withdraw(
                session,
                message_id=change.message_id,
                is_redaction=change.action is Action.REDACT,
                exact_ids=change.exact_ids,
                changed_at=changed_at,
                now=now,
                **record.named,
            )
        case Action.MERGE:
            into = change.merged_into
            ticket_states.merge(session, into=into, at=changed_at, now=now, **record.named)
        case Action.VOTE:
            _vote(session, record, change, changed_at, now)
        case Action.FETCH:
            pulls.want_record(session, now=now, **record.named)
        case _:
            return
    scope.apply_change(session, workspace=workspace, source=source.id, change=change, now=now)


class Named(TypedDict):
    """How queries name a record."""

    workspace: int
    source: int
    external_id: str


@dataclass(frozen=True, slots=True)
class Record:
    """A ticket, conversation or post of one source."""

    workspace: int
    source: int
    external_id: str

    @property
    def named(self) -> Named:
        """The record as arguments of a query."""
        return Named(workspace=self.workspace, source=self.source, external_id=self.external_id)


@dataclass(frozen=True, slots=True)
class Times:
    """When a delivery came in, when what it tells happened, and when it is written."""

    received: datetime
    changed: datetime
    now: datetime


def _vote(session: Session, record: Record, change: FeedbackChange, at: datetime, now: datetime) -> None:
    person = _person_of(session, record.workspace, record.source, change, now)
    if person is not None:
        ticket_states.vote(session, person=person, at=at, **record.named)


def _person_of(
    session: Session, workspace: int, source: int, change: FeedbackChange, now: datetime
) -> int | None:
    """Find or add who wrote a change, known by every name it tells; None where it tells none."""
    identities = people.identities_of(
        source=source, customer_id=change.customer_id, customer_email=change.customer_email
    )
    if not identities:
        return None
    return people.ensure_person(session, workspace=workspace, identities=identities, now=now)


def _item_draft(
    session: Session, source: Source, prepared: Prepared, change: FeedbackChange, times: Times
) -> ItemDraft:
    assert change.external_id is not None
    message_id = change.message_id or FIRST_MESSAGE
    written_at = None if message_id == FIRST_MESSAGE else change.occurred_at
    written_at = written_at or change.created_at or change.occurred_at or times.received
    return ItemDraft(
        source_id=source.id,
        external_id=change.external_id,
        message_id=message_id,
        created_at=written_at,
        ticket_created_at=min(written_at, change.created_at or written_at),
        changed_at=times.changed,
        status=str(change.status) if change.status else None,
        subject=prepared.subject,
        text=prepared.text,
        removed=list(prepared.removed),
        text_version=TEXT_VERSION,
        author_role=AuthorRole.BOT if prepared.is_automatic else change.author_role or AuthorRole.CUSTOMER,
        reported_by_agent=change.relayed,
        person_id=_person_of(session, source.workspace_id, source.id, change, times.now),
        account_key=change.account_id,
        plan=change.plan,
        product_area=change.product_area,
        channel=change.channel,
        tags=list(change.tags) if change.tags is not None else None,
        rating=_rating(change),
        language=prepared.language,
        opener_id=change.opener_id,
    )


def _put_attributes(
    session: Session, record: Record, change: FeedbackChange, changed_at: datetime, now: datetime
) -> None:
    draft = StatusDraft(
        source_id=record.source,
        external_id=record.external_id,
        changed_at=changed_at,
        status=str(change.status) if change.status else None,
        plan=change.plan,
        product_area=change.product_area,
        tags=list(change.tags) if change.tags is not None else None,
        rating=_rating(change),
        account_key=change.account_id,
    )
    feedback.update_record(session, workspace=record.workspace, draft=draft, now=now)


def _rating(change: FeedbackChange) -> JsonObject | None:
    if change.rating is None:
        return None
    rating = change.rating
    return {
        "value": rating.value,
        "scale_min": rating.scale_min,
        "scale_max": rating.scale_max,
        "kind": str(rating.kind),
    }


def _apply_release(
    session: Session, workspace: int, change: ReleaseChange, received_at: datetime, now: datetime
) -> None:
    draft = products.draft_of(change, received_at=received_at)
    products.put_release(session, workspace=workspace, draft=draft, now=now)


def _apply_metric(session: Session, workspace: int, change: MetricChange) -> None:
    metric = goals.find(session, Metric, workspace=workspace, key=change.metric)
    if metric is None:
        row = {"key": change.metric, "name": change.metric, "unit": change.unit, "definition": ""}
        metric = goals.put(session, Metric, workspace=workspace, row=row)
    segment = ",".join(f"{name}:{value}" for name, value in change.dimensions) or "all"
    goals.put_observations(
        session,
        workspace=workspace,
        metric=metric.id,
        values={(change.occurred_at.astimezone(UTC), segment[:200]): change.value},
    )
