"""A call that says nothing of a ticket's text leaves the stored text alone, whatever the order."""

import json
from itertools import permutations
from typing import Any

import pytest
from fastapi.testclient import TestClient

from models.database import Database
from models.sources.signature import SCHEMES, sign
from tests.clock import NOON, Clock
from tests.steps import connect, walk
from workers.context import Context

WORDS = "The calendar export fails for large teams every day."
CALLS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "a trigger without the description": (
        "zendesk",
        {"ticket_id": "T-1", "subject": "Export", "description": WORDS, "updated_at": "2026-06-01T10:00:00Z"},
        {"ticket_id": "T-1", "subject": "Export", "status": "Solved", "updated_at": "2026-06-01T11:00:00Z"},
    ),
    "a rule without the description": (
        "freshdesk",
        {"ticket_id": "T-1", "subject": "Export", "description": WORDS, "updated_at": "2026-06-01T10:00:00Z"},
        {"ticket_id": "T-1", "subject": "Export", "status": "Resolved", "updated_at": "2026-06-01T11:00:00Z"},
    ),
    "a row of an export without texts": (
        "generic_json",
        {"id": "T-1", "subject": "Export", "text": WORDS, "updated_at": "2026-06-01T10:00:00Z"},
        {"id": "T-1", "subject": "Export", "status": "solved", "updated_at": "2026-06-01T11:00:00Z"},
    ),
}


def post(client: TestClient, address: str, kind: str, secret: str, body: bytes) -> None:
    scheme = SCHEMES["token" if kind == "freshdesk" else kind]
    headers = {"Authorization": ""}
    if scheme.timestamp_header:
        is_iso = scheme.timestamp_unit == "iso8601"
        headers[scheme.timestamp_header] = (
            f"{NOON:%Y-%m-%dT%H:%M:%SZ}" if is_iso else f"{NOON.timestamp():.0f}"
        )
    headers[scheme.header] = sign(scheme, secret=secret, body=body, headers=headers)
    assert client.post(address, content=body, headers=headers).status_code == 202


@pytest.mark.parametrize("order", list(permutations(range(2))), ids=str)
@pytest.mark.parametrize("what", CALLS)
def test_the_text_stays(
    client: TestClient, context: Context, clock: Clock, database: Database, what: str, order: tuple[int, ...]
) -> None:
    kind, *calls = CALLS[what]
    address, secret = connect(client, kind=kind)
    for place in order:
        clock.now = NOON
        post(client, address, kind, secret, json.dumps(calls[place]).encode())
        walk(context)
    (item,) = client.get("/v1/feedback", params={"external_id": "T-1"}).json()["items"]
    assert (item["text"], item["status"], item["language"]) == (WORDS, "resolved", "en")


def test_an_edit_that_leaves_no_word_does_not_stay(client: TestClient, context: Context) -> None:
    address, secret = connect(client)
    for text in (WORDS, "  "):
        entry = {"id": "T-1", "subject": "Export", "text": text, "created_at": "2026-06-01T10:00:00Z"}
        post(client, address, "generic_json", secret, json.dumps(entry).encode())
        walk(context)
    (item,) = client.get("/v1/feedback", params={"external_id": "T-1"}).json()["items"]
    assert item["text"] == ""
