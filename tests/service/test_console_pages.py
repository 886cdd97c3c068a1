"""The console's pages over HTTP: what they say, and that every number opens to its tickets."""

import re
from html import unescape

import pytest
from fastapi.testclient import TestClient

from models.database import Database
from models.queries import links, products
from models.values.roles import Role
from models.values.verdicts import Word
from tests import console_world
from tests.console_plan import ATTACK, NOW
from tests.console_site import PAGES, csrf_of, read, signed_in, stranger, total_of
from tests.console_world import World


def test_the_overview_shows_words_looks_themes_goals_and_silence(console: TestClient) -> None:
    text = read(console, "/").text
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


def test_all_six_words_are_shown_as_words_with_an_icon(console: TestClient) -> None:
    html = console.get("/releases").text
    for word in Word:
        assert f'class="badge {word}"' in html
        assert f'href="#i-{word}"' in html


def test_a_release_says_its_verdict_with_grade_checks_reasons_and_evidence(
    console: TestClient, world: World
) -> None:
    text = read(console, f"/releases/rel_{world.releases['2.3']}").text
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


def test_a_proposed_link_is_in_no_headline_and_shows_no_verdict(console: TestClient, world: World) -> None:
    html = console.get(f"/releases/rel_{world.releases['2.3']}").text
    headline, proposed = html.split('id="proposed"')
    assert "attachments fail over 10 MB" not in headline
    assert "attachments fail over 10 MB" in proposed
    assert 'class="badge' not in proposed


def test_a_release_without_a_confirmed_theme_shows_all_complaints(console: TestClient, world: World) -> None:
    text = read(console, f"/releases/rel_{world.releases['2.6']}").text
    assert "No theme is confirmed for this release" in text
    assert "It is too early to say whether all complaints together changed after 2.6." in text
    assert "card declined for no reason" in text


def test_a_release_without_any_verdict_still_has_a_page(console: TestClient, world: World) -> None:
    assert "Small repairs" in read(console, f"/releases/rel_{world.releases['2.7']}").text


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
    assert "The verdict on this theme is being worked out." not in alone.text
    assert client.get(f"/releases/rel_{release}?theme=nine").status_code == 404


def test_a_merged_theme_leads_to_the_one_that_stands_for_it(console: TestClient, world: World) -> None:
    response = console.get(f"/themes/th_{world.merged_theme}", follow_redirects=False)
    assert (response.status_code, response.headers["location"]) == (308, f"/themes/th_{world.themes[0]}")
    assert "took in “download breaks”" in read(console, f"/themes/th_{world.themes[0]}").text


@pytest.mark.parametrize("order", ["volume", "change", "total", "new", "name"])
def test_themes_can_be_ordered(console: TestClient, world: World, order: str) -> None:
    addresses = [href for href in read(console, f"/themes?sort={order}").hrefs("/themes/th_")]
    assert sorted(addresses) == sorted(f"/themes/th_{theme}" for theme in world.themes)


def test_themes_can_be_found_by_their_words(console: TestClient) -> None:
    page = read(console, "/themes?q=CODE+never")
    assert "1 theme" in page.text
    assert "No theme has “zebra”" in read(console, "/themes?q=zebra").text


def test_charts_answer_a_spec_for_the_page_and_one_for_export(console: TestClient, world: World) -> None:
    for address in (
        "/themes/th_1/chart.json",
        f"/releases/rel_{world.releases['2.3']}/chart.json?theme=th_1",
    ):
        join = "&" if "?" in address else "?"
        assert console.get(address).json()["config"]["background"] == "#ffffff"
        assert "var(--chart-band)" in console.get(f"{address}{join}scheme=css").text
    assert console.get(f"/releases/rel_{world.releases['2.3']}/chart.json?theme=th_9").status_code == 404


def test_the_chart_library_is_asked_for_only_where_a_chart_is(console: TestClient) -> None:
    for address, has_chart in (("/", False), ("/releases", False), ("/themes", False), ("/feedback", False)):
        assert ("charts.js" in console.get(address).text) == has_chart


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/themes/th_999", 404), ("/themes/rel_1", 404), ("/releases/rel_0", 404), ("/feedback?theme=nine", 404),
        ("/feedback?kind=rant", 422), ("/feedback?counted=perhaps", 422), ("/feedback?from=yesterday", 422),
        ("/feedback?cursor=abc", 422), ("/feedback?cursor=WzEsMl0", 422), ("/themes?sort=luck", 422),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_told_on_a_page(console: TestClient, address: str, status: int) -> None:
    response = console.get(address)
    assert response.status_code == status
    assert response.headers["content-type"].startswith("text/html")
    assert "Go to the overview" in response.text


def test_empty_pages_say_how_to_begin(empty_console: TestClient) -> None:
    assert "ebb import tickets.csv" in read(empty_console, "/").text
    assert "ebb releases import CHANGELOG.md" in read(empty_console, "/releases").text
    assert "ebb import tickets.csv" in read(empty_console, "/themes").text
    assert "ebb import tickets.csv" in read(empty_console, "/feedback").text


# Every number opens to its tickets


def number_links(html: str) -> list[tuple[str, int]]:
    """Return the links of a page whose text is a number and that lead to tickets."""
    found = re.findall(r'<a href="(/feedback\?[^"]*)">([\d\u202f]+)</a>', html)
    return [(unescape(address), int(number.replace("\u202f", ""))) for address, number in found]


