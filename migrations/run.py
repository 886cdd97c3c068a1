"""Bring a database to a revision of the tables, from code rather than from alembic's command."""

from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from migrations.compare import is_compared
from models.database import Database
from models.records import Record


def _config(database: Database) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["engine"] = database.engine
    return config


def upgrade(database: Database, revision: str = "head") -> None:
    """Apply every migration up to `revision`; a database that is there already is left alone."""
    command.upgrade(_config(database), revision)


def downgrade(database: Database, revision: str) -> None:
    """Undo migrations down to `revision` (`base`: all)."""
    command.downgrade(_config(database), revision)


def is_current(database: Database) -> bool:
    """Say whether the database stands at the newest migration."""
    head = ScriptDirectory.from_config(_config(database)).get_current_head()
    with database.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision() == head


def differences(database: Database) -> list[object]:
    """List what differs between the database as migrated and the tables as written; empty when they agree."""
    with database.engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "include_name": is_compared}
        )
        return list(compare_metadata(context, Record.metadata))
