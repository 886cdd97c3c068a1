"""The console over HTTP: sign-in, headers, pages, drill-down, the one form."""

import re
import shutil
from collections.abc import Iterator
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from migrations.run import upgrade
from models.database import Database
from models.queries import links, products, workspaces
from models.records import LinkState
from models.settings import Settings
from models.values.roles import Role
from models.values.verdicts import Word
from service.app import create_app
from service.console.guard import POLICY
from tests import console_world
from tests.console_plan import ATTACK, NOW
from tests.console_world import World

PAGES = ("/", "/themes", "/themes/th_1", "/releases", "/releases/rel_8", "/releases/rel_13", "/feedback")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, World]:
    """Build the world once."""
    path = tmp_path_factory.mktemp("console") / "world.db"
    database = Database(f"sqlite:///{path}", synchronous="NORMAL")
    upgrade(database)
    world = console_world.build(database)
    database.close()
    return path, world


@pytest.fixture(scope="module")
def world(template: tuple[Path, World]) -> World:
    return template[1]


def open_copy(template: Path, folder: Path) -> Database:
    return Database(f"sqlite:///{shutil.copy(template, folder / 'copy.db')}", synchronous="NORMAL")


def app_of(database: Database) -> FastAPI:
    return create_app(Settings(), database=database, clock=lambda: NOW)


def signed_in(database: Database, workspace: int, *, role: Role = Role.ADMIN) -> TestClient:
    client = TestClient(app_of(database), base_url="http://127.0.0.1:8000")
    token = console_world.sign_in_token(database, workspace, role=role)
    assert client.get(f"/sign-in?token={token}", follow_redirects=False).status_code == 303
    return client


