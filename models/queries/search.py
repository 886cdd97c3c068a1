"""Full-text search over items: FTS5 on SQLite, tsvector on PostgreSQL, one table `feedback_search` on both."""

import re
from collections.abc import Sequence

from sqlalchemy import (
    ColumnClause,
    ColumnElement,
    and_,
    bindparam,
    column,
    func,
    literal_column,
    select,
    table,
    text,
)
from sqlalchemy.orm import Session

from models.records import FeedbackItem

_WORD = re.compile(r"\w+", re.UNICODE)
_THE_ITEM = "feedback_item WHERE id = :item AND workspace_id = :workspace"


def index_item(session: Session, *, workspace: int, item: int, content: str) -> None:
    """Put an item's words into the index, in place of what stood there for it."""
    drop_item(session, workspace=workspace, item=item)
    if not content.strip():
        return
    into, chosen = (
        ("rowid, content", "id, :content")
        if _is_sqlite(session)
        else ("item_id, workspace_id, document", "id, workspace_id, to_tsvector('simple', :content)")
    )
    statement = text(f"INSERT INTO feedback_search({into}) SELECT {chosen} FROM {_THE_ITEM}")
    session.execute(statement, {"item": item, "workspace": workspace, "content": content})


def drop_item(session: Session, *, workspace: int, item: int) -> None:
    """Take an item of the workspace out of the index."""
    # The index of SQLite knows no workspaces: it holds words, under the ids of items.
    statement = (
        f"DELETE FROM feedback_search WHERE rowid = (SELECT id FROM {_THE_ITEM})"
        if _is_sqlite(session)
        else "DELETE FROM feedback_search WHERE item_id = :item AND workspace_id = :workspace"
    )
    session.execute(text(statement), {"item": item, "workspace": workspace})


def count_entries(session: Session, *, workspace: int, items: Sequence[int]) -> int:
    """Count those of the workspace's items that stand in the index."""
    key = "rowid" if _is_sqlite(session) else "item_id"
    found = text(
        f"SELECT count(*) FROM feedback_search JOIN feedback_item ON feedback_item.id = feedback_search.{key} "
        "WHERE feedback_item.workspace_id = :workspace AND feedback_item.id IN :items"
    ).bindparams(bindparam("items", expanding=True))
    return int(session.scalar(found, {"workspace": workspace, "items": list(items)}) or 0)


def compact(session: Session) -> None:
    """Write SQLite's index anew without what was taken out of it.

    FTS5 only notes that an entry is gone; the words stay in the file until the segments that hold them are merged,
    which this does at once. PostgreSQL keeps no such notes.
    """
    if _is_sqlite(session):
        session.execute(text("INSERT INTO feedback_search(feedback_search) VALUES ('optimize')"))


PAGES_AT_ONCE = 200
"""Pages of SQLite's index that one step writes anew: some 40 ms."""


def compact_part(session: Session, *, is_first: bool) -> bool:
    """Do a bounded part of what `compact` does, in a transaction of its own; say whether there may be more to do.

    Begun with `is_first`, it goes over all of the index; where nothing came or went since, it does nothing.
    """
    if not _is_sqlite(session):
        return False
    before = session.scalar(_CHANGES)
    statement = text("INSERT INTO feedback_search(feedback_search, rank) VALUES ('merge', :pages)")
    session.execute(statement, {"pages": -PAGES_AT_ONCE if is_first else PAGES_AT_ONCE})
    # One of them is the statement itself.
    return int(session.scalar(_CHANGES) or 0) - int(before or 0) > 1


_CHANGES = text("SELECT total_changes()")


def matches(session: Session, *, workspace: int, query: str) -> ColumnElement[bool]:
    """Build the condition "an item of the workspace that contains every word of `query`".

    A query without words matches nothing.
    """
    words = _WORD.findall(query)
    if not words:
        return literal_column("1 = 0")
    if _is_sqlite(session):
        rowid: ColumnClause[int] = column("rowid")
        phrase = " ".join(f'"{word}"' for word in words)
        condition = text("feedback_search MATCH :search_words").bindparams(search_words=phrase)
        found = select(rowid).select_from(table("feedback_search")).where(condition)
    else:
        # Behind row-level security only this function may use the index; it finds the transaction's workspace alone.
        found = select(func.ebb_search(" ".join(words)))
    return and_(FeedbackItem.workspace_id == workspace, FeedbackItem.id.in_(found))


def _is_sqlite(session: Session) -> bool:
    return session.get_bind().dialect.name == "sqlite"
