"""Refused calls: whoever guesses learns nothing of which sources there are, and their owners learn all of it."""

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import event, select
from sqlalchemy.exc import OperationalError

from models.database import Database
from models.queries import deliveries
from models.records import Source
from models.values.roles import Role
from service import refusals
from service.api.ingest import READ_BESIDE
from tests import factories
from tests.clock import NOON
from tests.service.keys import bearer
from tests.steps import connect, post_entry, signed

ENTRY = {"id": "T-1", "created_at": "2026-06-01T10:00:00Z", "text": "The export fails.", "customer_id": "c-1"}
UNKNOWN = "/v1/ingest/src_999"
SMALL, LARGE = json.dumps(ENTRY).encode(), json.dumps({**ENTRY, "text": "x" * READ_BESIDE}).encode()
LATER_S = 3600.0


@pytest.fixture
def noted_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing be written until somebody asks for it."""
    monkeypatch.setattr(refusals, "WRITTEN_AFTER_S", LATER_S)


@pytest.fixture
def desk(client: TestClient) -> Iterator[str]:
    """The address of a source; the client goes on without its key."""
    address, _ = connect(client)
    owner = client.headers.pop("authorization")
    yield address
    client.headers["authorization"] = owner


class Spent:
    """What answering cost: statements by their text, transactions that wrote, bodies that were hashed."""

    def __init__(self) -> None:
        self.statements: list[str] = []
        self.hashed = 0


@contextmanager
def counted(database: Database, monkeypatch: pytest.MonkeyPatch, body: bytes) -> Iterator[Spent]:
    spent = Spent()
    real = hmac.digest

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        spent.statements.append(statement)

    def digest(key: bytes, content: bytes, how: str) -> bytes:
        spent.hashed += body in content
        return real(key, content, how)

    engines = {database.engine, database._reader}
    with monkeypatch.context() as patched:
        patched.setattr(hmac, "digest", digest)
        for engine in engines:
            event.listen(engine, "before_cursor_execute", note)
        yield spent
        for engine in engines:
            event.remove(engine, "before_cursor_execute", note)


def told(answer: Any) -> tuple[int, str, list[tuple[str, str]]]:
    """What a sender sees, but for the request's id."""
    shown = {name: value for name, value in answer.headers.items() if name not in ("x-request-id", "date")}
    return answer.status_code, json.dumps({**answer.json(), "request_id": ""}), sorted(shown.items())


def headers_of_another_tool(body: bytes) -> dict[str, str]:
    return {"X-Hub-Signature-256": "sha256=" + hashlib.sha256(body).hexdigest()}


PROBES: dict[str, Callable[[bytes], dict[str, str]]] = {
    "no proof": lambda _: {},
    "a forged signature": lambda body: signed(body, "forged", now=NOON),
    "a signature without its time": lambda body: {"X-Signature-256": "sha256=0"},
    "another tool's signature": headers_of_another_tool,
    "a token": lambda _: {"Authorization": "Bearer of-the-tool"},
    "a key that is none": lambda _: bearer("ebb_nothing"),
    "a key that is none, and a signature": lambda body: {
        **bearer("ebb_nothing"),
        **signed(body, "forged", now=NOON),
    },
}


@pytest.mark.parametrize("body", [SMALL, LARGE], ids=["small", "large"])
@pytest.mark.parametrize("probe", PROBES)
def test_a_probe_of_an_unknown_source_is_answered_and_costs_as_one_of_a_source_that_is_there(
    client: TestClient,
    desk: str,
    programs: Database,
    monkeypatch: pytest.MonkeyPatch,
    noted_late: None,
    probe: str,
    body: bytes,
) -> None:
    headers = PROBES[probe](body)
    found = []
    # Twice each: what is kept of the source after the first call must not show in the second.
    for address in (desk, desk, UNKNOWN, UNKNOWN):
        with counted(programs, monkeypatch, body) as spent:
            answer = client.post(address, content=body, headers=headers)
        found.append((told(answer), spent.statements, spent.hashed))
    assert found[0][0][0] == 401
    assert found[0][2] == 1, "the body is hashed once"
    assert not [each for each in found[0][1] if each.lstrip().upper().startswith(("UPDATE", "INSERT"))]
    assert all(each == found[0] for each in found)


