"""Raw bodies expire by age and state; rows, states and what waits to be read stay."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from models.database import Database
from models.errors import Conflict
from models.queries import deliveries, delivery_log, retention
from models.queries.delivery_log import DeliveryFilter
from models.records import Delivery, DeliveryState
from models.values.deliveries import DeliveryOutcome
from tests import factories
from tests.clock import NOON, Clock
from workers.context import Context
from workers.retain import EXPIRED_AT_ONCE, retain

OLD = NOON - timedelta(days=40)
OLDER = NOON - timedelta(days=200)


def deliver(
    database: Database, workspace: int, *made: tuple[str, datetime, DeliveryState], source: str = "desk"
) -> None:
    with database.write(workspace=workspace) as session:
        of = factories.source(session, workspace, name=source)
        drafts = [factories.delivery(workspace, of, b"{}", name=name, at=at) for name, at, _ in made]
        deliveries.record(session, drafts=drafts)
        states = {name: state for name, _, state in made}
        for row in session.scalars(select(Delivery).where(Delivery.source_id == of)):
            row.state, row.headers = states[row.key], {"x": "1"}


def kept(database: Database) -> dict[str, bool]:
    with database.read(workspace=None) as session:
        return {row.key: row.body != b"" for row in session.scalars(select(Delivery))}


def test_each_state_has_its_own_time(context: Context, database: Database, workspace: int) -> None:
    deliver(
        database,
        workspace,
        ("parsed old", OLD, DeliveryState.PARSED),
        ("ignored old", OLD, DeliveryState.IGNORED),
        ("parsed new", NOON, DeliveryState.PARSED),
        ("invalid old", OLD, DeliveryState.INVALID),
        ("invalid older", OLDER, DeliveryState.INVALID),
        ("open older", OLDER, DeliveryState.OPEN),
    )
    retain(context, lambda _: None)

    assert kept(database) == {
        "parsed old": False,
        "ignored old": False,
        "parsed new": True,
        "invalid old": True,
        "invalid older": False,
        "open older": True,
    }
    with database.read(workspace=None) as session:
        rows = {row.key: row for row in session.scalars(select(Delivery))}
    gone = rows["parsed old"]
    assert (gone.state, gone.body_expired_at, gone.headers) == (DeliveryState.PARSED, NOON, {})
    assert rows["parsed new"].body_expired_at is None


def test_the_bounds_are_the_settings_days(database: Database, workspace: int) -> None:
    edge = NOON - timedelta(days=30)
    deliver(
        database,
        workspace,
        ("at the edge", edge, DeliveryState.PARSED),
        ("past it", edge - timedelta(seconds=1), DeliveryState.PARSED),
    )
    with database.write(workspace=workspace) as session:
        gone = retention.expire_bodies(
            session, workspace=workspace, read_before=edge, unread_before=None, now=NOON, limit=9
        )
    assert gone == 1
    assert kept(database) == {"at the edge": True, "past it": False}


def test_with_zero_days_nothing_expires(database: Database, workspace: int) -> None:
    deliver(database, workspace, ("old", OLDER, DeliveryState.PARSED))
    with database.write(workspace=workspace) as session:
        bounds = {"read_before": None, "unread_before": None}
        assert retention.expire_bodies(session, workspace=workspace, now=NOON, limit=9, **bounds) == 0
    assert kept(database) == {"old": True}


def test_more_than_one_batch_goes_in_one_round_of_every_workspace(
    context: Context, database: Database, workspace: int, clock: Clock
) -> None:
    other = factories.workspace(database)
    many = [(f"{number}", OLD, DeliveryState.PARSED) for number in range(EXPIRED_AT_ONCE + 5)]
    deliver(database, workspace, *many)
    deliver(database, other, ("theirs", OLD, DeliveryState.PARSED), source="other")
    retain(context, lambda _: None)
    assert not any(kept(database).values())


def test_an_expired_body_is_not_read_again(database: Database, workspace: int) -> None:
    deliver(database, workspace, ("old", OLDER, DeliveryState.INVALID), ("new", NOON, DeliveryState.INVALID))
    with database.write(workspace=workspace) as session:
        retention.expire_bodies(
            session, workspace=workspace, read_before=None, unread_before=OLD, now=NOON, limit=9
        )
        invalid = DeliveryFilter(outcome=DeliveryOutcome.INVALID)
        assert (
            delivery_log.replay(session, workspace=workspace, where=invalid, until=10**9, now=NOON, limit=9)
            == 1
        )
        with pytest.raises(Conflict, match="has expired"):
            delivery_log.replay_one(session, workspace=workspace, delivery=1, now=NOON)
