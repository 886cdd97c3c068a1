"""`ebb demo`: a year of an invented company's tickets through the whole pipeline, judged against its truth."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from migrations import run as migrations
from models.database import Database
from models.errors import EbbError
from models.queries import access, workspaces
from models.sample.generate import write_sample
from models.settings import load_settings
from models.values.roles import Role
from service.commands import demo_load, demo_verdicts
from service.commands.processes import HOST, Supervisor, api_command, check_port, free_port, worker_command

COMPLETE_AFTER = timedelta(days=3)
"""The sample ends on a Monday at least so many days ago, when its last tickets count as complete."""

GRANULARITY = "0.5"
"""The invented company's support lead wants one theme for a problem, however many ways there are to say it.

Chosen because it suits this sample: the demo shows the pipeline at work, and does not measure how well it finds
themes in data it has not seen.
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(demo)


def demo(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the console.")] = 8000,
    serve: Annotated[bool, typer.Option("--serve/--no-serve", help="Serve the console afterwards.")] = True,
    folder: Annotated[Path, typer.Option(help="Where the demo's files go; emptied first.")] = Path("demo"),
    seed: Annotated[int, typer.Option(help="Seed of the sample.")] = 7,
) -> None:
    """Load a sample year, run the whole pipeline, print a verdict table, serve the console."""
    if serve:
        check_port(port)
    database = _fresh_database(folder)
    environment = {
        "EBB_THEME_GRANULARITY": GRANULARITY,
        # One line for each of ten thousand webhooks helps nobody who waits for a verdict.
        "EBB_LOG_LEVEL": "WARNING",
        **os.environ,
        "EBB_DATABASE_URL": str(database.url),
    }
    typer.echo("1/5  Inventing a year of tickets ...")
    sample = folder / "sample"
    summary = write_sample(sample, until=sample_end(datetime.now(UTC).date()), seed=seed)
    typer.echo(
        f"     {summary.tickets:,} tickets about {summary.problems} problems, {summary.releases} releases"
    )
    typer.echo("2/5  Sending them in: webhooks over HTTP, files by import ...")
    key = _workspace_with_key(database)
    intake_port = free_port()
    with _running(api_command(intake_port), environment, intake_port) as address:
        demo_load.load(sample, address=address, key=key, environment=environment)
    typer.echo("3/5  Reading, embedding, finding themes, proposing links ...")
    _work(environment)
    typer.echo("4/5  Confirming links as its product managers did, then judging the releases ...")
    truth = demo_verdicts.read_truth(sample / "truth.json")
    demo_verdicts.confirm(database, truth)
    _work(environment)
    typer.echo("5/5  What the releases did:\n")
    for line in demo_verdicts.table(database, truth):
        typer.echo(line)
    if serve:
        _serve(database, environment, port)


def sample_end(today: date) -> date:
    """Return the latest Monday that lies at least `COMPLETE_AFTER` before `today`."""
    day = today - COMPLETE_AFTER
    return day - timedelta(days=day.weekday())


def _fresh_database(folder: Path) -> Database:
    """Empty the demo's own folder; refuse one that holds anything a demo did not make."""
    marker = folder / ".ebb-demo"
    if folder.exists() and any(folder.iterdir()) and not marker.exists():
        raise EbbError(f"{folder} holds files that are not the demo's; choose another --folder.")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    marker.touch()
    database = Database(f"sqlite:///{(folder / 'ebb.db').absolute()}")
    migrations.upgrade(database)
    return database


def _workspace_with_key(database: Database) -> str:
    settings, now = load_settings(), datetime.now(UTC)
    with database.write(workspace=None) as session:
        owner = workspaces.create_workspace(
            session, name="Jobwren (demo)", time_zone="UTC", encoder_dtype=settings.encoder_dtype, now=now
        )
        _, key = access.create_key(session, workspace=owner.id, name="demo", role=Role.OWNER, now=now)
    return key


@contextmanager
def _running(command: list[str], environment: Mapping[str, str], port: int) -> Iterator[str]:
    """Run the API while the block runs."""
    address = f"http://{HOST}:{port}"
    child = subprocess.Popen(command, env=dict(environment))
    try:
        demo_load.wait_until_up(address, child)
        yield address
    finally:
        child.terminate()
        child.wait(15)


def _work(environment: Mapping[str, str]) -> None:
    code = subprocess.call(worker_command("--until-idle"), env=dict(environment))
    if code != 0:
        raise RuntimeError(f"the worker ended with code {code}")


def _serve(database: Database, environment: Mapping[str, str], port: int) -> None:
    with database.write(workspace=1) as session:
        user = access.first_owner(session, workspace=1, now=datetime.now(UTC))
        token = access.create_sign_in(
            session, workspace=1, user=user.id, now=datetime.now(UTC), minutes=24 * 60
        )
    database.close()
    address = f"http://{HOST}:{port}"
    typer.echo(f"\nThe console is at {address}/ - sign in (once) with this link:")
    typer.echo(f"  {address}/sign-in?token={token}\n\nCtrl-C stops it.")
    Supervisor({"api": api_command(port), "worker": worker_command()}, environment).run()
