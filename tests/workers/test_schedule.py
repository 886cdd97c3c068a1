"""Chores: done once for a slot, by whoever comes first; the embedded worker's own timetable; kept leases."""

import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import delete, func, select

from models.database import Database
from models.jobs import Chore, Job
from models.queries import work
from models.queries.work import Leased
from models.records import Heartbeat, ScheduleRun, Work
from tests import factories
from tests.clock import NOON, Clock
from tests.services import settings_for
from workers.context import Context, utc_now
from workers.run import Stage, run_forever, run_stage
from workers.schedule import Timetable, intervals, run_chore


def deaf(_: frozenset[Job]) -> None:
    """Announce nothing."""


def test_two_schedulers_do_a_chore_once_for_its_slot(context: Context, clock: Clock) -> None:
    other = replace(context, kind="default")
    for chore in (Chore.REMIND, Chore.SWEEP, Chore.TIDY, Chore.RETAIN):
        assert run_chore(context, chore, announce=deaf)
        assert not run_chore(other, chore, announce=deaf)
        clock.advance(seconds=intervals(context.settings)[chore].total_seconds())
        assert run_chore(other, chore, announce=deaf)
    with context.database.read(workspace=None) as session:
        assert session.scalar(select(func.count(ScheduleRun.id))) == 8
        assert session.scalar(select(func.count(ScheduleRun.id)).where(ScheduleRun.done_at.is_(None))) == 0


def test_a_reminder_announces_the_stages_with_due_work(context: Context, workspace: int) -> None:
    with context.database.write(workspace=workspace) as session:
        for stage, at in ((Job.COUNT, NOON), (Job.INTAKE, NOON), (Job.EMBED, NOON + timedelta(hours=1))):
            work.enqueue(session, workspace=workspace, stage=stage, subject=1, run_at=at)
    heard: list[frozenset[Job]] = []
    run_chore(context, Chore.REMIND, announce=heard.append)
    assert heard == [{Job.COUNT, Job.INTAKE}]


def test_every_worker_shows_its_own_life(context: Context) -> None:
    for kind in ("default", "embed"):
        assert run_chore(replace(context, kind=kind), Chore.PULSE, announce=deaf)
    with context.database.read(workspace=None) as session:
        assert session.scalars(select(Heartbeat.kind).order_by(Heartbeat.kind)).all() == ["default", "embed"]


def test_the_sweep_finds_lost_work_of_every_workspace(context: Context, database: Database) -> None:
    owners = [factories.workspace(database) for _ in range(2)]
    for owner in owners:
        with database.write(workspace=owner) as session:
            factories.release(session, owner, name=f"r{owner}")
    with database.write(workspace=None) as session:
        session.execute(delete(Work))
    assert run_chore(context, Chore.SWEEP, announce=deaf)
    with database.read(workspace=None) as session:
        found = session.execute(select(Work.workspace_id, Work.stage).order_by(Work.workspace_id)).all()
    assert [tuple(row) for row in found] == [(owner, Job.MEASURE) for owner in owners]


def test_the_embedded_worker_does_each_chore_when_its_time_has_come(context: Context, clock: Clock) -> None:
    timetable = Timetable()
    timetable.run(context)
    timetable.run(context)
    with context.database.read(workspace=None) as session:
        done = session.scalars(select(ScheduleRun.chore).order_by(ScheduleRun.chore)).all()
        (first,) = session.scalars(select(Heartbeat.seen_at))
    assert done == [
        Chore.PULL,
        Chore.RECONCILE,
        Chore.RETAIN,
        Chore.SEAL,
        Chore.SWEEP,
        Chore.TIDY,
        Chore.WATCH,
    ]
    clock.advance(seconds=context.settings.pulse_seconds)
    timetable.run(context)
    with context.database.read(workspace=None) as session:
        (second,) = session.scalars(select(Heartbeat.seen_at))
    assert second - first == timedelta(seconds=context.settings.pulse_seconds)


def test_a_slow_batch_keeps_its_work_and_a_done_one_lets_go(programs: Database, workspace: int) -> None:
    settings = settings_for(programs, lease_seconds=2.0)
    context = Context(programs, settings, lambda _: pytest.fail("no encoder"), utc_now)
    with programs.write(workspace=workspace) as session:
        work.enqueue(session, workspace=workspace, stage=Job.COUNT, subject=1, run_at=utc_now())
    begun, go = threading.Event(), threading.Event()
    times: list[int] = []

    def slow(_: Context, leased: Sequence[Leased]) -> None:
        times.append(len(leased))
        begun.set()
        assert go.wait(60)
        with programs.write(workspace=workspace) as session:
            work.finish(session, leased, now=utc_now())

    stages = {Job.COUNT: Stage(10, slow)}
    thread = threading.Thread(target=run_stage, args=(context, stages, Job.COUNT))
    thread.start()
    assert begun.wait(30)
    until = time.monotonic() + 5.0  # more than two leases
    while time.monotonic() < until:
        assert run_stage(context, stages, Job.COUNT) == 0, "a batch in hand was taken over"
        time.sleep(0.1)
    go.set()
    thread.join(30)
    assert times == [1]
    with programs.read(workspace=None) as session:
        assert work.stages_due(session, now=utc_now() + timedelta(hours=1)) == []
    assert not [each for each in threading.enumerate() if each.name == "lease-keeper"]


def test_the_embedded_worker_outlives_a_failing_database(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.run.FAILURE_PAUSE_S", 0.01)
    stop = threading.Event()
    looks: list[str] = []
    real = work.count_due

    def failing(*arguments: object, **named: object) -> object:
        looks.append("look")
        if len(looks) < 3:
            raise ConnectionError("the database is away")
        stop.set()
        return real(*arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(work, "count_due", failing)
    run_forever(context, {}, stop=stop)
    assert len(looks) == 3
