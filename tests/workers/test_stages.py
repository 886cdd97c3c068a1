"""The stages one after another: happy paths, edits, deletions, and one bad piece that stops nobody else."""

import json
from collections.abc import Sequence
from datetime import timedelta

import pytest
from sqlalchemy import select

from models.database import Database
from models.jobs import Job, WorkState
from models.language.encode import FloatArray, WordHashEncoder
from models.queries import deliveries, feedback, work
from models.queries.feedback import StatusDraft
from models.queries.work import Leased
from models.records import (
    Arrival,
    Assignment,
    Delivery,
    DeliveryState,
    Embedding,
    FeedbackItem,
    Metric,
    Observation,
    Release,
    Theme,
    ThemeState,
    Work,
)
from models.values.kinds import Kind
from tests import factories, year
from tests.clock import NOON, Clock
from tests.steps import recounted, stored_counts, unfinished, walk
from workers.context import Context
from workers.run import Stage, run_batch
from workers.stages import build_stages

EXPORT = "The calendar export fails for large teams and this is very frustrating, please fix it."


@pytest.fixture
def source(database: Database, workspace: int) -> int:
    with database.write(workspace=workspace) as session:
        return factories.source(session, workspace)


def deliver(context: Context, workspace: int, source: int, *entries: object) -> None:
    """Store one delivery for each entry."""
    with context.database.write(workspace=workspace) as session:
        drafts = [
            factories.delivery(
                workspace,
                source,
                json.dumps(entry).encode(),
                name=str(hash(json.dumps(entry))),
                at=context.clock(),
            )
            for entry in entries
        ]
        deliveries.record(session, drafts=drafts)


def entry(number: int = 1, **chosen: object) -> dict[str, object]:
    return {"id": f"T-{number}", "created_at": "2026-05-20T10:00:00Z", "text": EXPORT, **chosen}


def items(database: Database) -> list[FeedbackItem]:
    with database.read() as session:
        return list(session.scalars(select(FeedbackItem).order_by(FeedbackItem.id)))


def year_of(context: Context, workspace: int, source: int, *, count: int = 240) -> list[year.Ticket]:
    """Deliver and walk part of the synthetic year."""
    tickets = year.tickets()[:count]
    deliver(context, workspace, source, *(ticket.row for ticket in tickets))
    walk(context)
    assert unfinished(context.database, now=context.clock()) == []
    return tickets


def open_assignments(database: Database) -> dict[int, int]:
    """Map items to the theme that stands for theirs today."""
    with database.read() as session:
        rows = session.execute(
            select(Assignment.item_id, Theme)
            .join(Theme, Theme.id == Assignment.theme_id)
            .where(Assignment.until_revision.is_(None))
        )
        return {item: theme.redirect_id or theme.id for item, theme in rows}


# --- intake -------------------------------------------------------------------------------------------------


def test_a_message_is_cleaned_redacted_and_its_person_hashed(
    context: Context, workspace: int, source: int
) -> None:
    text = "The export fails.\n\nCall me: +1 202 555 0172 or ann@example.com\n\n-- \nAnn"
    deliver(
        context,
        workspace,
        source,
        entry(text=text, customer_email="ann@example.com", subject="From ann@example.com"),
    )
    walk(context)
    (item,) = items(context.database)
    assert "The export fails." in item.text
    for secret in ("ann@example.com", "202 555"):
        assert secret not in item.text
        assert secret not in (item.subject or "")
    assert item.person_id is not None
    assert {cut["kind"] for cut in item.removed}
    assert item.language == "en"


def test_staff_replies_make_no_item(context: Context, workspace: int, source: int) -> None:
    deliver(
        context,
        workspace,
        source,
        entry(),
        entry(message_id="7", author_role="agent", text="We look into it."),
    )
    walk(context)
    assert [item.message_id for item in items(context.database)] == ["0"]


def test_releases_and_metrics_come_by_webhook_too(context: Context, workspace: int, source: int) -> None:
    deliver(
        context,
        workspace,
        source,
        {"type": "release", "id": "v2", "name": "Two", "released_at": "2026-05-01T00:00:00Z"},
        {"type": "metric", "metric": "activation", "value": 0.4, "at": "2026-05-01T00:00:00Z"},
        {"type": "metric", "metric": "activation", "value": 0.5, "at": "2026-05-01T00:00:00Z"},
    )
    walk(context)
    with context.database.read() as session:
        release = session.scalars(select(Release)).one()
        values = session.scalars(select(Observation.value)).all()
        assert session.scalars(select(Metric.key)).all() == ["activation"]
    assert (release.key, release.full_at) == ("v2", release.released_at)
    assert values == [0.5]


