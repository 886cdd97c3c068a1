"""Full-text search over items: FTS5 on SQLite, tsvector on PostgreSQL, one table `feedback_search` on both."""

import re

from sqlalchemy import ColumnClause, ColumnElement, column, func, literal_column, select, table, text
from sqlalchemy.orm import Session

from models.records import FeedbackItem

_WORD = re.compile(r"\w+", re.UNICODE)


def index_item(session: Session, *, workspace: int, item: int, content: str) -> None:
    """Put an item's words into the index, in place of what stood there for it."""
    drop_item(session, item=item)
    if not content.strip():
        return
    if _is_sqlite(session):
        statement = text("INSERT INTO feedback_search(rowid, content) VALUES (:item, :content)")
        session.execute(statement, {"item": item, "content": content})
    else:
        statement = text(
            "INSERT INTO feedback_search(item_id, workspace_id, document) "
            "VALUES (:item, :workspace, to_tsvector('simple', :content))"
        )
        session.execute(statement, {"item": item, "workspace": workspace, "content": content})


def drop_item(session: Session, *, item: int) -> None:
    """Take an item out of the index."""
    key = "rowid" if _is_sqlite(session) else "item_id"
    session.execute(text(f"DELETE FROM feedback_search WHERE {key} = :item"), {"item": item})


def matches(session: Session, query: str) -> ColumnElement[bool]:
    """Build the condition "the item contains every word of `query`"; a query without words matches nothing."""
    words = _WORD.findall(query)
    if not words:
        return literal_column("1 = 0")
    if _is_sqlite(session):
        rowid: ColumnClause[int] = column("rowid")
        phrase = " ".join(f'"{word}"' for word in words)
        condition = text("feedback_search MATCH :search_words").bindparams(search_words=phrase)
        return FeedbackItem.id.in_(select(rowid).select_from(table("feedback_search")).where(condition))
    # Behind row-level security only this function may use the index; it finds the transaction's workspace alone.
    return FeedbackItem.id.in_(select(func.ebb_search(" ".join(words))))


def _is_sqlite(session: Session) -> bool:
    return session.get_bind().dialect.name == "sqlite"
