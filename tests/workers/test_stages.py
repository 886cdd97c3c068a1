"""Stages `place`, `label` and `count`: edits, deletions, and one bad piece that stops nobody else."""

from collections.abc import Sequence

import pytest
from sqlalchemy import select

from models.database import Database
from models.jobs import Job, WorkState
from models.queries import feedback, work
from models.queries.feedback import StatusDraft
from models.queries.work import Leased
from models.records import (
    Arrival,
    Embedding,
    FeedbackItem,
    Theme,
    ThemeState,
    Work,
)
from tests import factories
from tests.clock import NOON, Clock
from tests.steps import recounted, stored_counts, unfinished, walk
from tests.workers.tickets import deliver, entry, items, open_assignments, year_of
from workers.context import Context
from workers.run import Stage, run_batch
from workers.stages import build_stages

BOTH = pytest.mark.parametrize("database", ["sqlite", "postgres"], indirect=True)
"""For the few tests here that need not be quick; journeys walk both databases as well."""


@pytest.fixture
def database(request: pytest.FixtureRequest) -> Database:
    found: Database = request.getfixturevalue(getattr(request, "param", "sqlite"))
    return found


@pytest.fixture
def source(database: Database, workspace: int) -> int:
    with database.write(workspace=workspace) as session:
        return factories.source(session, workspace)


@BOTH
def test_a_year_of_tickets_gets_named_themes_with_quotes_and_counts(
    database: Database, context: Context, workspace: int, source: int
) -> None:
    tickets = year_of(context, workspace, source)
    with context.database.read(workspace=workspace) as session:
        themes = session.scalars(select(Theme).where(Theme.state == ThemeState.ACTIVE)).all()
    assert 3 <= len(themes) <= 40
    assert all(theme.label and theme.keywords and theme.labelled_size for theme in themes)
    assert len({theme.label.casefold() for theme in themes if theme.label}) == len(themes)
    placed = open_assignments(database)
    assert len(placed) > 0.9 * len(tickets)
    assert recounted(database) == stored_counts(database)
    problems = {ticket.row["id"]: ticket.problem for ticket in tickets}
    by_theme: dict[int, list[str]] = {}
    for item in items(database):
        if item.id in placed:
            by_theme.setdefault(placed[item.id], []).append(problems[item.external_id])
    for found in by_theme.values():
        assert max(found.count(problem) for problem in set(found)) > 0.7 * len(found)


def test_copies_of_a_ticket_join_its_theme_and_are_counted(
    database: Database, context: Context, workspace: int, source: int, clock: Clock
) -> None:
    tickets = year_of(context, workspace, source)
    before = open_assignments(database)
    first = next(item for item in items(database) if item.id in before)
    text = next(ticket.text for ticket in tickets if ticket.row["id"] == first.external_id)
    deliver(context, workspace, source, *(entry(9000 + n, text=text) for n in range(5)))
    clock.advance(hours=1)
    walk(context)
    after = open_assignments(database)
    copies = [item for item in items(database) if item.external_id.startswith("T-900")]
    assert [after.get(item.id) for item in copies] == [before[first.id]] * 5
    assert all(item.counted for item in copies)
    assert recounted(database) == stored_counts(database)


@BOTH
def test_a_deleted_ticket_leaves_its_theme_and_the_counts(
    database: Database, context: Context, workspace: int, source: int, clock: Clock
) -> None:
    year_of(context, workspace, source)
    placed = open_assignments(database)
    gone = [item for item in items(database) if item.id in placed][::7]
    clock.advance(hours=1)
    deliver(context, workspace, source, *({"action": "delete", "id": item.external_id} for item in gone))
    walk(context)
    assert unfinished(context.database, now=clock()) == []
    assert not {item.id for item in gone} & open_assignments(database).keys()
    assert recounted(database) == stored_counts(database)
    with context.database.read(workspace=workspace) as session:
        ids = [item.id for item in gone]
        assert session.scalars(select(Embedding).where(Embedding.item_id.in_(ids))).all() == []
        assert session.scalars(select(Arrival).where(Arrival.item_id.in_(ids))).all() == []


