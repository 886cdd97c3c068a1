"""Nudges: one message for a burst, none in a request's way, and a broker that fails is tried again."""

import time
from collections.abc import Callable, Iterator

import pytest
import redis
from fastapi.testclient import TestClient

from models.database import Database
from models.jobs import Job
from models.records import Nudge
from service.app import create_app
from service.nudge import Nudger, Outcome
from tests import brokers, factories
from tests.clock import NOON, Clock
from tests.servers import GIVEN_UP_S, silent_server
from tests.services import settings_for
from tests.steps import post_entry


@pytest.fixture
def broker() -> Iterator[str]:
    with brokers.redis_database() as url:
        yield url


def waiting(broker: str, queue: str) -> int:
    with redis.Redis.from_url(broker) as client:
        return int(client.llen(queue))  # type: ignore[arg-type]


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + GIVEN_UP_S
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_burst_of_deliveries_is_one_message_sent_after_the_commit(
    broker: str, programs: Database, workspace: int, clock: Clock
) -> None:
    key = factories.key(programs, workspace)
    app = create_app(settings_for(programs, broker_url=broker), database=programs, clock=clock)
    try:
        with TestClient(app, headers={"Authorization": f"Bearer {key}"}) as client:
            made = client.post("/v1/sources", json={"kind": "generic_json", "name": "desk"}).json()
            for number in range(20):
                entry = {"id": f"T-{number}", "text": "It fails."}
                answer = post_entry(client, made["ingest_url"], entry, made["secret"], now=NOON)
                assert answer.status_code == 202
            until(lambda: waiting(broker, "ebb.default") > 0)
            release = {"name": "1.0", "released_at": "2026-06-01T00:00:00Z", "features": [{"title": "x"}]}
            assert client.post("/v1/releases", json=release).status_code == 201
            until(lambda: waiting(broker, "ebb.embed") > 0)
    finally:
        programs.on_work = None
    # intake and measure wait in the one queue, link in the other: a message for each stage, not for each delivery.
    assert (waiting(broker, "ebb.default"), waiting(broker, "ebb.embed")) == (2, 1)


def outcomes(database: Database, url: str) -> tuple[Nudger, list[Outcome]]:
    heard: list[Outcome] = []
    return Nudger(settings_for(database, broker_url=url), database, on_outcome=heard.append), heard


def test_a_broker_that_is_gone_is_tried_again_at_the_next_nudge(
    sqlite: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.nudge.PAUSE_AFTER_FAILURE_S", 0.0)
    nudger, heard = outcomes(sqlite, "redis://127.0.0.1:1/0")
    nudger.start()
    for count in (1, 2):
        nudger.nudge([Job.INTAKE])
        until(lambda count=count: len(heard) == count)  # type: ignore[misc]
    nudger.stop()
    assert set(heard) == {Outcome.FAILED}
    with sqlite.read(workspace=None) as session:
        assert [row.sent_at for row in session.query(Nudge)] == [None]


@pytest.mark.parametrize("scheme", ["amqp", "redis"])
def test_a_silent_broker_is_given_up_within_a_second_or_two(scheme: str, sqlite: Database) -> None:
    with silent_server() as port:
        nudger, heard = outcomes(sqlite, f"{scheme}://guest:guest@127.0.0.1:{port}/0")
        nudger.start()
        began = time.monotonic()
        nudger.nudge([Job.INTAKE])
        assert heard == [], "the request has gone on while the broker is still waited for"
        until(lambda: heard == [Outcome.FAILED])
        assert time.monotonic() - began < GIVEN_UP_S
        nudger.stop()


def test_stopping_sends_what_waits(broker: str, sqlite: Database) -> None:
    nudger, heard = outcomes(sqlite, broker)
    nudger.start()
    nudger.nudge([Job.INTAKE, Job.EMBED])
    nudger.stop()
    assert heard == [Outcome.SENT, Outcome.SENT]
    assert (waiting(broker, "ebb.default"), waiting(broker, "ebb.embed")) == (1, 1)


def test_without_a_broker_nothing_of_celery_is_loaded() -> None:
    import subprocess
    import sys

    code = "import sys, service.app; print(*sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"celery", "kombu", "redis", "amqp"} & set(found.stdout.split())
