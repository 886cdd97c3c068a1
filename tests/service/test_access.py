"""Who may call what: every call of the catalogue that is served, with no key, a poor key, and others' ids."""

import json
import re
from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from models.database import Database
from models.queries import impact, links
from models.records import LinkState
from models.values.roles import Role
from service.api.shapes.catalogue import CALLS, Call
from service.app import create_app
from tests import factories
from tests.clock import NOON, Clock
from tests.services import settings_for
from tests.verdicts import verdict_row

PREFIX_OF = {
    "sources": "src",
    "themes": "th",
    "features": "feat",
    "releases": "rel",
    "links": "lnk",
    "metrics": "met",
    "keys": "key",
}


def blank(path: str) -> str:
    return re.sub(r"\{[^}]+\}", "{}", path)


def served() -> list[Call]:
    """Return the calls of the catalogue that need a key and are answered already."""
    database = Database("sqlite://")
    paths = create_app(settings_for(database), database=database).openapi()["paths"]
    database.close()
    known = {(method.upper(), blank(path)) for path, methods in paths.items() for method in methods}
    return [call for call in CALLS if call.role is not None and (call.method, blank(call.path)) in known]


CLOSED = served()


def name_of(call: Call) -> str:
    return f"{call.method} {call.path}"


def address(call: Call, number: int = 1) -> str:
    """Fill a path with an id of its kind."""
    family = call.path.split("/")[2]
    return re.sub(r"\{[^}]+\}", f"{PREFIX_OF.get(family, 'x')}_{number}", call.path)


@pytest.fixture
def ours(database: Database, workspace: int) -> str:
    """An admin's key."""
    return factories.key(database, workspace)


@pytest.fixture
def bare(app: FastAPI) -> Iterator[TestClient]:
    """A client without a key."""
    with TestClient(app, follow_redirects=False) as found:
        yield found


@pytest.mark.parametrize("call", CLOSED, ids=name_of)
def test_without_a_valid_key_every_call_is_refused_first(call: Call, sqlite: Database, clock: Clock) -> None:
    owner = factories.workspace(sqlite)
    expired = factories.key(sqlite, owner, expires_at=NOON)
    client = TestClient(create_app(settings_for(sqlite), database=sqlite, clock=clock))
    for headers in ({}, {"Authorization": "Bearer nothing"}, {"Authorization": f"Bearer {expired}"}):
        answer = client.request(call.method, address(call), headers=headers, json={"nonsense": 1})
        assert answer.status_code == 401, answer.text
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("call", CLOSED, ids=name_of)
def test_a_key_may_do_what_its_role_allows_and_no_more(call: Call, sqlite: Database, clock: Clock) -> None:
    owner = factories.workspace(sqlite)
    client = TestClient(
        create_app(settings_for(sqlite), database=sqlite, clock=clock), follow_redirects=False
    )
    forbidden = [Role.INGEST] if call.role is Role.MEMBER else [Role.INGEST, Role.MEMBER]
    for role in Role:
        headers = {"Authorization": f"Bearer {factories.key(sqlite, owner, role=role)}"}
        answer = client.request(call.method, address(call, 999), headers=headers, json={"nonsense": 1})
        assert (answer.status_code == 403) is (role in forbidden), (role, answer.text)
        assert answer.status_code < 500


