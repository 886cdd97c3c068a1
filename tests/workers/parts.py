"""Large deliveries that workers write part by part, and whoever dies or comes in between."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from sqlalchemy import Connection, event, select

from models.database import Database
from models.jobs import Job, WorkState
from models.queries import delivery_log, work
from models.queries.work import Leased
from models.records import Delivery, DeliveryState, Source, Work
from models.values.feedback import FeedbackChange
from tests.clock import Clock
from tests.workers.tickets import deliver, entry, items
from workers import intake
from workers.apply import Prepared
from workers.context import Context
from workers.intake import parse_deliveries

COUNT, AT_ONCE = 25, 10
LEASE_S = 60
PREPARE, OWN_PART = intake.prepare, intake.CHANGES_AT_ONCE


class Killed(BaseException):
    """What ends a process in the middle of its work: nothing of it is recorded."""


def die() -> None:
    raise Killed


def names(start: int, end: int) -> list[str]:
    return [f"T-{number}" for number in range(start, end)]


def entries(count: int = COUNT, **chosen: object) -> list[dict[str, object]]:
    return [entry(number, tags=["tier_pro", "old_basic"], **chosen) for number in range(count)]


@dataclass
class Parts:
    """A desk whose deliveries are written in parts of ten changes.

    written: the records of the changes that were handed to the database, in order, those rolled back included.
    """

    database: Database
    context: Context
    workspace: int
    source: int
    clock: Clock
    monkeypatch: pytest.MonkeyPatch
    written: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Let a part be small, so that few changes make several parts, and listen to what is written."""
        self.monkeypatch.setattr(intake, "CHANGES_AT_ONCE", AT_ONCE)
        self._at_each_change(self.written.append)

    def _at_each_change(self, hear: Callable[[str], object]) -> None:
        real = intake.apply

        def apply(session: object, origin: object, prepared: Prepared) -> None:
            real(session, origin, prepared)  # type: ignore[arg-type]
            if isinstance(prepared.change, FeedbackChange):
                hear(prepared.change.external_id or "")

        self.monkeypatch.setattr(intake, "apply", apply)

    def deliver(self, *bodies: object) -> None:
        deliver(self.context, self.workspace, self.source, *bodies)

    def lease(self, *, max_attempts: int = 5) -> list[Leased]:
        with self.context.database.write(workspace=None) as session:
            return work.lease(
                session,
                stage=Job.INTAKE,
                limit=9,
                now=self.context.clock(),
                seconds=LEASE_S,
                max_attempts=max_attempts,
            )

    def work(self, *, max_attempts: int = 5) -> None:
        """Let one worker do what it gets."""
        parse_deliveries(self.context, self.lease(max_attempts=max_attempts))

    def work_and_die(self, *, max_attempts: int = 5) -> None:
        """Let one worker do what it gets until it dies, and its lease run out."""
        with pytest.raises(Killed):
            self.work(max_attempts=max_attempts)
        self.run_out()

    def run_out(self) -> None:
        """Let the leases of today run out."""
        self.clock.advance(seconds=LEASE_S + 1)

    def before_part(self, number: int, act: Callable[[], object]) -> None:
        """Do something once, when a worker has committed so many parts and is about to make the next one ready."""
        real, seen = intake.prepare, [0]

        def prepare(change: object) -> Prepared:
            seen[0] += 1
            if seen[0] == number * AT_ONCE + 1:
                act()
            return real(change)  # type: ignore[arg-type]

        self.monkeypatch.setattr(intake, "prepare", prepare)

    def forget_before_part(self) -> None:
        """Let the next worker do nothing of its own before a part."""
        self.monkeypatch.setattr(intake, "prepare", PREPARE)

    def fail_at(self, name: str, error: BaseException) -> None:
        """Let one worker fail while it writes the change about a record; the next one does not."""
        alive = [True]

        def hear(record: str) -> None:
            if alive[0] and record == name:
                alive[0] = False
                raise error

        self._at_each_change(hear)

    def change_settings(self, settings: Mapping[str, object]) -> None:
        with self.database.write(workspace=self.workspace) as session:
            session.get_one(Source, self.source).settings = dict(settings)

    def replay(self) -> None:
        with self.database.write(workspace=self.workspace) as session:
            number = session.scalars(select(Delivery.id)).one()
            delivery_log.replay_one(
                session, workspace=self.workspace, delivery=number, now=self.context.clock()
            )

    def delivery(self) -> Delivery:
        with self.database.read(workspace=None) as session:
            return session.scalars(select(Delivery)).one()

    def states(self) -> list[WorkState]:
        with self.database.read(workspace=None) as session:
            return list(session.scalars(select(Work.state).where(Work.stage == Job.INTAKE)))

    def stored(self) -> list[str]:
        return [item.external_id for item in items(self.database)]

    def assert_whole(self, count: int = COUNT) -> None:
        """Every change is written, and nothing is left to do."""
        assert self.stored() == names(0, count)
        row = self.delivery()
        assert (row.state, row.done_changes, row.changes_digest) == (DeliveryState.PARSED, 0, None)
        assert self.states() == [WorkState.DONE]


@contextmanager
def transactions(database: Database) -> Iterator[list[list[str]]]:
    """Collect the statements of each transaction that writes."""
    # SQLite's own BEGIN comes before the first is known of.
    found: list[list[str]] = [[]]

    def begin(_connection: Connection) -> None:
        found.append([])

    def note(*given: object) -> None:
        found[-1].append(str(given[2]))

    event.listen(database.engine, "begin", begin)
    event.listen(database.engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(database.engine, "begin", begin)
        event.remove(database.engine, "before_cursor_execute", note)


def inserted(statements: list[str]) -> int:
    return sum(each.startswith("INSERT INTO feedback_item ") for each in statements)
