"""A worker that starts again goes on as if it had never stopped; two workers do not write over each other."""

import io
import json
import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import select

from models.database import Database
from models.errors import Conflict
from models.jobs import Job
from models.language.encode import WordHashEncoder
from models.queries import counts, deliveries, work
from models.records import Arrival, Assignment, Theme, ThemeEvent, ThemeStreamState, Work
from tests import factories, year
from tests.clock import NOON, Clock
from tests.services import settings_for
from workers.context import Context
from workers.progress import Reporter
from workers.run import Stage, run_batch
from workers.stages import build_stages
from workers.themes import Loaded, Streams, place_items

COUNT = 240


def prepared(database: Database, count: int = COUNT) -> Context:
    """Deliver tickets, in small batches, so that the stream is read in many steps."""
    owner = factories.workspace(database)
    with database.write(workspace=owner) as session:
        source = factories.source(session, owner)
        drafts = [
            factories.delivery(owner, source, year.body(ticket), name=ticket.row["id"])
            for ticket in year.tickets()[:count]
        ]
        deliveries.record(session, drafts=drafts)
    settings = settings_for(database, place_batch_size=30, embed_batch_size=100)
    return Context(database, settings, lambda _: WordHashEncoder(), Clock())


def work_through(context: Context, *, restart: bool) -> None:
    """Work until idle; with `restart`, every batch is done by a worker that has just started."""
    stages = build_stages(context.settings)
    while run_batch(context, stages):
        if restart:
            stages = build_stages(context.settings)


def story(database: Database) -> dict[str, object]:
    """Return everything that the theme stream wrote, but for ids of rows."""
    with database.read(workspace=None) as session:
        numbers = {row.id: row.number for row in session.scalars(select(Theme))}
        assignments = session.scalars(
            select(Assignment).order_by(Assignment.item_id, Assignment.from_revision)
        )
        log = session.scalars(select(ThemeEvent).order_by(ThemeEvent.id))
        arrivals = session.scalars(select(Arrival).order_by(Arrival.position))
        return {
            "assignments": [
                (
                    row.item_id,
                    numbers[row.theme_id],
                    round(row.score, 3),
                    row.from_revision,
                    row.until_revision,
                )
                for row in assignments
            ],
            "log": [(row.revision, row.kind, numbers[row.theme_id], row.item_count) for row in log],
            "arrivals": [(row.item_id, row.position, row.theme_number) for row in arrivals],
            "labels": sorted(
                (row.number, row.label, row.redirect_id and numbers[row.redirect_id])
                for row in session.scalars(select(Theme))
            ),
            "state": session.scalars(select(ThemeStreamState.state)).one(),
        }


def test_a_worker_that_starts_again_at_every_batch_writes_the_same_story(
    sqlite: Database, tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path
) -> None:
    other = Database(f"sqlite:///{shutil.copy(sqlite_template, tmp_path_factory.mktemp('other') / 'ebb.db')}")
    try:
        stories = []
        for database, restart in ((sqlite, False), (other, True)):
            work_through(prepared(database), restart=restart)
            stories.append(story(database))
        assert stories[0] == stories[1]
        assert len(stories[0]["assignments"]) > COUNT / 2  # type: ignore[arg-type]
    finally:
        other.close()


class _HasRead(Streams):
    """A worker that read the stream before the other one wrote."""

    def load(self, context: Context, workspace: int) -> Loaded:
        return self.by_workspace.get(workspace) or super().load(context, workspace)


def place_work(context: Context, count: int) -> list[work.Leased]:
    with context.database.write(workspace=None) as session:
        return work.lease(
            session, stage=Job.PLACE, limit=count, now=context.clock(), seconds=60, max_attempts=5
        )


def test_a_worker_whose_stream_was_moved_on_by_another_writes_nothing(database: Database) -> None:
    context = prepared(database, 60)
    stages = build_stages(context.settings)
    while (batch := run_batch(context, stages)) and batch[0] is not Job.PLACE:
        pass
    mine = _HasRead()
    mine.load(context, 1)
    both = place_work(
        context, 20
    )  # two workers never hold such batches at once; a lease that ran out may make it so
    first, second = both[:10], both[10:]
    place_items(context, first, Streams())
    with pytest.raises(Conflict):
        place_items(context, second, mine)
    assert 1 not in mine.by_workspace
    with context.database.read(workspace=None) as session:
        arrived = set(session.scalars(select(Arrival.item_id)))
    assert not {piece.subject for piece in second} & arrived
    place_items(context, second, Streams())
    with context.database.read(workspace=None) as session:
        assert {piece.subject for piece in second} <= set(session.scalars(select(Arrival.item_id)))


