"""The work table: enqueue, lease, finish, fail."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Row, delete, func, or_, select, update
from sqlalchemy.orm import Session

from models.database import told
from models.jobs import ONE_AT_A_TIME, Job, WorkState
from models.queries.upsert import insert_many, insert_or_ignore, insert_or_update
from models.records import Work

BACKOFF_FIRST = timedelta(seconds=2)
BACKOFF_LONGEST = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Leased:
    """A piece of work that is ours until the lease runs out."""

    id: int
    workspace_id: int
    stage: Job
    subject: int
    version: int
    attempts: int
    lease: str


def enqueue(
    session: Session, *, workspace: int, stage: Job, subject: int, run_at: datetime, version: int = 0
) -> None:
    """Ask for a piece of work once; asking again changes nothing, even after it was done."""
    if (
        insert_or_ignore(session, Work, _row(workspace, stage, subject, version, run_at), key=_KEY)
        is not None
    ):
        told(session, stage)


def enqueue_many(
    session: Session, *, workspace: int, stage: Job, subjects: Sequence[tuple[int, datetime]]
) -> None:
    """Ask once for work on many subjects, each from its moment on, as `enqueue` does for one."""
    if subjects:
        rows = [_row(workspace, stage, subject, 0, run_at) for subject, run_at in subjects]
        insert_many(session, Work, rows, key=_KEY, update=False)
        told(session, stage)


def mark_dirty(
    session: Session, *, workspace: int, stage: Job, subject: int, run_at: datetime, version: int = 0
) -> None:
    """Ask for a piece of work that must run after this moment, also if it ran before or is running now.

    A worker in the middle of it loses its lease: what it commits stands, and the work runs once more.
    """
    insert_or_update(session, Work, _row(workspace, stage, subject, version, run_at), key=_KEY)
    told(session, stage)


def mark_all_dirty(
    session: Session, *, workspace: int, stage: Job, subjects: Sequence[int], run_at: datetime
) -> None:
    """Ask for work on many subjects that must run after this moment, as `mark_dirty` does for one."""
    mark_pieces_dirty(
        session,
        workspace=workspace,
        stage=stage,
        pieces=[(subject, 0) for subject in subjects],
        run_at=run_at,
    )


def mark_pieces_dirty(
    session: Session, *, workspace: int, stage: Job, pieces: Sequence[tuple[int, int]], run_at: datetime
) -> None:
    """Ask for many pieces (subject, version) that must run after this moment, as `mark_dirty` does for one."""
    if pieces:
        rows = [_row(workspace, stage, subject, version, run_at) for subject, version in pieces]
        insert_many(session, Work, rows, key=_KEY, update=True)
        told(session, stage)


_KEY = ("stage", "subject", "version")
_LOCK_OF_LEASES = 0x_EBB
"""First number of the advisory locks under which stages of one batch at a time are leased."""


def _row(workspace: int, stage: Job, subject: int, version: int, run_at: datetime) -> dict[str, object]:
    return {
        "workspace_id": workspace,
        "stage": stage,
        "subject": subject,
        "version": version,
        "state": WorkState.READY,
        "run_at": run_at,
        "attempts": 0,
        "lease": None,
        "lease_until": None,
        "error": None,
        "done_at": None,
    }


def drop_planned(session: Session, *, workspace: int, stage: Job, subject: int, but: int | None) -> None:
    """Forget the numbered pieces of a subject that wait and that nobody holds, except number `but`."""
    session.execute(
        delete(Work)
        .where(
            Work.workspace_id == workspace,
            Work.stage == stage,
            Work.subject == subject,
            Work.version > 0,
            Work.version != (but or 0),
            Work.state == WorkState.READY,
            Work.lease.is_(None),
        )
        .execution_options(synchronize_session=False)
    )


def _is_due(now: datetime) -> tuple[object, ...]:
    return (
        Work.state == WorkState.READY,
        Work.run_at <= now,
        or_(Work.lease_until.is_(None), Work.lease_until <= now),
    )


def lease(
    session: Session, *, stage: Job, limit: int, now: datetime, seconds: float, max_attempts: int
) -> list[Leased]:
    """Take up to `limit` due pieces of one stage of one workspace, oldest first.

    Rows that used up their attempts (each lease counts, so a crash counts) end `dead` instead. Of stages in
    `ONE_AT_A_TIME` a workspace whose batch somebody holds is passed over.
    """
    until = now + timedelta(seconds=seconds)
    while (following := _next_workspace(session, stage, now)) is not None:
        workspace, tried = following
        count = _cautious(limit, tried, max_attempts)
        taken, spent = _take(session, stage, workspace, count, now, until, max_attempts)
        # Where all of them were given up, their neighbours are still due.
        if taken or not spent:
            return taken
    return []


def _take(
    session: Session,
    stage: Job,
    workspace: int,
    limit: int,
    now: datetime,
    until: datetime,
    max_attempts: int,
) -> tuple[list[Leased], int]:
    """Lease due pieces of a workspace until a moment; return them, and how many were given up instead."""
    rows = session.execute(
        select(Work.id, Work.workspace_id, Work.stage, Work.subject, Work.version, Work.attempts)
        .where(Work.stage == stage, Work.workspace_id == workspace, *_is_due(now))  # type: ignore[arg-type]
        .order_by(Work.run_at, Work.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    token = secrets.token_hex(8)
    spent = [row.id for row in rows if row.attempts >= max_attempts]
    taken = [
        Leased(row.id, row.workspace_id, row.stage, row.subject, row.version, row.attempts + 1, token)
        for row in rows
        if row.attempts < max_attempts
    ]
    _update(
        session,
        [piece.id for piece in taken],
        attempts=Work.attempts + 1,
        lease=token,
        lease_until=until,
    )
    died = func.coalesce(Work.error, "its worker died at every attempt")
    _update(session, spent, state=WorkState.DEAD, error=died)
    return taken, len(spent)


def _cautious(limit: int, tried: int, max_attempts: int) -> int:
    """Return how many pieces to take with one that was tried before: the more often, the fewer.

    A piece that kills its process fails its whole batch. At the last attempt it is alone, so that its neighbours,
    some of which were leased with it each time, do not end `dead` too.
    """
    share = max(1 - tried / max(max_attempts - 1, 1), 0.0)
    return max(int(float(limit) ** share + 0.5), 1)


def _next_workspace(session: Session, stage: Job, now: datetime) -> tuple[int, int] | None:
    """Return the workspace whose due work waits longest, and how often its first piece was tried."""
    due = (
        select(Work.workspace_id, Work.attempts)
        .where(Work.stage == stage, *_is_due(now))  # type: ignore[arg-type]
        .order_by(Work.run_at, Work.id)
        .limit(1)
    )
    if stage not in ONE_AT_A_TIME:
        return _pair(session.execute(due).first())
    if session.get_bind().dialect.name == "postgresql":
        # Held until the lease is committed: two workers that look at once must not both find nobody at work.
        session.execute(select(func.pg_advisory_xact_lock(_LOCK_OF_LEASES, list(Job).index(stage))))
    held = select(Work.workspace_id).where(
        Work.stage == stage, Work.state == WorkState.READY, Work.lease_until > now
    )
    return _pair(session.execute(due.where(Work.workspace_id.not_in(held))).first())


def _pair(row: Row[int, int] | None) -> tuple[int, int] | None:
    return None if row is None else (row[0], row[1])


def _update(session: Session, ids: Sequence[int], *, lease_held: str | None = None, **values: object) -> None:
    """Set columns of many rows, some hundreds at a time; with `lease_held`, of those with that lease only."""
    for start in range(0, len(ids), 500):
        query = update(Work).where(Work.id.in_(ids[start : start + 500]))
        if lease_held is not None:
            query = query.where(Work.lease == lease_held)
        session.execute(query.values(**values).execution_options(synchronize_session=False))


def finish(session: Session, leased: Sequence[Leased], *, now: datetime) -> None:
    """Mark work done, in the transaction that holds its effect; work that was marked dirty meanwhile stays."""
    if leased:
        done = {"state": WorkState.DONE, "done_at": now, "lease": None, "lease_until": None, "error": None}
        _update(session, [piece.id for piece in leased], lease_held=leased[0].lease, **done)


def renew(session: Session, *, stage: Job, lease: str, until: datetime) -> None:
    """Go on holding what is left of a lease; rows that a transaction is busy with are left alone."""
    mine = select(Work.id).where(Work.state == WorkState.READY, Work.stage == stage, Work.lease == lease)
    rows = session.scalars(mine.with_for_update(skip_locked=True)).all()
    _update(session, rows, lease_held=lease, lease_until=until)


def holds(session: Session, piece: Leased) -> bool:
    """Say whether a piece is still ours, and keep it so until the transaction ends."""
    return piece.id in held(session, [piece])


def held(session: Session, leased: Sequence[Leased]) -> set[int]:
    """Return the ids of those pieces of a batch that are still ours, and keep them so until the transaction ends.

    The others are somebody else's since the lease ran out, or were asked for anew meanwhile.
    """
    found: set[int] = set()
    for start in range(0, len(leased), 500):
        ids = [piece.id for piece in leased[start : start + 500]]
        query = select(Work.id).where(Work.id.in_(ids), Work.lease == leased[0].lease)
        found |= set(session.scalars(query.order_by(Work.id).with_for_update()))
    return found


def advance(session: Session, leased: Sequence[Leased]) -> None:
    """Count this attempt as the first, in the transaction that holds part of the effect: at the rest it is."""
    if leased:
        _update(session, [piece.id for piece in leased], lease_held=leased[0].lease, attempts=1)


def release(session: Session, leased: Sequence[Leased]) -> None:
    """Give work back untried, so that its neighbour's failure does not count against it."""
    if leased:
        free = {"lease": None, "lease_until": None, "attempts": Work.attempts - 1}
        _update(session, [piece.id for piece in leased], lease_held=leased[0].lease, **free)


