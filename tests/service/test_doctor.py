"""`ebb doctor`: what it finds, what it calls a person for, and the health check of one worker."""

import json
import shutil
import socket
import time
from collections import namedtuple
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from models.database import Database
from models.jobs import Chore, Job, WorkState
from models.queries import chores, deliveries, work
from models.records import Work
from models.settings import load_settings
from service.cli import run
from tests import factories
from tests.servers import GIVEN_UP_S, silent_server
from tests.services import POSTGRES, need

RABBITMQ = "amqp://guest:guest@127.0.0.1:5672//"
REDIS = "redis://127.0.0.1:6379/0"
Capture = pytest.CaptureFixture[str]
Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def examined(ready: object, capsys: Capture) -> Callable[..., tuple[int, dict[str, str]]]:
    """Run `ebb doctor --json` on a database that was set up; return its exit code and findings."""
    return lambda *options: examine(capsys, *options)


def examine(capsys: Capture, *options: str) -> tuple[int, dict[str, str]]:
    load_settings.cache_clear()  # each call of the command is a process of its own
    code = run(["doctor", "--json", *options])
    told = capsys.readouterr()
    assert told.err == ""
    return code, json.loads(told.out)


def beat(database: Database, kind: str, *, ago: float, machine: str = "") -> None:
    with database.write(workspace=None) as session:
        seen = datetime.now(UTC) - timedelta(seconds=ago)
        worker = f"{kind}@{machine or socket.gethostname()}"
        chores.beat(session, worker=worker, kind=kind, version="0.1", started_at=seen, now=seen)


def remind(database: Database, *, ago: float) -> None:
    with database.write(workspace=None) as session:
        then = datetime.now(UTC) - timedelta(seconds=ago)
        every = timedelta(seconds=30)
        number = chores.claim(session, chore=Chore.REMIND, every=every, worker="beat", now=then)
        assert number is not None
        chores.finish(session, run=number, now=then)


def enqueue(database: Database, stage: Job, *, ago: float = 0, subject: int = 1) -> None:
    with database.write(workspace=1) as session:
        due = datetime.now(UTC) - timedelta(seconds=ago)
        work.enqueue(session, workspace=1, stage=stage, subject=subject, run_at=due)


def needs_service(port: int, name: str) -> None:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=30).close()
    except OSError as error:
        need(name, str(error))


def test_a_fresh_installation_is_healthy(examined: Callable[..., tuple[int, dict[str, str]]]) -> None:
    code, found = examined()
    assert (code, found["verdict"], found["tables"]) == (0, "healthy", "current")
    assert found["broker"].startswith("none")
    assert int(found["free disk (MB)"]) > 0


def test_work_is_told_by_stage_and_dead_work_calls_for_a_person(
    examined: Callable[..., tuple[int, dict[str, str]]], opened: Database
) -> None:
    enqueue(opened, Job.EMBED, ago=100)
    enqueue(opened, Job.EMBED, ago=-3600, subject=2)
    code, found = examined()
    assert (code, found["verdict"]) == (0, "healthy")
    assert found["work waiting"] == "2"
    assert 100 <= int(found["oldest due work (s)"]) < 160
    assert found["waiting work, stage embed"].startswith("2, the oldest due for 1")
    with opened.write(workspace=1) as session:
        for row in session.query(Work):
            row.state = WorkState.DEAD
    code, found = examined()
    assert (code, found["verdict"]) == (3, "needs a person: see `ebb replay`")
    assert (found["work given up"], found["dead work, stage embed"]) == ("2", "2")


def test_work_that_nobody_does_calls_for_a_person(
    examined: Callable[..., tuple[int, dict[str, str]]], opened: Database
) -> None:
    enqueue(opened, Job.INTAKE, ago=901)
    code, found = examined()
    assert code == 3
    assert "due work is not done" in found["verdict"]


