"""What intake is held against: a plain FastAPI + SQLAlchemy program, an insert per request, and a bare endpoint."""

import os
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, FastAPI, Request
from sqlalchemy import DateTime, Integer, LargeBinary, String, UniqueConstraint, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from sqlalchemy.pool import ConnectionPoolEntry

ADDRESS = "PLAIN_DATABASE_URL"
POOL = 16
"""A connection for each sender on PostgreSQL."""


class Base(DeclarativeBase):
    pass


class Stored(Base):
    """One row for each delivery, and nothing else: no work row, no headers."""

    __tablename__ = "plain_delivery"
    __table_args__ = (UniqueConstraint("source_id", "key"),)

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    source_id: Mapped[int] = mapped_column(Integer)
    key: Mapped[str] = mapped_column(String(200))
    received_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    body: Mapped[bytes] = mapped_column(LargeBinary)


async def raw_body(request: Request) -> bytes:
    return await request.body()


Body = Annotated[bytes, Depends(raw_body)]


def create_plain() -> FastAPI:
    """Build the program that most people would write: a sync endpoint, a session, one INSERT, one COMMIT.

    It is given every advantage: it checks no signature, keeps no headers and writes one row instead of two.
    """
    address = os.environ[ADDRESS]
    is_sqlite = address.startswith("sqlite")
    # SQLite has one writer: with one connection the pool hands out turns at once, where more of them would
    # wait in SQLite's own, slower, busy handler.
    engine = create_engine(address, pool_size=1 if is_sqlite else POOL, max_overflow=0)
    if is_sqlite:
        event.listen(engine, "connect", _as_durable_as_ours)
    Base.metadata.create_all(engine)
    app = FastAPI()

    @app.get("/healthz")
    def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.post("/v1/ingest/{source_id}", status_code=202)
    def ingest(source_id: str, request: Request, body: Body) -> dict[str, str]:
        key = request.headers.get("x-signature-256") or request.headers["x-zendesk-webhook-signature"]
        row = Stored(source_id=1, key=key, received_at=datetime.now(UTC), body=body)
        with Session(engine) as session:
            session.add(row)
            session.commit()
        return {"status": "accepted"}

    return app


def _as_durable_as_ours(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA busy_timeout=15000")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.close()


def create_bare() -> FastAPI:
    """Build the endpoint that reads the body, stores nothing and answers 202: what HTTP alone costs."""
    app = FastAPI()

    @app.get("/healthz")
    def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.post("/v1/ingest/{source_id}", status_code=202)
    async def ingest(source_id: str, body: Body) -> dict[str, str]:
        return {"status": "accepted"}

    return app
