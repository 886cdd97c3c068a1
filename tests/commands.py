"""What tests of the `ebb` command share: what it said, settings changed between two commands, whose a key is."""

from collections.abc import Callable

import pytest

from models.database import Database
from models.queries import access
from models.queries.access import Caller
from models.settings import load_settings
from tests.clock import NOON

Capture = pytest.CaptureFixture[str]
Command = Callable[..., int]


def told(capsys: Capture) -> str:
    """Return what a refusal says: exactly one line on stderr, nothing on stdout."""
    found = capsys.readouterr()
    assert found.out == ""
    (line,) = found.err.strip().splitlines()
    assert line.startswith("ebb: ")
    return line


def choose(monkeypatch: pytest.MonkeyPatch, **settings: str | None) -> None:
    """Change settings between two commands of one test: each command is a process of its own in real life."""
    for name, value in settings.items():
        if value is None:
            monkeypatch.delenv(f"EBB_{name}")
        else:
            monkeypatch.setenv(f"EBB_{name}", value)
    load_settings.cache_clear()


def caller_of(database: Database, key: str) -> Caller | None:
    with database.read(workspace=None) as session:
        found = access.find_caller(session, key=key.strip(), now=NOON)
    return found[0] if found else None
