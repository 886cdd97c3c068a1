"""Fixtures of every test: databases built once by the migrations, a clock, a client, a worker."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from migrations.run import upgrade
from models.database import Database
from models.language.encode import WordHashEncoder
from models.settings import load_settings
from service.app import create_app
from service.cli import run
from tests import factories
from tests.clock import Clock
from tests.services import as_programs, empty, migrated_postgres, settings_for
from tests.workers.trying import Trying, reopened, trying
from workers.context import Context


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the tables once, by the migrations."""
    path = tmp_path_factory.mktemp("template") / "ebb.db"
    database = Database(f"sqlite:///{path}", synchronous="NORMAL")
    upgrade(database)
    database.close()
    return path


@pytest.fixture
def sqlite(sqlite_template: Path, tmp_path: Path) -> Iterator[Database]:
    """An empty SQLite database of the test's own."""
    database = Database(
        f"sqlite:///{shutil.copy(sqlite_template, tmp_path / 'ebb.db')}", synchronous="NORMAL"
    )
    yield database
    database.close()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Database]:
    """A PostgreSQL database of this run's own."""
    with migrated_postgres() as database:
        yield database


@pytest.fixture
def postgres(postgres_server: Database) -> Database:
    """The run's PostgreSQL database, emptied before the test: what it commits is really committed."""
    empty(postgres_server)
    return postgres_server


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest) -> Database:
    """An empty database of each kind."""
    found: Database = request.getfixturevalue(request.param)
    return found


@pytest.fixture(scope="session")
def postgres_programs(postgres_server: Database) -> Iterator[Database]:
    """The run's PostgreSQL database as the programs see it."""
    found = as_programs(postgres_server)
    yield found
    found.close()


@pytest.fixture
def programs(request: pytest.FixtureRequest, database: Database) -> Database:
    """`database` as the programs under test open it: on PostgreSQL held by row-level security."""
    if database.is_sqlite:
        return database
    found: Database = request.getfixturevalue("postgres_programs")
    return found


@pytest.fixture
def workspace(database: Database) -> int:
    """A workspace in `database`, in UTC."""
    return factories.workspace(database)


@pytest.fixture
def clock() -> Clock:
    """A clock that stands at noon of 1 June 2026."""
    return Clock()


@pytest.fixture
def context(programs: Database, clock: Clock) -> Context:
    """A worker's world with an encoder that needs no model."""
    return Context(programs, settings_for(programs), lambda _: WordHashEncoder(), clock)


@pytest.fixture
def app(programs: Database, clock: Clock) -> FastAPI:
    """The whole application over `database`."""
    return create_app(settings_for(programs), database=programs, clock=clock)


@pytest.fixture
def client(app: FastAPI, database: Database, workspace: int) -> Iterator[TestClient]:
    """A client with an admin's key."""
    key = factories.key(database, workspace)
    with TestClient(app, headers={"Authorization": f"Bearer {key}"}, follow_redirects=False) as found:
        yield found


@pytest.fixture(autouse=True)
def _fresh_settings() -> Iterator[None]:
    """Let each test read the environment anew."""
    load_settings.cache_clear()
    yield
    load_settings.cache_clear()


@pytest.fixture
def ebb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Run `ebb` in a folder of its own, on a database that is not there yet."""
    monkeypatch.setenv("EBB_DATABASE_URL", f"sqlite:///{tmp_path / 'ebb.db'}")
    monkeypatch.setenv("EBB_SQLITE_SYNCHRONOUS", "NORMAL")
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: run(list(map(str, arguments)))


@pytest.fixture
def ready(ebb: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> Callable[..., int]:
    """The same, after `ebb init`."""
    assert ebb("init") == 0
    capsys.readouterr()
    return ebb


@pytest.fixture
def opened(tmp_path: Path, ready: object) -> Iterator[Database]:
    """The database that the commands work on."""
    database = Database(f"sqlite:///{tmp_path / 'ebb.db'}", synchronous="NORMAL")
    yield database
    database.close()


@pytest.fixture(scope="session")
def fed_trial(tmp_path_factory: pytest.TempPathFactory) -> Trying:
    """A workspace on SQLite whose tickets are in themes; tests work in copies of it."""
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('fed') / 'ebb.db'}", synchronous="NORMAL")
    upgrade(database)
    made = trying(database, database)
    database.close()
    return made


@pytest.fixture
def trial(fed_trial: Trying, tmp_path: Path) -> Iterator[Trying]:
    """A copy of it."""
    shutil.copy(str(fed_trial.database.url.database), tmp_path / "ebb.db")
    with closing(Database(f"sqlite:///{tmp_path / 'ebb.db'}", synchronous="NORMAL")) as database:
        yield reopened(database, fed_trial)


@pytest.fixture
def trial_of_either(database: Database, programs: Database) -> Trying:
    """The same, made anew on either database."""
    return trying(database, programs)
