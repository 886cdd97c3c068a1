"""What people see in the console who may see aggregates only: no words of customers, no small counts."""

import re
from datetime import date

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, update

from models.database import Database
from models.queries import counts, groups, links, products
from models.records import FeedbackItem
from models.settings import Settings
from models.values.roles import Role
from service.console.cells import Cells, veil
from tests import factories
from tests.console_plan import NOW, THEMES, ZONE
from tests.console_site import PAGES, Page, read, signed_in
from tests.console_world import World

LEAST = 5
MONDAYS = (date(2026, 11, 2), date(2026, 11, 9))
SEEN = tuple(address for address in PAGES if address != "/feedback")


@pytest.fixture
def leader(fresh: Database, world: World) -> TestClient:
    return signed_in(fresh, world.workspace, role=Role.AGGREGATE_ONLY)


def weeks_of(page: Page) -> list[str]:
    """Return the counts in the weekly table of a theme's page, newest week first."""
    cells = re.findall(r"\d+–\d+ \w+ \d{4}|\d+ \w+ (?:\d{4} )?– \d+ \w+ \d{4}", page.text)
    after = page.text.split("Per 1,000 customer-days", 2)[-1]
    parts = re.split("|".join(map(re.escape, cells)), after) if cells else []
    return [re.match(r" *(under \d+|\d+)", part)[1] for part in parts[1:]]  # type: ignore[index]


def masked(count: str) -> str:
    return f"under {LEAST}" if 0 < int(count) < LEAST else count


# No words of customers, no way to tickets


def test_there_is_no_way_to_tickets(leader: TestClient) -> None:
    for address in SEEN:
        html = leader.get(address).text
        assert "/feedback" not in html, address
        assert "fb_" not in html, address
        assert "<blockquote" not in html, address
        assert not any(text[:30] in html for _, _, text in THEMES), address


def test_the_list_of_messages_says_for_whom_it_is(leader: TestClient) -> None:
    response = leader.get("/feedback?theme=th_1")
    assert response.status_code == 403
    assert (
        "Reading customers’ messages is for owners, admins, curators, members and viewers; "
        "your role is aggregates only." in response.text
    )


def test_what_sources_delivered_is_not_shown(leader: TestClient, console: TestClient) -> None:
    assert "Support desk" in read(console, "/").text
    assert "Support desk" not in read(leader, "/").text


def test_a_proposal_shows_neither_quotes_nor_the_words_it_was_made_of(
    leader: TestClient, console: TestClient, world: World
) -> None:
    address = f"/releases/rel_{world.releases['2.6']}"
    assert "Shares the words" in read(console, address).text
    text = read(leader, address).text
    assert "card declined for no reason" in text
    assert "Shares the words" not in text


# Small weeks are hidden, and everything else is made of the weeks that are left


def test_small_weeks_of_a_theme_read_as_under_five(leader: TestClient, console: TestClient) -> None:
    for theme in ("th_1", "th_12", "th_24"):
        full, seen = (weeks_of(read(each, f"/themes/{theme}")) for each in (console, leader))
        assert len(full) == 50
        assert seen == [masked(count) for count in full]
        assert "under 5" in seen


def test_small_weeks_are_gaps_in_the_chart(leader: TestClient, console: TestClient) -> None:
    full, seen = (each.get("/themes/th_12/chart.json").json()["data"]["values"] for each in (console, leader))
    assert [row["count"] for row in seen] == [
        None if 0 < row["count"] < LEAST else row["count"] for row in full
    ]
    assert all(row["rate"] is None for row in seen if row["count"] is None)
    assert {row["count"] is None for row in seen} == {True, False}


def test_sums_are_the_sums_of_the_weeks_that_are_shown(leader: TestClient) -> None:
    for theme in ("th_1", "th_4", "th_12", "th_24"):
        page = read(leader, f"/themes/{theme}")
        weeks = weeks_of(page)
        known = [int(week) for week in weeks if week.isdigit()]
        assert f"Complaints in all {told(known, len(known) < len(weeks))}" in page.text
        last = [int(week) for week in weeks[:4] if week.isdigit()]
        assert f"Last 4 weeks {told(last, len(last) < 4)}" in page.text


def told(known: list[int], is_partial: bool) -> str:
    if not is_partial:
        return str(sum(known))
    return f"at least {sum(known)}" if sum(known) else "under 5 a week"


def test_the_list_of_themes_tells_the_same_sums_and_stands_in_their_order(leader: TestClient) -> None:
    html = leader.get("/themes").text
    rows = re.findall(
        r'href="/themes/(th_\d+)".*?data-label="Last 4 weeks" class="number">(.*?)</td>', html, re.DOTALL
    )
    assert len(rows) == len(THEMES)
    sums = []
    for theme, cell in rows:
        weeks = weeks_of(read(leader, f"/themes/{theme}"))[:4]
        known = [int(week) for week in weeks if week.isdigit()]
        assert Page(cell).text == told(known, len(known) < 4)
        sums.append(sum(known))
    assert sums == sorted(sums, reverse=True)


def test_no_count_of_one_to_four_stands_anywhere(leader: TestClient, console: TestClient) -> None:
    week = r'<th scope="row">[^<]*</th><td class="number">(?:<a[^>]*>)?([1-4])<'
    sum_of_weeks = r'data-label="(?:Last 4 weeks|In all)" class="number">\s*(?:<a[^>]*>)?([1-4])<'
    bar = r'aria-label="[^"]*: ([1-4]) complaints"'
    count = re.compile("|".join((week, sum_of_weeks, bar)))
    pages = ("/", "/themes", *(f"/themes/th_{number}" for number in range(1, 25)))
    assert any(count.search(console.get(address).text) for address in pages)
    for address in pages:
        assert count.search(leader.get(address).text) is None, address


