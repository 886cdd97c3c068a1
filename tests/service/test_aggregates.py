"""Aggregates only: an attacker who asks everything and subtracts learns no small count, nor anybody's words."""

import itertools
import json
from collections import defaultdict
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from fastapi.testclient import TestClient

from models.database import Database
from models.queries import counts, impact, links
from models.values.feedback import AuthorRole
from models.values.kinds import Kind
from models.values.roles import Permission, Role
from service import movements
from service.api import aggregates
from service.api.shapes.themes import TrendPoint
from tests import attacker, factories
from tests.attacker import (
    LEAST,
    MONDAY,
    TODAY,
    Reader,
    World,
    ask_impact,
    ask_movements,
    ask_totals,
    ask_weeks,
    attack,
    reader,
)
from tests.clock import NOON, Clock
from tests.verdicts import verdict_row

ONE_DATABASE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
"""What is asked of both databases stands in the attack; the rest asks the same functions."""


@pytest.fixture
def world(database: Database, workspace: int) -> World:
    """The world that is attacked."""
    return attacker.build(database, workspace)


def test_an_attacker_who_subtracts_learns_no_small_count(
    client: TestClient, database: Database, world: World
) -> None:
    assert attack(reader(client, database, world, Role.AGGREGATE_ONLY), world) == set()


