"""Intake over HTTP: who may send, what is answered, and that whatever is answered 202 is kept."""

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import func, select

from models.database import Database
from models.records import Delivery, DeliveryState, FeedbackItem, Source
from service.app import create_app
from tests.clock import NOON, Clock
from tests.services import settings_for
from tests.steps import connect, post_entry, signed, unfinished, walk
from workers.context import Context

ENTRY = {"id": "T-1", "created_at": "2026-06-01T10:00:00Z", "text": "The export fails.", "customer_id": "c-1"}
DATA = Path(__file__).parents[1] / "data" / "webhooks"


@pytest.fixture
def desk(client: TestClient) -> tuple[str, str]:
    """A generic JSON source: its address and secret."""
    return connect(client)


def stored(database: Database) -> list[Delivery]:
    with database.read(workspace=None) as session:
        return list(session.scalars(select(Delivery).order_by(Delivery.id)))


def items(database: Database) -> list[FeedbackItem]:
    with database.read(workspace=None) as session:
        return list(session.scalars(select(FeedbackItem).order_by(FeedbackItem.id)))


def test_a_signed_delivery_is_accepted_kept_as_it_came_and_read(
    client: TestClient, desk: tuple[str, str], database: Database, context: Context
) -> None:
    address, secret = desk
    body = json.dumps(ENTRY).encode()
    answer = client.post(address, content=body, headers=signed(body, secret, now=NOON))
    assert (answer.status_code, answer.json()) == (202, {"status": "accepted"})
    (row,) = stored(database)
    assert (row.body, row.state, row.received_at) == (body, DeliveryState.OPEN, NOON)
    walk(context)
    assert [(item.external_id, item.text) for item in items(database)] == [("T-1", "The export fails.")]
    assert stored(database)[0].state is DeliveryState.PARSED


def test_a_zendesk_event_is_accepted(client: TestClient, database: Database, context: Context) -> None:
    address, secret = connect(client, kind="zendesk")
    body = json.loads((DATA / "zendesk.event_ticket_created.json").read_text())["body"].encode()
    answer = client.post(address, content=body, headers=signed(body, secret, now=NOON, kind="zendesk"))
    assert answer.status_code == 202
    walk(context)
    (item,) = items(database)
    assert (item.external_id, item.account_key) == ("41207", "8800000000601")
    assert item.text.startswith("Since this morning the CSV export stops")