def test_a_batch_that_fails_halfway_leaves_nothing_and_is_done_again(
    sqlite: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = prepared(sqlite, 80)
    real, failures = counts.mark, iter([True, True])

    def fail_twice(*arguments: object, **named: object) -> None:
        if next(failures, False):
            raise RuntimeError("the power went out")
        real(*arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(counts, "mark", fail_twice)
    work_through(context, restart=False)
    assert isinstance(context.clock, Clock)
    context.clock.advance(seconds=10)  # the piece that failed alone waits a while
    work_through(context, restart=False)
    with sqlite.read(workspace=None) as session:
        arrived = session.scalars(select(Arrival.item_id)).all()
        assert len(arrived) == len(set(arrived)) == 80


def test_progress_is_one_line_for_each_stage(sqlite: Database) -> None:
    context = prepared(sqlite, 50)
    told = io.StringIO()
    reporter = Reporter(sqlite, context.clock, stream=told)
    stages = build_stages(context.settings)
    while batch := run_batch(context, stages):
        reporter(*batch)
    reporter.close()
    lines = told.getvalue().splitlines()
    assert " 50 " in next(line for line in lines if "tickets read" in line)
    assert any("daily counts" in line for line in lines)


def test_progress_on_a_terminal_is_rewritten_in_place(sqlite: Database) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    told = Terminal()
    reporter = Reporter(sqlite, Clock(), stream=told)
    reporter(Job.EMBED, 10)
    reporter.close()
    reporter.close()
    assert told.getvalue().startswith("\r")
    assert told.getvalue().count("\n") == 1


def test_an_idle_worker_takes_no_turn_of_the_writer(sqlite: Database, clock: Clock) -> None:
    context = Context(sqlite, settings_for(sqlite), lambda _: WordHashEncoder(), clock)
    with sqlite.write(workspace=None):  # somebody else writes for a long time
        assert run_batch(context, build_stages(context.settings)) is None


def test_stages_are_worked_in_order(sqlite: Database, clock: Clock) -> None:
    owner = factories.workspace(sqlite)
    with sqlite.write(workspace=owner) as session:
        for stage in (Job.MEASURE, Job.INTAKE):
            work.enqueue(session, workspace=owner, stage=stage, subject=1, run_at=NOON)
    seen: list[Job] = []

    def handle(context: Context, leased: Sequence[work.Leased], name: Job) -> None:
        seen.append(name)
        with context.database.write(workspace=owner) as session:
            work.finish(session, leased, now=NOON)

    stages = {job: Stage(5, partial(handle, name=job)) for job in Job}
    context = Context(sqlite, settings_for(sqlite), lambda _: WordHashEncoder(), clock)
    while run_batch(context, stages):
        pass
    assert seen == [Job.INTAKE, Job.MEASURE]
    with sqlite.read(workspace=None) as session:
        assert json.dumps([str(row.state) for row in session.scalars(select(Work))]) == '["done", "done"]'


def test_a_process_keeps_the_streams_it_worked_last_while_there_is_room(
    sqlite: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    contexts = [prepared(sqlite, 30) for _ in range(3)]
    work_through(contexts[0], restart=False)
    streams = Streams()
    for workspace in (1, 2, 1, 3):
        streams.load(contexts[0], workspace)
    assert list(streams.by_workspace) == [2, 1, 3]
    monkeypatch.setattr("workers.themes.KEPT_VECTORS", 70)
    streams.load(contexts[0], 1)
    assert list(streams.by_workspace) == [3, 1], "two of thirty vectors fit, the third does not"
    monkeypatch.setattr("workers.themes.KEPT_VECTORS", 1)
    streams.load(contexts[0], 2)
    assert list(streams.by_workspace) == [2], "what is being worked stays, however large"
