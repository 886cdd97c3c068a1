"""What is stored of every example, field by field; published vectors over HTTP; what a weak scheme lets through."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from models.database import Database
from models.records import Delivery, FeedbackItem, TicketState
from models.sources.registry import SOURCES
from models.sources.signature import SCHEMES
from tests.clock import Clock
from tests.models.sources.examples import FOLDER, Example, examples
from tests.service.test_connectors import WRITES, at, connect, items, post
from tests.steps import unfinished, walk
from workers.context import Context

FIELDS = {
    "account_id": "account_key",
    "plan": "plan",
    "product_area": "product_area",
    "status": "status",
    "tags": "tags",
    "rating": "rating",
    "channel": "channel",
    "author_role": "author_role",
}
"""Members of `expected_normalised` and the columns that hold them."""
WEAK = [
    each for each in examples() if any("still valid" in case["expect"] for case in each.data["negatives"])
]
VECTORS = [
    vector
    for vector in json.loads((FOLDER / "_published_vectors.json").read_text())["vectors"]
    if vector["source"] in SOURCES
]


@pytest.fixture
def database(sqlite: Database) -> Database:
    """Connectors do not know which database there is; that both take what they write is shown elsewhere."""
    return sqlite


def meant_items(each: Example) -> list[dict[str, Any]]:
    """Return what an example says of messages that make an item."""
    told = [one for one in each.expected if one["action"] in WRITES and each.data["kind"] == "feedback"]
    return [one for one in told if one["action"] == "upsert" or one["author_role"] == "customer"]


@pytest.mark.parametrize(
    "each", [each for each in examples() if meant_items(each)], ids=lambda each: each.name
)
def test_every_field_of_an_example_is_stored_as_it_should(
    client: TestClient, clock: Clock, context: Context, database: Database, each: Example
) -> None:
    source = connect(client, each)
    at(clock, each.data["verify_at"])
    received = clock.now
    assert post(client, source, each).status_code == 202
    walk(context)
    with database.read(workspace=None) as session:
        stored = {item.external_id: item for item in session.scalars(select(FeedbackItem))}
    assert set(stored) == {expected["external_id"] for expected in meant_items(each)}
    for expected in meant_items(each):
        item = stored[expected["external_id"]]
        assert {name: getattr(item, column) for name, column in FIELDS.items()} == {
            name: expected[name] for name in FIELDS
        }
        assert item.reported_by_agent is (expected["author_role"] == "agent")
        assert (item.person_id is None) is (expected["customer_id"] is None)
        told = expected["created_at"]
        assert item.ticket_created_at == (datetime.fromisoformat(told) if told else received)
        assert item.language == (expected["language"] or item.language)
        assert bool(item.subject) is bool(expected["subject"])


RATED = next(each for each in examples() if each.name == "intercom.conversation_rating_added")


def test_a_change_of_status_is_known_of_its_record_field_by_field(
    client: TestClient, clock: Clock, context: Context, database: Database
) -> None:
    source = connect(client, RATED)
    at(clock, RATED.data["verify_at"])
    assert post(client, source, RATED).status_code == 202
    walk(context)
    (expected,) = RATED.expected
    with database.read(workspace=None) as session:
        (state,) = session.scalars(select(TicketState))
        (remark,) = session.scalars(select(FeedbackItem))
    known = {name: value for name, (value, _) in state.attributes.items()}
    for name in ("status", "tags", "rating", "product_area", "channel"):
        assert known[name] == expected[name]
    assert (remark.text, remark.ticket_created_at) == (
        expected["body"],
        datetime.fromisoformat(expected["created_at"]),
    )


@pytest.mark.parametrize("each", WEAK, ids=lambda each: each.name)
def test_a_scheme_that_does_not_cover_the_body_takes_a_changed_one(
    client: TestClient, clock: Clock, context: Context, database: Database, each: Example
) -> None:
    source = connect(client, each)
    at(clock, each.data["verify_at"])
    (case,) = [case for case in each.data["negatives"] if "still valid" in case["expect"]]
    assert post(client, source, each, case).status_code == 202
    assert post(client, source, each).status_code == 202
    walk(context)
    assert unfinished(database, now=clock.now) == []
    # The same record twice is one item.
    assert sorted(item["external_id"] for item in items(client, source)) == sorted(
        {expected["external_id"] for expected in each.expected}
    )
    assert client.get(f"/v1/sources/{source['id']}/health").json()["signature"]["strength"] == "weak"


def test_five_of_the_ten_vectors_are_of_sources_that_can_be_connected() -> None:
    assert sorted(vector["source"] for vector in VECTORS) == [
        "discourse",
        "github",
        "jira",
        "slack",
        "standardwebhooks",
    ]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["source"])
def test_a_published_vector_is_accepted_over_http_and_nothing_near_it(
    client: TestClient, clock: Clock, database: Database, vector: dict[str, Any]
) -> None:
    scheme = SCHEMES[vector["scheme"]]
    if scheme.timestamp_header:
        clock.now = datetime.fromtimestamp(int(vector["headers"][scheme.timestamp_header]), UTC)
    sent = clock.now
    source, other = (
        client.post("/v1/sources", json={"kind": vector["source"], "name": "it", "secret": secret}).json()
        for secret in (vector["secret"], vector["secret"][:-4] + "AAAA")
    )
    headers = {"Authorization": "", **vector["headers"], scheme.header: vector["expected"]}

    def answer(address: str, body: str, **changed: str) -> int:
        return client.post(address, content=body.encode(), headers={**headers, **changed}).status_code

    body = vector["body"]
    near = [answer(source["ingest_url"], body + " "), answer(other["ingest_url"], body)]
    near.append(answer(source["ingest_url"], body, **{scheme.header: vector["expected"][:-1]}))
    if scheme.tolerance_s:
        for seconds in (scheme.tolerance_s + 1, -scheme.tolerance_s - 1):
            clock.now = sent + timedelta(seconds=seconds)
            near.append(answer(source["ingest_url"], body))
        clock.now = sent
    assert set(near) == {401}
    assert answer(source["ingest_url"], body) == 202
    with database.read(workspace=None) as session:
        (stored,) = session.scalars(select(Delivery))
    assert stored.body == body.encode()
