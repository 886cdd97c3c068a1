"""`ebb encoder`, as somebody runs it: what is printed, asked for, and refused."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from models.queries import shadow_stream
from models.settings import load_settings
from service.cli import run
from tests.workers.trying import FED, OTHER, Trying

Said = Callable[..., Any]


@pytest.fixture
def ebb(
    trial: Trying, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Said:
    """Run `ebb encoder` on a workspace whose tickets are in themes; return what it printed."""
    monkeypatch.setenv("EBB_DATABASE_URL", f"sqlite:///{tmp_path / 'ebb.db'}")
    monkeypatch.setenv("EBB_SQLITE_SYNCHRONOUS", "NORMAL")
    monkeypatch.setattr("service.commands.world.now", trial.clock)

    def said(*arguments: str, code: int = 0) -> Any:
        assert run(["encoder", *arguments]) == code
        told = capsys.readouterr()
        if code:
            return told.err
        return json.loads(told.out) if "--json" in arguments else told.out

    return said


def test_it_is_tried_looked_at_and_switched_to(ebb: Said, trial: Trying) -> None:
    assert "In use: all-MiniLM-L6-v2 (float32).\nNo other encoder is tried." in ebb("status")
    assert f"running; it has read 0 of {FED} items" in ebb("try", "--dtype", "bfloat16")
    assert f"0 of {FED}" in ebb("switch", code=2)
    trial.work()
    text = ebb("status")
    found = ebb("status", "--json")["shadow"]["report"]
    assert f"would move {found['moved_items']} of {FED} items" in text
    assert "the limit is 20.0%" in text
    assert "Lost:" in text
    assert "New:" in text
    assert f"“{found['new'][0]['label']}”" in text
    assert f"{found['lost'][0]['theme']} “{found['lost'][0]['label']}”" in text
    assert "accept_moved" in ebb("switch", code=2)
    assert ebb("switch", "--accept-moved", "0.9", "--json")["shadow"]["state"] == "switching"
    trial.work()
    assert trial.choice() == OTHER
    assert "In use: all-MiniLM-L6-v2 (bfloat16)." in ebb("status")


def test_it_is_dropped(ebb: Said, trial: Trying) -> None:
    assert "no encoder is being tried" in ebb("drop", code=2)
    ebb("try", "--dtype", "bfloat16")
    assert "is being deleted" in ebb("drop")
    trial.work()
    assert ebb("status", "--json")["shadow"] is None


def test_what_went_wrong_is_told(ebb: Said, trial: Trying, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "there is no model 'third'" in ebb("try", "third", code=2)
    monkeypatch.setenv("EBB_ENCODER_MODELS", "third=/nowhere")
    load_settings.cache_clear()
    ebb("try", "third")
    trial.work()
    assert "It stands still: this worker knows no model 'third'" in ebb("status")


def test_many_themes_are_cut_short(ebb: Said, trial: Trying, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.commands.encoder.LISTED", 1)
    ebb("try", "--dtype", "bfloat16")
    trial.work()
    assert "more; --json has all." in ebb("status")


def test_a_switch_the_worker_refused_is_told(ebb: Said, trial: Trying) -> None:
    ebb("try", "--dtype", "bfloat16")
    trial.work()
    ebb("switch", "--accept-moved", "0.9")
    with trial.database.write(workspace=trial.workspace) as session:
        row = shadow_stream.find(session, workspace=trial.workspace)
        assert row is not None
        row.accepted = 0.01
    trial.work()
    assert "The switch was not made: " in ebb("status")
