"""The work table: asked once, leased once, counted, retried, given up."""

import threading
from collections import Counter
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select, update

from models.database import Database
from models.jobs import Job, WorkState
from models.queries import work
from models.queries.work import Leased
from models.records import Work
from tests import factories
from tests.clock import NOON

SECONDS = 60.0
MOST = 3


def enqueue(
    database: Database, workspace: int, *, subject: int = 1, version: int = 0, at: datetime = NOON
) -> None:
    with database.write(workspace=workspace) as session:
        work.enqueue(
            session, workspace=workspace, stage=Job.EMBED, subject=subject, version=version, run_at=at
        )


def mark_dirty(database: Database, workspace: int, *, subject: int = 1, at: datetime = NOON) -> None:
    with database.write(workspace=workspace) as session:
        work.mark_dirty(session, workspace=workspace, stage=Job.EMBED, subject=subject, run_at=at)


def lease(
    database: Database, *, now: datetime = NOON, limit: int = 10, stage: Job = Job.EMBED
) -> list[Leased]:
    with database.write(workspace=None) as session:
        return work.lease(session, stage=stage, limit=limit, now=now, seconds=SECONDS, max_attempts=MOST)


def finish(database: Database, leased: list[Leased]) -> None:
    with database.write(workspace=None) as session:
        work.finish(session, leased, now=NOON)


def rows(database: Database) -> list[Work]:
    with database.read(workspace=None) as session:
        return list(session.scalars(select(Work).order_by(Work.id)))


def test_work_asked_for_twice_stands_once(database: Database, workspace: int) -> None:
    enqueue(database, workspace)
    enqueue(database, workspace, at=NOON + timedelta(days=1))
    assert [(row.subject, row.state, row.run_at) for row in rows(database)] == [(1, WorkState.READY, NOON)]


def test_work_that_is_done_stays_done_when_it_is_asked_for_again(database: Database, workspace: int) -> None:
    enqueue(database, workspace)
    finish(database, lease(database))
    enqueue(database, workspace)
    assert lease(database) == []
    assert rows(database)[0].state is WorkState.DONE


def test_another_version_of_a_subject_is_other_work(database: Database, workspace: int) -> None:
    enqueue(database, workspace, version=1)
    enqueue(database, workspace, version=2)
    assert [piece.version for piece in lease(database)] == [1, 2]


def test_work_is_leased_oldest_first_up_to_the_limit_and_once(database: Database, workspace: int) -> None:
    for subject in (5, 4, 6):
        enqueue(database, workspace, subject=subject)
    assert [piece.subject for piece in lease(database, limit=2)] == [5, 4]
    assert [piece.subject for piece in lease(database)] == [6]
    assert lease(database) == []


def test_work_is_not_leased_before_its_time(database: Database, workspace: int) -> None:
    enqueue(database, workspace, at=NOON + timedelta(seconds=1))
    assert lease(database) == []
    assert len(lease(database, now=NOON + timedelta(seconds=1))) == 1


def test_one_lease_holds_one_workspace_and_one_stage(database: Database, workspace: int) -> None:
    other = factories.workspace(database)
    enqueue(database, workspace, subject=1)
    enqueue(database, other, subject=2)
    with database.write(workspace=workspace) as session:
        work.enqueue(session, workspace=workspace, stage=Job.PLACE, subject=1, run_at=NOON)
    assert [piece.workspace_id for piece in lease(database)] == [workspace]
    assert [piece.workspace_id for piece in lease(database)] == [other]
    assert [piece.stage for piece in lease(database, stage=Job.PLACE)] == [Job.PLACE]


def test_a_lease_that_ran_out_is_taken_over(database: Database, workspace: int) -> None:
    enqueue(database, workspace)
    first = lease(database)
    assert lease(database, now=NOON + timedelta(seconds=SECONDS - 1)) == []
    second = lease(database, now=NOON + timedelta(seconds=SECONDS))
    assert [piece.attempts for piece in (*first, *second)] == [1, 2]
    assert first[0].lease != second[0].lease


