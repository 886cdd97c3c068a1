"""What people write: sources, goals, releases, denominators, links; and what is refused, naming the field."""

import json
from datetime import date

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from models.database import Database
from models.queries import exposure
from models.records import Account, LinkState
from tests import factories
from tests.clock import NOON, Clock

AT = "2026-06-01T00:00:00Z"
RELEASE = {"name": "Two", "released_at": AT}


def test_a_source_tells_its_address_and_the_secret_it_made_once(client: TestClient) -> None:
    made = client.post("/v1/sources", json={"kind": "zendesk", "name": "desk"})
    assert made.status_code == 201
    body = made.json()
    assert body["ingest_url"] == f"/v1/ingest/{body['id']}"
    assert len(body["secret"]) >= 32
    brought = client.post("/v1/sources", json={"kind": "zendesk", "name": "x", "secret": "mine"}).json()
    assert brought["secret"] is None
    listed = client.get("/v1/sources")
    assert body["secret"] not in listed.text
    assert [each["id"] for each in listed.json()["items"]] == [body["id"], brought["id"]]
    assert client.get(f"/v1/sources/{body['id']}/health").json()["light"] == "waiting"


def test_settings_of_a_source_come_back_as_they_were_given(client: TestClient) -> None:
    settings = {
        "count_relayed": True,
        "rating_scale": {"max": 10, "kind": "nps"},
        "statuses": {"erledigt": "closed"},
    }
    made = client.post("/v1/sources", json={"kind": "zendesk", "name": "desk", "settings": settings}).json()
    assert made["settings"]["count_relayed"] is True
    assert made["settings"]["rating_scale"] == {"min": 1.0, "max": 10.0, "kind": "nps"}
    assert made["settings"]["statuses"] == {"erledigt": "closed"}
    (listed,) = client.get("/v1/sources").json()["items"]
    assert listed["settings"] == made["settings"]


REFUSED = [
    ("POST", "/v1/sources", {"kind": "fax", "name": "x"}, "kind"),
    ("POST", "/v1/sources", {"kind": "zendesk", "name": ""}, "name"),
    (
        "POST",
        "/v1/sources",
        {"kind": "zendesk", "name": "x", "settings": {"signature": "slack"}},
        "signature",
    ),
    ("POST", "/v1/sources", {"kind": "zendesk", "name": "x", "settings": {"time_zone": "Mars"}}, "time_zone"),
    ("POST", "/v1/sources", {"kind": "zendesk", "name": "x", "typo": 1}, "typo"),
    ("POST", "/v1/releases", {"name": "x"}, "released_at"),
    ("POST", "/v1/releases", {"name": "x", "released_at": "2026-06-01T00:00:00"}, "released_at"),
    ("POST", "/v1/releases", {**RELEASE, "steps": [{"at": AT, "percent": 0}]}, "rollout"),
    ("POST", "/v1/releases", {**RELEASE, "steps": [{"at": AT, "percent": 101}]}, "steps.0.percent"),
    ("POST", "/v1/releases", {**RELEASE, "url": "javascript:alert(1)"}, "url"),
    ("POST", "/v1/features", {"title": "x", "release": "th_1"}, "release"),
    ("POST", "/v1/events", {"kind": "party", "title": "x", "starts_at": AT}, "kind"),
    ("PUT", "/v1/exposure/active_accounts", {"points": []}, "points"),
    (
        "PUT",
        "/v1/exposure/active_accounts",
        {"points": [{"day": "2026-06-01", "value": -1}]},
        "points.0.value",
    ),
    ("PUT", "/v1/exposure/active_accounts", {"points": [{"day": "yesterday", "value": 1}]}, "points.0.day"),
    ("PUT", "/v1/exposure/a%20b", {"points": [{"day": "2026-06-01", "value": 1}]}, "series"),
    ("PUT", "/v1/accounts", {"accounts": [{"key": " x "}]}, "accounts.0.key"),
    ("POST", "/v1/links", {"feature": "feat_1"}, None),
    ("POST", "/v1/links", {"feature": "feat_1", "key_result": "kr_1"}, "key_result"),
    ("POST", "/v1/keys", {"name": "x", "role": "king"}, "role"),
    ("POST", "/v1/impact/plan", {"rate": -1, "exposure": 10, "drop": 0.2}, "rate"),
]


