"""Stages `intake` and `embed`: what becomes of a delivery, and which items get a vector."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from models.database import Database
from models.jobs import Job
from models.language.encode import FloatArray, WordHashEncoder
from models.language.own_words import TEXT_VERSION
from models.queries import delivery_log, feedback, kinds, withdrawals, work
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
)
from models.values.kinds import KIND_VERSION_WITHOUT_VECTORS, Kind
from tests import factories
from tests.clock import NOON, Clock
from tests.steps import unfinished, walk
from tests.workers.tickets import deliver, entry, items
from workers.context import Context
from workers.embed import embed_items
from workers.intake import parse_deliveries


@pytest.fixture
def source(database: Database, workspace: int) -> int:
    with database.write(workspace=workspace) as session:
        return factories.source(session, workspace)


def test_a_message_is_cleaned_redacted_and_its_person_hashed(
    database: Database, context: Context, workspace: int, source: int
) -> None:
    text = "The export fails.\n\nCall me: +1 202 555 0172 or ann@example.com\n\n-- \nAnn"
    deliver(
        context,
        workspace,
        source,
        entry(text=text, customer_email="ann@example.com", subject="From ann@example.com"),
    )
    walk(context)
    (item,) = items(database)
    assert "The export fails." in item.text
    for secret in ("ann@example.com", "202 555"):
        assert secret not in item.text
        assert secret not in (item.subject or "")
    assert item.person_id is not None
    assert {cut["kind"] for cut in item.removed}
    assert item.language == "en"


def test_an_item_says_which_rules_made_its_text_and_older_ones_are_left_until_read_again(
    database: Database, context: Context, workspace: int, source: int
) -> None:
    deliver(context, workspace, source, entry(text="The export fails. Thanks, Tom"))
    walk(context)
    (item,) = items(database)
    assert (item.text, item.text_version) == ("The export fails.", TEXT_VERSION)
    with database.write(workspace=workspace) as session:
        older = {"text": "The export fails. Thanks, Tom", "text_version": None}
        session.execute(update(FeedbackItem).values(**older))
    walk(context)
    (kept,) = items(database)
    assert (kept.text, kept.text_version) == (older["text"], None)
    with database.write(workspace=workspace) as session:
        delivery = session.scalar(select(Delivery.id))
        assert delivery is not None
        delivery_log.replay_one(session, workspace=workspace, delivery=delivery, now=context.clock())
    walk(context)
    (again,) = items(database)
    assert (again.text, again.text_version) == ("The export fails.", TEXT_VERSION)


def test_staff_replies_make_no_item(
    database: Database, context: Context, workspace: int, source: int
) -> None:
    deliver(
        context,
        workspace,
        source,
        entry(),
        entry(message_id="7", author_role="agent", text="We look into it."),
    )
    walk(context)
    assert [item.message_id for item in items(database)] == ["0"]


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
    with context.database.read(workspace=workspace) as session:
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
    with context.database.read(workspace=workspace) as session:
        row = session.scalars(select(Metric)).one()
    assert (row.name, row.definition, row.unit) == ("Activation rate", "Share that …", "%")


def test_a_broken_delivery_does_not_stop_its_neighbours(
    database: Database, context: Context, workspace: int, source: int
) -> None:
    deliver(context, workspace, source, entry(1), {"text": "no id"}, entry(3))
    walk(context)
    assert [item.external_id for item in items(database)] == ["T-1", "T-3"]
    with context.database.read(workspace=workspace) as session:
        states = session.scalars(select(Delivery.state).order_by(Delivery.id)).all()
    assert states == [DeliveryState.PARSED, DeliveryState.INVALID, DeliveryState.PARSED]


def test_a_ticket_outlives_too_many_tags_and_plans_longer_than_their_column(
    database: Database, context: Context, workspace: int
) -> None:
    with database.write(workspace=workspace) as session:
        source = factories.source(session, workspace, settings={"plan_tag_prefix": "plan_"})
    tags = [f"plan_{'p' * 150}", *(f"t{number}" for number in range(340)), "x" * 201]
    deliver(context, workspace, source, [entry(1, tags=tags), entry(2, plan="p" * 101), entry(3, plan="pro")])
    walk(context)
    first, second, third = items(database)
    assert (first.tags, first.plan) == (tags[:200], None)
    assert (second.text, second.plan, third.plan) == (first.text, None, "pro")
    with context.database.read(workspace=workspace) as session:
        assert session.scalars(select(Delivery.state)).all() == [DeliveryState.PARSED]


def test_events_with_nothing_for_us_are_ignored(context: Context, workspace: int, source: int) -> None:
    deliver(context, workspace, source, [])
    walk(context)
    with context.database.read(workspace=workspace) as session:
        assert session.scalars(select(Delivery.state)).all() == [DeliveryState.IGNORED]


# --- embed --------------------------------------------------------------------------------------------------


def test_what_cannot_be_themed_is_kept_without_a_vector(
    database: Database, context: Context, workspace: int, source: int
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
    rows = items(database)
    assert [(row.external_id, row.language, row.kind is not None) for row in rows] == [
        ("T-1", "en", True),
        ("T-2", rows[1].language, True),
        ("T-3", "de", True),
        ("T-1", "und", True),
    ]
    assert rows[1].kind is Kind.COMPLAINT  # one star says so
    with context.database.read(workspace=workspace) as session:
        assert session.scalars(select(Embedding.item_id)).all() == [rows[0].id]
        assert session.scalars(select(Arrival.item_id)).all() == [rows[0].id]


def test_two_versions_of_an_item_in_one_batch_are_both_finished(
    context: Context, workspace: int, source: int
) -> None:
    first = entry(updated_at="2026-05-20T10:00:00Z")
    then = entry(updated_at="2026-05-20T11:00:00Z", text="The invoice is wrong.")
    deliver(context, workspace, source, first, then)
    walk(context)
    assert unfinished(context.database, now=NOON) == []
    with context.database.read(workspace=workspace) as session:
        assert session.scalars(select(Embedding.item_version)).all() == [2]


def test_the_newest_of_two_versions_is_read_in_whatever_order_they_are_leased(
    context: Context, workspace: int, source: int
) -> None:
    first = entry(updated_at="2026-05-20T10:00:00Z")
    then = entry(updated_at="2026-05-20T11:00:00Z", text="The invoice is wrong.")
    deliver(context, workspace, source, first, then)
    with context.database.write(workspace=None) as session:
        pieces = work.lease(
            session, stage=Job.INTAKE, limit=9, now=context.clock(), seconds=9, max_attempts=3
        )
    parse_deliveries(context, pieces)
    with context.database.write(workspace=None) as session:
        pieces = work.lease(session, stage=Job.EMBED, limit=9, now=context.clock(), seconds=9, max_attempts=3)
    embed_items(context, sorted(pieces, key=lambda piece: -piece.version))
    with context.database.read(workspace=workspace) as session:
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
                    withdrawals.withdraw(
                        session, workspace=workspace, source=source, external_id="T-2", message_id=None,
                        is_redaction=False, changed_at=later, now=NOON,
                    )  # fmt: skip
            return super().encode(texts)

    encoder = Editing()
    context.load_encoder = lambda _: encoder
    deliver(context, workspace, source, entry(1), entry(2))
    walk(context)
    assert unfinished(context.database, now=NOON) == []
    with context.database.read(workspace=workspace) as session:
        rows = session.scalars(select(Embedding)).all()
    assert [(row.item_id, row.item_version) for row in rows] == [(1, 2)]


def versions_and_kinds(database: Database) -> list[tuple[str | None, Kind | None]]:
    return [(item.kind_version, item.kind) for item in items(database)]


def make_older(context: Context, workspace: int) -> None:
    """Leave items as a classifier of the past would have: all praise, nothing asked for."""
    with context.database.write(workspace=workspace) as session:
        session.execute(update(FeedbackItem).values(kind_version="kind-cues-1", kind=Kind.PRAISE))


def test_an_item_keeps_which_classifier_decided_its_kind(
    database: Database, context: Context, workspace: int, source: int
) -> None:
    deliver(context, workspace, source, entry(1), entry(2, language="de"))
    walk(context)
    # The encoder of these tests is not the one that was learned with.
    assert {version for version, _ in versions_and_kinds(database)} == {KIND_VERSION_WITHOUT_VECTORS}
    (why, _) = (item.kind_why or "" for item in items(database))
    assert "complaint" in why


def test_what_an_older_classifier_decided_is_decided_again_without_encoding(
    database: Database, context: Context, workspace: int, source: int, clock: Clock
) -> None:
    encoded: list[str] = []

    class Counting(WordHashEncoder):
        def encode(self, texts: Sequence[str]) -> FloatArray:
            encoded.extend(texts)
            return super().encode(texts)

    encoder = Counting()
    context.load_encoder = lambda _: encoder
    deliver(context, workspace, source, *(entry(number) for number in range(1, 8)))
    walk(context)
    assert len(encoded) == 7
    with context.database.write(workspace=workspace) as session:
        theme = factories.theme(session, workspace, 900)
        session.execute(update(Assignment).values(until_revision=1))
        first = items(database)[0]
        session.add(
            Assignment(
                workspace_id=workspace, item_id=first.id, theme_id=theme, from_revision=1, score=1.0,
            )
        )  # fmt: skip
    make_older(context, workspace)
    with context.database.write(workspace=workspace) as session:
        asked = kinds.decide_again(
            session, workspace=workspace, kind_version=KIND_VERSION_WITHOUT_VECTORS, now=clock(), limit=2
        )
    assert asked == 2
    worked = walk(context)
    # Two were asked for; they asked for two more, until none was left.
    assert set(versions_and_kinds(database)) == {(KIND_VERSION_WITHOUT_VECTORS, Kind.COMPLAINT)}
    assert len(encoded) == 7
    assert worked["embed"] == 7
    assert worked["count"] == 1
    assert items(database)[0].counted


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
