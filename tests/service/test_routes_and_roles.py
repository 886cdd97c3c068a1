"""The walk: every route of the OpenAPI document, with every role, with narrowed keys, and with others' ids."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import select

from models.database import Database
from models.queries import access, workspaces
from models.records import Record
from models.values.roles import GRANTS, Permission, Role
from service.api.shapes.catalogue import CALLS, Call
from service.app import create_app
from tests import api_world, factories
from tests.api_world import NOT_STORED, Ids, Route, Sent
from tests.clock import NOON, Clock
from tests.contracts.test_routes import plain
from tests.services import settings_for
from tests.steps import signed

HANDS_OUT = {
    "POST /v1/sources",
    "PUT /v1/sources/{source_id}/secret",
    "POST /v1/keys",
    "POST /v1/keys/{key_id}/rotate",
    "POST /v1/users",
    "POST /v1/users/{user_id}/sign-in",
}
"""Calls whose caller needs, beside the permission, all that they hand out."""


WRITTEN_DOWN = HANDS_OUT | {
    "DELETE /v1/keys/{key_id}",
    "DELETE /v1/users/{user_id}",
    "POST /v1/erasures",
    "POST /v1/encoder/shadow/switch",
    "DELETE /v1/encoder/shadow",
    "PUT /v1/sources/{source_id}/pull",
    "DELETE /v1/sources/{source_id}/pull",
    "PUT /v1/sources/{source_id}/retirement",
    "DELETE /v1/sources/{source_id}/retirement",
    "POST /v1/deliveries/replay",
    "POST /v1/deliveries/{delivery_id}/replay",
    "POST /v1/links",
    "POST /v1/links/{link_id}/confirm",
    "POST /v1/links/{link_id}/reject",
    "PUT /v1/sources/{source_id}/rules",
    "POST /v1/themes",
    *(
        f"POST /v1/themes/{{theme_id}}/{verb}"
        for verb in ("merge", "split", "rename", "pin", "move", "dismiss", "undo")
    ),
    *(f"POST /v1/theme-suggestions/{{suggestion_id}}/{verb}" for verb in ("accept", "decline")),
}
"""Calls that leave an entry in the audit log."""


ONCE = {f"POST /v1/themes/{{theme_id}}/{verb}" for verb in ("merge", "split", "move", "undo")}
"""Calls that are refused the second time: what they ask for is done."""


def every_route() -> list[Route]:
    database = Database("sqlite://")
    document = create_app(settings_for(database), database=database).openapi()
    database.close()
    return api_world.routes_of(document)


ROUTES = every_route()
CALL_OF: dict[str, Call] = {f"{call.method} {plain(call.path)}": call for call in CALLS}


def call_of(route: Route) -> Call:
    return CALL_OF[f"{route.method} {plain(route.path)}"]


CLOSED = [route for route in ROUTES if call_of(route).permission is not None]
OPEN = {route.name for route in ROUTES} - {route.name for route in CLOSED}


def name_of(route: Route) -> str:
    return route.name


@pytest.fixture(scope="module")
def built(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int, Ids]:
    """Build one workspace once, in a file that tests copy."""
    path = tmp_path_factory.mktemp("walk") / "walk.db"
    database = Database(f"sqlite:///{shutil.copy(sqlite_template, path)}", synchronous="NORMAL")
    workspace, ids = api_world.build(database, name="ours")
    database.close()
    return path, workspace, ids


class Site:
    """A copy of the world with a client whose caller can be chosen."""

    def __init__(self, client: TestClient, database: Database, workspace: int, ids: Ids) -> None:
        self.client, self.database, self.workspace, self.ids = client, database, workspace, ids

    def key(self, role: Role, scopes: list[Permission] | None = None) -> str:
        with self.database.write(workspace=self.workspace) as session:
            return access.create_key(
                session, workspace=self.workspace, name=str(role), role=role, now=NOON, scopes=scopes
            )[1]

    def send(self, sent: Sent, key: str | None) -> Any:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return self.client.request(**sent.arguments(), headers=headers)


@pytest.fixture(scope="module")
def served() -> TestClient:
    """One application for the whole walk, whose database each test replaces: its first request is slow."""
    database = Database("sqlite://")
    return TestClient(
        create_app(settings_for(database), database=database, clock=Clock()), follow_redirects=False
    )


@pytest.fixture
def site(served: TestClient, built: tuple[Path, int, Ids], tmp_path: Path) -> Iterator[Site]:
    database = Database(f"sqlite:///{shutil.copy(built[0], tmp_path / 'walk.db')}", synchronous="NORMAL")
    app = served.app
    assert isinstance(app, FastAPI)
    app.state.database = database
    yield Site(served, database, built[1], built[2])
    database.close()


def test_the_walk_knows_every_call() -> None:
    assert len(CLOSED) >= 45
    assert sorted(OPEN) == ["GET /healthz", "GET /metrics", "GET /readyz", "POST /v1/ingest/{source_id}"]
    assert set(api_world.BODIES) == {route.name for route in CLOSED if call_of(route).request is not None}


@pytest.mark.parametrize("route", CLOSED, ids=name_of)
def test_each_role_is_answered_as_its_permissions_say(route: Route, site: Site) -> None:
    permission = call_of(route).permission
    assert permission is not None
    sent = api_world.request(route, site.ids)
    for role in Role:
        answer = site.send(sent, site.key(role))
        if permission not in GRANTS[role]:
            assert answer.status_code == 403, (role, answer.text)
            assert str(permission) in answer.json()["detail"]
        elif role is Role.OWNER:
            assert answer.status_code == call_of(route).status, answer.text
        else:
            assert answer.status_code not in (401, 403), (role, answer.text)
            assert answer.status_code < 500, answer.text


@pytest.mark.parametrize("route", CLOSED, ids=name_of)
def test_without_a_valid_key_nothing_is_answered(route: Route, site: Site) -> None:
    with site.database.write(workspace=site.workspace) as session:
        _, expired = access.create_key(
            session, workspace=site.workspace, name="old", role=Role.OWNER, now=NOON, expires_at=NOON
        )
        row, revoked = access.create_key(
            session, workspace=site.workspace, name="old", role=Role.OWNER, now=NOON
        )
        access.revoke_key(session, workspace=site.workspace, key=row.id, now=NOON)
    sent = api_world.request(route, site.ids)
    # Whoever has no key learns nothing of which fields a call takes, nor of what is there.
    wrong = replace(sent, json={"nonsense": 1})
    for key in (None, "nothing", "ebb_nothing", expired, revoked):
        for each in (sent, wrong):
            answer = site.send(each, key)
            assert answer.status_code == 401, answer.text
            assert answer.headers["WWW-Authenticate"] == "Bearer"
            assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("route", [route for route in CLOSED if route.name in api_world.BODIES], ids=name_of)
def test_a_body_that_is_no_json_is_told_so_and_no_more(route: Route, site: Site) -> None:
    """The framework reads JSON before it asks for the key: the one answer that comes without."""
    sent = api_world.request(route, site.ids)
    answers = [
        site.client.request(
            sent.method, url, content=b"{", headers={"Content-Type": "application/json", **more}
        )
        for url in (sent.url, sent.url.replace("_1", "_999"))
        for more in ({}, {"Authorization": "Bearer ebb_nothing"})
    ]
    told = [{**answer.json(), "request_id": ""} for answer in answers]
    assert [answer.status_code for answer in answers] == [422] * 4
    assert told[0]["field"] == "body"
    assert all(each == told[0] for each in told)


@pytest.mark.parametrize("route", CLOSED, ids=name_of)
def test_what_is_done_is_written_down_with_the_callers_id(route: Route, site: Site) -> None:
    with site.database.write(workspace=site.workspace) as session:
        row, key = access.create_key(
            session,
            workspace=site.workspace,
            name="a name that anybody may choose",
            role=Role.OWNER,
            now=NOON,
        )
        old = {
            each.id for each in workspaces.list_audit(session, workspace=site.workspace, before=None, limit=9)
        }
    assert site.send(api_world.request(route, site.ids), key).status_code == call_of(route).status
    with site.database.read(workspace=site.workspace) as session:
        found = workspaces.list_audit(session, workspace=site.workspace, before=None, limit=9)
        acts = [each for each in found if each.id not in old]
    assert len(acts) == (route.name in WRITTEN_DOWN)
    assert all((act.actor, act.detail["by"]) == (row.name, f"key_{row.id}") for act in acts)


@pytest.mark.parametrize("route", CLOSED, ids=name_of)
def test_a_narrowed_key_does_what_its_scopes_say(route: Route, site: Site) -> None:
    permission = call_of(route).permission
    assert permission is not None
    sent = api_world.request(route, site.ids)
    without = [each for each in Permission if each is not permission]
    refused = site.send(sent, site.key(Role.OWNER, without))
    assert refused.status_code == 403
    # The role has it: what must be changed is the key.
    assert refused.json()["detail"] == (
        f"this needs the permission {permission}; the scopes of this key leave it out."
    )
    alone = site.send(sent, site.key(Role.OWNER, [permission]))
    if route.name in HANDS_OUT:
        assert alone.status_code == 403
        assert "hands out" in alone.json()["detail"]
    else:
        assert alone.status_code == call_of(route).status, alone.text


@pytest.mark.parametrize("route", CLOSED, ids=name_of)
def test_only_who_may_read_tickets_gets_customers_words(route: Route, site: Site) -> None:
    scopes = [each for each in Permission if each is not Permission.READ_TICKETS]
    answer = site.send(api_world.request(route, site.ids), site.key(Role.OWNER, scopes))
    told = answer.json() if answer.content else {}
    assert not any(inside(told, name) for name in ("quotes", "evidence", "reason", "input_hash", "kinds"))
    assert '"fb_' not in answer.text
    assert "The export fails" not in answer.text


def test_who_may_read_tickets_gets_the_words_that_others_do_not(site: Site) -> None:
    key, found = site.key(Role.VIEWER), set()
    for route in CLOSED:
        answer = site.send(api_world.request(route, site.ids), key)
        told = answer.json() if answer.content else {}
        found |= {name for name in ("quotes", "evidence", "reason") if inside(told, name)}
    assert found == {"quotes", "evidence", "reason"}


def inside(value: object, name: str) -> bool:
    """Say whether something stands under a name, at any depth."""
    if isinstance(value, dict):
        return bool(value.get(name)) or any(inside(each, name) for each in value.values())
    return isinstance(value, list) and any(inside(each, name) for each in value)


@pytest.mark.parametrize("route", [route for route in CLOSED if route.name in api_world.BODIES], ids=name_of)
def test_nothing_can_be_set_that_the_call_does_not_name(route: Route, site: Site) -> None:
    key = site.key(Role.OWNER)
    sent = api_world.request(route, site.ids)
    for steps in objects_in(sent.json):
        for field in ("workspace_id", "workspace", "id", "digest", "permissions"):
            body = json.loads(json.dumps(sent.json))
            at = body
            for step in steps:
                at = at[step]
            at[field] = 1
            answer = site.send(replace(sent, json=body), key)
            assert answer.status_code == 422, (field, answer.text)
            assert answer.json()["field"] == ".".join(map(str, (*steps, field)))


def objects_in(value: object, steps: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    if isinstance(value, dict):
        yield steps
        for name, each in value.items():
            yield from objects_in(each, (*steps, name))
    elif isinstance(value, list):
        for at, each in enumerate(value):
            yield from objects_in(each, (*steps, at))


@pytest.mark.parametrize("route", [route for route in CLOSED if call_of(route).query], ids=name_of)
def test_a_filter_that_is_unknown_is_refused(route: Route, site: Site) -> None:
    sent = replace(api_world.request(route, site.ids), params={"workspace_id": "2"})
    answer = site.send(sent, site.key(Role.OWNER))
    assert (answer.status_code, answer.json()["field"]) == (422, "workspace_id")


# --- two workspaces -----------------------------------------------------------------------------------------


def others_ids(route: Route, ours: Ids, theirs: Ids) -> Iterator[tuple[str, Sent, Sent]]:
    """Yield, for each place that names something: the request with our id there, and with theirs."""
    sent = api_world.request(route, ours)
    for place in route.places:
        if (route.name, place.steps) not in NOT_STORED:
            where = place.name or ".".join(map(str, place.steps))
            yield (
                where,
                api_world.with_id(route, sent, place, ours),
                api_world.with_id(route, sent, place, theirs),
            )


def rows_of(database: Database, workspace: int) -> dict[str, list[tuple[object, ...]]]:
    """Return every row of a workspace, by table."""
    found = {}
    with database.read(workspace=workspace) as session:
        for table in Record.metadata.sorted_tables:
            if "workspace_id" in table.c:
                query = select(table).where(table.c.workspace_id == workspace).order_by(*table.primary_key)
                found[table.name] = [tuple(row) for row in session.execute(query)]
    return found


def test_what_belongs_to_another_workspace_is_not_found(app: FastAPI, database: Database) -> None:
    theirs_id, theirs = api_world.build(database, name="theirs")
    ours_id, ours = api_world.build(database, name="ours")
    assert not set(ours.values()) & set(theirs.values())
    before = rows_of(database, theirs_id)
    headers = {"Authorization": f"Bearer {factories.key(database, ours_id)}"}
    client = TestClient(app, follow_redirects=False, headers=headers)
    walked = 0
    for route in CLOSED:
        for where, _, foreign in others_ids(route, ours, theirs):
            answer = client.request(**foreign.arguments())
            assert answer.status_code == 404, (route.name, where, answer.status_code, answer.text)
            assert answer.headers["content-type"] == "application/problem+json"
            walked += 1
        if route.method == "GET":
            assert "theirs" not in client.request(**api_world.request(route, ours).arguments()).text
    assert walked >= 33
    assert rows_of(database, theirs_id) == before


@pytest.mark.parametrize("route", [route for route in CLOSED if route.places], ids=name_of)
def test_the_same_requests_with_our_own_ids_are_answered(route: Route, site: Site) -> None:
    key = site.key(Role.OWNER)
    for where, own, _ in others_ids(route, site.ids, site.ids):
        answer = site.send(own, key)
        # Of this workspace, but another release than the one that is written.
        expected = 422 if where == "features.0.release" else call_of(route).status
        assert answer.status_code == expected, (where, answer.text)
        if route.name in ONCE:
            break


def test_ingest_is_closed_to_other_workspaces_and_says_nothing(app: FastAPI, database: Database) -> None:
    _, theirs = api_world.build(database, name="theirs")
    ours_id, ours = api_world.build(database, name="ours")
    key = factories.key(database, ours_id, role=Role.INTEGRATION)
    headers = {"Authorization": f"Bearer {key}"}
    body = b'{"id": "T-1", "text": "The export fails.", "created_at": "2026-06-01T10:00:00Z"}'
    with TestClient(app) as client:
        assert client.post(f"/v1/ingest/{ours['src']}", content=body, headers=headers).status_code == 202
        refused = client.post(f"/v1/ingest/{theirs['src']}", content=body, headers=headers)
        unknown = client.post("/v1/ingest/src_999", content=body, headers=headers)
        forged = client.post(
            f"/v1/ingest/{theirs['src']}",
            content=body,
            headers=signed(body, api_world.SECRET + "x", now=NOON),
        )
        unsigned = client.post(f"/v1/ingest/{theirs['src']}", content=body)
    answers = (refused, unknown, forged, unsigned)
    assert [answer.status_code for answer in answers] == [401] * 4
    assert len({json.dumps({**answer.json(), "request_id": ""}) for answer in answers}) == 1
