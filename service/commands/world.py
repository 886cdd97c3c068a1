"""What commands share: settings, the database brought up to date, the workspace."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import Annotated

import typer

from migrations import grants
from migrations import run as migrations
from models.database import SETTING, Database, parse_url
from models.errors import Invalid
from models.queries import workspaces
from models.records import Workspace
from models.settings import Settings, load_settings
from models.values.ids import Prefix, public_id

ACTOR = "command line"
"""Who acts, in the audit log, when a command changes who may come in."""

LISTED = 20
"""So many workspaces are named where one must be chosen."""

OfWorkspace = Annotated[
    str | None,
    typer.Option("--workspace", help="Id or name of the workspace; needed where there are several."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def now() -> datetime:
    """Read the wall clock."""
    return datetime.now(UTC)


@contextmanager
def open_database(settings: Settings | None = None, *, migrate: bool = False) -> Iterator[Database]:
    """Open the database of the settings while the block runs; raise `Invalid` for one that cannot be reached.

    One whose tables are not current is refused, unless asked to migrate.
    """
    settings = settings or load_settings()
    if migrate:
        _bring_up_to_date(settings)
    with closing(Database(settings.database_url, synchronous=settings.sqlite_synchronous)) as database:
        if not database.is_missing:
            database.probe()
        if database.is_missing or not migrations.is_current(database):
            raise Invalid(
                f"the database at {database.address} is not set up for this version; run `ebb init`.",
                field=SETTING,
            )
        yield database


def _bring_up_to_date(settings: Settings) -> None:
    """Migrate, as the tables' owner where the programs are another user; that user gets what it needs."""
    address, setting = settings.database_url, SETTING
    if settings.owner_database_url:
        address, setting = settings.owner_database_url, "EBB_OWNER_DATABASE_URL"
    with closing(Database(address, synchronous=settings.sqlite_synchronous, setting=setting)) as owner:
        programs = parse_url(settings.database_url)
        if settings.owner_database_url:
            grants.check_pair(owner, programs)
        owner.probe()
        migrations.upgrade(owner)
        if settings.owner_database_url:
            grants.grant(owner, programs)


def check_database() -> None:
    """Refuse a database that cannot be opened or is not current, before other processes are started on it."""
    with open_database():
        pass


def choose_workspace(database: Database, given: str | None) -> Workspace:
    """Find a workspace by id or exact name, or the only one there is; raise `Invalid` where that is not one."""
    with database.read(workspace=None) as session:
        found = workspaces.list_workspaces(session)
    if not found:
        raise Invalid("there is no workspace yet; run `ebb init`.", field=SETTING)
    if given is None:
        fitting = found
    else:
        by_id = [row for row in found if public_id(Prefix.WORKSPACE, row.id) == given]
        fitting = by_id or [row for row in found if row.name == given]
        if not fitting:
            raise Invalid(f"there is no workspace {given!r}; there are {_names(found)}.", field="--workspace")
    if len(fitting) > 1:
        raise Invalid(f"say which with --workspace: {_names(fitting)}.", field="--workspace")
    return fitting[0]


def _names(rows: Sequence[Workspace]) -> str:
    """Name workspaces as `--workspace` takes them."""
    named = [f"{public_id(Prefix.WORKSPACE, row.id)} ({row.name})" for row in rows[:LISTED]]
    return ", ".join(named) + (f" and {len(rows) - LISTED} more" if len(rows) > LISTED else "")