def test_workers_are_told_seen_and_silent(
    examined: Callable[..., tuple[int, dict[str, str]]], opened: Database
) -> None:
    beat(opened, "embedded", ago=10, machine="a")
    beat(opened, "embedded", ago=400, machine="b")
    code, found = examined()
    assert (code, found["verdict"]) == (0, "healthy"), "another machine's worker lives"
    assert found["worker embedded@a"].startswith("seen before 1")
    assert found["worker embedded@b"].startswith("silent for 0:06:4")
    beat(opened, "embedded", ago=200, machine="a")
    code, found = examined()
    assert (code, found["verdict"]) == (3, "needs a person: start `ebb worker`")


@pytest.mark.parametrize(("broker", "port"), [(RABBITMQ, 5672), (REDIS, 6379)])
def test_with_a_broker_both_kinds_of_worker_and_beat_must_be_there(
    examined: Callable[..., tuple[int, dict[str, str]]],
    opened: Database,
    monkeypatch: pytest.MonkeyPatch,
    broker: str,
    port: int,
) -> None:
    needs_service(port, broker)
    monkeypatch.setenv("EBB_BROKER_URL", broker)
    beat(opened, "embedded", ago=9000)
    code, found = examined()
    assert (code, found["broker answers"]) == (3, "yes")
    assert "guest:" not in json.dumps(found)
    for missing in ("ebb worker --queue default", "ebb worker --queue embed", "ebb beat"):
        assert missing in found["verdict"]
    beat(opened, "default", ago=5)
    beat(opened, "embed", ago=5)
    remind(opened, ago=5)
    code, found = examined()
    assert (code, found["verdict"]) == (0, "healthy")
    assert found["chore remind"].startswith("done ")


