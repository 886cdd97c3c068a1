"""The same walk as a company runs it: PostgreSQL behind its wall, a real broker, real processes of every kind."""

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from models.database import Database
from models.queries import work
from tests import factories, year
from tests.brokers import BROKERS, control
from tests.fleet import Fleet
from tests.journeys.following import every_number_can_be_followed, theme_about, verdicts_of
from tests.steps import unfinished
from workers.context import utc_now
from workers.run import WAITED_FOR


@pytest.fixture(params=["rabbitmq", pytest.param("redis", marks=pytest.mark.slow)])
def fleet(
    request: pytest.FixtureRequest, postgres: Database, postgres_programs: Database, tmp_path: Path
) -> Iterator[Fleet]:
    key = factories.key(postgres, factories.workspace(postgres))
    with BROKERS[request.param]() as broker:
        found = Fleet(postgres_programs, tmp_path, broker, {"EBB_THEME_GRANULARITY": "0.15"}, key=key)
        try:
            found.start()
            yield found
        finally:
            found.end()


def is_idle(database: Database) -> bool:
    """Say whether nothing is left to do, now or, where an attempt failed, in a moment."""
    with database.read(workspace=None) as session:
        return not work.is_expected(session, until=utc_now() + WAITED_FOR)


def test_tickets_walk_to_a_verdict_through_real_processes(fleet: Fleet, postgres: Database) -> None:
    headers = {"Authorization": f"Bearer {fleet.key}"}
    with httpx.Client(base_url=fleet.address(""), headers=headers, timeout=30) as client:
        tickets = year.tickets()
        verdict = walk(fleet, client, postgres, tickets)
        assert verdict["verdict"] == "fell"
        assert 0.2 < verdict["effect"] < 0.7
        every_number_can_be_followed(client, postgres, tickets, verdict)
        ready = client.get("/readyz").json()
    if fleet.broker.startswith("amqp"):
        host = fleet.broker.rpartition("/")[2]
        told = control("list_queues", "-p", host, "name", "type", "--no-table-headers").split()
        kinds = dict(zip(told[::2], told[1::2], strict=True))
        assert (kinds["ebb.default"], kinds["ebb.embed"]) == ("quorum", "quorum")
    assert ready["status"] == "ready"
    assert set(fleet.stop().values()) <= {0, -signal.SIGTERM}, fleet.tail()


def walk(
    fleet: Fleet, client: httpx.Client, postgres: Database, tickets: list[year.Ticket]
) -> dict[str, Any]:
    """Deliver everything, confirm the one link that is right, and return what is said of it."""
    made = client.post("/v1/sources", json={"kind": "generic_json", "name": "desk"}).json()
    for start in range(0, len(tickets), 25):
        entries = {"items": [ticket.row for ticket in tickets[start : start + 25]]}
        assert fleet.deliver(made["ingest_url"], made["secret"], entries).status_code == 202
    points = [{"day": day, "value": 900} for day in year.days()]
    assert client.put("/v1/exposure/active_accounts", json={"points": points}).status_code == 200
    fleet.wait(lambda: is_idle(postgres), "the tickets")
    release = client.post(
        "/v1/releases",
        json={
            "name": "2.0",
            "released_at": year.RELEASED.isoformat(),
            "features": [{"title": year.FEATURE[0], "body": year.FEATURE[1]}],
        },
    ).json()
    fleet.wait(lambda: is_idle(postgres), "the release")
    wanted = theme_about(client, "export", {ticket.row["id"]: ticket.problem for ticket in tickets})
    suggested = client.get(f"/v1/releases/{release['id']}/link-suggestions").json()["items"]
    for each in suggested:
        verb = "confirm" if each["link"]["theme"] == wanted else "reject"
        assert client.post(f"/v1/links/{each['link']['id']}/{verb}").status_code == 200
    fleet.wait(lambda: is_idle(postgres), "the verdict")
    assert unfinished(postgres, now=utc_now()) == []
    (verdict,) = verdicts_of(client, release["id"], wanted)
    return verdict
