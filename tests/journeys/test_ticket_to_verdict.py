"""From a ticket to a verdict: webhooks and an import in, themes, a confirmed link, and what the release did."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from models.database import Database
from models.language.encode import WordHashEncoder
from service.app import create_app
from service.cli import run
from service.commands import world
from tests import factories, year
from tests.clock import Clock
from tests.journeys.following import every_number_can_be_followed, theme_about, verdicts_of
from tests.services import settings_for
from tests.steps import connect, post_entry, unfinished, walk
from workers.context import Context

COARSE = 0.15
"""Three problems in a few hundred tickets: few and wide themes."""


@dataclass(frozen=True, slots=True)
class Journey:
    client: TestClient
    database: Database
    context: Context
    clock: Clock
    folder: Path


@pytest.fixture
def journey(
    database: Database, programs: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Journey]:
    settings = settings_for(programs, theme_granularity=COARSE)
    monkeypatch.setenv("EBB_DATABASE_URL", settings.database_url)
    clock = Clock(year.START)
    monkeypatch.setattr(world, "now", clock)
    key = factories.key(database, factories.workspace(database))
    app = create_app(settings, database=programs, clock=clock)
    with TestClient(app, headers={"Authorization": f"Bearer {key}"}, follow_redirects=False) as client:
        context = Context(programs, settings, lambda _: WordHashEncoder(), clock)
        yield Journey(client, database, context, clock, tmp_path)


def send(journey: Journey, tickets: list[year.Ticket], address: str, secret: str) -> None:
    """Deliver tickets by webhook, in batches of fifty."""
    for start in range(0, len(tickets), 50):
        entries = {"items": [ticket.row for ticket in tickets[start : start + 50]]}
        assert post_entry(journey.client, address, entries, secret, now=journey.clock()).status_code == 202


def test_a_problem_that_a_release_mends_is_seen_to_fall(journey: Journey) -> None:
    client, clock = journey.client, journey.clock
    tickets = year.tickets()
    truth = {ticket.row["id"]: ticket.problem for ticket in tickets}
    early = [ticket for ticket in tickets if ticket.at < year.RELEASED]
    late = [ticket for ticket in tickets if ticket.at >= year.RELEASED]

    # History comes from a file, into the source that brings the last weeks before the release by webhook.
    clock.now = year.RELEASED - timedelta(hours=1)
    export = journey.folder / "history.jsonl"
    export.write_text(year.jsonl(early[:300]), encoding="utf-8")
    address, secret = connect(client)
    assert run(["import", str(export), "--source", "desk"]) == 0
    send(journey, early[300:], address, secret)
    assert len(early) > 400
    walk(journey.context)
    assert unfinished(journey.database, now=clock()) == []

    points = [{"day": day, "value": 900} for day in year.days()]
    assert client.put("/v1/exposure/active_accounts", json={"points": points}).status_code == 200
    release = client.post(
        "/v1/releases",
        json={
            "name": "2.0",
            "key": "v2",
            "released_at": year.RELEASED.isoformat(),
            "features": [{"title": year.FEATURE[0], "body": year.FEATURE[1]}],
        },
    ).json()
    walk(journey.context)

    # A person confirms the proposal about exports, and rejects the others.
    wanted = theme_about(client, "export", truth)
    suggested = client.get(f"/v1/releases/{release['id']}/link-suggestions").json()["items"]
    by_theme = {each["link"]["theme"]: each["link"] for each in suggested}
    assert wanted in by_theme
    for theme, link in by_theme.items():
        verb = "confirm" if theme == wanted else "reject"
        decided = client.post(f"/v1/links/{link['id']}/{verb}").json()
        assert decided["timing"] == ("prospective" if theme == wanted else None)
    walk(journey.context)
    (before,) = verdicts_of(client, release["id"], wanted)
    assert (before["verdict"], before["link"]) == ("too_early", "confirmed")
    assert "look_not_due" in before["reasons"]

    # Ten weeks later.
    clock.now = year.END + timedelta(days=4)
    send(journey, late, address, secret)
    walk(journey.context)
    assert unfinished(journey.database, now=clock()) == []
    (verdict,) = verdicts_of(client, release["id"], wanted)
    assert verdict["verdict"] == "fell"
    assert 0.2 < verdict["effect"] < 0.7
    assert verdict["low"] < 0.5 < verdict["high"]
    assert verdict["observed"] < verdict["expected"]
    assert "chosen_after" not in verdict["reasons"]
    assert verdict["rate_unit"] == "complaints per 1,000 customer-days"

    every_number_can_be_followed(client, journey.database, tickets, verdict)
