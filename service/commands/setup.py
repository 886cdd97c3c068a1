"""`ebb init`, `ebb sign-in`: set up, and let people in."""

from typing import Annotated

import typer

from models.queries import access, workspaces
from models.settings import load_settings
from models.values.roles import Role
from service.commands import world
from service.commands.processes import HOST

Port = Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(init)
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
        if new_key or not access.has_key(session, workspace=workspace.id):
            _, key = access.create_key(
                session, workspace=workspace.id, name="owner", role=Role.OWNER, now=world.now()
            )
    address = database.url.render_as_string(hide_password=True)
    typer.echo(f"The database {address} is ready; its workspace is “{workspace.name}”.", err=True)
    if key is None:
        typer.echo("It has an admin key already; --new-key makes another.", err=True)
    elif print_key:
        typer.echo(key)
    else:
        typer.echo(f"Admin key (shown once): {key}", err=True)


def sign_in(port: Port = 8000) -> None:
    """Print a link that signs a browser in to the console, once."""
    settings = load_settings()
    with world.open_database(settings) as database:
        workspace = world.default_workspace(database)
        with database.write(workspace=workspace.id) as session:
            user = access.first_owner(session, workspace=workspace.id, now=world.now())
            token = access.create_sign_in(
                session,
                workspace=workspace.id,
                user=user.id,
                now=world.now(),
                minutes=settings.sign_in_minutes,
            )
    typer.echo(f"http://{HOST}:{port}/sign-in?token={token}")
