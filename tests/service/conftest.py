"""The console's test world, built once; a browser that only reads it, and copies to write in."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from migrations.run import upgrade
from models.database import Database
from tests import console_world
from tests.console_site import open_copy, signed_in
from tests.console_world import World
from tests.service.correcting import FED, Correcting, opened, prepared


@pytest.fixture(scope="session")
def world_file(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, World]:
    """Build the world once."""
    path = tmp_path_factory.mktemp("console") / "world.db"
    database = Database(f"sqlite:///{path}", synchronous="NORMAL")
    upgrade(database)
    world = console_world.build(database)
    database.close()
    return path, world


@pytest.fixture(scope="session")
def world(world_file: tuple[Path, World]) -> World:
    return world_file[1]


@pytest.fixture(scope="session")
def console(world_file: tuple[Path, World], tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A signed-in browser that only reads."""
    database = open_copy(world_file[0], tmp_path_factory.mktemp("read"))
    yield signed_in(database, world_file[1].workspace)
    database.close()


@pytest.fixture
def fresh(world_file: tuple[Path, World], tmp_path: Path) -> Iterator[Database]:
    """A world of one's own, to write in."""
    database = open_copy(world_file[0], tmp_path)
    yield database
    database.close()


@pytest.fixture
def empty_console(tmp_path: Path) -> Iterator[TestClient]:
    """A workspace in which nothing happened yet."""
    database = Database(f"sqlite:///{tmp_path / 'empty.db'}", synchronous="NORMAL")
    upgrade(database)
    yield signed_in(database, console_world.build_empty(database))
    database.close()


@pytest.fixture
def bare(app: FastAPI) -> Iterator[TestClient]:
    """A client without a key."""
    with TestClient(app, follow_redirects=False) as found:
        yield found


@pytest.fixture(scope="session")
def fed_file(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int, int]:
    """A file in which tickets are in themes already, built once."""
    path = tmp_path_factory.mktemp("acts") / "fed.db"
    shutil.copy(sqlite_template, path)
    database = Database(f"sqlite:///{path}", synchronous="NORMAL")
    workspace, source = prepared(database)
    desk = opened(database, database, workspace=workspace, source=source, read=0)
    with desk.client:
        desk.feed(FED)
    database.close()
    return path, workspace, source


@pytest.fixture
def desk(fed_file: tuple[Path, int, int], tmp_path: Path) -> Iterator[Correcting]:
    path, workspace, source = fed_file
    database = Database(f"sqlite:///{shutil.copy(path, tmp_path / 'ebb.db')}", synchronous="NORMAL")
    found = opened(database, database, workspace=workspace, source=source, read=FED)
    with found.client:
        yield found
    database.close()


@pytest.fixture
def empty_desk(request: pytest.FixtureRequest) -> Iterator[Correcting]:
    """A workspace without a ticket, on either database; on PostgreSQL the programs are held by row-level security."""
    database: Database = request.getfixturevalue(getattr(request, "param", "sqlite"))
    programs = database if database.is_sqlite else request.getfixturevalue("postgres_programs")
    workspace, source = prepared(database)
    found = opened(database, programs, workspace=workspace, source=source, read=0)
    with found.client:
        yield found
