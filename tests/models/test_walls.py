"""Row-level security on PostgreSQL, seen by the role of the programs: neither superuser nor owner of the tables.

Every table of the database is tried, also those that are added after these tests were written.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import ColumnElement, Connection, Table, delete, func, insert, inspect, select, text, update
from sqlalchemy.exc import DBAPIError

from migrations.grants import is_walled
from models.database import Database, Session, scope
from models.errors import NotFound
from models.jobs import WorkState
from models.queries import access, feedback, listing, products, withdrawals, work, workspaces
from models.records import FeedbackItem, Record, Team, Work
from models.values.roles import Role
from tests import factories, rows
from tests.clock import NOON
from tests.services import PROGRAMS

MINE, THEIRS = 1, 2
SHARED = {"encoder", "heartbeat", "nudge", "schedule_run"}
"""Tables of no workspace: nothing in them comes from a customer. A new one must be thought about and added here."""
SEEN_BY_ALL = {"api_key", "console_user", "source", "workspace"}
USED_BY_ALL = {"console_ticket", "work"}
APPEND_ONLY = {"audit_entry", "erasure"}
KEPT = {"workspace"}
"""What the programs do not delete."""


@pytest.fixture
def walled(postgres: Database, postgres_programs: Database) -> Database:
    """The programs' view of a database with a row of each of two workspaces in every table."""
    with postgres.engine.begin() as connection:
        for number in (MINE, THEIRS):
            rows.fill(connection, number)
    return postgres_programs


@pytest.fixture(scope="module")
def tables(postgres_server: Database) -> dict[str, Table]:
    """Every table that rows of workspaces lie in, by name, as the database describes it."""
    with postgres_server.engine.connect() as connection:
        found = {table.name: table for table in rows.tables_of(connection)}
        search = Table(rows.SEARCH, next(iter(found.values())).metadata, autoload_with=connection)
    return {name: table for name, table in {**found, rows.SEARCH: search}.items() if name not in SHARED}


def of(table: Table, workspace: int) -> ColumnElement[bool]:
    return (table.c.id if table.name == "workspace" else table.c.workspace_id) == workspace


def count(session: Session, table: Table) -> int:
    return int(session.scalar(select(func.count()).select_from(table)) or 0)


@contextmanager
def forbidden(session: Session, *, why: str) -> Iterator[None]:
    """Expect PostgreSQL to refuse (42501); what the transaction did before stands."""
    with pytest.raises(DBAPIError, match=why) as caught, session.begin_nested():
        yield
    assert getattr(caught.value.orig, "sqlstate", None) == "42501"


# --- the role and the tables --------------------------------------------------------------------------------


def test_the_programs_are_neither_superuser_nor_owner(
    postgres: Database, postgres_programs: Database
) -> None:
    assert is_walled(postgres_programs)
    assert not is_walled(postgres)
    with postgres_programs.engine.connect() as connection:
        assert connection.scalar(text("SELECT current_user")) == PROGRAMS


def test_every_table_is_known_here(postgres: Database) -> None:
    """From the records and from the database itself, whichever knows more."""
    written = {name: "workspace_id" in table.columns for name, table in Record.metadata.tables.items()}
    with postgres.engine.connect() as connection:
        inspector = inspect(connection)
        stored = {
            name: any(column["name"] == "workspace_id" for column in inspector.get_columns(name))
            for name in inspector.get_table_names()
        }
    both = {**written, **stored}
    assert {name for name, has_workspace in both.items() if not has_workspace} == SHARED | {
        "workspace",
        "alembic_version",
    }


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE feedback_item DISABLE ROW LEVEL SECURITY",
        "DROP POLICY own_workspace ON feedback_item",
        "TRUNCATE feedback_item CASCADE",
        "CREATE TABLE public.own (id integer)",
        "UPDATE alembic_version SET version_num = 'x'",
        "SET ROLE postgres",
        "ALTER ROLE ebb_test_programs BYPASSRLS",
        "CREATE OR REPLACE FUNCTION ebb_workspace() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
    ],
)
def test_the_programs_cannot_take_the_wall_down(postgres_programs: Database, statement: str) -> None:
    with (
        postgres_programs.engine.connect() as connection,
        pytest.raises(DBAPIError, match=r"permission denied|must be owner|must be superuser|must have"),
    ):
        connection.exec_driver_sql(statement)


# --- another workspace's rows -------------------------------------------------------------------------------


def test_rows_of_another_workspace_are_not_seen(walled: Database, tables: dict[str, Table]) -> None:
    assert len(tables) > 30
    for open_session in (walled.read, walled.write):
        with open_session(workspace=MINE) as session:
            for name, table in tables.items():
                assert count(session, table) == 1, name
                assert session.execute(select(table).where(of(table, THEIRS))).all() == [], name


