"""`ebb import` of Slack's export: into the database once, resumable, and refused where it was made to do harm."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import func, select

from models.database import Database
from models.records import Delivery, Source
from service.commands import intake_file
from tests import factories
from tests.models.sources.test_slack_export import FILES, POSTED, written

Capture = pytest.CaptureFixture[str]


def count(database: Database) -> int:
    with database.read(workspace=None) as session:
        return int(session.scalar(select(func.count()).select_from(Delivery)) or 0)


@pytest.mark.parametrize("name", ["acme.zip", "acme"])
def test_an_export_is_imported_once(
    ready: Callable[..., int], opened: Database, capsys: Capture, tmp_path: Path, name: str
) -> None:
    path = written(tmp_path / name)
    assert ready("import", path, "--map", "slack", "--channel", "feedback") == 0
    said = capsys.readouterr().err
    assert f"{name}: 1 channels of Slack." in said
    assert f"{name}: 3 rows imported, 0 set aside." in said
    assert ready("import", path) == 0
    assert "1 rows imported, 3 were here already" in capsys.readouterr().err
    with opened.read(workspace=None) as session:
        assert session.scalars(select(Source.name)).all() == ["acme"]
    assert count(opened) == 4
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith("acme")] == [name]


def test_history_goes_into_the_source_of_the_webhooks(
    ready: Callable[..., int], opened: Database, tmp_path: Path
) -> None:
    with opened.write(workspace=1) as session:
        source = factories.source(session, 1, kind="slack", name="chat")
    assert ready("import", written(tmp_path / "acme.zip"), "--source", "chat") == 0
    with opened.read(workspace=None) as session:
        assert set(session.scalars(select(Delivery.source_id))) == {source}


def test_a_run_that_dies_goes_on_after_its_mark(
    ready: Callable[..., int],
    opened: Database,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Capture,
    tmp_path: Path,
) -> None:
    posts = [{**POSTED, "ts": f"177244{at:04}.000200", "text": f"It fails {at}"} for at in range(40)]
    path = written(tmp_path / "acme", {**FILES, "feedback/2026-03-02.json": posts})
    monkeypatch.setattr(intake_file, "CHUNK", 5)
    monkeypatch.setattr(intake_file, "MARK_EVERY", 1)
    take, taken = intake_file.FileImport._take, []

    def dying(self: intake_file.FileImport, *arguments: object) -> None:
        take(self, *arguments)  # type: ignore[arg-type]
        taken.append(1)
        if len(taken) == 4:
            raise KeyboardInterrupt

    monkeypatch.setattr(intake_file.FileImport, "_take", dying)
    assert ready("import", path) == 130
    assert json.loads((tmp_path / "acme.progress.json").read_text())["line"] == 14
    monkeypatch.setattr(intake_file.FileImport, "_take", take)
    assert ready("import", path) == 0
    assert "goes on after line 14" in capsys.readouterr().err
    assert count(opened) == 42


def refused(ready: Callable[..., int], capsys: Capture, *arguments: object) -> str:
    """Return the one line in which a command refuses, with exit code 2."""
    assert ready("import", *arguments) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1, lines
    return lines[0]


def test_bombs_odd_names_and_other_archives_are_refused_in_one_line(
    ready: Callable[..., int], opened: Database, capsys: Capture, tmp_path: Path
) -> None:
    bomb = written(tmp_path / "bomb.zip", {**FILES, "feedback/2026-03-03.json": "0" * 5_000_000})
    assert "200 times as large" in refused(ready, capsys, bomb)
    odd = written(tmp_path / "odd.zip", {**FILES, "../../etc/2026-03-03.json": []})
    assert "leads out of the archive" in refused(ready, capsys, odd)
    other = written(tmp_path / "other.zip", {"tickets.json": []})
    assert "no channels.json" in refused(ready, capsys, other)
    (tmp_path / "text.zip").write_text("id,text\n")
    assert "no ZIP" in refused(ready, capsys, tmp_path / "text.zip")
    good = written(tmp_path / "good.zip")
    assert "--map zendesk" in refused(ready, capsys, good, "--map", "zendesk")
    assert "no channel lounge" in refused(ready, capsys, good, "--channel", "lounge")
    (tmp_path / "rows.csv").write_text("id,created_at,text\n1,2026-05-01,x\n")
    assert "--channel" in refused(ready, capsys, tmp_path / "rows.csv", "--channel", "feedback")
    assert "no such file" in refused(ready, capsys, tmp_path / "missing.zip")
    assert count(opened) == 0
    with opened.read(workspace=None) as session:
        assert session.scalars(select(Source.id)).all() == []
    assert zipfile.is_zipfile(good)