def test_a_metric_that_is_observed_keeps_what_people_said_of_it(
    context: Context, workspace: int, source: int
) -> None:
    with context.database.write(workspace=workspace) as session:
        session.add(
            Metric(
                workspace_id=workspace,
                key="activation",
                name="Activation rate",
                definition="Share that …",
                unit="%",
            )
        )
    deliver(
        context, workspace, source, {"type": "metric", "metric": "activation", "value": 4, "at": "2026-05-01"}
    )
    walk(context)
    with context.database.read() as session:
        row = session.scalars(select(Metric)).one()
    assert (row.name, row.definition, row.unit) == ("Activation rate", "Share that …", "%")


def test_a_broken_delivery_does_not_stop_its_neighbours(
    context: Context, workspace: int, source: int
) -> None:
    deliver(context, workspace, source, entry(1), {"text": "no id"}, entry(3))
    walk(context)
    assert [item.external_id for item in items(context.database)] == ["T-1", "T-3"]
    with context.database.read() as session:
        states = session.scalars(select(Delivery.state).order_by(Delivery.id)).all()
    assert states == [DeliveryState.PARSED, DeliveryState.INVALID, DeliveryState.PARSED]


def test_events_with_nothing_for_us_are_ignored(context: Context, workspace: int, source: int) -> None:
    deliver(context, workspace, source, [])
    walk(context)
    with context.database.read() as session:
        assert session.scalars(select(Delivery.state)).all() == [DeliveryState.IGNORED]


# --- embed --------------------------------------------------------------------------------------------------


def test_what_cannot_be_themed_is_kept_without_a_vector(
    context: Context, workspace: int, source: int
) -> None:
    deliver(
        context,
        workspace,
        source,
        entry(1),
        entry(2, text="", rating=1),
        entry(3, text="Der Export ist kaputt und die Tabelle ist immer leer.", language="de"),
        entry(1, message_id="7", text="Any news?", occurred_at="2026-05-21T10:00:00Z"),
    )
    walk(context)
    assert unfinished(context.database, now=NOON) == []
    rows = items(context.database)
    assert [(row.external_id, row.language, row.kind is not None) for row in rows] == [
        ("T-1", "en", True),
        ("T-2", rows[1].language, True),
        ("T-3", "de", True),
        ("T-1", "und", True),
    ]
    assert rows[1].kind is Kind.COMPLAINT  # one star says so
    with context.database.read() as session:
        assert session.scalars(select(Embedding.item_id)).all() == [rows[0].id]
        assert session.scalars(select(Arrival.item_id)).all() == [rows[0].id]


def test_two_versions_of_an_item_in_one_batch_are_both_finished(
    context: Context, workspace: int, source: int
) -> None:
    first, then = ({"updated_at": f"2026-05-20T1{hour}:00:00Z"} for hour in (0, 1))
    deliver(context, workspace, source, entry(**first), entry(text="The invoice is wrong.", **then))
    walk(context)
    assert unfinished(context.database, now=NOON) == []
    with context.database.read() as session:
        assert session.scalars(select(Embedding.item_version)).all() == [2]


def test_an_item_edited_while_it_is_embedded_keeps_the_newer_text_alone(
    context: Context, workspace: int, source: int
) -> None:
    class Editing(WordHashEncoder):
        """Edit item 1 and delete item 2 while their first versions are encoded."""

        edited = False

        def encode(self, texts: Sequence[str]) -> FloatArray:
            if not self.edited:
                self.edited = True
                later = NOON + timedelta(minutes=1)
                with context.database.write(workspace=workspace) as session:
                    draft = factories.draft(source, text="The invoice is wrong.", changed_at=later)
                    feedback.upsert_item(session, workspace=workspace, draft=draft, now=NOON)
                    feedback.withdraw(
                        session, workspace=workspace, source=source, external_id="T-2", message_id=None,
                        is_redaction=False, changed_at=later, now=NOON,
                    )  # fmt: skip
            return super().encode(texts)

    encoder = Editing()
    context.load_encoder = lambda _: encoder
    deliver(context, workspace, source, entry(1), entry(2))
    walk(context)
    assert unfinished(context.database, now=NOON) == []
    with context.database.read() as session:
        rows = session.scalars(select(Embedding)).all()
    assert [(row.item_id, row.item_version) for row in rows] == [(1, 2)]


def test_another_encoder_than_the_workspaces_is_refused(
    context: Context, workspace: int, source: int, clock: Clock
) -> None:
    deliver(context, workspace, source, entry(1))
    walk(context)
    context.encoders.clear()
    context.load_encoder = lambda _: WordHashEncoder(128)
    deliver(context, workspace, source, entry(2))
    walk(context)
    assert unfinished(context.database, now=clock() + timedelta(days=1)) == [("embed", 2, "Invalid")]


# --- place, label, count ------------------------------------------------------------------------------------


