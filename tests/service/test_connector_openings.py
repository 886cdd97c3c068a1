"""What a later event tells of a ticket whose first event never came, or comes last."""

import json
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from fastapi.testclient import TestClient

from models.database import Database
from models.sources.signature import SCHEMES, sign
from tests.clock import Clock
from tests.models.sources.examples import payload_of
from tests.steps import connect, walk
from workers.context import Context

START = datetime(2026, 3, 2, 9, 15, 30, tzinfo=UTC)
CUSTOMER = "8800000000101"
OPENING = "Since this morning the CSV export stops at 1,000 rows"
FURTHER = "The invoices page also shows a wrong total since yesterday."


@pytest.fixture
def database(sqlite: Database) -> Database:
    """Order is the connectors' and the queries' matter, not the database's."""
    return sqlite


class Tool:
    """A connected Zendesk or Intercom."""

    def __init__(self, client: TestClient, context: Context, clock: Clock, kind: str) -> None:
        self.client, self.context, self.clock, self.kind = client, context, clock, kind
        self.clock.now = START
        self.address, self.secret = connect(client, kind=kind)

    def send(self, payload: dict[str, Any]) -> None:
        body = json.dumps(payload).encode()
        scheme = SCHEMES[self.kind]
        headers = {"Authorization": ""}
        if scheme.timestamp_header:
            headers[scheme.timestamp_header] = f"{self.clock.now:%Y-%m-%dT%H:%M:%SZ}"
        headers[scheme.header] = sign(scheme, secret=self.secret, body=body, headers=headers)
        assert self.client.post(self.address, content=body, headers=headers).status_code == 202
        walk(self.context)

    def items(self) -> dict[str, dict[str, Any]]:
        source = self.address.rpartition("/")[2]
        assert self.client.get(f"/v1/sources/{source}/health").json()["failures"] == []
        found = self.client.get("/v1/feedback", params={"source": source}).json()["items"]
        return {item["message_id"]: item for item in found}


def zendesk(kind: str, second: int, event: dict[str, Any] | None = None, **detail: object) -> dict[str, Any]:
    base = payload_of("zendesk.event_ticket_created")
    return {
        **base,
        "id": f"{kind}-{second}",
        "type": f"zen:event-type:ticket.{kind}",
        "time": f"{START - timedelta(seconds=30 - second):%Y-%m-%dT%H:%M:%SZ}",
        "detail": {**base["detail"], **detail},
        "event": event or {},
    }


def comment(text: str, number: str, *, is_staff: bool = False) -> dict[str, Any]:
    author = {"id": "7" if is_staff else CUSTOMER, "is_staff": is_staff}
    return {"comment": {"id": number, "author": author, "body": text, "is_public": True}}


REPLY = zendesk("comment_added", 5, comment(FURTHER, "c1"))


@pytest.fixture
def tickets(client: TestClient, context: Context, clock: Clock) -> Tool:
    return Tool(client, context, clock, "zendesk")


def test_an_opening_that_never_came_comes_with_the_next_change(tickets: Tool) -> None:
    tickets.send(REPLY)
    assert set(tickets.items()) == {"c1"}
    tickets.send(zendesk("comment_added", 7, comment("We look into it.", "s1", is_staff=True)))
    found = tickets.items()
    assert {name: item["text"][: len(OPENING)] for name, item in found.items()} == {
        "0": OPENING,
        "c1": FURTHER[: len(OPENING)],
    }
    # What came along gives way to nothing and is not stored twice.
    tickets.send(zendesk("created", 0))
    tickets.send(zendesk("status_changed", 9, status="SOLVED"))
    assert {name: item["status"] for name, item in tickets.items().items()} == {
        "0": "resolved",
        "c1": "resolved",
    }


def test_a_reply_to_a_deleted_ticket_brings_nothing(tickets: Tool) -> None:
    tickets.send(zendesk("soft_deleted", 7))
    tickets.send(REPLY)
    assert tickets.items() == {}


CALLS = {
    "opened": zendesk("created", 1),
    "redacted": zendesk("comment_redacted", 8, {"comment": {"id": "c0"}}),
    "replied": REPLY,
    "again": zendesk("status_changed", 9, status="SOLVED"),
}


@pytest.mark.parametrize("order", list(permutations(CALLS))[::4], ids="-".join)
def test_a_redacted_opening_stays_away_though_every_event_carries_it(
    tickets: Tool, order: tuple[str, ...]
) -> None:
    for name in order:
        tickets.send(CALLS[name])
    assert set(tickets.items()) == {"c1"}


def test_the_opening_of_an_intercom_conversation_comes_when_it_is_closed(
    client: TestClient, context: Context, clock: Clock
) -> None:
    tool = Tool(client, context, clock, "intercom")
    replied = payload_of("intercom.conversation_user_replied")
    tool.send(replied)
    assert set(tool.items()) == {"5001"}
    tool.send(payload_of("intercom.conversation_part_redacted"))
    closed = {**payload_of("intercom.conversation_user_created"), "topic": "conversation.admin.closed"}
    for number in ("closed", "closed again"):
        tool.send({**closed, "id": number})
    assert set(tool.items()) == {"0"}
