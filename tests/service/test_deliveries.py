"""`/v1/deliveries` and `ebb replay`: what became of a delivery, why, and reading it again after a fix."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from models.database import Database
from models.queries import workspaces
from models.records import FeedbackItem
from models.values.roles import Role
from tests import factories
from tests.clock import NOON, Clock
from tests.service.keys import bearer
from tests.service.poison import POISON, poisoned
from tests.steps import connect, post_entry, signed, walk
from workers.context import Context

ENTRY = {"created_at": "2026-06-01T10:00:00Z", "text": "The export fails.", "customer_id": "c-1"}


def entry(number: int) -> dict[str, object]:
    return {**ENTRY, "id": f"T-{number}"}


def listed(client: TestClient, **query: object) -> list[dict[str, Any]]:
    answer = client.get("/v1/deliveries", params=query)  # type: ignore[arg-type]
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


def tickets(database: Database) -> list[str]:
    with database.read(workspace=None) as session:
        return sorted(session.scalars(select(FeedbackItem.external_id)))


def test_a_poison_delivery_ends_dead_says_why_and_blocks_nobody_and_is_read_once_mended(
    client: TestClient, database: Database, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    address, secret = connect(client)
    for number in range(6):
        post_entry(client, address, entry(number), secret, now=NOON)
    with poisoned(monkeypatch) as fails:
        walk(context)
    assert len(fails) >= context.settings.work_max_attempts
    assert tickets(database) == ["T-0", "T-1", "T-2", "T-4", "T-5"]
    (dead,) = listed(client, state="dead")
    assert (dead["state"], dead["attempts"], dead["next_attempt_at"]) == ("dead", 5, None)
    assert "failed 5 times" in dead["reason"]
    assert "ZeroDivisionError" in dead["reason"]
    assert POISON not in dead["reason"], "an error's message may quote a customer"
    assert len(listed(client, state="parsed")) == 5

    answer = client.post("/v1/deliveries/replay", json={"state": "dead"})
    assert (answer.status_code, answer.json()) == (202, {"replayed": 1})
    assert [each["id"] for each in listed(client, state="open")] == [dead["id"]]
    walk(context)
    assert tickets(database) == [f"T-{number}" for number in range(6)]
    assert listed(client, state="dead") == []
    # Reading it once more changes nothing: what it says is applied once.
    for _ in range(2):
        assert client.post(f"/v1/deliveries/{dead['id']}/replay").json() == {"replayed": 1}
        walk(context)
    assert tickets(database) == [f"T-{number}" for number in range(6)]
    detail = client.get(f"/v1/deliveries/{dead['id']}").json()
    assert (detail["state"], detail["reason"], len(detail["items"])) == ("parsed", None, 1)
    found = client.get("/v1/feedback", params={"external_id": "T-3"}).json()["items"]
    assert [each["id"] for each in found] == detail["items"]


def test_one_that_will_be_tried_again_says_when_and_why(
    client: TestClient, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    from workers.run import run_batch
    from workers.stages import build_stages

    address, secret = connect(client)
    post_entry(client, address, entry(3), secret, now=NOON)
    with poisoned(monkeypatch):
        run_batch(context, build_stages(context.settings))
    (waiting,) = listed(client)
    assert (waiting["state"], waiting["attempts"]) == ("open", 1)
    assert "tried again" in waiting["reason"]
    assert waiting["next_attempt_at"] > f"{NOON:%Y-%m-%dT%H:%M:%S}"


def test_an_invalid_one_tells_what_is_wrong_and_only_admins_see_its_body(
    client: TestClient, database: Database, workspace: int, context: Context
) -> None:
    address, secret = connect(client)
    body = b'{"text": "No id, but a name: Mira.\xff"}'
    headers = {**signed(body, secret, now=NOON), "Idempotency-Key": "k-1", "X-Other": "kept by nobody"}
    assert client.post(address, content=body, headers=headers).status_code == 202
    walk(context)
    (found,) = listed(client, state="invalid", source=address.rpartition("/")[2])
    detail = client.get(f"/v1/deliveries/{found['id']}").json()
    assert "body is not UTF-8" in detail["reason"]
    assert (detail["body"], detail["body_bytes"]) == (body.decode("utf-8", "replace"), len(body))
    assert detail["headers"] == {"Idempotency-Key": "k-1", "X-Ebb-Proof": "generic_json"}
    assert secret not in json.dumps(detail)
    for role in (Role.VIEWER, Role.MEMBER, Role.CURATOR):
        seen = client.get(
            f"/v1/deliveries/{found['id']}", headers=bearer(factories.key(database, workspace, role=role))
        ).json()
        assert (seen["body"], seen["body_bytes"]) == (None, len(body))
        assert "Mira" not in json.dumps(seen)


def test_pages_are_newest_first_and_complete(client: TestClient) -> None:
    address, secret = connect(client)
    for number in range(5):
        post_entry(client, address, entry(number), secret, now=NOON)
    found, cursor = [], None
    for _ in range(9):
        page = client.get("/v1/deliveries", params={"limit": 2, **({"cursor": cursor} if cursor else {})})
        found += [each["id"] for each in page.json()["items"]]
        cursor = page.json()["next_cursor"]
        if cursor is None:
            break
    assert len(found) == 5
    assert found == sorted(found, key=lambda each: -int(each.rpartition("_")[2]))


@pytest.mark.parametrize("state", ["open", "parsed", "ignored"])
def test_what_was_understood_is_not_replayed_all_at_once(client: TestClient, state: str) -> None:
    answer = client.post("/v1/deliveries/replay", json={"state": state})
    assert (answer.status_code, answer.json()["field"]) == (422, "state")
    assert "invalid, dead" in answer.json()["detail"]


def test_unknown_states_and_ids_are_told(client: TestClient) -> None:
    assert client.get("/v1/deliveries", params={"state": "lost"}).json()["field"] == "state"
    assert client.get("/v1/deliveries", params={"source": "src_99"}).status_code == 404
    for number in ("dlv_99", "dlv_", "src_1", "dlv_99999999999"):
        assert client.get(f"/v1/deliveries/{number}").status_code == 404
        assert client.post(f"/v1/deliveries/{number}/replay").status_code == 404


def test_more_than_a_transaction_holds_are_replayed_in_several(
    client: TestClient, database: Database, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.replay.TOGETHER", 2)
    address, secret = connect(client)
    for number in range(5):
        post_entry(client, address, {"text": f"no id {number}"}, secret, now=NOON)
    walk(context)
    assert client.post("/v1/deliveries/replay", json={"state": "invalid"}).json() == {"replayed": 5}
    assert len(listed(client, state="open")) == 5


# --- ebb replay ---------------------------------------------------------------------------------------------


@pytest.fixture
def broken(opened: Database) -> list[str]:
    """Two sources with an invalid delivery each, made through the API; the ids of the deliveries."""
    from service.app import create_app
    from tests.services import settings_for
    from workers.run import run_until_idle
    from workers.stages import build_stages

    with opened.read(workspace=None) as session:
        owner = workspaces.first_workspace(session)
    assert owner is not None
    clock = Clock()
    app = create_app(settings_for(opened), database=opened, clock=clock)
    key = factories.key(opened, owner.id)
    context = Context(opened, settings_for(opened), lambda _: None, clock)  # type: ignore[arg-type,return-value]
    with TestClient(app, headers=bearer(key)) as client:
        for name in ("one", "two"):
            address, secret = connect(client, name=name)
            post_entry(client, address, {"text": "no id"}, secret, now=NOON)
        run_until_idle(context, build_stages(context.settings), on_batch=lambda *_: None)
        return [each["id"] for each in reversed(listed(client, state="invalid"))]


def open_ones(opened: Database) -> list[str]:
    from models.queries import delivery_log
    from models.queries.delivery_log import DeliveryFilter
    from models.values.deliveries import DeliveryOutcome

    with opened.read(workspace=1) as session:
        found = delivery_log.list_deliveries(
            session,
            workspace=1,
            where=DeliveryFilter(outcome=DeliveryOutcome.OPEN),
            before=None,
            limit=9,
        )
    return sorted(f"dlv_{each.id}" for each in found)


def test_the_command_replays_one_those_of_a_source_or_of_a_state(
    ready: Callable[..., int],
    opened: Database,
    broken: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert len(broken) == 2
    assert ready("replay", "--state", "dead") == 0
    assert open_ones(opened) == []
    assert ready("replay", "--delivery", broken[0]) == 0
    assert open_ones(opened) == broken[:1]
    assert ready("replay", "--source", "src_2", "--state", "invalid") == 0
    assert open_ones(opened) == broken
    out = capsys.readouterr().out
    assert out.splitlines() == [
        "0 deliveries will be tried again.",
        f"delivery {broken[0]} will be tried again.",
        "1 deliveries will be tried again.",
    ]
    with opened.read(workspace=1) as session:
        acts = [
            (act.action, act.subject)
            for act in workspaces.list_audit(session, workspace=1, before=None, limit=9)
        ]
    assert acts.count(("delivery.replay", broken[0])) == 1
    assert acts.count(("delivery.replay", "src_2")) == 1


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (("--delivery", "dlv_99"), "dlv_99"),
        (("--delivery", "th_1"), "dlv_"),
        (("--source", "src_99"), "src_99"),
        (("--state", "parsed"), "--state"),
        (("--state", "lost"), "lost"),
        (("--delivery", "dlv_1", "--state", "dead"), "--delivery"),
    ],
)
def test_the_command_says_what_is_wrong(
    ready: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
    options: tuple[str, ...],
    names: str,
) -> None:
    assert ready("replay", *options) == 2
    told = capsys.readouterr().err
    assert names in told
    assert len(told.strip().splitlines()) == 1
