"""The database: two entry points, `read(workspace=…)` and `write(workspace=…)`, the same on SQLite and PostgreSQL.

On SQLite (WAL) a reader begins deferred and may not write; a writer begins with `BEGIN IMMEDIATE`, so that it
waits for its turn at the start and never fails half-way with "database is locked". On PostgreSQL every transaction
names its workspace, and row-level security shows it no other's rows (migration `0004_walls`).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine, create_engine, event, make_url
from sqlalchemy.engine import URL, Connection
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry

from models.errors import Invalid

__all__ = ["Database", "Session", "parse_url", "scope"]

BUSY_TIMEOUT_MS = 15_000


def parse_url(address: str) -> URL:
    """Read a database address; PostgreSQL addresses without a driver get psycopg. Raise `Invalid` for others."""
    try:
        url = make_url(address)
    except Exception as error:
        raise Invalid(f"EBB_DATABASE_URL: {error}", field="EBB_DATABASE_URL") from error
    if url.drivername in ("postgresql", "postgres"):
        return url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() in ("sqlite", "postgresql"):
        return url
    raise Invalid(
        f"EBB_DATABASE_URL: {url.drivername} is not supported; use sqlite:///file or postgresql://…",
        field="EBB_DATABASE_URL",
    )


class Database:
    """Own the connection pools of one process; create one at start and hand it on."""

    def __init__(self, address: str, *, synchronous: str = "FULL") -> None:
        self.url = parse_url(address)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        if self.is_sqlite:
            _make_folder(self.url)
            self._writer = _sqlite_engine(self.url, begin="BEGIN IMMEDIATE", synchronous=synchronous)
            self._reader = _sqlite_engine(self.url, begin="BEGIN", synchronous=synchronous, query_only=True)
        else:
            # hide_parameters: errors are logged, and parameters hold what customers wrote.
            self._writer = create_engine(
                self.url, pool_size=10, max_overflow=10, pool_pre_ping=True, hide_parameters=True
            )
            self._reader = self._writer

    @property
    def is_missing(self) -> bool:
        """Say whether this is a SQLite file that is not there; connecting would create it, empty."""
        file = self.url.database
        return self.is_sqlite and file not in (None, "", ":memory:") and not Path(str(file)).exists()

    @property
    def engine(self) -> Engine:
        """The writing engine, for migrations."""
        return self._writer

    @contextmanager
    def read(self, *, workspace: int | None) -> Iterator[Session]:
        """Open a session that can only read, on one consistent state of the database, of one workspace.

        None is for what belongs to no single workspace: whose a key is, how much work waits. PostgreSQL then shows
        only the tables that such questions need.
        """
        with Session(self._reader, expire_on_commit=False) as session:
            if not self.is_sqlite:
                session.connection().exec_driver_sql(
                    f"SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY; {_naming(workspace)}"
                )
            # Closing gives the rows loaded so far away whole; a rollback would empty them first.
            yield session

    @contextmanager
    def write(self, *, workspace: int | None) -> Iterator[Session]:
        """Open a session whose whole block commits at once, or not at all.

        `workspace` is the id the block works for; None is for work that belongs to no single workspace (leasing,
        intake of several sources, set-up), as in `read`.
        """
        with Session(self._writer, expire_on_commit=False) as session, session.begin():
            scope(session, workspace=workspace)
            yield session

    def close(self) -> None:
        """Close every pooled connection."""
        self._writer.dispose()
        self._reader.dispose()


def scope(session: Session, *, workspace: int | None) -> None:
    """Let the rest of a transaction work for this workspace: group commits hold rows of several."""
    connection = session.connection()
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(_naming(workspace))


def _naming(workspace: int | None) -> str:
    """Return the statement that tells row-level security for whom a transaction works; ends with it."""
    return f"SELECT set_config('ebb.workspace', '{workspace or 0:d}', true)"


def _make_folder(url: URL) -> None:
    if url.database and url.database != ":memory:":
        Path(url.database).absolute().parent.mkdir(parents=True, exist_ok=True)


def _sqlite_engine(url: URL, *, begin: str, synchronous: str, query_only: bool = False) -> Engine:
    engine = create_engine(
        url,
        connect_args={"timeout": BUSY_TIMEOUT_MS / 1000, "check_same_thread": False},
        hide_parameters=True,
    )

    @event.listens_for(engine, "connect")
    def _configure(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
        # The driver's own transaction handling would start transactions late and deferred.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute(f"PRAGMA synchronous={synchronous}")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute("PRAGMA secure_delete=ON")
        if query_only:
            cursor.execute("PRAGMA query_only=ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine
