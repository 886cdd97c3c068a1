"""The HTTP application: API and console in one program that never loads a language model."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from importlib.metadata import version

from fastapi import FastAPI

from models import logs
from models.database import Database
from models.sealing import keyring
from models.settings import Settings, load_settings
from service import errors
from service.api import ingest, routers
from service.console import pages
from service.doors import Doors
from service.etag import ETags
from service.intake import IntakeWriter
from service.metrics import Metrics
from service.nudge import Nudger
from service.patience import Patience
from service.refusals import Refusals
from service.tracing import Tracing

DATABASE_WITHIN_S = 2.0
"""How long `/readyz` and `/metrics` wait for the database."""
DESCRIPTION = "Did complaints ebb after you shipped? Tickets in, verdicts out."


def create_app(
    settings: Settings | None = None,
    *,
    database: Database | None = None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> FastAPI:
    """Build the application; without arguments it reads the environment and sets up the log of the process, as
    uvicorn's factory does."""
    if settings is None:
        settings = load_settings()
        logs.configure(settings)
    metrics = Metrics()
    own = database or Database(settings.database_url, synchronous=settings.sqlite_synchronous)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        writer = IntakeWriter(
            own, size=settings.intake_queue_size, gather_ms=settings.intake_gather_ms, metrics=metrics
        )
        nudger = Nudger(settings, own, on_outcome=metrics.count_nudge) if settings.broker_url else None
        if nudger is not None:
            nudger.start()
            own.on_work = nudger.nudge
        writer.start()
        app.state.intake = writer
        yield
        writer.drain()
        app.state.refusals.write()
        if nudger is not None:
            nudger.stop()
        if database is None:
            own.close()

    app = FastAPI(title="Ebb", version=version("ebb"), description=DESCRIPTION, lifespan=lifespan)
    app.state.settings = settings
    app.state.database = own
    app.state.clock = clock
    app.state.metrics = metrics
    app.state.refusals = Refusals()
    app.state.doors = Doors(keyring(settings.sealing_key))
    app.state.patience = Patience(DATABASE_WITHIN_S)
    errors.install(app)
    for router in routers():
        app.include_router(router)
    pages.install(app)
    app.add_middleware(ingest.Shortcut)
    app.add_middleware(ETags)
    app.add_middleware(Tracing, metrics=metrics)
    return app
