"""`/v1/sources/{id}/pull`: set up, looked at, ended; the token goes in and never comes out."""

from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from models.database import Database
from models.queries import pull_counts, pulls
from models.queries.pulls import Progress
from tests.clock import NOON, Clock

TOKEN = "a-token-nobody-reads-again"
ZENDESK = {"subdomain": "acme", "account": "mira@example.com", "token": TOKEN}


def made(client: TestClient, **pull: Any) -> str:
    answer = client.post("/v1/sources", json={"kind": "zendesk", "name": "desk", "pull": {**ZENDESK, **pull}})
    assert answer.status_code == 201, answer.text
    assert TOKEN not in answer.text
    found: str = answer.json()["id"]
    return found


def test_a_source_is_pulled_from_the_moment_it_is_made(client: TestClient) -> None:
    source = made(client)
    found = client.get(f"/v1/sources/{source}/pull").json()
    assert (found["place"], found["token_set"], found["records"], found["stopped"]) == (
        "acme",
        True,
        0,
        False,
    )
    assert found["covered_from"] == "2025-05-31T12:00:00Z"
    assert (found["covered_until"], found["covered_share"]) == (None, 0.0)
    assert found["next_pull_at"] == "2026-06-01T12:00:00Z"


def test_the_token_is_told_by_no_answer(client: TestClient) -> None:
    source = made(client)
    changed = client.put(f"/v1/sources/{source}/pull", json={**ZENDESK, "interval_s": 600})
    pages = [
        changed,
        client.get(f"/v1/sources/{source}/pull"),
        client.get(f"/v1/sources/{source}/health"),
        client.get("/v1/sources"),
        client.get("/v1/audit"),
    ]
    assert [page.status_code for page in pages] == [200] * 5
    assert not [page for page in pages if TOKEN in page.text]
    assert '"set"' in pages[-1].text


def test_a_token_that_is_left_out_stays(client: TestClient, database: Database, workspace: int) -> None:
    source = made(client)
    body = {"subdomain": "acme", "account": "mira@example.com", "interval_s": 900}
    assert client.put(f"/v1/sources/{source}/pull", json=body).json()["interval_s"] == 900
    with database.read(workspace=workspace) as session:
        (row,) = pulls.list_pulls(session, workspace=workspace)
    assert row.stored_token == TOKEN


def test_another_place_begins_anew_and_the_same_goes_on(
    client: TestClient, database: Database, workspace: int
) -> None:
    source = made(client)
    number = int(source.removeprefix("src_"))
    with database.write(workspace=workspace) as session:
        until = NOON + timedelta(hours=1)
        row = pulls.lease_pull(session, workspace=workspace, source=number, now=NOON, until=until)
        assert row is not None and row.lease is not None
        progress = Progress({"after": "x"}, NOON - timedelta(days=183), False, 40)
        pulls.write_progress(
            session, workspace=workspace, source=number, lease=row.lease, progress=progress, now=NOON
        )
    same = client.put(f"/v1/sources/{source}/pull", json=ZENDESK).json()
    assert (same["covered_share"], same["records"]) == (pytest.approx(0.5), 40)
    other = client.put(f"/v1/sources/{source}/pull", json={**ZENDESK, "subdomain": "other"}).json()
    assert (other["covered_until"], other["place"]) == (None, "other")
    longer = client.put(f"/v1/sources/{source}/pull", json={**ZENDESK, "subdomain": "other", "months": 24})
    assert longer.json()["covered_from"] == "2024-05-30T12:00:00Z"


@pytest.mark.parametrize(
    ("pull", "field"),
    [
        ({"token": None}, "pull.token"),
        ({"subdomain": None, "repository": "a/b"}, "pull.subdomain"),
        ({"region": "eu"}, "pull.subdomain"),
        ({"subdomain": "acme.example.com/"}, "place"),
        ({"subdomain": "169.254.169.254#"}, "place"),
        ({"base_url": "http://169.254.169.254/"}, "pull.base_url"),
        ({"base_url": "https://elsewhere.example.com"}, "pull.base_url"),
        ({"token": "a\nb"}, "pull.token"),
        ({"interval_s": 1}, "pull.interval_s"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_made(
    client: TestClient, pull: dict[str, Any], field: str
) -> None:
    body = {"kind": "zendesk", "name": "desk", "pull": {**ZENDESK, **pull}}
    answer = client.post("/v1/sources", json=body)
    assert answer.status_code == 422
    assert field.rpartition(".")[2] in answer.text
    assert client.get("/v1/sources").json()["items"] == []


def test_a_kind_without_a_puller_says_so(client: TestClient) -> None:
    body = {"kind": "generic_json", "name": "desk", "pull": ZENDESK}
    answer = client.post("/v1/sources", json=body)
    assert answer.status_code == 422 and "cannot be pulled" in answer.text


def test_health_shows_how_far_it_came_and_how_the_days_compare(
    client: TestClient, database: Database, workspace: int, clock: Clock
) -> None:
    source = made(client)
    number = int(source.removeprefix("src_"))
    with database.write(workspace=workspace) as session:
        named = {"workspace": workspace, "source": number}
        for back, ours, fetched in ((1, 412, 0), (2, 412, 3), (3, 409, 0)):
            day = (NOON - timedelta(days=back)).date()
            pull_counts.put_count(session, **named, day=day, theirs=412, ours=ours, fetched=fetched, now=NOON)
        pulls.want_record(session, **named, external_id="9", now=NOON)
    health = client.get(f"/v1/sources/{source}/health").json()
    found = health["pull"]["reconciliation"]
    assert (found["days"], found["differing"], found["theirs"], found["ours"]) == (3, 1, 1236, 1233)
    assert [day["text"] for day in found["latest"]] == ["412 = 412", "412 = 412: 3 fetched", "412 / 409"]
    assert (health["texts_missing"], health["light"]) == (1, "waiting")


def test_a_refusal_turns_the_light_red(client: TestClient, database: Database, workspace: int) -> None:
    source = made(client)
    number = int(source.removeprefix("src_"))
    with database.write(workspace=workspace) as session:
        row = pulls.lease_pull(session, workspace=workspace, source=number, now=NOON, until=NOON)
        assert row is not None and row.lease is not None
        pulls.release_pull(
            session,
            workspace=workspace,
            source=number,
            lease=row.lease,
            next_at=NOON,
            error="the vendor refused the token (401)",
            is_refusal=True,
        )
    health = client.get(f"/v1/sources/{source}/health").json()
    assert (health["light"], health["pull"]["stopped"]) == ("red", True)
    assert health["pull"]["next_pull_at"] is None
    again = client.put(f"/v1/sources/{source}/pull", json=ZENDESK).json()
    assert (again["stopped"], again["error"]) == (False, None)


def test_ending_forgets_the_token(client: TestClient, database: Database, workspace: int) -> None:
    source = made(client)
    assert client.delete(f"/v1/sources/{source}/pull").status_code == 204
    assert client.get(f"/v1/sources/{source}/pull").status_code == 404
    assert client.delete(f"/v1/sources/{source}/pull").status_code == 404
    with database.read(workspace=workspace) as session:
        assert pulls.list_pulls(session, workspace=workspace) == []
