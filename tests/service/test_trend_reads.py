"""A theme's trend as it is read over HTTP: steps, gaps, accounts, cuts, bounds."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from fastapi.testclient import TestClient

from models.database import Database
from models.queries import counts, goals, silence
from models.records import ThemeStreamState
from models.sources.rhythm import Mark
from models.values.kinds import Kind
from tests import factories
from tests.clock import NOON
from tests.service.reading import World, number_of, stock


@pytest.fixture
def world(database: Database, workspace: int) -> World:
    return stock(database, workspace)


def test_a_trend_adds_days_up_and_leaves_silent_days_out(
    client: TestClient, world: World, database: Database, workspace: int
) -> None:
    query = {"period": "week", "since": "2026-05-25", "until": "2026-06-08"}
    trend = client.get(f"/v1/themes/{world['main']}/trend", params=query).json()
    first, second = trend["points"]
    assert (first["start"], first["complaints"], first["people"], first["exposure"]) == (
        "2026-05-25",
        7,
        7,
        3500.0,
    )
    assert (first["rate"], first["complete"]) == (2.0, True)
    assert (second["complaints"], second["exposure"], second["rate"], second["complete"]) == (
        0,
        None,
        None,
        False,
    )
    with database.write(workspace=workspace) as session:
        row = {
            "key": "s",
            "kind": "source_silent",
            "title": "x",
            "starts_at": factories.noon(-6),
            "ends_at": factories.noon(-6) + timedelta(hours=1),
        }
        goals.put_event(session, workspace=workspace, row=row, now=NOON)
    days = client.get(f"/v1/themes/{world['main']}/trend", params={**query, "period": "day"}).json()["points"]
    assert [point["complaints"] for point in days[:3]] == [1, None, 1]
    months = client.get(f"/v1/themes/{world['main']}/trend", params={**query, "period": "month"}).json()[
        "points"
    ]
    assert [(point["start"], point["complaints"]) for point in months] == [
        ("2026-05-01", None),
        ("2026-06-01", 0),
    ]


def test_a_trend_tells_accounts_and_their_arr_once_in_a_step(
    client: TestClient, world: World, database: Database, workspace: int
) -> None:
    accounts = [{"key": "acme", "arr_usd": 9000}, {"key": "blot", "arr_usd": 500}]
    client.put("/v1/accounts", json={"accounts": accounts})
    query = {"since": "2026-05-25", "until": "2026-06-01"}
    path = f"/v1/themes/{world['main']}/trend"
    week = client.get(path, params=query).json()
    assert [(each["accounts"], each["arr_usd"]) for each in week["points"]] == [(1, 9000.0)]
    days = client.get(path, params={**query, "period": "day"}).json()["points"]
    # Four days of acme's: added up they would tell four times what it is.
    assert [each["accounts"] for each in days] == [1, 0, 1, 0, 1, 0, 1]
    assert [each["arr_usd"] for each in days[:2]] == [9000.0, 0.0]
    assert "do not add" in week["note"]
    with database.write(workspace=workspace) as session:
        stream = ThemeStreamState(workspace_id=workspace, version=1, revision=7, state={})
        session.add(stream)
    assert client.get(path, params=query).json()["revision"] == 7
    assert week["places"] == {
        "complaints": 7, "unassigned": 0, "unassigned_share": 0.0,
        "unsupported_language": 0, "unsupported_language_share": 0.0,
    }  # fmt: skip


def test_accounts_without_a_known_arr_have_none(client: TestClient, world: World) -> None:
    query = {"since": "2026-05-25", "until": "2026-06-01"}
    (week,) = client.get(f"/v1/themes/{world['main']}/trend", params=query).json()["points"]
    assert (week["accounts"], week["arr_usd"]) == (1, None)


def test_a_trend_is_cut_by_source_channel_kind_and_plan(
    client: TestClient, world: World, database: Database, workspace: int
) -> None:
    with database.write(workspace=workspace) as session:
        other = factories.source(session, workspace, name="chat")
        for number in range(3):
            item = factories.item(
                session, workspace, other, external_id=f"C{number}", at=factories.noon(-5), person=f"c{number}",
                channel="chat", plan="free", kind=Kind.REQUEST if number else Kind.COMPLAINT,
            )  # fmt: skip
            factories.assign(session, workspace, [item], number_of(world["main"]))
        days = {factories.day(-5)}
        counts.recompute(
            session, workspace=workspace, theme=number_of(world["main"]), days=days, zone=ZoneInfo("UTC")
        )

    def week(**cut: str) -> tuple[int, int]:
        query = {"since": "2026-05-25", "until": "2026-06-01", **cut}
        (found,) = client.get(f"/v1/themes/{world['main']}/trend", params=query).json()["points"]
        return found["complaints"], found["people"]

    assert week() == (8, 8)
    assert week(source=world["source"]) == (7, 7)
    assert week(source=f"src_{other}") == week(channel="chat") == (1, 1)
    assert week(kind="request") == (2, 2)
    assert week(kind="request", source=world["source"]) == (0, 0)
    assert week(channel="chat", segment="plan:free") == (1, 1)
    assert week(channel="chat", segment="team") == (0, 0)
    answer = client.get(f"/v1/themes/{world['main']}/trend", params={"source": "src_999"})
    assert answer.status_code == 404


def test_a_silence_of_one_source_is_no_gap_of_another(
    client: TestClient, world: World, database: Database, workspace: int
) -> None:
    with database.write(workspace=workspace) as session:
        other = factories.source(session, workspace, name="chat")
        marked = {factories.day(-5): Mark(9.0, is_firm=True)}
        silence.write_marks(
            session, workspace=workspace, source=number_of(world["source"]), wanted=marked, now=NOON
        )
    query = {"since": "2026-05-25", "until": "2026-06-01"}

    def week(**cut: str) -> int | None:
        (found,) = client.get(f"/v1/themes/{world['main']}/trend", params={**query, **cut}).json()["points"]
        assert (found["accounts"] is None) == (found["complaints"] is None)
        complaints: int | None = found["complaints"]
        return complaints

    assert (week(), week(source=world["source"]), week(source=f"src_{other}")) == (None, None, 0)


@pytest.mark.parametrize(
    "query",
    [
        {"period": "day", "until": "9999-12-31"},
        {"period": "week", "since": "0001-01-01"},
        {"period": "month", "since": "9999-12-31", "until": "9999-12-31"},
        {"period": "month", "since": "2010-01-01"},
    ],
)
def test_a_trend_over_all_time_is_refused_and_not_an_error(
    client: TestClient, world: World, query: dict[str, str]
) -> None:
    answer = client.get(f"/v1/themes/{world['main']}/trend", params=query)
    assert (answer.status_code, answer.json()["field"]) == (422, "since")
