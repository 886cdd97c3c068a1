"""The page of the encoder in a real browser, with a report: it fits, is readable, and a switch takes a word."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from models.queries import shadow_stream
from models.records import ShadowState
from models.values.moves import Fate, MoveReport, ThemeMove
from service.console.charts import Scheme
from tests import factories
from tests.browser.conftest import Site
from tests.browser.test_console import CONTRAST, visit

pytestmark = pytest.mark.browser

REPORT = MoveReport(
    revision=1,
    live_version=0,
    items=1200,
    complaints=900,
    unread=3,
    moved_items=310,
    moved_complaints=290,
    waiting_before=20,
    waiting_after=41,
    themes=(
        ThemeMove(1, Fate.LOST, 180, 0, 0, 150, 0, 901, 120),
        ThemeMove(2, Fate.MATCHED, 300, 320, 290, 200, 210, 901, 10),
        ThemeMove(3, Fate.MATCHED, 90, 90, 90, 70, 70, None, 0),
        ThemeMove(901, Fate.NEW, 0, 140, 0, 0, 110, 1, 120, "exports of very large calendars stop half way"),
    ),
)


@pytest.fixture(scope="module")
def tried(site: Site) -> Iterator[Site]:
    """The world with an encoder that is tried, and a report of what it would move."""
    with site.database.write(workspace=site.world.workspace) as session:
        factories.shadow(session, site.world.workspace, report=REPORT.to_json())
    return site


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [375, 1440])
def test_it_fits_and_is_readable(browser: Browser, tried: Site, width: int, scheme: Scheme) -> None:
    with visit(browser, tried, width=width, scheme=scheme) as (page, heard):
        page.goto("/encoder")
        expect(page.get_by_role("heading", name="Themes that nothing matches")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(CONTRAST) == []
        assert heard.complaints == []


def test_a_switch_takes_the_share_by_keyboard(browser: Browser, tried: Site) -> None:
    with visit(browser, tried) as (page, heard):
        page.goto("/encoder")
        field = page.get_by_label("Per cent that you accept")
        field.press("Enter")
        # The browser asks for the number before anything is sent.
        expect(page).to_have_url(f"{tried.address}/encoder")
        assert field.evaluate("each => each.validity.valueMissing")
        field.fill("32.3")
        field.press("Enter")
        expect(page.get_by_role("status")).to_contain_text("The switch was asked for")
        assert heard.complaints == []
    with tried.database.read(workspace=tried.world.workspace) as session:
        row = shadow_stream.find(session, workspace=tried.world.workspace)
    assert row is not None
    assert (row.state, row.accepted) == (ShadowState.SWITCHING, 0.323)
