"""Whatever dies in the middle of work: what was accepted is stored, and ends as exactly one effect."""

import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from migrations.run import upgrade
from models.database import Database
from tests import brokers, factories, year
from tests.brokers import BROKERS
from tests.chaos.effects import every_ticket_has_exactly_one_effect, unfinished
from tests.fleet import Fleet
from tests.servers import own_postgres, silent_server
from tests.services import as_programs

pytestmark = pytest.mark.chaos

SOURCE = "/v1/ingest/src_1"
SHAPES = ("sqlite", "rabbitmq", "redis")


class Sender(threading.Thread):
    """A support tool: sends one ticket after another, and sends again what was not accepted."""

    def __init__(self, fleet: Fleet, tickets: list[year.Ticket], *, pause: float) -> None:
        super().__init__(daemon=True)
        self.fleet, self.tickets, self.pause = fleet, tickets, pause
        self.accepted: list[str] = []
        self.slowest = 0.0
        self.again = 0

    def run(self) -> None:
        for ticket in self.tickets:
            while not self.send(ticket):
                self.again += 1
                time.sleep(0.1)
            self.accepted.append(ticket.row["id"])
            time.sleep(self.pause)

    def send(self, ticket: year.Ticket) -> bool:
        began = time.monotonic()
        try:
            answer = self.fleet.deliver(SOURCE, factories.SECRET, {"items": [ticket.row]})
        except httpx.HTTPError:
            return False
        self.slowest = max(self.slowest, time.monotonic() - began)
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


def kill_everything_once(fleet: Fleet, chance: random.Random) -> None:
    """Kill each program in the middle of work, one after another, and start it again."""
    names = list(fleet.commands())
    chance.shuffle(names)
    for name in names:
        time.sleep(chance.uniform(0.2, 1.2))
        if name == "default" and chance.random() < 0.5:
            kill_one_process(fleet.children[name].pid, chance)
            continue
        fleet.kill(name)
        time.sleep(chance.uniform(0.0, 0.5))
        fleet.start(name)


def kill_one_process(parent: int, chance: random.Random) -> None:
    """Kill one process of a prefork worker; its parent goes on."""
    children = psutil.Process(parent).children()
    if children:
        chance.choice(children).kill()


def settled(fleet: Fleet, database: Database, tickets: list[year.Ticket]) -> None:
    """Wait until all work is done, and check what came of it."""
    fleet.wait(lambda: not unfinished(database), "the work", patience=180)
    every_ticket_has_exactly_one_effect(database, [ticket.row["id"] for ticket in tickets])


def survive(fleet: Fleet, database: Database, *, rounds: int, each: int, seed: int) -> None:
    chance = random.Random(seed)
    tickets = year.tickets(weekly=8.0)[: rounds * each]
    assert len(tickets) == rounds * each
    for number in range(rounds):
        sender = Sender(fleet, tickets[number * each : (number + 1) * each], pause=0.02)
        sender.start()
        kill_everything_once(fleet, chance)
        sender.join(120)
        assert len(sender.accepted) == each, fleet.tail()
        settled(fleet, database, tickets[: (number + 1) * each])


@pytest.mark.parametrize("shape", SHAPES)
def test_every_program_killed_once_loses_and_doubles_nothing(
    shape: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    with shaped(shape, request, tmp_path) as (fleet, database):
        survive(fleet, database, rounds=1, each=60, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES)
def test_ten_rounds_of_kills_lose_and_double_nothing(
    shape: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    with shaped(shape, request, tmp_path) as (fleet, database):
        survive(fleet, database, rounds=10, each=60, seed=int(os.environ.get("PYTEST_SEED", "2")))


@pytest.mark.parametrize("shape", sorted(BROKERS))
def test_a_broker_that_loses_everything_costs_a_delay(
    shape: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    tickets = year.tickets(weekly=8.0)[:40]
    with shaped(shape, request, tmp_path) as (fleet, database):
        fleet.stop("default", "embed", "beat")
        sender = Sender(fleet, tickets, pause=0.01)
        sender.start()
        sender.join(60)
        # One message for the stage that has work is enough, however many deliveries there were.
        fleet.wait(lambda: brokers.empty(fleet.broker) > 0, "a message", patience=10)
        assert unfinished(database) == {"intake": 40}
        fleet.start("default", "embed", "beat")
        settled(fleet, database, tickets)


@pytest.mark.parametrize("scheme", ["amqp", "redis"])
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
            assert sender.slowest < 1.0
            assert unfinished(sqlite) == {"intake": 40}
            assert fleet.stop("api")["api"] in (0, -signal.SIGTERM)
            # Without any broker the same database is worked to the end.
            fleet.broker = ""
            fleet.start("worker")
            settled(fleet, sqlite, tickets)
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
            settled(fleet, database, tickets)
        for each in (programs, database):
            each.close()
