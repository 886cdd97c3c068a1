"""Whatever dies in the middle of work: what was accepted is stored, and ends as exactly one effect."""

import random
import signal
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest
from sqlalchemy import func, select

from migrations.run import upgrade
from models.database import Database
from models.jobs import QUEUE_OF, Job, Queue, WorkState
from models.records import Work
from tests import brokers, factories, year
from tests.brokers import BROKERS
from tests.chaos.effects import every_ticket_has_exactly_one_effect, unfinished
from tests.fleet import Fleet
from tests.servers import own_postgres, silent_server
from tests.services import as_programs
from workers.context import utc_now

pytestmark = pytest.mark.chaos

SOURCE = "/v1/ingest/src_1"
SHAPES = ("sqlite", "rabbitmq", "redis")


class Sender(threading.Thread):
    """A support tool: sends one ticket after another until told to stop, and again what was not accepted."""

    def __init__(self, fleet: Fleet, tickets: list[year.Ticket], *, pause: float) -> None:
        super().__init__(daemon=True)
        self.fleet, self.tickets, self.pause = fleet, tickets, pause
        self.accepted: list[str] = []
        self.took: list[float] = []
        self.again = 0
        self.enough = threading.Event()

    def run(self) -> None:
        for ticket in self.tickets:
            while not self.send(ticket):
                self.again += 1
                time.sleep(0.1)
            self.accepted.append(ticket.row["id"])
            time.sleep(self.pause)
            if self.enough.is_set():
                return

    def send(self, ticket: year.Ticket) -> bool:
        began = time.monotonic()
        try:
            answer = self.fleet.deliver(SOURCE, factories.SECRET, {"items": [ticket.row]})
        except httpx.HTTPError:
            return False
        self.took.append(time.monotonic() - began)
        assert answer.status_code in (202, 500, 503), answer.text
        return answer.status_code == 202


@contextmanager
def running(database: Database, programs: Database, folder: Path, broker: str = "") -> Iterator[Fleet]:
    """Run a fleet with one generic source."""
    owner = factories.workspace(database)
    with database.write(workspace=owner) as session:
        assert factories.source(session, owner) == 1
    fleet = Fleet(programs, folder, broker, key=factories.key(database, owner))
    try:
        fleet.start()
        yield fleet
    finally:
        fleet.end()


@contextmanager
def shaped(shape: str, request: pytest.FixtureRequest, folder: Path) -> Iterator[tuple[Fleet, Database]]:
    """Run a fleet in one of its shapes."""
    if shape == "sqlite":
        database: Database = request.getfixturevalue("sqlite")
        with running(database, database, folder) as fleet:
            yield fleet, database
        return
    database = request.getfixturevalue("postgres")
    programs: Database = request.getfixturevalue("postgres_programs")
    with BROKERS[shape]() as broker, running(database, programs, folder, broker) as fleet:
        yield fleet, database


def stages_of(name: str) -> list[Job]:
    return [job for job in Job if name not in list(Queue) or QUEUE_OF[job] is Queue(name)]


def held(database: Database, stages: list[Job]) -> int:
    """Count the unfinished pieces of stages that somebody holds."""
    with database.read(workspace=None) as session:
        query = select(func.count(Work.id)).where(
            Work.stage.in_(stages), Work.state == WorkState.READY, Work.lease_until > utc_now()
        )
        return int(session.scalar(query) or 0)


def kill_in_the_middle(fleet: Fleet, database: Database, name: str, *, one_process: bool) -> None:
    """Kill a worker that has work in hand, and see that it dies with it; its program goes on or starts again."""
    stages = stages_of(name)
    for _ in range(40):
        fleet.wait(lambda: held(database, stages) > 0, f"work of {name}", pause=0.002)
        if one_process:
            for child in psutil.Process(fleet.children[name].pid).children():
                child.kill()
        else:
            fleet.kill(name)
        left = held(database, stages)
        if not one_process:
            fleet.start(name)
        if left:
            return
    pytest.fail(f"{name} was never killed with work in hand")


def kill_everything_once(fleet: Fleet, database: Database, sender: Sender, chance: random.Random) -> None:
    """Kill each program in the middle of work, one after another, and start it again."""
    names = [*fleet.commands(), *(["a process of default"] if fleet.broker else [])]
    chance.shuffle(names)
    for name in names:
        accepted = len(sender.accepted)
        fleet.wait(lambda accepted=accepted: len(sender.accepted) > accepted, "the next ticket")
        if name in ("worker", *Queue):
            kill_in_the_middle(fleet, database, name, one_process=False)
        elif name == "a process of default":
            kill_in_the_middle(fleet, database, "default", one_process=True)
        else:
            time.sleep(chance.uniform(0.0, 1.0))
            fleet.kill(name)
            time.sleep(chance.uniform(0.0, 0.5))
            fleet.start(name)


def settled(fleet: Fleet, database: Database, tickets: list[str]) -> None:
    """Wait until all work is done, and check what came of it."""
    fleet.wait(lambda: not unfinished(database), "the work", patience=180)
    every_ticket_has_exactly_one_effect(database, tickets)


