"""A worker that is killed again and again: every ticket still ends as exactly one effect."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from models.database import Database
from models.queries import deliveries
from models.records import Delivery, DeliveryState
from tests import factories, year
from tests.chaos.effects import every_ticket_has_exactly_one_effect, unfinished
from workers.intake import CHANGES_AT_ONCE

TICKETS = 600
LEASE_SECONDS = 1.0
PATIENCE_S = 120.0

pytestmark = pytest.mark.chaos


def deliver(database: Database, count: int) -> list[str]:
    """Store tickets as `ebb import` does, one delivery each; return their ids."""
    owner = factories.workspace(database)
    tickets = year.tickets(weekly=8.0)[:count]
    assert len(tickets) == count
    now = datetime.now(UTC)
    with database.write(workspace=owner) as session:
        source = factories.source(session, owner)
        drafts = [
            factories.delivery(owner, source, year.body(ticket), name=ticket.row["id"], at=now)
            for ticket in tickets
        ]
        deliveries.record(session, drafts=drafts)
    return [ticket.row["id"] for ticket in tickets]


def start(database: Database, *options: str) -> "subprocess.Popen[bytes]":
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("EBB_")},
        "EBB_DATABASE_URL": database.url.render_as_string(hide_password=False),
        "EBB_SQLITE_SYNCHRONOUS": "NORMAL",
        "EBB_LEASE_SECONDS": str(LEASE_SECONDS),
        # A kill is not the work's fault: with many kills no piece may be given up.
        "EBB_WORK_MAX_ATTEMPTS": "1000",
        "EBB_INTAKE_BATCH_SIZE": "60",
        "EBB_EMBED_BATCH_SIZE": "60",
        "EBB_PLACE_BATCH_SIZE": "60",
        "EBB_ENCODER_THREADS": "1",
    }
    command = [sys.executable, "-m", "tests.chaos.worker", *options]
    return subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=Path(__file__).parents[2],
    )


def line_of(child: "subprocess.Popen[bytes]") -> bytes:
    assert child.stdout is not None
    return child.stdout.readline()


def kill_in_the_middle(database: Database, random_: random.Random, *options: str) -> bool:
    """Start a worker and kill it after some of its batches, in the middle of the next; False: it was done first."""
    child = start(database, *options)
    try:
        assert line_of(child) == b"ready\n"
        for _ in range(random_.randint(0, 3)):
            if not line_of(child):
                return False
        time.sleep(random_.uniform(0.0, 0.4))
        if child.poll() is not None:
            return False
        child.send_signal(signal.SIGKILL)
        return True
    finally:
        child.kill()
        child.communicate()


def finish(database: Database, *options: str) -> None:
    """Work until everything is done; what a killed worker held comes free when its lease runs out."""
    until = time.monotonic() + PATIENCE_S
    while left := unfinished(database):
        assert time.monotonic() < until, left
        child = start(database, *options)
        child.communicate(timeout=PATIENCE_S)
        assert child.returncode == 0
        time.sleep(LEASE_SECONDS / 4)


def survive(
    database: Database, *, kills: int, seed: int, count: int = TICKETS, options: tuple[str, ...] = ()
) -> None:
    tickets = deliver(database, count)
    random_ = random.Random(seed)
    killed = 0
    for _ in range(kills):
        killed += kill_in_the_middle(database, random_, *options)
        time.sleep(LEASE_SECONDS)
    assert killed > 0
    finish(database, *options)
    every_ticket_has_exactly_one_effect(database, tickets)


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_worker_killed_in_the_middle_loses_and_doubles_nothing(sqlite: Database, seed: int) -> None:
    survive(sqlite, kills=2, seed=seed)


def deliver_at_once(database: Database, count: int) -> list[str]:
    """Store tickets as one delivery."""
    owner = factories.workspace(database)
    tickets = [ticket.row for ticket in year.tickets(weekly=8.0)[:count]]
    with database.write(workspace=owner) as session:
        source = factories.source(session, owner)
        body = json.dumps({"items": tickets}).encode()
        draft = factories.delivery(owner, source, body, at=datetime.now(UTC))
        deliveries.record(session, drafts=[draft])
    return [str(row["id"]) for row in tickets]


def progress(database: Database) -> tuple[DeliveryState, int]:
    with database.read(workspace=None) as session:
        state, done = session.execute(select(Delivery.state, Delivery.done_changes)).one()
    return state, done


@pytest.mark.parametrize(
    "database", ["sqlite", pytest.param("postgres", marks=pytest.mark.slow)], indirect=True
)
def test_a_worker_killed_within_a_large_delivery_loses_and_doubles_nothing(database: Database) -> None:
    tickets = deliver_at_once(database, 8 * CHANGES_AT_ONCE)
    reached = 0
    for _ in range(2):
        child = start(database)
        try:
            until = time.monotonic() + PATIENCE_S
            while progress(database) == (DeliveryState.OPEN, reached):
                assert time.monotonic() < until
                time.sleep(0.005)
            child.send_signal(signal.SIGKILL)
        finally:
            child.kill()
            child.communicate()
        state, done = progress(database)
        assert (state, done > reached) == (DeliveryState.OPEN, True), (
            "killed in the middle, behind a part more"
        )
        reached = done
        time.sleep(LEASE_SECONDS)
    finish(database)
    every_ticket_has_exactly_one_effect(database, tickets, deliveries=1)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10, 20))
def test_many_kills_lose_and_double_nothing(sqlite: Database, seed: int) -> None:
    survive(sqlite, kills=9, seed=seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20, 23))
def test_many_kills_on_postgres_lose_and_double_nothing(postgres: Database, seed: int) -> None:
    survive(postgres, kills=9, seed=seed)


@pytest.mark.slow
@pytest.mark.encoder
def test_a_worker_with_the_real_encoder_survives_kills(sqlite: Database) -> None:
    survive(sqlite, kills=3, seed=30, count=150, options=("--real",))


@pytest.mark.slow
def test_two_workers_at_once_of_which_one_is_killed_share_the_work(postgres: Database) -> None:
    tickets = deliver(postgres, TICKETS)
    other = start(postgres)
    random_ = random.Random(40)
    for _ in range(3):
        kill_in_the_middle(postgres, random_)
    other.communicate(timeout=PATIENCE_S)
    finish(postgres)
    every_ticket_has_exactly_one_effect(postgres, tickets)
