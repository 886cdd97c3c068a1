"""Slots, signs of life, messages under way, and the sweep."""

from datetime import timedelta

import pytest
from sqlalchemy import delete, func, select, update

from models.database import Database
from models.jobs import Chore, Job, WorkState
from models.queries import access, chores, deliveries, impact, nudges, sweep, work
from models.records import (
    ConsoleTicket,
    Delivery,
    DeliveryState,
    Embedding,
    Encoder,
    FeedbackItem,
    Heartbeat,
    LinkState,
    Nudge,
    ScheduleRun,
    Work,
    Workspace,
)
from models.values.kinds import KIND_VERSION
from tests import factories
from tests.clock import NOON
from tests.verdicts import verdict_row
from workers.schedule import METHOD_VERSION

MINUTE = timedelta(minutes=1)


def test_a_slot_begins_at_a_whole_multiple_of_its_length() -> None:
    moment = NOON + timedelta(minutes=7, seconds=3)
    assert chores.slot_at(moment, every=timedelta(minutes=15)) == NOON
    assert chores.slot_at(NOON, every=timedelta(minutes=15)) == NOON
    assert chores.slot_at(moment, every=timedelta(seconds=30)) == NOON + timedelta(minutes=7)


def test_of_two_that_claim_a_slot_one_gets_it(database: Database) -> None:
    def claim(at: timedelta, worker: str) -> int | None:
        with database.write(workspace=None) as session:
            return chores.claim(session, chore=Chore.SWEEP, every=MINUTE, worker=worker, now=NOON + at)

    first = claim(timedelta(seconds=1), "a")
    assert first is not None
    assert claim(timedelta(seconds=59), "b") is None
    assert claim(timedelta(seconds=60), "b") is not None
    with database.write(workspace=None) as session:
        chores.finish(session, run=first, now=NOON + MINUTE)
    with database.read(workspace=None) as session:
        rows = session.execute(
            select(ScheduleRun.worker, ScheduleRun.done_at).order_by(ScheduleRun.slot)
        ).all()
    assert [tuple(row) for row in rows] == [("a", NOON + MINUTE), ("b", None)]


def test_a_worker_has_one_heartbeat_that_moves_on(database: Database) -> None:
    for at in (NOON, NOON + MINUTE):
        with database.write(workspace=None) as session:
            chores.beat(session, worker="embed@a", kind="embed", version="1", started_at=NOON, now=at)
    with database.read(workspace=None) as session:
        (row,) = chores.heartbeats(session)
    assert (row.worker, row.kind, row.seen_at) == ("embed@a", "embed", NOON + MINUTE)


def test_what_is_spent_is_removed_and_what_is_not_stays(database: Database, workspace: int) -> None:
    old, user = NOON - timedelta(days=8), factories.user(database, workspace)
    for at in (old, NOON):
        with database.write(workspace=None) as session:
            chores.claim(session, chore=Chore.TIDY, every=MINUTE, worker="a", now=at)
            chores.beat(session, worker=f"a{at:%d}", kind="embed", version="1", started_at=at, now=at)
            access.create_sign_in(session, workspace=workspace, user=user, now=at, minutes=60)
    with database.write(workspace=None) as session:
        assert chores.tidy(session, now=NOON) == 3
    with database.read(workspace=None) as session:
        left = [session.scalar(select(func.count(t.id))) for t in (ScheduleRun, Heartbeat, ConsoleTicket)]
    assert left == [1, 1, 1]


def claim_nudges(database: Database, *stages: Job, at: timedelta = timedelta()) -> list[Job]:
    with database.write(workspace=None) as session:
        return nudges.claim(session, stages=stages, now=NOON + at, lost_after=MINUTE)


def test_a_stage_is_announced_once_until_a_worker_begins_it(database: Database) -> None:
    assert claim_nudges(database, Job.PLACE, Job.INTAKE) == [Job.INTAKE, Job.PLACE]
    assert claim_nudges(database, Job.INTAKE, Job.COUNT) == [Job.COUNT]
    with database.write(workspace=None) as session:
        nudges.clear(session, stages=[Job.INTAKE])
    assert claim_nudges(database, *Job, at=timedelta(seconds=59)) == [
        job for job in Job if job not in (Job.PLACE, Job.COUNT)
    ]


def test_a_message_that_was_lost_is_sent_again(database: Database) -> None:
    assert claim_nudges(database, Job.EMBED) == [Job.EMBED]
    assert claim_nudges(database, Job.EMBED, at=MINUTE) == [Job.EMBED]
    with database.read(workspace=None) as session:
        assert session.scalars(select(Nudge.sent_at)).all() == [NOON + MINUTE]


