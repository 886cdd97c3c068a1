"""What is read over HTTP of feedback and themes: items, lists, pages, quotes, accounts; ids that never break."""

import pytest
from fastapi.testclient import TestClient

from models.database import Database
from models.queries import links
from models.values.kinds import Kind
from tests import factories
from tests.clock import NOON
from tests.service.reading import World, items, number_of, stock


@pytest.fixture
def world(database: Database, workspace: int) -> World:
    return stock(database, workspace)


def test_an_item_shows_what_is_stored_and_nothing_missing(client: TestClient, world: World) -> None:
    (item,) = items(client, "/v1/feedback", external_id="T-7")
    assert item == {
        "id": world["first_item"],
        "source": world["source"],
        "external_id": "T-7",
        "message_id": "0",
        "created_at": "2026-05-25T12:00:00Z",
        "updated_at": "2026-05-25T12:00:00Z",
        "status": "open",
        "subject": None,
        "text": "The export fails, number -7.",
        "author_role": "customer",
        "kind": "complaint",
        "counted": True,
        "reported_by_agent": False,
        "merged_into": None,
        "account_id": "acme",
        "plan": "team",
        "tags": None,
        "product_area": None,
        "rating": None,
        "language": "en",
        "theme_id": world["main"],
        "excluded_by": None,
    }


def test_feedback_is_filtered(client: TestClient, world: World) -> None:
    def found(**query: str | int) -> list[object]:
        return [item["external_id"] for item in items(client, "/v1/feedback", **query)]

    assert found() == [f"T{number}" for number in range(0, -8, -1)]
    assert found(source=world["source"], kind="complaint", q="export") == found()
    assert found(**{"from": "2026-05-31T00:00:00Z", "to": "2026-06-01T12:00:00Z"}) == ["T-1"]
    assert len(found(theme=world["main"])) == len(found(theme=world["old"])) == 7
    assert found(theme=world["other"]) == found(kind="praise") == found(q="nothing") == []
    assert found(counted=False) == ["T0"]


@pytest.mark.parametrize(
    "query",
    [
        {"source": "th_1"},
        {"kind": "rant"},
        {"from": "yesterday"},
        {"from": "2026-05-31T00:00:00"},
        {"q": ""},
        {"limit": 0},
        {"limit": 501},
        {"typo": 1},
        {"q": "a\x00b"},
        {"from": "0001-01-01T00:00:00+23:00"},
        {"to": "9999-12-31T23:59:59-23:00"},
    ],
)
def test_a_wrong_filter_is_refused(client: TestClient, query: dict[str, object]) -> None:
    answer = client.get("/v1/feedback", params=query)  # type: ignore[arg-type]
    assert answer.status_code == 422
    assert answer.json()["field"] == next(iter(query))


@pytest.mark.parametrize("path", ["/v1/feedback", "/v1/themes", "/v1/themes/{main}/quotes"])
@pytest.mark.parametrize("limit", [1, 2, 3])
def test_pages_have_no_gaps_and_no_repeats(client: TestClient, world: World, path: str, limit: int) -> None:
    address = path.format(**world)
    whole = items(client, address)
    seen: list[dict[str, object]] = []
    cursor: str | None = None
    while True:
        query: dict[str, str | int] = {"limit": limit, **({"cursor": cursor} if cursor else {})}
        page = client.get(address, params=query).json()
        seen += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
        assert len(page["items"]) == limit
    assert seen == whole
    assert len(whole) >= 2


def test_an_item_of_another_kind_is_listed_and_not_counted(
    client: TestClient, world: World, database: Database, workspace: int
) -> None:
    with database.write(workspace=workspace) as session:
        factories.item(
            session,
            workspace,
            number_of(world["source"]),
            external_id="P-1",
            kind=Kind.PRAISE,
            text="I love it.",
        )
    (item,) = items(client, "/v1/feedback", external_id="P-1")
    assert (item["kind"], item["counted"], item["theme_id"]) == ("praise", False, None)


def test_themes_are_listed_busiest_first_with_their_numbers(client: TestClient, world: World) -> None:
    found = items(client, "/v1/themes")
    assert [(each["id"], each["size"], each["complaints"], each["recent_complaints"]) for each in found] == [
        (world["main"], 7, 7, 7),
        (world["other"], 0, 0, 0),
    ]
    assert [each["id"] for each in items(client, "/v1/themes", q="INVOICE")] == [world["other"]]
    assert [each["id"] for each in items(client, "/v1/themes", state="merged")] == [world["old"]]
    assert items(client, "/v1/themes", state="retired") == []


def test_an_old_id_leads_to_the_theme_that_stands_for_it(client: TestClient, world: World) -> None:
    answer = client.get(f"/v1/themes/{world['old']}")
    assert answer.status_code == 308
    assert answer.headers["location"] == f"/v1/themes/{world['main']}"
    assert answer.json() == {"superseded_by": world["main"]}
    followed = client.get(f"/v1/themes/{world['old']}", follow_redirects=True).json()
    assert followed["id"] == world["main"]
    for part in ("trend", "quotes", "accounts"):
        by_old = client.get(f"/v1/themes/{world['old']}/{part}").json()
        assert by_old == client.get(f"/v1/themes/{world['main']}/{part}").json()


def test_a_theme_shows_quotes_kinds_and_releases(
    client: TestClient, world: World, database: Database, workspace: int
) -> None:
    with database.write(workspace=workspace) as session:
        links.add(
            session,
            workspace=workspace,
            theme=number_of(world["old"]),
            feature=number_of(world["feature"]),
            actor="mira",
            now=NOON,
        )
    theme = client.get(f"/v1/themes/{world['main']}").json()
    assert [quote["text"] for quote in theme["quotes"]] == ["export"] * 3
    assert theme["quotes"][0]["item"] == world["first_item"]
    assert theme["kinds"] == {"complaint": 7}
    assert theme["releases"] == [world["release"]]
    assert theme["superseded_by"] is None
    quotes = client.get(f"/v1/themes/{world['main']}/quotes").json()
    assert quotes["totals"] == {"complaints": 7, "folded": 0, "gone": 0}
    (link,) = items(client, "/v1/links", theme=world["main"])
    assert link["theme"] == world["main"]


def test_lineage_tells_where_a_theme_came_from(client: TestClient, world: World) -> None:
    lineage = client.get(f"/v1/themes/{world['main']}/lineage").json()
    assert (lineage["ancestors"], lineage["superseded_by"]) == ([world["old"]], None)
    assert [(event["kind"], event["other"]) for event in lineage["events"]] == [("merged", world["old"])]
    old = client.get(f"/v1/themes/{world['old']}/lineage").json()
    assert old["superseded_by"] == world["main"]


def test_accounts_behind_a_theme(client: TestClient, world: World) -> None:
    client.put("/v1/accounts", json={"accounts": [{"key": "acme", "name": "Acme", "arr_usd": 9}]})
    (account,) = items(client, f"/v1/themes/{world['main']}/accounts")
    assert (account["account_id"], account["name"], account["arr_usd"]) == ("acme", "Acme", 9.0)
    assert (account["complaints"], account["people"]) == (4, 3)
    assert account["last_at"] == "2026-05-31T12:00:00Z"
