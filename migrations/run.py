"""Bring a database to a revision of the tables, from code rather than from alembic's command."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.exc import DBAPIError

from migrations import lock
from migrations.compare import is_compared
from models.database import Database
from models.errors import Conflict, Invalid
from models.records import Record

LOCKED = "55P03"
FORBIDDEN = "42501"


def _config(database: Database) -> Config:
    config = Config(stdout=io.StringIO())
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["engine"] = database.engine
    return config


def upgrade(database: Database, revision: str = "head") -> None:
    """Apply every migration up to `revision`; a database that is there already is left alone.

    Raise `Conflict` where somebody else holds the tables for too long, `Invalid` where the user may not change them.
    """
    with _explained(database):
        command.upgrade(_config(database), revision)


def downgrade(database: Database, revision: str) -> None:
    """Undo migrations down to `revision` (`base`: all); raise as `upgrade` does."""
    with _explained(database):
        command.downgrade(_config(database), revision)


def check(database: Database) -> None:
    """Let alembic compare the database with the tables as written; it raises where they differ."""
    command.check(_config(database))


def is_current(database: Database) -> bool:
    """Say whether the database stands at the newest migration; raise `Invalid` where the user may not look."""
    head = ScriptDirectory.from_config(_config(database)).get_current_head()
    with _explained(database), database.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision() == head


def differences(database: Database) -> list[object]:
    """List what differs between the database as migrated and the tables as written; empty when they agree."""
    with database.engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "include_name": is_compared}
        )
        return list(compare_metadata(context, Record.metadata))


@contextmanager
def _explained(database: Database) -> Iterator[None]:
    """Turn what a person can mend into errors that say how."""
    try:
        yield
    except DBAPIError as error:
        state = getattr(error.orig, "sqlstate", None)
        if state == LOCKED or "database is locked" in str(error.orig):
            raise Conflict(
                f"the database is in use: the migration gave up after {lock.LOCK_WAIT_MS / 1000:g} s and changed "
                "nothing; stop the programs and run `ebb init` again.",
                field=database.setting,
            ) from error
        if state == FORBIDDEN:
            raise Invalid(
                f"the user {database.url.username} may not see or change the tables; run `ebb init` with "
                "EBB_OWNER_DATABASE_URL set to the address of their owner.",
                field=database.setting,
            ) from error
        raise
