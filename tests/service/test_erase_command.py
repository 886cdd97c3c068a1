"""`ebb erase` as somebody runs it: what it prints, its exit codes, and one line for bad input."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from models.database import Database
from models.errors import Invalid
from models.language.encode import WordHashEncoder
from service.erasure import Who, parse_who
from tests.clock import Clock
from tests.services import settings_for
from tests.steps import walk
from workers.context import Context

ROWS = (
    "id,text,created_at,email,customer_id\n"
    "1,The export fails and it is bad.,2026-05-20T10:00:00Z,zora@example.org,\n"
    "2,The invoice is wrong.,2026-05-20T10:00:00Z,,zora-17\n"
    "3,The login is broken.,2026-05-20T10:00:00Z,mats@example.org,\n"
)


@pytest.fixture
def filled(
    ready: Callable[..., int], tmp_path: Path, opened: Database, capsys: pytest.CaptureFixture[str]
) -> Callable[..., int]:
    """The command on a database with two people's tickets, one of whom is also known by an id."""
    file = tmp_path / "old.csv"
    file.write_text(ROWS)
    assert ready("import", file) == 0
    clock = Clock()
    clock.advance(days=3650)  # past the moment, of the wall's clock, at which the import asked for its work
    walk(Context(opened, settings_for(opened), lambda _: WordHashEncoder(), clock))
    capsys.readouterr()
    return ready


def test_it_prints_a_receipt(filled: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert filled("erase", "--person", "Zora@Example.org", "--dry-run") == 0
    assert "nothing was changed" in capsys.readouterr().out
    assert filled("erase", "--person", "Zora@Example.org") == 0
    told = capsys.readouterr().out
    assert "Erased; receipt era_1." in told
    assert "counts as before" in told
    assert filled("erase", "--person", "Zora@Example.org") == 2
    assert capsys.readouterr().err.startswith("ebb: Nobody is known by this")


def test_by_customer_id_or_by_number_and_as_json(
    filled: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert filled("erase", "--person", "src_1:zora-17", "--json") == 0
    receipt = json.loads(capsys.readouterr().out)
    assert (receipt["id"], receipt["items"], receipt["left"]) == ("era_1", 1, 0)
    assert receipt["files_cleaned"] is True
    assert filled("erase", "--person", "per_1", "--json") == 0
    assert json.loads(capsys.readouterr().out)["items"] == 1


@pytest.mark.parametrize("name", ["Zora", "src_x:1", "src_1:", "per_", "a@b c", ""])
def test_a_name_that_names_nobody_is_one_line_and_exit_2(
    filled: Callable[..., int], capsys: pytest.CaptureFixture[str], name: str
) -> None:
    assert filled("erase", "--person", name) == 2
    told = capsys.readouterr().err
    assert told.startswith("ebb: --person")
    assert told.count("\n") == 1


def test_names_are_read() -> None:
    assert parse_who("a@b.c") == Who(email="a@b.c")
    assert parse_who("src_3:x:y") == Who(customer_id="x:y", source=3)
    assert parse_who(" per_17 ") == Who(person=17)
    with pytest.raises(Invalid):
        parse_who("somebody")