def test_the_least_group_is_a_setting(fresh: Database, world: World) -> None:
    leader = signed_in(fresh, world.workspace, role=Role.AGGREGATE_ONLY, settings=Settings(least_group=9))
    weeks = weeks_of(read(leader, "/themes/th_1"))
    assert "under 9" in weeks
    assert not any(0 < int(week) < 9 for week in weeks if week.isdigit())


def test_bars_of_the_overview_open_nothing_and_show_all_but_small_weeks(leader: TestClient) -> None:
    html = leader.get("/").text
    found = re.findall(r'<g role="img" aria-label="[^"]*: (\d+|under 5) complaints">', html)
    assert len(found) == 26
    assert "<rect" in html


# Verdicts: the word and the effect, not the counts


def test_a_verdict_keeps_its_word_and_loses_its_counts(leader: TestClient, world: World) -> None:
    release = f"/releases/rel_{world.releases['2.3']}"
    page = read(leader, release)
    assert "Complaints about “export stops half-way” fell" in page.text
    assert "Confirmed by mira" in page.text
    for absent in ("Observed", "Expected", "The numbers as a table", "input", "In their words"):
        assert absent not in page.text, absent
    charts = [a["data-chart"] for _, a in page.elements if "data-chart" in a]
    assert charts == ["/themes/th_1/chart.json?scheme=css"]
    assert leader.get(f"{release}/chart.json?theme=th_1").status_code == 403


# Themes behind which too few people stand


@pytest.fixture
def small(fresh: Database, world: World) -> int:
    """A theme of four people, confirmed for release 2.3, that took in another."""
    with fresh.write(workspace=world.workspace) as session:
        theme = factories.theme(session, world.workspace, 50, label="one customer’s secret trouble")
        items = [
            factories.item(
                session,
                world.workspace,
                1,
                external_id=f"S-{n}",
                person=f"p{n % 4}",
                at=NOW.replace(month=10),
            )
            for n in range(9)
        ]
        factories.assign(session, world.workspace, items, theme)
        counts.recompute(
            session, workspace=world.workspace, theme=theme, days={date(2026, 10, 20)}, zone=ZONE
        )
        feature = products.list_features(session, workspace=world.workspace, release=world.releases["2.3"])[0]
        links.add(session, workspace=world.workspace, theme=theme, feature=feature.id, actor="mira", now=NOW)
    return theme


@pytest.mark.parametrize("missing", [0, 1])
def test_the_verdict_on_all_complaints_needs_enough_people_as_well(
    fresh: Database, world: World, missing: int
) -> None:
    with fresh.write(workspace=world.workspace) as session:
        # Items of nobody known: each is a person of its own.
        few = select(FeedbackItem.id).where(FeedbackItem.counted).order_by(FeedbackItem.id)
        kept = session.scalars(few.limit(LEAST - missing)).all()
        session.execute(update(FeedbackItem).where(FeedbackItem.id.not_in(kept)).values(withdrawn=True))
        assert groups.count_people(session, workspace=world.workspace) == LEAST - missing
    leader, viewer = (
        signed_in(fresh, world.workspace, role=role) for role in (Role.AGGREGATE_ONLY, Role.VIEWER)
    )
    address = f"/releases/rel_{world.releases['2.6']}"
    assert ("all complaints together changed" in read(leader, address).text) == (missing == 0)
    assert "all complaints together changed" in read(viewer, address).text


def test_a_small_theme_is_nowhere(leader: TestClient, small: int, world: World) -> None:
    for address in (*SEEN, "/themes?q=secret", f"/releases/rel_{world.releases['2.3']}?theme=th_{small}"):
        html = leader.get(address).text
        assert "secret trouble" not in html, address
        assert f"th_{small}" not in html, address


def test_a_small_theme_answers_like_one_that_never_was(leader: TestClient, small: int) -> None:
    for tail in ("", "/chart.json"):
        one, other = leader.get(f"/themes/th_{small}{tail}"), leader.get(f"/themes/th_9999{tail}")
        assert (one.status_code, other.status_code) == (404, 404)
        assert one.text.replace(f"th_{small}", "th_9999") == other.text


def test_a_small_theme_is_there_for_those_who_read_tickets(fresh: Database, world: World, small: int) -> None:
    viewer = signed_in(fresh, world.workspace, role=Role.VIEWER)
    assert "secret trouble" in read(viewer, f"/themes/th_{small}").text
    assert "secret trouble" in read(viewer, "/themes?q=secret").text


def test_a_release_says_that_a_theme_is_left_out(leader: TestClient, small: int, world: World) -> None:
    text = read(leader, f"/releases/rel_{world.releases['2.3']}").text
    assert "1 confirmed theme is not shown: too few people stand behind it." in text
    assert "export stops half-way" in text


def test_a_theme_that_was_merged_is_not_named(leader: TestClient, console: TestClient) -> None:
    assert "took in “download breaks”" in read(console, "/themes/th_1").text
    text = read(leader, "/themes/th_1").text
    assert "took in another theme" in text
    assert "download breaks" not in text


# A week's total beside the themes of that week


def test_a_week_whose_total_would_tell_a_small_theme_is_a_gap() -> None:
    plain = Cells(MONDAYS, {1: (1, 9), 2: (8, 3)}, (9, 22))
    seen = veil(plain, LEAST)
    assert seen.themes == {1: (None, 9), 2: (8, None)}
    assert seen.totals == (None, 22)
    assert veil(plain, None) == plain
