"""The only Celery file: the application, its tasks, its schedule. Messages carry a name and nothing else.

A task leases work of its stage from the database until none is due, and announces what became due meanwhile. A
message that is lost, late or doubled therefore costs time, never work.
"""

import logging
import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from celery import Celery, Task, signals
from celery.worker import state
from celery.worker.consumer import Consumer
from kombu.exceptions import OperationalError

from models import logs
from models.broker import MESSAGE_LIFE_S, queue_name, queue_of, sender_options, worker_options
from models.jobs import Chore, Job, Queue
from models.queries import nudges, work
from models.settings import Settings, load_settings
from workers.context import Context, build_context
from workers.run import Stage, run_stage
from workers.schedule import intervals, run_chore
from workers.stages import build_stages

log = logging.getLogger("ebb.tasks")

BUDGET_S = 15.0
"""After so long a task makes room for the others of its queue; what is left has been announced by then."""

CHORE_LIFE_S = 600.0
"""How long a chore's message may wait behind others; a slot is worked once, however late its message comes."""

LONGEST_CHORE_GAP_S = 60.0
"""How often beat names a chore at least: slots decide whether it is due, so a beat that restarts skips none."""

TASK_LIMIT_S = 1800
CHILD_MEMORY_KIB = 800_000
"""A process of the default queue that holds more than this is replaced after its task."""


@dataclass(slots=True)
class World:
    """What one worker process works with; never shared with a process that is forked later."""

    context: Context
    stages: Mapping[Job, Stage]
    sender: Celery
    # Stages that commits of this process gave work to, and that were not announced since.
    stirred: set[Job] = field(default_factory=set)
    pulsed_at: datetime | None = None

    def announce(self, stages: Iterable[Job]) -> None:
        """Send a message for each stage that has none under way; a broker that fails costs a delay."""
        now = self.context.clock()
        lost_after = timedelta(seconds=self.context.settings.remind_seconds)
        with self.context.database.write(workspace=None) as session:
            claimed = nudges.claim(session, stages=stages, now=now, lost_after=lost_after)
        for stage in claimed:
            if not (self._send(stage) or self._send(stage)):
                with self.context.database.write(workspace=None) as session:
                    nudges.clear(session, stages=[stage])

    def _send(self, stage: Job) -> bool:
        """Send a stage's message; the first try on a connection that the broker closed meanwhile fails."""
        try:
            self.sender.send_task(str(stage), queue=queue_of(stage), expires=MESSAGE_LIFE_S, retry=False)
        except (OperationalError, OSError) as error:
            log.warning("stage %s could not be announced: %s", stage, error)
            return False
        return True

    def announce_stirred(self) -> None:
        """Announce what the last commits gave work to."""
        stirred, self.stirred = self.stirred, set()
        if stirred:
            self.announce(stirred)


def build_world(settings: Settings, *, kind: str) -> World:
    """Build the world of this process."""
    context = build_context(settings, kind=kind)
    sender = Celery("ebb-sender", set_as_current=False)
    sender.conf.update(sender_options(settings.broker_url))
    made = World(context, build_stages(settings), sender)
    context.database.on_work = lambda stages: made.stirred.update(stages)
    return made


_worlds: dict[int, World] = {}
_kind = [str(Queue.DEFAULT)]


def world() -> World:
    """Return this process's world, made at first use: connections and models do not survive a fork."""
    pid = os.getpid()
    if pid not in _worlds:
        _worlds.clear()
        _worlds[pid] = build_world(load_settings(), kind=_kind[0])
    return _worlds[pid]


def work_stage(here: World, job: Job, *, is_again: bool = False) -> int:
    """Work a stage until nothing of it is due or the budget is spent; return how many pieces were worked.

    A message whose stage another copy of it began already dies here, or copies would never end; `is_again` tells
    that the broker gives it a second time, because whoever took it died.
    """
    with here.context.database.write(workspace=None) as session:
        is_expected = nudges.clear(session, stages=[job]) > 0
    _show_life(here)
    if not (is_expected or is_again):
        return 0
    worked, until = 0, time.monotonic() + BUDGET_S
    while count := run_stage(here.context, here.stages, job):
        worked += count
        if _is_due(here, job):
            here.stirred.add(job)
        here.announce_stirred()
        _show_life(here)
        # The pool without forks ends when its task does: told to stop, it takes no further batch.
        if time.monotonic() > until or state.should_stop is not None:
            break
    return worked


