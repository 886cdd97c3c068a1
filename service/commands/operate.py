"""`ebb work`, `ebb replay`: do and mend what waits."""

from typing import Annotated

import typer

from models.errors import Invalid
from models.queries import deliveries, work
from service.commands import world
from service.commands.processes import become, worker_command
from service.commands.world import OfWorkspace


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("work")(work_until_idle)
    app.command()(replay)


def work_until_idle(
    until_idle: Annotated[bool, typer.Option("--until-idle", help="Stop when nothing is due.")] = False,
) -> None:
    """Work in the foreground, with progress."""
    if not until_idle:
        raise Invalid("add --until-idle; `ebb worker` runs on and on.", field="--until-idle")
    world.check_database()
    become(worker_command("--until-idle"))


def replay(workspace: OfWorkspace = None) -> None:
    """Try work that was given up, and deliveries that could not be understood, once more."""
    with world.open_database() as database:
        owner = world.choose_workspace(database, workspace)
        with database.write(workspace=owner.id) as session:
            revived = work.revive(session, workspace=owner.id, now=world.now())
            reopened = deliveries.reopen_invalid(session, workspace=owner.id, now=world.now())
    typer.echo(f"{revived} pieces of work and {reopened} deliveries will be tried again.")
