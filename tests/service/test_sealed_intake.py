"""Raw bodies with a key set: sealed as they arrive, read by workers, kept and replayed where the key is missing."""

import base64
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from models.database import Database
from models.queries.delivery_log import DeliveryFilter
from models.records import Delivery, DeliveryState, FeedbackItem
from models.sealing import is_sealed
from models.values.deliveries import DeliveryOutcome
from service.app import create_app
from service.replay import replay_all
from tests import factories
from tests.clock import Clock
from tests.services import settings_for
from tests.steps import connect, post_entry, walk
from workers.context import Context

KEY, NEXT_KEY = (base64.b64encode(letter * 32).decode() for letter in (b"k", b"n"))
ENTRY = {"id": "T-1", "created_at": "2026-05-20T10:00:00Z", "text": "The export fails, it is bad."}


def post(database: Database, workspace: int, clock: Clock, key: str, *, connected: bool = False) -> None:
    app = create_app(settings_for(database, sealing_key=key), database=database, clock=clock)
    bearer = factories.key(database, workspace)
    with TestClient(app, headers={"Authorization": f"Bearer {bearer}"}) as client:
        address, secret = connect(client)
        assert post_entry(client, address, ENTRY, secret, now=clock()).status_code == 202


def stored(database: Database) -> Delivery:
    with database.read(workspace=None) as session:
        return session.scalars(select(Delivery)).one()


def texts(database: Database) -> list[str]:
    with database.read(workspace=None) as session:
        return list(session.scalars(select(FeedbackItem.text)))


def test_a_sealed_delivery_is_read_by_whoever_has_the_key(
    sqlite: Database, context: Context, clock: Clock
) -> None:
    post(context.database, 1, clock, KEY)
    assert is_sealed(stored(context.database).body)
    assert b"export" not in stored(context.database).body
    # The key was changed meanwhile, and the old one kept beside it.
    walk(replace(context, settings=settings_for(context.database, sealing_key=f"{NEXT_KEY},{KEY}")))
    assert texts(context.database) == [ENTRY["text"]]


def test_without_the_key_the_delivery_waits_and_is_replayed_when_it_is_back(
    context: Context, clock: Clock
) -> None:
    database = context.database
    post(database, 1, clock, KEY)
    walk(context)
    kept = stored(database)
    assert kept.state is DeliveryState.INVALID
    assert "EBB_SEALING_KEY" in str(kept.reason)
    assert texts(database) == []
    invalid = DeliveryFilter(outcome=DeliveryOutcome.INVALID)
    assert replay_all(database, workspace=1, where=invalid, now=clock()) == 1
    walk(replace(context, settings=settings_for(database, sealing_key=KEY)))
    assert stored(database).state is DeliveryState.PARSED
    assert texts(database) == [ENTRY["text"]]


def test_an_import_is_sealed_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ready: object, ebb: object, opened: Database
) -> None:
    file = tmp_path / "old.csv"
    file.write_text("id,text,created_at\n1,The export fails.,2026-05-20T10:00:00Z\n")
    monkeypatch.setenv("EBB_SEALING_KEY", KEY)
    from models.settings import load_settings

    load_settings.cache_clear()
    assert ebb("import", file) == 0  # type: ignore[operator]
    assert is_sealed(stored(opened).body)


@pytest.fixture
def database(sqlite: Database) -> Database:
    return sqlite


@pytest.fixture(autouse=True)
def _workspace(request: pytest.FixtureRequest, sqlite: Database) -> None:
    assert factories.workspace(sqlite) == 1
