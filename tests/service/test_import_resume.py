"""`ebb import` that dies goes on where it was; a big file costs no more memory than a small one."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from models.database import Database
from models.queries import deliveries
from models.records import Delivery, Source
from models.sealing import bound_to, keyring
from models.sources.reading import read_changes
from models.values.feedback import FeedbackChange
from service.commands import intake_file
from tests import factories

Capture = pytest.CaptureFixture[str]


def written(path: Path, count: int, *, broken_at: int = 0) -> Path:
    with path.open("w", encoding="utf-8") as stream:
        stream.write("id,created_at,text\n")
        for at in range(1, count + 1):
            moment = "someday" if at == broken_at else "2026-05-01T10:00:00Z"
            stream.write(f"T-{at},{moment},The export number {at} fails\n")
    return path


def count(database: Database) -> int:
    with database.read(workspace=None) as session:
        return int(session.scalar(select(func.count()).select_from(Delivery)) or 0)


def test_a_run_that_dies_goes_on_after_its_mark(
    ready: Callable[..., int],
    opened: Database,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Capture,
    tmp_path: Path,
) -> None:
    file = written(tmp_path / "tickets.csv", 60, broken_at=7)
    monkeypatch.setattr(intake_file, "CHUNK", 5)
    monkeypatch.setattr(intake_file, "MARK_EVERY", 2)
    take, taken = intake_file.FileImport._take, []

    def dying(self: intake_file.FileImport, *arguments: object) -> None:
        take(self, *arguments)  # type: ignore[arg-type]
        taken.append(1)
        if len(taken) == 7:
            raise KeyboardInterrupt

    monkeypatch.setattr(intake_file.FileImport, "_take", dying)
    assert ready("import", file) == 130
    mark = json.loads((tmp_path / "tickets.csv.progress.json").read_text())
    # Six chunks of five rows, the header before them, and the last row once more.
    assert (mark["line"], mark["rejected"], count(opened)) == (30, 1, 34)
    monkeypatch.setattr(intake_file.FileImport, "_take", take)
    capsys.readouterr()
    assert ready("import", file) == 0
    told = capsys.readouterr().err
    assert "goes on after line 30" in told and "25 rows imported, 6 were here already, 1 set aside" in told
    assert count(opened) == 59
    aside = (tmp_path / "tickets.csv.rejected.jsonl").read_text().splitlines()
    assert [json.loads(line)["line"] for line in aside] == [8]
    assert not (tmp_path / "tickets.csv.progress.json").exists()


def test_a_mark_of_another_file_is_worth_nothing(
    ready: Callable[..., int], opened: Database, tmp_path: Path
) -> None:
    file = written(tmp_path / "tickets.csv", 9)
    mark = {"file": "of another", "line": 5, "rejected": 0, "aside_bytes": 0}
    (tmp_path / "tickets.csv.progress.json").write_text(json.dumps(mark))
    assert ready("import", file) == 0
    assert count(opened) == 9


def test_a_mark_of_a_file_that_was_changed_in_place_is_worth_nothing(
    ready: Callable[..., int], opened: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Of the same length, and with the same beginning: who mends a row expects it to be read."""
    file = written(tmp_path / "tickets.csv", 60)
    monkeypatch.setattr(intake_file, "CHUNK", 5)
    monkeypatch.setattr(intake_file, "MARK_EVERY", 2)
    monkeypatch.setattr(intake_file, "HEAD_BYTES", 64)
    take, taken = intake_file.FileImport._take, []

    def dying(self: intake_file.FileImport, *arguments: object) -> None:
        take(self, *arguments)  # type: ignore[arg-type]
        taken.append(1)
        if len(taken) == 7:
            raise KeyboardInterrupt

    monkeypatch.setattr(intake_file.FileImport, "_take", dying)
    assert ready("import", file) == 130
    monkeypatch.setattr(intake_file.FileImport, "_take", take)
    stood = file.stat()
    file.write_text(file.read_text().replace("export number 9 fails", "export number 9 works"))
    os.utime(file, ns=(stood.st_atime_ns, stood.st_mtime_ns + 1))
    assert ready("import", file) == 0
    with opened.read(workspace=1) as session:
        bodies = session.scalars(select(Delivery.body)).all()
    assert any(b"number 9 works" in body for body in bodies)
    assert len(bodies) == 61, "the row as it stood, and its edit"


def test_history_goes_into_the_source_that_the_webhooks_use(
    ready: Callable[..., int], opened: Database, tmp_path: Path
) -> None:
    with opened.write(workspace=1) as session:
        source = factories.source(session, 1, kind="zendesk", name="desk")
    file = written(tmp_path / "tickets.csv", 3)
    assert ready("import", file, "--source", "desk") == 0
    with opened.read(workspace=1) as session:
        assert session.scalars(select(Source.id)).all() == [source]
        rows = deliveries.load(session, workspace=1, deliveries=[1, 2, 3])
    for delivery, owner in rows:
        (change,) = read_changes(
            owner.kind,
            keyring("").open(delivery.body, bound=bound_to(owner.id, delivery.key)),
            headers=delivery.headers,
            settings=owner.settings,
            received_at=delivery.received_at,
        )
        assert isinstance(change, FeedbackChange) and change.makes_item


def test_a_map_may_be_named(ready: Callable[..., int], capsys: Capture, tmp_path: Path) -> None:
    file = tmp_path / "front.csv"
    file.write_text("Conversation ID,Date,Body\ncnv_1,2026-02-01T09:14:58Z,No refund\n")
    assert ready("import", file, "--map", "front") == 0
    assert "1 rows imported" in capsys.readouterr().err
    assert ready("import", file, "--map", "nobody") == 2
    assert "neither a file nor a known export" in capsys.readouterr().err


# --- memory -------------------------------------------------------------------------------------------------

MEASURE = """
import resource, sys, time
from service.cli import run
began = time.monotonic()
code = run(["import", sys.argv[1]])
print(code, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, time.monotonic() - began)
"""


def measured(folder: Path, rows: int) -> Iterator[float]:
    """Import a file of so many rows in a process of its own; yield its peak memory in MiB and its seconds."""
    file = written(folder / f"rows{rows}.csv", rows)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("EBB_")},
        "EBB_DATABASE_URL": f"sqlite:///{folder / f'rows{rows}.db'}",
        "EBB_SQLITE_SYNCHRONOUS": "NORMAL",
    }
    root = Path(__file__).parents[2]
    subprocess.run(
        [sys.executable, "-m", "service", "init"], env=environment, cwd=root, check=True, capture_output=True
    )
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(file)],
        env=environment,
        cwd=root,
        check=True,
        capture_output=True,
        text=True,
    )
    code, *numbers = done.stdout.split()
    assert code == "0", done.stderr
    yield from map(float, numbers)


@pytest.mark.slow
def test_a_million_rows_take_no_more_memory_than_ten_thousand(tmp_path: Path) -> None:
    rows = 1_000_000
    small, _ = measured(tmp_path, 10_000)
    large, seconds = measured(tmp_path, rows)
    sys.stderr.write(f"\n{rows:,} rows: {large:.0f} MiB against {small:.0f}, {rows / seconds:,.0f} rows/s\n")
    assert large < small + 30
