"""Who may press what in the console: every route, by role, workspace, session and form token; and the way out."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx
import pytest
from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.testclient import TestClient

from models.database import Database
from models.queries import access, links, themes, workspaces
from models.records import LinkState, User
from models.values.roles import GRANTS, PEOPLE, Permission, Role
from tests import console_world, factories
from tests.console_plan import NOW
from tests.console_site import app_of, console_routes, csrf_of, read, signed_in, stranger
from tests.console_world import World

READ, TICKETS = Permission.READ_NUMBERS, Permission.READ_TICKETS
CURATE, ADMINISTER = Permission.CURATE, Permission.ADMINISTER


@dataclass(frozen=True)
class Way:
    """How to ask a route: what it needs (None: no seat), an address with ids of the world, a form."""

    permission: Permission | None
    address: str
    form: dict[str, str] = field(default_factory=dict)


WAYS: dict[tuple[str, str], Way] = {
    ("GET", "/sign-in"): Way(None, "/sign-in"),
    ("GET", "/favicon.ico"): Way(None, "/favicon.ico"),
    ("GET", "/static/{name:path}"): Way(None, "/static/ebb.css"),
    ("GET", "/"): Way(READ, "/"),
    ("GET", "/themes"): Way(READ, "/themes"),
    ("GET", "/themes/{number}"): Way(READ, "/themes/th_{theme}"),
    ("GET", "/themes/{number}/chart.json"): Way(READ, "/themes/th_{theme}/chart.json"),
    ("GET", "/trends"): Way(READ, "/trends"),
    ("GET", "/releases"): Way(READ, "/releases"),
    ("GET", "/releases/{number}"): Way(READ, "/releases/rel_{release}"),
    ("GET", "/releases/{number}/chart.json"): Way(
        TICKETS, "/releases/rel_{release}/chart.json?theme=th_{theme}"
    ),
    ("GET", "/feedback"): Way(TICKETS, "/feedback?theme=th_{theme}"),
    ("GET", "/feedback/{number}/why"): Way(TICKETS, "/feedback/fb_{item}/why"),
    ("GET", "/inbox"): Way(CURATE, "/inbox"),
    ("GET", "/people"): Way(ADMINISTER, "/people"),
    # Before the acts that end the theme which the suggestions are about.
    ("POST", "/inbox/{number}/accept"): Way(CURATE, "/inbox/sug_{accepted}/accept"),
    ("POST", "/inbox/{number}/decline"): Way(CURATE, "/inbox/sug_{declined}/decline"),
    ("POST", "/links/{number}/confirm"): Way(CURATE, "/links/lnk_{link}/confirm"),
    ("POST", "/links/{number}/reject"): Way(CURATE, "/links/lnk_{link}/reject"),
    ("POST", "/themes"): Way(CURATE, "/themes", {"label": "Refunds", "examples": "Please refund me."}),
    ("POST", "/themes/{number}/rename"): Way(CURATE, "/themes/th_{theme}/rename", {"label": "Exports"}),
    ("POST", "/themes/{number}/items"): Way(CURATE, "/themes/th_{theme}/items", {"item": "fb_{item}"}),
    ("POST", "/themes/{number}/pin"): Way(CURATE, "/themes/th_{theme}/pin"),
    ("POST", "/themes/{number}/unpin"): Way(CURATE, "/themes/th_{theme}/unpin"),
    ("POST", "/themes/{number}/merge"): Way(CURATE, "/themes/th_{theme}/merge", {"into": "th_{other}"}),
    ("POST", "/themes/{number}/undo"): Way(CURATE, "/themes/th_{theme}/undo"),
    ("POST", "/themes/{number}/dismiss"): Way(CURATE, "/themes/th_{theme}/dismiss"),
    ("POST", "/people"): Way(
        ADMINISTER, "/people", {"email": "new@example.com", "name": "New", "role": "viewer"}
    ),
    ("POST", "/people/{number}/sign-in"): Way(ADMINISTER, "/people/usr_{person}/sign-in"),
    ("POST", "/people/{number}/disable"): Way(ADMINISTER, "/people/usr_{person}/disable"),
    ("POST", "/sources/{number}/retire"): Way(ADMINISTER, "/sources/src_1/retire"),
    ("POST", "/sources/{number}/resume"): Way(ADMINISTER, "/sources/src_1/resume"),
    ("GET", "/encoder"): Way(ADMINISTER, "/encoder"),
    ("POST", "/encoder/try"): Way(ADMINISTER, "/encoder/try", {"dtype": "bfloat16"}),
    ("POST", "/encoder/switch"): Way(ADMINISTER, "/encoder/switch", {"accept": "50"}),
    ("POST", "/encoder/drop"): Way(ADMINISTER, "/encoder/drop"),
    # Last: it ends the session that walks. Whoever is in may leave.
    ("POST", "/sign-out"): Way(None, "/sign-out"),
}
OPEN = {("GET", "/sign-in"), ("GET", "/favicon.ico"), ("GET", "/static/{name:path}")}
POSTS = [key for key in WAYS if key[0] == "POST"]


@dataclass(frozen=True)
class Walk:
    """A world and somebody in it to act on."""

    database: Database
    world: World
    person: int
    item: int
    accepted: int
    declined: int

    def told(self, text: str) -> str:
        """Put ids of the world into an address or a field."""
        return text.format(
            theme=self.world.themes[0],
            other=self.world.themes[1],
            item=self.item,
            release=self.world.releases["2.3"],
            link=self.world.proposed_link,
            person=self.person,
            accepted=self.accepted,
            declined=self.declined,
        )

    def ask(self, client: TestClient, key: tuple[str, str], csrf: str | None) -> httpx.Response:
        way = WAYS[key]
        form = {name: self.told(value) for name, value in way.form.items()}
        form |= {} if csrf is None else {"csrf": csrf}
        data = form if key[0] == "POST" else None
        return client.request(key[0], self.told(way.address), data=data, follow_redirects=False)


@pytest.fixture
def walk(fresh: Database, world: World) -> Walk:
    with fresh.write(workspace=world.workspace) as session:
        person = access.put_user(
            session,
            workspace=world.workspace,
            email="noor@example.com",
            name="Noor",
            role=Role.MEMBER,
            now=NOW,
        ).id
        factories.shadow(session, world.workspace)
        items = themes.items_assigned(session, workspace=world.workspace, themes=[world.themes[0]])
        accepted, declined = (
            factories.suggestion(
                session, world.workspace, theme=world.themes[0], other=world.themes[1], items=[item]
            )
            for item in items[1:3]
        )
    return Walk(fresh, world, person, items[0], accepted, declined)


def permissions_in(dependant: Dependant) -> Iterator[Permission]:
    found = getattr(dependant.call, "permission", None)
    if found is not None:
        yield found
    for each in dependant.dependencies:
        yield from permissions_in(each)


def routes_of(app: FastAPI) -> dict[tuple[str, str], set[Permission]]:
    return {
        (method, route.path): set(permissions_in(route.dependant))
        for route in console_routes(app.routes)
        for method in route.methods
    }


def test_every_route_of_the_console_is_walked_and_asks_for_one_permission(fresh: Database) -> None:
    asked = routes_of(app_of(fresh))
    assert set(asked) == set(WAYS)
    for key, permissions in asked.items():
        wanted = WAYS[key].permission
        assert permissions == ({wanted} if wanted else set()), key


@pytest.mark.parametrize("role", PEOPLE)
def test_each_role_opens_exactly_what_its_permissions_say(walk: Walk, role: Role) -> None:
    client = signed_in(walk.database, walk.world.workspace, role=role)
    csrf = csrf_of(client)
    for key, way in WAYS.items():
        status = walk.ask(client, key, csrf).status_code
        if way.permission is None or way.permission in GRANTS[role]:
            assert status in (200, 303), (key, status)
        else:
            assert status == 403, (key, status)


def test_a_seat_that_only_delivers_opens_nothing_but_the_way_out(walk: Walk) -> None:
    client = signed_in(walk.database, walk.world.workspace, role=Role.INTEGRATION)
    for key, way in WAYS.items():
        if way.permission is not None:
            response = walk.ask(client, key, "")
            assert response.status_code == 403, key
            assert "export stops" not in response.text
            assert "your role is integration" in response.text


def test_without_a_session_every_route_leads_to_the_way_in(walk: Walk) -> None:
    client = stranger(walk.database)
    for key in set(WAYS) - OPEN:
        response = walk.ask(client, key, "0" * 64)
        assert (response.status_code, response.headers["location"]) == (303, "/sign-in"), key


def test_ids_of_another_workspace_are_ids_of_nothing(walk: Walk) -> None:
    client = signed_in(walk.database, console_world.build_empty(walk.database))
    csrf = csrf_of(client)
    for key in WAYS:
        if "{number}" in key[1]:
            response = walk.ask(client, key, csrf)
            assert response.status_code == 404, key
            assert "This did not work" in response.text
    assert link_state(walk) is LinkState.PROPOSED
    with walk.database.read(workspace=walk.world.workspace) as session:
        assert session.get_one(User, walk.person).disabled_at is None


@pytest.mark.parametrize(
    ("theirs", "nobodys"),
    [
        ("/feedback?theme=th_1", "/feedback?theme=th_9999"),
        ("/feedback?item=fb_1", "/feedback?item=fb_999999"),
        ("/releases?before=rel_8", "/releases?before=rel_9999"),
    ],
)
def test_ids_of_another_workspace_in_a_query_answer_like_ids_of_nothing(
    walk: Walk, theirs: str, nobodys: str
) -> None:
    client = signed_in(walk.database, console_world.build_empty(walk.database))
    one, other = client.get(theirs), client.get(nobodys)
    told, untold = theirs.split("=")[1], nobodys.split("=")[1]
    assert one.status_code == other.status_code
    assert one.text.replace(told, untold) == other.text
    assert "export stops" not in one.text


@pytest.mark.parametrize("csrf", [None, "", "0" * 64, "é"])
@pytest.mark.parametrize("key", POSTS)
def test_a_form_from_elsewhere_changes_nothing(walk: Walk, key: tuple[str, str], csrf: str | None) -> None:
    client = signed_in(walk.database, walk.world.workspace)
    before = everything(walk)
    response = walk.ask(client, key, csrf)
    assert (response.status_code, "came from elsewhere" in response.text) == (403, True)
    assert everything(walk) == before
    assert client.get("/", follow_redirects=False).status_code == 200


def test_the_form_token_of_another_session_does_not_pass(walk: Walk) -> None:
    mine, other = (signed_in(walk.database, walk.world.workspace) for _ in range(2))
    csrf = csrf_of(other)
    before = everything(walk)
    for key in POSTS:
        assert walk.ask(mine, key, csrf).status_code == 403, key
    assert everything(walk) == before


def link_state(walk: Walk) -> LinkState:
    with walk.database.read(workspace=walk.world.workspace) as session:
        link = links.get_link(session, workspace=walk.world.workspace, link=walk.world.proposed_link)
        return link.state


def everything(walk: Walk) -> tuple[object, ...]:
    """What the console's forms can change."""
    with walk.database.read(workspace=walk.world.workspace) as session:
        users = access.list_users(session, workspace=walk.world.workspace)
        seats = [(user.email, user.role, user.disabled_at) for user in users]
    return link_state(walk), seats