@pytest.mark.parametrize("address", ["/", "/themes", "/themes/th_3", "/releases/rel_8", "/releases/rel_13"])
def test_every_number_opens_to_exactly_its_tickets(console: TestClient, address: str) -> None:
    found = number_links(console.get(address).text)
    assert len(found) >= 10 or address == "/"
    for target, number in found[:6] + found[6::17]:
        assert total_of(console, target) == number, target


def test_bars_of_the_overview_open_to_their_weeks(console: TestClient) -> None:
    html = console.get("/").text
    found = re.findall(r'<a href="(/feedback\?[^"]*)" aria-label="[^"]*: (\d+) complaints">', html)
    assert len(found) == 26
    for address, number in found[::9]:
        assert total_of(console, unescape(address)) == int(number)


def test_the_list_says_what_became_of_a_number_that_shrank(console: TestClient) -> None:
    address = "/feedback?theme=th_1&kind=complaint&counted=yes"
    total = total_of(console, address)
    assert f"3 of the {total + 3}" in read(console, f"{address}&stated={total + 3}").text
    assert "2 came in" in read(console, f"{address}&stated={total - 2}").text
    assert "no longer here" not in read(console, f"{address}&stated={total}").text


def test_pages_of_the_list_join_without_gap_or_repeat(console: TestClient) -> None:
    address = "/feedback?theme=th_20"
    total, seen = total_of(console, address), []
    following: list[str] = [address]
    while following:
        page = read(console, following[0])
        seen += [a["id"] for tag, a in page.elements if tag == "li" and a.get("id", "").startswith("fb_")]
        following = [href for href in page.hrefs("/feedback?") if "cursor=" in href]
    assert len(seen) == len(set(seen)) == total > 40


def test_follow_ups_are_kept_beside_what_is_counted(console: TestClient) -> None:
    counted = total_of(console, "/feedback?theme=th_1&kind=complaint&counted=yes")
    rest = total_of(console, "/feedback?theme=th_1&kind=complaint&counted=no")
    assert counted + rest == total_of(console, "/feedback?theme=th_1&kind=complaint")
    assert rest > 0


def test_search_marks_words_and_customers_text_stays_text(console: TestClient, world: World) -> None:
    html = console.get("/feedback?q=EXPORT&theme=th_1").text
    assert "<mark>export</mark>" in html
    ticket = console.get(f"/feedback?item=fb_{world.attack_item}").text
    assert ATTACK not in ticket
    assert "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;" in ticket
    found = console.get("/feedback?q=script").text
    assert "&lt;<mark>script</mark>&gt;" in found
    assert "<script>" not in found


def test_a_quote_opens_its_whole_ticket(console: TestClient) -> None:
    page = read(console, "/themes/th_1")
    address = page.hrefs("/feedback?item=")[0]
    ticket = read(console, address)
    wanted = [a["id"] for tag, a in ticket.elements if tag == "li" and a.get("class") == "wanted"]
    assert wanted == [address.split("#")[1]]


def test_quotes_are_verbatim(console: TestClient) -> None:
    html = console.get("/themes/th_1").text
    quote = re.findall(r"<blockquote><p>(.*?)</p>", html)[0]
    address = re.findall(r'</blockquote><a class="sub" href="([^"]*)"', html)[0]
    assert quote in console.get(address).text


def test_pages_say_the_same_on_postgresql(
    postgres: Database, postgres_programs: Database, console: TestClient, fresh: Database, world: World
) -> None:
    built = console_world.build(postgres)
    assert built.releases == world.releases
    other = signed_in(postgres_programs, built.workspace)
    more = ("/feedback?theme=th_1&counted=yes&q=export", "/feedback?kind=complaint&counted=no", "/people")
    for address in (*PAGES, *more):
        assert read(other, address).text == read(console, address).text, address
    leader = signed_in(fresh, world.workspace, role=Role.AGGREGATE_ONLY)
    other = signed_in(postgres_programs, built.workspace, role=Role.AGGREGATE_ONLY)
    for address in ("/", "/themes", "/themes/th_12", "/releases/rel_8"):
        assert read(other, address).text == read(leader, address).text, address


def test_every_form_works_behind_the_wall_of_postgresql(
    postgres: Database, postgres_programs: Database
) -> None:
    client = signed_in(postgres_programs, console_world.build_empty(postgres))
    form = {"csrf": csrf_of(client), "email": "ada@example.com", "name": "Ada", "role": "viewer"}
    assert client.post("/people", data=form, follow_redirects=False).status_code == 303
    person = re.findall(r"/people/(usr_\d+)/disable", client.get("/people").text)[0]
    link = client.post(f"/people/{person}/sign-in", data=form)
    ada = stranger(postgres_programs)
    ada.get(re.findall(r'value="(http[^"]*token=[^"]*)"', link.text)[0])
    assert ada.get("/", follow_redirects=False).status_code == 200
    assert client.post(f"/people/{person}/disable", data=form, follow_redirects=False).status_code == 303
    assert ada.get("/", follow_redirects=False).status_code == 303
    assert client.post("/sign-out", data=form, follow_redirects=False).status_code == 303
    assert client.get("/", follow_redirects=False).headers["location"] == "/sign-in"
