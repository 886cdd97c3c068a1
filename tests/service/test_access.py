"""Keys and users over HTTP: who may hand out what, what narrows a key, how it is replaced, and when it ends."""

import json
import threading
from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from models.database import Database
from models.queries import access
from models.values.roles import SENIOR, Role
from tests import factories
from tests.clock import NOON, Clock
from tests.service.keys import acts, bearer, make_key
from tests.steps import connect


def test_a_revoked_key_opens_nothing_from_then_on(client: TestClient) -> None:
    made = make_key(client, role="member")
    assert client.get("/v1/themes", headers=bearer(made["key"])).status_code == 200
    assert client.delete(f"/v1/keys/{made['id']}").status_code == 204
    assert client.get("/v1/themes", headers=bearer(made["key"])).status_code == 401
    listed = client.get("/v1/keys").json()["items"]
    assert made["key"] not in json.dumps(listed)
    assert [each["revoked_at"] is not None for each in listed] == [True, False]
    log = client.get("/v1/audit")
    assert made["key"] not in log.text
    assert acts(client) == [("key.revoke", made["id"]), ("key.create", made["id"])]


def test_a_key_is_listed_with_what_narrows_it_and_its_last_use(client: TestClient, clock: Clock) -> None:
    scopes = ["read_numbers", "plan"]
    made = make_key(client, role="member", scopes=scopes, expires_at="2026-07-01T00:00:00Z")
    assert (sorted(made["scopes"]), made["last_used_at"]) == (sorted(scopes), None)
    clock.advance(minutes=5)
    assert client.get("/v1/themes", headers=bearer(made["key"])).status_code == 200
    clock.advance(minutes=30)
    assert client.get("/v1/themes", headers=bearer(made["key"])).status_code == 200
    listed = client.get("/v1/keys").json()["items"][0]
    assert {**listed, "key": made["key"], "last_used_at": None} == made
    assert listed["last_used_at"] == "2026-06-01T12:05:00Z"  # to the hour: the second call was not noted
    assert client.get("/v1/feedback", headers=bearer(made["key"])).status_code == 403
    assert client.post("/v1/teams", json={"name": "x"}, headers=bearer(made["key"])).status_code == 201


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"role": "viewer", "scopes": ["read_numbers", "plan"]}, "scopes"),
        ({"role": "integration", "scopes": ["read_numbers"]}, "scopes"),
        ({"role": "viewer", "scopes": []}, "scopes"),
        ({"role": "viewer", "scopes": ["everything"]}, "scopes.0"),
        ({"role": "viewer", "expires_at": "2026-06-01T12:00:00Z"}, "expires_at"),
        ({"role": "viewer", "source": "src_1"}, "source"),
    ],
)
def test_a_key_that_makes_no_sense_is_refused(client: TestClient, body: dict[str, Any], field: str) -> None:
    answer = client.post("/v1/keys", json={"name": "bot", **body})
    assert (answer.status_code, answer.json()["field"]) == (422, field)
    assert len(client.get("/v1/keys").json()["items"]) == 1


def test_a_key_is_bound_to_a_source_of_this_workspace_only(
    client: TestClient, database: Database, workspace: int
) -> None:
    other = factories.workspace(database)
    with database.write(workspace=other) as session:
        foreign = factories.source(session, other)
    body = {"name": "bot", "role": "integration", "source": f"src_{foreign}"}
    assert client.post("/v1/keys", json=body).status_code == 404
    own = connect(client)[0].rpartition("/")[2]
    assert make_key(client, role="integration", source=own)["source"] == own


def test_only_owners_make_rotate_and_end_the_keys_of_owners_and_admins(
    client: TestClient, database: Database, workspace: int
) -> None:
    admin = bearer(factories.key(database, workspace, role=Role.ADMIN))
    for role in Role:
        expected = 403 if role in SENIOR else 201
        made = client.post("/v1/keys", json={"name": "bot", "role": role}, headers=admin)
        assert made.status_code == expected, role
        key = make_key(client, role=role)["id"]
        assert client.post(f"/v1/keys/{key}/rotate", headers=admin).status_code == expected, role
        ended = client.delete(f"/v1/keys/{key}", headers=admin).status_code
        assert ended == (403 if role in SENIOR else 204), role
        assert client.delete(f"/v1/keys/{key}").status_code == 204