def test_only_the_holder_of_the_lease_finishes_fails_or_releases(database: Database, workspace: int) -> None:
    enqueue(database, workspace)
    late = lease(database)
    held = lease(database, now=NOON + timedelta(seconds=SECONDS))
    with database.write(workspace=None) as session:
        work.finish(session, late, now=NOON)
        work.release(session, late)
        work.fail(session, late[0], error="late", now=NOON, max_attempts=1)
    row = rows(database)[0]
    assert (row.state, row.lease, row.attempts, row.error) == (WorkState.READY, held[0].lease, 2, None)
    finish(database, held)
    assert rows(database)[0].state is WorkState.DONE


def test_work_whose_worker_dies_at_every_attempt_ends_dead(database: Database, workspace: int) -> None:
    enqueue(database, workspace)
    now = NOON
    for _ in range(MOST):
        assert len(lease(database, now=now)) == 1
        now += timedelta(seconds=SECONDS)
    assert lease(database, now=now) == []
    row = rows(database)[0]
    assert (row.state, row.attempts) == (WorkState.DEAD, MOST)
    assert row.error == "its worker died at every attempt"


def test_a_dead_piece_does_not_take_its_neighbours_along(database: Database, workspace: int) -> None:
    enqueue(database, workspace, subject=1)
    for _ in range(MOST):
        with database.write(workspace=None) as session:
            session.execute(update(Work).values(lease=None, lease_until=None))
        lease(database)
    enqueue(database, workspace, subject=2)
    assert [piece.subject for piece in lease(database, now=NOON + timedelta(hours=1))] == [2]


def test_failed_work_waits_longer_each_time_and_then_ends_dead(database: Database, workspace: int) -> None:
    enqueue(database, workspace)
    now, waits = NOON, []
    for _ in range(MOST):
        (piece,) = lease(database, now=now)
        with database.write(workspace=None) as session:
            work.fail(session, piece, error="ValueError", now=now, max_attempts=MOST)
        row = rows(database)[0]
        waits.append((row.run_at - now).total_seconds())
        now = row.run_at
    assert waits == [2.0, 4.0, 8.0]
    assert (row.state, row.error, row.lease) == (WorkState.DEAD, "ValueError", None)


@pytest.mark.parametrize("attempts", [12, 500])
def test_the_wait_after_a_failure_has_an_end(database: Database, workspace: int, attempts: int) -> None:
    enqueue(database, workspace)
    (piece,) = lease(database)
    tried = Leased(piece.id, workspace, piece.stage, 1, 0, attempts, piece.lease)
    with database.write(workspace=None) as session:
        work.fail(session, tried, error="x" * 5000, now=NOON, max_attempts=1000)
    row = rows(database)[0]
    assert row.run_at - NOON == timedelta(minutes=10)
    assert len(row.error or "") == 2000


def test_released_work_is_due_at_once_and_was_not_tried(database: Database, workspace: int) -> None:
    enqueue(database, workspace)
    with database.write(workspace=None) as session:
        work.release(session, lease_in(session))
    (piece,) = lease(database)
    assert piece.attempts == 1


def lease_in(session: object) -> list[Leased]:
    return work.lease(session, stage=Job.EMBED, limit=9, now=NOON, seconds=SECONDS, max_attempts=MOST)  # type: ignore[arg-type]


def test_work_marked_dirty_while_it_runs_runs_once_more(database: Database, workspace: int) -> None:
    enqueue(database, workspace)
    running = lease(database)
    mark_dirty(database, workspace)
    finish(database, running)
    assert rows(database)[0].state is WorkState.READY
    again = lease(database)
    assert [piece.attempts for piece in again] == [1]
    finish(database, again)
    assert rows(database)[0].state is WorkState.DONE


@pytest.mark.parametrize("state", [WorkState.DONE, WorkState.DEAD])
def test_work_marked_dirty_after_its_end_is_due_again(
    database: Database, workspace: int, state: WorkState
) -> None:
    enqueue(database, workspace)
    with database.write(workspace=None) as session:
        session.scalars(select(Work)).one().state = state
    mark_dirty(database, workspace, at=NOON)
    assert len(lease(database)) == 1


