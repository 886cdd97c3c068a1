"""The two entry points of the database, and the types its columns have."""

import sqlite3
import threading
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import event, select, text
from sqlalchemy.exc import DBAPIError, OperationalError, StatementError

from models.database import Database, parse_url
from models.errors import Invalid
from models.records import Team, Workspace
from models.records.base import EnumText, UtcDateTime
from models.values.roles import Role
from tests import factories
from tests.clock import NOON


def team(database: Database, workspace: int, name: str) -> None:
    with database.write(workspace=workspace) as session:
        session.add(Team(workspace_id=workspace, key=name, name=name))


def names(database: Database) -> list[str]:
    with database.read(workspace=None) as session:
        return sorted(session.scalars(select(Team.name)))


@pytest.mark.parametrize(
    ("given", "driver"),
    [
        ("sqlite:///ebb.db", "sqlite"),
        ("postgresql://u:p@h/d", "postgresql+psycopg"),
        ("postgres://u:p@h/d", "postgresql+psycopg"),
        ("postgresql+psycopg://u:p@h/d", "postgresql+psycopg"),
    ],
)
def test_addresses_of_both_databases_are_taken(given: str, driver: str) -> None:
    assert parse_url(given).drivername == driver


@pytest.mark.parametrize("given", ["mysql://u:secret@h/d", "not an address", "", "sqlite"])
def test_other_addresses_are_refused_without_telling_the_password(given: str) -> None:
    with pytest.raises(Invalid, match="EBB_DATABASE_URL") as caught:
        parse_url(given)
    assert caught.value.field == "EBB_DATABASE_URL"
    assert "secret" not in caught.value.message


def test_a_block_commits_whole_or_not_at_all(database: Database, workspace: int) -> None:
    team(database, workspace, "kept")
    with pytest.raises(RuntimeError), database.write(workspace=workspace) as session:
        session.add(Team(workspace_id=workspace, key="lost", name="lost"))
        session.flush()
        raise RuntimeError
    assert names(database) == ["kept"]


def test_a_reader_cannot_write(database: Database, workspace: int) -> None:
    with pytest.raises(DBAPIError), database.read(workspace=None) as session:
        session.add(Team(workspace_id=workspace, key="x", name="x"))
        session.flush()


def test_a_reader_sees_one_state_while_others_write(database: Database, workspace: int) -> None:
    with database.read(workspace=None) as session:
        assert session.scalars(select(Team)).all() == []
        team(database, workspace, "later")
        assert session.scalars(select(Team)).all() == []
    assert names(database) == ["later"]


def test_rows_can_be_used_after_their_session(database: Database, workspace: int) -> None:
    with database.read(workspace=None) as session:
        row = session.get_one(Workspace, workspace)
    assert row.name == "Tests"
    with database.write(workspace=workspace) as session:
        row = session.get_one(Workspace, workspace)
    assert row.name == "Tests"


def test_writers_wait_for_each_other(sqlite: Database) -> None:
    workspace = factories.workspace(sqlite)
    started, go = threading.Event(), threading.Event()

    def hold() -> None:
        with sqlite.write(workspace=workspace) as session:
            session.add(Team(workspace_id=workspace, key="first", name="first"))
            session.flush()
            started.set()
            go.wait(30)

    thread = threading.Thread(target=hold)
    thread.start()
    started.wait(30)
    threading.Timer(0.2, go.set).start()
    team(sqlite, workspace, "second")  # "database is locked" would be raised here
    thread.join(30)
    assert names(sqlite) == ["first", "second"]


def test_a_write_lock_is_taken_at_the_start_and_not_halfway(sqlite: Database) -> None:
    with sqlite.write(workspace=None) as session:
        session.scalars(select(Team)).all()  # its first statement, though it only reads
        path = sqlite.url.database
        assert path
        other = sqlite3.connect(path, timeout=0.05, isolation_level=None)
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")
        other.close()


