"""Progress of a run until idle, for a person who waits: what is done, how fast, how long still."""

import sys
import time
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime
from typing import TextIO

from models.database import Database
from models.jobs import Job
from models.queries import work

NAMES = {
    Job.INTAKE: "tickets read",
    Job.EMBED: "tickets embedded",
    Job.PLACE: "tickets placed",
    Job.LABEL: "themes named",
    Job.COUNT: "daily counts",
    Job.LINK: "features linked",
    Job.MEASURE: "releases judged",
    Job.SCOPE: "rules applied",
    Job.SHADOW: "steps of another encoder",
}


class Reporter:
    """Write one line for each stage: rewritten in place on a terminal, every few seconds elsewhere."""

    def __init__(
        self, database: Database, clock: Callable[[], datetime], *, stream: TextIO = sys.stderr
    ) -> None:
        self._database, self._clock, self._stream = database, clock, stream
        self._is_terminal = stream.isatty()
        self._done: dict[Job, int] = defaultdict(int)
        self._spent: dict[Job, float] = defaultdict(float)
        self._last = self._written = time.monotonic()
        self._stage: Job | None = None

    def __call__(self, job: Job, count: int) -> None:
        """Hear that a batch of a stage is done."""
        now = time.monotonic()
        if self._stage not in (None, job):
            self.close()
        self._stage = job
        self._done[job] += count
        self._spent[job] += now - self._last
        self._last = now
        if now - self._written >= (0.3 if self._is_terminal else 5.0):
            self._written = now
            self._write(job, self._waiting(job), final=False)

    def _waiting(self, job: Job) -> int:
        with self._database.read(workspace=None) as session:
            return work.count_due(session, now=self._clock()).get(job, 0)

    def _write(self, job: Job, waiting: int, *, final: bool) -> None:
        rate = self._done[job] / self._spent[job] if self._spent[job] > 0 else 0.0
        left = f", {waiting / rate:.0f} s left" if waiting and rate else ""
        line = f"  {NAMES[job]:<17} {self._done[job]:>7,}  {rate:>8,.0f}/s{left}"
        if self._is_terminal:
            self._stream.write(f"\r\033[K{line}" + ("\n" if final else ""))
        else:
            self._stream.write(line + "\n")
        self._stream.flush()

    def close(self) -> None:
        """Write the stage's last line."""
        if self._stage is not None:
            self._write(self._stage, 0, final=True)
            self._stage = None
