"""Retiring a source in the console: who may, from when on, and the way back."""

from datetime import UTC, datetime

import httpx
import pytest
from fastapi.testclient import TestClient

from models.database import Database
from models.queries import workspaces
from models.records import Source
from models.values.roles import Role
from tests.console_plan import NOW
from tests.console_site import csrf_of, read, signed_in
from tests.console_world import World

RETIRE = "Retire a source, or take that back"


@pytest.fixture
def admin(fresh: Database, world: World) -> TestClient:
    return signed_in(fresh, world.workspace, role=Role.ADMIN)


def press(client: TestClient, verb: str, source: int = 3, **form: str) -> httpx.Response:
    data = {"csrf": csrf_of(client), **form}
    return client.post(f"/sources/src_{source}/{verb}", data=data, follow_redirects=False)


def retired_at(database: Database, world: World, source: int = 3) -> datetime | None:
    with database.read(workspace=world.workspace) as session:
        return session.get_one(Source, source).retired_at


def test_a_source_is_retired_now_and_goes_on_again(fresh: Database, world: World, admin: TestClient) -> None:
    text = read(admin, "/").text
    assert RETIRE in text
    assert "silent for 9 days" in text
    response = press(admin, "retire")
    assert (response.status_code, response.headers["location"]) == (303, "/?done=retired")
    assert retired_at(fresh, world) == NOW
    text = read(admin, response.headers["location"]).text
    assert "The source is retired" in text
    assert "retired on 20 Nov 2026" in text
    assert "silent for" not in text
    with fresh.read(workspace=world.workspace) as session:
        entry = workspaces.list_audit(session, workspace=world.workspace, before=None, limit=1)[0]
    assert (entry.action, entry.subject, entry.actor) == ("source.retire", "src_3", "admin of tests")
    response = press(admin, "resume")
    assert (response.status_code, response.headers["location"]) == (303, "/?done=resumed")
    assert retired_at(fresh, world) is None
    text = read(admin, response.headers["location"]).text
    assert "The source goes on" in text
    assert "silent for 9 days" in text


def test_a_day_means_its_beginning_in_the_time_zone_of_the_workspace(
    fresh: Database, world: World, admin: TestClient
) -> None:
    press(admin, "retire", since="2026-11-02")
    assert retired_at(fresh, world) == datetime(2026, 11, 1, 23, tzinfo=UTC)


@pytest.mark.parametrize(
    ("since", "words"), [("2026-12-24", "must not be in the future"), ("soon", "is no day")]
)
def test_a_day_that_cannot_be_is_refused_in_words(
    fresh: Database, world: World, admin: TestClient, since: str, words: str
) -> None:
    response = press(admin, "retire", since=since)
    assert response.status_code == 422
    assert words in response.text
    assert retired_at(fresh, world) is None


def test_a_source_that_is_not_there_is_not_found(admin: TestClient) -> None:
    assert press(admin, "retire", 999).status_code == 404


@pytest.mark.parametrize("role", [Role.VIEWER, Role.CURATOR, Role.AGGREGATE_ONLY])
def test_others_are_offered_nothing_and_may_not(fresh: Database, world: World, role: Role) -> None:
    client = signed_in(fresh, world.workspace, role=role)
    assert RETIRE not in read(client, "/").text
    assert press(client, "retire").status_code == 403
    assert retired_at(fresh, world) is None


def test_a_form_from_elsewhere_is_refused(fresh: Database, world: World, admin: TestClient) -> None:
    response = admin.post("/sources/src_3/retire", data={"csrf": "guessed"}, follow_redirects=False)
    assert response.status_code == 403
    assert retired_at(fresh, world) is None
