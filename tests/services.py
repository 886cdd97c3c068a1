"""The databases tests run on: SQLite, and a PostgreSQL server that may or may not be there."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from migrations.grants import grant
from migrations.run import upgrade
from models.database import Database
from models.records import Record
from models.settings import Settings

POSTGRES = "postgresql://postgres@127.0.0.1:5432"


def need(service: str, problem: str) -> None:
    """Skip loudly where a service is missing; fail where the environment says that it must be there."""
    message = f"{service} is needed and missing: {problem}"
    if os.environ.get("EBB_REQUIRE_SERVICES") == "1":
        pytest.fail(message)
    pytest.skip(message)


def _on_server(statement: str) -> None:
    with psycopg.connect(f"{POSTGRES}/postgres", autocommit=True, connect_timeout=30) as connection:
        connection.execute(statement)


@contextmanager
def postgres_address() -> Iterator[str]:
    """Make an empty database of our own on the server, and drop it afterwards."""
    name = f"ebb_test_{os.getpid()}_{uuid.uuid4().hex[:6]}"
    try:
        _on_server(f"CREATE DATABASE {name}")
    except psycopg.OperationalError as error:
        need(f"PostgreSQL at {POSTGRES}", str(error).splitlines()[0])
    try:
        # Tests lose nothing at a power cut.
        _on_server(f"ALTER DATABASE {name} SET synchronous_commit = off")
        yield f"{POSTGRES}/{name}"
    finally:
        _on_server(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@contextmanager
def migrated_postgres() -> Iterator[Database]:
    """Open a database of our own, built by the migrations."""
    with postgres_address() as address:
        database = Database(address)
        upgrade(database)
        yield database
        database.close()


PROGRAMS = "ebb_test_programs"
"""The role that programs under test sign in with: neither superuser nor owner of the tables."""


def as_programs(database: Database) -> Database:
    """Open the same PostgreSQL database as the programs do in production: held by row-level security."""
    url = database.url.set(username=PROGRAMS, password="a-password-of-the-tests")
    grant(database, url)
    return Database(url.render_as_string(hide_password=False))


def empty(database: Database) -> None:
    """Remove every row of a PostgreSQL database and start its ids at 1 again.

    TRUNCATE would make new files for every table, which takes a second; a few rows are deleted at once.
    """
    tables = [*(table.name for table in Record.metadata.sorted_tables), "feedback_search"]
    statements = ["SET LOCAL session_replication_role = replica", *(f"DELETE FROM {name}" for name in tables)]
    with database.engine.begin() as connection:
        connection.exec_driver_sql("; ".join(statements))
        connection.exec_driver_sql("SELECT setval(oid::regclass, 1, false) FROM pg_class WHERE relkind = 'S'")


def settings_for(database: Database, **chosen: object) -> Settings:
    """Return the settings of a program that works on this database, told apart from the environment."""
    address = database.url.render_as_string(hide_password=False)
    return Settings(**{"database_url": address, "sqlite_synchronous": "NORMAL", **chosen})  # type: ignore[arg-type]
