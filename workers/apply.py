"""Write what a delivery says: each change cleaned and redacted, then applied to the record it is about."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypedDict

from models.database import Session
from models.language.detect import detect
from models.language.own_words import TEXT_VERSION, own_line, own_words
from models.queries import (
    feedback,
    goals,
    people,
    products,
    pulls,
    scope,
    standing,
    ticket_states,
    withdrawals,
)
from models.queries.feedback import ItemDraft, StatusDraft
from models.records import JsonObject, Metric, Source
from models.values.feedback import (
    FIRST_MESSAGE,
    Action,
    AuthorRole,
    Change,
    FeedbackChange,
    MetricChange,
    ReleaseChange,
)

SUBJECT_KEPT = 1000  # characters of a subject that are stored


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


def prepare(change: Change) -> Prepared:
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


@dataclass(frozen=True, slots=True)
class Origin:
    """Where changes come from, when they came in and are written, under which map of the source they were read."""

    workspace: int
    source: Source
    received_at: datetime
    now: datetime
    map_revision: int = 0


def apply(session: Session, origin: Origin, prepared: Prepared) -> None:
    """Write a change; applied once more, or late, it changes nothing that a newer one said."""
    change = prepared.change
    if isinstance(change, FeedbackChange):
        _apply_feedback(session, origin, change, prepared)
    elif isinstance(change, ReleaseChange):
        draft = products.draft_of(change, received_at=origin.received_at)
        products.put_release(session, workspace=origin.workspace, draft=draft, now=origin.now)
    elif isinstance(change, MetricChange):
        _apply_metric(session, origin.workspace, change)


def _apply_feedback(session: Session, origin: Origin, change: FeedbackChange, prepared: Prepared) -> None:
    if change.external_id is None:
        return
    record, now = Record(origin.workspace, origin.source.id, change.external_id), origin.now
    if change.fallback and _is_told(session, record, change):
        return
    # A message of a record that was read as a whole was written before: what it says now is as new as the record.
    moments = (change.occurred_at, change.updated_at)
    changed_at = max((moment for moment in moments if moment), default=origin.received_at)
    match change.action:
        case Action.UPSERT | Action.APPEND_MESSAGE | Action.RESTORE:
            if change.action is Action.RESTORE:
                _restore(session, record, change, changed_at, now)
            if change.makes_item:
                draft = _item_draft(session, origin, prepared, change, changed_at)
                feedback.upsert_item(session, workspace=origin.workspace, draft=draft, now=now)
            else:
                _put_attributes(session, origin, change, changed_at)
        case Action.STANDS:
            standing.note_standing(session, changed_at=changed_at, **record.named)
        case Action.UPDATE_STATUS:
            _put_attributes(session, origin, change, changed_at)
        case Action.DELETE | Action.REDACT:
            withdrawals.withdraw(
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
    scope.decide_record(session, now=now, **record.named)


def _is_told(session: Session, record: "Record", change: FeedbackChange) -> bool:
    """Say whether the text that a change would bring along is stored, or was deleted."""
    message = change.message_id or FIRST_MESSAGE
    return feedback.has_text(session, message_id=message, **record.named)


def _restore(session: Session, record: "Record", change: FeedbackChange, at: datetime, now: datetime) -> None:
    """Let what was deleted before be stored again: the record if it is restored as a whole, and the message."""
    if change.message_id in (None, FIRST_MESSAGE):
        withdrawals.restore(session, changed_at=at, now=now, **record.named)
    if change.message_id is not None and change.makes_item:
        # The event's own time alone: its record may have changed after the message was deleted anew.
        own = change.occurred_at or at
        withdrawals.restore_message(session, message_id=change.message_id, changed_at=own, **record.named)


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


class Said(TypedDict):
    """What a change says of its record as a whole, as drafts take it."""

    status: str | None
    plan: str | None
    product_area: str | None
    account_key: str | None
    channel: str | None
    tags: list[str] | None
    rating: JsonObject | None
    brand: str | None
    group: str | None
    form: str | None
    spam: bool | None
    domain_digest: str | None
    map_revision: int


def _said(session: Session, origin: Origin, change: FeedbackChange) -> Said:
    return Said(
        status=str(change.status) if change.status else None,
        plan=change.plan,
        product_area=change.product_area,
        account_key=change.account_id,
        channel=change.channel,
        tags=list(change.tags) if change.tags is not None else None,
        rating=_rating(change),
        brand=change.brand,
        group=change.group,
        form=change.form,
        spam=change.spam,
        domain_digest=scope.domain_digest_of(session, workspace=origin.workspace, change=change),
        map_revision=origin.map_revision,
    )


def _item_draft(
    session: Session, origin: Origin, prepared: Prepared, change: FeedbackChange, changed_at: datetime
) -> ItemDraft:
    assert change.external_id is not None
    message_id = change.message_id or FIRST_MESSAGE
    written_at = None if message_id == FIRST_MESSAGE else change.occurred_at
    written_at = written_at or change.created_at or change.occurred_at or origin.received_at
    return ItemDraft(
        source_id=origin.source.id,
        external_id=change.external_id,
        message_id=message_id,
        created_at=written_at,
        ticket_created_at=min(written_at, change.created_at or written_at),
        changed_at=changed_at,
        subject=prepared.subject,
        text=prepared.text,
        removed=list(prepared.removed),
        text_version=TEXT_VERSION,
        author_role=AuthorRole.BOT if prepared.is_automatic else change.author_role or AuthorRole.CUSTOMER,
        reported_by_agent=change.relayed,
        person_id=_person_of(session, origin.workspace, origin.source.id, change, origin.now),
        language=prepared.language,
        opener_id=change.opener_id,
        **_said(session, origin, change),
    )


def _put_attributes(session: Session, origin: Origin, change: FeedbackChange, changed_at: datetime) -> None:
    assert change.external_id is not None
    draft = StatusDraft(
        source_id=origin.source.id,
        external_id=change.external_id,
        changed_at=changed_at,
        opened_at=change.created_at,
        **_said(session, origin, change),
    )
    feedback.update_record(session, workspace=origin.workspace, draft=draft, now=origin.now)


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
