"""One migration at a time, and none that waits long: behind a waiting one, everybody else waits too."""

from sqlalchemy import Connection

LOCK_WAIT_MS = 4_000
"""How long a migration waits for others before it gives up and leaves everything as it was."""

_OURS = 0x456262
"""The number by which two migrations of one PostgreSQL database know each other ("Ebb")."""


def take_turn(connection: Connection) -> None:
    """Within the migration's transaction: bound its waits, and wait for another migration of the same database.

    SQLite's transaction took its turn when it began, and its wait is bounded by `busy_timeout`.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = {LOCK_WAIT_MS}")
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_OURS})")
