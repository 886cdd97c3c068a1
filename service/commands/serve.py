"""`ebb init`, `ebb up`, `ebb api`, `ebb worker`, `ebb sign-in`: set up and run."""

from typing import Annotated

import typer

from models.queries import workspaces
from models.settings import load_settings
from models.values.roles import Role
from service.commands import world
from service.commands.processes import HOST, Supervisor, api_command, become, check_port, worker_command

Port = Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(init)
    app.command()(up)
    app.command()(api)
    app.command()(worker)
    app.command("sign-in")(sign_in)


def init(
    print_key: Annotated[
        bool, typer.Option("--print-key", help="Print the admin key alone on stdout.")
    ] = False,
    new_key: Annotated[bool, typer.Option("--new-key", help="Make one more admin key.")] = False,
) -> None:
    """Create or migrate the database, a workspace and an admin key."""
    settings = load_settings()
    with world.open_database(settings, migrate=True) as database, database.write(workspace=None) as session:
        workspace = workspaces.ensure_workspace(
            session,
            time_zone=settings.time_zone,
            encoder_dtype=settings.encoder_dtype,
            now=world.now(),
        )
        key = None
        if new_key or not workspaces.has_key(session, workspace=workspace.id):
            _, key = workspaces.create_key(
                session, workspace=workspace.id, name="admin", role=Role.ADMIN, now=world.now()
            )
    address = database.url.render_as_string(hide_password=True)
    typer.echo(f"The database {address} is ready; its workspace is “{workspace.name}”.", err=True)
    if key is None:
        typer.echo("It has an admin key already; --new-key makes another.", err=True)
    elif print_key:
        typer.echo(key)
    else:
        typer.echo(f"Admin key (shown once): {key}", err=True)


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


def sign_in(port: Port = 8000) -> None:
    """Print a link that signs a browser in to the console, once."""
    settings = load_settings()
    with world.open_database(settings) as database:
        workspace = world.default_workspace(database)
        with database.write(workspace=workspace.id) as session:
            token = workspaces.create_sign_in(
                session,
                workspace=workspace.id,
                role=Role.ADMIN,
                now=world.now(),
                minutes=settings.sign_in_minutes,
            )
    typer.echo(f"http://{HOST}:{port}/sign-in?token={token}")
