"""Users by API: seats, roles, sign-in links."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from models.database import Database
from models.queries import access
from models.values.roles import PEOPLE, SENIOR, Role
from service.dependencies import SESSION_COOKIE
from tests import factories
from tests.clock import NOON, Clock
from tests.service.keys import acts, bearer, make_key


def test_a_seat_is_given_changed_taken_and_given_again(client: TestClient) -> None:
    body = {"email": "Mira@Example.com", "name": "Mira", "role": "viewer"}
    made = client.post("/v1/users", json=body)
    assert made.status_code == 201
    seat = made.json()
    assert (seat["email"], seat["role"], seat["disabled_at"]) == ("mira@example.com", "viewer", None)
    changed = client.post("/v1/users", json={**body, "email": "mira@example.com", "role": "curator"}).json()
    assert (changed["id"], changed["role"]) == (seat["id"], "curator")
    assert client.delete(f"/v1/users/{seat['id']}").status_code == 204
    (listed,) = client.get("/v1/users").json()["items"]
    assert listed["disabled_at"] == NOON.isoformat().replace("+00:00", "Z")
    assert client.post("/v1/users", json=body).json()["disabled_at"] is None
    assert acts(client) == [
        (action, seat["id"]) for action in ("user.put", "user.disable", "user.put", "user.put")
    ]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"email": "nobody"}, "email"),
        ({"email": "a b@example.com"}, "email"),
        ({"name": ""}, "name"),
        ({"role": "integration"}, "role"),
        ({"role": "king"}, "role"),
        ({"disabled_at": None}, "disabled_at"),
    ],
)
def test_a_seat_that_makes_no_sense_is_refused(client: TestClient, body: dict[str, Any], field: str) -> None:
    answer = client.post("/v1/users", json={"email": "a@example.com", "name": "A", "role": "viewer", **body})
    assert (answer.status_code, answer.json()["field"]) == (422, field)


def test_users_are_paged(client: TestClient, database: Database, workspace: int) -> None:
    numbers = [f"usr_{factories.user(database, workspace, role=role)}" for role in PEOPLE]
    seen: list[str] = []
    cursor = None
    while True:
        page = client.get("/v1/users", params={"limit": 4, **({"cursor": cursor} if cursor else {})}).json()
        seen += [each["id"] for each in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == numbers


def test_seats_of_owners_and_admins_are_an_owners_affair(
    client: TestClient, database: Database, workspace: int
) -> None:
    admin = bearer(factories.key(database, workspace, role=Role.ADMIN))
    for role in PEOPLE:
        expected = 403 if role in SENIOR else 201
        body = {"email": f"{role}@x.example", "name": "N", "role": role}
        assert client.post("/v1/users", json=body, headers=admin).status_code == expected, role
        seat = client.post("/v1/users", json=body).json()["id"]
        # Neither raised to a senior role nor lowered from one, nor signed in as, nor ended.
        demoted = client.post("/v1/users", json={**body, "role": "viewer"}, headers=admin)
        assert demoted.status_code == expected, role
        client.post("/v1/users", json=body)
        assert client.post(f"/v1/users/{seat}/sign-in", headers=admin).status_code == expected, role
        ended = client.delete(f"/v1/users/{seat}", headers=admin).status_code
        assert ended == (403 if role in SENIOR else 204), role


def test_the_last_owner_keeps_seat_and_role(client: TestClient) -> None:
    (own,) = client.get("/v1/keys").json()["items"]
    passing = bearer(make_key(client, role="owner", expires_at="2026-07-01T00:00:00Z")["key"])
    body = {"email": "mira@example.com", "name": "Mira", "role": "owner"}
    seat = client.post("/v1/users", json=body).json()["id"]
    assert client.delete(f"/v1/keys/{own['id']}").status_code == 204
    assert client.delete(f"/v1/users/{seat}", headers=passing).status_code == 409
    assert client.post("/v1/users", json={**body, "role": "admin"}, headers=passing).status_code == 409
    (listed,) = client.get("/v1/users", headers=passing).json()["items"]
    assert (listed["role"], listed["disabled_at"]) == ("owner", None)


def test_a_sign_in_link_opens_a_session_once_until_the_seat_is_taken(
    client: TestClient, database: Database, clock: Clock
) -> None:
    body = {"email": "mira@example.com", "name": "Mira", "role": "viewer"}
    seat = client.post("/v1/users", json=body).json()["id"]
    answer = client.post(f"/v1/users/{seat}/sign-in")
    assert answer.status_code == 201
    made = answer.json()
    address, _, token = made["url"].partition("/sign-in?token=")
    assert address == "http://127.0.0.1:8000"
    assert made["expires_at"] == "2026-06-01T13:00:00Z"
    assert token not in client.get("/v1/audit").text
    with database.write(workspace=None) as session:
        browser = access.exchange_sign_in(session, token=token, now=NOON)
    assert browser is not None
    with database.write(workspace=None) as session:
        assert access.exchange_sign_in(session, token=token, now=NOON) is None
    second = client.post(f"/v1/users/{seat}/sign-in").json()["url"].partition("token=")[2]
    assert client.delete(f"/v1/users/{seat}").status_code == 204
    with database.write(workspace=None) as session:
        assert access.find_session(session, token=browser, now=NOON) is None
        assert access.exchange_sign_in(session, token=second, now=NOON) is None
    assert client.post(f"/v1/users/{seat}/sign-in").status_code == 409


def test_a_link_that_an_admin_made_does_not_make_an_owner(
    client: TestClient, database: Database, workspace: int
) -> None:
    admin = bearer(factories.key(database, workspace, role=Role.ADMIN))
    person = {"email": "mira@example.com", "name": "Mira", "role": "viewer"}
    seat = client.post("/v1/users", json=person, headers=admin).json()["id"]
    used, unused = (
        client.post(f"/v1/users/{seat}/sign-in", headers=admin).json()["url"].partition("token=")[2]
        for _ in range(2)
    )
    with database.write(workspace=None) as session:
        browser = access.exchange_sign_in(session, token=used, now=NOON)
        assert browser
    assert client.post("/v1/users", json={**person, "role": "owner"}).status_code == 201
    with database.write(workspace=None) as session:
        assert access.find_session(session, token=browser, now=NOON) is None
        assert access.exchange_sign_in(session, token=unused, now=NOON) is None


def test_the_api_takes_no_session_for_a_key(bare: TestClient, database: Database, workspace: int) -> None:
    seat = factories.user(database, workspace)
    with database.write(workspace=workspace) as session:
        link = access.create_sign_in(session, workspace=workspace, user=seat, now=NOON, minutes=5)
        browser = access.exchange_sign_in(session, token=link, now=NOON)
    assert browser is not None
    bare.cookies.set(SESSION_COOKIE, browser)
    assert bare.get("/v1/themes").status_code == 401
    assert bare.get("/v1/themes", headers=bearer(browser)).status_code == 401
