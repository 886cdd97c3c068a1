"""`/healthz` and `/readyz`: what they say when all is well, when work waits, and when the database is away."""

import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from models.database import Database
from models.jobs import Job, WorkState
from models.queries import chores, work
from models.records import Work
from models.settings import Settings
from service.api.shapes.admin import Readiness
from service.app import create_app
from tests.clock import NOON, Clock
from tests.servers import GIVEN_UP_S, silent_server


@pytest.fixture
def door(app: FastAPI, workspace: int) -> TestClient:
    """A client without a key."""
    return TestClient(app)


def without(address: str) -> TestClient:
    """A client of an application whose database is at an address where there is none."""
    return TestClient(create_app(Settings(database_url=address), database=Database(address)))


def wait_for(database: Database, workspace: int, stage: Job, *, minutes: float, subject: int = 1) -> None:
    with database.write(workspace=workspace) as session:
        work.enqueue(
            session,
            workspace=workspace,
            stage=stage,
            subject=subject,
            run_at=NOON - timedelta(minutes=minutes),
        )


def beat(database: Database, kind: str, machine: str, *, ago: float) -> None:
    with database.write(workspace=None) as session:
        seen = NOON - timedelta(seconds=ago)
        worker = f"{kind}@{machine}"
        chores.beat(session, worker=worker, kind=kind, version="0.1", started_at=seen, now=seen)


def read(door: TestClient) -> tuple[int, Readiness]:
    answer = door.get("/readyz")
    assert answer.headers["content-type"] == "application/json"
    return answer.status_code, Readiness.model_validate(answer.json())


def test_an_idle_service_is_ready(door: TestClient) -> None:
    assert door.get("/healthz").json() == {"status": "ok"}
    assert read(door) == (
        200,
        Readiness(
            status="ready",
            database="ok",
            oldest_work_s=0.0,
            oldest_work_s_by_stage={},
            dead_work=0,
            workers={},
            reasons=[],
        ),
    )


def test_readiness_tells_each_stages_wait_the_dead_and_the_workers(
    door: TestClient, database: Database, workspace: int
) -> None:
    wait_for(database, workspace, Job.EMBED, minutes=5)
    wait_for(database, workspace, Job.EMBED, minutes=2, subject=2)
    wait_for(database, workspace, Job.INTAKE, minutes=1)
    wait_for(database, workspace, Job.MEASURE, minutes=-60)  # planned for later
    wait_for(database, workspace, Job.LINK, minutes=100)
    with database.write(workspace=workspace) as session:
        row = session.query(Work).where(Work.stage == Job.LINK).one()
        row.state = WorkState.DEAD
    for kind, machine, ago in (("embed", "a", 9000.0), ("embed", "b", 10.0), ("default", "a", 20.0)):
        beat(database, kind, machine, ago=ago)
    status, told = read(door)
    assert (status, told.status, told.reasons) == (200, "ready", [])
    assert told.oldest_work_s == 300.0
    assert told.oldest_work_s_by_stage == {"intake": 60.0, "embed": 300.0}
    assert told.dead_work == 1
    assert told.workers == {"default": 20.0, "embed": 10.0}


def test_work_that_waits_too_long_makes_it_not_ready_and_says_who_is_missing(
    door: TestClient, database: Database, workspace: int, clock: Clock
) -> None:
    wait_for(database, workspace, Job.EMBED, minutes=15)
    beat(database, "embed", "a", ago=1200)
    beat(database, "default", "a", ago=0)
    assert read(door)[0] == 200, "exactly fifteen minutes are still in time"
    clock.advance(seconds=1)
    status, told = read(door)
    assert (status, told.status, told.database) == (503, "behind", "ok")
    assert told.reasons == [
        "due work of the stage embed has waited 901 s; 900 s is the most",
        "no worker of the kind embed was seen for 1201 s",
    ]


@pytest.fixture(params=["silent", "refused", "no file", "no tables"])
def away(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """An application whose database cannot answer, in each way."""
    if request.param == "silent":
        with silent_server() as port:
            yield without(f"postgresql://ebb:hunter2@127.0.0.1:{port}/ebb")
    elif request.param == "refused":
        yield without("postgresql://ebb:hunter2@127.0.0.1:1/ebb")
    else:
        file = tmp_path_factory.mktemp("away") / "none" / "ebb.db"
        client = without(f"sqlite:///{file}")
        if request.param == "no file":
            file.parent.rmdir()
        yield client


def test_a_database_that_is_away_is_told_in_time_and_in_the_same_shape(away: TestClient) -> None:
    began = time.monotonic()
    status, told = read(away)
    assert time.monotonic() - began < GIVEN_UP_S
    assert (status, told.status, told.database) == (503, "down", "down")
    assert (told.oldest_work_s, told.dead_work) == (None, None)
    assert "the database does not answer" in told.reasons[0]


def test_the_process_is_healthy_without_asking_its_database(
    away: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(Database, "read", lambda *_, **__: asked.append("read"))
    monkeypatch.setattr(Database, "write", lambda *_, **__: asked.append("write"))
    assert away.get("/healthz").status_code == 200
    assert asked == []
    away.get("/readyz")
    assert asked, "readiness does ask, so the ear is in the right place"
