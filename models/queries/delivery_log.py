"""The log of deliveries: what became of each and why, and reading some of them again."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, and_, case, func, literal_column, or_, select, update
from sqlalchemy.orm import Session, defer

from models.errors import Conflict, NotFound
from models.jobs import Job, WorkState
from models.queries import work
from models.queries.within import within
from models.records import Delivery, DeliveryState, FeedbackItem, Source, Work
from models.values.deliveries import DeliveryOutcome

# A literal: the index of those that are invalid is not used where the state is a parameter.
IS_INVALID = Delivery.state == literal_column("'invalid'")
_DEAD = select(Work.subject).where(Work.stage == Job.INTAKE, Work.version == 0, Work.state == WorkState.DEAD)
# Beside the state of the joined row: from the few dead pieces of work to their deliveries, never the other way.
_IS_DEAD = and_(Work.state == WorkState.DEAD, Delivery.state == DeliveryState.OPEN, Delivery.id.in_(_DEAD))


@dataclass(frozen=True, slots=True)
class Unread:
    """Deliveries of a source that were not read: still waiting, given up as dead, or not understood."""

    waiting: int = 0
    dead: int = 0
    invalid: int = 0
    # The types of the errors that the dead ones ended with, most frequent first.
    errors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    """Which deliveries; every part that is None leaves that part open."""

    source: int | None = None
    outcome: DeliveryOutcome | None = None


@dataclass(frozen=True, slots=True)
class DeliveryEntry:
    """A delivery without its body, and how reading it stands: attempts so far, what the last one ended with."""

    id: int
    source_id: int
    key: str
    received_at: datetime
    outcome: DeliveryOutcome
    reason: str | None
    attempts: int
    error: str | None
    # When it is read next; None where it is not waiting.
    due_at: datetime | None


def list_deliveries(
    session: Session, *, workspace: int, where: DeliveryFilter, before: int | None, limit: int
) -> list[DeliveryEntry]:
    """List deliveries, the newest first, from below the id `before` on."""
    query = _entries(workspace).where(*_conditions(where))
    if before is not None:
        query = query.where(Delivery.id < before)
    rows = session.execute(query.order_by(Delivery.id.desc()).limit(limit))
    return [_entry(delivery, piece) for delivery, piece in rows]


def get_delivery(
    session: Session, *, workspace: int, delivery: int
) -> tuple[DeliveryEntry, Delivery, Source]:
    """Load one delivery of the workspace with its source; raise `NotFound` where there is none."""
    found = session.execute(_entries(workspace, with_body=True).where(Delivery.id == delivery)).first()
    if found is None:
        raise NotFound(f"There is no delivery dlv_{delivery}.")
    row, piece = found
    return _entry(row, piece), row, session.get_one(Source, row.source_id)


def unread(session: Session, *, workspace: int, source: int | None = None) -> dict[int, Unread]:
    """Count the deliveries of each source, or of one, that were not read; sources that have none are missing.

    One that waits is counted by the work that will read it: the sweep adds what is missing.
    """
    of_source = (Delivery.source_id == source,) if source is not None else ()
    waiting: Counter[int] = Counter()
    dead: dict[int, Counter[str]] = defaultdict(Counter)
    for number, state, error, count in session.execute(_unread_work(workspace).where(*of_source)):
        if state is WorkState.DEAD:
            dead[number][error or "unknown"] += count
        else:
            waiting[number] += count
    own = select(Source.id).where(Source.workspace_id == workspace)
    invalid = {
        number: count
        for number, count in session.execute(
            select(Delivery.source_id, func.count())
            .where(IS_INVALID, Delivery.source_id.in_(own), within(Delivery, workspace), *of_source)
            .group_by(Delivery.source_id)
        )
    }
    return {
        number: Unread(
            waiting[number],
            dead[number].total() if number in dead else 0,
            invalid.get(number, 0),
            tuple(error for error, _ in dead[number].most_common(5)) if number in dead else (),
        )
        for number in sorted({*waiting, *dead, *invalid})
    }


@dataclass(frozen=True, slots=True)
class Failure:
    """A reason for which deliveries were not read, how many, and when the last one came.

    Of those that were not understood it is in words; of the dead it is the type of the error.
    """

    outcome: DeliveryOutcome
    reason: str
    count: int
    last_at: datetime


def failures(session: Session, *, workspace: int, source: int, limit: int = 1000) -> list[Failure]:
    """Return why the latest deliveries of a source were not read, the most frequent reason first, at most 20."""
    invalid = select(Delivery.reason, Delivery.received_at).where(IS_INVALID)
    dead = select(Work.error, Delivery.received_at).join(Work, _of_delivery()).where(_IS_DEAD)
    last: dict[tuple[DeliveryOutcome, str], datetime] = {}
    counted: Counter[tuple[DeliveryOutcome, str]] = Counter()
    for outcome, query in ((DeliveryOutcome.INVALID, invalid), (DeliveryOutcome.DEAD, dead)):
        of_source = query.where(Delivery.source_id == source, within(Delivery, workspace))
        for reason, at in session.execute(of_source.order_by(Delivery.id.desc()).limit(limit)):
            counted[outcome, reason or ""] += 1
            last.setdefault((outcome, reason or ""), at)
    return [
        Failure(outcome, reason, count, last[outcome, reason])
        for (outcome, reason), count in counted.most_common(20)
    ]


def _unread_work(workspace: int) -> Select[int, WorkState, str | None, int]:
    """Count the unfinished work of intake by source, state, and error of what is dead."""
    error = case((Work.state == WorkState.DEAD, Work.error))
    return (
        select(Delivery.source_id, Work.state, error, func.count())
        .join(Delivery, Delivery.id == Work.subject)
        .where(
            Work.stage == Job.INTAKE,
            Work.version == 0,
            Work.state.in_((WorkState.READY, WorkState.DEAD)),
            within(Work, workspace),
            Delivery.state == DeliveryState.OPEN,
        )
        .group_by(Delivery.source_id, Work.state, error)
    )


def items_of(session: Session, *, workspace: int, source: int, external_ids: Sequence[str]) -> list[int]:
    """List the items of a source's records that are not withdrawn, oldest first, at most 200."""
    query = select(FeedbackItem.id).where(
        within(FeedbackItem, workspace),
        FeedbackItem.source_id == source,
        FeedbackItem.external_id.in_(external_ids),
        FeedbackItem.withdrawn.is_(False),
    )
    return list(session.scalars(query.order_by(FeedbackItem.id).limit(200)))