# A role holds from the next click on


def change_role(walk: Walk, role: Role) -> None:
    """Demote the owner that the tests sign in as; the other owner stays."""
    with walk.database.write(workspace=walk.world.workspace) as session:
        access.put_user(
            session,
            workspace=walk.world.workspace,
            email="second@example.com",
            name="Second",
            role=Role.OWNER,
            now=NOW,
        )
        access.put_user(
            session,
            workspace=walk.world.workspace,
            email="owner@example.com",
            name="Mira",
            role=role,
            now=NOW,
        )


def test_a_demoted_person_loses_rights_at_the_next_click(walk: Walk) -> None:
    client = signed_in(walk.database, walk.world.workspace)
    csrf = csrf_of(client)
    assert client.get("/people").status_code == 200
    change_role(walk, Role.VIEWER)
    assert client.get("/people").status_code == 403
    assert walk.ask(client, ("POST", "/links/{number}/confirm"), csrf).status_code == 403
    assert link_state(walk) is LinkState.PROPOSED
    assert "Mira Viewer" in read(client, "/").text


def test_a_disabled_person_is_out_at_the_next_click(walk: Walk) -> None:
    client = signed_in(walk.database, walk.world.workspace)
    change_role(walk, Role.MEMBER)
    with walk.database.write(workspace=walk.world.workspace) as session:
        user = access.find_user(session, workspace=walk.world.workspace, email="owner@example.com")
        assert user is not None
        access.disable_user(session, workspace=walk.world.workspace, user=user.id, now=NOW)
    assert client.get("/", follow_redirects=False).headers["location"] == "/sign-in"


