"""Tell the workers that there is work: best effort, after the commit, and never in a request's way.

One thread sends. A request only puts a stage's name down, so a broker that is gone, or that accepts and never
answers, delays no answer; the row in the database is what counts, and the schedule announces due work anew.
"""

import logging
import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from models.broker import MESSAGE_LIFE_S, queue_of, sender_options
from models.database import Database
from models.jobs import Job
from models.queries import nudges
from models.settings import Settings

log = logging.getLogger("ebb.nudge")

GATHER_S = 0.05
"""Nudges of so long are sent together."""

PAUSE_AFTER_FAILURE_S = 2.0
STOP_WITHIN_S = 3.0


class Outcome(StrEnum):
    """What became of a nudge."""

    SENT = "sent"
    FAILED = "failed"


class Nudger:
    """The sending thread of one API process; started and stopped by the application."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        *,
        on_outcome: Callable[[Outcome], None] = lambda _: None,
    ) -> None:
        # Imported here: an installation without a broker pays nothing for Celery.
        from celery import Celery

        self._app = Celery("ebb-api", set_as_current=False)
        self._app.conf.update(sender_options(settings.broker_url))
        self._lost_after = timedelta(seconds=settings.remind_seconds)
        self._database = database
        self._on_outcome = on_outcome
        self._wanted: set[Job] = set()
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="nudger", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Send what waits, then end the thread; a broker that hangs is not waited for."""
        self._stop.set()
        self._wake.set()
        self._thread.join(STOP_WITHIN_S)

    def nudge(self, stages: Iterable[Job]) -> None:
        """Ask that workers hear of these stages soon; returns at once and never raises."""
        with self._lock:
            self._wanted.update(stages)
        self._wake.set()

    def _run(self) -> None:
        while True:
            self._wake.wait()
            # A burst of deliveries is one message.
            is_last = self._stop.wait(GATHER_S)
            self._wake.clear()
            with self._lock:
                wanted, self._wanted = self._wanted, set()
            is_fine = self._send(wanted)
            if is_last:
                return
            if not is_fine:
                self._stop.wait(PAUSE_AFTER_FAILURE_S)

    def _send(self, wanted: set[Job]) -> bool:
        """Send the messages that are needed; say whether all went well."""
        if not wanted:
            return True
        unsent: list[Job] = []
        try:
            with self._database.write(workspace=None) as session:
                now = datetime.now(UTC)
                unsent = nudges.claim(session, stages=wanted, now=now, lost_after=self._lost_after)
            while unsent:
                self._send_one(unsent[0])
                self._on_outcome(Outcome.SENT)
                unsent = unsent[1:]
        except Exception as error:  # noqa: BLE001 - whatever it was, the work is stored and announced again later
            log.warning("workers could not be told of work: %s", error)
            self._on_outcome(Outcome.FAILED)
            self._give_back(unsent)
            return False
        return True

    def _send_one(self, stage: Job) -> None:
        """Send a message; the first try on a connection that the broker closed meanwhile fails, the second tells."""
        for is_last in (False, True):
            try:
                self._app.send_task(str(stage), queue=queue_of(stage), expires=MESSAGE_LIFE_S, retry=False)
            except Exception:
                if is_last:
                    raise
            else:
                return

    def _give_back(self, unsent: Iterable[Job]) -> None:
        """Let the next nudge of these stages try again."""
        try:
            with self._database.write(workspace=None) as session:
                nudges.clear(session, stages=unsent)
        except Exception as error:  # noqa: BLE001 - the database too may be away; claims run out by themselves
            log.warning("claims of nudges stay until they run out: %s", error)
