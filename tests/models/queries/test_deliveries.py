"""Sources and deliveries: stored once, with their work; health; reading again."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from models.database import Database
from models.errors import NotFound
from models.jobs import Job
from models.queries import deliveries
from models.records import Delivery, DeliveryState, Source, Work
from tests import factories
from tests.clock import NOON


@pytest.fixture
def source(database: Database, workspace: int) -> int:
    with database.write(workspace=workspace) as session:
        return factories.source(session, workspace)


def record(database: Database, workspace: int, source: int, *names: str) -> list[bool]:
    with database.write(workspace=None) as session:
        drafts = [factories.delivery(workspace, source, b"{}", name=name) for name in names]
        return deliveries.record(session, drafts=drafts)


def test_a_delivery_comes_with_its_work(database: Database, workspace: int, source: int) -> None:
    assert record(database, workspace, source, "a", "b") == [True, True]
    with database.read(workspace=None) as session:
        rows = session.scalars(select(Work).order_by(Work.id)).all()
        ids = session.scalars(select(Delivery.id).order_by(Delivery.id)).all()
    assert [(row.stage, row.subject, row.workspace_id) for row in rows] == [
        (Job.INTAKE, number, workspace) for number in ids
    ]


def test_copies_are_ignored_within_and_across_commits(
    database: Database, workspace: int, source: int
) -> None:
    assert record(database, workspace, source, "a", "a", "b") == [True, False, True]
    assert record(database, workspace, source, "b", "c") == [False, True]
    with database.read(workspace=None) as session:
        assert len(session.scalars(select(Delivery)).all()) == 3
        assert len(session.scalars(select(Work)).all()) == 3


def test_the_same_key_at_another_source_is_another_delivery(
    database: Database, workspace: int, source: int
) -> None:
    with database.write(workspace=workspace) as session:
        other = factories.source(session, workspace, name="other")
    assert record(database, workspace, source, "a") == [True]
    assert record(database, workspace, other, "a") == [True]


def test_deliveries_are_loaded_in_the_order_they_arrived(
    database: Database, workspace: int, source: int
) -> None:
    record(database, workspace, source, "z", "a", "m")
    with database.read(workspace=None) as session:
        rows = deliveries.load(session, workspace=workspace, deliveries=[3, 1, 2])
    assert [(row.key, owner.id) for row, owner in rows] == [("z", source), ("a", source), ("m", source)]


def test_a_source_is_found_by_kind_and_name_or_made(database: Database, workspace: int) -> None:
    with database.write(workspace=workspace) as session:
        first = deliveries.named_source(
            session, workspace=workspace, kind="generic_json", name="file", now=NOON
        )
        again = deliveries.named_source(
            session, workspace=workspace, kind="generic_json", name="file", now=NOON
        )
        other = deliveries.named_source(session, workspace=workspace, kind="zendesk", name="file", now=NOON)
        assert first.id == again.id != other.id
        assert first.stored_secret is None


def test_a_source_of_another_workspace_is_not_found(database: Database, workspace: int, source: int) -> None:
    other = factories.workspace(database)
    with database.read(workspace=None) as session:
        assert deliveries.get_source(session, workspace=workspace, source=source).id == source
        with pytest.raises(NotFound):
            deliveries.get_source(session, workspace=other, source=source)
        assert deliveries.list_sources(session, workspace=other) == []


def test_health_counts_deliveries_by_what_became_of_them(
    database: Database, workspace: int, source: int
) -> None:
    with database.read(workspace=None) as session:
        empty = deliveries.health(session, workspace=workspace, source=source)
    assert (empty.last_delivery_at, empty.deliveries, empty.usual_gap_s) == (None, 0, None)
    record(database, workspace, source, *"abcd")
    states = (DeliveryState.PARSED, DeliveryState.IGNORED, DeliveryState.INVALID)
    with database.write(workspace=workspace) as session:
        for number, state in enumerate(states, start=1):
            deliveries.close(session, workspace=workspace, delivery=number, state=state, reason=str(state))
        deliveries.count_rejected(
            session, workspace=workspace, source=source, reason="no signature", now=NOON
        )
    with database.read(workspace=None) as session:
        found = deliveries.health(session, workspace=workspace, source=source)
        row = session.get_one(Source, source)
    assert (found.deliveries, found.parsed, found.ignored, found.invalid, found.open) == (4, 1, 1, 1, 1)
    assert found.last_delivery_at == NOON
    assert (row.rejected_count, row.rejected_at) == (1, NOON)


def test_the_usual_gap_needs_a_hundred_deliveries(database: Database, workspace: int, source: int) -> None:
    def send(numbers: range) -> None:
        drafts = [
            factories.delivery(workspace, source, b"{}", name=str(n), at=NOON + timedelta(seconds=30 * n))
            for n in numbers
        ]
        with database.write(workspace=None) as session:
            deliveries.record(session, drafts=drafts)

    send(range(99))
    with database.read(workspace=None) as session:
        assert deliveries.health(session, workspace=workspace, source=source).usual_gap_s is None
    send(range(99, 120))
    with database.read(workspace=None) as session:
        assert deliveries.health(session, workspace=workspace, source=source).usual_gap_s == 30
