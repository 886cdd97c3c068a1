"""The migrations: they build the tables as written, keep every row up and down, and disturb nobody for long."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, inspect, text

import migrations.__main__ as program
from migrations import lock
from migrations.run import check, differences, downgrade, is_current, upgrade
from models.database import Database
from models.errors import Conflict
from tests import rows
from tests.servers import GIVEN_UP_S
from tests.services import postgres_address

ROOT = Path(__file__).parents[2]
OLD = "0002_search"
"""The tables of the release before users, roles and walls."""
NOW = datetime.now(UTC)
PAST, FUTURE = NOW - timedelta(days=9), NOW + timedelta(days=9)


@pytest.fixture(params=["sqlite", "postgres"])
def fresh(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database of each kind without any table; the one that other tests share is left alone."""
    if request.param == "sqlite":
        with closing(Database(f"sqlite:///{tmp_path / 'fresh.db'}", synchronous="NORMAL")) as database:
            yield database
        return
    with postgres_address() as address, closing(Database(address)) as database:
        yield database


def test_the_migrations_build_the_tables_as_written_on_both_databases(database: Database) -> None:
    assert is_current(database)
    assert differences(database) == []
    check(database)  # alembic's own comparison raises


def test_all_the_way_up_down_and_up_again(fresh: Database) -> None:
    upgrade(fresh)
    assert differences(fresh) == []
    downgrade(fresh, "base")
    assert not is_current(fresh)
    with fresh.engine.connect() as connection:
        assert inspect(connection).get_table_names() == ["alembic_version"]
    upgrade(fresh)
    assert differences(fresh) == []
    check(fresh)


# --- with data ----------------------------------------------------------------------------------------------

# Number, workspace, role, and when it ended or ends.
OLD_KEYS: list[tuple[int, int, str, rows.Row]] = [
    (3, 1, "admin", {"revoked_at": PAST}),
    (4, 1, "admin", {"expires_at": PAST}),
    (5, 1, "admin", {"expires_at": FUTURE}),
    (6, 1, "admin", {}),
    (7, 1, "admin", {}),
    (8, 1, "member", {}),
    (9, 1, "ingest", {}),
    (10, 2, "member", {}),
    (11, 2, "admin", {"expires_at": FUTURE}),
]
NEW_ROLES = {
    3: "admin", 4: "admin", 5: "admin", 6: "owner", 7: "admin", 8: "curator", 9: "integration",
    10: "curator", 11: "owner",
}  # fmt: skip
# Keys that the old program cannot hold as they are: it would let them do more.
NEW_KEYS: list[tuple[int, int, str, rows.Row, bool]] = [
    (20, 1, "viewer", {}, True),
    (21, 1, "aggregate_only", {}, True),
    (22, 1, "member", {}, True),
    (23, 1, "curator", {"scopes": ["plan"]}, True),
    (24, 1, "integration", {"source_id": 1}, True),
    (25, 1, "curator", {}, False),
    (26, 1, "owner", {"replaced_by_id": 25, "last_used_at": NOW}, False),
]


def put_key(connection: Connection, number: int, workspace: int, role: str, more: dict[str, object]) -> None:
    (table,) = [table for table in rows.tables_of(connection) if table.name == "api_key"]
    row = {**rows.row_of(table, number % 28), "id": number, "workspace_id": workspace, "role": role}
    row |= {"revoked_at": None, "expires_at": None, "digest": f"digest {number}"}
    if "scopes" in table.columns:
        row |= {"scopes": None, "source_id": None, "replaced_by_id": None}
    connection.execute(table.insert().values(row | more))


def filled_at_the_old_tables(database: Database) -> rows.Rows:
    upgrade(database, OLD)
    with database.engine.begin() as connection:
        for number in (1, 2):
            rows.fill(connection, number)
        connection.exec_driver_sql("DELETE FROM api_key")
        for key in OLD_KEYS:
            put_key(connection, *key)
        return rows.read(connection)


def read(database: Database) -> rows.Rows:
    with database.engine.connect() as connection:
        return rows.read(connection)


def lost(before: rows.Rows, after: rows.Rows, *, but: frozenset[str]) -> list[str]:
    """Name what stood in the tables before and does not now; `but` are columns that may have changed."""
    return [
        f"{table} {number}: {column}"
        for table, found in before.items()
        for number, row in found.items()
        for column, value in row.items()
        if f"{table}.{column}" not in but
        and (number not in after[table] or after[table][number].get(column) != value)
    ]


TICKETS = frozenset(
    f"console_ticket.{name}"
    for name in (
        "id",
        "workspace_id",
        "role",
        "digest",
        "session",
        "created_at",
        "expires_at",
        "used_at",
    )
)
"""Sessions of nobody in particular end with the upgrade, those of users with the way back."""


