"""What commands share: settings, the database brought up to date, the workspace."""

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


def open_database(settings: Settings | None = None, *, migrate: bool = False) -> Database:
    """Open the database of the settings; refuse one whose tables are not current, unless asked to migrate."""
    settings = settings or load_settings()
    database = Database(settings.database_url, synchronous=settings.sqlite_synchronous)
    if migrate:
        migrations.upgrade(database)
    elif not migrations.is_current(database):
        raise Invalid(
            f"the database at {database.url.render_as_string(hide_password=True)} is not set up for this "
            "version; run `ebb init`.",
            field="EBB_DATABASE_URL",
        )
    return database


def default_workspace(database: Database) -> Workspace:
    """Return the first workspace; raise `Invalid` where `ebb init` was never run."""
    with database.read() as session:
        workspace = workspaces.first_workspace(session)
    if workspace is None:
        raise Invalid("there is no workspace yet; run `ebb init`.", field="EBB_DATABASE_URL")
    return workspace