def test_nobody_hands_out_what_they_do_not_have(client: TestClient, database: Database) -> None:
    scopes = ["administer", "own", "read_numbers"]
    narrow = bearer(make_key(client, role="owner", scopes=scopes)["key"])
    for role, given, status in (
        ("owner", scopes, 201),
        ("aggregate_only", None, 201),
        ("viewer", ["read_numbers"], 201),
        ("viewer", None, 403),
        ("owner", None, 403),
        ("integration", None, 403),
    ):
        body = {"name": "bot", "role": role, "scopes": given}
        assert client.post("/v1/keys", json=body, headers=narrow).status_code == status, body
    wide = make_key(client, role="viewer")["id"]
    assert client.post(f"/v1/keys/{wide}/rotate", headers=narrow).status_code == 403
    person = {"email": "a@example.com", "name": "A", "role": "viewer"}
    assert client.post("/v1/users", json=person, headers=narrow).status_code == 403
    seat = client.post("/v1/users", json=person).json()["id"]
    assert client.post(f"/v1/users/{seat}/sign-in", headers=narrow).status_code == 403


@pytest.mark.parametrize(
    ("ends", "status"),
    [
        (None, 422),
        ("2026-06-03T00:00:01Z", 422),
        ("2026-06-03T00:00:00Z", 201),
        ("2026-06-02T00:00:00Z", 201),
    ],
)
def test_a_key_that_ends_makes_none_that_lives_longer(
    client: TestClient, ends: str | None, status: int
) -> None:
    passing = bearer(make_key(client, role="owner", expires_at="2026-06-03T00:00:00Z")["key"])
    body = {"name": "bot", "role": "viewer", "expires_at": ends}
    answer = client.post("/v1/keys", json=body, headers=passing)
    assert answer.status_code == status, answer.text
    if status == 422:
        assert answer.json()["field"] == "expires_at"
        assert "choose 2026-06-03T00:00:00+00:00 or earlier" in answer.json()["detail"]


def test_a_key_that_ends_rotates_none_that_would_live_longer(client: TestClient, clock: Clock) -> None:
    own = make_key(client, role="owner", expires_at="2026-06-03T12:00:00Z")
    brief, endless = (
        make_key(client, role="viewer", expires_at=ends)["id"] for ends in ("2026-06-02T12:00:00Z", None)
    )
    clock.advance(hours=1)
    for key, status in ((own["id"], 422), (endless, 422), (brief, 201)):
        answer = client.post(f"/v1/keys/{key}/rotate", headers=bearer(own["key"]))
        assert answer.status_code == status, answer.text
    assert client.post(f"/v1/keys/{own['id']}/rotate").status_code == 201


def test_connecting_a_source_hands_out_its_secret(client: TestClient) -> None:
    body = {"kind": "zendesk", "name": "desk"}
    for scopes, status in ((["administer"], 403), (["administer", "deliver"], 201)):
        key = bearer(make_key(client, role="admin", scopes=scopes)["key"])
        answer = client.post("/v1/sources", json=body, headers=key)
        assert answer.status_code == status
    assert len(client.get("/v1/sources").json()["items"]) == 1


