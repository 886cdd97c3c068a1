"""The console's door over HTTP: sign-in, headers, static files, the one form."""

import re

import pytest
from fastapi.testclient import TestClient

from models.database import Database
from models.queries import links, workspaces
from models.records import LinkState
from models.settings import Settings
from service.console.guard import POLICY
from tests import console_world
from tests.console_plan import NOW
from tests.console_site import PAGES, app_of, read, signed_in, stranger
from tests.console_world import World

# The way in


@pytest.mark.parametrize(
    "address", [*PAGES, "/themes/th_1/chart.json", "/releases/rel_8/chart.json?theme=th_1"]
)
def test_without_a_session_every_page_leads_to_the_way_in(fresh: Database, address: str) -> None:
    client = TestClient(app_of(fresh), base_url="http://127.0.0.1:8000")
    response = client.get(address, follow_redirects=False)
    assert (response.status_code, response.headers["location"]) == (303, "/sign-in")
    assert "ebb sign-in" in client.get("/sign-in").text


def test_a_link_works_once_and_leaves_a_safe_cookie(fresh: Database, world: World) -> None:
    token = console_world.sign_in_token(fresh, world.workspace)
    client = TestClient(app_of(fresh), base_url="http://127.0.0.1:8000")
    response = client.get(f"/sign-in?token={token}", follow_redirects=False)
    cookie = response.headers["set-cookie"].lower()
    assert (response.status_code, response.headers["location"]) == (303, "/")
    assert all(part in cookie for part in ("httponly", "samesite=lax", "path=/"))
    assert response.headers["cache-control"] == "no-store"
    assert client.get("/").status_code == 200
    second = TestClient(app_of(fresh), base_url="http://127.0.0.1:8000")
    again = second.get(f"/sign-in?token={token}", follow_redirects=False)
    assert again.status_code == 401
    assert "set-cookie" not in again.headers


@pytest.mark.parametrize(
    ("at", "public_url"),
    [("https://ebb.example", "http://127.0.0.1:8000"), ("http://127.0.0.1:8000", "https://ebb.example")],
)
def test_over_https_the_cookie_is_for_https_and_this_host_only(
    fresh: Database, world: World, at: str, public_url: str
) -> None:
    token = console_world.sign_in_token(fresh, world.workspace)
    client = TestClient(app_of(fresh, Settings(public_url=public_url)), base_url=at)
    cookie = client.get(f"/sign-in?token={token}", follow_redirects=False).headers["set-cookie"]
    assert cookie.startswith("__Host-ebb_session=")
    assert "secure" in cookie.lower()
    assert "domain" not in cookie.lower()


def test_over_https_a_cookie_that_another_host_could_set_opens_nothing(fresh: Database, world: World) -> None:
    token = console_world.sign_in_token(fresh, world.workspace)
    client = stranger(fresh, at="https://ebb.example")
    client.get(f"/sign-in?token={token}")
    assert client.get("/", follow_redirects=False).status_code == 200
    session = client.cookies["__Host-ebb_session"]
    other = stranger(fresh, at="https://ebb.example")
    other.cookies.set("ebb_session", session)
    assert other.get("/", follow_redirects=False).headers["location"] == "/sign-in"


def test_the_sign_in_page_says_how_to_get_a_link(fresh: Database) -> None:
    text = read(stranger(fresh), "/sign-in").text
    assert "ebb sign-in --workspace NAME --user you@example.com" in text
    assert "within 60 minutes" in text


# Headers


@pytest.mark.parametrize(
    "address",
    [*PAGES, "/people", "/encoder", "/sign-in", "/themes/th_999", "/static/ebb.css", "/favicon.ico"],
)
def test_every_answer_carries_the_security_headers(console: TestClient, address: str) -> None:
    headers = console.get(address).headers
    assert headers["content-security-policy"] == POLICY
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert "unsafe" not in POLICY


@pytest.mark.parametrize("address", [*PAGES, "/people", "/encoder", "/sign-in"])
def test_pages_hold_no_inline_code_and_name_no_other_host(console: TestClient, address: str) -> None:
    page = read(console, address)
    for tag, attributes in page.elements:
        assert tag != "style"
        assert "style" not in attributes
        assert not any(name.startswith("on") for name in attributes)
        if tag == "script":
            assert attributes["src"].startswith("/static/")
        for name in ("href", "src", "action", "formaction", "data-chart"):
            assert re.match(r"(/(?!/)|#|$)", attributes.get(name, "")), attributes