def _is_due(here: World, job: Job) -> bool:
    with here.context.database.read(workspace=None) as session:
        return job in work.stages_due(session, now=here.context.clock())


def _show_life(here: World) -> None:
    """Write the heartbeat now and then also without beat: work that gets done is the best sign of life."""
    now = here.context.clock()
    if here.pulsed_at is None or now - here.pulsed_at >= intervals(here.context.settings)[Chore.PULSE]:
        do_chore(here, Chore.PULSE)


def do_chore(here: World, chore: Chore) -> None:
    """Do a chore whose turn it is."""
    if chore is Chore.PULSE:
        here.pulsed_at = here.context.clock()
    run_chore(here.context, chore, announce=here.announce)
    here.announce_stirred()


def _configuration() -> dict[str, object]:
    settings = load_settings()
    return {
        **worker_options(settings.broker_url),
        "beat_schedule": beat_schedule(settings),
        "worker_concurrency": settings.worker_processes,
        "worker_max_memory_per_child": CHILD_MEMORY_KIB,
        "task_time_limit": TASK_LIMIT_S,
    }


def beat_schedule(settings: Settings) -> dict[str, dict[str, object]]:
    """Return what beat sends: every chore to the default queue, and the pulse to each queue."""
    entries: dict[str, dict[str, object]] = {}
    for chore, every in intervals(settings).items():
        gap = min(every.total_seconds(), LONGEST_CHORE_GAP_S)
        for queue in Queue if chore is Chore.PULSE else (Queue.DEFAULT,):
            life = gap if chore is Chore.PULSE else CHORE_LIFE_S
            options = {"queue": queue_name(queue), "expires": max(life, 1.0)}
            entries[f"{chore} {queue}"] = {"task": str(chore), "schedule": gap, "options": options}
    return entries


def make_app() -> Celery:
    """Make the application with one task for every stage and chore; it reads the settings when it is used."""
    made = Celery("ebb", set_as_current=False)
    made.add_defaults(_configuration)
    for job in Job:
        _add_stage(made, job)
    for chore in Chore:
        _add_chore(made, chore)
    return made


def _add_stage(made: Celery, job: Job) -> None:
    @made.task(name=str(job), shared=False, bind=True)  # type: ignore[untyped-decorator]
    def stage(task: Task) -> None:
        is_again = bool((task.request.delivery_info or {}).get("redelivered"))
        work_stage(world(), job, is_again=is_again)


def _add_chore(made: Celery, chore: Chore) -> None:
    @made.task(name=str(chore), shared=False)  # type: ignore[untyped-decorator]
    def run() -> None:
        do_chore(world(), chore)


app = make_app()


@signals.celeryd_init.connect  # type: ignore[untyped-decorator]
def _learn_kind(sender: str, **_: object) -> None:
    """Take the kind of worker from the node's name, such as embed@host."""
    _kind[0] = sender.partition("@")[0]


@signals.worker_init.connect  # type: ignore[untyped-decorator]
def _declare_queues(**_: object) -> None:
    """Make both queues, whichever this worker serves: Celery binds each to exchanges of its own at the start."""
    try:
        with app.connection_for_write() as connection:
            connection.ensure_connection(max_retries=1, timeout=5)
            for queue in app.amqp.queues.values():
                queue(connection.default_channel).declare()
    except (OperationalError, OSError) as error:
        log.warning("the queues are not made yet: %s", error)


@signals.worker_ready.connect  # type: ignore[untyped-decorator]
def _stay_awake(sender: Consumer, **_: object) -> None:
    """Look up twice a second: an idle event loop takes ten to see that it was told to stop."""
    if sender.hub is not None:
        sender.hub.call_repeatedly(0.5, lambda: None)


@signals.setup_logging.connect  # type: ignore[untyped-decorator]
def _set_up_logging(**_: object) -> None:
    logs.configure(load_settings())
