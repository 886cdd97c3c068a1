"""The `ebb` command on a database: init, import, releases, doctor, replay; exit codes; processes that end."""

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from sqlalchemy import select

from models.database import Database
from models.jobs import Job, WorkState
from models.queries import access, deliveries, work
from models.records import Delivery, DeliveryState, FeedbackItem, Work
from models.values.roles import Role
from service.commands.processes import free_port
from tests import factories
from tests.clock import NOON

Capture = pytest.CaptureFixture[str]


# --- init ---------------------------------------------------------------------------------------------------


def test_init_prints_the_key_alone_and_only_once(ebb: Callable[..., int], capsys: Capture) -> None:
    keys = []
    for arguments in (("--print-key",), ("--print-key",), ("--print-key", "--new-key")):
        assert ebb("init", *arguments) == 0
        told = capsys.readouterr()
        keys.append(told.out)
        assert told.err
    first, second, third = keys
    assert re.fullmatch(r"\S{32,}\n", first)
    assert second == ""
    assert re.fullmatch(r"\S{32,}\n", third)
    assert first != third


def test_init_without_printing_tells_the_key_on_stderr(ebb: Callable[..., int], capsys: Capture) -> None:
    assert ebb("init") == 0
    told = capsys.readouterr()
    assert told.out == ""
    assert re.search(r"ebb_\S{32,}", told.err)


def test_the_key_that_init_prints_opens_the_api(
    ebb: Callable[..., int], capsys: Capture, tmp_path: Path
) -> None:
    ebb("init", "--print-key")
    key = capsys.readouterr().out.strip()
    database = Database(f"sqlite:///{tmp_path / 'ebb.db'}")
    with database.read(workspace=None) as session:
        found = access.find_caller(session, key=key, now=NOON)
    database.close()
    assert found is not None
    assert found[0].role is Role.OWNER


