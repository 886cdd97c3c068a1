"""`ebb up`, `ebb api`, `ebb worker`, `ebb beat`: run."""

from typing import Annotated

import typer

from models.broker import is_redis
from models.errors import Invalid
from models.jobs import Queue
from models.settings import load_settings
from service.commands import world
from service.commands.processes import (
    HOST,
    Supervisor,
    api_command,
    beat_command,
    become,
    celery_worker_command,
    check_port,
    worker_command,
    worker_environment,
)

Port = Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(up)
    app.command()(api)
    app.command()(worker)
    app.command()(beat)


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


def worker(
    queue: Annotated[
        Queue | None,
        typer.Option(help="Serve this queue of the broker; without it: every stage, no broker needed."),
    ] = None,
) -> None:
    """Run one worker alone."""
    if queue is not None:
        _check_broker()
    world.check_database()
    if queue is None:
        become(worker_command())
    become(celery_worker_command(queue), **worker_environment(queue))


def beat() -> None:
    """Announce what comes round to Celery workers; a second one does no harm."""
    _check_broker()
    world.check_database()
    become(beat_command())


def _check_broker() -> None:
    """Refuse to start without a broker's address that we can use."""
    url = load_settings().broker_url
    if not url:
        raise Invalid(
            "Celery needs a broker: set EBB_BROKER_URL to amqp://… or redis://…", field="EBB_BROKER_URL"
        )
    is_redis(url)