def test_rows_of_every_table_outlive_up_down_and_up(fresh: Database) -> None:
    before = filled_at_the_old_tables(fresh)
    assert all(before.values())
    upgrade(fresh)
    after = read(fresh)
    assert lost(before, after, but=TICKETS | {"api_key.role", "person.digest"}) == []
    known = {row["person_id"]: row["digest"] for row in after["person_identity"].values()}
    assert known == {number: row["digest"] for number, row in before["person"].items()}
    assert {number: row["role"] for number, row in after["api_key"].items()} == NEW_ROLES
    assert all(row["scopes"] is None for row in after["api_key"].values())

    with fresh.engine.begin() as connection:
        empty = frozenset(name for name, found in after.items() if not found)
        assert empty >= {"console_user", "console_ticket", "heartbeat", "schedule_run"}
        for number in (1, 2):
            rows.fill(connection, number, only=empty)
        for number, workspace, role, more, _ in NEW_KEYS:
            put_key(connection, number, workspace, role, more)
        assert all(rows.read(connection).values())
    downgrade(fresh, OLD)
    back = read(fresh)
    assert lost(before, back, but=TICKETS) == []
    assert {table: len(found) for table, found in back.items()} == {
        table: len(found)
        + (len(NEW_KEYS) if table == "api_key" else 0)
        - (2 if table == "console_ticket" else 0)
        for table, found in before.items()
    }
    revoked = {key: row["revoked_at"] is not None for key, row in back["api_key"].items() if key >= 20}
    assert revoked == {key[0]: key[4] for key in NEW_KEYS}
    assert {back["api_key"][key]["role"] for key in (25, 26)} == {"member", "admin"}

    upgrade(fresh)
    assert differences(fresh) == []
    again = read(fresh)
    assert lost(back, again, but=TICKETS | {"api_key.role", "person.digest"}) == []
    # An owner who was an admin meanwhile (26) stays one; those whom the first upgrade named are named again.
    assert {number: row["role"] for number, row in again["api_key"].items()} == {
        **NEW_ROLES,
        **dict.fromkeys((20, 21, 22, 23, 25), "curator"),
        24: "integration",
        26: "admin",
    }


def with_one_more(database: Database, folder: Path, body: str) -> None:
    """Run the migrations and after them one that this test writes."""
    (folder / "next.py").write_text(
        "import sqlalchemy as sa\nfrom alembic import op\n\nrevision = 'next'\ndown_revision = 'HEAD'\n\n\n"
        f"def upgrade():\n    {body}\n".replace("HEAD", head())
    )
    config = Config()
    config.set_main_option("script_location", str(ROOT / "migrations"))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", f"{ROOT / 'migrations' / 'versions'}\n{folder}")
    config.attributes["engine"] = database.engine
    command.upgrade(config, "next")


def head() -> str:
    from alembic.script import ScriptDirectory

    found = ScriptDirectory(str(ROOT / "migrations")).get_current_head()
    assert found
    return found


def test_a_table_that_sqlite_rebuilds_takes_nothing_with_it(sqlite: Database, tmp_path: Path) -> None:
    """With foreign keys on, dropping the old copy of `workspace` would delete every row there is."""
    with sqlite.engine.begin() as connection:
        rows.fill(connection, 1)
        before = rows.read(connection)
    with_one_more(
        sqlite,
        tmp_path,
        "with op.batch_alter_table('workspace', recreate='always') as batch:\n"
        "        batch.add_column(sa.Column('colour', sa.String(20), nullable=True))",
    )
    after = read(sqlite)
    assert "colour" in after["workspace"][1]
    assert lost(before, after, but=frozenset()) == []
    with sqlite.engine.connect() as connection:  # the switches are back
        for name, value in (("foreign_keys", 1), ("busy_timeout", 15_000)):
            assert connection.exec_driver_sql(f"PRAGMA {name}").scalar() == value


def test_a_migration_that_would_leave_dangling_rows_is_undone(sqlite: Database, tmp_path: Path) -> None:
    with sqlite.engine.begin() as connection:
        rows.fill(connection, 1)
        before = rows.read(connection)
    with pytest.raises(RuntimeError, match=r"without what they refer to: .*assignment"):
        with_one_more(sqlite, tmp_path, "op.execute('DELETE FROM theme')")
    assert read(sqlite) == before
    assert is_current(sqlite)


# --- beside others ------------------------------------------------------------------------------------------


def test_a_migration_waits_four_seconds_at_most_and_changes_nothing_then(
    fresh: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert 0 < lock.LOCK_WAIT_MS <= 4_000
    monkeypatch.setattr(lock, "LOCK_WAIT_MS", 300)
    before = filled_at_the_old_tables(fresh)
    with fresh.read(workspace=None) as session:
        session.execute(text("SELECT * FROM api_key")).all()
        if fresh.is_sqlite:  # a reader disturbs nobody there; a writer does
            with closing(Database(str(fresh.url))) as other, other.write(workspace=None):
                seconds = refused(fresh)
        else:
            seconds = refused(fresh)
    assert 0.2 < seconds < GIVEN_UP_S
    assert read(fresh) == before
    upgrade(fresh)
    assert is_current(fresh)


def refused(database: Database) -> float:
    started = time.monotonic()
    with pytest.raises(Conflict, match=r"in use.*changed nothing"):
        upgrade(database)
    return time.monotonic() - started


def test_two_migrations_at_once_are_one(fresh: Database) -> None:
    code = "import sys; from migrations.run import upgrade; from models.database import Database; upgrade(Database(sys.argv[1]))"
    address = fresh.url.render_as_string(hide_password=False)
    both = [subprocess.Popen([sys.executable, "-c", code, address], cwd=ROOT) for _ in range(2)]
    assert [child.wait(60) for child in both] == [0, 0]
    assert differences(fresh) == []


def test_the_check_runs_on_both_databases(
    postgres_server: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    assert program.main() == 0
    assert capsys.readouterr().out.splitlines() == [
        "SQLite: migrations and tables agree.",
        "PostgreSQL: migrations and tables agree.",
    ]


def test_the_check_without_a_server_says_so(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EBB_REQUIRE_SERVICES", raising=False)
    assert program.main(["postgresql://postgres@127.0.0.1:1"]) == 0
    assert "PostgreSQL: not checked: " in capsys.readouterr().out
    monkeypatch.setenv("EBB_REQUIRE_SERVICES", "1")
    assert program.main(["postgresql://postgres@127.0.0.1:1"]) == 1
