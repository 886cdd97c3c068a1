"""Delivering with a key in place of a signature: whose key it may be, and what happens beside a signature."""

import json
from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from models.database import Database
from models.values.roles import Permission, Role
from tests import factories
from tests.clock import NOON, Clock
from tests.service.keys import bearer, make_key
from tests.steps import connect, post_entry

BODY = b'{"id": "T-1", "text": "The export fails.", "created_at": "2026-06-01T10:00:00Z"}'


@pytest.fixture
def bare(app: FastAPI) -> Iterator[TestClient]:
    """A client without a key."""
    with TestClient(app, follow_redirects=False) as found:
        yield found


@pytest.fixture
def desk(client: TestClient) -> str:
    """The address of a source."""
    return connect(client)[0]


def rejected(client: TestClient, address: str) -> int:
    health = client.get(f"/v1/sources/{address.rpartition('/')[2]}/health").json()
    found: int = health["counts"]["rejected"]
    return found


def test_a_key_delivers_in_place_of_a_signature(client: TestClient, bare: TestClient, desk: str) -> None:
    key = make_key(client, role="integration")["key"]
    for scheme in ("Bearer", "bearer"):
        answer = bare.post(desk, content=BODY, headers={"Authorization": f"{scheme} {key}"})
        assert answer.status_code == 202, answer.text
    assert answer.json() == {"status": "duplicate"}
    health = client.get(f"/v1/sources/{desk.rpartition('/')[2]}/health").json()
    assert (health["counts"]["accepted"], health["counts"]["rejected"]) == (1, 0)
    assert (health["signature"]["scheme"], health["signature"]["strength"]) == ("api_key", "weak")
    assert health["signature"]["leaves_open"][0].startswith("the secret itself travels")


@pytest.mark.parametrize("role", Role)
def test_who_may_deliver_is_whose_role_says_so(
    client: TestClient, bare: TestClient, desk: str, database: Database, workspace: int, role: Role
) -> None:
    key = factories.key(database, workspace, role=role)
    answer = bare.post(desk, content=BODY, headers=bearer(key))
    may = role in (Role.OWNER, Role.ADMIN, Role.INTEGRATION)
    assert answer.status_code == (202 if may else 401)
    assert rejected(client, desk) == (0 if may else 1)


def test_a_key_that_opens_nothing_is_refused_like_a_wrong_signature_and_counted(
    client: TestClient, bare: TestClient, desk: str, database: Database, clock: Clock
) -> None:
    other = connect(client, name="other")[0]
    bound = make_key(client, role="integration", source=other.rpartition("/")[2])["key"]
    gone = make_key(client, role="integration")
    client.delete(f"/v1/keys/{gone['id']}")
    short = make_key(client, role="integration", expires_at="2026-06-01T12:30:00Z")["key"]
    clock.advance(minutes=31)
    foreign = factories.key(database, factories.workspace(database), role=Role.INTEGRATION)
    scoped = make_key(client, role="owner", scopes=[each for each in Permission if each != "deliver"])["key"]
    refused = ("ebb_", "ebb_nothing", bound, gone["key"], short, foreign, scoped)
    answers = [bare.post(desk, content=BODY, headers=bearer(key)) for key in refused]
    unknown = bare.post("/v1/ingest/src_999", content=BODY, headers=bearer("ebb_nothing"))
    assert [answer.status_code for answer in (*answers, unknown)] == [401] * 8
    assert len({json.dumps({**each.json(), "request_id": ""}) for each in (*answers, unknown)}) == 1
    assert rejected(client, desk) == len(refused)
    assert bare.post(other, content=BODY, headers=bearer(bound)).status_code == 202


def test_a_wrong_key_is_not_mended_by_a_right_signature(client: TestClient, bare: TestClient) -> None:
    address, secret = connect(client)
    entry = json.loads(BODY)
    assert post_entry(bare, address, entry, secret, now=NOON).status_code == 202
    bare.headers["Authorization"] = "Bearer ebb_nothing"
    assert post_entry(bare, address, entry, secret, now=NOON).status_code == 401
    # What is no key of ours is some vendor's own proof, or some proxy's: the signature decides.
    for value in ("Basic eDp5", "Bearer something-else", "ebb_nothing"):
        bare.headers["Authorization"] = value
        assert post_entry(bare, address, entry, secret, now=NOON).status_code == 202, value


def test_a_right_key_mends_no_wrong_signature(client: TestClient, bare: TestClient) -> None:
    address, secret = connect(client)
    bare.headers.update(bearer(make_key(client, role="integration")["key"]))
    entry = json.loads(BODY)
    assert post_entry(bare, address, entry, secret + "x", now=NOON).status_code == 401
    assert rejected(client, address) == 1
    assert post_entry(bare, address, entry, secret, now=NOON).status_code == 202


def test_a_source_whose_tool_signs_by_bearer_takes_its_secret_or_a_key(
    client: TestClient, bare: TestClient
) -> None:
    body = {
        "kind": "generic_json",
        "name": "desk",
        "secret": "of-the-tool",
        "settings": {"signature": "bearer"},
    }
    made = client.post("/v1/sources", json=body)
    assert made.status_code == 201, made.text
    address = made.json()["ingest_url"]
    key = make_key(client, role="integration")["key"]
    for value, status in (("of-the-tool", 202), (key, 202), ("of-another", 401), (key + "x", 401)):
        assert bare.post(address, content=BODY, headers=bearer(value)).status_code == status, value


def test_a_source_without_a_secret_takes_deliveries_with_a_key(
    client: TestClient, bare: TestClient, database: Database, workspace: int
) -> None:
    with database.write(workspace=workspace) as session:
        number = factories.source(session, workspace, secret=None)
    key = make_key(client, role="integration")["key"]
    address = f"/v1/ingest/src_{number}"
    assert bare.post(address, content=BODY, headers=bearer(key)).status_code == 202
    assert bare.post(address, content=BODY).status_code == 401


def test_a_secret_that_looks_like_a_key_is_refused(client: TestClient) -> None:
    answer = client.post("/v1/sources", json={"kind": "generic_json", "name": "desk", "secret": "ebb_x"})
    assert (answer.status_code, answer.json()["field"]) == (422, "secret")
