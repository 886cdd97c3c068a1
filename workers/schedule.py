"""Chores that come round: the embedded worker does them itself, beat announces them to Celery workers.

Every chore has slots of time, and a slot is worked by whoever inserts its row: two schedulers do no harm.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from models.impact.judge import METHOD_VERSION
from models.jobs import Chore, Job
from models.language.kind import version_for
from models.queries import chores, sweep, work, workspaces
from models.settings import Settings
from workers.context import Context
from workers.pull import pull_due
from workers.reconcile import reconcile_due
from workers.retain import retain
from workers.seal import seal
from workers.watch import watch

log = logging.getLogger("ebb.schedule")

SWEPT_AT_ONCE = 500
"""Subjects of one stage and workspace that a sweep adds work for; more wait for the next."""

Announce = Callable[[frozenset[Job]], None]


def intervals(settings: Settings) -> Mapping[Chore, timedelta]:
    """Return how often each chore comes round."""
    return {
        Chore.REMIND: timedelta(seconds=settings.remind_seconds),
        Chore.PULSE: timedelta(seconds=settings.pulse_seconds),
        Chore.SWEEP: timedelta(seconds=settings.sweep_seconds),
        Chore.TIDY: timedelta(hours=1),
        Chore.WATCH: timedelta(seconds=settings.watch_seconds),
        Chore.RETAIN: timedelta(hours=1),
        Chore.SEAL: timedelta(hours=1),
        Chore.PULL: timedelta(seconds=settings.pull_seconds),
        Chore.RECONCILE: timedelta(hours=1),
    }


def run_chore(context: Context, chore: Chore, *, announce: Announce) -> bool:
    """Do a chore unless its present slot was taken already; say whether it was done here.

    The pulse has no slots: every worker shows its own life.
    """
    if chore is Chore.PULSE:
        pulse(context)
        return True
    with context.database.write(workspace=None) as session:
        every = intervals(context.settings)[chore]
        run = chores.claim(session, chore=chore, every=every, worker=context.worker, now=context.clock())
    if run is None:
        return False
    _ACTS[chore](context, announce)
    with context.database.write(workspace=None) as session:
        chores.finish(session, run=run, now=context.clock())
    return True


def pulse(context: Context) -> None:
    """Write this worker's sign of life."""
    with context.database.write(workspace=None) as session:
        chores.beat(
            session,
            worker=context.worker,
            kind=context.kind,
            version=context.version,
            started_at=context.started_at,
            now=context.clock(),
        )


def _remind(context: Context, announce: Announce) -> None:
    """Announce every stage with due work: its message may be lost, or the work was planned for now."""
    with context.database.read(workspace=None) as session:
        due = work.stages_due(session, now=context.clock())
    announce(frozenset(due))


def _sweep(context: Context, _announce: Announce) -> None:
    """Add work that should exist and does not, one workspace at a time."""
    with context.database.read(workspace=None) as session:
        numbers = [row.id for row in workspaces.list_workspaces(session)]
    for number in numbers:
        with context.database.write(workspace=number) as session:
            encoder = workspaces.encoder_of(session, workspace=number)
            added = sweep.add_missing(
                session,
                workspace=number,
                method_version=METHOD_VERSION,
                kind_version=version_for((encoder.name, encoder.digest) if encoder else None),
                now=context.clock(),
                limit=SWEPT_AT_ONCE,
            )
        for stage, count in added.items():
            log.warning("the sweep found %d subjects of workspace %d without work: %s", count, number, stage)


def _tidy(context: Context, _announce: Announce) -> None:
    with context.database.write(workspace=None) as session:
        chores.tidy(session, now=context.clock())


def _watch(context: Context, _announce: Announce) -> None:
    """Look at every source for silence, one workspace at a time."""
    with context.database.read(workspace=None) as session:
        numbers = [row.id for row in workspaces.list_workspaces(session)]
    for number in numbers:
        watch(context, number)


def _pull(context: Context, _announce: Announce) -> None:
    pull_due(context)


def _reconcile(context: Context, _announce: Announce) -> None:
    reconcile_due(context)


_ACTS: Mapping[Chore, Callable[[Context, Announce], None]] = {
    Chore.REMIND: _remind,
    Chore.SWEEP: _sweep,
    Chore.TIDY: _tidy,
    Chore.WATCH: _watch,
    Chore.RETAIN: retain,
    Chore.SEAL: seal,
    Chore.PULL: _pull,
    Chore.RECONCILE: _reconcile,
}


@dataclass(slots=True)
class Timetable:
    """When the embedded worker does its chores; it polls for work itself, so nobody needs reminding."""

    due: dict[Chore, datetime] = field(default_factory=dict)

    def run(self, context: Context) -> None:
        """Do the chores whose time has come."""
        now = context.clock()
        for chore, every in intervals(context.settings).items():
            if chore is Chore.REMIND or self.due.get(chore, now) > now:
                continue
            self.due[chore] = now + every
            run_chore(context, chore, announce=lambda _: None)