def put_off(session: Session, leased: Sequence[Leased], *, run_at: datetime) -> None:
    """Give work back untried, to be leased from a moment on."""
    if leased:
        later = {"lease": None, "lease_until": None, "attempts": Work.attempts - 1, "run_at": run_at}
        _update(session, [piece.id for piece in leased], lease_held=leased[0].lease, **later)


def fail(session: Session, piece: Leased, *, error: str, now: datetime, max_attempts: int) -> None:
    """Record a failed attempt: try again later, each time after a longer wait, or give up as `dead`."""
    # The exponent is bounded: a span of that many doublings fits no timedelta.
    wait = min(BACKOFF_FIRST * 2 ** min(piece.attempts - 1, 20), BACKOFF_LONGEST)
    dead = piece.attempts >= max_attempts
    session.execute(
        update(Work)
        .where(Work.id == piece.id, Work.lease == piece.lease)
        .values(
            state=WorkState.DEAD if dead else WorkState.READY,
            error=error[:2000],
            run_at=now + wait,
            lease=None,
            lease_until=None,
        )
        .execution_options(synchronize_session=False)
    )


def revive(session: Session, *, workspace: int | None, now: datetime) -> int:
    """Make every dead piece of work ready again; return how many."""
    rows = session.scalars(
        select(Work).where(
            Work.state == WorkState.DEAD, *([Work.workspace_id == workspace] if workspace else [])
        )
    ).all()
    for row in rows:
        row.state, row.attempts, row.run_at, row.error = WorkState.READY, 0, now, None
        told(session, row.stage)
    return len(rows)