# The way out


def test_signing_out_ends_the_session_itself(walk: Walk) -> None:
    client = signed_in(walk.database, walk.world.workspace)
    csrf, session = csrf_of(client), client.cookies["ebb_session"]
    response = client.post("/sign-out", data={"csrf": csrf}, follow_redirects=False)
    assert (response.status_code, response.headers["location"]) == (303, "/sign-in")
    assert "max-age=0" in response.headers["set-cookie"].lower()
    assert "ebb_session" not in client.cookies
    thief = stranger(walk.database)
    thief.cookies.set("ebb_session", session)
    assert thief.get("/", follow_redirects=False).headers["location"] == "/sign-in"


def test_signing_out_leaves_the_other_browser_in(walk: Walk) -> None:
    one, other = (signed_in(walk.database, walk.world.workspace) for _ in range(2))
    one.post("/sign-out", data={"csrf": csrf_of(one)})
    assert other.get("/", follow_redirects=False).status_code == 200


@pytest.mark.parametrize("key", [key for key in WAYS if key not in OPEN])
def test_browsers_keep_no_page_that_a_session_opened(walk: Walk, key: tuple[str, str]) -> None:
    client = signed_in(walk.database, walk.world.workspace)
    response = walk.ask(client, key, csrf_of(client))
    assert response.headers["cache-control"] == "no-store"


