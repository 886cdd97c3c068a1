"""`/metrics`: what is counted, what is read when asked, and what must never be a label."""

import re
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from fastapi import FastAPI
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from models.database import Database
from models.jobs import Chore, Job, WorkState
from models.queries import chores, work
from models.records import Work
from models.settings import Settings
from service.app import create_app
from service.intake import IntakeWriter
from service.nudge import Outcome
from tests import factories
from tests.clock import NOON, Clock
from tests.servers import GIVEN_UP_S, silent_server
from tests.services import settings_for
from tests.steps import connect, post_entry

ENTRY = {"id": "T-1", "created_at": "2026-06-01T10:00:00Z", "text": "The zebra export fails."}
ROUTE = "/v1/themes/{theme_id}"
Series = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def scrape(client: TestClient) -> Series:
    answer = client.get("/metrics", headers={"Authorization": ""})
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def at(series: Series, name: str, **labels: str) -> float | None:
    return series.get((name, tuple(sorted(labels.items()))))


def test_requests_are_counted_by_the_template_of_their_route(client: TestClient) -> None:
    for path in ("/v1/themes/thm_1", "/v1/themes/thm_2?zebra=1", "/zebra", "/v1/zebra/4711"):
        client.get(path)
    client.request("ZEBRA", "/healthz")
    found = scrape(client)
    assert at(found, "ebb_http_requests_total", method="GET", route=ROUTE, status="404") == 2
    assert at(found, "ebb_http_requests_total", method="GET", route="unknown", status="404") == 2
    assert at(found, "ebb_http_requests_total", method="other", route="/healthz", status="405") == 1
    assert at(found, "ebb_http_request_seconds_count", route=ROUTE) == 2
    assert 0 < (at(found, "ebb_http_request_seconds_sum", route=ROUTE) or 0) < 60
    assert "zebra" not in str(found).lower()


def test_each_application_counts_for_itself(sqlite: Database) -> None:
    first, second = (TestClient(create_app(settings_for(sqlite), database=sqlite)) for _ in range(2))
    first.get("/healthz")
    labels = {"method": "GET", "route": "/healthz", "status": "200"}
    assert at(scrape(first), "ebb_http_requests_total", **labels) == 1
    assert at(scrape(second), "ebb_http_requests_total", **labels) is None


def outcomes(series: Series) -> dict[str, float]:
    return {
        dict(labels)["outcome"]: value
        for (name, labels), value in series.items()
        if name == "ebb_deliveries_total"
    }


def test_deliveries_are_counted_by_what_became_of_them(app: FastAPI, client: TestClient) -> None:
    none = {"accepted": 0, "duplicate": 0, "rejected": 0, "busy": 0, "too_large": 0}
    assert outcomes(scrape(client)) == none
    address, secret = connect(client)
    tool = TestClient(app)  # without the key, which would do in place of a signature
    assert post_entry(tool, address, ENTRY, secret, now=NOON).status_code == 202
    assert post_entry(tool, address, {**ENTRY, "id": "T-2"}, secret, now=NOON).status_code == 202
    assert post_entry(tool, address, ENTRY, secret, now=NOON).json()["status"] == "duplicate"
    assert post_entry(tool, address, ENTRY, "a-wrong-secret", now=NOON).status_code == 401
    assert tool.post(address, content=b" " * 2_000_001).status_code == 413
    found = scrape(client)
    assert outcomes(found) == {**none, "accepted": 2, "duplicate": 1, "rejected": 1, "too_large": 1}
    # One for each that came; a connection that broke is tried once more, and that is a commit too.
    assert at(found, "ebb_intake_commit_seconds_count") >= 3
    assert at(found, "ebb_intake_waiting") == 0


def test_deliveries_that_wait_and_those_sent_away_are_seen(
    app: FastAPI, client: TestClient, programs: Database
) -> None:
    address, secret = connect(client)
    writer = IntakeWriter(programs, size=1, gather_ms=0, metrics=app.state.metrics)
    app.state.intake, started = writer, app.state.intake
    answers: list[int] = []

    def send(number: int) -> None:
        sent = post_entry(client, address, {**ENTRY, "id": f"T-{number}"}, secret, now=NOON)
        answers.append(sent.status_code)

    first = threading.Thread(target=send, args=(1,))
    first.start()
    wait_until(lambda: at(scrape(client), "ebb_intake_waiting") == 1)
    send(2)
    assert answers == [503]
    writer.start()
    first.join(30)
    writer.drain()
    app.state.intake = started
    found = scrape(client)
    assert answers == [503, 202]
    assert (outcomes(found)["busy"], outcomes(found)["accepted"]) == (1, 1)
    assert at(found, "ebb_intake_waiting") == 0