def test_sqlite_is_set_up_for_many_readers_and_nothing_left_behind(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'sub' / 'folder' / 'ebb.db'}")
    with database.write(workspace=None) as session:
        found = {
            name: session.execute(text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "secure_delete")
        }
    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "secure_delete": 1}
    with pytest.raises(OperationalError), database.write(workspace=None) as session:
        session.execute(text("INSERT INTO nowhere VALUES (1)"))
    database.close()


def test_a_block_for_a_workspace_tells_postgres_which(postgres: Database) -> None:
    workspace = factories.workspace(postgres)

    for open_session in (postgres.read, postgres.write):
        for owner, told in ((workspace, str(workspace)), (None, "0"), (workspace, str(workspace))):
            with open_session(workspace=owner) as session:
                named = session.scalar(text("SELECT current_setting('ebb.workspace', true)"))
            assert named == told


def test_a_reader_on_postgres_cannot_write_even_by_hand(postgres: Database) -> None:
    with postgres.read(workspace=None) as session, pytest.raises(DBAPIError, match="read-only transaction"):
        session.execute(text("DELETE FROM workspace"))


@pytest.mark.parametrize("address", ["postgresql://me:hunter2@127.0.0.1:1/x", "sqlite:////usr"])
def test_a_database_that_cannot_be_opened_is_told_by_its_setting(address: str) -> None:
    database = Database(address, setting="EBB_OWNER_DATABASE_URL")
    with pytest.raises(Invalid, match=r"cannot be opened: .+; check that .+\.$") as caught:
        database.probe()
    database.close()
    assert caught.value.field == "EBB_OWNER_DATABASE_URL"
    assert "hunter2" not in caught.value.message
    assert "\n" not in caught.value.message


def test_a_database_that_can_be_opened_is_probed_in_silence(database: Database) -> None:
    database.probe()


def test_the_wait_for_a_server_is_bounded_unless_the_address_says_how_long() -> None:
    for address, waits in (("postgresql://h/x", "5"), ("postgresql://h/x?connect_timeout=60", "60")):
        database = Database(address)
        assert connect_arguments(database)["connect_timeout"] == waits


def connect_arguments(database: Database) -> dict[str, str]:
    """Return what the driver would be given, without connecting."""
    given: dict[str, str] = {}

    @event.listens_for(database.engine, "do_connect")
    def _stop(_dialect: object, _record: object, _args: object, options: dict[str, object]) -> None:
        given.update({name: str(value) for name, value in options.items()})
        raise OSError("not in this test")

    with pytest.raises(OSError, match="not in this test"):
        database.engine.connect()
    return given


def test_moments_are_stored_in_utc_and_naive_ones_refused(database: Database, workspace: int) -> None:
    local = datetime(2026, 6, 1, 14, tzinfo=timezone(timedelta(hours=2)))
    with database.write(workspace=workspace) as session:
        session.get_one(Workspace, workspace).created_at = local
    with database.read(workspace=None) as session:
        stored = session.scalars(select(Workspace.created_at)).one()
    assert (stored, stored.tzinfo) == (NOON, UTC)
    with (
        pytest.raises(StatementError, match="naive datetime"),
        database.write(workspace=workspace) as session,
    ):
        session.get_one(Workspace, workspace).created_at = datetime(2026, 6, 1)
        session.flush()


def test_an_unknown_word_in_a_column_fails_on_reading() -> None:
    column = EnumText(Role)
    assert column.process_result_value("admin", None) is Role.ADMIN  # type: ignore[arg-type]
    assert column.process_result_value(None, None) is None  # type: ignore[arg-type]
    assert column.process_bind_param(Role.MEMBER, None) == "member"  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="king"):
        column.process_result_value("king", None)  # type: ignore[arg-type]
    assert UtcDateTime().process_bind_param(None, None) is None  # type: ignore[arg-type]
