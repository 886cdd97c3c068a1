"""Insert-or-ignore and insert-or-update, written once for both databases."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, inspect
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import InstrumentedAttribute, Session

from models.records.base import Record

Row = Mapping[str, object]


def _insert(session: Session, table: type[Record]) -> sqlite.Insert | postgresql.Insert:
    if session.get_bind().dialect.name == "sqlite":
        return sqlite.insert(table)
    return postgresql.insert(table)


def _of_same_workspace(
    table: type[Record], statement: sqlite.Insert | postgresql.Insert
) -> ColumnElement[bool] | None:
    """Let a row give way to one of its own workspace alone: the keys of most tables do not name the workspace."""
    column = inspect(table).columns.get("workspace_id")
    return None if column is None else column == statement.excluded["workspace_id"]


def insert_or_ignore(session: Session, table: type[Record], row: Row, *, key: Sequence[str]) -> int | None:
    """Insert `row` unless one with the same `key` columns stands; return the new id, or None if it stood."""
    statement = _insert(session, table).values(**row).on_conflict_do_nothing(index_elements=list(key))
    identity = inspect(table).primary_key[0]
    return session.execute(statement.returning(identity)).scalar_one_or_none()


def insert_or_update(
    session: Session, table: type[Record], row: Row, *, key: Sequence[str], keep: Sequence[str] = ()
) -> int:
    """Insert `row`, or set its columns on the row with the same `key`, but for those in `keep`; return the id.

    Raise `NoResultFound`, and change nothing, where that row is another workspace's.
    """
    statement = _insert(session, table).values(**row)
    changed = {name: statement.excluded[name] for name in row if name not in key and name not in keep} or {
        key[0]: statement.excluded[key[0]]
    }
    identity = inspect(table).primary_key[0]
    upsert = statement.on_conflict_do_update(
        index_elements=list(key), set_=changed, where=_of_same_workspace(table, statement)
    )
    return int(session.execute(upsert.returning(identity)).scalar_one())


def insert_new(
    session: Session,
    table: type[Record],
    rows: Sequence[Row],
    *,
    key: Sequence[str],
    returning: Sequence[InstrumentedAttribute[Any]],
) -> list[tuple[Any, ...]]:
    """Insert the rows whose `key` does not stand, at most a few hundred, in one statement; return columns of these.

    Of rows with the same key the first is inserted.
    """
    statement = _insert(session, table).on_conflict_do_nothing(index_elements=list(key)).returning(*returning)
    found = session.connection().execute(statement, [dict(row) for row in rows])
    return [tuple(row) for row in found]


def insert_many(
    session: Session, table: type[Record], rows: Sequence[Row], *, key: Sequence[str], update: bool
) -> None:
    """Insert rows in chunks, updating or ignoring those whose `key` stands; nothing comes back.

    What another workspace has under a key is left as it is.
    """
    for start in range(0, len(rows), 500):
        chunk = [dict(row) for row in rows[start : start + 500]]
        statement = _insert(session, table)
        if update:
            changed = {name: statement.excluded[name] for name in chunk[0] if name not in key}
            statement = statement.on_conflict_do_update(
                index_elements=list(key), set_=changed, where=_of_same_workspace(table, statement)
            )
        else:
            statement = statement.on_conflict_do_nothing(index_elements=list(key))
        # Past the session, which would look each row over for its own book-keeping.
        session.connection().execute(statement, chunk)
