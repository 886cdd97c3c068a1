"""The database: two entry points, `read(workspace=…)` and `write(workspace=…)`, the same on SQLite and PostgreSQL.

On SQLite (WAL) a reader begins deferred and may not write; a writer begins with `BEGIN IMMEDIATE`, so that it
waits for its turn at the start and never fails half-way with "database is locked". On PostgreSQL every transaction
names its workspace, and row-level security shows it no other's rows (migration `0004_walls`).
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import psycopg
from sqlalchemy import Engine, create_engine, event, make_url
from sqlalchemy.engine import URL, Connection
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import (
    DBAPIError,
    InterfaceError,
    OperationalError,
    SQLAlchemyError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry

from models.errors import Invalid
from models.jobs import Job

__all__ = ["Database", "Session", "is_out_of_reach", "parse_url", "scope", "told"]

BUSY_TIMEOUT_MS = 15_000
CONNECT_WITHIN_S = 5
"""How long to wait for a PostgreSQL server that does not answer, unless the address says `connect_timeout=`."""
SETTING = "EBB_DATABASE_URL"
VACUUMED = (
    "shadow",
    "feedback_item",
    "embedding",
    "theme_quote",
    "feedback_search",
    "delivery",
    "theme",
    "person_identity",
    "ticket_state",
    "link",
    "work",
)
"""Tables in which erasing leaves dead rows."""
STAGES = "stages"
"""Under this name a session collects the stages that its transaction gives work to."""
SCOPE = "scope"
"""Under this name a session keeps for which workspace its transaction began to work, or went on to."""


def parse_url(address: str, *, setting: str = SETTING) -> URL:
    """Read a database address; PostgreSQL addresses without a driver get psycopg.

    Raise `Invalid` for others, in the name of the setting that held the address.
    """
    try:
        url = make_url(address)
    except Exception as error:
        raise Invalid(f"{setting}: {error}", field=setting) from error
    if url.drivername in ("postgresql", "postgres"):
        return url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() in ("sqlite", "postgresql"):
        return url
    raise Invalid(
        f"{setting}: {url.drivername} is not supported; use sqlite:///file or postgresql://…",
        field=setting,
    )


class Database:
    """Own the connection pools of one process; create one at start and hand it on."""

    def __init__(self, address: str, *, synchronous: str = "FULL", setting: str = SETTING) -> None:
        self.setting = setting
        self.url = parse_url(address, setting=setting)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        # Told after each commit of the stages that got work in it; a program with a broker sends nudges then.
        self.on_work: Callable[[frozenset[Job]], None] | None = None
        if self.is_sqlite:
            _make_folder(self.url, setting)
            self._writer = _sqlite_engine(self.url, begin="BEGIN IMMEDIATE", synchronous=synchronous)
            self._reader = _sqlite_engine(self.url, begin="BEGIN", synchronous=synchronous, query_only=True)
        else:
            timeout = {} if "connect_timeout" in self.url.query else {"connect_timeout": CONNECT_WITHIN_S}
            self._writer = create_engine(
                self.url,
                connect_args=timeout,
                pool_size=10,
                max_overflow=10,
                pool_pre_ping=True,
                # Errors are logged, and parameters hold what customers wrote.
                hide_parameters=True,
            )
            self._reader = self._writer
            # Not tested before use, which would be one more wait for each commit: see `write_at_once`.
            self._courier = create_engine(
                self.url, connect_args=timeout, pool_size=1, max_overflow=1, hide_parameters=True
            )

    @property
    def is_missing(self) -> bool:
        """Say whether this is a SQLite file that is not there; connecting would create it, empty."""
        file = self.url.database
        return self.is_sqlite and file not in (None, "", ":memory:") and not Path(str(file)).exists()

    @property
    def engine(self) -> Engine:
        """The writing engine, for migrations."""
        return self._writer

    @property
    def address(self) -> str:
        """The address as it may be shown: without its password."""
        return self.url.render_as_string(hide_password=True)

    def probe(self) -> None:
        """Open a connection; raise `Invalid`, in the name of the setting, where the database cannot be reached."""
        try:
            with self._writer.connect():
                pass
        except (SQLAlchemyError, sqlite3.Error, OSError) as error:
            cause = error.orig if isinstance(error, DBAPIError) else error
            reason = str(cause).strip().partition("\n")[0].removeprefix("connection failed: ").rstrip(".")
            fix = (
                "check that it is a database that may be read and written"
                if self.is_sqlite
                else "check that the server runs, and the address, user and password"
            )
            raise Invalid(f"{self.address} cannot be opened: {reason}; {fix}.", field=self.setting) from error

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
        self._tell(session.info.get(STAGES))

    def _tell(self, stages: Iterable[Job] | None) -> None:
        if stages and self.on_work is not None:
            self.on_work(frozenset(stages))

    def scrub(self) -> bool:
        """Remove from the files what was deleted and stands there still; say whether that could be done now.

        SQLite: the write-ahead log is written back and emptied, which fails while another process reads. PostgreSQL:
        the tables that erasing touches are vacuumed, which only their owner may do.
        """
        if self.is_sqlite:
            connection = self._writer.raw_connection()
            try:
                busy, *_ = connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            finally:
                connection.close()
            return not busy
        with self._writer.connect().execution_options(isolation_level="AUTOCOMMIT") as connected:
            owned = connected.exec_driver_sql(
                "SELECT bool_and(pg_has_role(relowner, 'USAGE')) FROM pg_class WHERE oid = ANY (%s::regclass[])",
                (list(VACUUMED),),
            ).scalar()
            if owned:
                connected.exec_driver_sql(f"VACUUM {', '.join(VACUUMED)}")
        return bool(owned)

    def write_at_once(
        self, statements: Sequence[tuple[int, str, Mapping[str, object]]], *, stages: Iterable[Job]
    ) -> list[list[tuple[Any, ...]]]:
        """Run statements as one transaction and wait for the server once; return the rows of each.

        PostgreSQL only. Each is a workspace, SQL as the driver takes it, and its parameters. `stages` hear of it if
        any row comes back. Whatever is raised, nothing was stored, or nobody knows: write the same again by its keys,
        in `write`. That also heals a connection that the server ended since it was last used.
        """
        with self._courier.connect() as pooled:
            raw = cast("psycopg.Connection[tuple[Any, ...]]", pooled.connection.driver_connection)
            try:
                with raw.pipeline():
                    cursors = []
                    for workspace, statement, given in statements:
                        raw.execute(_naming(workspace))
                        cursors.append(raw.execute(statement, given))
                    raw.commit()
                found = [cursor.fetchall() for cursor in cursors]
            except Exception:
                pooled.invalidate()
                raise
        self._tell(stages if any(found) else None)
        return found

    def close(self) -> None:
        """Close every pooled connection."""
        self._writer.dispose()
        self._reader.dispose()
        if not self.is_sqlite:
            self._courier.dispose()


def scope(session: Session, *, workspace: int | None) -> None:
    """Let the rest of a transaction work for this workspace: group commits hold rows of several."""
    session.info[SCOPE] = workspace
    connection = session.connection()
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(_naming(workspace))


def is_out_of_reach(error: BaseException) -> bool:
    """Say whether an error means that the database is away, full or held by others, not that a row is wrong."""
    return isinstance(error, OperationalError | InterfaceError | PoolTimeout)


def told(session: Session, stage: Job) -> None:
    """Note that a transaction gives a stage work: whoever waits for it hears after the commit, and only then."""
    session.info.setdefault(STAGES, set()).add(stage)


def _naming(workspace: int | None) -> str:
    """Return the statement that tells row-level security for whom a transaction works; ends with it."""
    return f"SELECT set_config('ebb.workspace', '{workspace or 0:d}', true)"


def _make_folder(url: URL, setting: str) -> None:
    if not url.database or url.database == ":memory:":
        return
    folder = Path(url.database).absolute().parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Invalid(f"{folder} cannot be made: {error.strerror}.", field=setting) from error


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
