"""Alembic's entry: runs migrations over the engine handed in, or over the settings' database from the shell."""

from collections.abc import Iterator
from contextlib import contextmanager

from alembic import context
from sqlalchemy import Connection, Engine

from migrations.compare import is_compared, render_plainly
from migrations.lock import LOCK_WAIT_MS, take_turn
from models.database import BUSY_TIMEOUT_MS, Database
from models.records import Record
from models.settings import load_settings


def run() -> None:
    """Run the migrations in one transaction, all or none, waiting at most four seconds for others."""
    engine = context.config.attributes.get("engine") or _engine_of_settings()
    with engine.connect() as connection, _without_foreign_keys(connection):
        context.configure(
            connection=connection,
            target_metadata=Record.metadata,
            render_as_batch=True,
            compare_type=True,
            include_name=is_compared,
            render_item=render_plainly,
            # Alembic takes SQLite for a database that cannot undo a CREATE TABLE; with our own BEGIN it can.
            transactional_ddl=True,
        )
        with context.begin_transaction():
            take_turn(connection)
            context.run_migrations()
            _check_foreign_keys(connection)


def _engine_of_settings() -> Engine:
    settings = load_settings()
    return Database(settings.owner_database_url or settings.database_url).engine


@contextmanager
def _without_foreign_keys(connection: Connection) -> Iterator[None]:
    """Switch SQLite's foreign keys off while the block runs, and shorten its wait for the writer's turn.

    SQLite changes a table by copying it and dropping the old one; with foreign keys on, the drop would delete every
    row elsewhere that refers to it. The switch does nothing within a transaction, so it stands before ours.
    """
    if connection.dialect.name != "sqlite":
        yield
        return
    _pragma(connection, "foreign_keys", 0)
    _pragma(connection, "busy_timeout", LOCK_WAIT_MS)
    try:
        yield
    finally:
        _pragma(connection, "busy_timeout", BUSY_TIMEOUT_MS)
        _pragma(connection, "foreign_keys", 1)


def _pragma(connection: Connection, name: str, value: int) -> None:
    """Set a switch past SQLAlchemy, which would begin a transaction first; fail if it did not move."""
    cursor = connection.connection.cursor()
    cursor.execute(f"PRAGMA {name}={value}")
    cursor.execute(f"PRAGMA {name}")
    row = cursor.fetchone()
    cursor.close()
    if row is None or row[0] != value:
        raise RuntimeError(f"SQLite keeps {name} at {row}: a transaction is open already")


def _check_foreign_keys(connection: Connection) -> None:
    """Let nothing be committed on SQLite that refers to a row which is not there."""
    if connection.dialect.name != "sqlite":
        return
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
    if broken:
        tables = ", ".join(sorted({str(row[0]) for row in broken}))
        raise RuntimeError(
            f"the migration would leave {len(broken)} rows without what they refer to: {tables}"
        )


run()