def count_due(session: Session, *, now: datetime) -> dict[Job, int]:
    """Count the pieces of work that could run by `now`, leased or not, by stage."""
    rows = session.execute(
        select(Work.stage, func.count())
        .where(Work.state == WorkState.READY, Work.run_at <= now)
        .group_by(Work.stage)
    )
    return {stage: count for stage, count in rows}


def stages_due(session: Session, *, now: datetime) -> list[Job]:
    """List the stages with work that could be leased at this moment, in the order of the walk."""
    found = set(session.scalars(select(Work.stage).where(*_is_due(now)).distinct()))  # type: ignore[arg-type]
    return [stage for stage in Job if stage in found]


def is_expected(session: Session, *, until: datetime) -> bool:
    """Say whether unfinished work can run by a moment, be it leased by somebody now or not."""
    query = select(Work.id).where(Work.state == WorkState.READY, Work.run_at <= until)
    return session.scalar(query.limit(1)) is not None


def count_states(session: Session, *, workspace: int | None = None) -> dict[tuple[Job, WorkState], int]:
    """Count work by stage and state."""
    query = select(Work.stage, Work.state, func.count()).group_by(Work.stage, Work.state)
    if workspace is not None:
        query = query.where(Work.workspace_id == workspace)
    return {(stage, state): count for stage, state, count in session.execute(query)}


def oldest_due(session: Session, *, now: datetime) -> datetime | None:
    """Say since when the oldest unfinished due piece of work waits."""
    return session.scalar(
        select(func.min(Work.run_at)).where(Work.state == WorkState.READY, Work.run_at <= now)
    )