@pytest.mark.parametrize("address", [*PAGES, "/people", "/encoder"])
def test_pages_have_landmarks_one_heading_and_unique_ids(console: TestClient, address: str) -> None:
    page = read(console, address)
    tags = [tag for tag, _ in page.elements]
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    labels = {a["aria-labelledby"] for _, a in page.elements if "aria-labelledby" in a}
    assert (tags.count("main"), tags.count("nav"), tags.count("h1")) == (1, 1, 1)
    assert ("a", {"class": "skip", "href": "#main"}) in page.elements
    assert len(ids) == len(set(ids))
    assert labels <= set(ids)
    assert sum("aria-current" in attributes for _, attributes in page.elements) == 1


def test_static_files_are_kept_for_ever_and_travel_compressed(console: TestClient) -> None:
    page = read(console, "/")
    sheet = next(a["href"] for tag, a in page.elements if a.get("rel") == "stylesheet")
    response = console.get(sheet, headers={"accept-encoding": "gzip"})
    assert "immutable" in response.headers["cache-control"]
    assert response.headers["content-encoding"] == "gzip"
    assert "--accent" in response.text
    assert console.get(sheet, headers={"accept-encoding": "identity"}).text == response.text


@pytest.mark.parametrize("name", ["../pages.py", "%2e%2e/pages.py", "nothing.css", "vendor/%2e%2e/ebb.css"])
def test_no_other_file_can_be_had(console: TestClient, name: str) -> None:
    assert console.get(f"/static/{name}").status_code == 404


def test_pages_asked_for_with_a_query_are_not_compressed(console: TestClient) -> None:
    assert console.get("/themes").headers["content-encoding"] == "gzip"
    assert "content-encoding" not in console.get("/themes?q=export").headers


# The one form


def form_of(console: TestClient, release: int) -> str:
    tag = next(a for t, a in read(console, f"/releases/rel_{release}").elements if a.get("name") == "csrf")
    return tag["value"]


@pytest.mark.parametrize(
    ("verb", "state"), [("confirm", LinkState.CONFIRMED), ("reject", LinkState.REJECTED)]
)
def test_a_person_decides_on_a_link(fresh: Database, world: World, verb: str, state: LinkState) -> None:
    client, release = signed_in(fresh, world.workspace), world.releases["2.6"]
    csrf = form_of(client, release)
    response = client.post(
        f"/links/lnk_{world.proposed_link}/{verb}", data={"csrf": csrf}, follow_redirects=False
    )
    assert (response.status_code, response.headers["location"]) == (
        303,
        f"/releases/rel_{release}?done={state}",
    )
    with fresh.read(workspace=None) as session:
        link = links.get_link(session, workspace=world.workspace, link=world.proposed_link)
        log = workspaces.list_audit(session, workspace=world.workspace, before=None, limit=1)
    assert (link.state, link.decided_by, link.decided_at) == (state, "owner of tests", NOW)
    assert (log[0].action, log[0].actor) == (f"link.{state}", "owner of tests")
    page = read(client, response.headers["location"])
    assert f"The link is {state}." in page.text
    if state is LinkState.CONFIRMED:
        assert "The verdict on this theme is being worked out." in page.text


@pytest.mark.parametrize("csrf", [None, "", "0" * 64, "é"])
def test_a_form_from_elsewhere_changes_nothing(fresh: Database, world: World, csrf: str | None) -> None:
    client = signed_in(fresh, world.workspace)
    data = {} if csrf is None else {"csrf": csrf}
    response = client.post(f"/links/lnk_{world.proposed_link}/confirm", data=data)
    assert response.status_code == 403
    with fresh.read(workspace=None) as session:
        link = links.get_link(session, workspace=world.workspace, link=world.proposed_link)
    assert link.state is LinkState.PROPOSED


def test_the_token_of_another_session_does_not_pass(fresh: Database, world: World) -> None:
    one, other = signed_in(fresh, world.workspace), signed_in(fresh, world.workspace)
    csrf = form_of(one, world.releases["2.6"])
    address = f"/links/lnk_{world.proposed_link}/confirm"
    assert other.post(address, data={"csrf": csrf}).status_code == 403
    assert TestClient(app_of(fresh)).post(
        address, data={"csrf": csrf}, follow_redirects=False
    ).headers["location"] == "/sign-in"  # fmt: skip


def test_pages_stay_out_of_the_api_description(console: TestClient) -> None:
    paths = console.get("/openapi.json").json()["paths"]
    assert not {"/", "/themes", "/releases", "/feedback", "/people", "/sign-in"} & set(paths)
