"""The page of the team's seats: adding, changing, disabling, and links that are shown once."""

import re

import httpx
import pytest
from fastapi.testclient import TestClient

from models.database import Database
from models.queries import access, workspaces
from models.records import User
from models.settings import Settings
from models.values.roles import Role
from tests.console_plan import NOW
from tests.console_site import Page, csrf_of, read, signed_in, stranger
from tests.console_world import World


@pytest.fixture
def owner(fresh: Database, world: World) -> TestClient:
    return signed_in(fresh, world.workspace)


@pytest.fixture
def admin(fresh: Database, world: World) -> TestClient:
    return signed_in(fresh, world.workspace, role=Role.ADMIN)


def save(client: TestClient, *, email: str, name: str = "Ada Okoye", role: str = "viewer") -> httpx.Response:
    form = {"csrf": csrf_of(client), "email": email, "name": name, "role": role}
    return client.post("/people", data=form, follow_redirects=False)


def press(client: TestClient, user: int, verb: str) -> httpx.Response:
    return client.post(f"/people/usr_{user}/{verb}", data={"csrf": csrf_of(client)}, follow_redirects=False)


def seat(database: Database, world: World, email: str) -> User | None:
    with database.read(workspace=world.workspace) as session:
        return access.find_user(session, workspace=world.workspace, email=email)


def known(database: Database, world: World, email: str) -> User:
    found = seat(database, world, email)
    assert found is not None
    return found


def last_act(database: Database, world: World) -> tuple[str, str, str]:
    with database.read(workspace=world.workspace) as session:
        entry = workspaces.list_audit(session, workspace=world.workspace, before=None, limit=1)[0]
        (owner,) = (
            row for row in access.list_users(session, workspace=world.workspace) if row.name == entry.actor
        )
    assert entry.detail["by"] == f"usr_{owner.id}"
    return entry.actor, entry.action, entry.subject


def link_in(response: httpx.Response) -> str:
    return next(
        a["value"] for _, a in Page(response.text).elements if a.get("type") == "text" and "value" in a
    )


def test_a_new_seat_is_listed_and_written_down(fresh: Database, world: World, owner: TestClient) -> None:
    response = save(owner, email="Ada@Example.com", role="curator")
    assert (response.status_code, response.headers["location"]) == (303, "/people?done=added")
    row = known(fresh, world, "ada@example.com")
    assert (row.name, row.role, row.created_at) == ("Ada Okoye", Role.CURATOR, NOW)
    assert last_act(fresh, world) == ("owner of tests", "user.put", f"usr_{row.id}")
    text = read(owner, response.headers["location"]).text
    assert "The seat is there." in text
    assert "Ada Okoye ada@example.com Curator never" in text


def test_the_same_e_mail_changes_name_and_role(fresh: Database, world: World, owner: TestClient) -> None:
    save(owner, email="ada@example.com")
    save(owner, email="ada@example.com", name="Ada O.", role="member")
    row = known(fresh, world, "ada@example.com")
    assert (row.name, row.role) == ("Ada O.", Role.MEMBER)


def test_the_last_sign_in_is_told_by_day(fresh: Database, world: World, owner: TestClient) -> None:
    text = read(owner, "/people").text
    assert "owner of tests you owner@example.com Owner 20 Nov 2026" in text


@pytest.mark.parametrize(
    ("email", "name", "role", "field"),
    [
        ("", "Ada", "viewer", "e-mail"),
        ("ada", "Ada", "viewer", "e-mail"),
        ("ada@example.com", "  ", "viewer", "name"),
        ("ada@example.com", "Ada", "integration", "integration"),
        ("ada@example.com", "Ada", "emperor", "emperor"),
        ("ada@example.com", "x" * 201, "viewer", "name"),
    ],
)
def test_what_no_seat_can_have_is_refused_in_words(
    fresh: Database, world: World, owner: TestClient, email: str, name: str, role: str, field: str
) -> None:
    response = save(owner, email=email, name=name, role=role)
    assert response.status_code == 422
    assert field in Page(response.text).text
    assert seat(fresh, world, "ada@example.com") is None


