"""Sources as intake keeps them: for a second, never against a newer secret, and never for other databases."""

import json
from datetime import timedelta

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import delete, func, select, update

from models.database import Database, Session
from models.queries import deliveries
from models.records import Delivery, Source
from models.sealing import Keyring
from models.values.ids import Prefix, parse_id
from service import doors
from service.doors import Doors
from tests import factories
from tests.clock import NOON
from tests.steps import connect, post_entry

ENTRY = {"id": "T-1", "created_at": "2026-06-01T10:00:00Z", "text": "The export fails.", "customer_id": "c-1"}


class Stopwatch:
    """A monotonic clock that stands still until it is told."""

    def __init__(self) -> None:
        self.at = 1000.0

    def monotonic(self) -> float:
        return self.at


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Stopwatch:
    found = Stopwatch()
    monkeypatch.setattr(doors, "time", found)
    return found


@pytest.fixture
def sender(app: FastAPI, client: TestClient) -> TestClient:
    """The client without its key: one that may deliver would stand in for a signature."""
    client.headers["Authorization"] = ""
    return client


@pytest.fixture
def desk(client: TestClient) -> tuple[str, str]:
    return connect(client)


def set_secret(database: Database, address: str, secret: str) -> None:
    number = parse_id(Prefix.SOURCE, address.rpartition("/")[2])
    with database.write(workspace=None) as session:
        session.execute(update(Source).where(Source.id == number).values(stored_secret=secret))


def count(database: Database) -> int:
    with database.read(workspace=None) as session:
        return session.scalar(select(func.count()).select_from(Delivery)) or 0


def test_a_source_is_read_once_a_second(
    desk: tuple[str, str], sender: TestClient, watch: Stopwatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[int] = []
    real = deliveries.find_source

    def watched(session: Session, *, source: int) -> Source | None:
        reads.append(source)
        return real(session, source=source)

    monkeypatch.setattr(deliveries, "find_source", watched)
    for number in range(5):
        assert (
            post_entry(sender, desk[0], {**ENTRY, "id": f"T-{number}"}, desk[1], now=NOON).status_code == 202
        )
    assert len(reads) == 1
    watch.at += doors.KEPT_S
    assert post_entry(sender, desk[0], ENTRY, desk[1], now=NOON).status_code == 202
    assert len(reads) == 2


def test_a_new_secret_opens_at_once_and_the_old_one_for_a_second_at_most(
    desk: tuple[str, str], sender: TestClient, database: Database, watch: Stopwatch
) -> None:
    address, old = desk
    assert post_entry(sender, address, ENTRY, old, now=NOON).status_code == 202
    set_secret(database, address, "a new secret")
    assert post_entry(sender, address, ENTRY, old, now=NOON).status_code == 202, "what the page says"
    assert post_entry(sender, address, ENTRY, "a new secret", now=NOON).status_code == 202
    assert post_entry(sender, address, ENTRY, old, now=NOON).status_code == 401, "the new one was seen"
    set_secret(database, address, "a third")
    watch.at += doors.KEPT_S
    assert post_entry(sender, address, ENTRY, "a new secret", now=NOON).status_code == 401


def test_a_forged_call_is_refused_and_counted_also_where_the_source_is_kept(
    desk: tuple[str, str], sender: TestClient, database: Database, watch: Stopwatch
) -> None:
    address, secret = desk
    assert post_entry(sender, address, ENTRY, secret, now=NOON).status_code == 202
    for _ in range(3):
        assert post_entry(sender, address, ENTRY, "forged", now=NOON).status_code == 401
    assert post_entry(sender, address, ENTRY, secret, now=NOON - timedelta(hours=1)).status_code == 401
    sender.app.state.refusals.write()  # type: ignore[attr-defined]
    with database.read(workspace=None) as session:
        assert session.scalars(select(Source.rejected_count)).one() == 4
    assert count(database) == 1


def test_a_source_that_is_gone_takes_nothing_more(
    desk: tuple[str, str], sender: TestClient, database: Database, watch: Stopwatch
) -> None:
    address, secret = desk
    assert post_entry(sender, address, ENTRY, secret, now=NOON).status_code == 202
    with database.write(workspace=None) as session:
        session.execute(delete(Source))
    answers = [
        post_entry(sender, address, {**ENTRY, "id": "T-2"}, secret, now=NOON),
        post_entry(sender, "/v1/ingest/src_999", ENTRY, secret, now=NOON),
    ]
    assert [answer.status_code for answer in answers] == [401, 401]
    assert len({json.dumps({**answer.json(), "request_id": ""}) for answer in answers}) == 1


def test_no_more_doors_are_kept_than_there_is_room_for(
    database: Database, workspace: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doors, "MOST", 2)
    with database.write(workspace=workspace) as session:
        sources = [factories.source(session, workspace) for _ in range(3)]
    kept = Doors(Keyring())
    for number in (*sources, 999):
        kept.read(database, number)
    assert [kept.kept(database, number) is not None for number in (*sources, 999)] == [
        False,
        True,
        True,
        False,
    ]


def test_doors_of_another_database_are_its_own(database: Database, workspace: int) -> None:
    with database.write(workspace=workspace) as session:
        number = factories.source(session, workspace)
    kept = Doors(Keyring())
    assert kept.read(database, number) is not None
    other = Database("sqlite://")
    assert kept.kept(other, number) is None
    other.close()