@pytest.fixture(scope="module")
def client(template: tuple[Path, World], tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A signed-in browser that only reads."""
    database = open_copy(template[0], tmp_path_factory.mktemp("read"))
    yield signed_in(database, template[1].workspace)
    database.close()


@pytest.fixture
def fresh(template: tuple[Path, World], tmp_path: Path) -> Iterator[Database]:
    """A world of one's own, to write in."""
    database = open_copy(template[0], tmp_path)
    yield database
    database.close()


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[TestClient]:
    """A workspace in which nothing happened yet."""
    database = Database(f"sqlite:///{tmp_path / 'empty.db'}", synchronous="NORMAL")
    upgrade(database)
    yield signed_in(database, console_world.build_empty(database))
    database.close()


class Page(HTMLParser):
    """What tests look for in a page: elements with their attributes, and the text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.words: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def hrefs(self, start: str) -> list[str]:
        return [a["href"] for tag, a in self.elements if tag == "a" and a.get("href", "").startswith(start)]


def read(client: TestClient, address: str) -> Page:
    response = client.get(address)
    assert response.status_code == 200, response.text[:500]
    return Page(response.text)


def total_of(client: TestClient, address: str) -> int:
    """Return how many messages a drill-down list says it holds."""
    found = re.search(r"(\d[\d\u202f]*) messages?\b", read(client, address).text)
    assert found is not None
    return int(found[1].replace("\u202f", ""))


# Sign-in


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


def test_over_https_the_cookie_is_for_https_only(fresh: Database, world: World) -> None:
    token = console_world.sign_in_token(fresh, world.workspace)
    client = TestClient(app_of(fresh), base_url="https://ebb.example")
    response = client.get(f"/sign-in?token={token}", follow_redirects=False)
    assert "secure" in response.headers["set-cookie"].lower()


def test_a_session_for_intake_reads_nothing(fresh: Database, world: World) -> None:
    client = signed_in(fresh, world.workspace, role=Role.INGEST)
    response = client.get("/")
    assert response.status_code == 403
    assert "export" not in response.text


def test_another_workspace_sees_none_of_it(fresh: Database, world: World) -> None:
    client = signed_in(fresh, console_world.build_empty(fresh))
    for address in (
        "/themes/th_1",
        "/releases/rel_8",
        "/feedback?item=fb_1",
        "/releases/rel_8/chart.json?theme=th_1",
    ):
        response = client.get(address)
        assert response.status_code == 404 or "Nothing" in response.text or "No message" in response.text
        assert "export stops" not in response.text


# Headers


@pytest.mark.parametrize("address", [*PAGES, "/sign-in", "/themes/th_999", "/static/ebb.css", "/favicon.ico"])
def test_every_answer_carries_the_security_headers(client: TestClient, address: str) -> None:
    headers = client.get(address).headers
    assert headers["content-security-policy"] == POLICY
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert "unsafe" not in POLICY


@pytest.mark.parametrize("address", [*PAGES, "/sign-in"])
def test_pages_hold_no_inline_code_and_name_no_other_host(client: TestClient, address: str) -> None:
    page = read(client, address)
    for tag, attributes in page.elements:
        assert tag != "style"
        assert "style" not in attributes
        assert not any(name.startswith("on") for name in attributes)
        if tag == "script":
            assert attributes["src"].startswith("/static/")
        for name in ("href", "src", "action", "formaction", "data-chart"):
            assert re.match(r"(/(?!/)|#|$)", attributes.get(name, "")), attributes


@pytest.mark.parametrize("address", PAGES)
def test_pages_have_landmarks_one_heading_and_unique_ids(client: TestClient, address: str) -> None:
    page = read(client, address)
    tags = [tag for tag, _ in page.elements]
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    labels = {a["aria-labelledby"] for _, a in page.elements if "aria-labelledby" in a}
    assert (tags.count("main"), tags.count("nav"), tags.count("h1")) == (1, 1, 1)
    assert ("a", {"class": "skip", "href": "#main"}) in page.elements
    assert len(ids) == len(set(ids))
    assert labels <= set(ids)
    assert sum("aria-current" in attributes for _, attributes in page.elements) == 1


def test_static_files_are_kept_for_ever_and_travel_compressed(client: TestClient) -> None:
    page = read(client, "/")
    sheet = next(a["href"] for tag, a in page.elements if a.get("rel") == "stylesheet")
    response = client.get(sheet, headers={"accept-encoding": "gzip"})
    assert "immutable" in response.headers["cache-control"]
    assert response.headers["content-encoding"] == "gzip"
    assert "--accent" in response.text
    assert client.get(sheet, headers={"accept-encoding": "identity"}).text == response.text


@pytest.mark.parametrize("name", ["../pages.py", "%2e%2e/pages.py", "nothing.css", "vendor/%2e%2e/ebb.css"])
def test_no_other_file_can_be_had(client: TestClient, name: str) -> None:
    assert client.get(f"/static/{name}").status_code == 404


def test_pages_asked_for_with_a_query_are_not_compressed(client: TestClient) -> None:
    assert client.get("/themes").headers["content-encoding"] == "gzip"
    assert "content-encoding" not in client.get("/themes?q=export").headers


# Pages


def test_the_overview_shows_words_looks_themes_goals_and_silence(client: TestClient) -> None:
    text = read(client, "/").text
    for part in (
        "Counted through 16 Nov 2026",
        "2.4 Slot locking",
        "2 proposed links wait for you",
        "Next readings",
        "sign-in code never arrives",
        "Contacts per 100 customers",
        "silent for 9 days",
    ):
        assert part in text


def test_all_six_words_are_shown_as_words_with_an_icon(client: TestClient) -> None:
    html = client.get("/releases").text
    for word in Word:
        assert f'class="badge {word}"' in html
        assert f'href="#i-{word}"' in html


def test_a_release_says_its_verdict_with_grade_checks_reasons_and_evidence(
    client: TestClient, world: World
) -> None:
    text = read(client, f"/releases/rel_{world.releases['2.3']}").text
    for part in (
        "Complaints about “export stops half-way” fell",
        "other causes are possible",
        "Before is compared with after, beside a control series",
        "The answer is the same without the control series.",
        "Confirmed by mira on 2 Aug 2026: before the first week could be seen.",
        "50% of customers",
        "Key results at the time",
        "Method laid-out-by-hand",
    ):
        assert part in text


def test_a_proposed_link_is_in_no_headline_and_shows_no_verdict(client: TestClient, world: World) -> None:
    html = client.get(f"/releases/rel_{world.releases['2.3']}").text
    headline, proposed = html.split('id="proposed"')
    assert "attachments fail over 10 MB" not in headline
    assert "attachments fail over 10 MB" in proposed
    assert 'class="badge' not in proposed


def test_a_release_without_a_confirmed_theme_shows_all_complaints(client: TestClient, world: World) -> None:
    text = read(client, f"/releases/rel_{world.releases['2.6']}").text
    assert "No theme is confirmed for this release" in text
    assert "It is too early to say whether all complaints together changed after 2.6." in text
    assert "card declined for no reason" in text


def test_a_release_without_any_verdict_still_has_a_page(client: TestClient, world: World) -> None:
    assert "Small repairs" in read(client, f"/releases/rel_{world.releases['2.7']}").text


def test_several_confirmed_themes_are_listed_by_volume_and_each_can_be_opened(
    fresh: Database, world: World
) -> None:
    release = world.releases["2.3"]
    with fresh.write(workspace=world.workspace) as session:
        feature = products.list_features(session, workspace=world.workspace, release=release)[0]
        links.add(
            session,
            workspace=world.workspace,
            theme=world.themes[15],
            feature=feature.id,
            actor="mira",
            now=NOW,
        )
    client = signed_in(fresh, world.workspace)
    page = read(client, f"/releases/rel_{release}")
    assert "2 confirmed themes" in page.text
    assert "The verdict on this theme is being worked out." in page.text
    addresses = page.hrefs(f"/releases/rel_{release}?theme=")
    assert [address.split("#")[0][-5:] for address in addresses] == ["=th_1", "th_16"]
    alone = read(client, addresses[0])
    assert "fell" in alone.text
    assert (
        "The verdict on this theme is being worked out."
        not in alone.text.split("2 confirmed themes")[1][400:]
    )
    assert client.get(f"/releases/rel_{release}?theme=nine").status_code == 404


def test_a_merged_theme_leads_to_the_one_that_stands_for_it(client: TestClient, world: World) -> None:
    response = client.get(f"/themes/th_{world.merged_theme}", follow_redirects=False)
    assert (response.status_code, response.headers["location"]) == (308, f"/themes/th_{world.themes[0]}")
    assert "took in “download breaks”" in read(client, f"/themes/th_{world.themes[0]}").text


@pytest.mark.parametrize("order", ["volume", "change", "total", "new", "name"])
def test_themes_can_be_ordered(client: TestClient, world: World, order: str) -> None:
    addresses = [href for href in read(client, f"/themes?sort={order}").hrefs("/themes/th_")]
    assert sorted(addresses) == sorted(f"/themes/th_{theme}" for theme in world.themes)


def test_themes_can_be_found_by_their_words(client: TestClient) -> None:
    page = read(client, "/themes?q=CODE+never")
    assert "1 theme" in page.text
    assert "No theme has “zebra”" in read(client, "/themes?q=zebra").text


def test_charts_answer_a_spec_for_the_page_and_one_for_export(client: TestClient, world: World) -> None:
    for address in (
        "/themes/th_1/chart.json",
        f"/releases/rel_{world.releases['2.3']}/chart.json?theme=th_1",
    ):
        join = "&" if "?" in address else "?"
        assert client.get(address).json()["config"]["background"] == "#ffffff"
        assert "var(--chart-band)" in client.get(f"{address}{join}scheme=css").text
    assert client.get(f"/releases/rel_{world.releases['2.3']}/chart.json?theme=th_9").status_code == 404


def test_the_chart_library_is_asked_for_only_where_a_chart_is(client: TestClient) -> None:
    for address, has_chart in (("/", False), ("/releases", False), ("/themes", False), ("/feedback", False)):
        assert ("charts.js" in client.get(address).text) == has_chart


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/themes/th_999", 404), ("/themes/rel_1", 404), ("/releases/rel_0", 404), ("/feedback?theme=nine", 404),
        ("/feedback?kind=rant", 422), ("/feedback?counted=perhaps", 422), ("/feedback?from=yesterday", 422),
        ("/feedback?cursor=abc", 422), ("/feedback?cursor=WzEsMl0", 422), ("/themes?sort=luck", 422),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_told_on_a_page(client: TestClient, address: str, status: int) -> None:
    response = client.get(address)
    assert response.status_code == status
    assert response.headers["content-type"].startswith("text/html")
    assert "Go to the overview" in response.text


def test_empty_pages_say_how_to_begin(empty: TestClient) -> None:
    assert "ebb import tickets.csv" in read(empty, "/").text
    assert "ebb releases import CHANGELOG.md" in read(empty, "/releases").text
    assert "ebb import tickets.csv" in read(empty, "/themes").text
    assert "ebb import tickets.csv" in read(empty, "/feedback").text


# Every number opens to its tickets


def number_links(html: str) -> list[tuple[str, int]]:
    """Return the links of a page whose text is a number and that lead to tickets."""
    found = re.findall(r'<a href="(/feedback\?[^"]*)">([\d\u202f]+)</a>', html)
    return [(unescape(address), int(number.replace("\u202f", ""))) for address, number in found]


@pytest.mark.parametrize("address", ["/", "/themes", "/themes/th_3", "/releases/rel_8", "/releases/rel_13"])
def test_every_number_opens_to_exactly_its_tickets(client: TestClient, address: str) -> None:
    found = number_links(client.get(address).text)
    assert len(found) >= 10 or address == "/"
    for target, number in found[:6] + found[6::17]:
        assert total_of(client, target) == number, target


def test_bars_of_the_overview_open_to_their_weeks(client: TestClient) -> None:
    html = client.get("/").text
    found = re.findall(r'<a href="(/feedback\?[^"]*)" aria-label="[^"]*: (\d+) complaints">', html)
    assert len(found) == 26
    for address, number in found[::9]:
        assert total_of(client, unescape(address)) == int(number)


def test_the_list_says_what_became_of_a_number_that_shrank(client: TestClient) -> None:
    address = "/feedback?theme=th_1&kind=complaint&counted=yes"
    total = total_of(client, address)
    assert f"3 of the {total + 3}" in read(client, f"{address}&stated={total + 3}").text
    assert "2 came in" in read(client, f"{address}&stated={total - 2}").text
    assert "no longer here" not in read(client, f"{address}&stated={total}").text


def test_pages_of_the_list_join_without_gap_or_repeat(client: TestClient) -> None:
    address = "/feedback?theme=th_20"
    total, seen = total_of(client, address), []
    following: list[str] = [address]
    while following:
        page = read(client, following[0])
        seen += [a["id"] for tag, a in page.elements if tag == "li" and a.get("id", "").startswith("fb_")]
        following = [href for href in page.hrefs("/feedback?") if "cursor=" in href]
    assert len(seen) == len(set(seen)) == total > 40


def test_follow_ups_are_kept_beside_what_is_counted(client: TestClient) -> None:
    counted = total_of(client, "/feedback?theme=th_1&kind=complaint&counted=yes")
    rest = total_of(client, "/feedback?theme=th_1&kind=complaint&counted=no")
    assert counted + rest == total_of(client, "/feedback?theme=th_1&kind=complaint")
    assert rest > 0


def test_search_marks_words_and_customers_text_stays_text(client: TestClient, world: World) -> None:
    html = client.get("/feedback?q=EXPORT&theme=th_1").text
    assert "<mark>export</mark>" in html
    ticket = client.get(f"/feedback?item=fb_{world.attack_item}").text
    assert ATTACK not in ticket
    assert "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;" in ticket
    found = client.get("/feedback?q=script").text
    assert "&lt;<mark>script</mark>&gt;" in found
    assert "<script>" not in found


def test_a_quote_opens_its_whole_ticket(client: TestClient) -> None:
    page = read(client, "/themes/th_1")
    address = page.hrefs("/feedback?item=")[0]
    ticket = read(client, address)
    wanted = [a["id"] for tag, a in ticket.elements if tag == "li" and a.get("class") == "wanted"]
    assert wanted == [address.split("#")[1]]


def test_quotes_are_verbatim(client: TestClient) -> None:
    html = client.get("/themes/th_1").text
    quote = re.findall(r"<blockquote><p>(.*?)</p>", html)[0]
    address = re.findall(r'</blockquote><a class="sub" href="([^"]*)"', html)[0]
    assert quote in client.get(address).text


# The one form


def form_of(client: TestClient, release: int) -> str:
    tag = next(a for t, a in read(client, f"/releases/rel_{release}").elements if a.get("name") == "csrf")
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
    with fresh.read() as session:
        link = links.get_link(session, workspace=world.workspace, link=world.proposed_link)
        log = workspaces.list_audit(session, workspace=world.workspace, before=None, limit=1)
    assert (link.state, link.decided_by, link.decided_at) == (state, "console", NOW)
    assert log[0].action == f"link.{state}"
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
    with fresh.read() as session:
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


def test_pages_stay_out_of_the_api_description(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    assert not {"/", "/themes", "/releases", "/feedback", "/sign-in"} & set(paths)
