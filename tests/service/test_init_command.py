"""`ebb init` on PostgreSQL, with an owner beside the programs' user; databases that cannot be opened."""

import re
import secrets
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from sqlalchemy import select

from migrations.grants import is_walled, may_anybody_create
from migrations.run import downgrade, is_current
from models.database import Database
from models.records import Delivery, Release, Source, User
from models.settings import load_settings
from models.values.roles import Role
from tests.commands import Capture, Command, caller_of, choose, told
from tests.services import POSTGRES, postgres_address

PASSWORD = "50%' of w@rds"


@pytest.fixture
def roles() -> list[str]:
    """Names of an owner and of a user for the programs, both not there yet."""
    return [f"ebb_test_{kind}_{secrets.token_hex(4)}" for kind in ("owner", "programs")]


@pytest.fixture
def server(roles: list[str], ebb: Command, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An empty database; the environment names its owner, and a user for the programs that is not there yet."""
    with postgres_address() as address:
        name = address.rpartition("/")[2]
        monkeypatch.setenv("EBB_OWNER_DATABASE_URL", address)
        monkeypatch.setenv(
            "EBB_DATABASE_URL", f"postgresql://{roles[1]}:{quote(PASSWORD, safe='')}@127.0.0.1:5432/{name}"
        )
        yield address
    with psycopg.connect(f"{POSTGRES}/postgres", autocommit=True) as connection:
        for role in roles:
            connection.execute(f"DROP ROLE IF EXISTS {role}")


@pytest.fixture
def programs(server: str, roles: list[str]) -> Iterator[Database]:
    database = Database(server.replace("postgres@", f"{roles[1]}@"))
    yield database
    database.close()


def test_init_makes_a_user_for_the_programs_whom_the_wall_holds(
    server: str, programs: Database, ebb: Command, capsys: Capture
) -> None:
    assert ebb("init", "--print-key") == 0
    first = capsys.readouterr()
    assert re.fullmatch(r"\S{32,}\n", first.out)
    assert "Row-level security holds the user ebb_test_programs_" in first.err
    assert PASSWORD not in first.err
    assert quote(PASSWORD, safe="") not in first.err
    assert is_walled(programs)
    caller = caller_of(programs, first.out)
    assert caller
    assert caller.role is Role.OWNER

    assert ebb("init", "--print-key") == 0  # again: nothing new
    assert capsys.readouterr().out == ""
    owner = Database(server)
    downgrade(owner, "0003_roles_and_workers")
    owner.close()
    assert ebb("workspaces", "list") == 2
    assert "run `ebb init`" in told(capsys)
    assert ebb("init", "--print-key", "--new-key") == 0  # new tables and functions are granted as well
    assert caller_of(programs, capsys.readouterr().out)
    assert is_current(programs)


def test_every_command_works_as_the_programs_user(
    server: str, programs: Database, ebb: Command, capsys: Capture, tmp_path: Path
) -> None:
    assert ebb("init") == 0
    capsys.readouterr()
    assert ebb("workspaces", "add", "Second") == 0
    key = capsys.readouterr().out
    (tmp_path / "t.csv").write_text("id,created_at,text\nT-1,2026-05-01T10:00:00Z,The export fails\n")
    (tmp_path / "CHANGELOG.md").write_text("## [1.0] - 2026-03-04\n\n### Added\n\n- A calendar.\n")
    for arguments in (
        ("import", tmp_path / "t.csv"),
        ("releases", "import", tmp_path / "CHANGELOG.md"),
        ("replay",),
        ("users", "add", "mira@example.com", "--role", "owner"),
        ("users", "add", "sam@example.com", "--role", "viewer"),
        ("users", "disable", "sam@example.com"),
        ("sign-in", "--user", "mira@example.com"),
    ):
        assert ebb(*arguments, "--workspace", "Second") == 0, capsys.readouterr().err
    caller = caller_of(programs, key)
    assert caller
    second = caller.workspace_id
    with programs.read(workspace=second) as session:
        assert session.scalars(select(Source.name)).all() == ["t"]
        assert len(session.scalars(select(Delivery)).all()) == 1
        assert len(session.scalars(select(Release)).all()) == 1
        assert session.scalars(select(User.email).order_by(User.id)).all() == [
            "mira@example.com",
            "sam@example.com",
        ]
    with programs.read(workspace=1) as session:
        assert session.scalars(select(Delivery)).all() == []


def test_init_says_that_a_superuser_is_not_held(
    server: str, ebb: Command, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose(monkeypatch, OWNER_DATABASE_URL=None, DATABASE_URL=server)
    assert ebb("init", "--print-key") == 0
    found = capsys.readouterr()
    assert re.fullmatch(r"\S{32,}\n", found.out)
    assert "does not hold the user postgres" in found.err


def test_an_owner_without_superpowers_is_enough_and_told_what_it_lacks(
    server: str, roles: list[str], programs: Database, ebb: Command, capsys: Capture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    owner, user = roles
    name = server.rpartition("/")[2]
    monkeypatch.setenv("EBB_OWNER_DATABASE_URL", server.replace("postgres@", f"{owner}@"))
    with psycopg.connect(f"{POSTGRES}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {owner} LOGIN")
        assert ebb("init") == 2  # may not make tables
        assert "may not see or change the tables" in told(capsys)
        connection.execute(f"ALTER DATABASE {name} OWNER TO {owner}")
        assert ebb("init") == 2  # may not make the programs' user
        said = told(capsys)
        assert said.startswith(
            f"ebb: EBB_OWNER_DATABASE_URL: the user {user} cannot be made: permission denied"
        )
        assert PASSWORD not in said
        connection.execute(f"ALTER ROLE {owner} CREATEROLE")
        assert ebb("init") == 0
        assert "Row-level security holds" in capsys.readouterr().err
    assert is_walled(programs)


def test_init_closes_the_schema_in_which_our_functions_lie(
    server: str, programs: Database, roles: list[str], ebb: Command, capsys: Capture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Before PostgreSQL 15 everybody could make functions there, and databases that were upgraded keep that."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("GRANT CREATE ON SCHEMA public TO PUBLIC")
        assert ebb("init") == 0
        assert "REVOKE CREATE" not in capsys.readouterr().err
        assert not may_anybody_create(programs)
        # An owner of the tables who does not own the schema cannot close it, and says who must.
        connection.execute("GRANT CREATE ON SCHEMA public TO PUBLIC")
        connection.execute(f"CREATE ROLE {roles[0]} LOGIN CREATEROLE")
        for kind, names in (
            (
                "TABLE",
                "SELECT format('%I', relname) FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace",
            ),
            ("FUNCTION", "SELECT oid::regprocedure FROM pg_proc WHERE pronamespace = 'public'::regnamespace"),
        ):
            for (name,) in connection.execute(names).fetchall():
                connection.execute(f"ALTER {kind} {name} OWNER TO {roles[0]}")
        monkeypatch.setenv("EBB_OWNER_DATABASE_URL", server.replace("postgres@", f"{roles[0]}@"))
        load_settings.cache_clear()
        assert ebb("init") == 0
        assert "REVOKE CREATE ON SCHEMA public FROM PUBLIC" in capsys.readouterr().err
        connection.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
        connection.execute(f"REASSIGN OWNED BY {roles[0]} TO postgres")
        connection.execute(f"DROP OWNED BY {roles[0]}")


def test_a_user_whom_nothing_was_granted_is_told_the_way(
    server: str, roles: list[str], ebb: Command, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    with psycopg.connect(f"{POSTGRES}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {roles[1]} LOGIN")
    choose(monkeypatch, OWNER_DATABASE_URL=None, DATABASE_URL=server)
    assert ebb("init") == 0
    capsys.readouterr()
    choose(monkeypatch, DATABASE_URL=server.replace("postgres@", f"{roles[1]}@"))
    for command in ("init", "replay"):
        assert ebb(command) == 2
        assert "EBB_OWNER_DATABASE_URL set to the address of their owner" in told(capsys)


@pytest.mark.parametrize(
    ("database", "owner", "said"),
    [
        ("sqlite:///ebb.db", "postgresql://postgres@127.0.0.1/x", "EBB_OWNER_DATABASE_URL is for PostgreSQL"),
        ("postgresql://a@127.0.0.1/x", "sqlite:///ebb.db", "EBB_OWNER_DATABASE_URL is for PostgreSQL"),
        ("postgresql://a@127.0.0.1/x", "postgresql://a@127.0.0.1/x", "a user other than"),
        ("postgresql://a@127.0.0.1/x", "postgresql://b@127.0.0.1/y", "the same database"),
        (
            "postgresql://a@127.0.0.1/x",
            "mysql://b@127.0.0.1/x",
            "EBB_OWNER_DATABASE_URL: mysql is not supported",
        ),
    ],
)
def test_addresses_that_do_not_belong_together_are_bad_input(
    ebb: Command, capsys: Capture, monkeypatch: pytest.MonkeyPatch, database: str, owner: str, said: str
) -> None:
    monkeypatch.setenv("EBB_DATABASE_URL", database)
    monkeypatch.setenv("EBB_OWNER_DATABASE_URL", owner)
    assert ebb("init") == 2
    assert said in told(capsys)


# --- a database that cannot be opened -----------------------------------------------------------------------


@pytest.mark.parametrize("command", [("init",), ("sign-in",), ("replay",), ("users", "list"), ("api",)])
def test_a_server_that_is_not_there_is_one_line(
    ebb: Command, capsys: Capture, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    monkeypatch.setenv("EBB_DATABASE_URL", "postgresql://me:hunter2@127.0.0.1:1/x")
    assert ebb(*command) == 2
    said = told(capsys)
    assert said.startswith(
        "ebb: EBB_DATABASE_URL: postgresql+psycopg://me:***@127.0.0.1:1/x cannot be opened: "
    )
    assert "efused" in said
    assert said.endswith("check that the server runs, and the address, user and password.")
    assert "hunter2" not in said


def test_a_user_or_database_that_is_not_there_is_one_line(
    server: str, roles: list[str], ebb: Command, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ebb("replay") == 2  # `ebb init` was never run
    assert f'role "{roles[1]}" does not exist' in told(capsys)
    choose(
        monkeypatch,
        OWNER_DATABASE_URL=f"{POSTGRES}/nowhere",
        DATABASE_URL=f"postgresql://{roles[1]}@127.0.0.1:5432/nowhere",
    )
    assert ebb("init") == 2
    said = told(capsys)
    assert said.startswith("ebb: EBB_OWNER_DATABASE_URL: ")
    assert 'database "nowhere" does not exist' in said


def test_a_server_that_never_answers_is_given_up(
    ebb: Command, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        monkeypatch.setenv("EBB_DATABASE_URL", f"postgresql://me@127.0.0.1:{port}/x?connect_timeout=2")
        assert ebb("replay") == 2
    assert "timeout" in told(capsys)


@pytest.mark.parametrize("command", ["init", "replay"])
def test_a_file_that_is_no_database_is_one_line(
    ebb: Command, capsys: Capture, tmp_path: Path, command: str
) -> None:
    (tmp_path / "ebb.db").write_text("These are not the tables you are looking for. " * 50)
    assert ebb(command) == 2
    assert re.search(r"ebb\.db cannot be opened: file is not a database; check", told(capsys))


def test_a_folder_that_cannot_be_made_is_one_line(
    ebb: Command, capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("EBB_DATABASE_URL", f"sqlite:///{tmp_path}/file/ebb.db")
    assert ebb("init") == 2
    assert "EBB_DATABASE_URL" in told(capsys)
