"""`ebb work`, `ebb doctor`, `ebb replay`: see and mend what runs."""

import json
from collections import defaultdict
from typing import Annotated

import typer

from migrations import run as migrations
from models.database import Database
from models.errors import Invalid
from models.jobs import WorkState
from models.queries import deliveries, work
from models.settings import PREFIX, Settings, load_settings
from service.commands import world
from service.commands.processes import become, worker_command

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("work")(work_until_idle)
    app.command()(doctor)
    app.command()(replay)


def work_until_idle(
    until_idle: Annotated[bool, typer.Option("--until-idle", help="Stop when nothing is due.")] = False,
) -> None:
    """Work in the foreground, with progress."""
    if not until_idle:
        raise Invalid("add --until-idle; `ebb worker` runs on and on.", field="--until-idle")
    world.check_database()
    become(worker_command("--until-idle"))


def doctor(
    as_json: AsJson = False,
    settings: Annotated[bool, typer.Option("--settings", help="List every setting instead.")] = False,
) -> None:
    """Check the settings, the database and the work that waits; exit 3 if something needs a person."""
    found = _settings_table() if settings else _findings(load_settings())
    if as_json:
        typer.echo(json.dumps(found, indent=1))
    else:
        for name, value in found.items():
            typer.echo(f"{name:<32} {value}")
    if not settings and found["verdict"] != "healthy":
        raise typer.Exit(3)


def _settings_table() -> dict[str, str]:
    return {
        f"{PREFIX}{name.upper()}": f"{field.description} Default: {field.default}."
        for name, field in Settings.model_fields.items()
    }


def _findings(settings: Settings) -> dict[str, str]:
    database = Database(settings.database_url)
    try:
        return _findings_in(database)
    finally:
        database.close()


def _findings_in(database: Database) -> dict[str, str]:
    found = {"database": database.url.render_as_string(hide_password=True)}
    if database.is_missing or not migrations.is_current(database):
        return {**found, "tables": "not current: run `ebb init`", "verdict": "needs a person"}
    with database.read(workspace=None) as session:
        states = work.count_states(session)
        oldest = work.oldest_due(session, now=world.now())
    by_state: dict[str, int] = defaultdict(int)
    for (stage, state), count in states.items():
        by_state[state] += count
        if state is WorkState.DEAD:
            found[f"dead work, stage {stage}"] = str(count)
    waited = (world.now() - oldest).total_seconds() if oldest else 0.0
    found |= {
        "tables": "current",
        "work waiting": str(by_state[WorkState.READY]),
        "oldest due work (s)": f"{waited:.0f}",
        "work given up": str(by_state[WorkState.DEAD]),
    }
    found["verdict"] = "needs a person: see `ebb replay`" if by_state[WorkState.DEAD] else "healthy"
    return found


def replay() -> None:
    """Try work that was given up, and deliveries that could not be understood, once more."""
    with world.open_database() as database:
        workspace = world.default_workspace(database)
        with database.write(workspace=workspace.id) as session:
            revived = work.revive(session, workspace=workspace.id, now=world.now())
            reopened = deliveries.reopen_invalid(session, workspace=workspace.id, now=world.now())
    typer.echo(f"{revived} pieces of work and {reopened} deliveries will be tried again.")