def test_rows_of_another_workspace_are_not_changed(
    postgres: Database, walled: Database, tables: dict[str, Table]
) -> None:
    with walled.write(workspace=MINE) as session:
        for name, table in tables.items():
            if name in APPEND_ONLY:
                continue
            column = "id" if name == "workspace" else "workspace_id"
            same = {column: getattr(table.c, column)}
            assert session.execute(update(table).where(of(table, THEIRS)).values(same)).rowcount == 0, name  # type: ignore[attr-defined]
            assert session.execute(update(table).values(same)).rowcount == 1, name  # type: ignore[attr-defined]
            if name not in KEPT:
                assert session.execute(delete(table).where(of(table, THEIRS))).rowcount == 0, name  # type: ignore[attr-defined]
    with postgres.read(workspace=None) as session:
        assert {name for name, table in tables.items() if count(session, table) != 2} == set()


def test_deleting_without_a_condition_leaves_the_others_rows(
    postgres: Database, walled: Database, tables: dict[str, Table]
) -> None:
    with walled.write(workspace=MINE) as session:
        gone = set(tables) - APPEND_ONLY - KEPT
        for name in [table.name for table in reversed(Record.metadata.sorted_tables) if table.name in gone]:
            session.execute(text(f"DELETE FROM {name}"))
    with postgres.read(workspace=None) as session:
        for name, table in tables.items():
            if name in gone:
                assert count(session, table) == 1, name
                assert session.execute(select(table).where(of(table, MINE))).all() == [], name


def test_the_programs_delete_no_workspace_and_its_audit_log_with_it(
    postgres: Database, walled: Database
) -> None:
    for workspace in (MINE, None):
        with (
            walled.write(workspace=workspace) as session,
            forbidden(session, why="permission denied for table workspace"),
        ):
            session.execute(text("DELETE FROM workspace"))
    with postgres.read(workspace=None) as session:
        for name in ("workspace", "audit_entry"):
            assert session.scalar(text(f"SELECT count(*) FROM {name}")) == 2


def test_rows_cannot_be_put_into_another_workspace(
    postgres: Database, walled: Database, tables: dict[str, Table]
) -> None:
    with postgres.read(workspace=None) as session:
        theirs = {
            name: dict(session.execute(select(table).where(of(table, THEIRS))).mappings().one())
            for name, table in tables.items()
        }
    with walled.write(workspace=MINE) as session:
        for name, table in tables.items():
            with forbidden(session, why="row-level security"):
                session.execute(insert(table).values(theirs[name]))
            if name in APPEND_ONLY:
                continue
            column = "id" if name == "workspace" else "workspace_id"
            with forbidden(session, why="row-level security"):
                session.execute(update(table).values({column: THEIRS}))


def test_without_a_workspace_named_nothing_is_seen(walled: Database, tables: dict[str, Table]) -> None:
    with Session(walled.engine) as session:
        for name, table in tables.items():
            assert count(session, table) == 0, name
    with walled.write(workspace=99) as session:
        for name, table in tables.items():
            assert count(session, table) == 0, name


def test_work_of_no_workspace_sees_only_what_it_needs(walled: Database, tables: dict[str, Table]) -> None:
    with walled.write(workspace=None) as session:
        assert {name for name, table in tables.items() if count(session, table)} == SEEN_BY_ALL | USED_BY_ALL
        for name in SEEN_BY_ALL | USED_BY_ALL:
            table = tables[name]
            column = "id" if name == "workspace" else "workspace_id"
            changed = session.execute(update(table).values({column: getattr(table.c, column)}))
            assert changed.rowcount == (2 if name in USED_BY_ALL else 0), name  # type: ignore[attr-defined]
        for name in SEEN_BY_ALL - {"workspace"}:
            with forbidden(session, why="row-level security"):
                session.execute(insert(tables[name]).values(rows.row_of(tables[name], 3)))


def test_the_audit_log_can_only_be_added_to(walled: Database) -> None:
    with walled.write(workspace=MINE) as session:
        workspaces.audit(session, workspace=MINE, actor="a", by="key_1", action="b", subject="c", now=NOON)
        session.flush()
        for statement in ("UPDATE audit_entry SET actor = 'x'", "DELETE FROM audit_entry"):
            with forbidden(session, why="permission denied for table audit_entry"):
                session.execute(text(statement))
    with walled.read(workspace=MINE) as session:
        assert session.scalar(text("SELECT count(*) FROM audit_entry WHERE actor = 'a'")) == 1


# --- our own queries, called wrongly ------------------------------------------------------------------------


@pytest.fixture
def two(postgres: Database) -> tuple[int, int]:
    """Two workspaces, the second with an item, a theme, a release, a key and a user, all of number 1."""
    mine, theirs = (factories.workspace(postgres, name=name) for name in ("Mine", "Theirs"))
    factories.key(postgres, theirs)
    factories.user(postgres, theirs)
    with postgres.write(workspace=theirs) as session:
        source = factories.source(session, theirs)
        item = factories.item(session, theirs, source)
        theme = factories.theme(session, theirs, 1)
        factories.assign(session, theirs, [item], theme)
        factories.release(session, theirs)
        session.execute(update(Work).values(state=WorkState.DEAD))
    return mine, theirs


