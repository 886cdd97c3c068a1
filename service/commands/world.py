"""What commands share: settings, the database brought up to date, the workspace."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from migrations import run as migrations
from models.database import Database
from models.errors import Invalid
from models.queries import workspaces
from models.records import Workspace
from models.settings import Settings, load_settings


def now() -> datetime:
    """Read the wall clock."""
    return datetime.now(UTC)


@contextmanager
def open_database(settings: Settings | None = None, *, migrate: bool = False) -> Iterator[Database]:
    """Open the database of the settings while the block runs.

    One whose tables are not current is refused, unless asked to migrate.
    """
    settings = settings or load_settings()
    database = Database(settings.database_url, synchronous=settings.sqlite_synchronous)
    try:
        if migrate:
            migrations.upgrade(database)
        elif database.is_missing or not migrations.is_current(database):
            raise Invalid(
                f"the database at {database.url.render_as_string(hide_password=True)} is not set up for this "
                "version; run `ebb init`.",
                field="EBB_DATABASE_URL",
            )
        yield database
    finally:
        database.close()


def check_database() -> None:
    """Refuse a database that cannot be opened or is not current, before other processes are started on it."""
    with open_database():
        pass


def default_workspace(database: Database) -> Workspace:
    """Return the first workspace; raise `Invalid` where `ebb init` was never run."""
    with database.read(workspace=None) as session:
        workspace = workspaces.first_workspace(session)
    if workspace is None:
        raise Invalid("there is no workspace yet; run `ebb init`.", field="EBB_DATABASE_URL")
    return workspace
