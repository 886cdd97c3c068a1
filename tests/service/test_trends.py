"""`/v1/trends`: how themes moved, the windows, the shares in no theme, and who may see what of it."""

from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import update

from models.database import Database
from models.queries import goals, scope, themes
from models.records import FeedbackItem
from models.sources.scope import Act, Fact, Rule
from models.values.roles import Role
from tests import factories, moving_world
from tests.clock import NOON, Clock
from tests.moving_world import CALM, UNTIL, World, add, count, expose

ONE_DATABASE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
"""What is asked of both databases stands in the first tests; the rest asks the same functions."""


@pytest.fixture
def world(database: Database, workspace: int) -> World:
    return moving_world.build(database, workspace)


def ask(client: TestClient, **query: str | int) -> dict[str, Any]:
    answer = client.get("/v1/trends", params=query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def by_label(answer: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {each["label"]: each for each in answer["items"]}


def test_every_theme_says_how_it_moved_and_why(client: TestClient, world: World) -> None:
    answer = ask(client)
    found = by_label(answer)
    assert {label: (each["movement"], each["reasons"]) for label, each in found.items()} == {
        "steady": ("steady", ["within_baseline"]),
        "growing": ("growing", ["beyond_baseline"]),
        "fading": ("fading", ["beyond_baseline"]),
        "new": ("new", ["first_seen"]),
        "returned": ("returned", ["after_quiet"]),
        "thin": ("cannot_tell", ["thin"]),
    }
    assert answer["recent"] == {"since": "2026-04-27", "until": "2026-05-25", "weeks": 4}
    assert answer["baseline"] == {"since": "2025-10-27", "until": "2026-04-27", "weeks": 26}
    assert (answer["tested"], answer["false_discovery_rate"], answer["next_cursor"]) == (3, 0.1, None)
    grown = found["growing"]
    assert (grown["theme"], grown["recent"]["complaints"], grown["recent"]["weeks"]) == (
        f"th_{world.themes['growing']}", 70, 4,
    )  # fmt: skip
    assert grown["recent"]["rate"] == 17.5
    assert 1 < grown["low"] < grown["ratio"] < grown["high"]
    assert grown["p_value"] <= grown["q_value"] <= 0.1


def test_complaints_in_no_theme_and_in_unsupported_languages_are_always_told(
    client: TestClient, database: Database, world: World
) -> None:
    with database.write(workspace=world.workspace) as session:
        add(session, world.workspace, world.source, [1] * 40, theme=None, name="loose")
        add(session, world.workspace, world.source, [2] * 40, theme=None, name="fremd", language="de")
    answer = ask(client)
    placed = sum(sum(weeks[-4:]) for weeks in moving_world.THEMES.values())
    assert answer["recent_places"] == {
        "complaints": placed + 12,
        "unassigned": 12,
        "unassigned_share": pytest.approx(12 / (placed + 12)),
        "unsupported_language": 8,
        "unsupported_language_share": pytest.approx(8 / (placed + 12)),
    }
    assert answer["baseline_places"]["unassigned"] == 78


@ONE_DATABASE
def test_new_and_returned_themes_have_no_percentage(client: TestClient, world: World) -> None:
    found = by_label(ask(client))
    for label in ("new", "returned", "thin"):
        assert [found[label][name] for name in ("ratio", "low", "high", "p_value", "q_value")] == [None] * 5
    assert found["new"]["first_seen"] == "2026-04-20"
    assert found["new"]["sentence"] == (
        "First seen on 20 Apr 2026; 12 complaints since. It has no past to be compared with."
    )
    assert "5 complaints in these 4 weeks, after 20 weeks without any" in found["returned"]["sentence"]


@ONE_DATABASE
def test_counts_are_said_to_be_counts_and_rates_take_growth_out(
    client: TestClient, database: Database, world: World
) -> None:
    before = ask(client)
    assert before["unit"] == "complaints per week"
    assert any("counts are compared and not rates" in each for each in before["warnings"])
    expose(database, world.workspace)
    after = ask(client)
    assert after["unit"] == "complaints per 1,000 customer-days"
    assert not any("counts are compared" in each for each in after["warnings"])
    one, other = by_label(before)["growing"], by_label(after)["growing"]
    assert other["recent"]["rate"] == pytest.approx(1000 * 70 / (28 * 900))
    assert [other[name] for name in ("ratio", "low", "p_value")] == pytest.approx(
        [one[name] for name in ("ratio", "low", "p_value")]
    )


@ONE_DATABASE
def test_twice_the_customers_take_a_doubling_away(
    client: TestClient, database: Database, workspace: int
) -> None:
    moving_world.build(database, workspace, themes={"doubled": [*CALM[:-4], 12, 11, 12, 13]})
    assert by_label(ask(client))["doubled"]["movement"] == "growing"
    expose(database, workspace, daily=1800.0)
    expose(database, workspace, daily=900.0, until=moving_world.RECENT)
    assert by_label(ask(client))["doubled"]["movement"] == "steady"


@ONE_DATABASE
def test_a_week_with_a_silent_day_is_left_out_whole(
    client: TestClient, database: Database, world: World
) -> None:
    at = moving_world.at(UNTIL - timedelta(days=3))
    row = {
        "key": "s",
        "kind": "source_silent",
        "title": "x",
        "starts_at": at,
        "ends_at": at + timedelta(hours=1),
    }
    with database.write(workspace=world.workspace) as session:
        goals.put_event(session, workspace=world.workspace, row=row, now=NOON)
    found = by_label(ask(client))
    assert (found["growing"]["recent"]["complaints"], found["growing"]["recent"]["weeks"]) == (50, 3)
    assert found["growing"]["movement"] == "growing"
    with database.write(workspace=world.workspace) as session:
        wider = {**row, "key": "t", "starts_at": at - timedelta(weeks=3)}
        goals.put_event(session, workspace=world.workspace, row=wider, now=NOON)
    found = by_label(ask(client))
    assert (found["growing"]["movement"], found["growing"]["reasons"]) == ("cannot_tell", ["source_gap"])
    assert found["growing"]["ratio"] is None


@ONE_DATABASE
def test_kinds_decided_by_another_version_are_not_compared(
    client: TestClient, database: Database, world: World
) -> None:
    with database.write(workspace=world.workspace) as session:
        session.execute(update(FeedbackItem).values(kind_version="kind-1"))
        later = FeedbackItem.ticket_created_at >= moving_world.at(moving_world.RECENT)
        grown = FeedbackItem.external_id.like("growing-%")
        session.execute(update(FeedbackItem).where(later, grown).values(kind_version="kind-2"))
    found = by_label(ask(client))
    assert (found["growing"]["movement"], found["growing"]["reasons"]) == ("cannot_tell", ["kind_changed"])
    assert found["fading"]["movement"] == "fading"


@ONE_DATABASE
def test_rules_that_not_all_tickets_follow_yet_make_nothing_comparable(
    client: TestClient, database: Database, world: World
) -> None:
    rule = Rule("no chat", Act.EXCLUDE, Fact.CHANNEL, ("chat",))
    with database.write(workspace=world.workspace) as session:
        scope.put_rules(
            session, workspace=world.workspace, source=world.source, rules=[rule], fields={}, author="mira",
            expected=None, now=NOON,
        )  # fmt: skip
    found = by_label(ask(client))
    assert {tuple(each["reasons"]) for each in found.values()} == {("definition_changed",)}


@ONE_DATABASE
def test_a_fall_that_complaints_in_no_theme_match_is_told(
    client: TestClient, database: Database, world: World
) -> None:
    assert by_label(ask(client))["fading"]["unassigned_rose"] is False
    with database.write(workspace=world.workspace) as session:
        add(session, world.workspace, world.source, [0] * 36 + [6, 6, 6, 6], theme=None, name="loose")
    answer = ask(client)
    fading = by_label(answer)["fading"]
    assert (fading["movement"], fading["unassigned_rose"]) == ("fading", True)
    assert "may only be placed elsewhere" in fading["sentence"]
    assert any("a fall that they match is no fall" in each for each in answer["warnings"])
    assert by_label(answer)["growing"]["unassigned_rose"] is False


@ONE_DATABASE
def test_a_rise_of_complaints_in_no_theme_is_told_without_a_fall(
    client: TestClient, database: Database, workspace: int
) -> None:
    world = moving_world.build(database, workspace, themes={"steady": CALM})
    with database.write(workspace=workspace) as session:
        add(session, workspace, world.source, [0] * 36 + [7, 7, 7, 7], theme=None, name="loose")
    assert "Complaints in no theme rose from 0% to 54% of all." in ask(client)["warnings"]


@ONE_DATABASE
def test_windows_are_chosen_and_moved_to_whole_weeks(client: TestClient, world: World) -> None:
    answer = ask(client, weeks=8, until="2026-05-21")
    assert answer["recent"] == {"since": "2026-03-23", "until": "2026-05-18", "weeks": 8}
    assert by_label(answer)["growing"]["recent"]["complaints"] == sum(moving_world.THEMES["growing"][31:39])
    assert ask(client, until="2199-12-31")["recent"]["until"] == "2026-05-25"
    early = ask(client, until="2025-08-25")
    assert {each["movement"] for each in early["items"]} == {"cannot_tell"}
    assert ask(client, until="2020-01-01")["recent"] is None


@ONE_DATABASE
@pytest.mark.parametrize(
    ("query", "field"),
    [({"weeks": "1"}, "weeks"), ({"until": "0001-01-01"}, "until"), ({"movement": "up"}, "movement")],
)
def test_windows_that_cannot_be_are_refused(
    client: TestClient, world: World, query: dict[str, str], field: str
) -> None:
    answer = client.get("/v1/trends", params=query)
    assert (answer.status_code, answer.json()["field"]) == (422, field)


@ONE_DATABASE
def test_a_filter_leaves_q_values_as_they_are_and_pages_go_on(client: TestClient, world: World) -> None:
    whole = ask(client)
    (only,) = ask(client, movement="growing")["items"]
    assert only == by_label(whole)["growing"]
    order = [each["label"] for each in whole["items"]]
    assert order[:2] == ["growing", "steady"], "busiest first, never by outcome"
    first = ask(client, limit=4)
    second = ask(client, limit=4, cursor=first["next_cursor"])
    assert [each["label"] for each in first["items"] + second["items"]] == order


@ONE_DATABASE
def test_a_plan_is_compared_by_itself(client: TestClient, database: Database, world: World) -> None:
    with database.write(workspace=world.workspace) as session:
        session.execute(
            update(FeedbackItem).where(FeedbackItem.external_id.like("steady-%")).values(plan="team")
        )
        count(session, world.workspace, world.themes.values())
    answer = ask(client, segment="team")
    assert by_label(answer)["steady"]["movement"] == "steady"
    assert by_label(answer)["growing"]["reasons"] == ["thin"]
    assert answer["recent_places"]["complaints"] == sum(CALM[-4:])


@ONE_DATABASE
def test_before_the_first_whole_week_there_is_nothing(client: TestClient, workspace: int) -> None:
    answer = ask(client)
    assert (answer["items"], answer["recent"], answer["recent_places"]) == ([], None, None)


@pytest.mark.parametrize("hour", [18, 19])
def test_days_are_those_of_the_workspaces_zone(client: TestClient, database: Database, hour: int) -> None:
    """On Sunday at 19:00 UTC it is half past midnight on Monday in Kolkata: the week is over."""
    workspace = factories.workspace(database, time_zone="Asia/Kolkata")
    weeks = [*CALM[:-1], 7]
    moving_world.build(database, workspace, themes={"steady": weeks}, zone="Asia/Kolkata")
    late = FeedbackItem.external_id == "steady-39-6"
    with database.write(workspace=workspace) as session:
        sunday = moving_world.at(UNTIL - timedelta(days=1)).replace(hour=hour)
        session.execute(
            update(FeedbackItem)
            .where(late, FeedbackItem.workspace_id == workspace)
            .values(ticket_created_at=sunday)
        )
        (theme,) = themes.active_themes(session, workspace=workspace)
        count(session, workspace, [theme.id], "Asia/Kolkata")
        # So that the last day is complete in either case.
        source = factories.source(session, workspace, name="other")
        add(session, workspace, source, [0] * 40 + [1], theme=None, name="next")
    headers = {"Authorization": f"Bearer {factories.key(database, workspace)}"}
    answer = client.get("/v1/trends", headers=headers).json()
    expected = sum(weeks[-4:]) - (hour == 19)
    assert answer["items"][0]["recent"]["complaints"] == expected
    assert answer["recent_places"]["complaints"] == expected


# --- aggregates only ------------------------------------------------------------------------------------------


@pytest.fixture
def leader(client: TestClient, database: Database, world: World) -> dict[str, str]:
    return {"Authorization": f"Bearer {factories.key(database, world.workspace, role=Role.AGGREGATE_ONLY)}"}


@ONE_DATABASE
def test_leaders_get_what_the_weeks_they_are_shown_tell(
    client: TestClient, world: World, leader: dict[str, str]
) -> None:
    answer = client.get("/v1/trends", headers=leader).json()
    found = by_label(answer)
    # Every week has five complaints or more, or none.
    assert (found["growing"]["movement"], found["growing"]["recent"]["complaints"]) == ("growing", 70)
    for label in ("fading", "new", "returned"):
        assert found[label]["reasons"] == ["hidden"]
        assert found[label]["recent"] == {
            "complaints": None,
            "weeks": found[label]["recent"]["weeks"],
            "rate": None,
        }
        assert found[label]["p_value"] is None
    assert "thin" not in found, "two people"
    assert (answer["recent_places"], answer["baseline_places"]) == (None, None)
    assert any("aggregates only" in each for each in answer["warnings"])


@ONE_DATABASE
def test_hidden_weeks_change_nothing_that_leaders_are_told(
    client: TestClient, database: Database, world: World, leader: dict[str, str]
) -> None:
    """One complaint more in a hidden week leaves the whole answer as it was: nothing of it can be solved for."""
    before = [client.get("/v1/trends", headers=leader, params={"weeks": weeks}).json() for weeks in (2, 4, 9)]
    with database.write(workspace=world.workspace) as session:
        for name, week in (("new", 35), ("new", 39), ("fading", 37), ("returned", 36)):
            weeks = [0] * week + [1]
            add(
                session,
                world.workspace,
                world.source,
                weeks,
                theme=world.themes[name],
                name=f"more-{name}-{week}",
            )
        count(session, world.workspace, world.themes.values())
    after = [client.get("/v1/trends", headers=leader, params={"weeks": weeks}).json() for weeks in (2, 4, 9)]
    assert before == after


@ONE_DATABASE
def test_leaders_get_no_plans(client: TestClient, leader: dict[str, str]) -> None:
    answer = client.get("/v1/trends", headers=leader, params={"segment": "team"})
    assert (answer.status_code, answer.json()["field"]) == (422, "segment")


@ONE_DATABASE
def test_the_week_that_is_not_complete_moves_nothing(
    client: TestClient, database: Database, world: World, clock: Clock
) -> None:
    with database.write(workspace=world.workspace) as session:
        add(session, world.workspace, world.source, [0] * 40 + [50], theme=world.themes["steady"], name="now")
        count(session, world.workspace, world.themes.values())
    assert ask(client)["recent"]["until"] == "2026-05-25"
    clock.advance(days=3)
    answer = ask(client)
    assert answer["recent"]["until"] == "2026-06-01"
    assert by_label(answer)["steady"]["movement"] == "growing"