def test_a_key_of_another_workspace_learns_nothing_either(
    client: TestClient,
    desk: str,
    database: Database,
    programs: Database,
    monkeypatch: pytest.MonkeyPatch,
    noted_late: None,
) -> None:
    foreign = factories.key(database, factories.workspace(database, name="Other"), role=Role.INTEGRATION)
    client.post(UNKNOWN, content=SMALL, headers=bearer(foreign))  # notes the key's use, once an hour
    found = []
    for address in (desk, UNKNOWN):
        with counted(programs, monkeypatch, SMALL) as spent:
            answer = client.post(address, content=SMALL, headers=bearer(foreign))
        found.append((told(answer), spent.statements, spent.hashed))
    assert found[0] == found[1]


# --- what its owners learn ----------------------------------------------------------------------------------


def noted(database: Database) -> tuple[int, str | None]:
    with database.read(workspace=None) as session:
        row = session.scalars(select(Source)).one()
    return row.rejected_count, row.rejected_reason


def test_refusals_are_written_together_once_the_answers_are_out(
    client: TestClient, desk: str, database: Database, programs: Database, noted_late: None
) -> None:
    written: list[int] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        written.append(statement.startswith("UPDATE source"))

    for _ in range(20):
        post_entry(client, desk, ENTRY, "forged", now=NOON)
    client.post(desk, content=SMALL)
    assert noted(database) == (0, None)
    event.listen(programs.engine, "before_cursor_execute", note)
    client.app.state.refusals.write()  # type: ignore[attr-defined]
    event.remove(programs.engine, "before_cursor_execute", note)
    assert sum(written) == 1
    count, reason = noted(database)
    assert (count, "is missing" in str(reason)) == (21, True), "the last call had no signature"


def test_the_health_of_a_source_knows_the_call_that_was_just_refused(
    client: TestClient, database: Database, workspace: int, noted_late: None
) -> None:
    address, _ = connect(client)
    body = json.dumps(ENTRY).encode()
    client.post(address, content=body, headers={**signed(body, "forged", now=NOON), "Authorization": "none"})
    health = client.get(f"/v1/sources/{address.rpartition('/')[2]}/health").json()
    assert health["light"] == "red", health["counts"]
    assert "does not match" in health["last_rejected_reason"]


def test_they_are_written_by_themselves_and_at_the_end_of_the_program(
    app: FastAPI, database: Database, workspace: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with database.write(workspace=workspace) as session:
        number = factories.source(session, workspace)
    address = f"/v1/ingest/src_{number}"
    with TestClient(app) as client:
        post_entry(client, address, ENTRY, "forged", now=NOON)
        timer = app.state.refusals._timer
        if timer is not None:  # it has not run yet
            timer.join(30)
        assert noted(database)[0] == 1
        monkeypatch.setattr(refusals, "WRITTEN_AFTER_S", LATER_S)
        post_entry(client, address, ENTRY, "forged", now=NOON + timedelta(hours=1))
        assert noted(database)[0] == 1
    assert noted(database)[0] == 2


def test_a_database_that_is_away_costs_no_count_and_an_unknown_source_leaves_nothing(
    client: TestClient, desk: str, database: Database, monkeypatch: pytest.MonkeyPatch, noted_late: None
) -> None:
    real = deliveries.count_rejected
    fails = [OperationalError("", {}, Exception("away")), ValueError("a fault")]

    def count_rejected(*arguments: Any, **more: Any) -> None:
        if fails:
            raise fails.pop(0)
        real(*arguments, **more)

    monkeypatch.setattr(deliveries, "count_rejected", count_rejected)
    noting = client.app.state.refusals  # type: ignore[attr-defined]
    for address in (desk, UNKNOWN):
        assert post_entry(client, address, ENTRY, "forged", now=NOON).status_code == 401
    noting.write()
    assert noted(database)[0] == 0
    assert len(noting._waiting) == 1
    noting.write()  # the fault of ours: told in the log, and not tried for ever
    assert noting._waiting == {}
    post_entry(client, desk, ENTRY, "forged", now=NOON)
    noting.write()
    assert noted(database)[0] == 1
