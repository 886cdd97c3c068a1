"""The HTTP application: API and console in one program that never loads a language model."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from importlib.metadata import version

from fastapi import FastAPI

from models.database import Database
from models.settings import Settings, load_settings
from service import errors
from service.api import routers
from service.console import pages
from service.etag import ETags
from service.intake import IntakeWriter

DESCRIPTION = "Did complaints ebb after you shipped? Tickets in, verdicts out."


def create_app(
    settings: Settings | None = None,
    *,
    database: Database | None = None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> FastAPI:
    """Build the application; without arguments it reads the environment, as uvicorn's factory does."""
    settings = settings or load_settings()
    own = database or Database(settings.database_url, synchronous=settings.sqlite_synchronous)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        writer = IntakeWriter(own, size=settings.intake_queue_size, gather_ms=settings.intake_gather_ms)
        writer.start()
        app.state.intake = writer
        yield
        writer.drain()
        if database is None:
            own.close()

    app = FastAPI(title="Ebb", version=version("ebb"), description=DESCRIPTION, lifespan=lifespan)
    app.state.settings = settings
    app.state.database = own
    app.state.clock = clock
    errors.install(app)
    for router in routers():
        app.include_router(router)
    pages.install(app)
    app.add_middleware(ETags)
    return app
