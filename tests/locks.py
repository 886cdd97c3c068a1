"""One transaction behind another: what it does must wait until the first one commits."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from sqlalchemy import text

from models.database import Database

_WAITING = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
)
PATIENCE_S = 20


@contextmanager
def behind(act: Callable[[], object], database: Database) -> Iterator[Callable[[], None]]:
    """Hand out what starts `act` in a thread and returns once it waits for a lock of PostgreSQL, or is done.

    The end of the block waits for the thread and raises what it raised, so open the transaction that it waits for
    inside the block.
    """
    with ThreadPoolExecutor(1) as pool:
        running = []

        def start() -> None:
            running.append(pool.submit(act))
            until = time.monotonic() + PATIENCE_S
            while not running[0].done() and time.monotonic() < until:
                with database.engine.connect() as connection:
                    if connection.scalar(text(_WAITING)):
                        return
                time.sleep(0.01)

        yield start
        running[0].result(PATIENCE_S)
