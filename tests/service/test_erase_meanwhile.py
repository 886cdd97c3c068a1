"""Erasing while others work: what comes, is read or is embedded at that moment is not forgotten."""

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest
from sqlalchemy import event, func, select

from models.database import VACUUMED, Database, Session
from models.errors import Conflict
from models.jobs import Job
from models.queries import deliveries, work
from models.queries.work import Leased
from models.records import Delivery, Embedding, FeedbackItem
from models.sealing import Keyring
from models.sources.pull import body_of
from service import erasure
from service.erasure import Receipt, Who
from tests import factories
from tests.steps import walk
from workers.context import Context
from workers.embed import embed_items

WHO = Who(email="zora@snarkmail.example")


@pytest.fixture
def source(database: Database, workspace: int) -> int:
    with database.write(workspace=workspace) as session:
        return factories.source(session, workspace)


def deliver(context: Context, workspace: int, source: int, number: int, **chosen: object) -> None:
    entry = {
        "id": f"Z-{number}",
        "created_at": "2026-05-30T10:00:00Z",
        "text": f"The export of week {number} crashes and it is very frustrating.",
        "customer_email": WHO.email,
        "tags": ["vipzora"],
        **chosen,
    }
    draft = factories.delivery(workspace, source, body_of(entry), name=f"{number} {len(chosen)}")
    with context.database.write(workspace=workspace) as session:
        deliveries.record(session, drafts=[draft])


def erase(context: Context, workspace: int) -> Receipt:
    return erasure.erase(
        context.database,
        Keyring(),
        workspace=workspace,
        who=WHO,
        actor="tests",
        by="tests",
        now=context.clock(),
    )


def bodies(database: Database) -> list[bytes]:
    with database.read(workspace=None) as session:
        return list(session.scalars(select(Delivery.body).where(func.length(Delivery.body) > 0)))


@pytest.mark.parametrize("is_read", [True, False])
def test_a_delivery_that_comes_while_bodies_are_looked_through(
    context: Context,
    database: Database,
    workspace: int,
    source: int,
    monkeypatch: pytest.MonkeyPatch,
    is_read: bool,
) -> None:
    deliver(context, workspace, source, 1)
    walk(context)
    real = erasure._remove

    def later(*given: object, **named: object) -> Receipt:
        monkeypatch.setattr(erasure, "_remove", real)
        deliver(context, workspace, source, 2)
        if is_read:
            walk(context)
        return real(*given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(erasure, "_remove", later)
    if not is_read:
        with pytest.raises(Conflict):
            erase(context, workspace)
        assert len(bodies(database)) == 2, "it is all or nothing"
        walk(context)
    receipt = erase(context, workspace)
    assert (receipt.removed.items, receipt.removed.deliveries, receipt.left) == (2, 2, 0)
    assert bodies(database) == []


def test_a_vector_that_is_being_written_goes_too(
    context: Context, database: Database, workspace: int, source: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver(context, workspace, source, 1)
    _read(context)
    with context.database.write(workspace=None) as session:
        leased = work.lease(
            session, stage=Job.EMBED, limit=9, now=context.clock(), seconds=60, max_attempts=5
        )
    assert len(leased) == 1
    written, go = threading.Event(), threading.Event()
    real = work.finish

    def held(session: Session, pieces: Sequence[Leased], *, now: datetime) -> None:
        written.set()
        assert go.wait(60)
        real(session, pieces, now=now)

    monkeypatch.setattr(work, "finish", held)
    with ThreadPoolExecutor(2) as pool:
        embedding = pool.submit(embed_items, context, leased)
        assert written.wait(60)
        erasing = pool.submit(erase, context, workspace)
        # Time to come as far as it can: to its end, or to where it must wait for the worker.
        time.sleep(1)
        go.set()
        embedding.result(120)
        receipt = erasing.result(120)
    with database.read(workspace=workspace) as session:
        assert session.scalar(select(func.count()).select_from(Embedding)) == 0
    assert receipt.left == 0


def _read(context: Context) -> None:
    from workers.intake import parse_deliveries

    with context.database.write(workspace=None) as session:
        leased = work.lease(
            session, stage=Job.INTAKE, limit=9, now=context.clock(), seconds=60, max_attempts=5
        )
    parse_deliveries(context, leased)


def test_a_ticket_that_was_deleted_and_is_restored_after_the_erasure_brings_nothing_back(
    context: Context, database: Database, workspace: int, source: int
) -> None:
    deliver(context, workspace, source, 1)
    deliver(context, workspace, source, 1, message_id="m2", customer_email="mats@example.org", tags=[])
    walk(context)
    deliver(context, workspace, source, 1, action="delete", occurred_at="2026-05-31T10:00:00Z")
    walk(context)
    assert erase(context, workspace).left == 0
    later = {"occurred_at": "2026-06-01T10:00:00Z", "updated_at": "2026-06-01T10:00:00Z"}
    deliver(context, workspace, source, 1, action="restore", **later)
    deliver(context, workspace, source, 1, a="copy", b="of it", **later)
    walk(context)
    with database.read(workspace=workspace) as session:
        rows = session.scalars(select(FeedbackItem).where(FeedbackItem.message_id == "0")).all()
    assert [(row.text, row.tags) for row in rows] == [("", None)]


def test_every_table_that_erasing_changes_is_vacuumed(
    context: Context, postgres: Database, workspace: int, source: int, request: pytest.FixtureRequest
) -> None:
    if context.database.is_sqlite:
        return
    deliver(context, workspace, source, 1)
    walk(context)
    changed: set[str] = set()

    def note(*given: object) -> None:
        words = str(given[2]).split()
        if words[0] == "UPDATE":
            changed.add(words[1])
        elif words[:2] == ["DELETE", "FROM"]:
            changed.add(words[2])

    event.listen(context.database.engine, "before_cursor_execute", note)
    try:
        erase(context, workspace)
    finally:
        event.remove(context.database.engine, "before_cursor_execute", note)
    counts_alone = {"daily_count", "theme_stream_state"}
    assert changed - counts_alone <= set(VACUUMED)
    assert {"feedback_item", "delivery", "person_identity", "ticket_state"} <= changed
