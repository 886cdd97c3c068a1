"""The embedded worker: lease a batch of one stage, do it, and begin again at the first stage that has work."""

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from models import logs
from models.jobs import Job, Queue
from models.queries import work
from models.queries.work import Leased
from workers.context import Context
from workers.schedule import Timetable, pulse

WAITED_FOR = timedelta(minutes=1)
"""How far ahead an attempt may lie that a run until idle still waits for."""

LONGEST_BATCH = timedelta(minutes=30)
"""How long a batch may hold its work; a worker that hangs longer loses it."""

EXIT_HUNG = 70

FAILURE_PAUSE_S = 5.0
"""Pause after a look that failed as a whole: the database may be away for a moment."""

log = logging.getLogger("ebb.worker")

Handler = Callable[[Context, Sequence[Leased]], None]


@dataclass(frozen=True, slots=True)
class Stage:
    """How one stage is worked: how many pieces at a time, and by which function.

    The function commits its effect and `work.finish` in the same transactions, and may commit part of a
    batch: pieces it did not finish are leased again.
    """

    batch_size: int
    handle: Handler


def run_batch(context: Context, stages: Mapping[Job, Stage]) -> tuple[Job, int] | None:
    """Work one batch of the first stage that has due work; return the stage and the count, None when idle."""
    # Looking needs no writer's turn: an idle worker must not disturb intake.
    with context.database.read(workspace=None) as session:
        due = work.count_due(session, now=context.clock())
    for job in stages:
        worked = run_stage(context, stages, job) if job in due else 0
        if worked:
            return job, worked
    return None


def run_stage(context: Context, stages: Mapping[Job, Stage], job: Job) -> int:
    """Work one batch of a stage; return how many pieces were in hand, 0 when nothing can be leased."""
    leased = _lease(context, job, stages[job].batch_size)
    if leased:
        _work(context, stages[job], leased)
    return len(leased)


def _lease(context: Context, job: Job, limit: int) -> list[Leased]:
    with context.database.write(workspace=None) as session:
        return work.lease(
            session,
            stage=job,
            limit=limit,
            now=context.clock(),
            seconds=context.settings.lease_seconds,
            max_attempts=context.settings.work_max_attempts,
        )


@contextmanager
def _kept(context: Context, leased: Sequence[Leased]) -> Iterator[None]:
    """Renew a batch's lease while the block runs: a slow batch is not taken over, a dead worker's soon is.

    A batch that hangs is given up after `LONGEST_BATCH`, and then is somebody else's; a process that has nobody to
    replace it ends itself, so that whatever started it starts it anew.
    """
    seconds = context.settings.lease_seconds
    done = threading.Event()

    def keep() -> None:
        until = time.monotonic() + LONGEST_BATCH.total_seconds()
        while not done.wait(seconds / 3):
            if time.monotonic() > until:
                log.error("a batch hangs")
                give_up(context)
                return
            try:
                with context.database.write(workspace=None) as session:
                    moment = context.clock() + timedelta(seconds=seconds)
                    work.renew(session, stage=leased[0].stage, lease=leased[0].lease, until=moment)
                # A batch in hand that gets its time is a sign of life too.
                pulse(context)
            except Exception as error:  # noqa: BLE001 - the next try may work; without it the lease runs out
                log.warning("a lease was not renewed: %s", error)

    keeper = threading.Thread(target=keep, name="lease-keeper", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        done.set()
        keeper.join()


def give_up(context: Context) -> None:
    """End a process whose only thread for work hangs; forked ones are ended by their parent's time limit."""
    if context.kind != Queue.DEFAULT:
        os._exit(EXIT_HUNG)


def _work(context: Context, stage: Stage, leased: Sequence[Leased]) -> None:
    """Handle a batch; when it fails, handle each piece alone, so that one bad piece stops nobody else."""
    with logs.bound(stage=str(leased[0].stage), workspace=leased[0].workspace_id), _kept(context, leased):
        _handle(context, stage, leased)


def _handle(context: Context, stage: Stage, leased: Sequence[Leased]) -> None:
    try:
        stage.handle(context, leased)
    except Exception as error:  # noqa: BLE001 - whatever it was, it is recorded with the work and retried
        log.warning("stage %s: a batch of %d failed: %s", leased[0].stage, len(leased), error)
        if len(leased) == 1:
            _fail(context, leased[0], error)
            return
        for piece in leased:
            try:
                stage.handle(context, [piece])
            except Exception as alone:  # noqa: BLE001 - as above
                _fail(context, piece, alone)


def _fail(context: Context, piece: Leased, error: Exception) -> None:
    with logs.bound(work=piece.id, attempt=piece.attempts):
        log.error("work failed", exc_info=error)
    with context.database.write(workspace=piece.workspace_id) as session:
        work.fail(
            session,
            piece,
            # The type alone: a message may carry a ticket's text.
            error=type(error).__name__,
            now=context.clock(),
            max_attempts=context.settings.work_max_attempts,
        )


def run_until_idle(
    context: Context,
    stages: Mapping[Job, Stage],
    *,
    on_batch: Callable[[Job, int], None],
    pause: Callable[[float], None] = time.sleep,
) -> int:
    """Work until nothing is due; return how many pieces were worked.

    Work that somebody else holds, perhaps a worker that died, and work that waits for another attempt is waited
    for; looks planned for another day are not.
    """
    worked = 0
    while True:
        batch = run_batch(context, stages)
        if batch is not None:
            worked += batch[1]
            on_batch(*batch)
            continue
        with context.database.read(workspace=None) as session:
            if not work.is_expected(session, until=context.clock() + WAITED_FOR):
                return worked
        pause(context.settings.poll_seconds)


def run_forever(context: Context, stages: Mapping[Job, Stage], *, stop: threading.Event) -> None:
    """Work and do the chores until told to stop; an idle worker looks again after a pause."""
    timetable = Timetable()
    while not stop.is_set():
        try:
            timetable.run(context)
            is_idle = run_batch(context, stages) is None
        except Exception as error:
            log.error("the worker could not look for work", exc_info=error)
            stop.wait(FAILURE_PAUSE_S)
            continue
        if is_idle:
            stop.wait(context.settings.poll_seconds)
