"""Periodic chores and signs of life: claim a slot of time, note who is alive, remove what is spent."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from models.jobs import Chore
from models.queries.upsert import insert_or_ignore, insert_or_update
from models.records import ConsoleTicket, Heartbeat, ScheduleRun

KEPT = timedelta(days=7)
"""How long slots and signs of life stay to be looked at."""


def slot_at(now: datetime, *, every: timedelta) -> datetime:
    """Return the start of the slot that `now` lies in; slots are whole multiples of `every` since 1970."""
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    return epoch + every * ((now - epoch) // every)


def claim(session: Session, *, chore: Chore, every: timedelta, worker: str, now: datetime) -> int | None:
    """Take the present slot of a chore: return its number, or None if somebody has taken it already."""
    row = {
        "chore": chore,
        "slot": slot_at(now, every=every),
        "worker": worker,
        "claimed_at": now,
        "done_at": None,
    }
    return insert_or_ignore(session, ScheduleRun, row, key=("chore", "slot"))


def finish(session: Session, *, run: int, now: datetime) -> None:
    """Note that a chore's slot was worked to its end."""
    session.execute(
        update(ScheduleRun)
        .where(ScheduleRun.id == run)
        .values(done_at=now)
        .execution_options(synchronize_session=False)
    )


def beat(
    session: Session, *, worker: str, kind: str, version: str, started_at: datetime, now: datetime
) -> None:
    """Note that a worker gets work done."""
    row = {"worker": worker, "kind": kind, "version": version, "started_at": started_at, "seen_at": now}
    insert_or_update(session, Heartbeat, row, key=("worker",))


def heartbeats(session: Session) -> list[Heartbeat]:
    """List the workers that were seen lately, by kind and name."""
    return list(session.scalars(select(Heartbeat).order_by(Heartbeat.kind, Heartbeat.worker)))


def tidy(session: Session, *, now: datetime) -> int:
    """Remove slots and signs of life that are old, and links and sessions that are over; return how many."""
    gone = 0
    for statement in (
        delete(ScheduleRun).where(ScheduleRun.slot < now - KEPT),
        delete(Heartbeat).where(Heartbeat.seen_at < now - KEPT),
        delete(ConsoleTicket).where(ConsoleTicket.expires_at < now - KEPT),
    ):
        result = session.execute(statement.execution_options(synchronize_session=False))
        gone += int(result.rowcount)  # type: ignore[attr-defined]
    return gone
