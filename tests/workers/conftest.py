"""What tests of several stages share."""

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from migrations.run import upgrade
from models.database import Database
from tests import factories
from tests.clock import Clock
from tests.workers.parts import Parts
from tests.workers.trying import Trying, reopened, trying
from workers.context import Context


@pytest.fixture
def parts(
    database: Database, context: Context, workspace: int, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> Parts:
    """A desk whose deliveries are written in small parts, on either database."""
    with database.write(workspace=workspace) as session:
        source = factories.source(session, workspace)
    return Parts(database, context, workspace, source, clock, monkeypatch)


@pytest.fixture(scope="session")
def fed(tmp_path_factory: pytest.TempPathFactory) -> Trying:
    """A workspace on SQLite whose tickets are in themes; tests work in copies of it."""
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('fed') / 'ebb.db'}", synchronous="NORMAL")
    upgrade(database)
    made = trying(database, database)
    database.close()
    return made


@pytest.fixture
def desk(fed: Trying, tmp_path: Path) -> Iterator[Trying]:
    """A copy of it."""
    shutil.copy(str(fed.database.url.database), tmp_path / "ebb.db")
    with closing(Database(f"sqlite:///{tmp_path / 'ebb.db'}", synchronous="NORMAL")) as database:
        yield reopened(database, fed)


@pytest.fixture
def desk_of_either(database: Database, programs: Database) -> Trying:
    """The same, made anew on either database."""
    return trying(database, programs)