def test_a_link_is_shown_once_and_signs_that_person_in(
    fresh: Database, world: World, owner: TestClient
) -> None:
    save(owner, email="ada@example.com")
    row = known(fresh, world, "ada@example.com")
    response = press(owner, row.id, "sign-in")
    url = link_in(response)
    assert response.headers["cache-control"] == "no-store"
    assert re.fullmatch(r"http://127\.0\.0\.1:8000/sign-in\?token=[\w-]{43}", url)
    assert last_act(fresh, world) == ("owner of tests", "user.sign_in", f"usr_{row.id}")
    assert "token=" not in owner.get("/people").text
    browser = stranger(fresh)
    browser.get(url)
    assert "Ada Okoye Viewer" in read(browser, "/").text
    assert "Ada Okoye ada@example.com Viewer 20 Nov 2026" in read(owner, "/people").text


def test_a_link_begins_with_the_address_people_use(fresh: Database, world: World) -> None:
    client = signed_in(
        fresh, world.workspace, settings=Settings(public_url="http://ebb.example/", sign_in_minutes=15)
    )
    user = known(fresh, world, "owner@example.com")
    response = press(client, user.id, "sign-in")
    assert link_in(response).startswith("http://ebb.example/sign-in?token=")
    assert "within 15 minutes" in response.text


def test_a_disabled_person_is_out_and_can_be_let_in_again(
    fresh: Database, world: World, owner: TestClient
) -> None:
    save(owner, email="ada@example.com")
    row = known(fresh, world, "ada@example.com")
    browser = stranger(fresh)
    browser.get(link_in(press(owner, row.id, "sign-in")))
    response = press(owner, row.id, "disable")
    assert response.headers["location"] == "/people?done=disabled"
    assert last_act(fresh, world) == ("owner of tests", "user.disable", f"usr_{row.id}")
    assert browser.get("/", follow_redirects=False).headers["location"] == "/sign-in"
    assert "disabled on 20 Nov 2026" in read(owner, "/people").text
    assert press(owner, row.id, "sign-in").status_code == 409
    save(owner, email="ada@example.com")
    assert known(fresh, world, "ada@example.com").disabled_at is None
    assert browser.get("/", follow_redirects=False).headers["location"] == "/sign-in"


def test_the_last_owner_stays(fresh: Database, world: World, owner: TestClient) -> None:
    user = known(fresh, world, "owner@example.com")
    assert press(owner, user.id, "disable").status_code == 409
    assert save(owner, email="owner@example.com", role="viewer").status_code == 409
    assert known(fresh, world, "owner@example.com").role is Role.OWNER


# Seats of admins and owners are an owner's to give and take


@pytest.mark.parametrize("role", ["owner", "admin"])
def test_an_admin_gives_no_senior_seat(fresh: Database, world: World, admin: TestClient, role: str) -> None:
    response = save(admin, email="ada@example.com", role=role)
    assert response.status_code == 403
    assert "Managing the seats of admins and owners is for owners; your role is admin." in response.text
    assert seat(fresh, world, "ada@example.com") is None


@pytest.mark.parametrize("verb", ["disable", "sign-in"])
def test_an_admin_cannot_act_on_an_owner_or_become_one(
    fresh: Database, world: World, owner: TestClient, admin: TestClient, verb: str
) -> None:
    user = known(fresh, world, "owner@example.com")
    response = press(admin, user.id, verb)
    assert response.status_code == 403
    assert "token=" not in response.text
    assert save(admin, email="owner@example.com", role="viewer").status_code == 403
    assert known(fresh, world, "owner@example.com").disabled_at is None


def test_an_admin_is_offered_only_what_an_admin_may(owner: TestClient, admin: TestClient) -> None:
    def offered(client: TestClient) -> set[str]:
        page = read(client, "/people")
        return {a["value"] for tag, a in page.elements if tag == "option"}

    assert offered(owner) - offered(admin) == {"owner", "admin"}
    page = read(admin, "/people")
    assert "for owners" in page.text
    assert not any("/people/" in a.get("action", "") for _, a in page.elements)


def test_names_of_people_stay_text(owner: TestClient) -> None:
    save(owner, email="ada@example.com", name="<b>Ada</b>")
    assert "&lt;b&gt;Ada&lt;/b&gt;" in owner.get("/people").text