@pytest.mark.parametrize(("method", "path", "body", "field"), REFUSED)
def test_bad_input_is_refused_naming_the_field(
    client: TestClient, method: str, path: str, body: object, field: str | None
) -> None:
    answer = client.request(method, path, json=body)
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == 422
    assert problem["detail"]
    if field is not None:
        assert problem["field"] == field


@pytest.mark.parametrize("body", [b"{", b"", b"[1,2]"])
def test_a_body_that_is_no_object_is_refused(client: TestClient, body: bytes) -> None:
    answer = client.post("/v1/teams", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert answer.json()["field"] == "body"


@pytest.mark.parametrize("text", ["a\x00b", "a\ud800b"])
def test_a_character_that_no_database_takes_is_refused(client: TestClient, text: str) -> None:
    for method, path, body in (
        ("POST", "/v1/teams", {"name": text}),
        ("POST", "/v1/releases", {**RELEASE, "steps": [{"at": AT, "percent": 5, "segments": [text]}]}),
        ("POST", "/v1/sources", {"kind": "zendesk", "name": "x", "settings": {"statuses": {text: "open"}}}),
    ):
        content = json.dumps(body).encode()
        answer = client.request(method, path, content=content, headers={"Content-Type": "application/json"})
        assert answer.status_code == 422, (path, answer.text)


def test_unknown_calls_are_problems_too(client: TestClient) -> None:
    for method, path, status in (("GET", "/v1/nothing", 404), ("DELETE", "/v1/themes", 405)):
        answer = client.request(method, path)
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


LONG: list[tuple[str, dict[str, object]]] = [
    ("/v1/teams", {"key": "k" * 200, "name": "n" * 200}),
    ("/v1/metrics", {"key": "k" * 200, "name": "n" * 500, "unit": "u" * 200, "definition": "d" * 20_000}),
    ("/v1/objectives", {"key": "k" * 200, "title": "t" * 500}),
    ("/v1/key-results", {"key": "k" * 200, "text": "t" * 1000, "unit": "u" * 200}),
    ("/v1/features", {"key": "k" * 200, "title": "t" * 500, "area": "a" * 500, "body": "b" * 20_000}),
    (
        "/v1/releases",
        {
            **RELEASE,
            "key": "k" * 200,
            "name": "n" * 500,
            "version": "v" * 200,
            "environment": "e" * 500,
            "url": "https://" + "u" * 990,
            "description": "d" * 20_000,
        },
    ),
    ("/v1/events", {"key": "k" * 200, "kind": "incident", "title": "t" * 500, "starts_at": AT}),
    ("/v1/sources", {"kind": "zendesk", "name": "n" * 200, "secret": "s" * 500}),
    ("/v1/keys", {"name": "n" * 200}),
]


@pytest.mark.parametrize(("path", "body"), LONG, ids=lambda each: each if isinstance(each, str) else "")
def test_the_longest_values_that_are_promised_are_stored_whole(
    client: TestClient, path: str, body: dict[str, object]
) -> None:
    assert client.post(path, json=body).status_code == 201
    listed = client.get(path).json()["items"]
    (found,) = [
        each
        for each in listed
        if each["name" if "name" in body else "key"] == body["name" if "name" in body else "key"]
    ]
    hidden = {"secret", "released_at", "starts_at"}
    assert {name: found[name] for name in body if name not in hidden} == {
        name: value for name, value in body.items() if name not in hidden
    }


def test_the_longest_accounts_and_days_are_stored(client: TestClient, database: Database) -> None:
    account = {"key": "k" * 200, "name": "n" * 200, "plan": "p" * 200, "segment": "s" * 100, "arr_usd": 1e12}
    assert client.put("/v1/accounts", json={"accounts": [account]}).json() == {"written": 1}
    points = [{"day": "2026-06-01", "segment": "s" * 100, "value": 1e9}]
    assert client.put(f"/v1/exposure/{'x' * 100}", json={"points": points}).status_code == 200
    with database.read(workspace=None) as session:
        assert session.scalars(select(Account.plan)).all() == ["p" * 200]


def test_an_account_written_again_keeps_what_is_null(client: TestClient, database: Database) -> None:
    for account in ({"key": "a", "name": "Acme", "arr_usd": 5}, {"key": "a", "plan": "team"}):
        assert client.put("/v1/accounts", json={"accounts": [account]}).status_code == 200
    with database.read(workspace=None) as session:
        row = session.scalars(select(Account)).one()
    assert (row.name, row.plan, row.arr_usd) == ("Acme", "team", 5.0)


def test_exposure_answers_what_it_wrote(client: TestClient, database: Database, workspace: int) -> None:
    points = [{"day": f"2026-06-0{number}", "value": number} for number in (3, 1, 2)]
    answer = client.put("/v1/exposure/active_accounts", json={"points": points}).json()
    assert answer == {
        "series": "active_accounts",
        "written": 3,
        "first_day": "2026-06-01",
        "last_day": "2026-06-03",
    }
    with database.read(workspace=None) as session:
        found = exposure.read_exposure(session, workspace=workspace)
    assert found == {date(2026, 6, number): float(number) for number in (1, 2, 3)}


def test_a_release_brings_its_features_and_is_updated_by_key(client: TestClient) -> None:
    body = {
        **RELEASE,
        "key": "v2",
        "features": [{"title": "Bigger exports"}],
        "steps": [{"at": AT, "percent": 20}],
    }
    first = client.post("/v1/releases", json=body).json()
    assert (first["key"], len(first["features"]), first["steps"][0]["percent"]) == ("v2", 1, 20.0)
    again = client.post("/v1/releases", json={**body, "name": "Two, renamed"}).json()
    assert (again["id"], again["name"], again["features"]) == (first["id"], "Two, renamed", first["features"])
    assert client.get(f"/v1/releases/{first['id']}").json() == again
    feature = client.get(f"/v1/features/{first['features'][0]}").json()
    assert (feature["key"], feature["release"]) == ("bigger-exports", first["id"])
    listed = client.get("/v1/features", params={"release": first["id"]}).json()["items"]
    assert [each["id"] for each in listed] == first["features"]


def test_goals_hang_together(client: TestClient) -> None:
    team = client.post("/v1/teams", json={"name": "Mail & Calendar"}).json()
    assert team["key"] == "mail-calendar"
    metric = client.post(
        "/v1/metrics", json={"key": "m", "name": "M", "team": team["id"], "better": "down"}
    ).json()
    assert (metric["team"], metric["last_value"]) == (team["id"], None)
    objective = client.post("/v1/objectives", json={"title": "O", "team": team["id"]}).json()
    result = client.post(
        "/v1/key-results", json={"text": "From 4 to 3", "objective": objective["id"], "metric": metric["id"]}
    ).json()
    assert result["metric"] == metric["id"]
    (listed,) = client.get("/v1/objectives").json()["items"]
    assert listed["key_results"] == [result["id"]]
    refused = client.post("/v1/key-results", json={"text": "x", "objective": "obj_99"})
    assert refused.status_code == 404


def test_observations_are_replaced_listed_and_paged(client: TestClient) -> None:
    metric = client.post("/v1/metrics", json={"key": "m", "name": "M"}).json()["id"]
    points = [{"at": f"2026-06-0{number}T00:00:00Z", "value": number} for number in range(1, 6)]
    path = f"/v1/metrics/{metric}/observations"
    assert client.put(path, json={"observations": points}).json()["written"] == 5
    same = [{"at": "2026-06-01T02:00:00+02:00", "value": 9}]
    client.put(path, json={"observations": same})
    first = client.get(path, params={"limit": 3}).json()
    assert [each["value"] for each in first["items"]] == [9.0, 2.0, 3.0]
    second = client.get(path, params={"limit": 3, "cursor": first["next_cursor"]}).json()
    assert ([each["value"] for each in second["items"]], second["next_cursor"]) == ([4.0, 5.0], None)
    within = client.get(
        path, params={"since": "2026-06-02T00:00:00Z", "until": "2026-06-03T00:00:00Z"}
    ).json()
    assert [each["value"] for each in within["items"]] == [2.0]
    assert client.get("/v1/metrics").json()["items"][0]["last_value"] == 5.0
    assert client.put("/v1/metrics/met_99/observations", json={"observations": points}).status_code == 404


def test_events_are_filtered_by_kind_and_time(client: TestClient) -> None:
    for kind, start, end in (("incident", 1, 3), ("campaign", 2, None), ("incident", 8, 9)):
        body = {"kind": kind, "title": f"{kind} {start}", "starts_at": f"2026-06-0{start}T00:00:00Z"}
        made = client.post(
            "/v1/events", json={**body, "ends_at": f"2026-06-0{end}T00:00:00Z" if end else None}
        )
        assert made.status_code == 201

    def titles(**query: str) -> list[str]:
        return [each["title"] for each in client.get("/v1/events", params=query).json()["items"]]

    assert titles() == ["incident 1", "campaign 2", "incident 8"]
    assert titles(kind="incident") == ["incident 1", "incident 8"]
    assert titles(since="2026-06-03T00:00:00Z", until="2026-06-08T00:00:00Z") == ["incident 1"]


def test_a_link_is_claimed_confirmed_rejected_and_audited(
    client: TestClient, database: Database, workspace: int, clock: Clock
) -> None:
    with database.write(workspace=workspace) as session:
        release = factories.release(session, workspace)
        feature = factories.feature(session, workspace, of="1.0")
        theme = factories.theme(session, workspace, 1)
    made = client.post("/v1/links", json={"feature": f"feat_{feature}", "theme": f"th_{theme}"})
    assert made.status_code == 201
    link = made.json()
    assert (link["state"], link["timing"], link["probability"]) == ("confirmed", "prospective", None)
    assert link["decided_at"] == NOON.isoformat().replace("+00:00", "Z")
    clock.advance(days=8)
    rejected = client.post(f"/v1/links/{link['id']}/reject", json={"note": "no"}).json()
    assert (rejected["state"], rejected["timing"]) == ("rejected", None)
    confirmed = client.post(f"/v1/links/{link['id']}/confirm").json()
    assert confirmed["timing"] == "retrospective"
    assert [
        each["id"] for each in client.get("/v1/links", params={"state": "confirmed"}).json()["items"]
    ] == [link["id"]]
    assert client.get("/v1/links", params={"state": str(LinkState.PROPOSED)}).json()["items"] == []
    assert client.get(f"/v1/releases/rel_{release}/link-suggestions").json()["items"] == []
    acts = [
        each["action"] for each in client.get("/v1/audit", params={"subject": link["id"]}).json()["items"]
    ]
    assert acts == ["link.confirmed", "link.rejected", "link.confirmed"]


def test_a_plan_says_how_long_it_takes(client: TestClient) -> None:
    answer = client.post("/v1/impact/plan", json={"rate": 8.0, "exposure": 900, "drop": 0.6}).json()
    assert answer["weekly_complaints"] == pytest.approx(50.4)
    assert 1 <= answer["weeks"] <= 52
    assert answer["called"] >= 0.8
    falls = [each["fall"] for each in answer["smallest_falls"] if each["fall"] is not None]
    assert falls == sorted(falls, reverse=True)
