"""Group commit: one writer thread gathers the deliveries of a few milliseconds into one transaction.

A delivery is answered only after the commit that holds it. If a batch fails, its deliveries are tried one
by one, so that one that cannot be stored fails alone.
"""

import asyncio
import contextlib
import queue
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from models.database import Database
from models.errors import Busy
from models.logs import get_logger, type_name
from models.queries import deliveries
from models.queries.deliveries import DeliveryDraft
from service.metrics import Metrics

log = get_logger("ebb.intake")

BATCH_LIMIT = 200


@dataclass(frozen=True, slots=True)
class _Waiting:
    draft: DeliveryDraft
    loop: asyncio.AbstractEventLoop
    future: "asyncio.Future[bool]"

    def resolve(self, is_new: bool) -> None:
        self._answer(is_new, None)

    def reject(self, error: Exception) -> None:
        self._answer(False, error)

    def _answer(self, is_new: bool, error: Exception | None) -> None:
        # A loop that has ended has nobody left to tell; the writer goes on for the others.
        with contextlib.suppress(RuntimeError):
            self.loop.call_soon_threadsafe(_settle, self.future, is_new, error)


def _settle(future: "asyncio.Future[bool]", is_new: bool, error: Exception | None) -> None:
    if future.done():  # the sender hung up; the row is stored all the same
        return
    if error is None:
        future.set_result(is_new)
    else:
        future.set_exception(error)


class IntakeWriter:
    """The one thread of the API process that stores deliveries; started and drained by the application."""

    def __init__(
        self, database: Database, *, size: int, gather_ms: float, metrics: Metrics | None = None
    ) -> None:
        self._database = database
        self._metrics = metrics or Metrics()
        self._metrics.intake_waiting.set_function(lambda: self._queue.qsize())
        self._gather_s = gather_ms / 1000
        self._queue: queue.Queue[_Waiting | None] = queue.Queue(maxsize=size)
        self._thread = threading.Thread(target=self._run, name="intake-writer", daemon=True)

    def start(self) -> None:
        """Start the writer thread."""
        self._thread.start()

    def drain(self) -> None:
        """Store everything that waits, then end the thread."""
        self._queue.put(None)
        self._thread.join()

    async def submit(self, draft: DeliveryDraft) -> bool:
        """Store a delivery; return, once it is committed, whether it was new. Raise `Busy` if too many wait."""
        loop = asyncio.get_running_loop()
        waiting = _Waiting(draft, loop, loop.create_future())
        try:
            self._queue.put_nowait(waiting)
        except queue.Full:
            raise Busy("Too many deliveries wait to be stored; send it again in a few seconds.") from None
        return await waiting.future

    def _run(self) -> None:
        while True:
            first = self._queue.get()
            if first is None:
                return
            batch, is_last = self._gather(first)
            self._store(batch)
            if is_last:
                return

    def _gather(self, first: _Waiting) -> tuple[list[_Waiting], bool]:
        batch = [first]
        until = time.monotonic() + self._gather_s
        while len(batch) < BATCH_LIMIT:
            try:
                following = self._queue.get(timeout=max(until - time.monotonic(), 0))
            except queue.Empty:
                break
            if following is None:
                return batch, True
            batch.append(following)
        return batch, False

    def _store(self, batch: Sequence[_Waiting]) -> None:
        try:
            with (
                self._metrics.intake_commit_seconds.time(),
                self._database.write(workspace=None) as session,
            ):
                news = deliveries.record(session, drafts=[waiting.draft for waiting in batch])
        except Exception as error:  # noqa: BLE001 - whatever it was, each delivery gets its own try and answer
            log.warning("a batch of deliveries failed", deliveries=len(batch), error=type_name(error))
            self._store_singly(batch, error)
            return
        for waiting, is_new in zip(batch, news, strict=True):
            self._metrics.count_stored(is_new=is_new)
            waiting.resolve(is_new)

    def _store_singly(self, batch: Sequence[_Waiting], cause: Exception) -> None:
        if len(batch) == 1:
            batch[0].reject(cause)
            return
        for waiting in batch:
            self._store([waiting])
