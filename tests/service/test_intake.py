"""The intake writer: group commit, one bad delivery alone, back pressure, draining."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from models.database import Database, Session
from models.errors import Busy
from models.jobs import Job, WorkState
from models.queries import deliveries
from models.queries.deliveries import DeliveryDraft
from models.records import Delivery, Work
from service.intake import IntakeWriter
from tests import factories
from tests.clock import NOON
from tests.services import PROGRAMS


@pytest.fixture
def desk(sqlite: Database) -> Callable[[int], DeliveryDraft]:
    """Make the n-th delivery of a source."""
    owner = factories.workspace(sqlite)
    with sqlite.write(workspace=owner) as session:
        source = factories.source(session, owner)
    return lambda number: factories.delivery(owner, source, b"{}", name=f"k-{number}")


def keys(database: Database) -> list[str]:
    with database.read(workspace=None) as session:
        return sorted(session.scalars(select(Delivery.key)))


def with_writer(
    database: Database, act: Callable[[IntakeWriter], Coroutine[Any, Any, Any]], **chosen: float
) -> object:
    """Run an act beside a started writer, and drain the writer afterwards as the application does."""
    writer = IntakeWriter(database, size=int(chosen.get("size", 100)), gather_ms=chosen.get("gather_ms", 5.0))

    async def run() -> object:
        writer.start()
        try:
            return await asyncio.wait_for(act(writer), 20)
        finally:
            writer.drain()

    return asyncio.run(run())


def test_deliveries_that_come_together_share_a_commit(
    sqlite: Database, desk: Callable[[int], DeliveryDraft], monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    real = deliveries.record

    def watched(session: Session, *, drafts: Sequence[DeliveryDraft]) -> list[bool]:
        sizes.append(len(drafts))
        return real(session, drafts=drafts)

    monkeypatch.setattr(deliveries, "record", watched)

    async def act(writer: IntakeWriter) -> list[bool]:
        return await asyncio.gather(*(writer.submit(desk(number)) for number in range(50)))

    assert with_writer(sqlite, act, gather_ms=50.0) == [True] * 50
    assert len(keys(sqlite)) == 50
    assert len(sizes) < 10
    assert sum(sizes) == 50


def test_an_answer_comes_only_after_the_commit(
    sqlite: Database, desk: Callable[[int], DeliveryDraft]
) -> None:
    async def act(writer: IntakeWriter) -> list[str]:
        await writer.submit(desk(1))
        return keys(sqlite)

    assert with_writer(sqlite, act) == ["k-1"]


def test_a_copy_in_the_same_commit_is_told_from_the_first(
    sqlite: Database, desk: Callable[[int], DeliveryDraft]
) -> None:
    async def act(writer: IntakeWriter) -> list[bool]:
        return await asyncio.gather(*(writer.submit(desk(1)) for _ in range(5)))

    answers = with_writer(sqlite, act, gather_ms=50.0)
    assert sorted(answers) == [False] * 4 + [True]  # type: ignore[call-overload]
    with sqlite.read(workspace=None) as session:
        assert len(session.scalars(select(Work)).all()) == 1


def test_one_delivery_that_cannot_be_stored_fails_alone(
    sqlite: Database, desk: Callable[[int], DeliveryDraft], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = deliveries.record

    def picky(session: Session, *, drafts: Sequence[DeliveryDraft]) -> list[bool]:
        news = real(session, drafts=drafts)
        if any(draft.key == "k-3" for draft in drafts):
            raise RuntimeError("cannot be stored")
        return news

    monkeypatch.setattr(deliveries, "record", picky)

    async def act(writer: IntakeWriter) -> list[object]:
        found = await asyncio.gather(
            *(writer.submit(desk(number)) for number in range(6)), return_exceptions=True
        )
        assert await writer.submit(desk(7)) is True  # the writer goes on
        return list(found)

    answers = with_writer(sqlite, act, gather_ms=50.0)
    assert isinstance(answers, list)
    assert [answer for answer in answers if answer is True] == [True] * 5
    assert isinstance(answers[3], RuntimeError)
    assert keys(sqlite) == ["k-0", "k-1", "k-2", "k-4", "k-5", "k-7"]


def test_more_than_may_wait_are_turned_away(
    sqlite: Database, desk: Callable[[int], DeliveryDraft], monkeypatch: pytest.MonkeyPatch
) -> None:
    go = threading.Event()
    real = deliveries.record

    def slow(session: Session, *, drafts: Sequence[DeliveryDraft]) -> list[bool]:
        go.wait(30)
        return real(session, drafts=drafts)

    monkeypatch.setattr(deliveries, "record", slow)

    async def act(writer: IntakeWriter) -> int:
        tasks = [asyncio.ensure_future(writer.submit(desk(number))) for number in range(30)]
        await asyncio.sleep(0.2)
        go.set()
        found = await asyncio.gather(*tasks, return_exceptions=True)
        busy = sum(isinstance(each, Busy) for each in found)
        assert busy + sum(each is True for each in found) == 30
        return busy

    busy = with_writer(sqlite, act, size=5, gather_ms=0.0)
    assert isinstance(busy, int)
    assert busy > 0
    assert len(keys(sqlite)) == 30 - busy


def test_a_sender_that_hung_up_is_stored_and_stops_nobody(
    sqlite: Database, desk: Callable[[int], DeliveryDraft]
) -> None:
    async def act(writer: IntakeWriter) -> bool:
        gone = asyncio.ensure_future(writer.submit(desk(1)))
        await asyncio.sleep(0)
        gone.cancel()
        return await writer.submit(desk(2))

    assert with_writer(sqlite, act) is True
    assert keys(sqlite) == ["k-1", "k-2"]


def test_draining_stores_what_still_waits(sqlite: Database, desk: Callable[[int], DeliveryDraft]) -> None:
    async def act(writer: IntakeWriter) -> None:
        for number in range(20):
            asyncio.ensure_future(writer.submit(desk(number)))
        await asyncio.sleep(0)

    async def settle(writer: IntakeWriter) -> None:
        await act(writer)

    with_writer(sqlite, settle, gather_ms=50.0)
    assert len(keys(sqlite)) == 20


def test_a_sender_whose_loop_is_gone_does_not_end_the_writer(
    sqlite: Database, desk: Callable[[int], DeliveryDraft]
) -> None:
    writer = IntakeWriter(sqlite, size=10, gather_ms=0.0)

    async def send_and_leave() -> None:
        asyncio.ensure_future(writer.submit(desk(1)))
        await asyncio.sleep(0)

    asyncio.run(send_and_leave())
    writer.start()
    assert asyncio.run(asyncio.wait_for(writer.submit(desk(2)), 5)) is True
    writer.drain()
    assert keys(sqlite) == ["k-1", "k-2"]


# --- the database away; several workspaces; waiting for as many as there were -------------------------------


def away(*_: object, **__: object) -> list[bool]:
    raise OperationalError("INSERT", {}, Exception("server closed the connection"))


def test_a_database_that_is_away_is_told_as_such_and_not_tried_for_each(
    sqlite: Database, desk: Callable[[int], DeliveryDraft], monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[int] = []

    def watched(session: Session, *, drafts: Sequence[DeliveryDraft]) -> list[bool]:
        tries.append(len(drafts))
        return away()

    async def act(writer: IntakeWriter) -> list[object]:
        with monkeypatch.context() as patched:
            patched.setattr(deliveries, "record", watched)
            found = await asyncio.gather(
                *(writer.submit(desk(number)) for number in range(30)), return_exceptions=True
            )
        assert await writer.submit(desk(99)) is True, "it goes on once the database is back"
        return list(found)

    answers = with_writer(sqlite, act, gather_ms=50.0)
    assert isinstance(answers, list)
    assert all(isinstance(each, Busy) for each in answers), "503: the sender comes again"
    assert len(tries) < 12, "each try may take seconds"
    assert keys(sqlite) == ["k-99"]


def test_after_the_end_whoever_comes_is_turned_away(
    sqlite: Database, desk: Callable[[int], DeliveryDraft]
) -> None:
    writer = IntakeWriter(sqlite, size=10, gather_ms=0.0)
    writer.start()
    writer.drain()
    with pytest.raises(Busy):
        asyncio.run(asyncio.wait_for(writer.submit(desk(1)), 5))


def test_one_commit_holds_deliveries_of_several_workspaces_and_copies(
    database: Database, programs: Database
) -> None:
    drafts: list[DeliveryDraft] = []
    for name in ("one", "two"):
        owner = factories.workspace(database, name=name)
        with database.write(workspace=owner) as session:
            source = factories.source(session, owner)
        drafts += [factories.delivery(owner, source, b"{}", name=f"{name}-{at % 3}") for at in range(4)]
    mixed = [drafts[at] for at in (0, 4, 1, 5, 2, 6, 3, 7)]

    async def act(writer: IntakeWriter) -> list[bool]:
        return await asyncio.gather(*(writer.submit(draft) for draft in mixed))

    # The fourth of each workspace is a copy of its first.
    assert with_writer(programs, act, gather_ms=50.0) == [True] * 6 + [False] * 2
    with database.read(workspace=None) as session:
        rows = session.execute(
            select(Delivery.workspace_id, Delivery.key, Work.workspace_id)
            .join(Work, Work.subject == Delivery.id)
            .order_by(Delivery.workspace_id, Delivery.key)
        ).all()
    assert [(row[0] == row[2], row[1]) for row in rows] == [
        (True, f"{name}-{at}") for name in ("one", "two") for at in range(3)
    ]


def test_postgres_stores_at_once_what_it_would_store_one_by_one(
    postgres: Database, postgres_programs: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = factories.workspace(postgres)
    with postgres.write(workspace=owner) as session:
        source = factories.source(session, owner)
    bodies = {"plain": b"{}", "bytes": bytes(range(256)), "empty": b"", "large": b"x" * 100_000}
    made = [
        replace(factories.delivery(owner, source, body, name=f"{way}-{name}"), headers={"X": '\x00\u2603"'})
        for way in ("once", "each")
        for name, body in bodies.items()
    ]
    heard: list[object] = []
    monkeypatch.setattr(postgres_programs, "on_work", heard.append)
    assert deliveries.record_at_once(postgres_programs, drafts=made[:4]) == [True] * 4
    with postgres_programs.write(workspace=owner) as session:
        assert deliveries.record(session, drafts=made[4:]) == [True] * 4
    assert heard == [frozenset({Job.INTAKE})] * 2
    assert deliveries.record_at_once(postgres_programs, drafts=made) == [False] * 8
    assert len(heard) == 2, "copies are no work"
    with postgres.read(workspace=owner) as session:
        rows = session.scalars(select(Delivery).order_by(Delivery.id)).all()
        work = session.scalars(select(Work).order_by(Work.id)).all()
    for one, other in zip(rows[:4], rows[4:], strict=True):
        assert (one.headers, one.body, one.received_at, one.state) == (
            other.headers,
            other.body,
            other.received_at,
            other.state,
        )
        assert one.body == bodies[one.key.partition("-")[2]]
    told = [(each.stage, each.state, each.run_at, each.attempts, each.version) for each in work]
    assert told == [(Job.INTAKE, WorkState.READY, NOON, 0, 0)] * 8


def test_postgres_stores_all_of_a_batch_or_nothing(postgres: Database, postgres_programs: Database) -> None:
    owner = factories.workspace(postgres)
    with postgres.write(workspace=owner) as session:
        source = factories.source(session, owner)
    other = factories.workspace(postgres)
    good = factories.delivery(owner, source, b"{}", name="good")
    # A source that is not there; and one of another workspace, which row-level security must not let in.
    for bad in (factories.delivery(other, 999, b"{}", name="bad"),):
        with pytest.raises(Exception, match="foreign key"):
            deliveries.record_at_once(postgres_programs, drafts=[good, bad])
        assert keys(postgres) == []
    assert deliveries.record_at_once(postgres_programs, drafts=[good]) == [True], "the pool is well again"


def test_a_connection_that_the_server_ended_costs_no_delivery(
    postgres: Database, postgres_programs: Database
) -> None:
    owner = factories.workspace(postgres)
    with postgres.write(workspace=owner) as session:
        source = factories.source(session, owner)

    async def act(writer: IntakeWriter) -> list[bool]:
        found = []
        for number in range(3):
            found.append(await writer.submit(factories.delivery(owner, source, b"{}", name=f"k-{number}")))
            with postgres.engine.begin() as connection:
                connection.exec_driver_sql(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    f"WHERE usename = '{PROGRAMS}' AND datname = current_database()"
                )
        return found

    assert with_writer(postgres_programs, act, gather_ms=0.0) == [True] * 3
    assert keys(postgres) == ["k-0", "k-1", "k-2"]


def test_whatever_goes_wrong_nobody_waits_for_ever_and_the_writer_goes_on(
    sqlite: Database, desk: Callable[[int], DeliveryDraft], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error where none is expected, also one that no `except Exception` takes."""

    class Unforeseen(BaseException):
        pass

    def fail(*_: object, **__: object) -> None:
        raise Unforeseen

    async def act(writer: IntakeWriter) -> list[object]:
        with monkeypatch.context() as patched:
            patched.setattr(deliveries, "record", fail)
            found = await asyncio.gather(
                *(writer.submit(desk(number)) for number in range(5)), return_exceptions=True
            )
        assert await writer.submit(desk(9)) is True
        return list(found)

    answers = with_writer(sqlite, act)
    assert isinstance(answers, list)
    assert all(isinstance(each, Busy) for each in answers), "nothing is known to be stored: come again"
    assert keys(sqlite) == ["k-9"]
