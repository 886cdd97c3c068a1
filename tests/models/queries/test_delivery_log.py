"""The log of deliveries: what became of each, by source and state, and reading them again."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from models.database import Database, Session
from models.errors import NotFound
from models.jobs import Job, WorkState
from models.queries import deliveries, delivery_log
from models.queries.delivery_log import DeliveryEntry, DeliveryFilter
from models.records import Delivery, DeliveryState, Work
from models.values.deliveries import DeliveryOutcome
from tests import factories
from tests.clock import NOON

LATER = NOON + timedelta(hours=1)
STATES = {
    "open": DeliveryState.OPEN,
    "parsed": DeliveryState.PARSED,
    "ignored": DeliveryState.IGNORED,
    "invalid": DeliveryState.INVALID,
    "dead": DeliveryState.OPEN,
    # Not read any more, and understood the last time: what its work ended with before does not count.
    "mended": DeliveryState.PARSED,
}


@pytest.fixture
def filled(database: Database, workspace: int) -> dict[str, int]:
    """A source with a delivery of each kind, by name; their ids."""
    with database.write(workspace=workspace) as session:
        source = factories.source(session, workspace)
        drafts = [factories.delivery(workspace, source, b"{}", name=name) for name in STATES]
        assert deliveries.record(session, drafts=drafts) == [True] * len(STATES)
        rows = {key: number for key, number in session.execute(select(Delivery.key, Delivery.id))}
        for name, state in STATES.items():
            reason = "not JSON" if name == "invalid" else None
            deliveries.close(session, workspace=workspace, delivery=rows[name], state=state, reason=reason)
            if name != "open":
                is_dead = name in ("dead", "mended")
                set_work(session, rows[name], WorkState.DEAD if is_dead else WorkState.DONE)
    return {"source": source, **rows}


def set_work(session: Session, delivery: int, state: WorkState) -> None:
    error = "KeyError" if state is WorkState.DEAD else None
    session.execute(update(Work).where(Work.subject == delivery).values(state=state, attempts=5, error=error))


def listed(database: Database, workspace: int, where: DeliveryFilter) -> list[DeliveryEntry]:
    with database.read(workspace=workspace) as session:
        return delivery_log.list_deliveries(session, workspace=workspace, where=where, before=None, limit=99)


@pytest.mark.parametrize("outcome", DeliveryOutcome)
def test_each_state_finds_its_own(
    database: Database, workspace: int, filled: dict[str, int], outcome: DeliveryOutcome
) -> None:
    found = listed(database, workspace, DeliveryFilter(outcome=outcome))
    expected = ["mended", "parsed"] if outcome is DeliveryOutcome.PARSED else [str(outcome)]
    assert [entry.key for entry in found] == expected
    assert {entry.outcome for entry in found} == {outcome}


def test_an_entry_says_how_reading_it_stands(
    database: Database, workspace: int, filled: dict[str, int]
) -> None:
    found = {entry.key: entry for entry in listed(database, workspace, DeliveryFilter())}
    assert [*found] == [*reversed(STATES)]
    assert (found["dead"].attempts, found["dead"].error, found["dead"].due_at) == (5, "KeyError", None)
    assert (found["open"].attempts, found["open"].error, found["open"].due_at) == (0, None, NOON)
    assert (found["invalid"].reason, found["mended"].error) == ("not JSON", None)


def test_another_source_has_none_of_them(database: Database, workspace: int, filled: dict[str, int]) -> None:
    with database.write(workspace=workspace) as session:
        other = factories.source(session, workspace)
    assert listed(database, workspace, DeliveryFilter(source=other)) == []
    assert len(listed(database, workspace, DeliveryFilter(source=filled["source"]))) == len(STATES)


def test_replaying_takes_what_was_asked_for_up_to_an_id_and_in_portions(
    database: Database, workspace: int
) -> None:
    with database.write(workspace=workspace) as session:
        source = factories.source(session, workspace)
        drafts = [factories.delivery(workspace, source, b"{}", name=f"k{at}") for at in range(7)]
        deliveries.record(session, drafts=drafts)
        ids = session.scalars(select(Delivery.id).order_by(Delivery.id)).all()
        for each in ids:
            deliveries.close(
                session, workspace=workspace, delivery=each, state=DeliveryState.INVALID, reason="why"
            )
            set_work(session, each, WorkState.DONE)
    counts = []
    for _ in range(3):
        with database.write(workspace=workspace) as session:
            counts.append(
                delivery_log.replay(
                    session,
                    workspace=workspace,
                    where=DeliveryFilter(source, DeliveryOutcome.INVALID),
                    until=ids[5],
                    now=LATER,
                    limit=4,
                )
            )
    assert counts == [4, 2, 0]
    with database.read(workspace=workspace) as session:
        states = session.execute(select(Delivery.state, Delivery.reason).order_by(Delivery.id)).all()
        ready = select(Work.subject, Work.run_at, Work.attempts).where(Work.state == WorkState.READY)
        due = session.execute(ready.order_by(Work.subject)).all()
    assert [tuple(row) for row in states] == [(DeliveryState.OPEN, None)] * 6 + [
        (DeliveryState.INVALID, "why")
    ]
    assert [tuple(row) for row in due] == [(each, LATER, 0) for each in ids[:6]]


@pytest.mark.parametrize("name", STATES)
def test_one_can_be_replayed_whatever_became_of_it(
    database: Database, workspace: int, filled: dict[str, int], name: str
) -> None:
    with database.write(workspace=workspace) as session:
        delivery_log.replay_one(session, workspace=workspace, delivery=filled[name], now=LATER)
    with database.read(workspace=workspace) as session:
        entry, row, source = delivery_log.get_delivery(session, workspace=workspace, delivery=filled[name])
        pieces = session.scalars(select(Work).where(Work.subject == filled[name])).all()
    assert (entry.outcome, entry.due_at, entry.attempts) == (DeliveryOutcome.OPEN, LATER, 0)
    assert (row.body, source.id, len(pieces)) == (b"{}", filled["source"], 1)


def test_a_dead_one_whose_work_row_is_gone_is_read_all_the_same(
    database: Database, workspace: int, filled: dict[str, int]
) -> None:
    with database.write(workspace=workspace) as session:
        session.query(Work).filter(Work.subject == filled["parsed"]).delete()
        delivery_log.replay_one(session, workspace=workspace, delivery=filled["parsed"], now=LATER)
    with database.read(workspace=workspace) as session:
        piece = session.scalars(select(Work).where(Work.subject == filled["parsed"])).one()
    assert (piece.stage, piece.state) == (Job.INTAKE, WorkState.READY)


def test_what_is_not_there_is_not_found(database: Database, workspace: int) -> None:
    with database.write(workspace=workspace) as session, pytest.raises(NotFound, match="dlv_7"):
        delivery_log.replay_one(session, workspace=workspace, delivery=7, now=NOON)
