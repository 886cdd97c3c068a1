"""The console's test world, built once; a browser that only reads it, and copies to write in."""

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
