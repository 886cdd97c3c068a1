"""Group commit: one writer thread stores all deliveries that wait in one transaction, as long as any do.

While a commit is under way the next deliveries gather, so the busier intake is, the more share a commit; the writer
waits a few milliseconds only for as many as there were lately. A delivery is answered only after the commit that
holds it. If a batch fails, its deliveries are tried one by one, so that one that cannot be stored fails alone.
"""

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from models.database import Database, is_out_of_reach
from models.errors import Busy
from models.logs import get_logger, type_name
from models.queries import deliveries
from models.queries.deliveries import DeliveryDraft
from service.metrics import Metrics

log = get_logger("ebb.intake")

BATCH_LIMIT = 200

OUT_OF_REACH_AFTER = 2
"""After so many tries in a row that did not reach the database the rest are not tried: each may take seconds."""

Outcome = bool | Exception
"""Whether a delivery was new, or why it is not stored."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    draft: DeliveryDraft
    loop: asyncio.AbstractEventLoop
    future: "asyncio.Future[bool]"


def _settle(answers: Sequence[tuple["asyncio.Future[bool]", Outcome]]) -> None:
    for future, outcome in answers:
        if future.done():  # the sender hung up; the row is stored all the same
            continue
        if isinstance(outcome, Exception):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)


class IntakeWriter:
    """The one thread of the API process that stores deliveries; started and drained by the application."""

    def __init__(
        self, database: Database, *, size: int, gather_ms: float, metrics: Metrics | None = None
    ) -> None:
        self._database = database
        self._metrics = metrics or Metrics()
        self._metrics.intake_waiting.set_function(lambda: len(self._waiting))
        self._gather_s = gather_ms / 1000
        self._size = size
        self._waiting: deque[_Waiting] = deque()
        self._change = threading.Condition()
        self._is_ending = False
        # How many are expected to come within the gathering time, and how many the last batch held.
        self._expected, self._stored = 1, 0
        self._thread = threading.Thread(target=self._run, name="intake-writer", daemon=True)

    def start(self) -> None:
        """Start the writer thread."""
        self._thread.start()

    def drain(self) -> None:
        """Store everything that waits, then end the thread; whoever comes later is turned away."""
        with self._change:
            self._is_ending = True
            self._change.notify()
        self._thread.join()

    async def submit(self, draft: DeliveryDraft) -> bool:
        """Store a delivery; return, once it is committed, whether it was new. Raise `Busy` if too many wait."""
        loop = asyncio.get_running_loop()
        waiting = _Waiting(draft, loop, loop.create_future())
        with self._change:
            if self._is_ending or len(self._waiting) >= self._size:
                raise Busy("Too many deliveries wait to be stored; send it again in a few seconds.")
            self._waiting.append(waiting)
            # The writer sleeps only where nobody waits, or until those it expects are here.
            if len(self._waiting) in (1, self._expected):
                self._change.notify()
        return await waiting.future

    def _run(self) -> None:
        while batch := self._gather():
            try:
                self._store(batch)
            except BaseException as error:  # noqa: BLE001 - without this thread every sender would wait for ever
                log.error("the writer failed", deliveries=len(batch), error=type_name(error))
                # Whether they are stored nobody knows: they may come again, for each has a key.
                _answer(batch, [_unknown()] * len(batch))

    def _gather(self) -> list[_Waiting]:
        """Wait for deliveries and take them; none at the end."""
        with self._change:
            # Those who were just answered and those who came meanwhile are likely to be here again at once.
            self._expected = min(
                max(self._stored + len(self._waiting), self._expected * 7 // 8, 1), BATCH_LIMIT
            )
            self._change.wait_for(lambda: self._waiting or self._is_ending)
            self._change.wait_for(self._are_here, timeout=self._gather_s)
            self._stored = min(len(self._waiting), BATCH_LIMIT)
            return [self._waiting.popleft() for _ in range(self._stored)]

    def _are_here(self) -> bool:
        return len(self._waiting) >= self._expected or self._is_ending

    def _store(self, batch: Sequence[_Waiting]) -> None:
        try:
            outcomes: list[Outcome] = list(self._commit(batch, at_once=not self._database.is_sqlite))
        except Exception as error:  # noqa: BLE001 - whatever it was, each delivery gets its own try and answer
            log.warning("a batch of deliveries failed", deliveries=len(batch), error=type_name(error))
            outcomes = self._store_singly(batch, error)
        _answer(batch, outcomes)

    def _commit(self, batch: Sequence[_Waiting], *, at_once: bool = False) -> list[bool]:
        drafts = [waiting.draft for waiting in batch]
        with self._metrics.intake_commit_seconds.time():
            if at_once:
                news = deliveries.record_at_once(self._database, drafts=drafts)
            else:
                # Most batches are of one workspace; `record` changes to the others'.
                with self._database.write(workspace=drafts[0].workspace_id) as session:
                    news = deliveries.record(session, drafts=drafts)
        new = sum(news)
        self._metrics.count_stored(new=new, copies=len(news) - new)
        log.info("deliveries stored", new=new, copies=len(news) - new)
        return news

    def _store_singly(self, batch: Sequence[_Waiting], cause: Exception) -> list[Outcome]:
        """Try each delivery alone; where the database is out of reach all that are left are told to come again."""
        outcomes: list[Outcome] = []
        lost = 0
        for waiting in batch:
            if lost >= OUT_OF_REACH_AFTER:
                outcomes.append(_told(cause))
                continue
            try:
                outcomes += self._commit([waiting])
                lost = 0
            except Exception as alone:  # noqa: BLE001 - it is this delivery's answer
                outcomes.append(_told(alone))
                lost += is_out_of_reach(alone)
                cause = alone
        return outcomes


def _told(error: Exception) -> Exception:
    """Return what a sender is told: to come again, where only the database is away."""
    if is_out_of_reach(error):
        return Busy("The database does not answer; nothing was stored. Send it again in a few seconds.")
    return error


def _unknown() -> Busy:
    return Busy("Storing failed; send it again in a few seconds.")


def _answer(batch: Sequence[_Waiting], outcomes: Sequence[Outcome]) -> None:
    """Wake those who wait, each event loop once for all of its own."""
    answers: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[bool], Outcome]]] = {}
    for waiting, outcome in zip(batch, outcomes, strict=True):
        answers.setdefault(waiting.loop, []).append((waiting.future, outcome))
    for loop, settled in answers.items():
        # A loop that has ended has nobody left to tell; the writer goes on for the others.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(_settle, settled)
