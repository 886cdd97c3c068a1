"""The log of deliveries: what became of each, by source and state, and reading them again."""

from datetime import timedelta

import pytest
from sqlalchemy import event, select, update

from models.database import Database, Session
from models.errors import NotFound
from models.jobs import Job, WorkState
from models.queries import deliveries, delivery_log
from models.queries.delivery_log import DeliveryEntry, DeliveryFilter, Unread
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


def test_what_was_not_read_is_counted_by_source_and_told_apart(
    database: Database, workspace: int, filled: dict[str, int]
) -> None:
    with database.write(workspace=workspace) as session:
        quiet = factories.source(session, workspace)
    with database.read(workspace=workspace) as session:
        whole = delivery_log.unread(session, workspace=workspace)
        assert whole == delivery_log.unread(session, workspace=workspace, source=filled["source"])
        assert delivery_log.unread(session, workspace=workspace, source=quiet) == {}
    assert whole == {filled["source"]: Unread(waiting=1, dead=1, invalid=1, errors=("KeyError",))}


def test_reasons_are_those_of_the_dead_and_of_what_was_not_understood(
    database: Database, workspace: int, filled: dict[str, int]
) -> None:
    with database.read(workspace=workspace) as session:
        found = delivery_log.failures(session, workspace=workspace, source=filled["source"])
    assert [(each.outcome, each.reason, each.count, each.last_at) for each in found] == [
        (DeliveryOutcome.INVALID, "not JSON", 1, NOON),
        (DeliveryOutcome.DEAD, "KeyError", 1, NOON),
    ]


@pytest.mark.parametrize("outcome", [DeliveryOutcome.INVALID, DeliveryOutcome.DEAD])
def test_the_few_that_were_not_read_are_found_without_reading_the_others(
    sqlite: Database, outcome: DeliveryOutcome
) -> None:
    workspace = factories.workspace(sqlite)
    with sqlite.write(workspace=workspace) as session:
        source = factories.source(session, workspace)
    plans: list[str] = []

    def note(_: object, __: object, statement: str, parameters: tuple[object, ...], *___: object) -> None:
        if statement.startswith("SELECT") and "FROM delivery" in statement:
            asked.append((statement, parameters))

    asked: list[tuple[str, tuple[object, ...]]] = []
    with sqlite.read(workspace=workspace) as session:
        event.listen(session.get_bind(), "before_cursor_execute", note)
        delivery_log.list_deliveries(
            session, workspace=workspace, where=DeliveryFilter(source, outcome), before=None, limit=20
        )
        delivery_log.failures(session, workspace=workspace, source=source)
        event.remove(session.get_bind(), "before_cursor_execute", note)
        assert len(asked) == 3
        for statement, parameters in asked:
            rows = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            plans += [str(row[3]) for row in rows]
    found = [line for line in plans if "SEARCH delivery" in line or "SCAN delivery" in line]
    assert found
    assert all("ix_delivery_invalid" in line or "rowid=?" in line for line in found), plans