# What is shown


def test_the_side_bar_says_who_is_in_and_as_what(walk: Walk) -> None:
    text = read(signed_in(walk.database, walk.world.workspace, role=Role.CURATOR), "/").text
    assert "curator of tests Curator Sign out" in text


@pytest.mark.parametrize("role", PEOPLE)
def test_buttons_and_entries_that_a_role_may_not_press_are_not_there(walk: Walk, role: Role) -> None:
    client = signed_in(walk.database, walk.world.workspace, role=role)
    page = read(client, f"/releases/rel_{walk.world.releases['2.6']}")
    actions = {a.get("action", "") + a.get("formaction", "") for _, a in page.elements}
    may_decide = Permission.CURATE in GRANTS[role]
    assert any("/confirm" in each for each in actions) == may_decide
    assert any("/reject" in each for each in actions) == may_decide
    assert ("is for owners, admins and curators; your role is" in page.text) != may_decide
    nav = {a["href"] for tag, a in page.elements if tag == "a" and a.get("href") in ("/people", "/feedback")}
    wanted = {"/people"} if Permission.ADMINISTER in GRANTS[role] else set()
    wanted |= {"/feedback"} if Permission.READ_TICKETS in GRANTS[role] else set()
    assert nav == wanted


def test_a_refusal_says_in_one_sentence_who_may(walk: Walk) -> None:
    client = signed_in(walk.database, walk.world.workspace, role=Role.VIEWER)
    assert (
        "Managing people and sources is for owners and admins; your role is viewer."
        in client.get("/people").text
    )


def test_who_decides_on_a_link_is_written_down_by_name(walk: Walk) -> None:
    workspace = walk.world.workspace
    with walk.database.write(workspace=workspace) as session:
        user = access.put_user(
            session,
            workspace=workspace,
            email="ada@example.com",
            name="Ada Okoye",
            role=Role.CURATOR,
            now=NOW,
        ).id
        token = access.create_sign_in(session, workspace=workspace, user=user, now=NOW, minutes=60)
    client = stranger(walk.database)
    client.get(f"/sign-in?token={token}")
    walk.ask(client, ("POST", "/links/{number}/confirm"), csrf_of(client))
    with walk.database.read(workspace=workspace) as session:
        link = links.get_link(session, workspace=workspace, link=walk.world.proposed_link)
        log = workspaces.list_audit(session, workspace=workspace, before=None, limit=1)
    assert (link.decided_by, log[0].actor, log[0].action) == ("Ada Okoye", "Ada Okoye", "link.confirmed")
    assert log[0].detail["by"] == f"usr_{user}"
