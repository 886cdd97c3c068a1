"""The role that the programs sign in with on PostgreSQL: it owns nothing, so row-level security holds it."""

from sqlalchemy import Connection, text
from sqlalchemy.engine import URL

from models.database import Database
from models.errors import Invalid

APPEND_ONLY = ("audit_entry",)
"""Tables that the programs may add to and never change."""


def grant(owner: Database, programs: URL) -> None:
    """Let the user of `programs` do what the programs need, and no more; make the user if it is not there.

    Run after every migration, for new tables are nobody's but their owner's. Raise `Invalid` for an address without
    a user, or with the owner's.
    """
    if not programs.username or programs.username == owner.url.username:
        raise Invalid(
            "EBB_DATABASE_URL must name a user other than EBB_OWNER_DATABASE_URL's.", field="EBB_DATABASE_URL"
        )
    with owner.engine.begin() as connection:
        quote = connection.dialect.identifier_preparer.quote
        role = quote(programs.username)
        _ensure_role(connection, programs, role)
        connection.exec_driver_sql(f"GRANT USAGE ON SCHEMA public TO {role}")
        connection.exec_driver_sql(
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}"
        )
        connection.exec_driver_sql(f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {role}")
        connection.exec_driver_sql(f"REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM {role}")
        for table in APPEND_ONLY:
            connection.exec_driver_sql(f"REVOKE UPDATE, DELETE ON {table} FROM {role}")


def _ensure_role(connection: Connection, programs: URL, role: str) -> None:
    """Make the role with the address's password, unless it stands: then its password is its own affair."""
    stands = connection.scalar(
        text("SELECT 1 FROM pg_roles WHERE rolname = :name"), {"name": programs.username}
    )
    if stands:
        return
    # The server quotes the password: a statement that makes a role takes no parameters.
    statement = connection.scalar(
        text(
            "SELECT format('CREATE ROLE %I LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD %L', CAST(:name AS text), CAST(:password AS text))"
        ),
        {"name": programs.username, "password": str(programs.password or "")},
    )
    connection.exec_driver_sql(str(statement).replace("%", "%%"))


def is_walled(database: Database) -> bool:
    """Say whether row-level security holds the user this database is opened with; never on SQLite."""
    if database.is_sqlite:
        return False
    with database.engine.connect() as connection:
        free = connection.scalar(
            text(
                "SELECT rolsuper OR rolbypassrls OR EXISTS (SELECT 1 FROM pg_class WHERE relname = 'feedback_item' "
                "AND relowner = pg_roles.oid) FROM pg_roles WHERE rolname = current_user"
            )
        )
    return not free