def survive(fleet: Fleet, database: Database, *, rounds: int, seed: int) -> None:
    chance = random.Random(seed)
    tickets = year.tickets(weekly=8.0 if rounds == 1 else 60.0)
    accepted: list[str] = []
    for _ in range(rounds):
        sender = Sender(fleet, tickets[len(accepted) :], pause=0.05)
        sender.start()
        kill_everything_once(fleet, database, sender, chance)
        sender.enough.set()
        sender.join(120)
        accepted += sender.accepted
        assert accepted == [ticket.row["id"] for ticket in tickets[: len(accepted)]]
        settled(fleet, database, accepted)
    with database.read(workspace=None) as session:
        assert (session.scalar(select(func.max(Work.attempts))) or 0) > 1, "no work was taken over"


@pytest.mark.parametrize("shape", ["rabbitmq", "sqlite", pytest.param("redis", marks=pytest.mark.slow)])
def test_every_program_killed_once_loses_and_doubles_nothing(
    shape: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    with shaped(shape, request, tmp_path) as (fleet, database):
        survive(fleet, database, rounds=1, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES)
def test_ten_rounds_of_kills_lose_and_double_nothing(
    shape: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    with shaped(shape, request, tmp_path) as (fleet, database):
        survive(fleet, database, rounds=10, seed=2)


@pytest.mark.parametrize("shape", [pytest.param("rabbitmq", marks=pytest.mark.slow), "redis"])
def test_a_broker_that_loses_everything_costs_a_delay(
    shape: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    tickets = year.tickets(weekly=8.0)[:40]
    with shaped(shape, request, tmp_path) as (fleet, database):
        fleet.stop("default", "embed", "beat", "second beat")
        sender = Sender(fleet, tickets, pause=0.01)
        sender.start()
        sender.join(60)
        fleet.wait(lambda: brokers.waiting(fleet.broker) > 0, "a message", patience=20)
        brokers.empty(fleet.broker)
        assert brokers.waiting(fleet.broker) == 0
        assert unfinished(database) == {"intake": 40}
        fleet.start("default", "embed", "beat", "second beat")
        settled(fleet, database, sender.accepted)


@pytest.mark.parametrize("scheme", ["amqp", pytest.param("redis", marks=pytest.mark.slow)])
def test_a_broker_that_never_answers_delays_no_webhook(scheme: str, sqlite: Database, tmp_path: Path) -> None:
    tickets = year.tickets(weekly=8.0)[:40]
    with silent_server() as port:
        owner = factories.workspace(sqlite)
        with sqlite.write(workspace=owner) as session:
            factories.source(session, owner)
        fleet = Fleet(sqlite, tmp_path, f"{scheme}://guest:guest@127.0.0.1:{port}/0")
        try:
            fleet.start("api")
            sender = Sender(fleet, tickets, pause=0.0)
            sender.start()
            sender.join(60)
            assert len(sender.accepted) == len(tickets)
            assert sender.again == 0
            # A request that waited for the broker would take a second each time; one slow answer is the machine's.
            assert statistics.median(sender.took) < 1.0
            assert unfinished(sqlite) == {"intake": 40}
            assert fleet.stop("api")["api"] in (0, -signal.SIGTERM)
            # Without any broker the same database is worked to the end.
            fleet.broker = ""
            fleet.start("worker")
            settled(fleet, sqlite, sender.accepted)
        finally:
            fleet.end()


@pytest.mark.parametrize("mode", [pytest.param("fast", marks=pytest.mark.slow), "immediate"])
def test_a_database_that_restarts_loses_and_doubles_nothing(mode: str, tmp_path: Path) -> None:
    tickets = year.tickets(weekly=8.0)[:80]
    with own_postgres() as server, brokers.redis_database() as broker:
        database = Database(server.address)
        upgrade(database)
        programs = as_programs(database)
        with running(database, programs, tmp_path, broker) as fleet:
            sender = Sender(fleet, tickets, pause=0.03)
            sender.start()
            for _ in range(2):
                time.sleep(1.0)
                server.stop(mode)
                time.sleep(0.5)
                server.start()
            sender.join(120)
            assert len(sender.accepted) == len(tickets), fleet.tail()
            settled(fleet, database, sender.accepted)
        for each in (programs, database):
            each.close()


def test_a_worker_told_to_stop_finishes_what_it_has_in_hand(
    postgres: Database, postgres_programs: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_ENCODE_SECONDS", "4")
    tickets = year.tickets(weekly=8.0)[:12]
    with (
        brokers.redis_database() as broker,
        running(postgres, postgres_programs, tmp_path, broker) as fleet,
    ):
        sender = Sender(fleet, tickets, pause=0.0)
        sender.start()
        sender.join(60)
        fleet.wait(lambda: held(postgres, [Job.EMBED]) > 0, "a batch in hand", pause=0.01)
        assert fleet.stop("embed") == {"embed": 0}
        with postgres.read(workspace=None) as session:
            rows = session.execute(
                select(Work.state, Work.attempts, Work.lease).where(Work.stage == Job.EMBED)
            ).all()
        # The batch it had is done at the first attempt; no other was begun, none is held by the dead.
        assert {(row.state, row.attempts) for row in rows} <= {(WorkState.DONE, 1), (WorkState.READY, 0)}
        assert {row.lease for row in rows} == {None}
        assert 0 < sum(row.state is WorkState.DONE for row in rows) < len(rows) == len(tickets)
        monkeypatch.setenv("TEST_ENCODE_SECONDS", "0")
        fleet.start("embed")
        settled(fleet, postgres, sender.accepted)
