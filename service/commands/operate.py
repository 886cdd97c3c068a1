"""`ebb work`, `ebb replay`: do and mend what waits."""

from collections.abc import Sequence
from typing import Annotated

import typer

from models.database import Database, Session
from models.errors import Invalid
from models.queries import deliveries, delivery_log, work, workspaces
from models.queries.delivery_log import DeliveryFilter
from models.values.deliveries import REPLAYED_AT_ONCE, DeliveryOutcome
from models.values.ids import Prefix, parse_id
from service.commands import world
from service.commands.processes import become, worker_command
from service.commands.world import OfWorkspace
from service.replay import replay_all


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


def replay(
    delivery: Annotated[str | None, typer.Option(help="This delivery only, whatever became of it.")] = None,
    source: Annotated[str | None, typer.Option(help="Deliveries of this source only.")] = None,
    state: Annotated[
        DeliveryOutcome | None, typer.Option(help="Deliveries that are invalid, or dead, only.")
    ] = None,
    workspace: OfWorkspace = None,
) -> None:
    """Try work that was given up, and deliveries that could not be understood, once more."""
    _check_choice(delivery, source, state)
    with world.open_database() as database:
        owner = world.choose_workspace(database, workspace)
        if delivery is not None:
            told = _replay_one(database, owner.id, delivery)
        elif source is not None or state is not None:
            told = _replay_some(database, owner.id, source, [state] if state else REPLAYED_AT_ONCE)
        else:
            told = _replay_everything(database, owner.id)
    typer.echo(f"{told} will be tried again.")


def _check_choice(delivery: str | None, source: str | None, state: DeliveryOutcome | None) -> None:
    if delivery is not None and (source is not None or state is not None):
        raise Invalid("--delivery names one delivery; leave out --source and --state.", field="--delivery")
    if state is not None and state not in REPLAYED_AT_ONCE:
        raise Invalid(
            f"--state must be one of {', '.join(REPLAYED_AT_ONCE)}; name others one by one with --delivery.",
            field="--state",
        )


def _replay_one(database: Database, workspace: int, delivery: str) -> str:
    number = parse_id(Prefix.DELIVERY, delivery)
    with database.write(workspace=workspace) as session:
        delivery_log.replay_one(session, workspace=workspace, delivery=number, now=world.now())
        _note(session, workspace, delivery)
    return f"delivery {delivery}"


def _replay_some(
    database: Database, workspace: int, source: str | None, states: Sequence[DeliveryOutcome]
) -> str:
    number = parse_id(Prefix.SOURCE, source) if source is not None else None
    with database.write(workspace=workspace) as session:
        if number is not None:
            deliveries.get_source(session, workspace=workspace, source=number)
        _note(session, workspace, source or "deliveries")
    wanted = [DeliveryFilter(number, state) for state in states]
    count = sum(replay_all(database, workspace=workspace, where=each, now=world.now()) for each in wanted)
    return f"{count} deliveries"


def _replay_everything(database: Database, workspace: int) -> str:
    with database.write(workspace=workspace) as session:
        revived = work.revive(session, workspace=workspace, now=world.now())
        _note(session, workspace, "deliveries")
    invalid = DeliveryFilter(outcome=DeliveryOutcome.INVALID)
    reopened = replay_all(database, workspace=workspace, where=invalid, now=world.now())
    return f"{revived} pieces of work and {reopened} deliveries"


def _note(session: Session, workspace: int, subject: str) -> None:
    workspaces.audit(
        session,
        workspace=workspace,
        actor=world.ACTOR,
        by=world.ACTOR,
        action="delivery.replay",
        subject=subject,
        now=world.now(),
    )