def test_reviving_makes_the_dead_of_one_workspace_due(database: Database, workspace: int) -> None:
    other = factories.workspace(database)
    for owner in (workspace, other):
        enqueue(database, owner, subject=owner)
    with database.write(workspace=None) as session:
        for row in session.scalars(select(Work)):
            row.state, row.attempts, row.error = WorkState.DEAD, MOST, "ValueError"
    with database.write(workspace=workspace) as session:
        assert work.revive(session, workspace=workspace, now=NOON) == 1
    assert [(row.state, row.attempts, row.error) for row in rows(database)] == [
        (WorkState.READY, 0, None),
        (WorkState.DEAD, MOST, "ValueError"),
    ]


def test_counts_say_what_waits_and_since_when(database: Database, workspace: int) -> None:
    enqueue(database, workspace, subject=1, at=NOON - timedelta(minutes=5))
    enqueue(database, workspace, subject=2, at=NOON)
    enqueue(database, workspace, subject=3, at=NOON + timedelta(days=1))
    finish(database, lease(database, limit=1))
    with database.read(workspace=None) as session:
        assert work.count_due(session, now=NOON) == {Job.EMBED: 1}
        assert work.oldest_due(session, now=NOON) == NOON
        assert work.count_states(session, workspace=workspace) == {
            (Job.EMBED, WorkState.DONE): 1,
            (Job.EMBED, WorkState.READY): 2,
        }
        assert work.count_states(session, workspace=workspace + 1) == {}


def test_finishing_nothing_does_nothing(database: Database) -> None:
    finish(database, [])


def test_two_workers_never_hold_the_same_piece(postgres: Database) -> None:
    owner = factories.workspace(postgres)
    with postgres.write(workspace=owner) as session:
        for subject in range(300):
            work.enqueue(session, workspace=owner, stage=Job.EMBED, subject=subject, run_at=NOON)
    taken: Counter[int] = Counter()
    lock, start = threading.Lock(), threading.Barrier(4)

    def take() -> None:
        start.wait()
        while leased := lease(postgres, limit=7):
            with lock:
                taken.update(piece.subject for piece in leased)

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert taken == Counter(range(300))


def test_a_worker_skips_rows_that_another_is_leasing_at_this_moment(postgres: Database) -> None:
    owner = factories.workspace(postgres)
    for subject in (1, 2, 3):
        enqueue(postgres, owner, subject=subject)
    with postgres.write(workspace=None) as session:
        first = work.lease(session, stage=Job.EMBED, limit=2, now=NOON, seconds=SECONDS, max_attempts=MOST)
        second = lease(postgres)  # the first one's transaction is still open
    assert [piece.subject for piece in first] == [1, 2]
    assert [piece.subject for piece in second] == [3]


def place(database: Database, workspace: int, subjects: range) -> None:
    with database.write(workspace=workspace) as session:
        for subject in subjects:
            work.enqueue(session, workspace=workspace, stage=Job.PLACE, subject=subject, run_at=NOON)


def test_of_a_serial_stage_a_workspace_has_one_batch_in_hand(database: Database, workspace: int) -> None:
    other = factories.workspace(database)
    place(database, workspace, range(1, 5))
    place(database, other, range(11, 13))
    first = lease(database, stage=Job.PLACE, limit=2)
    assert [piece.subject for piece in first] == [1, 2]
    second = lease(database, stage=Job.PLACE, limit=2)
    assert [piece.subject for piece in second] == [11, 12], "another workspace does not wait"
    assert lease(database, stage=Job.PLACE) == []
    finish(database, first)
    assert [piece.subject for piece in lease(database, stage=Job.PLACE)] == [3, 4]
    later = lease(database, stage=Job.PLACE, now=NOON + timedelta(seconds=SECONDS))
    assert [piece.subject for piece in later] == [3, 4], "a holder that died is not waited for"


def test_many_workers_at_once_hold_one_batch_of_a_serial_stage(database: Database) -> None:
    owner = factories.workspace(database)
    place(database, owner, range(40))
    barrier = threading.Barrier(8)
    held: list[list[Leased]] = []

    def take() -> None:
        barrier.wait(30)
        held.append(lease(database, stage=Job.PLACE, limit=5))

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(map(len, held)) == [0] * 7 + [5]


