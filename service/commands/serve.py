"""`ebb up`, `ebb api`, `ebb worker`: run."""

from typing import Annotated

import typer

from service.commands import world
from service.commands.processes import HOST, Supervisor, api_command, become, check_port, worker_command

Port = Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(up)
    app.command()(api)
    app.command()(worker)


def up(port: Port = 8000) -> None:
    """Run API, console and one worker until Ctrl-C, on this machine alone."""
    check_port(port)
    world.check_database()
    typer.echo(f"Ebb runs at http://{HOST}:{port}/ (Ctrl-C stops it).", err=True)
    Supervisor({"api": api_command(port), "worker": worker_command()}).run()


def api(port: Port = 8000, host: Annotated[str, typer.Option(help="Address to bind.")] = HOST) -> None:
    """Run the API and the console alone."""
    world.check_database()
    become(api_command(port, host))


def worker() -> None:
    """Run one worker alone."""
    world.check_database()
    become(worker_command())
