"""Impact and links as they are read over HTTP: what is shown, as of when, and what no longer."""

from datetime import timedelta

import pytest
from fastapi.testclient import TestClient

from models.database import Database
from models.queries import impact, links
from models.queries.links import ProposalDraft
from models.records import LinkState
from models.values.verdicts import Word
from tests.clock import NOON, Clock
from tests.service.reading import World, number_of, stock
from tests.verdicts import verdict_row


@pytest.fixture
def world(database: Database, workspace: int) -> World:
    return stock(database, workspace)


@pytest.fixture
def judged(world: World, database: Database, workspace: int) -> int:
    """Verdicts on a proposed link and on all complaints; returns the link."""
    release, main = number_of(world["release"]), number_of(world["main"])
    item = number_of(world["first_item"])
    with database.write(workspace=workspace) as session:
        feature = number_of(world["feature"])
        draft = ProposalDraft(main, feature, 0.8, "Shared words.", [{"item": item, "start": 4, "end": 10}])
        links.propose(session, workspace=workspace, feature=feature, drafts=[draft], now=NOON)
        (link,) = links.list_links(session, workspace=workspace)
        quotes = [{"item": item, "start": 4, "end": 10}]
        for theme, more in (
            (main, {"link_id": link.id, "link_state": LinkState.PROPOSED, "quotes": quotes}),
            (impact.TOTAL, {"word": Word.TOO_EARLY}),
        ):
            impact.write_verdict(session, workspace=workspace, row=verdict_row(release, theme, **more))
    return link.id


def test_impact_shows_all_complaints_first_then_proposals(
    client: TestClient, world: World, judged: int
) -> None:
    answer = client.get(f"/v1/releases/{world['release']}/impact").json()
    assert answer["release"]["id"] == world["release"]
    total, theme = answer["verdicts"]
    assert (total["theme"], total["link"], total["verdict"]) == (None, None, "too_early")
    assert (theme["theme"], theme["link"]) == ({"id": world["main"], "label": "export fails"}, "proposed")
    assert (theme["verdict"], theme["effect"], theme["evidence_grade"]) == ("fell", 0.5, "D")
    assert [quote["text"] for quote in theme["quotes"]] == ["export"]
    only = client.get(f"/v1/releases/{world['release']}/impact", params={"theme": world["main"]}).json()
    assert [each["theme"]["id"] for each in only["verdicts"]] == [world["main"]]
    segment = client.get(f"/v1/releases/{world['release']}/impact", params={"segment": "team"}).json()
    assert segment["verdicts"] == []


def test_impact_can_be_read_as_of_a_moment(
    client: TestClient, world: World, judged: int, database: Database, workspace: int
) -> None:
    release, main = number_of(world["release"]), number_of(world["main"])
    later = verdict_row(
        release, main, word=Word.ROSE, input_hash="b" * 64, created_at=NOON + timedelta(days=2), link_id=judged,
        link_state=LinkState.CONFIRMED,
    )  # fmt: skip
    with database.write(workspace=workspace) as session:
        impact.write_verdict(session, workspace=workspace, row=later)

    def words(**query: str) -> list[str]:
        found = client.get(f"/v1/releases/{world['release']}/impact", params=query).json()["verdicts"]
        return [each["verdict"] for each in found]

    assert words() == ["rose"]  # with a confirmed link, all complaints together stand back
    assert words(as_of="2026-06-02T00:00:00Z") == ["too_early", "fell"]
    assert words(as_of="2026-05-01T00:00:00Z") == []


def test_a_rejected_link_is_no_longer_shown(
    client: TestClient, world: World, judged: int, clock: Clock
) -> None:
    clock.advance(days=1)
    assert client.post(f"/v1/links/lnk_{judged}/reject").status_code == 200
    found = client.get(f"/v1/releases/{world['release']}/impact").json()["verdicts"]
    assert [each["theme"] for each in found] == [None]


def test_suggestions_are_what_nobody_decided(client: TestClient, world: World, judged: int) -> None:
    found = client.get(f"/v1/releases/{world['release']}/link-suggestions").json()
    (suggestion,) = found["items"]
    assert (suggestion["feature_title"], suggestion["theme_label"]) == ("Bigger exports", "export fails")
    assert suggestion["link"]["probability"] == 0.8
    assert [quote["text"] for quote in suggestion["link"]["evidence"]] == ["export"]
    client.post(f"/v1/links/{suggestion['link']['id']}/confirm")
    assert client.get(f"/v1/releases/{world['release']}/link-suggestions").json()["items"] == []
