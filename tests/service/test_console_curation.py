"""Correcting themes in the console: what each role is offered, what an act does and says, and the way back."""

import httpx
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from models.database import Database
from models.queries import themes
from models.records import Theme, ThemeState
from models.values.roles import Role
from tests.console_site import Page, csrf_of, signed_in
from tests.console_world import World


def read(response: httpx.Response) -> str:
    """Return the words of a page, blanks made one."""
    return " ".join(" ".join(Page(response.text).words).split())


class Curator:
    """Somebody who corrects themes in a browser."""

    def __init__(self, database: Database, world: World) -> None:
        self.database, self.world = database, world
        self.client: TestClient = signed_in(database, world.workspace, role=Role.CURATOR)
        self._csrf = csrf_of(self.client)

    def press(self, path: str, *, follow: bool = True, **form: object) -> httpx.Response:
        return self.client.post(path, data={**form, "csrf": self._csrf}, follow_redirects=follow)

    def row(self, theme: int) -> Theme:
        with self.database.read(workspace=self.world.workspace) as session:
            return session.get_one(Theme, theme)

    def items(self, theme: int) -> list[int]:
        with self.database.read(workspace=self.world.workspace) as session:
            return themes.items_assigned(session, workspace=self.world.workspace, themes=[theme])


@pytest.fixture
def curator(fresh: Database, world: World) -> Curator:
    return Curator(fresh, world)


@pytest.mark.parametrize(
    ("role", "offered"), [(Role.CURATOR, True), (Role.MEMBER, False), (Role.VIEWER, False)]
)
def test_only_curators_are_offered_to_correct(
    fresh: Database, world: World, role: Role, offered: bool
) -> None:
    client = signed_in(fresh, world.workspace, role=role)
    theme = f"th_{world.themes[0]}"
    assert ("Correct this theme" in client.get(f"/themes/{theme}").text) == offered
    assert ("Expect a theme" in client.get("/themes").text) == offered
    assert ('name="item"' in client.get(f"/feedback?theme={theme}").text) == offered


def test_readers_of_aggregates_are_offered_nothing(fresh: Database, world: World) -> None:
    client = signed_in(fresh, world.workspace, role=Role.AGGREGATE_ONLY)
    for path in ("/themes", f"/themes/th_{world.themes[0]}"):
        assert 'method="post" action="/themes' not in client.get(path).text


def test_a_name_is_given_shown_and_taken_back(curator: Curator) -> None:
    theme = curator.world.themes[0]
    found = curator.row(theme).label
    page = curator.press(f"/themes/th_{theme}/rename", label="Exports break")
    text = read(page)
    assert "Exports break" in text
    assert "The theme has this name from now on" in text
    assert "renamed “Exports break”" in text
    with curator.database.read(workspace=curator.world.workspace) as session:
        merged = [row.id for row in session.scalars(select(Theme).where(Theme.redirect_id.is_not(None)))]
    assert merged  # themes that were merged before anybody acted lead where they led
    curator.press(f"/themes/th_{theme}/undo")
    assert curator.row(theme).label in (found, curator.row(theme).found_label)
    assert "renamed “Exports break”" not in read(curator.client.get(f"/themes/th_{theme}"))


def test_a_merged_theme_leads_to_the_other_and_the_log_says_who(curator: Curator) -> None:
    theme, into = curator.world.themes[:2]
    answer = curator.press(f"/themes/th_{theme}/merge", follow=False, into=f"th_{into}")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/themes/th_{into}?done=merged")
    page = curator.client.get(f"/themes/th_{theme}", follow_redirects=True)
    assert page.url.path == f"/themes/th_{into}"
    assert "took in" in read(page)
    curator.press(f"/themes/th_{into}/undo")
    assert curator.row(theme).redirect_id is None


def test_ticked_messages_become_a_theme_or_go_to_another(curator: Curator) -> None:
    theme, other = curator.world.themes[:2]
    items = curator.items(theme)[:3]
    ticked = [f"fb_{item}" for item in items[:2]]
    page = curator.press(f"/themes/th_{theme}/items", item=ticked, label="Only at night")
    assert "Only at night" in read(page)
    made = int(page.url.path.removeprefix("/themes/th_"))
    assert curator.items(made) == items[:2]
    page = curator.press(f"/themes/th_{theme}/items", item=[f"fb_{items[2]}"], into=f"th_{other}")
    assert page.url.path == f"/themes/th_{other}"
    assert items[2] in curator.items(other)
    untold = curator.press(f"/themes/th_{theme}/items")
    assert (untold.status_code, "Tick the messages first" in untold.text) == (422, True)


def test_an_expected_theme_is_listed_while_it_is_empty(curator: Curator) -> None:
    page = curator.press(
        "/themes", label="Refunds", description="Money back", examples="Refund me\nMoney back?"
    )
    assert "The theme is expected from now on" in read(page)
    assert "It is expected by name" in read(page)
    listed = read(curator.client.get("/themes"))
    assert "Expected, and empty so far" in listed
    assert "Refunds" in listed
    blank = curator.press("/themes", label="  ")
    assert (blank.status_code, "1 to 200 characters" in blank.text) == (422, True)


def test_noise_is_out_of_the_list_and_can_be_brought_back(curator: Curator) -> None:
    theme = curator.world.themes[0]
    label = curator.row(theme).label or ""
    page = curator.press(f"/themes/th_{theme}/dismiss")
    assert "nothing in it counts" in read(page)
    assert curator.row(theme).state is ThemeState.DISMISSED
    listed = curator.client.get("/themes").text
    assert "Dismissed as noise" in listed
    assert f'<a href="/themes/th_{theme}">{label}</a>' in listed
    curator.press(f"/themes/th_{theme}/undo")
    assert curator.row(theme).state is ThemeState.ACTIVE


def test_a_contradiction_is_a_page_that_names_both_acts(curator: Curator) -> None:
    theme, other = curator.world.themes[:2]
    curator.press(f"/themes/th_{theme}/pin")
    page = curator.press(f"/themes/th_{theme}/merge", into=f"th_{other}")
    assert page.status_code == 409
    text = read(page)
    assert f"Merging th_{theme} into th_{other} contradicts act_1, the pin of th_{theme}" in text
    assert "Undo that act first" in text
    assert "Let it go" in read(curator.client.get(f"/themes/th_{theme}"))
    curator.press(f"/themes/th_{theme}/unpin")
    assert curator.row(theme).pinned is False
