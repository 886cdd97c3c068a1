"""The role that the programs sign in with on PostgreSQL: it owns nothing, so row-level security holds it."""

from contextlib import suppress

from sqlalchemy import Connection, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from models.database import Database
from models.errors import Invalid

APPEND_ONLY = ("audit_entry", "erasure")
"""Tables that the programs may add to and never change."""
KEPT = ("workspace",)
"""Tables whose rows the programs never delete: with a workspace its audit log would go, as the owner and unasked."""

_MAKE_ROLE = (
    "SELECT format('CREATE ROLE %I LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD %L', "
    "CAST(:name AS text), CAST(:password AS text))"
)
_IS_WALLED = (
    "SELECT coalesce(bool_and(row_security_active(pg_class.oid)), false) FROM pg_class "
    "JOIN pg_attribute ON attrelid = pg_class.oid AND attname = 'workspace_id' "
    "WHERE relkind IN ('r', 'p') AND relnamespace = current_schema()::regnamespace"
)


def grant(owner: Database, programs: URL) -> None:
    """Let the user of `programs` do what the programs need, and no more; make the user if it is not there.

    Run after every migration, for new tables are nobody's but their owner's. Raise `Invalid` for addresses that do
    not belong together, and for an owner who may not make the user.
    """
    check_pair(owner, programs)
    with owner.engine.begin() as connection:
        role = connection.dialect.identifier_preparer.quote(str(programs.username))
        _ensure_role(connection, programs)
        for statement in (
            f"GRANT USAGE ON SCHEMA public TO {role}",
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}",
            f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {role}",
            f"GRANT EXECUTE ON FUNCTION ebb_search(text) TO {role}",
            f"REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM {role}",
            *(f"REVOKE UPDATE, DELETE ON {table} FROM {role}" for table in APPEND_ONLY),
            *(f"REVOKE DELETE ON {table} FROM {role}" for table in KEPT),
        ):
            connection.exec_driver_sql(statement)
        _close_schema(connection)


def _close_schema(connection: Connection) -> None:
    """Let nobody make functions beside ours, as PostgreSQL does by itself from version 15 on.

    Only the schema's owner can; `may_anybody_create` says whether it is done.
    """
    with suppress(DBAPIError), connection.begin_nested():
        connection.exec_driver_sql("REVOKE CREATE ON SCHEMA public FROM PUBLIC")


def may_anybody_create(database: Database) -> bool:
    """Say whether every user of the server may make tables and functions beside ours; never on SQLite."""
    if database.is_sqlite:
        return False
    with database.engine.connect() as connection:
        return bool(connection.scalar(text("SELECT has_schema_privilege('public', 'public', 'CREATE')")))


def check_pair(owner: Database, programs: URL) -> None:
    """Raise `Invalid` unless both are addresses of one PostgreSQL database, with different users."""
    if owner.is_sqlite or programs.get_backend_name() != "postgresql":
        raise Invalid(
            "EBB_OWNER_DATABASE_URL is for PostgreSQL, together with a PostgreSQL EBB_DATABASE_URL; leave it out.",
            field="EBB_OWNER_DATABASE_URL",
        )
    if programs.database != owner.url.database:
        raise Invalid(
            "EBB_DATABASE_URL and EBB_OWNER_DATABASE_URL must name the same database.",
            field="EBB_DATABASE_URL",
        )
    if not programs.username or programs.username == owner.url.username:
        raise Invalid(
            "EBB_DATABASE_URL must name a user other than EBB_OWNER_DATABASE_URL's.", field="EBB_DATABASE_URL"
        )


def _ensure_role(connection: Connection, programs: URL) -> None:
    """Make the role with the address's password, unless it stands: then its password is its own affair."""
    name = str(programs.username)
    if _has_role(connection, name):
        return
    # The server quotes the password: a statement that makes a role takes no parameters.
    given = {"name": name, "password": str(programs.password or "")}
    statement = str(connection.scalar(text(_MAKE_ROLE), given)).replace("%", "%%")
    try:
        with connection.begin_nested():
            connection.exec_driver_sql(statement)
    except DBAPIError as error:
        if _has_role(connection, name):
            return  # somebody else made it meanwhile
        # Not `from error`: it holds the statement, and that the password.
        reason = str(error.orig).partition("\n")[0]
        raise Invalid(
            f"the user {name} cannot be made: {reason}. Make it by hand with CREATE ROLE … LOGIN, "
            "or give the owner CREATEROLE.",
            field="EBB_OWNER_DATABASE_URL",
        ) from None


def _has_role(connection: Connection, name: str) -> bool:
    return connection.scalar(text("SELECT 1 FROM pg_roles WHERE rolname = :name"), {"name": name}) is not None


def is_walled(database: Database) -> bool:
    """Say whether row-level security holds the user this database is opened with; never on SQLite."""
    if database.is_sqlite:
        return False
    with database.engine.connect() as connection:
        return bool(connection.scalar(text(_IS_WALLED)))
