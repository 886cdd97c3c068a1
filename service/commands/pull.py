"""`ebb pull`: ask a vendor's API now, with progress."""

import sys
from typing import Annotated

import typer

from models.database import Database
from models.errors import Invalid
from models.queries import deliveries, pulls
from models.records import Source, Workspace
from models.values.ids import Prefix, public_id
from service.commands import world
from service.commands.processes import become
from service.commands.world import OfWorkspace


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("pull")(pull)


def pull(
    source: Annotated[str, typer.Option("--source", help="Id or name of the source.")],
    once: Annotated[bool, typer.Option("--once", help="Take one turn; without it: until caught up.")] = False,
    workspace: OfWorkspace = None,
) -> None:
    """Pull a source from its vendor's API until it is caught up; Ctrl-C is safe, the next run goes on there."""
    with world.open_database() as database:
        owner = world.choose_workspace(database, workspace)
        chosen = _choose(database, owner, source)
    command = [sys.executable, "-m", "workers.pull_now", str(owner.id), str(chosen.id)]
    become([*command, "--once"] if once else command)


def _choose(database: Database, owner: Workspace, given: str) -> Source:
    """Find the one pulled source of this id or name."""
    with database.read(workspace=owner.id) as session:
        rows = deliveries.list_sources(session, workspace=owner.id)
        pulled = {row.source_id for row in pulls.list_pulls(session, workspace=owner.id)}
    fitting = [row for row in rows if given in (public_id(Prefix.SOURCE, row.id), row.name)]
    if not fitting:
        known = ", ".join(public_id(Prefix.SOURCE, row.id) for row in rows if row.id in pulled) or "none"
        raise Invalid(f"there is no source {given!r}; pulled are {known}.", field="--source")
    if len(fitting) > 1:
        raise Invalid(f"several sources are called {given!r}; give the id, src_….", field="--source")
    if fitting[0].id not in pulled:
        name = public_id(Prefix.SOURCE, fitting[0].id)
        raise Invalid(f"{name} is not pulled; PUT /v1/sources/{name}/pull sets it up.", field="--source")
    return fitting[0]