def test_a_beat_that_stopped_calls_for_a_person(
    examined: Callable[..., tuple[int, dict[str, str]]], opened: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    needs_service(6379, REDIS)
    monkeypatch.setenv("EBB_BROKER_URL", REDIS)
    beat(opened, "default", ago=5)
    beat(opened, "embed", ago=5)
    remind(opened, ago=400)
    assert examined()[1]["verdict"] == "needs a person: start `ebb beat`"


@pytest.mark.parametrize("scheme", ["amqp", "redis"])
@pytest.mark.parametrize("way", ["silent", "refused"])
def test_a_broker_that_does_not_answer_is_found_in_time(
    examined: Callable[..., tuple[int, dict[str, str]]],
    monkeypatch: pytest.MonkeyPatch,
    scheme: str,
    way: str,
) -> None:
    with silent_server() as silent:
        place = f"127.0.0.1:{silent if way == 'silent' else 1}"
        monkeypatch.setenv("EBB_BROKER_URL", f"{scheme}://guest:hunter2@{place}/0")
        began = time.monotonic()
        code, found = examined()
    assert time.monotonic() - began < GIVEN_UP_S
    assert code == 3
    assert found["broker answers"].startswith("no: ")
    assert "EBB_BROKER_URL" in found["verdict"]
    assert "hunter2" not in json.dumps(found)


@pytest.mark.parametrize("way", ["silent", "refused"])
def test_a_database_that_does_not_answer_is_a_finding_and_no_traceback(
    ebb: Callable[..., int], monkeypatch: pytest.MonkeyPatch, capsys: Capture, way: str
) -> None:
    monkeypatch.setattr("service.commands.doctor.DATABASE_WITHIN_S", 0.5)
    with silent_server() as silent:
        port = silent if way == "silent" else 1
        monkeypatch.setenv("EBB_DATABASE_URL", f"postgresql://ebb:hunter2@127.0.0.1:{port}/ebb")
        for options in ((), ("--worker", "embed")):
            code, found = examine(capsys, *options)
            assert code == 3
            assert found["verdict"].startswith("needs a person")
            assert "hunter2" not in json.dumps(found)


def test_a_full_disk_calls_for_a_person(
    examined: Callable[..., tuple[int, dict[str, str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**12, 10**12, 499_000_000))
    code, found = examined()
    assert (code, found["free disk (MB)"]) == (3, "499")
    assert "make room" in found["verdict"]


def test_sources_that_were_refused_are_told_latest_first(
    examined: Callable[..., tuple[int, dict[str, str]]], opened: Database
) -> None:
    with opened.write(workspace=1) as session:
        sources = [factories.source(session, 1, name=f"desk {number}") for number in range(3)]
        for hour, source in enumerate(sources[:2]):
            then = datetime(2026, 6, 1, hour, tzinfo=UTC)
            deliveries.count_rejected(session, workspace=1, source=source, reason="no signature", now=then)
    code, found = examined()
    assert code == 0, "refused calls are told; they may be anybody's"
    refused = {name: value for name, value in found.items() if name.startswith("refused")}
    assert list(refused.items()) == [
        (f"refused calls, src_{sources[1]}", "1, the last at 2026-06-01T01:00:00Z (desk 1)"),
        (f"refused calls, src_{sources[0]}", "1, the last at 2026-06-01T00:00:00Z (desk 0)"),
    ]


def test_on_postgresql_it_says_whether_the_wall_stands(
    postgres: Database, postgres_programs: Database, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    assert str(postgres.url.host) in POSTGRES
    factories.workspace(postgres)
    for database, word in ((postgres_programs, "stands"), (postgres, "warning")):
        monkeypatch.setenv("EBB_DATABASE_URL", database.url.render_as_string(hide_password=False))
        code, found = examine(capsys)
        assert (code, found["verdict"]) == (0, "healthy"), "a missing wall is a warning"
        assert found["wall between workspaces"].startswith(word)


@pytest.mark.parametrize("kind", ["default", "embed", "embedded"])
def test_the_health_check_of_a_worker_looks_for_this_machines_own(
    examined: Callable[..., tuple[int, dict[str, str]]], opened: Database, kind: str
) -> None:
    assert examined("--worker", kind)[0] == 3, "never seen"
    beat(opened, kind, ago=1, machine="another-machine")
    others = [each for each in ("default", "embed", "embedded") if each != kind]
    for other in others:
        beat(opened, other, ago=1)
    assert examined("--worker", kind)[0] == 3, "others live, it does not"
    beat(opened, kind, ago=1)
    assert examined("--worker", kind) == (
        0,
        {f"worker {kind}@{socket.gethostname()}": "seen before 1 s", "verdict": "healthy"},
    )
    beat(opened, kind, ago=181)
    assert examined("--worker", kind)[0] == 3, "silent for too long"


def test_an_unknown_kind_of_worker_is_bad_input(ready: Callable[..., int], capsys: Capture) -> None:
    assert ready("doctor", "--worker", "fast") == 2
    assert "fast" in capsys.readouterr().err


def test_the_table_for_people_says_the_same(
    ready: Callable[..., int], tmp_path: Path, capsys: Capture
) -> None:
    assert ready("doctor") == 0
    told = capsys.readouterr().out
    assert str(tmp_path / "ebb.db") in told
    assert told.splitlines()[-1].split() == ["verdict", "healthy"]


def test_the_health_check_of_beat_looks_whether_its_reminders_are_taken(
    examined: Callable[..., tuple[int, dict[str, str]]], opened: Database
) -> None:
    assert examined("--worker", "beat") == (
        3,
        {"beat": "announces nothing", "verdict": "needs a person: start `ebb beat`"},
    )
    now = datetime.now(UTC)
    with opened.write(workspace=None) as session:
        every = timedelta(seconds=30)
        run = chores.claim(session, chore=Chore.REMIND, every=every, worker="default@a", now=now)
        assert run is not None
        chores.finish(session, run=run, now=now)
    assert examined("--worker", "beat") == (0, {"beat": "announces", "verdict": "healthy"})
    with opened.write(workspace=None) as session:
        chores.finish(session, run=run, now=now - timedelta(hours=1))
    assert examined("--worker", "beat")[0] == 3