def wait_until(is_true: Callable[[], bool]) -> None:
    until = time.monotonic() + 30
    while not is_true():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_the_state_of_the_work_is_read_when_asked(
    client: TestClient, database: Database, workspace: int, clock: Clock
) -> None:
    other = factories.workspace(database, name="Zebra Ltd")
    for owner, stage, subject, minutes in (
        (workspace, Job.EMBED, 1, 5),
        (other, Job.EMBED, 2, 2),
        (workspace, Job.MEASURE, 1, -60),
        (workspace, Job.LINK, 1, 100),
    ):
        with database.write(workspace=owner) as session:
            due = NOON - timedelta(minutes=minutes)
            work.enqueue(session, workspace=owner, stage=stage, subject=subject, run_at=due)
    with database.write(workspace=workspace) as session:
        session.query(Work).where(Work.stage == Job.LINK).one().state = WorkState.DEAD
    with database.write(workspace=None) as session:
        seen = NOON - timedelta(seconds=30)
        chores.beat(session, worker="embed@a", kind="embed", version="0.1", started_at=seen, now=seen)
        for hours, is_done in ((3, True), (2, True), (0, False)):
            then = NOON - timedelta(hours=hours)
            run = chores.claim(session, chore=Chore.SWEEP, every=timedelta(hours=1), worker="a", now=then)
            assert run is not None
            if is_done:
                chores.finish(session, run=run, now=then + timedelta(seconds=5))
    found = scrape(client)
    assert at(found, "ebb_database_up") == 1
    assert at(found, "ebb_work", stage="embed", state="ready") == 2
    assert at(found, "ebb_work", stage="measure", state="ready") == 1
    assert at(found, "ebb_work", stage="link", state="dead") == 1
    assert at(found, "ebb_work", stage="intake", state="ready") == 0
    assert at(found, "ebb_work_oldest_due_seconds", stage="embed") == 300
    assert at(found, "ebb_work_oldest_due_seconds", stage="measure") == 0
    assert at(found, "ebb_work_oldest_due_seconds", stage="link") == 0, "dead work is not late, it is dead"
    assert at(found, "ebb_worker_silent_seconds", kind="embed", worker="embed@a") == 30
    assert at(found, "ebb_chore_done_age_seconds", chore="sweep") == 2 * 3600 - 5
    clock.advance(seconds=10)
    assert at(scrape(client), "ebb_work_oldest_due_seconds", stage="embed") == 310


def test_no_label_names_a_workspace_a_source_or_a_path(client: TestClient, database: Database) -> None:
    address, secret = connect(client, name="zebra desk")
    post_entry(client, address, ENTRY, secret, now=NOON)
    client.get("/v1/feedback?q=zebra")
    found = scrape(client)
    labels = {label for _, each in found for label, _ in each}
    assert labels <= {
        "method",
        "route",
        "status",
        "le",
        "outcome",
        "stage",
        "state",
        "kind",
        "worker",
        "chore",
    }
    assert "zebra" not in str(found)
    assert address.rpartition("/")[2] not in str(found)


def test_series_that_alerts_watch_are_there_from_the_start(sqlite: Database) -> None:
    found = scrape(TestClient(create_app(settings_for(sqlite), database=sqlite)))
    assert {name for name, _ in found} >= {
        "ebb_database_up",
        "ebb_deliveries_total",
        "ebb_intake_commit_seconds_count",
        "ebb_intake_waiting",
        "ebb_nudges_total",
        "ebb_work",
        "ebb_work_oldest_due_seconds",
    }


def test_what_became_of_nudges_is_counted(sqlite: Database) -> None:
    app = create_app(settings_for(sqlite), database=sqlite)
    for outcome in (Outcome.SENT, Outcome.SENT, Outcome.FAILED):
        app.state.metrics.count_nudge(outcome)
    found = scrape(TestClient(app))
    assert at(found, "ebb_nudges_total", outcome="sent") == 2
    assert at(found, "ebb_nudges_total", outcome="failed") == 1


@pytest.mark.parametrize("way", ["silent", "refused"])
def test_a_database_that_is_away_leaves_the_metrics_of_the_process(way: str) -> None:
    with silent_server() as silent:
        port = silent if way == "silent" else 1
        address = f"postgresql://ebb:hunter2@127.0.0.1:{port}/ebb"
        client = TestClient(create_app(Settings(database_url=address), database=Database(address)))
        client.get("/healthz")
        before = threading.active_count()
        for _ in range(2):
            began = time.monotonic()
            found = scrape(client)
            assert time.monotonic() - began < GIVEN_UP_S
            assert at(found, "ebb_database_up") == 0
            assert at(found, "ebb_http_requests_total", method="GET", route="/healthz", status="200") == 1
            assert not any(name == "ebb_work" for name, _ in found)
        assert threading.active_count() <= before + 4


PAGE = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()


def test_every_series_is_documented_and_nothing_else(client: TestClient, database: Database) -> None:
    with database.write(workspace=None) as session:
        chores.beat(session, worker="embed@a", kind="embed", version="0.1", started_at=NOON, now=NOON)
        run = chores.claim(session, chore=Chore.SWEEP, every=timedelta(hours=1), worker="a", now=NOON)
        assert run is not None
        chores.finish(session, run=run, now=NOON)
    client.get("/healthz")
    exposed = {re.sub(r"_(bucket|sum|count)$", "", name) for name, _ in scrape(client)}
    assert set(re.findall(r"^\| `(ebb_[a-z_]+)", PAGE, flags=re.MULTILINE)) == exposed


def test_the_alerts_of_the_page_ask_for_series_that_exist(client: TestClient) -> None:
    (block,) = re.findall(r"```yaml\n(groups:.*?)```", PAGE, flags=re.DOTALL)
    rules = yaml.safe_load(block)["groups"][0]["rules"]
    documented = set(re.findall(r"^\| `(ebb_[a-z_]+)", PAGE, flags=re.MULTILINE))
    asked = {name for rule in rules for name in re.findall(r"ebb_[a-z_]+", rule["expr"])}
    assert asked
    assert asked <= documented
