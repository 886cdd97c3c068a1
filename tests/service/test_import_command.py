"""`ebb import` and `ebb releases import`: good rows in, broken ones aside with their lines, nothing twice."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select

from models.database import Database
from models.jobs import Job
from models.records import Delivery, Feature, Release, Source, Work
from service.commands import intake_file

Capture = pytest.CaptureFixture[str]


def rejects(file: Path) -> list[dict[str, object]]:
    aside = file.with_name(f"{file.name}.rejected.jsonl")
    return [json.loads(line) for line in aside.read_text(encoding="utf-8").splitlines()]


# --- import -------------------------------------------------------------------------------------------------

CSV = """id,created_at,text,customer_id
T-1,2026-05-01T10:00:00Z,The export fails,c-1
T-2,someday,The export fails,c-2
T-3,2026-05-01T10:00:00Z,The invoice is wrong,c-3
,2026-05-01T10:00:00Z,No id,c-4
T-5,2026-05-01T10:00:00Z,"Two
lines",c-5
T-6,2026-05-01T10:00:00Z
"""


def test_broken_rows_are_set_aside_by_line_and_the_rest_imported(
    ready: Callable[..., int], opened: Database, capsys: Capture, tmp_path: Path
) -> None:
    file = tmp_path / "tickets.csv"
    file.write_text(CSV)
    assert ready("import", file) == 0
    assert "tickets.csv: 3 rows imported, 3 set aside." in capsys.readouterr().err
    assert [(row["line"], bool(row["reason"])) for row in rejects(file)] == [(3, True), (5, True), (8, True)]
    assert "T-2,someday" in str(rejects(file)[0]["raw"])
    with opened.read(workspace=None) as session:
        assert session.scalars(select(Source.name)).all() == ["tickets"]
        assert len(session.scalars(select(Delivery)).all()) == 3


def test_strict_says_that_rows_were_set_aside(ready: Callable[..., int], tmp_path: Path) -> None:
    file = tmp_path / "tickets.csv"
    file.write_text(CSV)
    assert ready("import", file, "--strict") == 2
    file.write_text(CSV.splitlines()[0] + "\n" + CSV.splitlines()[1] + "\n")
    assert ready("import", file, "--strict") == 0


def test_importing_again_stores_nothing_twice(
    ready: Callable[..., int], opened: Database, capsys: Capture, tmp_path: Path
) -> None:
    file = tmp_path / "tickets.csv"
    file.write_text(CSV)
    ready("import", file, "--source", "desk")
    capsys.readouterr()
    ready("import", file, "--source", "desk")
    assert "0 rows imported, 3 were here already" in capsys.readouterr().err
    with opened.read(workspace=None) as session:
        assert session.scalars(select(Source.name)).all() == ["desk"]
        assert len(session.scalars(select(Delivery)).all()) == 3


def test_lines_of_json_with_broken_bytes_are_set_aside(
    ready: Callable[..., int], opened: Database, tmp_path: Path
) -> None:
    good = b'{"id": "T-1", "created_at": "2026-05-01T10:00:00Z", "text": "The export fails"}'
    lines = [
        good,
        b"{",
        b'{"id": "T-2", "text": "\xff"}',
        b"[1]",
        b"[" * 10_000,
        b"",
        good.replace(b"T-1", b"T-3"),
    ]
    file = tmp_path / "tickets.jsonl"
    file.write_bytes(b"\n".join(lines))
    assert ready("import", file) == 0
    assert [row["line"] for row in rejects(file)] == [2, 3, 4, 5]
    with opened.read(workspace=None) as session:
        assert len(session.scalars(select(Delivery)).all()) == 2


def test_a_map_names_the_columns(ready: Callable[..., int], opened: Database, tmp_path: Path) -> None:
    file, mapping = tmp_path / "export.csv", tmp_path / "map.yaml"
    file.write_text("Fall;Wann;Was\n7;03/05/2026;The export fails\n", encoding="utf-8")
    mapping.write_text(
        'columns: {external_id: Fall, created_at: Wann, text: Was}\ndate_format: "%d/%m/%Y"\ndelimiter: ";"\n'
    )
    assert ready("import", file, "--map", mapping) == 0
    with opened.read(workspace=None) as session:
        body = json.loads(session.scalars(select(Delivery.body)).one())
    assert (body["external_id"], body["created_at"]) == ("7", "2026-05-03T00:00:00Z")


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("tickets.txt", "id\n", "must end in .csv"),
        ("tickets.csv", "", "the file is empty"),
        ("tickets.csv", "a,b\n1,2\n", "no column for external_id"),
    ],
)
def test_a_file_that_cannot_be_read_at_all_is_bad_input(
    ready: Callable[..., int], capsys: Capture, tmp_path: Path, name: str, text: str, said: str
) -> None:
    (tmp_path / name).write_text(text)
    assert ready("import", tmp_path / name) == 2
    _check_one_line(capsys, name, said)


def _check_one_line(capsys: Capture, *said: str) -> None:
    """Bad input is one line, which names the file and what to mend."""
    (line,) = capsys.readouterr().err.splitlines()
    for words in said:
        assert words in line


def test_a_map_that_is_wrong_is_bad_input(ready: Callable[..., int], capsys: Capture, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(CSV)
    for written, said in (
        ("colums: {}\n", ("colums",)),
        ("columns:\n  text: [a, b\n", ("line 3", "not YAML")),
        ("columns: {text: Nowhere}\n", ("t.csv", "column Nowhere")),
        ('date_format: "%d %Q"\n', ("date_format", "%Q")),
    ):
        (tmp_path / "m.yaml").write_text(written)
        assert ready("import", tmp_path / "t.csv", "--map", tmp_path / "m.yaml") == 2
        _check_one_line(capsys, *said, "" if "t.csv" in said else "m.yaml")
    assert ready("import", tmp_path / "t.csv", "--map", tmp_path / "none.yaml") == 2


def test_a_file_or_folder_that_refuses_us_is_bad_input(
    ready: Callable[..., int], capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "t.csv"
    file.write_text("id,created_at,text\nT-1,someday,a\n")
    (tmp_path / "t.csv.rejected.jsonl").mkdir()
    assert ready("import", file) == 2
    _check_one_line(capsys, "t.csv.rejected.jsonl")
    (tmp_path / "t.csv.rejected.jsonl").rmdir()

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(file))

    monkeypatch.setattr(intake_file.FileImport, "_take", refuse)
    assert ready("import", file) == 2
    _check_one_line(capsys, "t.csv", "Permission denied")


# --- releases -----------------------------------------------------------------------------------------------

CHANGELOG = """# Changelog

