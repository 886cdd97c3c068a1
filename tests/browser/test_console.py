"""The console in a real Chromium: pages load clean, charts are drawn, keys reach, forms work."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, expect

from models.queries import links
from models.records import LinkState
from models.values.roles import Role
from tests import console_world
from tests.browser.conftest import Site

pytestmark = pytest.mark.browser

Scheme = Literal["light", "dark"]
PAGES = (
    "/",
    "/releases",
    "/releases/rel_8",
    "/releases/rel_13",
    "/themes",
    "/themes/th_1",
    "/trends",
    "/feedback",
    "/feedback/fb_1/why",
    "/inbox",
    "/people",
    "/encoder",
    "/sign-in",
)
LEADERS_PAGES = ("/", "/releases", "/releases/rel_8", "/themes", "/themes/th_1", "/themes/th_12", "/trends")
CHART_PAGES = ("/releases/rel_3", "/releases/rel_8", "/themes/th_1")


@dataclass
class Heard:
    """What a page complained about, and whom it asked."""

    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


def note_failure(heard: Heard, request: Request) -> None:
    """Note a request that failed; one that the next page cut short did not."""
    if request.failure != "net::ERR_ABORTED":
        heard.complaints.append(f"failed: {request.url} {request.failure}")


@contextmanager
def visit(
    browser: Browser, site: Site, *, width: int = 1280, scheme: Scheme = "light", role: Role = Role.OWNER
) -> Iterator[tuple[Page, Heard]]:
    """Open a signed-in browser window that listens for errors, refused code and requests."""
    context: BrowserContext = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, base_url=site.address
    )
    context.add_init_script(
        "document.addEventListener('securitypolicyviolation',"
        " e => console.error('refused by policy: ' + e.violatedDirective + ' ' + e.blockedURI))"
    )
    page, heard = context.new_page(), Heard()
    page.on("console", lambda message: heard.complaints.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: heard.complaints.append(f"error: {error}"))
    page.on("requestfailed", lambda request: note_failure(heard, request))
    page.on("request", lambda request: heard.requests.append(request.url))
    token = console_world.sign_in_token(site.database, site.world.workspace, role=role)
    page.goto(f"/sign-in?token={token}")
    yield page, heard
    context.close()


def wait_for_charts(page: Page) -> None:
    for box in page.locator("[data-chart]").all():
        expect(box).to_have_attribute("data-drawn", "yes", timeout=60_000)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [375, 1440])
def test_pages_load_clean_and_fit(browser: Browser, site: Site, width: int, scheme: Scheme) -> None:
    with visit(browser, site, width=width, scheme=scheme) as (page, heard):
        for address in PAGES:
            response = page.goto(address)
            assert response is not None
            assert response.ok
            wait_for_charts(page)
            wide = page.evaluate("document.documentElement.scrollWidth")
            assert wide <= width, f"{address} is {wide} px wide in a window of {width} px"
        assert heard.complaints == []
        assert {url for url in heard.requests if not url.startswith(site.address)} == set()


@pytest.mark.parametrize("width", [375, 1440])
def test_pages_of_a_leader_load_clean_and_fit(browser: Browser, site: Site, width: int) -> None:
    with visit(browser, site, width=width, role=Role.AGGREGATE_ONLY) as (page, heard):
        for address in LEADERS_PAGES:
            page.goto(address)
            wait_for_charts(page)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, address
        assert heard.complaints == []


def test_small_weeks_are_gaps_in_a_leaders_chart(browser: Browser, site: Site) -> None:
    drawn = {}
    for role in (Role.VIEWER, Role.AGGREGATE_ONLY):
        with visit(browser, site, role=role) as (page, _):
            page.goto("/themes/th_12")
            wait_for_charts(page)
            points = page.locator(".chart svg .rate_points_marks path").count()
            line = page.locator(".chart svg .mark-line path").first.get_attribute("d") or ""
            drawn[role] = (points, line.count("M"))
    assert drawn[Role.VIEWER] == (50, 1)
    assert 2 <= drawn[Role.AGGREGATE_ONLY][0] < 50
    assert drawn[Role.AGGREGATE_ONLY][1] > 1


@pytest.mark.parametrize("address", CHART_PAGES)
def test_charts_are_drawn_with_all_their_marks(browser: Browser, site: Site, address: str) -> None:
    with visit(browser, site) as (page, heard):
        page.goto(address)
        wait_for_charts(page)
        assert page.locator(".chart svg .mark-line path").count() >= 1
        points = page.locator(".chart svg .mark-symbol path").count()
        assert points >= 20
        assert page.locator(".chart svg .mark-rule line").count() >= 1
        texts = page.locator(".chart svg .role-axis text").all_text_contents()
        assert any("2026" in text for text in texts), texts
        if address.startswith("/releases"):
            assert page.locator(".chart svg .band_marks path").count() == 1
            assert page.locator(".chart svg .shade_marks path").count() >= 1
            assert page.locator(".chart svg .look_marks path").count() == 3
        assert heard.complaints == []


def test_charts_follow_light_and_dark_without_being_drawn_anew(browser: Browser, site: Site) -> None:
    with visit(browser, site) as (page, _):
        page.goto("/themes/th_1")
        wait_for_charts(page)
        line = page.locator(".chart svg .mark-line path").first
        colour = "e => getComputedStyle(e).stroke"
        light = line.evaluate(colour)
        page.emulate_media(color_scheme="dark")
        assert line.evaluate(colour) != light


def test_pointing_at_a_week_shows_its_numbers(browser: Browser, site: Site) -> None:
    with visit(browser, site) as (page, heard):
        page.goto("/releases/rel_8")
        wait_for_charts(page)
        page.locator(".chart svg .observed_points_marks path").nth(5).hover(force=True)
        tip = page.locator(".tip")
        expect(tip).to_be_visible()
        expect(tip).to_contain_text("Observed")
        expect(tip).to_contain_text("before the release")
        assert heard.complaints == []


def test_every_chart_has_its_numbers_as_a_table(browser: Browser, site: Site) -> None:
    with visit(browser, site) as (page, _):
        page.goto("/releases/rel_8")
        page.get_by_text("The numbers as a table").click()
        row = page.locator("details.table tbody tr").first
        expect(row).to_be_visible()
        row.locator("a").click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("Counted complaints")


def test_without_the_library_the_table_opens_instead(browser: Browser, site: Site) -> None:
    with visit(browser, site) as (page, _):
        page.route("**/vendor/vega.js*", lambda route: route.fulfill(body="", content_type="text/javascript"))
        page.goto("/themes/th_1")
        expect(page.locator(".chart")).to_contain_text("the table holds its numbers")
        expect(page.locator("details.table tbody tr").first).to_be_visible()


def test_the_keyboard_reaches_the_page_and_every_main_link(browser: Browser, site: Site) -> None:
    with visit(browser, site) as (page, _):
        page.goto("/")
        focused = "document.activeElement.textContent.trim()"
        reached = []
        for _ in range(11):
            page.keyboard.press("Tab")
            reached.append(page.evaluate(focused))
            outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert outline == "solid", reached
        pages = ["Overview", "Releases", "Themes", "Trends", "Feedback", "Inbox", "People", "Encoder"]
        assert reached == ["Skip to the page", "Ebb", *pages, "Sign out"]
        for _ in range(3):
            page.keyboard.press("Shift+Tab")
        page.keyboard.press("Enter")
        expect(page).to_have_url(f"{site.address}/inbox")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "main"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_is_readable_on_its_ground(browser: Browser, site: Site, scheme: Scheme) -> None:
    """Every text has at least the contrast 4.5 to 1 that WCAG 2.2 asks for (large text is held to it too)."""
    with visit(browser, site, scheme=scheme) as (page, _):
        for address in (
            "/",
            "/releases",
            "/releases/rel_8",
            "/themes/th_1",
            "/trends",
            "/feedback",
            "/people",
        ):
            page.goto(address)
            wait_for_charts(page)
            assert page.evaluate(CONTRAST) == []


def test_a_person_confirms_and_rejects_a_link(browser: Browser, site: Site) -> None:
    with visit(browser, site) as (page, heard):
        page.goto("/releases/rel_13")
        page.get_by_role("button", name="Confirm: Payments provider addresses card declined").click()
        expect(page.get_by_role("status")).to_contain_text("The link is confirmed.")
        page.get_by_role("button", name="Reject: Payments provider does not address refund status").click()
        expect(page.get_by_role("status")).to_contain_text("The link is rejected.")
        expect(page.locator("#proposed")).to_have_count(0)
        assert heard.complaints == []
    with site.database.read(workspace=None) as session:
        link = links.get_link(session, workspace=site.world.workspace, link=site.world.proposed_link)
    assert link.state is LinkState.CONFIRMED


def test_after_signing_out_the_back_button_shows_nothing(browser: Browser, site: Site) -> None:
    with visit(browser, site) as (page, _):
        page.goto("/themes/th_1")
        page.goto("/feedback")
        page.get_by_role("button", name="Sign out").click()
        expect(page).to_have_url(f"{site.address}/sign-in")
        for _ in range(2):
            page.go_back()
            expect(page.get_by_role("heading", level=1)).to_have_text("Sign in to Ebb")
        assert page.context.cookies() == []


def test_a_person_is_added_and_let_in_by_keyboard(browser: Browser, site: Site) -> None:
    with visit(browser, site) as (page, heard):
        page.goto("/people")
        page.get_by_label("E-mail").focus()
        page.keyboard.type("ada@example.com")
        page.keyboard.press("Tab")
        page.keyboard.type("Ada Okoye")
        page.keyboard.press("Tab")
        page.keyboard.type("Cur")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(page.get_by_role("status")).to_contain_text("The seat is there.")
        page.get_by_role("button", name="Make a sign-in link for Ada Okoye").press("Enter")
        link = page.get_by_role("textbox", name="Sign-in link for Ada Okoye")
        expect(link).to_be_focused()
        token = link.input_value().partition("token=")[2]
        other = browser.new_context(base_url=site.address).new_page()
        other.goto(f"/sign-in?token={token}")
        expect(other.locator(".who")).to_contain_text("Ada Okoye")
        expect(other.locator(".who")).to_contain_text("Curator")
        other.context.close()
        page.get_by_role("button", name="Disable Ada Okoye").press("Enter")
        expect(page.get_by_role("status")).to_contain_text("The seat is disabled")
        assert heard.complaints == []


def test_pages_print_without_the_navigation(browser: Browser, site: Site) -> None:
    with visit(browser, site) as (page, _):
        page.goto("/releases/rel_8")
        wait_for_charts(page)
        page.emulate_media(media="print")
        expect(page.locator(".side")).to_be_hidden()
        expect(page.locator(".chart svg")).to_be_visible()
        expect(page.locator(".verdict h2")).to_be_visible()


CONTRAST = """
() => {
  const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data; return [r, g, b, a / 255];
  };
  const over = (top, under) => [0, 1, 2].map((i) => top[i] * top[3] + under[i] * (1 - top[3]));
  const light = (c) => c.slice(0, 3).map((v) => (v /= 255) <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
  const ground = (element) => {
    const layers = [];
    for (let e = element; e; e = e.parentElement) layers.push(rgba(getComputedStyle(e).backgroundColor));
    return layers.reverse().reduce((under, top) => over(top, under), [255, 255, 255]);
  };
  const found = new Set();
  for (const element of document.querySelectorAll('main *, .side *')) {
    const text = [...element.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    if (!text || element.closest('svg, .sr, .tip') || !element.checkVisibility()) continue;
    const under = ground(element), ink = over(rgba(getComputedStyle(element).color), under);
    const [a, b] = [light(ink), light(under)].sort((x, y) => y - x);
    const ratio = (a + .05) / (b + .05);
    if (ratio < 4.5) found.add(`${element.className || element.tagName} ${ratio.toFixed(2)}`);
  }
  return [...found];
}
"""
