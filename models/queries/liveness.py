"""Does the work get done: what waits, which workers were seen, which chores were done. Nothing of any workspace."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.jobs import Chore, Job, WorkState
from models.records import Heartbeat, ScheduleRun, Source, Work

LONGEST_WAIT_S = 900.0
"""Age of the oldest unfinished due work above which something is wrong: nobody is working it."""

LONGEST_MS = 2000
"""How long PostgreSQL may take for one of these questions; they are asked by monitors, every few seconds."""


@dataclass(frozen=True, slots=True)
class StageWork:
    """The unfinished work of one stage; `oldest_due_s` is 0.0 when nothing is due."""

    stage: Job
    waiting: int
    dead: int
    oldest_due_s: float


@dataclass(frozen=True, slots=True)
class Seen:
    """A worker, and for how many seconds it has shown no sign of life."""

    worker: str
    kind: str
    version: str
    silent_s: float


@dataclass(frozen=True, slots=True)
class ChoreDone:
    """A periodic chore, and how many seconds ago one of its slots was last worked to the end."""

    chore: Chore
    age_s: float


@dataclass(frozen=True, slots=True)
class Liveness:
    """One moment of the whole installation; stages in the order of the walk, each there also without work."""

    stages: tuple[StageWork, ...]
    workers: tuple[Seen, ...]
    chores: tuple[ChoreDone, ...]

    @property
    def oldest_due_s(self) -> float:
        """Return how long the oldest due work has waited, in seconds."""
        return max(stage.oldest_due_s for stage in self.stages)

    @property
    def dead(self) -> int:
        """Return how many pieces of work were given up."""
        return sum(stage.dead for stage in self.stages)

    @property
    def silent_s(self) -> dict[str, float]:
        """Return, for each kind of worker ever seen, the seconds since one of that kind was."""
        kinds = sorted({seen.kind for seen in self.workers})
        return {kind: min(seen.silent_s for seen in self.workers if seen.kind == kind) for kind in kinds}


@dataclass(frozen=True, slots=True)
class Refused:
    """A source some of whose calls failed the check of their signature."""

    source: int
    name: str
    count: int
    last_at: datetime


def read_liveness(session: Session, *, now: datetime) -> Liveness:
    """Read everything in one transaction without a workspace; finished work is not counted, for that takes long."""
    connection = session.connection()
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SET LOCAL statement_timeout = {LONGEST_MS:d}")
    return Liveness(_stages(session, now), _workers(session, now), _chores(session, now))


def _stages(session: Session, now: datetime) -> tuple[StageWork, ...]:
    rows = session.execute(
        select(Work.stage, Work.state, func.count(), func.min(Work.run_at))
        .where(Work.state.in_((WorkState.READY, WorkState.DEAD)))
        .group_by(Work.stage, Work.state)
    ).all()
    found = {(stage, state): (count, oldest) for stage, state, count, oldest in rows}
    none: tuple[int, datetime | None] = (0, None)
    return tuple(
        StageWork(
            stage,
            waiting=found.get((stage, WorkState.READY), none)[0],
            dead=found.get((stage, WorkState.DEAD), none)[0],
            oldest_due_s=_age(found.get((stage, WorkState.READY), none)[1], now),
        )
        for stage in Job
    )


def _workers(session: Session, now: datetime) -> tuple[Seen, ...]:
    rows = session.scalars(select(Heartbeat).order_by(Heartbeat.kind, Heartbeat.worker))
    return tuple(Seen(row.worker, row.kind, row.version, _age(row.seen_at, now)) for row in rows)


def _chores(session: Session, now: datetime) -> tuple[ChoreDone, ...]:
    rows = session.execute(
        select(ScheduleRun.chore, func.max(ScheduleRun.done_at))
        .where(ScheduleRun.done_at.is_not(None))
        .group_by(ScheduleRun.chore)
        .order_by(ScheduleRun.chore)
    )
    return tuple(ChoreDone(chore, _age(done_at, now)) for chore, done_at in rows)


def _age(moment: datetime | None, now: datetime) -> float:
    """Return the seconds since a moment; 0.0 for none and for one ahead: planned, or by another machine's clock."""
    return 0.0 if moment is None else max((now - moment).total_seconds(), 0.0)


def silence_of(session: Session, *, worker: str, now: datetime) -> float | None:
    """Return for how many seconds a worker, such as embed@host-3, has shown no sign of life; None: never seen."""
    seen_at = session.scalar(select(Heartbeat.seen_at).where(Heartbeat.worker == worker))
    return None if seen_at is None else _age(seen_at, now)


def last_refused(session: Session, *, limit: int) -> list[Refused]:
    """List the sources whose calls were refused, latest first, of every workspace."""
    rows = session.scalars(
        select(Source).where(Source.rejected_at.is_not(None)).order_by(Source.rejected_at.desc()).limit(limit)
    )
    return [
        Refused(row.id, row.name, row.rejected_count, row.rejected_at)
        for row in rows
        if row.rejected_at is not None
    ]