## [2.1.0] - 2026-03-04

### Added

- Bigger exports: a calendar of a whole year.
- Sign in with a passkey.

## [2.0.0] - 2026-01-10

### Fixed

- The invoice no longer charges twice.
"""


def test_releases_come_from_a_changelog_and_again_change_nothing(
    ready: Callable[..., int], opened: Database, capsys: Capture, tmp_path: Path
) -> None:
    file = tmp_path / "CHANGELOG.md"
    file.write_text(CHANGELOG)
    for _ in range(2):
        assert ready("releases", "import", file) == 0
        assert "CHANGELOG.md: 2 releases, 3 features, 0 entries set aside." in capsys.readouterr().err
    with opened.read(workspace=None) as session:
        versions = session.scalars(select(Release.version).order_by(Release.released_at)).all()
        titles = session.scalars(select(Feature.title)).all()
        measured = session.scalars(select(Work.subject).where(Work.stage == Job.MEASURE)).all()
    assert versions == ["2.0.0", "2.1.0"]
    assert len(titles) == 3
    assert len(measured) == 2


def test_releases_come_from_a_table_of_tags(
    ready: Callable[..., int], opened: Database, tmp_path: Path
) -> None:
    file = tmp_path / "tags.csv"
    file.write_text("tag,date\nv1.0,2026-02-01\nv1.1,2026-03-01\n")
    assert ready("releases", "import", file) == 0
    with opened.read(workspace=None) as session:
        assert len(session.scalars(select(Release)).all()) == 2