def test_what_belongs_to_another_workspace_is_not_found(
    bare: TestClient, database: Database, workspace: int
) -> None:
    with database.write(workspace=workspace) as session:
        source = factories.source(session, workspace)
        theme = factories.theme(session, workspace, 1)
        item = factories.item(session, workspace, source)
        factories.assign(session, workspace, [item], theme)
        release = factories.release(session, workspace)
        feature = factories.feature(session, workspace, of="1.0")
        link = links.add(session, workspace=workspace, theme=theme, feature=feature, actor="a", now=NOON).id
        row = verdict_row(release, theme, link_id=link, link_state=LinkState.CONFIRMED)
        impact.write_verdict(session, workspace=workspace, row=row)
    factories.key(database, workspace)
    stranger = {"Authorization": f"Bearer {factories.key(database, factories.workspace(database))}"}
    for method, path in (
        ("GET", f"/v1/sources/src_{source}/health"),
        ("GET", f"/v1/themes/th_{theme}"),
        ("GET", f"/v1/themes/th_{theme}/trend"),
        ("GET", f"/v1/themes/th_{theme}/quotes"),
        ("GET", f"/v1/themes/th_{theme}/lineage"),
        ("GET", f"/v1/themes/th_{theme}/accounts"),
        ("GET", f"/v1/features/feat_{feature}"),
        ("GET", f"/v1/releases/rel_{release}"),
        ("GET", f"/v1/releases/rel_{release}/impact"),
        ("GET", f"/v1/releases/rel_{release}/link-suggestions"),
        ("POST", f"/v1/links/lnk_{link}/confirm"),
        ("POST", f"/v1/links/lnk_{link}/reject"),
        ("DELETE", "/v1/keys/key_1"),
    ):
        answer = bare.request(method, path, headers=stranger)
        assert answer.status_code == 404, (method, path, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"
    for path in ("sources", "feedback", "themes", "features", "releases", "links"):
        assert bare.get(f"/v1/{path}", headers=stranger).json()["items"] == [], path
    body = {"feature": f"feat_{feature}", "theme": f"th_{theme}"}
    assert bare.post("/v1/links", json=body, headers=stranger).status_code == 404
    refused = bare.post("/v1/features", json={"title": "x", "release": f"rel_{release}"}, headers=stranger)
    assert refused.status_code == 404


def test_every_workspace_writes_its_own_under_the_same_key(
    client: TestClient, bare: TestClient, database: Database
) -> None:
    stranger = {"Authorization": f"Bearer {factories.key(database, factories.workspace(database))}"}
    for path, body in (
        ("teams", {"key": "t", "name": "ours"}),
        ("metrics", {"key": "t", "name": "ours"}),
        ("objectives", {"key": "t", "title": "ours"}),
        ("key-results", {"key": "t", "text": "ours"}),
        ("releases", {"key": "t", "name": "ours", "released_at": "2026-06-01T00:00:00Z"}),
        ("features", {"key": "t", "title": "ours"}),
        ("events", {"key": "t", "kind": "incident", "title": "ours", "starts_at": "2026-06-01T00:00:00Z"}),
    ):
        assert client.post(f"/v1/{path}", json=body).status_code == 201, path
        theirs = json.loads(json.dumps(body).replace("ours", "theirs"))
        assert bare.post(f"/v1/{path}", json=theirs, headers=stranger).status_code == 201, path
        (seen,) = client.get(f"/v1/{path}").json()["items"]
        assert "theirs" not in json.dumps(seen)


def test_a_revoked_key_opens_nothing_from_then_on(client: TestClient) -> None:
    made = client.post("/v1/keys", json={"name": "bot", "role": "member"}).json()
    headers = {"Authorization": f"Bearer {made['key']}"}
    assert client.get("/v1/themes", headers=headers).status_code == 200
    assert client.delete(f"/v1/keys/{made['id']}").status_code == 204
    assert client.get("/v1/themes", headers=headers).status_code == 401
    listed = client.get("/v1/keys").json()["items"]
    assert made["key"] not in json.dumps(listed)
    assert [each["revoked_at"] is not None for each in listed] == [True, False]
    acts = [(each["action"], each["subject"]) for each in client.get("/v1/audit").json()["items"]]
    assert acts == [("key.revoke", made["id"]), ("key.create", made["id"])]


def test_health_needs_no_key(bare: TestClient) -> None:
    assert bare.get("/healthz").json() == {"status": "ok"}
    ready = bare.get("/readyz")
    assert (ready.status_code, ready.json()["status"]) == (200, "ready")


def test_work_that_nobody_does_makes_the_service_not_ready(
    bare: TestClient, database: Database, workspace: int, clock: Clock
) -> None:
    with database.write(workspace=workspace) as session:
        factories.release(session, workspace)
    assert bare.get("/readyz").status_code == 200
    clock.advance(minutes=16)
    answer = bare.get("/readyz")
    assert (answer.status_code, answer.json()["status"], answer.json()["oldest_work_s"]) == (
        503,
        "behind",
        960.0,
    )
