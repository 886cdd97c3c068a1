"""Silent days on the console: gaps with words, never low counts, and no change told over them."""

import json
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from models.database import Database
from models.queries import counts, overview, tickets
from models.queries.tickets import TicketFilter
from models.records import FeedbackItem, Source, SourceSilence
from models.values.feedback import AuthorRole
from models.values.roles import Role
from service.console import weeks
from service.console.silences import Silences
from tests import factories
from tests.clock import NOON
from tests.console_site import read, signed_in
from tests.console_world import World

SILENT = [date(2026, 11, 3) + timedelta(days=i) for i in range(3)]
"""Tuesday to Thursday of the week before the last complete one."""
GAP = "2–8 Nov 2026"


def mark(database: Database, workspace: int, name: str) -> None:
    with database.write(workspace=workspace) as session:
        source = session.scalars(select(Source.id).where(Source.name == name)).one()
        session.add_all(
            SourceSilence(workspace_id=workspace, source_id=source, day=day, expected=9.0, firm=True)
            for day in SILENT
        )


@pytest.fixture
def marked(fresh: Database, world: World) -> Database:
    mark(fresh, world.workspace, "Support desk")
    return fresh


def test_the_overview_shows_the_week_as_a_gap_and_compares_nothing_over_it(
    marked: Database, world: World
) -> None:
    client = signed_in(marked, world.workspace)
    page = read(client, "/")
    assert "not compared with the 4 weeks before: 1 of these 4 weeks is not complete" in page.text
    assert "on the 4 weeks before (" not in page.text
    assert "1 week is a gap: Support desk was silent then, so its counts are not complete." in page.text
    labels = [a.get("aria-label", "") for _, a in page.elements]
    (bar,) = [label for label in labels if label.startswith(GAP)]
    assert "a gap, a source was silent" in bar
    silent = [a for tag, a in page.elements if tag == "rect" and a.get("class") == "silent"]
    assert len(silent) == 1


def test_themes_that_the_source_carries_say_so_in_list_page_and_chart(marked: Database, world: World) -> None:
    client = signed_in(marked, world.workspace)
    theme = f"/themes/th_{world.themes[0]}"
    assert "not compared: a source was silent" in read(client, "/themes").text
    page = read(client, theme)
    assert "not compared: 1 of these 4 weeks is not complete" in page.text
    assert f"{GAP} gap: a source was silent" in page.text
    spec = client.get(f"{theme}/chart.json").json()
    (week,) = [row for row in spec["data"]["values"] if row["span"] == GAP]
    assert (week["count"], week["rate"]) == (None, None)
    (words,) = [layer for layer in spec["layer"] if layer["name"] == "gap_text"]
    assert [row["text"] for row in words["data"]["values"]] == ["source silent"]


def test_without_silence_nothing_is_said_of_it(console: TestClient) -> None:
    for address in ("/", "/themes", "/themes/th_1"):
        assert "a gap:" not in read(console, address).text
        assert "not compared" not in read(console, address).text
    assert "gap_text" not in json.dumps(console.get("/themes/th_1/chart.json").json())


def test_readers_of_aggregates_are_told_of_the_gap_and_not_of_the_source(
    marked: Database, world: World
) -> None:
    text = read(signed_in(marked, world.workspace, role=Role.AGGREGATE_ONLY), "/").text
    assert "a source was silent then" in text
    assert "Support desk" not in text


def test_a_gap_on_either_side_leaves_no_ratio_and_breaks_the_line() -> None:
    mondays = weeks.complete_weeks(date(2026, 11, 17), 8)
    for at in (0, 7):
        gaps = tuple(i == at for i in range(8))
        assert weeks.lately((5,) * 8, mondays, gaps).ratio is None
        assert weeks.without_gaps((5,) * 8, gaps).count(None) == 1
    assert weeks.lately((5,) * 8, mondays, (False,) * 8).ratio == 1
    assert Silences({SILENT[0]}).weeks(None, mondays).index(True) == 6


@pytest.mark.parametrize("counts_relayed", [True, False])
def test_totals_lists_and_items_agree_on_feedback_relayed_by_staff(
    database: Database, workspace: int, counts_relayed: bool
) -> None:
    with database.write(workspace=workspace) as session:
        source = factories.source(session, workspace, settings={"count_relayed": counts_relayed})
        relayed = factories.item(
            session, workspace, source, external_id="R-1", author_role=AuthorRole.AGENT, person="a"
        )
        own = factories.item(session, workspace, source, external_id="C-1", person="b")
        theme = factories.theme(session, workspace, 1)
        factories.assign(session, workspace, [relayed, own], theme)
        zone = ZoneInfo("UTC")
        counts.recompute(session, workspace=workspace, theme=theme, days={NOON.date()}, zone=zone)
    expected = 1 + counts_relayed
    with database.read(workspace=workspace) as session:
        shown = overview.complaints_by_day(
            session, workspace=workspace, zone=zone, since=NOON - timedelta(days=1)
        )
        judged = counts.totals(session, workspace=workspace, zone=zone)
        of_theme = overview.theme_days(session, workspace=workspace, since=NOON.date())[theme]
        assert sum(shown.values()) == sum(judged.values()) == sum(of_theme.values()) == expected
        for where in (TicketFilter(counted=True), TicketFilter(theme=theme, counted=True)):
            assert tickets.count_tickets(session, workspace=workspace, where=where) == expected
        counted = session.scalars(select(FeedbackItem.id).where(FeedbackItem.counted)).all()
    assert set(counted) == ({relayed, own} if counts_relayed else {own})
