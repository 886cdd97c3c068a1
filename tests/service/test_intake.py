"""The intake writer: group commit, one bad delivery alone, back pressure, draining."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import pytest
from sqlalchemy import select

from models.database import Database, Session
from models.errors import Busy
from models.queries import deliveries
from models.queries.deliveries import DeliveryDraft
from models.records import Delivery, Work
from service.intake import IntakeWriter
from tests import factories


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
        go.wait(10)
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
