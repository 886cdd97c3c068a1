"""Kinds decided again: a rating or a channel that the tool tells after the text was read."""

from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from models.database import Database
from models.language.encode import FloatArray, WordHashEncoder
from models.queries import feedback, kinds
from models.queries.feedback import StatusDraft
from models.records import Assignment, DailyCount, JsonObject
from models.values.kinds import Kind
from tests import factories
from tests.clock import NOON
from tests.steps import unfinished, walk
from tests.workers.tickets import deliver, entry, items
from workers.context import Context

PLAIN = "Thanks, the lamp for the hall came today in the colour of the picture."
ONE_STAR: JsonObject = {"value": 1, "scale_min": 1, "scale_max": 5, "kind": "stars"}


class Counting(WordHashEncoder):
    """Keep which texts were encoded; do something beside the first time."""

    def __init__(self, meanwhile: Callable[[], None] = lambda: None) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._meanwhile = meanwhile

    def encode(self, texts: Sequence[str]) -> FloatArray:
        if not self.texts:
            self._meanwhile()
        self.texts.extend(texts)
        return super().encode(texts)


@pytest.fixture
def source(database: Database, workspace: int) -> int:
    with database.write(workspace=workspace) as session:
        return factories.source(session, workspace)


def say_later(
    context: Context,
    workspace: int,
    source: int,
    *,
    rating: JsonObject | None = None,
    channel: str | None = None,
    hours: int = 1,
) -> None:
    """Tell an attribute of the ticket some hours later, without any text."""
    later = NOON + timedelta(hours=hours)
    draft = StatusDraft(source_id=source, external_id="T-1", changed_at=later, rating=rating, channel=channel)
    with context.database.write(workspace=workspace) as session:
        feedback.update_record(session, workspace=workspace, draft=draft, now=context.clock())


def read_first(database: Database, context: Context, workspace: int, source: int) -> tuple[Counting, int]:
    """Have a plain text read and placed in a theme; return the encoder and the theme."""
    encoder = Counting()
    context.load_encoder = lambda _: encoder
    deliver(context, workspace, source, entry(1, text=PLAIN))
    walk(context)
    (item,) = items(database)
    with context.database.write(workspace=workspace) as session:
        theme = factories.theme(session, workspace, 900)
        session.execute(update(Assignment).values(until_revision=1))
        session.add(
            Assignment(workspace_id=workspace, item_id=item.id, theme_id=theme, from_revision=1, score=1.0)
        )
    return encoder, theme


def complaints_of(context: Context, workspace: int, theme: int) -> int:
    with context.database.read(workspace=workspace) as session:
        rows = session.scalars(
            select(DailyCount.complaints).where(DailyCount.theme_id == theme, DailyCount.segment == "all")
        )
        return sum(rows)


def test_a_rating_that_comes_later_decides_the_kind_and_the_counts_without_encoding(
    database: Database, context: Context, workspace: int, source: int
) -> None:
    encoder, theme = read_first(database, context, workspace, source)
    (before,) = items(database)
    assert before.kind is not Kind.COMPLAINT
    say_later(context, workspace, source, rating=ONE_STAR)
    worked = walk(context)
    (after,) = items(database)
    assert after.kind is Kind.COMPLAINT
    assert "has a low rating" in (after.kind_why or "")
    assert (after.version, after.kind_version) == (before.version, before.kind_version)
    assert encoder.texts == [PLAIN]
    assert worked["count"] == 1
    assert after.counted
    assert complaints_of(context, workspace, theme) == 1
    with context.database.read(workspace=workspace) as session:
        assert not kinds.is_mixed(session, workspace=workspace)


def test_a_rating_that_is_taken_up_again_takes_the_complaint_out_of_the_counts(
    database: Database, context: Context, workspace: int, source: int
) -> None:
    _, theme = read_first(database, context, workspace, source)
    say_later(context, workspace, source, rating=ONE_STAR)
    walk(context)
    assert complaints_of(context, workspace, theme) == 1
    say_later(context, workspace, source, rating=ONE_STAR | {"value": 5}, hours=2)
    walk(context)
    (item,) = items(database)
    assert (item.kind, item.counted, item.rating and item.rating["value"]) == (Kind.PRAISE, False, 5)
    assert complaints_of(context, workspace, theme) == 0


def test_a_channel_that_comes_later_decides_the_kind(
    database: Database, context: Context, workspace: int, source: int
) -> None:
    encoder = Counting()
    context.load_encoder = lambda _: encoder
    deliver(context, workspace, source, entry(1, text="Multiple currencies in one list"))
    walk(context)
    say_later(context, workspace, source, channel="canny")
    walk(context)
    (item,) = items(database)
    assert "came from an idea board" in (item.kind_why or "")
    assert item.kind is Kind.REQUEST
    assert len(encoder.texts) == 1


def test_an_attribute_that_says_nothing_of_the_kind_or_nothing_new_asks_for_nothing(
    database: Database, context: Context, workspace: int, source: int
) -> None:
    read_first(database, context, workspace, source)
    say_later(context, workspace, source, rating=ONE_STAR)
    walk(context)
    say_later(context, workspace, source, rating=dict(ONE_STAR))
    draft = StatusDraft(
        source_id=source, external_id="T-1", changed_at=NOON + timedelta(days=9), status="solved"
    )
    with context.database.write(workspace=workspace) as session:
        feedback.update_record(session, workspace=workspace, draft=draft, now=context.clock())
    assert walk(context)["embed"] == 0


def test_a_rating_that_comes_while_the_text_is_encoded_is_not_lost(
    database: Database, context: Context, workspace: int, source: int
) -> None:
    encoder = Counting(lambda: say_later(context, workspace, source, rating=ONE_STAR))
    context.load_encoder = lambda _: encoder
    deliver(context, workspace, source, entry(1, text=PLAIN))
    walk(context)
    (item,) = items(database)
    assert item.kind is Kind.COMPLAINT
    assert encoder.texts == [PLAIN]
    assert unfinished(context.database, now=context.clock()) == []


def test_a_rating_on_what_has_no_vector_decides_by_signs(
    database: Database, context: Context, workspace: int, source: int
) -> None:
    deliver(
        context, workspace, source, entry(1, text="Die Lampe hängt im Flur neben dem Fenster.", language="de")
    )
    walk(context)
    say_later(context, workspace, source, rating=ONE_STAR)
    walk(context)
    (item,) = items(database)
    assert item.kind is Kind.COMPLAINT
    assert item.kind_version is not None
    assert "has a low rating" in (item.kind_why or "")
