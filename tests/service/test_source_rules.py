"""Rules over HTTP: tried before they are in force, versioned, written down; health and alerts beside them."""

from datetime import timedelta

import pytest
from fastapi.testclient import TestClient

from models.database import Database
from models.queries import access
from models.records import FeedbackItem
from models.values.feedback import AuthorRole
from models.values.roles import Role
from tests.clock import NOON, Clock
from tests.steps import connect, post_entry, walk
from workers.context import Context
from workers.watch import watch

SPAM = {"name": "spam", "action": "exclude", "field": "spam"}
TAGGED = {"name": "internal", "action": "exclude", "field": "tag", "values": ["internal"]}


@pytest.fixture
def desk(client: TestClient, clock: Clock) -> str:
    """A source with six deliveries: two tagged, one spam, one that cannot be read."""
    address, secret = connect(client)
    for number in range(5):
        sent = {
            "id": f"T-{number}",
            "text": "The export fails.",
            "subject": f"Call me at mira{number}@example.com",
            "tags": ["internal"] if number < 2 else [],
            "spam": number == 4,
            "extra": {"tier": "pro"} if number else {},
        }
        assert post_entry(client, address, sent, secret, now=clock()).status_code == 202
    assert post_entry(client, address, {"id": 1.5}, secret, now=clock()).status_code == 202
    return address.rpartition("/")[2]


def test_a_draft_is_tried_on_the_latest_deliveries_and_stores_nothing(
    client: TestClient, context: Context, desk: str
) -> None:
    walk(context)
    draft = {"rules": [TAGGED, SPAM], "fields": {"plan": "extra.tier", "brand": "nowhere"}}
    found = client.post(f"/v1/sources/{desk}/rules/preview", json=draft).json()
    assert {name: found[name] for name in ("deliveries", "unreadable", "messages", "kept", "excluded")} == {
        "deliveries": 6, "unreadable": 1, "messages": 5, "kept": 2, "excluded": 3,
    }  # fmt: skip
    assert {each["rule"]: (each["kept"], each["excluded"]) for each in found["by_rule"]} == {
        "internal": (0, 2), "spam": (0, 1), None: (2, 0),
    }  # fmt: skip
    assert found["found"] == {"plan": 4, "brand": 0}
    newest = found["examples"][0]
    assert (newest["external_id"], newest["kept"], newest["rule"]) == ("T-4", False, "spam")
    assert newest["why"] == "left out by rule spam: the tool calls it spam"
    assert newest["fields"] == {"plan": "pro", "brand": None}
    assert newest["delivery"] == "dlv_5"
    assert not any("mira" in str(example) for example in found["examples"])
    assert client.get(f"/v1/sources/{desk}/rules").json()["revision"] == 0
    left_out = {
        item["external_id"]: item["excluded_by"] for item in client.get("/v1/feedback").json()["items"]
    }
    assert {name for name, by in left_out.items() if by} == {"T-4"}
    assert left_out["T-4"] == "called_spam"
    two = client.post(f"/v1/sources/{desk}/rules/preview", json={**draft, "limit": 2}).json()
    assert (two["deliveries"], two["messages"]) == (2, 1)