@pytest.fixture
def filled(database: Database, workspace: int) -> Database:
    """One of everything that needs work: a delivery, an item with its vector, a feature, a judged release."""
    with database.write(workspace=workspace) as session:
        source = factories.source(session, workspace)
        deliveries.record(session, drafts=[factories.delivery(workspace, source, b"{}")])
        item = factories.item(session, workspace, source)
        encoder = factories.vectors(session, workspace, [item])
        session.get_one(Workspace, workspace).encoder_id = encoder
        theme = factories.theme(session, workspace, 1)
        factories.feature(session, workspace)
        release = factories.release(session, workspace)
        row = verdict_row(release, theme, link_state=LinkState.CONFIRMED, link_id=None)
        impact.write_verdict(session, workspace=workspace, row={**row, "method_version": METHOD_VERSION})
        work.enqueue(session, workspace=workspace, stage=Job.PLACE, subject=item, version=1, run_at=NOON)
    return database


def swept(
    database: Database, workspace: int, method: str = METHOD_VERSION, kind: str = KIND_VERSION
) -> dict[Job, int]:
    with database.write(workspace=workspace) as session:
        return dict(
            sweep.add_missing(
                session,
                workspace=workspace,
                method_version=method,
                kind_version=kind,
                now=NOON,
                limit=10,
            )
        )


def finish_all(database: Database) -> None:
    with database.write(workspace=None) as session:
        session.execute(update(Work).values(state=WorkState.DONE))


def test_the_sweep_adds_nothing_where_nothing_is_missing(filled: Database, workspace: int) -> None:
    assert swept(filled, workspace) == {}
    finish_all(filled)
    with filled.write(workspace=workspace) as session:
        session.execute(update(Delivery).values(state=DeliveryState.PARSED))
    assert swept(filled, workspace) == {}


def test_the_sweep_adds_whatever_was_lost_and_once(filled: Database, workspace: int) -> None:
    with filled.write(workspace=None) as session:
        session.execute(delete(Work))
    assert swept(filled, workspace) == dict.fromkeys(
        (Job.INTAKE, Job.EMBED, Job.PLACE, Job.LINK, Job.MEASURE), 1
    )
    assert swept(filled, workspace) == {}
    with filled.read(workspace=None) as session:
        assert session.scalar(select(func.count(Work.id))) == 5


def test_the_sweep_leaves_other_workspaces_and_deleted_items_alone(filled: Database, workspace: int) -> None:
    with filled.write(workspace=workspace) as session:
        session.execute(delete(Work))
        session.execute(update(FeedbackItem).values(withdrawn=True))
    assert swept(filled, factories.workspace(filled)) == {}
    assert not {Job.EMBED, Job.PLACE} & swept(filled, workspace).keys()


def test_a_new_method_and_a_new_encoder_bring_their_work(filled: Database, workspace: int) -> None:
    finish_all(filled)
    with filled.write(workspace=workspace) as session:
        session.execute(update(Delivery).values(state=DeliveryState.PARSED))
    assert swept(filled, workspace, "of tomorrow") == {Job.MEASURE: 1}
    finish_all(filled)
    with filled.write(workspace=workspace) as session:
        other = Encoder(name="other", digest="d", dtype="float32", dimension=3)
        session.add(other)
        session.flush()
        session.get_one(Workspace, workspace).encoder_id = other.id
    assert swept(filled, workspace) == {Job.EMBED: 1}
    with filled.write(workspace=workspace) as session:
        session.execute(update(Embedding).values(encoder_id=other.id))
    finish_all(filled)
    assert swept(filled, workspace) == {}


def test_a_new_classifier_brings_its_work_once(filled: Database, workspace: int) -> None:
    finish_all(filled)
    with filled.write(workspace=workspace) as session:
        session.execute(update(Delivery).values(state=DeliveryState.PARSED))
        session.execute(update(FeedbackItem).values(kind_version=KIND_VERSION))
    assert swept(filled, workspace) == {}
    assert swept(filled, factories.workspace(filled), kind="of tomorrow") == {}
    assert swept(filled, workspace, kind="of tomorrow") == {Job.EMBED: 1}
    assert swept(filled, workspace, kind="of tomorrow") == {}
    finish_all(filled)
    with filled.write(workspace=workspace) as session:
        session.execute(update(FeedbackItem).values(withdrawn=True))
    assert swept(filled, workspace, kind="of tomorrow") == {}


def test_the_sweep_takes_a_bounded_number_at_a_time(database: Database, workspace: int) -> None:
    with database.write(workspace=workspace) as session:
        source = factories.source(session, workspace)
        drafts = [factories.delivery(workspace, source, b"{}", name=str(n)) for n in range(15)]
        deliveries.record(session, drafts=drafts)
        session.execute(delete(Work))
    assert [swept(database, workspace).get(Job.INTAKE) for _ in range(3)] == [10, 5, None]