def test_the_same_delivery_again_is_answered_alike_and_stored_once(
    client: TestClient, desk: tuple[str, str], database: Database
) -> None:
    answers = [post_entry(client, desk[0], ENTRY, desk[1], now=NOON) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [202] * 3
    assert [answer.json()["status"] for answer in answers] == ["accepted", "duplicate", "duplicate"]
    assert len(stored(database)) == 1


def test_a_ping_is_answered_and_not_stored(
    client: TestClient, desk: tuple[str, str], database: Database
) -> None:
    answer = post_entry(client, desk[0], {"type": "ping"}, desk[1], now=NOON)
    assert (answer.status_code, answer.json()) == (200, {"pong": True})
    assert stored(database) == []


def test_a_ping_that_is_answered_says_that_address_and_secret_are_right(
    client: TestClient, desk: tuple[str, str], clock: Clock
) -> None:
    def health() -> tuple[str, str]:
        found = client.get(f"/v1/sources/{desk[0].rsplit('/', 1)[1]}/health").json()
        return found["light"], found["reasons"][0]

    ping = {"type": "ping"}
    owner = client.headers.pop("authorization")
    assert post_entry(client, desk[0], ping, desk[1] + "x", now=clock.now).status_code == 401
    client.headers["authorization"] = owner
    assert health()[0] == "red"
    clock.advance(minutes=1)
    assert post_entry(client, desk[0], ping, desk[1], now=clock.now).status_code == 200
    assert health() == (
        "waiting",
        "Its ping was answered, so address and secret are right. Nothing has been delivered yet.",
    )


@pytest.mark.parametrize("forgery", ["no signature", "wrong secret", "other body", "old time"])
def test_a_forged_delivery_is_refused_and_counted(
    client: TestClient, desk: tuple[str, str], database: Database, forgery: str
) -> None:
    address, secret = desk
    body = json.dumps(ENTRY).encode()
    headers = {
        "no signature": {},
        "wrong secret": signed(body, secret + "x", now=NOON),
        "other body": signed(body + b" ", secret, now=NOON),
        "old time": signed(body, secret, now=NOON - timedelta(hours=1)),
    }[forgery]
    # The sender has no key: one that may deliver would stand in for a signature.
    answer = client.post(address, content=body, headers={**headers, "Authorization": ""})
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert secret not in answer.text
    assert stored(database) == []
    client.app.state.refusals.write()  # type: ignore[attr-defined]
    with database.read(workspace=None) as session:
        source = session.scalars(select(Source)).one()
    assert (source.rejected_count, source.rejected_at) == (1, NOON)
    health = client.get(f"/v1/sources/{address.rsplit('/', 1)[1]}/health").json()
    assert (health["light"], health["counts"]["rejected"]) == ("red", 1)
    assert health["last_rejected_reason"]
    assert health["last_rejected_reason"] not in answer.text, "whoever sends is not told why"


def test_an_unknown_source_is_refused_like_a_wrong_signature(client: TestClient) -> None:
    assert post_entry(client, "/v1/ingest/src_999", ENTRY, "secret", now=NOON).status_code == 401


@pytest.mark.parametrize("number", ["src_999999999999999999", "src_", "th_1", "1", "src_-1"])
def test_what_is_no_source_id_leads_nowhere(client: TestClient, number: str) -> None:
    assert post_entry(client, f"/v1/ingest/{number}", ENTRY, "secret", now=NOON).status_code == 404


def test_a_source_of_imports_takes_no_webhooks(
    client: TestClient, database: Database, workspace: int
) -> None:
    with database.write(workspace=workspace) as session:
        session.add(
            Source(
                workspace_id=workspace,
                kind="generic_json",
                name="file",
                settings={},
                created_at=NOON,
            )
        )
    assert post_entry(client, "/v1/ingest/src_1", ENTRY, "", now=NOON).status_code == 401


def test_a_body_over_the_limit_is_refused_while_it_still_comes(
    database: Database, workspace: int, clock: Clock
) -> None:
    app = create_app(settings_for(database, webhook_max_bytes=100_000), database=database, clock=clock)
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        for _ in range(2_000):
            sent += 10_000
            yield b" " * 10_000

    with TestClient(app) as client:
        answer = client.post("/v1/ingest/src_1", content=endless())
    assert answer.status_code == 413
    assert answer.json()["field"] == "body"
    assert stored(database) == []


BROKEN = {
    "not JSON": b"{",
    "empty": b"",
    "ten thousand levels": b"[" * 10_000 + b"]" * 10_000,
    "levels inside an entry": b'{"id": "T-1", "text": ' + b"[" * 10_000 + b"]" * 10_000 + b"}",
    "not UTF-8": b"\xff\xfe\x00",
    "NaN": b'{"id": "T-1", "rating": NaN}',
    "a number": b"17",
    "a huge number": b'{"id": "T-1", "text": "x", "rating": 1' + b"0" * 6_000 + b"}",
    "no id": b'{"text": "The export fails."}',
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_body_that_cannot_be_understood_is_kept_and_says_why(
    client: TestClient, desk: tuple[str, str], database: Database, context: Context, what: str
) -> None:
    body = BROKEN[what]
    answer = client.post(desk[0], content=body, headers=signed(body, desk[1], now=NOON))
    assert answer.status_code == 202
    assert post_entry(client, desk[0], ENTRY, desk[1], now=NOON).status_code == 202
    walk(context)
    assert unfinished(database, now=NOON) == []
    bad, good = stored(database)
    assert (bad.state, bad.body, good.state) == (DeliveryState.INVALID, body, DeliveryState.PARSED)
    assert bad.reason
    health = client.get(f"/v1/sources/{desk[0].rsplit('/', 1)[1]}/health").json()
    assert (health["light"], health["counts"]["failed"]) == ("amber", 1)
    assert health["failures"][0]["reason"] == bad.reason


def test_texts_that_databases_refuse_are_stored_all_the_same(
    client: TestClient, desk: tuple[str, str], database: Database, context: Context
) -> None:
    text = "before \x00 \ud800 after \U0001f600"
    post_entry(client, desk[0], {**ENTRY, "text": text, "tags": ["a\x00b"]}, desk[1], now=NOON)
    walk(context)
    assert unfinished(database, now=NOON) == []
    assert "after \U0001f600" in items(database)[0].text


@pytest.mark.parametrize("sign", ["\x00", "\ud800"])
def test_names_that_databases_refuse_hold_no_delivery_up(
    client: TestClient, desk: tuple[str, str], database: Database, context: Context, sign: str
) -> None:
    rules = {"rules": [], "fields": {"form": "forms.0", "plan": "tier"}}
    assert client.put(f"/v1/sources/{desk[0].rsplit('/', 1)[1]}/rules", json=rules).status_code == 200
    odd = {"brand": f"a{sign}", "group": f"{sign}b", "forms": [f"c{sign}"], "tier": f"d{sign}"}
    wrong = {"type": "metric", "metric": "m", "value": 1, "at": "2026-06-01", "dimensions": {f"e{sign}": []}}
    for entry in ({**ENTRY, **odd}, wrong):
        assert post_entry(client, desk[0], entry, desk[1], now=NOON).status_code == 202
    walk(context)
    assert unfinished(database, now=NOON) == []
    (item,) = items(database)
    assert (item.brand, item.group, item.form, item.plan) == ("a\ufffd", "\ufffdb", "c\ufffd", "d\ufffd")
    health = client.get(f"/v1/sources/{desk[0].rsplit('/', 1)[1]}/health")
    assert "dimensions.e\ufffd" in health.json()["failures"][0]["reason"]


def test_a_very_long_text_of_many_words_is_stored_and_found(
    client: TestClient, desk: tuple[str, str], database: Database, context: Context
) -> None:
    text = "The export fails. " + " ".join(f"word{number:x}" for number in range(85_000))
    assert len(text) > 750_000
    assert post_entry(client, desk[0], {**ENTRY, "text": text}, desk[1], now=NOON).status_code == 202
    walk(context)
    assert unfinished(database, now=NOON) == []
    found = client.get("/v1/feedback", params={"q": "export fails"}).json()["items"]
    assert [item["external_id"] for item in found] == ["T-1"]


def test_every_readable_entry_of_a_batch_is_stored_and_the_others_are_named(
    client: TestClient, desk: tuple[str, str], database: Database, context: Context
) -> None:
    entries = [{**ENTRY, "id": f"T-{number}"} for number in range(60)]
    post_entry(client, desk[0], {"items": [*entries, {"text": "no id"}]}, desk[1], now=NOON)
    walk(context)
    assert len(items(database)) == 60
    (row,) = stored(database)
    assert row.state is DeliveryState.INVALID  # one entry of it
    assert "entry 60" in (row.reason or "")


def test_two_hundred_posts_at_once_are_each_stored_once(
    client: TestClient, desk: tuple[str, str], database: Database
) -> None:
    statuses: list[int] = []
    lock = threading.Lock()

    def post(number: int) -> None:
        answer = post_entry(client, desk[0], {**ENTRY, "id": f"T-{number}"}, desk[1], now=NOON)
        with lock:
            statuses.append(answer.status_code)

    threads = [threading.Thread(target=post, args=(number,)) for number in range(200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert statuses == [202] * 200
    with database.read(workspace=None) as session:
        assert session.scalar(select(func.count()).select_from(Delivery)) == 200
        assert session.scalar(select(func.count(func.distinct(Delivery.key)))) == 200


def test_intake_needs_no_worker_and_no_model(app: FastAPI) -> None:
    with TestClient(app) as client:
        assert client.get("/healthz").json() == {"status": "ok"}