@pytest.mark.parametrize(
    "edit",
    [
        {"text": "", "rating": 2},
        {"text": "Der Export ist kaputt, die Tabelle ist immer leer.", "language": "de"},
    ],
    ids=["blank", "another language"],
)
def test_a_ticket_edited_to_something_without_a_theme_leaves_its_theme(
    database: Database, context: Context, workspace: int, source: int, clock: Clock, edit: dict[str, object]
) -> None:
    year_of(context, workspace, source)
    placed = open_assignments(database)
    chosen = next(item for item in items(database) if item.id in placed)
    clock.advance(hours=1)
    deliver(
        context,
        workspace,
        source,
        {
            "id": chosen.external_id,
            "updated_at": clock().isoformat(),
            "created_at": chosen.created_at.isoformat(),
            **edit,
        },
    )
    walk(context)
    assert unfinished(context.database, now=clock()) == []
    assert chosen.id not in open_assignments(database)
    assert recounted(database) == stored_counts(database)
    (now,) = [item for item in items(database) if item.id == chosen.id]
    assert not now.counted


def test_an_edited_ticket_moves_to_the_theme_of_its_new_text(
    database: Database, context: Context, workspace: int, source: int, clock: Clock
) -> None:
    tickets = year_of(context, workspace, source)
    placed = open_assignments(database)
    rows = {item.external_id: item for item in items(database) if item.id in placed}
    by_problem = {ticket.problem: ticket for ticket in tickets if ticket.row["id"] in rows}
    export, invoice = by_problem["export"], by_problem["invoice"]
    invoices = {
        placed[rows[t.row["id"]].id] for t in tickets if t.problem == "invoice" and t.row["id"] in rows
    }
    assert placed[rows[export.row["id"]].id] not in invoices
    clock.advance(hours=1)
    row = {**export.row, "text": invoice.text, "updated_at": clock().isoformat()}
    deliver(context, workspace, source, row)
    walk(context)
    after = open_assignments(database)
    moved = rows[export.row["id"]].id
    assert after.get(moved) in invoices
    assert recounted(database) == stored_counts(database)


def test_a_ticket_deleted_before_anything_was_embedded_leaves_nothing_behind(
    context: Context, workspace: int, source: int
) -> None:
    deliver(context, workspace, source, entry(), {"action": "delete", "id": "T-1"})
    walk(context)
    assert unfinished(context.database, now=NOON) == []


def test_work_on_an_old_version_that_comes_late_moves_nothing(
    database: Database, context: Context, workspace: int, source: int
) -> None:
    year_of(context, workspace, source, count=120)
    placed = open_assignments(database)
    chosen = next(iter(placed))
    with context.database.write(workspace=workspace) as session:
        session.get_one(FeedbackItem, chosen).version = 2
        session.scalars(select(Embedding).where(Embedding.item_id == chosen)).one().item_version = 2
        piece = session.scalars(select(Work).where(Work.stage == Job.PLACE, Work.subject == chosen)).one()
        piece.state = WorkState.READY
    walk(context)
    assert open_assignments(database) == placed


def test_a_new_plan_is_counted_under_the_new_plan(
    database: Database, context: Context, workspace: int, source: int
) -> None:
    deliver(context, workspace, source, entry(plan="free"))
    walk(context)
    with context.database.write(workspace=workspace) as session:
        draft = StatusDraft(source, "T-1", NOON, plan="team")
        assert feedback.update_record(session, workspace=workspace, draft=draft, now=NOON) == 1
    assert items(database)[0].plan == "team"


# --- one bad piece ------------------------------------------------------------------------------------------


def test_one_bad_piece_is_retried_alone_and_then_given_up(
    context: Context, workspace: int, clock: Clock
) -> None:
    done: list[int] = []

    def handle(world: Context, leased: Sequence[Leased]) -> None:
        if any(piece.subject == 2 for piece in leased):
            raise ValueError("a customer's words")
        with world.database.write(workspace=workspace) as session:
            done.extend(piece.subject for piece in leased)
            work.finish(session, leased, now=world.clock())

    with context.database.write(workspace=workspace) as session:
        for subject in (1, 2, 3):
            work.enqueue(session, workspace=workspace, stage=Job.LINK, subject=subject, run_at=NOON)
    stages = {Job.LINK: Stage(10, handle)}
    while run_batch(context, stages):
        pass
    assert sorted(done) == [1, 3]
    for _ in range(10):
        clock.advance(minutes=11)
        run_batch(context, stages)
    with context.database.read(workspace=workspace) as session:
        row = session.scalars(select(Work).where(Work.subject == 2)).one()
    assert (row.state, row.attempts) == (WorkState.DEAD, context.settings.work_max_attempts)
    assert row.error == "ValueError"  # never the message: it may hold a ticket's text


def test_every_stage_has_a_handler(context: Context) -> None:
    assert list(build_stages(context.settings)) == list(Job)
