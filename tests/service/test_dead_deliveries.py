"""Deliveries that our own fault keeps from being read: told apart, explained, and replayed to one effect each."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from models.database import Database
from models.settings import load_settings
from service.cli import run
from tests.clock import NOON, Clock
from tests.service.poison import POISON, poisoned
from tests.service.test_metrics import at, scrape
from tests.steps import connect, post_entry, walk
from workers.context import Context

BROKEN = {"id": "T-3", "created_at": "2026-06-01T10:00:00Z", "customer_id": "c-3"}
OLDER = {**BROKEN, "text": "The export crashes, it is bad.", "mark": "poison"}
NEWER = {
    **BROKEN,
    "text": "The export crashes on big files, it is bad.",
    "updated_at": "2026-06-01T13:00:00Z",
}
SENT = ("waiting", "dead", "failed", "parsed")


def entry(number: int) -> dict[str, object]:
    text = "The export fails, it is bad."
    return {"id": f"N-{number}", "created_at": "2026-06-01T10:00:00Z", "text": text, "customer_id": "c-1"}


def counts(health: dict[str, Any]) -> tuple[int, ...]:
    return tuple(health["counts"][name] for name in SENT)


@pytest.fixture
def desk(client: TestClient, context: Context, monkeypatch: pytest.MonkeyPatch) -> str:
    """The id of a source: one delivery of it is dead, one invalid, one waits, six neighbours were read."""
    address, secret = connect(client)
    for body in (entry(1), entry(2), OLDER, entry(3), {"text": "no id"}, entry(4), entry(5)):
        assert post_entry(client, address, body, secret, now=NOON).status_code == 202
    with poisoned(monkeypatch, on=b"poison") as fails:
        walk(context)
    assert len(fails) >= context.settings.work_max_attempts
    post_entry(client, address, NEWER, secret, now=NOON)
    walk(context)
    post_entry(client, address, entry(6), secret, now=NOON)
    return address.rpartition("/")[2]


def health_of(client: TestClient, source: str) -> dict[str, Any]:
    found: dict[str, Any] = client.get(f"/v1/sources/{source}/health").json()
    return found


def feedback(client: TestClient, ticket: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get("/v1/feedback", params={"external_id": ticket}).json()["items"]
    return found


def test_health_tells_dead_from_waiting_and_from_not_understood(client: TestClient, desk: str) -> None:
    found = health_of(client, desk)
    assert (found["light"], counts(found)) == ("amber", (1, 1, 1, 6))
    assert {each["state"]: each["count"] for each in found["failure_reasons"]} == {"dead": 1, "invalid": 1}
    (dead,) = (each for each in found["failures"] if each["state"] == "dead")
    assert f"POST /v1/deliveries/{dead['id']}/replay" in dead["reason"]
    assert f"`ebb replay --delivery {dead['id']}`" in dead["reason"]
    given_up, misunderstood = found["reasons"]
    assert "given up once (ZeroDivisionError)" in given_up
    assert f"`ebb replay --source {desk} --state dead`" in given_up
    assert f"`ebb replay --source {desk} --state invalid`" in misunderstood
    assert POISON not in json.dumps(found)


def test_each_state_is_listed_and_counted_for_monitors(client: TestClient, desk: str) -> None:
    for state in ("open", "dead", "invalid"):
        (found,) = client.get("/v1/deliveries", params={"state": state, "source": desk}).json()["items"]
        assert found["state"] == state
        assert (found["next_attempt_at"] is None) == (state != "open")
    found = scrape(client)
    counted = {
        state: at(found, "ebb_deliveries_unread", state=state) for state in ("waiting", "dead", "invalid")
    }
    assert counted == {"waiting": 1, "dead": 1, "invalid": 1}


def test_what_health_says_to_post_is_what_mends_it_and_every_delivery_has_one_effect(
    client: TestClient, desk: str, context: Context
) -> None:
    (given_up, _) = health_of(client, desk)["reasons"]
    said = re.search(r"POST (\S+) with (\{.*?\})", given_up)
    assert said is not None
    answer = client.post(said[1], json=json.loads(said[2]))
    assert (answer.status_code, answer.json()) == (202, {"replayed": 1})
    assert counts(health_of(client, desk)) == (2, 0, 1, 6)
    walk(context)
    found = health_of(client, desk)
    assert (counts(found), len(found["reasons"])) == ((0, 0, 1, 8), 1)
    # The older words came last, and the newer ones stand.
    (item,) = feedback(client, "T-3")
    assert item["text"] == NEWER["text"]
    assert [len(feedback(client, f"N-{number}")) for number in range(1, 7)] == [1] * 6


def test_the_command_says_what_to_do_does_it_and_is_done(
    client: TestClient,
    desk: str,
    context: Context,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    url = context.database.url.render_as_string(hide_password=False)
    monkeypatch.setenv("EBB_DATABASE_URL", url)

    def ebb(*words: str) -> tuple[int, str]:
        load_settings.cache_clear()
        return run(list(words)), capsys.readouterr().out

    code, told = ebb("doctor", "--json")
    found = json.loads(told)
    named = found[f"unread deliveries, {desk}"]
    assert code == 3
    assert named.startswith("1 waiting, 1 given up (ZeroDivisionError), 1 not understood")
    said = re.search(r"`ebb (replay --source \S+ --state dead --workspace \S+)`", found["verdict"])
    assert said is not None, found["verdict"]
    assert ebb(*said[1].split()) == (0, "1 deliveries will be tried again.\n")
    clock.now = datetime.now(UTC) + timedelta(seconds=1)  # the command has a clock of its own
    walk(context)
    assert [item["text"] for item in feedback(client, "T-3")] == [NEWER["text"]]
    code, told = ebb("doctor", "--json")
    named = json.loads(told)[f"unread deliveries, {desk}"]
    assert (code, named.partition(":")[0]) == (0, "1 not understood"), "what senders do wrong calls nobody"


def test_one_that_fails_again_after_a_replay_is_given_up_again_and_holds_nobody_up(
    client: TestClient, desk: str, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    with poisoned(monkeypatch, on=b"poison"):
        assert client.post("/v1/deliveries/replay", json={"state": "dead"}).json() == {"replayed": 1}
        walk(context)
        assert counts(health_of(client, desk)) == (0, 1, 1, 7)
    client.post("/v1/deliveries/replay", json={"state": "dead"})
    walk(context)
    assert counts(health_of(client, desk)) == (0, 0, 1, 8)
    assert len(feedback(client, "T-3")) == 1


def test_a_source_whose_last_delivery_another_clock_dated_ahead_is_no_fault(
    client: TestClient, context: Context, clock: Clock
) -> None:
    address, secret = connect(client)
    post_entry(client, address, entry(1), secret, now=NOON)
    clock.now = NOON - timedelta(minutes=2)
    found = health_of(client, address.rpartition("/")[2])
    assert (found["light"], found["silent_seconds"], found["reasons"]) == ("green", 0, [])


def test_a_source_without_a_delivery_says_so(client: TestClient, database: Database) -> None:
    address, _ = connect(client)
    found = health_of(client, address.rpartition("/")[2])
    assert (found["light"], found["reasons"]) == ("waiting", ["Nothing has been delivered yet."])