def test_rules_are_put_in_force_versioned_and_written_down(
    client: TestClient, context: Context, desk: str, clock: Clock
) -> None:
    walk(context)
    made = client.put(f"/v1/sources/{desk}/rules", json={"rules": [TAGGED], "revision": 0}).json()
    assert (made["revision"], made["applied_at"], made["excluded"]) == (1, None, 1)
    assert made["rules"] == [TAGGED]
    walk(context)
    found = client.get(f"/v1/sources/{desk}/rules").json()
    assert (found["messages"], found["excluded"], found["applied_at"] is None) == (5, 3, False)
    assert found["history"][0]["author"] == "owner of tests"
    items = client.get("/v1/feedback").json()["items"]
    assert sorted(item["external_id"] for item in items if item["excluded_by"] == "internal") == [
        "T-0",
        "T-1",
    ]

    late = client.put(f"/v1/sources/{desk}/rules", json={"rules": [], "revision": 0})
    assert (late.status_code, late.json()["field"]) == (409, "revision")
    clock.advance(hours=1)
    mapped = client.put(
        f"/v1/sources/{desk}/rules", json={"rules": [TAGGED], "fields": {"plan": "extra.tier"}}
    )
    assert mapped.json()["revision"] == 2
    # A put that says nothing of the map leaves it.
    again = client.put(f"/v1/sources/{desk}/rules", json={"rules": [TAGGED]}).json()
    assert (again["revision"], again["fields"]) == (2, {"plan": "extra.tier"})
    (listed,) = client.get("/v1/sources").json()["items"]
    assert listed["settings"]["fields"] == {"plan": "extra.tier"}
    acts = client.get("/v1/audit").json()["items"]
    told = [
        (each["subject"], each["detail"]["revision"]) for each in acts if each["action"] == "source.rules"
    ]
    assert told == [(desk, 2), (desk, 1)]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"rules": [{"action": "exclude", "field": "tag"}]}, "rules.0.values"),
        ({"rules": [{"action": "exclude", "field": "colour", "values": ["x"]}]}, "rules.0.field"),
        ({"rules": [TAGGED, TAGGED]}, "rules.1.name"),
        ({"fields": {"colour": "a"}}, "fields.colour"),
        ({"fields": {"plan": "a..b"}}, "fields.plan"),
    ],
)
def test_what_is_wrong_with_rules_is_named(
    client: TestClient, desk: str, body: dict[str, object], field: str
) -> None:
    for path, method in (("rules", "PUT"), ("rules/preview", "POST")):
        answer = client.request(method, f"/v1/sources/{desk}/{path}", json=body)
        assert (answer.status_code, answer.json()["field"]) == (422, field)
    assert client.get(f"/v1/sources/{desk}/rules").json()["revision"] == 0


def test_health_tells_of_lag_failures_silence_and_scope(
    client: TestClient, context: Context, desk: str, clock: Clock
) -> None:
    address = f"/v1/ingest/{desk}"
    health = client.get(f"/v1/sources/{desk}/health").json()
    assert health["silence"]["state"] == "learning"
    assert health["lag"] == dict.fromkeys(
        ("vendor_median_s", "vendor_p95_s", "parsing_median_s", "parsing_p95_s")
    )
    clock.advance(seconds=30)
    walk(context)
    health = client.get(f"/v1/sources/{desk}/health").json()
    assert health["lag"]["parsing_median_s"] >= 30
    assert health["failure_reasons"][0]["count"] == 1
    assert "id" in health["failure_reasons"][0]["reason"]
    assert health["scope"] == {"revision": 0, "rules": 0, "messages": 5, "excluded": 1, "applied_at": None}
    assert address


def test_a_silent_source_is_red_and_in_the_list_of_alerts(
    client: TestClient, context: Context, workspace: int, database: Database, clock: Clock
) -> None:
    address, _ = connect(client)
    source = int(address.rpartition("_")[2])
    with context.database.write(workspace=workspace) as session:
        for number in range(8 * 7 * 4):
            at = NOON - timedelta(weeks=8) + timedelta(hours=6 * number)
            session.add(
                FeedbackItem(
                    workspace_id=workspace, source_id=source, external_id=f"T-{number}", message_id="0",
                    created_at=at, ticket_created_at=at, updated_at=at, changed_at=at, text="", language="en",
                    removed=[], author_role=AuthorRole.CUSTOMER,
                )
            )  # fmt: skip
    watch(context, workspace)
    health = client.get(f"/v1/sources/src_{source}/health").json()
    assert (health["silence"]["state"], health["silence"]["hours"]) == ("ordinary", 5.0)
    assert 20 < health["silence"]["weekly_tickets"] < 36
    allowed = health["silence"]["allowed_hours"]
    assert 24 < allowed < 72
    clock.advance(hours=allowed + 1)
    watch(context, workspace)
    health = client.get(f"/v1/sources/src_{source}/health").json()
    assert (health["light"], health["silence"]["state"]) == ("red", "silent")
    assert health["silence"]["chance"] < 0.001
    assert "2026-06-02" in health["silence"]["incomplete_days"]
    (alert,) = client.get("/v1/alerts").json()["items"]
    assert (alert["subject"], alert["kind"], alert["closed_at"]) == (f"src_{source}", "source_silent", None)
    assert client.get("/v1/alerts", params={"state": "closed"}).json()["items"] == []
    everything = client.get("/v1/alerts", params={"state": "all", "limit": 1}).json()
    assert (len(everything["items"]), everything["next_cursor"]) == (1, None)
    # Neither another workspace nor a leader is told.
    with database.write(workspace=workspace) as session:
        _, key = access.create_key(
            session, workspace=workspace, name="x", role=Role.AGGREGATE_ONLY, now=clock.now
        )
    refused = client.get("/v1/alerts", headers={"Authorization": f"Bearer {key}"})
    assert refused.status_code == 403
