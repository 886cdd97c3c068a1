"""What is read over HTTP: feedback, themes, trends, quotes, impact; pages; ids that never break."""

from collections.abc import Mapping
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from fastapi.testclient import TestClient

from models.database import Database
from models.queries import counts, exposure, goals, impact, links, silence, themes
from models.queries.links import ProposalDraft
from models.queries.themes import QuoteSpan
from models.records import LinkState, ThemeStreamState
from models.sources.rhythm import Mark
from models.values.kinds import Kind
from models.values.verdicts import Word
from tests import factories
from tests.clock import NOON, Clock
from tests.verdicts import verdict_row

World = Mapping[str, str]


@pytest.fixture
def world(database: Database, workspace: int) -> World:
    """Two themes, one of them standing for a third, with a week of complaints; a release; its verdicts."""
    days = {factories.day(number) for number in range(-7, 1)}
    with database.write(workspace=workspace) as session:
        source = factories.source(session, workspace)
        main, other, old = (
            factories.theme(session, workspace, number, label=label)
            for number, label in ((1, "export fails"), (2, "invoice wrong"), (3, "download breaks"))
        )
        made = []
        for number in range(-7, 1):
            made.append(
                factories.item(
                    session,
                    workspace,
                    source,
                    external_id=f"T{number}",
                    at=factories.noon(number),
                    text=f"The export fails, number {number}.",
                    person=f"p{number % 3}",
                    plan="team" if number % 2 else "free",
                    account_key="acme" if number % 2 else None,
                )
            )
        factories.assign(session, workspace, made[:6], main)
        factories.assign(session, workspace, made[6:7], old)
        factories.merge(session, workspace, 3, 1)
        for theme in (main, other):
            counts.recompute(session, workspace=workspace, theme=theme, days=days, zone=ZoneInfo("UTC"))
        spans = [QuoteSpan(item, 4, 10) for item in made[:3]]
        themes.write_label(
            session,
            workspace=workspace,
            theme=main,
            label="export fails",
            keywords=["export"],
            quotes=spans,
            size=7,
        )
        release = factories.release(session, workspace)
        feature = factories.feature(session, workspace, of="1.0")
        values = {(day, "all"): 500.0 for day in days}
        exposure.put_exposure(session, workspace=workspace, series="active_accounts", values=values, now=NOON)
    return {
        "source": f"src_{source}",
        "main": f"th_{main}",
        "other": f"th_{other}",
        "old": f"th_{old}",
        "release": f"rel_{release}",
        "feature": f"feat_{feature}",
        "first_item": f"fb_{made[0]}",
    }


def items(client: TestClient, path: str, **query: str | int) -> list[dict[str, object]]:
    answer = client.get(path, params=query)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, object]] = answer.json()["items"]
    return found


def number_of(public: str) -> int:
    return int(public.rsplit("_", 1)[1])


# --- feedback -----------------------------------------------------------------------------------------------


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


# --- themes -------------------------------------------------------------------------------------------------


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


# --- impact -------------------------------------------------------------------------------------------------


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
