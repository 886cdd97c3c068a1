"""`ebb init`, `ebb sign-in`, `ebb workspaces`, `ebb users`: set up, and let people in."""

import json
from collections.abc import Sequence
from typing import Annotated

import typer

from migrations.grants import is_walled, may_anybody_create
from models.database import Database, Session, scope
from models.errors import Invalid
from models.queries import access, workspaces
from models.records import JsonObject, User, Workspace
from models.settings import load_settings
from models.values.ids import Prefix, public_id
from models.values.roles import PEOPLE, Role
from service.commands import world
from service.commands.processes import HOST
from service.commands.world import AsJson, OfWorkspace

Port = Annotated[
    int | None,
    typer.Option(min=1, max=65535, help="Port of the console on this machine; default: EBB_PUBLIC_URL."),
]
Email = Annotated[str, typer.Argument(help="The person's e-mail address.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(init)
    app.command("sign-in")(sign_in)
    tenants = typer.Typer(help="Workspaces: tenants that share nothing.", no_args_is_help=True)
    tenants.command("list")(list_workspaces)
    tenants.command("add")(add_workspace)
    app.add_typer(tenants, name="workspaces")
    people = typer.Typer(help="People of the team who sign in to the console.", no_args_is_help=True)
    people.command("list")(list_users)
    people.command("add")(add_user)
    people.command("disable")(disable_user)
    app.add_typer(people, name="users")


def init(
    print_key: Annotated[
        bool, typer.Option("--print-key", help="Print the admin key alone on stdout.")
    ] = False,
    new_key: Annotated[bool, typer.Option("--new-key", help="Make one more admin key.")] = False,
    workspace: OfWorkspace = None,
) -> None:
    """Create or migrate the database, a workspace and an admin key."""
    settings = load_settings()
    with world.open_database(settings, migrate=True) as database:
        with database.write(workspace=None) as session:
            owner = workspaces.ensure_workspace(
                session, time_zone=settings.time_zone, encoder_dtype=settings.encoder_dtype, now=world.now()
            )
        if new_key or workspace is not None:
            owner = world.choose_workspace(database, workspace)
        with database.write(workspace=owner.id) as session:
            wanted = new_key or not access.has_admin_key(session, workspace=owner.id, now=world.now())
            key = _owner_key(session, owner) if wanted else None
        typer.echo(f"The database {database.address} is ready; its workspace is “{owner.name}”.", err=True)
        _tell_wall(database)
    if key is None:
        typer.echo("It has an admin key already; --new-key makes another.", err=True)
    else:
        _tell_key(key, print_key=print_key)


def _owner_key(session: Session, workspace: Workspace) -> str:
    row, key = access.create_key(
        session, workspace=workspace.id, name="owner", role=Role.OWNER, now=world.now()
    )
    detail: JsonObject = {"role": str(row.role), "scopes": None}
    _note(session, workspace, "key.create", public_id(Prefix.KEY, row.id), detail)
    return key


def _tell_key(key: str, *, print_key: bool) -> None:
    if print_key:
        typer.echo(key)
    else:
        typer.echo(f"Admin key (shown once): {key}", err=True)


def _tell_wall(database: Database) -> None:
    """Say whether PostgreSQL itself keeps workspaces apart, besides the conditions of our queries."""
    if database.is_sqlite:
        return
    user = database.url.username
    typer.echo(
        f"Row-level security holds the user {user}: PostgreSQL keeps the workspaces apart as well."
        if is_walled(database)
        else f"Row-level security does not hold the user {user}, who owns the tables or is a superuser. To let "
        "PostgreSQL keep the workspaces apart as well, give EBB_OWNER_DATABASE_URL this user, EBB_DATABASE_URL "
        "another one, and run `ebb init` again.",
        err=True,
    )
    if may_anybody_create(database):
        typer.echo(
            "Every user of this server may make functions in the schema public of this database. Let the schema's "
            "owner run: REVOKE CREATE ON SCHEMA public FROM PUBLIC",
            err=True,
        )


def sign_in(
    user: Annotated[str | None, typer.Option(help="E-mail of the person; default: the first owner.")] = None,
    workspace: OfWorkspace = None,
    port: Port = None,
) -> None:
    """Print a link that signs a browser in to the console, once."""
    settings = load_settings()
    with world.open_database(settings) as database:
        owner = world.choose_workspace(database, workspace)
        with database.write(workspace=owner.id) as session:
            seat = _first_owner(session, owner) if user is None else _seat(session, owner, user)
            token = access.create_sign_in(
                session, workspace=owner.id, user=seat.id, now=world.now(), minutes=settings.sign_in_minutes
            )
            _note(session, owner, "user.sign_in", public_id(Prefix.USER, seat.id))
    address = settings.public_url.rstrip("/") if port is None else f"http://{HOST}:{port}"
    typer.echo(f"{address}/sign-in?token={token}")


def list_workspaces(as_json: AsJson = False) -> None:
    """List the workspaces, oldest first."""
    with world.open_database() as database, database.read(workspace=None) as session:
        rows = workspaces.list_workspaces(session)
    _print_table(
        [
            {"id": public_id(Prefix.WORKSPACE, row.id), "name": row.name, "time_zone": row.time_zone}
            for row in rows
        ],
        as_json=as_json,
    )


def add_workspace(
    name: Annotated[str, typer.Argument(help="Its name; no other workspace may have it.")],
    time_zone: Annotated[
        str | None, typer.Option(help="Time zone of its days and weeks; default: EBB_TIME_ZONE.")
    ] = None,
) -> None:
    """Add a workspace; its owner's key is printed once, alone on stdout."""
    settings, moment = load_settings(), world.now()
    with world.open_database(settings) as database, database.write(workspace=None) as session:
        _check_name(name, workspaces.list_workspaces(session))
        row = workspaces.create_workspace(
            session,
            name=name,
            time_zone=time_zone or settings.time_zone,
            encoder_dtype=settings.encoder_dtype,
            now=moment,
        )
        scope(session, workspace=row.id)
        subject = public_id(Prefix.WORKSPACE, row.id)
        _note(session, row, "workspace.create", subject)
        key = _owner_key(session, row)
    typer.echo(f"{subject} “{row.name}” is ready ({row.time_zone}); its owner's key, shown once:", err=True)
    typer.echo(key)


def _check_name(name: str, others: Sequence[Workspace]) -> None:
    """Refuse names by which `--workspace` could not find the workspace again."""
    if not 1 <= len(name) <= access.NAME_LENGTH or name != name.strip() or not name.isprintable():
        raise Invalid(
            f"a workspace's name has 1 to {access.NAME_LENGTH} characters, without blanks around it.",
            field="NAME",
        )
    if any(name in (row.name, public_id(Prefix.WORKSPACE, row.id)) for row in others):
        raise Invalid(f"there is a workspace {name!r} already; choose another name.", field="NAME")


def list_users(workspace: OfWorkspace = None, as_json: AsJson = False) -> None:
    """List the people who have, or had, a seat."""
    with world.open_database() as database:
        owner = world.choose_workspace(database, workspace)
        with database.read(workspace=owner.id) as session:
            rows = access.list_users(session, workspace=owner.id)
    _print_table(
        [
            {
                "id": public_id(Prefix.USER, row.id),
                "email": row.email,
                "name": row.name,
                "role": str(row.role),
                "state": "disabled" if row.disabled_at else "active",
            }
            for row in rows
        ],
        as_json=as_json,
    )


def add_user(
    email: Email,
    role: Annotated[str, typer.Option(help="owner, admin, curator, member, viewer or aggregate_only.")],
    name: Annotated[str | None, typer.Option(help="The person's name; default: the e-mail.")] = None,
    workspace: OfWorkspace = None,
) -> None:
    """Give a person a seat; the same e-mail again changes name and role."""
    if role not in set(Role):
        raise Invalid(f"there is no role {role!r}; choose one of {', '.join(PEOPLE)}.", field="--role")
    with world.open_database() as database:
        owner = world.choose_workspace(database, workspace)
        with database.write(workspace=owner.id) as session:
            row = access.put_user(
                session, workspace=owner.id, email=email, name=name or email, role=Role(role), now=world.now()
            )
            _note_seat(session, owner, row)
    typer.echo(
        f"{row.email} is {row.role} of “{owner.name}”; `ebb sign-in --user {row.email}` prints a link.",
        err=True,
    )


def disable_user(email: Email, workspace: OfWorkspace = None) -> None:
    """Take a person's seat away; their links and sessions end at once."""
    with world.open_database() as database:
        owner = world.choose_workspace(database, workspace)
        with database.write(workspace=owner.id) as session:
            row = _seat(session, owner, email)
            access.disable_user(session, workspace=owner.id, user=row.id, now=world.now())
            _note(session, owner, "user.disable", public_id(Prefix.USER, row.id))
    typer.echo(f"{row.email} can no longer sign in to “{owner.name}”.", err=True)


def _first_owner(session: Session, workspace: Workspace) -> User:
    """Find the oldest owner; without any, make the seat of whoever runs this command and write it down."""
    found = access.find_owner(session, workspace=workspace.id)
    if found is not None:
        return found
    made = access.first_owner(session, workspace=workspace.id, now=world.now())
    _note_seat(session, workspace, made)
    return made


def _seat(session: Session, workspace: Workspace, email: str) -> User:
    found = access.find_user(session, workspace=workspace.id, email=email)
    if found is None:
        raise Invalid(
            f"nobody in “{workspace.name}” has the e-mail {email!r}; `ebb users list` names everybody.",
            field="email",
        )
    return found


def _note_seat(session: Session, workspace: Workspace, user: User) -> None:
    _note(session, workspace, "user.put", public_id(Prefix.USER, user.id), {"role": str(user.role)})


def _note(
    session: Session, workspace: Workspace, action: str, subject: str, detail: JsonObject | None = None
) -> None:
    workspaces.audit(
        session,
        workspace=workspace.id,
        actor=world.ACTOR,
        by=workspaces.COMMAND_LINE,
        action=action,
        subject=subject,
        now=world.now(),
        detail=detail,
    )


def _print_table(rows: Sequence[dict[str, str]], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(rows, indent=1, ensure_ascii=False))
        return
    widths = {name: max(len(row[name]) for row in rows) for name in rows[0]} if rows else {}
    for row in rows:
        typer.echo("  ".join(value.ljust(widths[name]) for name, value in row.items()).rstrip())