def test_of_those_who_rotate_a_key_at_once_one_succeeds(
    client: TestClient, bare: TestClient, database: Database, workspace: int
) -> None:
    headers = {"Authorization": client.headers["Authorization"]}
    key = make_key(client, role="viewer")["id"]
    statuses: list[int] = []
    together = threading.Barrier(4)

    def rotate() -> None:
        together.wait(30)
        statuses.append(bare.post(f"/v1/keys/{key}/rotate", headers=headers).status_code)

    threads = [threading.Thread(target=rotate) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(statuses) == [201, 409, 409, 409]
    assert len(client.get("/v1/keys").json()["items"]) == 3


def test_a_rotated_key_goes_on_for_a_while_and_the_new_one_takes_its_place(
    client: TestClient, clock: Clock
) -> None:
    old = make_key(client, role="member", scopes=["read_numbers"], expires_at="2026-06-11T12:00:00Z")
    clock.advance(days=2)
    answer = client.post(f"/v1/keys/{old['id']}/rotate", json={"overlap_hours": 3})
    assert answer.status_code == 201
    new = answer.json()
    assert new["key"] != old["key"]
    assert (new["name"], new["role"], new["scopes"]) == (old["name"], old["role"], old["scopes"])
    assert new["expires_at"] == "2026-06-13T12:00:00Z"  # ten days, as the old one had
    listed = {each["id"]: each for each in client.get("/v1/keys").json()["items"]}
    assert listed[old["id"]]["replaced_by"] == new["id"]
    assert listed[old["id"]]["expires_at"] == "2026-06-03T15:00:00Z"
    assert client.post(f"/v1/keys/{old['id']}/rotate").status_code == 409
    for key, status in ((old, 200), (new, 200)):
        assert client.get("/v1/themes", headers=bearer(key["key"])).status_code == status
    clock.advance(hours=3)
    for key, status in ((old, 401), (new, 200)):
        assert client.get("/v1/themes", headers=bearer(key["key"])).status_code == status
    assert acts(client)[0] == ("key.rotate", old["id"])
    assert new["key"] not in client.get("/v1/audit").text


@pytest.mark.parametrize("hours", [-1, 169, 1.5, "soon"])
def test_an_overlap_beyond_a_week_is_refused(client: TestClient, hours: object) -> None:
    key = make_key(client, role="viewer")["id"]
    answer = client.post(f"/v1/keys/{key}/rotate", json={"overlap_hours": hours})
    assert (answer.status_code, answer.json()["field"]) == (422, "overlap_hours")


def test_without_overlap_the_old_key_ends_at_once(client: TestClient) -> None:
    old = make_key(client, role="viewer")
    assert client.post(f"/v1/keys/{old['id']}/rotate", json={"overlap_hours": 0}).status_code == 201
    assert client.get("/v1/themes", headers=bearer(old["key"])).status_code == 401


def test_the_last_owner_cannot_be_revoked(client: TestClient) -> None:
    (own,) = client.get("/v1/keys").json()["items"]
    make_key(client, role="admin")
    make_key(client, role="owner", scopes=["own", "administer"])
    passing = make_key(client, role="owner", expires_at="2026-07-01T00:00:00Z")
    refused = client.delete(f"/v1/keys/{own['id']}")
    assert (refused.status_code, refused.headers["content-type"]) == (409, "application/problem+json")
    assert client.get("/v1/keys").json()["items"][-1]["revoked_at"] is None
    assert client.delete(f"/v1/keys/{passing['id']}").status_code == 204
    second = make_key(client, role="owner")
    assert client.delete(f"/v1/keys/{own['id']}").status_code == 204
    last = client.delete(f"/v1/keys/{second['id']}", headers=bearer(second["key"]))
    assert last.status_code == 409


def test_a_user_who_owns_lets_the_last_owners_key_go(client: TestClient) -> None:
    (own,) = client.get("/v1/keys").json()["items"]
    person = {"email": "mira@example.com", "name": "Mira", "role": "owner"}
    assert client.post("/v1/users", json=person).status_code == 201
    assert client.delete(f"/v1/keys/{own['id']}").status_code == 204


def test_of_owners_who_leave_at_once_one_stays(bare: TestClient, database: Database, workspace: int) -> None:
    keys = [factories.key(database, workspace) for _ in range(4)]
    with database.read(workspace=workspace) as session:
        numbers = sorted(row.id for row in access.list_keys(session, workspace=workspace))
    for key in keys:
        assert bare.get("/v1/keys", headers=bearer(key)).status_code == 200
    statuses: list[int] = []
    together = threading.Barrier(len(keys))

    def leave(number: int, key: str) -> None:
        together.wait(30)
        statuses.append(bare.delete(f"/v1/keys/key_{number}", headers=bearer(key)).status_code)

    threads = [threading.Thread(target=leave, args=each) for each in zip(numbers, keys, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(statuses) == [204, 204, 204, 409]


def test_every_workspace_writes_its_own_under_the_same_key(
    client: TestClient, bare: TestClient, database: Database
) -> None:
    stranger = bearer(factories.key(database, factories.workspace(database)))
    for path, body in (
        ("teams", {"key": "t", "name": "ours"}),
        ("metrics", {"key": "t", "name": "ours"}),
        ("objectives", {"key": "t", "title": "ours"}),
        ("key-results", {"key": "t", "text": "ours"}),
        ("releases", {"key": "t", "name": "ours", "released_at": "2026-06-01T00:00:00Z"}),
        ("features", {"key": "t", "title": "ours"}),
        ("events", {"key": "t", "kind": "incident", "title": "ours", "starts_at": "2026-06-01T00:00:00Z"}),
        ("users", {"email": "a@example.com", "name": "ours", "role": "viewer"}),
    ):
        assert client.post(f"/v1/{path}", json=body).status_code == 201, path
        theirs = json.loads(json.dumps(body).replace("ours", "theirs"))
        assert bare.post(f"/v1/{path}", json=theirs, headers=stranger).status_code == 201, path
        (seen,) = client.get(f"/v1/{path}").json()["items"]
        assert "theirs" not in json.dumps(seen)


def test_an_expired_key_opens_nothing(
    bare: TestClient, database: Database, workspace: int, clock: Clock
) -> None:
    key = factories.key(database, workspace, expires_at=NOON + timedelta(hours=1))
    assert bare.get("/v1/themes", headers=bearer(key)).status_code == 200
    clock.advance(hours=1)
    assert bare.get("/v1/themes", headers=bearer(key)).status_code == 401