def test_a_query_with_the_wrong_workspace_reaches_nothing(
    two: tuple[int, int], postgres: Database, postgres_programs: Database
) -> None:
    mine, theirs = two
    everything = listing.FeedbackFilter()

    def reached(session: Session) -> list[object]:
        return [
            *listing.list_feedback(session, workspace=theirs, where=everything, after=None, limit=9),
            *feedback.load_items(session, workspace=theirs, items=[1]),
            *access.list_keys(session, workspace=theirs),
            *access.list_users(session, workspace=theirs),
            *products.list_releases(session, workspace=theirs),
            session.get(FeedbackItem, 1),
        ]

    with postgres_programs.read(workspace=theirs) as session:
        assert len([row for row in reached(session) if row is not None]) == 6
    with postgres_programs.read(workspace=mine) as session:
        assert [row for row in reached(session) if row is not None] == []


def test_a_change_with_the_wrong_workspace_changes_nothing(
    two: tuple[int, int], postgres: Database, postgres_programs: Database
) -> None:
    mine, theirs = two
    with postgres_programs.write(workspace=mine) as session:
        with forbidden(session, why="row-level security"):
            access.put_user(session, workspace=theirs, email="x@y.org", name="x", role=Role.OWNER, now=NOON)
        with forbidden(session, why="row-level security"):
            access.create_key(session, workspace=theirs, name="x", role=Role.OWNER, now=NOON)
        with forbidden(session, why="row-level security"):
            withdrawals.withdraw(
                session, workspace=theirs, source=1, external_id="T-1", message_id=None, is_redaction=True,
                changed_at=NOON, now=NOON,
            )  # fmt: skip
        with pytest.raises(NotFound):
            access.disable_user(session, workspace=theirs, user=1, now=NOON)
        assert work.revive(session, workspace=theirs, now=NOON) == 0
    with postgres.read(workspace=theirs) as session:
        assert access.get_user(session, workspace=theirs, user=1).disabled_at is None
        assert set(session.scalars(select(Work.state))) == {WorkState.DEAD}
        assert not session.get_one(FeedbackItem, 1).withdrawn
        assert len(access.list_keys(session, workspace=theirs)) == 1


# --- the setting belongs to its transaction -----------------------------------------------------------------


def named(connection: Connection) -> str:
    return str(connection.scalar(text("SELECT current_setting('ebb.workspace', true)")) or "")


def test_the_setting_ends_with_its_transaction(two: tuple[int, int], postgres_programs: Database) -> None:
    """The pool hands the same connection out again, after a commit, a rollback and an error alike."""
    mine, _ = two
    # Threads of other tests leave connections in the pool, of which the oldest is handed out first.
    postgres_programs.close()

    def serve(*, fail: bool) -> int:
        try:
            with postgres_programs.write(workspace=mine) as session:
                assert named(session.connection()) == str(mine)
                if fail:
                    session.execute(text("SELECT 1/0"))
                return int(session.scalar(text("SELECT pg_backend_pid()")) or 0)
        except DBAPIError:
            return 0

    serve(fail=False)
    before = serve(fail=False)
    for fail in (False, True):
        serve(fail=fail)
        with postgres_programs.engine.connect() as connection:
            assert connection.scalar(text("SELECT pg_backend_pid()")) == before
            assert named(connection) == ""
            assert connection.scalar(text("SELECT count(*) FROM workspace")) == 0


def test_a_session_used_on_after_a_rollback_sees_nothing(
    two: tuple[int, int], postgres_programs: Database
) -> None:
    with postgres_programs.read(workspace=two[0]) as session:
        assert session.scalar(text("SELECT count(*) FROM workspace")) == 1
        session.rollback()
        assert session.scalar(text("SELECT count(*) FROM workspace")) == 0


def test_savepoints_keep_the_workspace(two: tuple[int, int], postgres_programs: Database) -> None:
    mine, theirs = two
    with postgres_programs.write(workspace=mine) as session:
        with session.begin_nested():
            session.add(Team(workspace_id=mine, key="kept", name="kept"))
        with pytest.raises(RuntimeError), session.begin_nested():
            session.add(Team(workspace_id=mine, key="lost", name="lost"))
            session.flush()
            raise RuntimeError
        assert named(session.connection()) == str(mine)
        with pytest.raises(RuntimeError), session.begin_nested():
            scope(session, workspace=theirs)
            assert named(session.connection()) == str(theirs)
            raise RuntimeError
        assert named(session.connection()) == str(mine)  # undone with the savepoint
        assert session.scalars(select(Team.key)).all() == ["kept"]
        scope(session, workspace=theirs)
        assert session.scalars(select(Team.key)).all() == []
