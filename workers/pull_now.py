"""Pull one source in the foreground, with progress: `python -m workers.pull_now WORKSPACE SOURCE [--once]`."""

import argparse
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TextIO

from models import logs
from models.errors import EbbError
from models.queries import pulls
from models.records import Pull
from models.settings import load_settings
from workers.context import Context, build_context
from workers.pull import Run, pull_source
from workers.vendor import OpenClient, open_client

TOLD_EVERY = timedelta(seconds=2)
LONGEST_PAUSE_S = 30.0


class Teller:
    """Say how far pulling came: rewritten in place on a terminal, a line every few seconds elsewhere."""

    def __init__(self, clock: Callable[[], datetime], *, stream: TextIO = sys.stderr) -> None:
        self._clock, self._stream = clock, stream
        self._stored, self._told_at = 0, clock() - TOLD_EVERY

    def __call__(self, run: Run) -> None:
        """Hear that records were stored."""
        now = self._clock()
        if now - self._told_at >= TOLD_EVERY:
            self._told_at = now
            self.say(describe(self._stored + run.stored, run.row.since, run.covered_until, now))

    def add(self, stored: int) -> None:
        """Hear that a turn is over."""
        self._stored += stored

    def say(self, line: str) -> None:
        """Write a line."""
        ending = "\r\033[K" if self._stream.isatty() else ""
        self._stream.write(f"{ending}  {line}" + ("" if ending else "\n"))
        self._stream.flush()

    @property
    def stored(self) -> int:
        """Records that were stored in the turns that are over."""
        return self._stored


def describe(stored: int, since: datetime, until: datetime | None, now: datetime) -> str:
    """Put progress in words: vendors tell no total, so the share is one of time."""
    whole = max((now - since).total_seconds(), 1.0)
    share = min(max((until - since).total_seconds() / whole, 0.0), 1.0) if until else 0.0
    reached = f"covered to {until:%Y-%m-%d %H:%M} UTC" if until else "at the beginning"
    return f"{stored:,} records stored, {share:.0%} of the time since {since:%Y-%m-%d}, {reached}"


def pull_until_done(
    context: Context,
    workspace: int,
    source: int,
    *,
    once: bool,
    teller: Teller,
    pause: Callable[[float], bool],
    client: OpenClient = open_client,
) -> int:
    """Take turns until the source is caught up, or refused; with `once` take one. Return the exit code.

    `pause` waits so many seconds, and says whether to stop.
    """
    began = context.clock()
    while True:
        stored = pull_source(
            context, workspace, source, budget=lambda: True, client=client, on_progress=teller
        )
        teller.add(stored)
        row = _row(context, workspace, source)
        if row.stopped:
            teller.say(f"stopped: {row.error}")
            return 2
        if once or (row.caught_up_at is not None and row.caught_up_at >= began):
            teller.say(describe(teller.stored, row.since, row.covered_until, context.clock()))
            return 0
        wait = max((row.next_at - context.clock()).total_seconds(), 0.5)
        reason = row.error or "the vendor's limit, or another worker has the source"
        teller.say(f"{teller.stored:,} records stored; goes on in {wait:.0f} s: {reason}")
        if pause(min(wait, LONGEST_PAUSE_S)):
            return 0


def _row(context: Context, workspace: int, source: int) -> Pull:
    with context.database.read(workspace=workspace) as session:
        row = pulls.find_pull(session, workspace=workspace, source=source)
    assert row is not None, "the command checked that the source is pulled"
    return row


def main(arguments: Sequence[str] | None = None) -> int:
    """Pull until caught up or told to stop; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m workers.pull_now", description=__doc__)
    parser.add_argument("workspace", type=int)
    parser.add_argument("source", type=int)
    parser.add_argument("--once", action="store_true", help="one turn alone")
    options = parser.parse_args(arguments)
    try:
        settings = load_settings()
    except EbbError as error:
        sys.stderr.write(f"{error.message}\n")
        return 2
    logs.configure(settings)
    context = build_context(settings)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    try:
        return pull_until_done(
            context,
            options.workspace,
            options.source,
            once=options.once,
            teller=Teller(context.clock),
            pause=stop.wait,
        )
    except KeyboardInterrupt:
        sys.stderr.write("\nebb: stopped; the next run goes on here\n")
        return 130
    finally:
        context.database.close()


if __name__ == "__main__":
    sys.exit(main())