def replay(
    session: Session,
    *,
    workspace: int,
    where: DeliveryFilter,
    until: int,
    now: datetime,
    limit: int,
) -> int:
    """Let deliveries up to the id `until` be read once more, oldest first, at most `limit`; return how many.

    Those whose raw body has expired stay as they are.
    `where` must say `invalid` or `dead`, which those found stop to be: call it until nothing is left.
    """
    query = select(Delivery.id).outerjoin(Work, _of_delivery()).where(Delivery.workspace_id == workspace)
    query = query.where(*_conditions(where), Delivery.id <= until, Delivery.body_expired_at.is_(None))
    found = session.scalars(query.order_by(Delivery.id).limit(limit)).all()
    _reopen(session, workspace, found, now)
    return len(found)


def replay_one(session: Session, *, workspace: int, delivery: int, now: datetime) -> None:
    """Let one delivery be read once more, whatever became of it: its items have keys, so none doubles.

    Raises `Conflict` where its raw body has expired.
    """
    _, row, _ = get_delivery(session, workspace=workspace, delivery=delivery)
    if row.body_expired_at is not None:
        raise Conflict(f"The raw body of dlv_{delivery} has expired, so it cannot be read again.")
    _reopen(session, workspace, [delivery], now)


def latest_delivery(session: Session, *, workspace: int) -> int:
    """Return the highest id of a delivery; 0 without any."""
    query = select(Delivery.id).where(Delivery.workspace_id == workspace)
    return session.scalar(query.order_by(Delivery.id.desc()).limit(1)) or 0


def _reopen(session: Session, workspace: int, ids: Sequence[int], now: datetime) -> None:
    if not ids:
        return
    # The work first: whoever writes a delivery holds its work before it closes the delivery.
    work.mark_all_dirty(session, workspace=workspace, stage=Job.INTAKE, subjects=ids, run_at=now)
    session.execute(
        update(Delivery)
        .where(Delivery.id.in_(ids), within(Delivery, workspace))
        .values(state=DeliveryState.OPEN, reason=None, done_changes=0, changes_digest=None)
        .execution_options(synchronize_session=False)
    )


def _of_delivery() -> ColumnElement[bool]:
    return and_(Work.stage == Job.INTAKE, Work.subject == Delivery.id, Work.version == 0)


def _entries(workspace: int, *, with_body: bool = False) -> Select[Delivery, Work]:
    query = select(Delivery, Work).outerjoin(Work, _of_delivery()).where(Delivery.workspace_id == workspace)
    return query if with_body else query.options(defer(Delivery.body, raiseload=True))


def _conditions(where: DeliveryFilter) -> list[ColumnElement[bool]]:
    conditions = []
    if where.source is not None:
        conditions.append(Delivery.source_id == where.source)
    match where.outcome:
        case None:
            pass
        case DeliveryOutcome.DEAD:
            conditions.append(_IS_DEAD)
        case DeliveryOutcome.OPEN:
            is_alive = or_(Work.state.is_(None), Work.state != WorkState.DEAD)
            conditions += [Delivery.state == DeliveryState.OPEN, is_alive]
        case DeliveryOutcome.INVALID:
            conditions.append(IS_INVALID)
        case outcome:
            conditions.append(Delivery.state == DeliveryState(outcome))
    return conditions


def _entry(delivery: Delivery, piece: Work | None) -> DeliveryEntry:
    waits = delivery.state is DeliveryState.OPEN and piece is not None
    is_dead = waits and piece is not None and piece.state is WorkState.DEAD
    outcome = DeliveryOutcome.DEAD if is_dead else DeliveryOutcome(delivery.state)
    is_due = waits and piece is not None and piece.state is WorkState.READY
    return DeliveryEntry(
        id=delivery.id,
        source_id=delivery.source_id,
        key=delivery.key,
        received_at=delivery.received_at,
        outcome=outcome,
        reason=delivery.reason,
        attempts=piece.attempts if piece else 0,
        error=piece.error if piece and waits else None,
        due_at=piece.run_at if piece and is_due else None,
    )