def test_a_renewed_lease_is_not_taken_over(database: Database, workspace: int) -> None:
    enqueue(database, workspace)
    (piece,) = lease(database)
    later = NOON + timedelta(seconds=SECONDS)
    with database.write(workspace=None) as session:
        work.renew(session, stage=Job.EMBED, lease=piece.lease, until=later + timedelta(seconds=1))
    assert lease(database, now=later) == []
    assert len(lease(database, now=later + timedelta(seconds=1))) == 1
    with database.write(workspace=None) as session:
        work.renew(session, stage=Job.EMBED, lease=piece.lease, until=NOON + timedelta(days=1))
    assert len(lease(database, now=NOON + timedelta(hours=1))) == 1, "a lost lease is not won back"


def test_who_waits_for_work_hears_of_it_after_the_commit_only(database: Database, workspace: int) -> None:
    heard: list[frozenset[Job]] = []
    database.on_work = heard.append
    try:
        with database.write(workspace=workspace) as session:
            work.enqueue(session, workspace=workspace, stage=Job.EMBED, subject=1, run_at=NOON)
            work.mark_dirty(session, workspace=workspace, stage=Job.COUNT, subject=1, run_at=NOON)
            assert heard == []
        assert heard == [{Job.EMBED, Job.COUNT}]
        enqueue(database, workspace)  # stands already
        with pytest.raises(ZeroDivisionError), database.write(workspace=workspace) as session:
            work.enqueue(session, workspace=workspace, stage=Job.PLACE, subject=1, run_at=NOON)
            raise ZeroDivisionError
        assert len(heard) == 1
    finally:
        database.on_work = None


def test_stages_are_due_while_nobody_holds_their_work(database: Database, workspace: int) -> None:
    enqueue(database, workspace)
    mark_dirty(database, workspace, subject=2, at=NOON + timedelta(hours=1))

    def due(at: datetime) -> list[Job]:
        with database.read(workspace=None) as session:
            return work.stages_due(session, now=at)

    assert due(NOON) == [Job.EMBED]
    lease(database)
    assert due(NOON) == []
    assert due(NOON + timedelta(hours=1)) == [Job.EMBED]


def test_a_piece_that_kills_its_worker_dies_alone(database: Database, workspace: int) -> None:
    """Five crashes of whoever holds piece 3: its neighbours of the first batch are all worked."""
    for subject in range(1, 17):
        enqueue(database, workspace, subject=subject)
    now, crashes, most = NOON, 0, 5
    for _ in range(60):
        with database.write(workspace=None) as session:
            held = work.lease(session, stage=Job.EMBED, limit=16, now=now, seconds=SECONDS, max_attempts=most)
        if any(piece.subject == 3 for piece in held):
            crashes += 1
            now += timedelta(seconds=SECONDS)
        else:
            finish(database, held)
    assert crashes == most
    states = {row.subject: row.state for row in rows(database)}
    assert {subject for subject, state in states.items() if state is WorkState.DEAD} == {3}
    assert {subject for subject, state in states.items() if state is WorkState.DONE} == set(range(1, 17)) - {
        3
    }


def test_work_that_waits_longest_is_leased_first_whosever_it_is(database: Database, workspace: int) -> None:
    other = factories.workspace(database)
    mark_dirty(database, workspace, subject=1, at=NOON)
    mark_dirty(database, other, subject=2, at=NOON + timedelta(minutes=1))
    mark_dirty(database, workspace, subject=1, at=NOON + timedelta(minutes=2))  # an old row, asked for anew
    later = NOON + timedelta(minutes=5)
    assert [piece.workspace_id for piece in lease(database, now=later)] == [other]
    assert [piece.workspace_id for piece in lease(database, now=later)] == [workspace]


def test_a_piece_is_held_until_it_is_marked_dirty(database: Database, workspace: int) -> None:
    enqueue(database, workspace)
    (piece,) = lease(database)
    with database.write(workspace=None) as session:
        assert work.holds(session, piece)
    mark_dirty(database, workspace)
    with database.write(workspace=None) as session:
        assert not work.holds(session, piece)