def test_a_year_of_tickets_gets_named_themes_with_quotes_and_counts(
    context: Context, workspace: int, source: int
) -> None:
    tickets = year_of(context, workspace, source)
    with context.database.read() as session:
        themes = session.scalars(select(Theme).where(Theme.state == ThemeState.ACTIVE)).all()
    assert 3 <= len(themes) <= 40
    assert all(theme.label and theme.keywords and theme.labelled_size for theme in themes)
    placed = open_assignments(context.database)
    assert len(placed) > 0.9 * len(tickets)
    assert recounted(context.database) == stored_counts(context.database)
    problems = {ticket.row["id"]: ticket.problem for ticket in tickets}
    by_theme: dict[int, list[str]] = {}
    for item in items(context.database):
        if item.id in placed:
            by_theme.setdefault(placed[item.id], []).append(problems[item.external_id])
    for found in by_theme.values():
        assert max(found.count(problem) for problem in set(found)) > 0.7 * len(found)


def test_copies_of_a_ticket_join_its_theme_and_are_counted(
    context: Context, workspace: int, source: int, clock: Clock
) -> None:
    tickets = year_of(context, workspace, source)
    before = open_assignments(context.database)
    first = next(item for item in items(context.database) if item.id in before)
    text = next(ticket.text for ticket in tickets if ticket.row["id"] == first.external_id)
    deliver(context, workspace, source, *(entry(9000 + n, text=text) for n in range(5)))
    clock.advance(hours=1)
    walk(context)
    after = open_assignments(context.database)
    copies = [item for item in items(context.database) if item.external_id.startswith("T-900")]
    assert [after.get(item.id) for item in copies] == [before[first.id]] * 5
    assert all(item.counted for item in copies)
    assert recounted(context.database) == stored_counts(context.database)


def test_a_deleted_ticket_leaves_its_theme_and_the_counts(
    context: Context, workspace: int, source: int, clock: Clock
) -> None:
    year_of(context, workspace, source)
    placed = open_assignments(context.database)
    gone = [item for item in items(context.database) if item.id in placed][::7]
    clock.advance(hours=1)
    deliver(context, workspace, source, *({"action": "delete", "id": item.external_id} for item in gone))
    walk(context)
    assert unfinished(context.database, now=clock()) == []
    assert not {item.id for item in gone} & open_assignments(context.database).keys()
    assert recounted(context.database) == stored_counts(context.database)
    with context.database.read() as session:
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
    context: Context, workspace: int, source: int, clock: Clock, edit: dict[str, object]
) -> None:
    year_of(context, workspace, source)
    placed = open_assignments(context.database)
    chosen = next(item for item in items(context.database) if item.id in placed)
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
    assert chosen.id not in open_assignments(context.database)
    assert recounted(context.database) == stored_counts(context.database)
    (now,) = [item for item in items(context.database) if item.id == chosen.id]
    assert not now.counted


def test_an_edited_ticket_moves_to_the_theme_of_its_new_text(
    context: Context, workspace: int, source: int, clock: Clock
) -> None:
    tickets = year_of(context, workspace, source)
    placed = open_assignments(context.database)
    rows = {item.external_id: item for item in items(context.database) if item.id in placed}
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
    after = open_assignments(context.database)
    moved = rows[export.row["id"]].id
    assert after.get(moved) in invoices
    assert recounted(context.database) == stored_counts(context.database)


def test_a_ticket_deleted_before_anything_was_embedded_leaves_nothing_behind(
    context: Context, workspace: int, source: int
) -> None:
    deliver(context, workspace, source, entry(), {"action": "delete", "id": "T-1"})
    walk(context)
    assert unfinished(context.database, now=NOON) == []


def test_work_on_an_old_version_that_comes_late_moves_nothing(
    context: Context, workspace: int, source: int
) -> None:
    year_of(context, workspace, source, count=120)
    placed = open_assignments(context.database)
    chosen = next(iter(placed))
    with context.database.write(workspace=workspace) as session:
        session.get_one(FeedbackItem, chosen).version = 2
        session.scalars(select(Embedding).where(Embedding.item_id == chosen)).one().item_version = 2
        piece = session.scalars(select(Work).where(Work.stage == Job.PLACE, Work.subject == chosen)).one()
        piece.state = WorkState.READY
    walk(context)
    assert open_assignments(context.database) == placed


def test_a_new_plan_is_counted_under_the_new_plan(context: Context, workspace: int, source: int) -> None:
    deliver(context, workspace, source, entry(plan="free"))
    walk(context)
    with context.database.write(workspace=workspace) as session:
        draft = StatusDraft(source, "T-1", NOON, plan="team")
        assert feedback.update_record(session, draft=draft) == 1
    assert items(context.database)[0].plan == "team"


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
    with context.database.read() as session:
        row = session.scalars(select(Work).where(Work.subject == 2)).one()
    assert (row.state, row.attempts) == (WorkState.DEAD, context.settings.work_max_attempts)
    assert row.error == "ValueError"  # never the message: it may hold a ticket's text


def test_every_stage_has_a_handler(context: Context) -> None:
    assert list(build_stages(context.settings)) == list(Job)
