"""What a vendor deletes or redacts is said nowhere any more: not by themes' names, quotes, links, vectors or the index."""

import pytest
from sqlalchemy import select

from models.database import Database
from models.queries import links, search
from models.records import FeedbackItem, Link, Theme, ThemeQuote
from tests import erasing, factories
from tests.clock import Clock
from tests.steps import unfinished, walk
from tests.workers.tickets import deliver, open_assignments, year_of
from workers.context import Context
from workers.retain import retain

SAID = ("flumoxagon", "grumblefang", "wobblethorpe")
"""Of the subject, of every text and of one: words that nobody else says."""
RAW = "delivery"
"""Raw bodies keep what came until they expire."""


@pytest.fixture
def source(database: Database, workspace: int) -> int:
    with database.write(workspace=workspace) as session:
        return factories.source(session, workspace)


def entries() -> list[dict[str, object]]:
    return [{**entry, "tags": []} for entry in erasing.entries()]


@pytest.fixture
def theme(context: Context, database: Database, workspace: int, source: int) -> int:
    """A theme that the customer's tickets are in, named, quoted and linked by words of theirs."""
    year_of(context, workspace, source, count=60)
    deliver(context, workspace, source, *entries())
    walk(context)
    with database.read(workspace=workspace) as session:
        of_them = select(FeedbackItem.id).where(FeedbackItem.external_id.like("Z-%"))
        theirs = list(session.scalars(of_them.order_by(FeedbackItem.id)))
    standing = open_assignments(database)
    placed = [item for item in theirs if item in standing]
    assert placed, "a ticket without theme gives none its words"
    with database.write(workspace=workspace) as session:
        row = session.get_one(Theme, standing[placed[0]])
        row.label = "Grumblefang panel crashes"
        row.keywords = ["grumblefang", "panel", "flumoxagon trouble", "wobblethorpe"]
        session.add(
            ThemeQuote(workspace_id=workspace, theme_id=row.id, item_id=placed[0], rank=9, start=0, end=9)
        )
        feature = factories.feature(session, workspace, name="panel", title="A calmer panel")
        draft = links.ProposalDraft(
            theme_id=row.id,
            feature_id=feature,
            probability=0.5,
            reason="An answer to “Grumblefang panel crashes”. Shared words: grumblefang, wobblethorpe.",
            evidence=[{"item": placed[0], "score": 1.0, "shared": ["grumblefang"], "start": 0, "end": 9}],
        )
        links.propose(session, workspace=workspace, feature=feature, drafts=[draft], now=context.clock())
        return row.id


def tables(database: Database) -> dict[str, set[str]]:
    return erasing.words_in_rows(database, SAID)


@pytest.mark.parametrize("whole", [True, False], ids=["records", "messages"])
@pytest.mark.parametrize("action", ["delete", "redact"])
def test_no_word_of_it_is_left_in_any_table(
    database: Database,
    context: Context,
    workspace: int,
    source: int,
    theme: int,
    clock: Clock,
    action: str,
    whole: bool,
) -> None:
    before = tables(database)
    assert {"feedback_item", "theme", "link"} <= before["grumblefang"]
    named = [(str(entry["id"]), str(entry.get("message_id") or "0")) for entry in entries()]
    gone: list[dict[str, object]] = [
        {"id": record, "action": action, **({} if whole else {"message_id": message})}
        for record, message in dict.fromkeys((record, message) for record, message in named)
    ]
    clock.advance(minutes=1)
    # Several changes of one delivery, and deliveries of one change each.
    deliver(context, workspace, source, gone[:4], *gone[4:])
    walk(context)
    # SQLite's index keeps the words of what it finds no more until the chore that writes it anew.
    at_once = {"feedback_search_data"} if database.is_sqlite else set()
    assert {word: found - at_once for word, found in tables(database).items()} == {
        word: {RAW} for word in SAID
    }
    retain(context, lambda _: None)
    assert tables(database) == {word: {RAW} for word in SAID}
    assert unfinished(context.database, now=clock()) == []
    with database.read(workspace=workspace) as session:
        row = session.get_one(Theme, theme)
        quoted = session.scalars(select(ThemeQuote.item_id)).all()
        standing = session.scalars(select(FeedbackItem.id).where(FeedbackItem.withdrawn.is_(False))).all()
        assert set(quoted) <= set(standing)
        assert {
            word for link in session.scalars(select(Link)) for word in SAID if word in link.reason
        } == set()
        assert row.label != "Grumblefang panel crashes"
        for word in SAID:
            says = search.matches(session, workspace=workspace, query=word)
            assert session.scalars(select(FeedbackItem.id).where(says)).all() == []


def test_a_name_whose_words_others_say_stays(
    database: Database, context: Context, workspace: int, source: int, theme: int, clock: Clock
) -> None:
    with database.write(workspace=workspace) as session:
        session.get_one(Theme, theme).label = "Panel crashes"
        session.get_one(Theme, theme).keywords = ["panel"]
    clock.advance(minutes=1)
    deliver(context, workspace, source, {"id": "Z-4", "action": "delete"})
    walk(context)
    with database.read(workspace=workspace) as session:
        assert session.get_one(Theme, theme).label == "Panel crashes"