@ONE_DATABASE
def test_each_rule_is_needed(
    client: TestClient, database: Database, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert attack(reader(client, database, world, Role.VIEWER), world) == {1, 2, 3, 4}
    ask = reader(client, database, world, Role.AGGREGATE_ONLY)
    with monkeypatch.context() as patch:
        patch.setattr(aggregates, "check_period", lambda period: None)
        assert attack(ask, world)
    with monkeypatch.context() as patch:
        patch.setattr(aggregates, "_is_shown_split", lambda parts, whole, least: parts[0].complaints >= least)
        assert attack(ask, world)
    with monkeypatch.context() as patch:
        patch.setattr(
            aggregates, "_blank", lambda point: point.model_copy(update={"complaints": None, "rate": None})
        )
        assert attack(ask, world)
    with monkeypatch.context() as patch:
        patch.setattr(aggregates, "summary", lambda answer, days, today, least: answer)
        patch.setattr(aggregates, "busiest_first", list)
        assert attack(ask, world, ask_weeks, ask_totals)
    with monkeypatch.context() as patch:
        patch.setattr(aggregates, "verdict", lambda answer: answer)
        assert attack(ask, world, ask_weeks, ask_impact)
    with monkeypatch.context() as patch:
        patch.setattr(movements, "mask", lambda count, least: count)
        assert attack(ask, world, ask_movements)
    assert attack(ask, world, ask_weeks, ask_totals, ask_movements, ask_impact) == set()


# --- what is shown --------------------------------------------------------------------------------------------


def weeks_of(ask: Reader, theme: str, **query: str) -> list[int | None]:
    bounds = {"since": str(MONDAY), "until": str(TODAY)}
    return [each["complaints"] for each in ask(f"/v1/themes/{theme}/trend", **{**bounds, **query})["points"]]


@pytest.fixture
def ask(client: TestClient, database: Database, world: World) -> Reader:
    """Ask as somebody who may see aggregates only."""
    return reader(client, database, world, Role.AGGREGATE_ONLY)


@ONE_DATABASE
def test_whole_weeks_of_at_least_five_are_shown_and_totals_are_their_sums(ask: Reader, world: World) -> None:
    weeks = weeks_of(ask, world.large)
    assert weeks == [6, None, 11, 10, 0, 7, 18, 6]
    (listed,) = ask("/v1/themes")["items"]
    assert (listed["size"], listed["complaints"], listed["recent_complaints"]) == (None, 58, 31)
    detail = ask(f"/v1/themes/{world.large}")
    assert {**detail, **listed} == detail
    assert (detail["kinds"], detail["quotes"], detail["label"]) == (None, [], "export fails")


@ONE_DATABASE
def test_a_segment_is_shown_where_no_part_of_the_split_is_small(ask: Reader, world: World) -> None:
    assert weeks_of(ask, world.large, segment="free") == [6, None, None, None, 0, None, 7, None]
    assert weeks_of(ask, world.large, segment="plan:team") == [0, None, None, None, 0, None, 6, None]
    points = ask(f"/v1/themes/{world.large}/trend", segment="team")["points"]
    assert all(point["people"] is None for point in points)


@ONE_DATABASE
def test_the_week_that_is_not_over_is_not_shown(ask: Reader, world: World, clock: Clock) -> None:
    clock.advance(days=-1)
    assert weeks_of(ask, world.large)[-2:] == [18, None]
    assert ask("/v1/themes")["items"][0]["complaints"] == 52
    clock.advance(days=1)
    assert weeks_of(ask, world.large)[-2:] == [18, 6]


@ONE_DATABASE
@pytest.mark.parametrize("period", ["day", "month"])
def test_days_and_months_are_refused(
    client: TestClient, database: Database, world: World, period: str
) -> None:
    headers = {
        "Authorization": f"Bearer {factories.key(database, world.workspace, role=Role.AGGREGATE_ONLY)}"
    }
    answer = client.get(f"/v1/themes/{world.large}/trend", params={"period": period}, headers=headers)
    assert (answer.status_code, answer.json()["field"]) == (422, "period")


@ONE_DATABASE
@pytest.mark.parametrize(
    ("field", "value"), [("source", "src_1"), ("channel", "mail"), ("kind", "request"), ("kind", "complaint")]
)
def test_cuts_by_source_channel_and_kind_are_refused(
    client: TestClient, database: Database, world: World, field: str, value: str
) -> None:
    path = f"/v1/themes/{world.large}/trend"
    assert client.get(path, params={field: value}).status_code == 200
    headers = {
        "Authorization": f"Bearer {factories.key(database, world.workspace, role=Role.AGGREGATE_ONLY)}"
    }
    answer = client.get(path, params={field: value}, headers=headers)
    assert (answer.status_code, answer.json()["field"]) == (422, field)


@ONE_DATABASE
def test_accounts_and_what_no_theme_holds_are_not_shown(
    client: TestClient, database: Database, ask: Reader, world: World
) -> None:
    bounds = {"since": str(MONDAY), "until": str(TODAY)}
    path = f"/v1/themes/{world.large}/trend"
    told, whole = ask(path, **bounds), client.get(path, params=bounds).json()
    assert all(each["accounts"] == 0 for each in whole["points"])
    assert whole["places"]["complaints"] > 0
    assert all((each["accounts"], each["arr_usd"]) == (None, None) for each in told["points"])
    assert told["places"] is None


PARTS = ("", "/trend", "/lineage")


def test_a_theme_of_too_few_people_is_not_there(
    client: TestClient, database: Database, ask: Reader, world: World
) -> None:
    headers = {
        "Authorization": f"Bearer {factories.key(database, world.workspace, role=Role.AGGREGATE_ONLY)}"
    }
    for part in PARTS:
        hidden = client.get(f"/v1/themes/{world.small}{part}", headers=headers)
        unknown = client.get(f"/v1/themes/th_999{part}", headers=headers)
        assert (hidden.status_code, unknown.status_code) == (404, 404)
        told = [each.json()["detail"].replace(world.small, "th_999") for each in (hidden, unknown)]
        assert told[0] == told[1]
        assert client.get(f"/v1/themes/{world.small}{part}").status_code == 200
    impact_path = f"/v1/releases/{world.release}/impact"
    assert client.get(impact_path, params={"theme": world.small}, headers=headers).status_code == 404
    assert client.get("/v1/links", params={"theme": world.small}, headers=headers).status_code == 404
    assert [each["id"] for each in ask("/v1/themes")["items"]] == [world.large]
    assert ask("/v1/themes", q="invoice")["items"] == []
    assert [each["theme"]["id"] for each in ask(impact_path)["verdicts"]] == [world.large]
    assert [each["theme"] for each in ask("/v1/links")["items"]] == [world.large]
    suggested = ask(f"/v1/releases/{world.release}/link-suggestions")["items"]
    assert [each["link"]["theme"] for each in suggested] == [world.large]


@ONE_DATABASE
def test_the_fifth_person_makes_a_theme_appear(ask: Reader, world: World, database: Database) -> None:
    with database.write(workspace=world.workspace) as session:
        at = NOON - timedelta(days=9)
        item = factories.item(session, world.workspace, 1, external_id="last", person="new", at=at)
        theme = int(world.small.removeprefix("th_"))
        factories.assign(session, world.workspace, [item], theme)
        counts.recompute(
            session, workspace=world.workspace, theme=theme, days={at.date()}, zone=ZoneInfo("UTC")
        )
    assert [each["id"] for each in ask("/v1/themes")["items"]] == [world.large, world.small]
    shown = ask(f"/v1/themes/{world.small}")
    assert (shown["label"], shown["complaints"], shown["recent_complaints"]) == (
        "invoice of Jane Roe",
        None,
        None,
    )


@ONE_DATABASE
def test_no_answer_holds_customers_words_items_or_accounts(ask: Reader, world: World) -> None:
    paths = [f"/v1/themes/{world.large}{part}" for part in PARTS]
    paths += ["/v1/themes", "/v1/links", "/v1/features", "/v1/releases", "/v1/events"]
    paths += [f"/v1/releases/{world.release}{part}" for part in ("", "/impact", "/link-suggestions")]
    for path in paths:
        told = json.dumps(ask(path))
        assert told != "null"
        assert not any(word in told for word in ("Jane", "fb_", "The export", "Shared words")), path
    for path in ("/v1/feedback", "/v1/sources", *(f"{paths[0]}/{part}" for part in ("quotes", "accounts"))):
        assert ask(path) is None, path


@ONE_DATABASE
def test_a_verdict_keeps_its_word_and_a_rounded_effect(ask: Reader, world: World) -> None:
    (verdict,) = ask(f"/v1/releases/{world.release}/impact")["verdicts"]
    assert (verdict["verdict"], verdict["effect"], verdict["low"]) == ("fell", 0.12, 0.4)
    assert [verdict[name] for name in ("observed", "expected", "input_hash")] == [None] * 3
    assert verdict["quotes"] == []


@pytest.mark.parametrize("people", [LEAST - 1, LEAST])
def test_the_verdict_on_all_complaints_needs_enough_people_as_well(
    client: TestClient, database: Database, workspace: int, people: int
) -> None:
    with database.write(workspace=workspace) as session:
        source = factories.source(session, workspace)
        for number in range(9):
            # In no theme: the verdict on all complaints counts these too.
            factories.item(session, workspace, source, external_id=f"T{number}", person=f"p{number % people}")
        others = {"author_role": AuthorRole.AGENT, "kind": Kind.COMPLAINT}, {"kind": Kind.PRAISE}
        for number, chosen in enumerate(others):
            factories.item(
                session, workspace, source, external_id=f"O{number}", person=f"o{number}", **chosen
            )
        release = factories.release(session, workspace)
        impact.write_verdict(session, workspace=workspace, row=verdict_row(release, impact.TOTAL))
    path = f"/v1/releases/rel_{release}/impact"
    assert len(client.get(path).json()["verdicts"]) == 1
    key = factories.key(database, workspace, role=Role.AGGREGATE_ONLY)
    told = client.get(path, headers={"Authorization": f"Bearer {key}"}).json()["verdicts"]
    assert [(each["theme"], each["observed"]) for each in told] == ([(None, None)] if people == LEAST else [])


@ONE_DATABASE
def test_links_are_paged_without_gaps_where_some_are_hidden(
    ask: Reader, world: World, database: Database
) -> None:
    large, small = (int(each.removeprefix("th_")) for each in (world.large, world.small))
    with database.write(workspace=world.workspace) as session:
        for number in range(6):
            feature = factories.feature(session, world.workspace, name=f"f{number}", of="1.0")
            for theme in (small, large) if number % 3 else (small,):
                links.add(
                    session, workspace=world.workspace, theme=theme, feature=feature, actor="a", now=NOON
                )
    seen: list[str] = []
    page = ask("/v1/links", limit="2")
    while page["next_cursor"] is not None:
        assert len(page["items"]) == 2
        seen += [each["id"] for each in page["items"]]
        page = ask("/v1/links", limit="2", cursor=page["next_cursor"])
    seen += [each["id"] for each in page["items"]]
    assert seen == [each["id"] for each in ask("/v1/links")["items"]]
    assert len(seen) == 5


@ONE_DATABASE
def test_a_key_narrowed_to_numbers_sees_no_more(client: TestClient, ask: Reader, world: World) -> None:
    body = {"name": "wall", "role": "viewer", "scopes": [Permission.READ_NUMBERS]}
    headers = {"Authorization": f"Bearer {client.post('/v1/keys', json=body).json()['key']}"}
    for path in ("/v1/themes", f"/v1/themes/{world.large}", f"/v1/releases/{world.release}/impact"):
        assert client.get(path, headers=headers).json() == ask(path)


@ONE_DATABASE
def test_merged_themes_lead_on_only_where_the_one_that_stands_is_shown(
    client: TestClient, database: Database, ask: Reader, world: World
) -> None:
    large, small = (int(each.removeprefix("th_")) for each in (world.large, world.small))
    with database.write(workspace=world.workspace) as session:
        into_large = factories.theme(session, world.workspace, 7, into=large)
        into_small = factories.theme(session, world.workspace, 8, into=small)
        factories.merge(session, world.workspace, 7, 1)
    headers = {
        "Authorization": f"Bearer {factories.key(database, world.workspace, role=Role.AGGREGATE_ONLY)}"
    }
    assert client.get(f"/v1/themes/th_{into_large}", headers=headers).status_code == 308
    assert client.get(f"/v1/themes/th_{into_small}", headers=headers).status_code == 404
    events = ask(f"/v1/themes/{world.large}/lineage")["events"]
    assert [each["items"] for each in events] == [None]


# --- the rules by themselves ------------------------------------------------------------------------------------


def point(count: int | None, *, complete: bool = True) -> TrendPoint:
    return TrendPoint(
        start=MONDAY,
        complaints=count,
        people=count,
        accounts=count,
        arr_usd=count,
        exposure=None,
        rate=None,
        complete=complete,
    )


@pytest.mark.parametrize("least", [3, 4, 5])
@pytest.mark.parametrize("named", [1, 2, 3])
def test_no_week_of_a_split_can_be_worked_out_even_by_who_knows_the_rules(least: int, named: int) -> None:
    """Go through every split up to a size: what is published always leaves a small count at least two values."""
    possible: dict[object, list[tuple[int, ...]]] = defaultdict(list)
    for split in itertools.product(range(least + 2), repeat=named + 1):
        whole = [point(sum(split))]
        parts = [[point(count)] for count in split[:named]]
        published = [aggregates.trend(whole, least=least)[0].complaints]
        for at, own in enumerate(parts):
            others = [part for place, part in enumerate(parts) if place != at]
            published.append(aggregates.segment_trend(own, others, whole, least=least)[0].complaints)
        possible[tuple(published)].append(split)
    for same in possible.values():
        sums = [
            {sum(split[at] for at in places) for split in same}
            for size in range(1, named + 2)
            for places in itertools.combinations(range(named + 1), size)
        ]
        assert not any(len(values) == 1 and 0 < next(iter(values)) < least for values in sums)


def test_gaps_and_weeks_to_come_stay_empty() -> None:
    told = aggregates.trend([point(None), point(9, complete=False), point(9), point(0)], least=LEAST)
    assert [each.complaints for each in told] == [None, None, 9, 0]
    assert [each.people for each in told] == [None, None, 9, 0]
    split = aggregates.segment_trend([point(9)], [[point(9)]], [point(18)], least=LEAST)
    assert split[0].complaints == 9
    assert {(each.accounts, each.arr_usd) for each in (*told, *split)} == {(None, None)}
    gap = aggregates.segment_trend([point(None)], [], [point(None)], least=LEAST)
    assert gap[0].complaints is None
    few = point(9).model_copy(update={"people": LEAST - 1})
    (told_of_few,) = aggregates.trend([few], least=LEAST)
    assert (told_of_few.complaints, told_of_few.people) == (9, None)


def test_sums_are_nothing_where_nothing_may_be_shown() -> None:
    assert aggregates.total([None, None]) is None
    assert aggregates.total([0, None]) is None
    assert aggregates.total([0, 0]) == aggregates.total([]) == 0
    assert aggregates.total([6, None, 0]) == 6