def test_init_takes_the_time_zone_and_refuses_an_unknown_one(
    ebb: Callable[..., int], capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EBB_TIME_ZONE", "Mars/Olympus")
    assert ebb("init") == 2
    assert (
        capsys.readouterr().err.strip().startswith("ebb: EBB_TIME_ZONE: time zone 'Mars/Olympus' is unknown")
    )


# --- exit codes ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("import", "x.csv"), "x.csv: there is no such file"),
        (("import",), "Missing argument"),
        (("import", "--nothing"), "No such option"),
        (("work",), "--until-idle"),
        (("impact", "plan", "--rate", "x", "--exposure", "1", "--drop", "1%"), "--rate"),
        (("up", "--port", "0"), "--port"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    ready: Callable[..., int], capsys: Capture, arguments: tuple[str, ...], said: str
) -> None:
    assert ready(*arguments) == 2
    told = capsys.readouterr()
    (line,) = told.err.strip().splitlines()
    assert line.startswith("ebb: ")
    assert said in line


@pytest.mark.parametrize("command", [("import", "f.csv"), ("sign-in",), ("replay",), ("worker",), ("api",)])
def test_without_a_database_set_up_the_way_out_is_told(
    ebb: Callable[..., int], capsys: Capture, tmp_path: Path, command: tuple[str, ...]
) -> None:
    (tmp_path / "f.csv").write_text("id,created_at,text\n")
    assert ebb(*command) == 2
    assert "run `ebb init`" in capsys.readouterr().err


def test_an_unknown_setting_is_bad_input(
    ebb: Callable[..., int], capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EBB_TYPO", "1")
    assert ebb("init") == 2
    assert "EBB_TYPO: no such setting" in capsys.readouterr().err


def test_a_password_is_never_printed(
    ebb: Callable[..., int], capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EBB_DATABASE_URL", "mysql://u:hunter2@h/d")
    assert ebb("init") == 2
    assert "hunter2" not in capsys.readouterr().err


# --- doctor, replay, work -----------------------------------------------------------------------------------


def test_doctor_finds_what_needs_a_person(ebb: Callable[..., int], capsys: Capture, tmp_path: Path) -> None:
    assert ebb("doctor", "--json") == 3
    assert "not current" in json.loads(capsys.readouterr().out)["tables"]
    ebb("init")
    capsys.readouterr()
    assert ebb("doctor", "--json") == 0
    assert json.loads(capsys.readouterr().out)["verdict"] == "healthy"
    database = Database(f"sqlite:///{tmp_path / 'ebb.db'}")
    with database.write(workspace=1) as session:
        work.enqueue(session, workspace=1, stage=Job.EMBED, subject=1, run_at=NOON)
        session.scalars(select(Work)).one().state = WorkState.DEAD
    database.close()
    assert ebb("doctor") == 3
    told = capsys.readouterr().out
    assert "dead work, stage embed" in told
    assert "ebb replay" in told


def test_doctor_lists_every_setting(ebb: Callable[..., int], capsys: Capture) -> None:
    assert ebb("doctor", "--settings", "--json") == 0
    listed = json.loads(capsys.readouterr().out)
    assert "EBB_LEASE_SECONDS" in listed
    assert all(name.startswith("EBB_") for name in listed)


def test_replay_tries_dead_work_and_unread_deliveries_again(
    ready: Callable[..., int], opened: Database, capsys: Capture
) -> None:
    with opened.write(workspace=1) as session:
        source = factories.source(session, 1)
        drafts = [factories.delivery(1, source, b"{", name="a")]
        deliveries.record(session, drafts=drafts)
        work.enqueue(session, workspace=1, stage=Job.EMBED, subject=1, run_at=NOON)
        session.flush()
        session.scalars(select(Work).where(Work.stage == Job.EMBED)).one().state = WorkState.DEAD
        session.scalars(select(Work).where(Work.stage == Job.INTAKE)).one().state = WorkState.DONE
        deliveries.close(session, workspace=1, delivery=1, state=DeliveryState.INVALID, reason="not JSON")
    assert ready("replay") == 0
    assert "1 pieces of work and 1 deliveries" in capsys.readouterr().out
    with opened.read(workspace=None) as session:
        assert set(session.scalars(select(Work.state))) == {WorkState.READY}
        assert session.scalars(select(Delivery.state)).all() == [DeliveryState.OPEN]


def test_a_sign_in_link_is_printed(ready: Callable[..., int], capsys: Capture) -> None:
    assert ready("sign-in", "--port", 9000) == 0
    assert re.fullmatch(r"http://127\.0\.0\.1:9000/sign-in\?token=\S{32,}\n", capsys.readouterr().out)


def environment(tmp_path: Path) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("EBB_")}
    return {**inherited, "EBB_DATABASE_URL": f"sqlite:///{tmp_path / 'ebb.db'}", "EBB_ENCODER_THREADS": "1"}


def test_work_until_idle_reads_what_was_imported(
    ready: Callable[..., int], opened: Database, tmp_path: Path
) -> None:
    """Without any customer's words the worker needs no model: staff notes and a release."""
    file = tmp_path / "notes.jsonl"
    row = {
        "id": "N-1",
        "created_at": "2026-05-01T10:00:00Z",
        "text": "An internal note.",
        "author_role": "bot",
    }
    file.write_text(json.dumps(row) + "\n")
    ready("import", file)
    done = subprocess.run(
        [sys.executable, "-m", "service", "work", "--until-idle"],
        env=environment(tmp_path),
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "tickets read" in done.stderr
    with opened.read(workspace=None) as session:
        assert session.scalars(select(Delivery.state)).all() == [DeliveryState.PARSED]
        assert session.scalars(select(FeedbackItem)).all() == []


@pytest.mark.parametrize("command", ["worker", "api", "up"])
def test_a_program_that_is_told_to_stop_leaves_nothing_running(
    ready: Callable[..., int], tmp_path: Path, command: str
) -> None:
    port = [] if command == "worker" else ["--port", str(free_port())]
    child = subprocess.Popen(
        [sys.executable, "-m", "service", command, *port],
        env=environment(tmp_path),
        cwd=Path(__file__).parents[2],
        stderr=subprocess.DEVNULL,
    )
    try:
        family = _family_that_runs(child, least=3 if command == "up" else 1)
        child.send_signal(signal.SIGTERM)
        child.wait(20)
        gone, alive = psutil.wait_procs(family, timeout=5)
        assert not alive
        assert len(gone) == len(family)
    finally:
        child.kill()
        child.wait()


def _family_that_runs(child: "subprocess.Popen[bytes]", *, least: int) -> list[psutil.Process]:
    """Wait until a program has started its children and had time to set itself up; return them all."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        process = psutil.Process(child.pid)
        family = [process, *process.children(recursive=True)]
        lived = time.time() - max(each.create_time() for each in family)
        if len(family) >= least and lived > 3:
            return family
        assert child.poll() is None
        time.sleep(0.2)
    raise AssertionError("the program did not start")


def test_the_database_file_is_whole_after_init(ready: Callable[..., int], tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "ebb.db")
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
