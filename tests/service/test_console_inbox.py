"""The inbox of suggestions and the explanation of a message in the console: who sees them, and what pressing does."""

import pytest

from models.database import Database
from models.queries import theme_suggestions
from models.records import FeedbackItem, SuggestionState, ThemeSuggestion
from models.values.roles import Role
from models.values.suggestions import SuggestionKind
from tests import factories
from tests.console_site import signed_in
from tests.console_world import World
from tests.service.correcting import Correcting
from tests.service.test_console_curation import Curator, read


@pytest.fixture
def curator(fresh: Database, world: World) -> Curator:
    return Curator(fresh, world)


def suggested(
    curator: Curator, kind: SuggestionKind, *, items: int = 0, other: bool = True
) -> ThemeSuggestion:
    world = curator.world
    inside = curator.items(world.themes[0])[:items]
    with curator.database.write(workspace=world.workspace) as session:
        made = factories.suggestion(
            session,
            world.workspace,
            kind=kind,
            theme=world.themes[0],
            other=world.themes[1] if other else None,
            items=inside,
        )
        return session.get_one(ThemeSuggestion, made)


def state_of(curator: Curator, row: ThemeSuggestion) -> SuggestionState:
    with curator.database.read(workspace=curator.world.workspace) as session:
        return session.get_one(ThemeSuggestion, row.id).state


def labels(curator: Curator) -> list[str]:
    return [str(curator.row(theme).label) for theme in curator.world.themes[:2]]


def test_an_empty_inbox_says_so_and_shows_no_number(curator: Curator) -> None:
    page = curator.client.get("/inbox")
    assert "Nothing waits for you" in read(page)
    assert 'class="count"' not in page.text


def test_each_kind_asks_its_question_with_evidence(curator: Curator) -> None:
    suggested(curator, SuggestionKind.MERGE)
    suggested(curator, SuggestionKind.SPLIT, items=4, other=False)
    suggested(curator, SuggestionKind.ITEM, items=1)
    page = curator.client.get("/inbox")
    text, (one, other) = read(page), labels(curator)
    assert "3 suggestions wait for a person" in text
    assert f"Is {other} the same as {one} ?" in text
    assert f"Are 4 messages of {one} a theme of their own?" in text
    assert f"Does this belong in {other} rather than {one} ?" in text
    assert "its theme leads by 3 points" in text
    assert "Of its neighbours' votes 41% are for its theme and 38% for the other." in text
    with curator.database.read(workspace=curator.world.workspace) as session:
        (item,) = theme_suggestions.list_suggestions(
            session, workspace=curator.world.workspace, kind=SuggestionKind.ITEM
        )
        spans = theme_suggestions.evidence_spans(session, workspace=curator.world.workspace, suggestion=item)
    assert len(spans) == 1
    assert page.text.count("<blockquote>") >= 5
    assert 'class="count"' in curator.client.get("/").text


def test_accepting_does_it_as_the_curators_own_act(curator: Curator) -> None:
    row = suggested(curator, SuggestionKind.ITEM, items=2)
    page = curator.press(f"/inbox/sug_{row.id}/accept")
    assert page.url.path == "/inbox"
    assert "Done, as your own act" in read(page)
    assert set(row.item_ids) <= set(curator.items(curator.world.themes[1]))
    assert state_of(curator, row) is SuggestionState.ACCEPTED
    assert "moved messages in" in read(curator.client.get(f"/themes/th_{curator.world.themes[1]}"))
    again = curator.press(f"/inbox/sug_{row.id}/accept")
    assert (again.status_code, "accepted already" in again.text) == (409, True)


def test_declining_leaves_it_as_it_is(curator: Curator) -> None:
    row = suggested(curator, SuggestionKind.MERGE)
    page = curator.press(f"/inbox/sug_{row.id}/decline")
    assert "Left as it is" in read(page)
    assert "Nothing waits for you" in read(page)
    assert state_of(curator, row) is SuggestionState.DECLINED
    assert curator.row(curator.world.themes[1]).redirect_id is None


@pytest.mark.parametrize(
    ("role", "offered"),
    [(Role.ADMIN, True), (Role.CURATOR, True), (Role.MEMBER, False), (Role.VIEWER, False)],
)
def test_only_curators_have_an_inbox(
    fresh: Database, world: World, curator: Curator, role: Role, offered: bool
) -> None:
    suggested(curator, SuggestionKind.MERGE)
    page = signed_in(fresh, world.workspace, role=role).get("/themes")
    assert ('href="/inbox"' in page.text) == offered
    assert ('class="count"' in page.text) == offered


def test_every_message_leads_to_why_it_is_here(curator: Curator) -> None:
    item = curator.items(curator.world.themes[0])[0]
    listed = curator.client.get(f"/feedback?item=fb_{item}")
    assert f'href="/feedback/fb_{item}/why"' in listed.text
    text = read(curator.client.get(f"/feedback/fb_{item}/why"))
    assert f"It was placed in “{labels(curator)[0]}” by" in text
    assert curator.client.get("/feedback/fb_999999/why").status_code == 404


def test_the_explanation_shows_both_themes_with_their_shares(desk: Correcting) -> None:
    client = signed_in(desk.database, desk.workspace, role=Role.VIEWER)
    desk.divide()
    shown = 0
    for item in desk.items_in(desk.themes()[0])[:8]:
        why = desk.get(f"feedback/fb_{item}/why")
        text = read(client.get(f"/feedback/fb_{item}/why"))
        assert " ".join(why["sentence"].split()) in text
        assert f"Its theme: {why['theme']['label']}" in text
        assert f"{why['theme']['share']:.0%} of its neighbours’ votes" in text
        if why["runner_up"]:
            shown += 1
            assert f"The runner-up: {why['runner_up']['label']}" in text
            assert len(why["runner_up"]["exemplars"]) <= 3
        assert "Compared with 140 messages" in text
    assert shown


def test_what_was_withdrawn_is_not_quoted(curator: Curator) -> None:
    row = suggested(curator, SuggestionKind.SPLIT, items=3, other=False)
    before = curator.client.get("/inbox").text.count("<blockquote>")
    with curator.database.write(workspace=curator.world.workspace) as session:
        session.get_one(FeedbackItem, row.item_ids[0]).withdrawn = True
    assert before == 3
    assert curator.client.get("/inbox").text.count("<blockquote>") == 2
