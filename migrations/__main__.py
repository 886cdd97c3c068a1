"""Check that migrations and tables agree: `python -m migrations [SERVER]` (exit 1 names what differs).

SERVER is a PostgreSQL server on which a database may be made and dropped; SQLite needs none.
"""

import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import Engine, create_engine

from migrations.run import differences, downgrade, upgrade
from models.database import Database
from models.errors import EbbError

SERVER = "postgresql://postgres@127.0.0.1:5432"


def main(arguments: Sequence[str] = ()) -> int:
    """Build the tables by the migrations on each kind of database, down and up again, and compare them."""
    server = arguments[0] if arguments else SERVER
    with tempfile.TemporaryDirectory() as folder:
        code = _check("SQLite", f"sqlite:///{Path(folder) / 'check.db'}")
    try:
        with _scratch(server) as address:
            return max(code, _check("PostgreSQL", address))
    except EbbError as error:
        _say(f"PostgreSQL: not checked: {error.message}")
        return max(code, int(os.environ.get("EBB_REQUIRE_SERVICES") == "1"))


def _check(name: str, address: str) -> int:
    with closing(Database(address)) as database:
        upgrade(database)
        downgrade(database, "base")
        upgrade(database)
        found = differences(database)
    for difference in found:
        _say(f"{name}: {difference}")
    _say(f"{name}: migrations and tables {'differ' if found else 'agree'}.")
    return 1 if found else 0


@contextmanager
def _scratch(server: str) -> Iterator[str]:
    """Make an empty database while the block runs; raise `Invalid` where the server cannot be reached."""
    name = f"ebb_check_{os.getpid()}"
    with closing(Database(f"{server}/postgres", setting="SERVER")) as database:
        database.probe()
    engine = create_engine(database.url, isolation_level="AUTOCOMMIT")
    _on(engine, f"CREATE DATABASE {name}")
    try:
        yield f"{server}/{name}"
    finally:
        _on(engine, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        engine.dispose()


def _on(engine: Engine, statement: str) -> None:
    with engine.connect() as connection:
        connection.exec_driver_sql(statement)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
