"""The page of the encoder in the console: trying another one, what it would move, and the word that a switch needs."""

import re
from collections.abc import Iterator

import httpx
import pytest
from fastapi.testclient import TestClient

from models.queries import shadow_stream
from models.records import ShadowState
from models.settings import Settings
from models.values.roles import Role
from tests.console_plan import NOW
from tests.console_site import csrf_of, read, signed_in
from tests.workers.trying import FED, OTHER, Trying


@pytest.fixture(autouse=True)
def _at_the_consoles_time(trial: Trying) -> None:
    trial.clock.now = NOW


@pytest.fixture
def admin(trial: Trying) -> Iterator[TestClient]:
    with signed_in(trial.database, trial.workspace, role=Role.ADMIN) as client:
        yield client


def press(client: TestClient, verb: str, **form: str) -> httpx.Response:
    return client.post(f"/encoder/{verb}", data={"csrf": csrf_of(client), **form})


def test_it_is_tried_and_switched_to_with_the_share_named(admin: TestClient, trial: Trying) -> None:
    page = read(admin, "/encoder")
    assert "In use Model all-MiniLM-L6-v2 Arithmetic float32 Length of a vector 256" in page.text
    begun = press(admin, "try", model="all-MiniLM-L6-v2", dtype="bfloat16")
    assert "It is being tried. Nothing changes until you switch." in begun.text
    assert f"<strong>0</strong> of {FED} messages read" in begun.text
    trial.work()
    report = trial.report()
    page = read(admin, "/encoder")
    assert f"Messages {100 * report.items_share:.1f}% {report.moved_items} of {FED}" in page.text
    assert "More than 20% would move. Per cent that you accept" in page.text
    for heading in ("Themes that nothing matches", "Themes that would be new", "Themes that stay and change"):
        assert heading in page.text
    (field,) = (attributes for tag, attributes in page.elements if attributes.get("name") == "accept")
    assert 0 <= float(field["min"]) - 100 * report.moved_share <= 0.1
    without = press(admin, "switch")
    assert without.status_code == 409
    assert "of the volume would change its theme" in without.text
    for wrong in ("much", "101", "nan"):
        assert press(admin, "switch", accept=wrong).status_code == 422
    asked = press(admin, "switch", accept=field["min"])
    assert "The switch was asked for" in asked.text
    trial.work()
    assert trial.choice() == OTHER
    assert "Arithmetic bfloat16 Length of a vector 128" in read(admin, "/encoder").text


def test_below_the_limit_one_button_is_enough(trial: Trying) -> None:
    with signed_in(trial.database, trial.workspace, settings=Settings(encoder_moved_limit=0.9)) as client:
        press(client, "try", dtype="bfloat16")
        trial.work()
        assert 'name="accept"' not in client.get("/encoder").text
        press(client, "switch")
        trial.work()
    assert trial.choice() == OTHER


def test_it_is_dropped_and_that_takes_a_moment(admin: TestClient, trial: Trying) -> None:
    press(admin, "try", dtype="bfloat16")
    trial.work()
    dropped = press(admin, "drop")
    assert "What is not needed any more is being deleted." in dropped.text
    assert "Drop it" not in dropped.text
    assert "Themes that nothing matches" not in dropped.text
    trial.work()
    assert "Try another one" in admin.get("/encoder").text


def test_troubles_are_told(admin: TestClient, trial: Trying) -> None:
    press(admin, "try", dtype="bfloat16")
    trial.work()
    with trial.database.write(workspace=trial.workspace) as session:
        row = shadow_stream.find(session, workspace=trial.workspace)
        assert row is not None
        row.error, row.refusal = "No model & no luck", "Too much would move"
        row.state = ShadowState.RUNNING
    text = admin.get("/encoder").text
    assert "<strong>It stands still:</strong> No model &amp; no luck" in text
    assert "<strong>The switch was not made:</strong> Too much would move" in text
    assert "/encoder/switch" not in text


def test_long_lists_are_cut_short(admin: TestClient, trial: Trying, monkeypatch: pytest.MonkeyPatch) -> None:
    press(admin, "try", dtype="bfloat16")
    trial.work()
    monkeypatch.setattr("service.console.encoder_page.SHOWN", 1)
    assert re.search(r"And \d+ smaller ones", admin.get("/encoder").text)


def test_a_theme_says_what_the_switch_did_to_it(admin: TestClient, trial: Trying) -> None:
    press(admin, "try", dtype="bfloat16")
    trial.work()
    trial.switch()
    lost = next(row.id for row in trial.themes().values() if row.state == "retired")
    assert "changed with the encoder, mostly with" in read(admin, f"/themes/th_{lost}").text


def test_it_is_for_administrators(trial: Trying) -> None:
    with signed_in(trial.database, trial.workspace, role=Role.CURATOR) as client:
        assert client.get("/encoder").status_code == 403
        assert 'href="/encoder"' not in client.get("/themes").text
