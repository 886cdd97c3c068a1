"""A served console and a real Chromium; absent Chromium skips loudly, or fails where services are required."""

import os
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import uvicorn
from playwright.sync_api import Browser, Playwright, sync_playwright

from migrations.run import upgrade
from models.database import Database
from models.settings import Settings
from service.app import create_app
from tests import console_world
from tests.console_plan import NOW
from tests.console_world import World
from workers import assets

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@dataclass(frozen=True, slots=True)
class Site:
    """A console that answers at `address`."""

    address: str
    database: Database
    world: World


@pytest.fixture(scope="module")
def chromium() -> str:
    """Find Chromium."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None and os.environ.get("EBB_REQUIRE_SERVICES") == "1":
        pytest.fail("EBB_REQUIRE_SERVICES=1, but there is no chromium on the path")
    if found is None:
        pytest.skip("no chromium on the path: the console was NOT tried in a browser (apt install chromium)")
    return found


@pytest.fixture(scope="module")
def driver() -> Iterator[Playwright]:
    """Run the driver for these tests alone: while it runs, nobody else can start an event loop."""
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="module")
def browser(driver: Playwright, chromium: str) -> Iterator[Browser]:
    opened = driver.chromium.launch(executable_path=chromium, args=list(FLAGS))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def site(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Serve the test world from a thread on a free port."""
    if not assets.is_current():
        assets.write()
    path = tmp_path_factory.mktemp("browser") / "world.db"
    database = Database(f"sqlite:///{path}", synchronous="NORMAL")
    upgrade(database)
    world = console_world.build(database)
    app = create_app(Settings(), database=database, clock=lambda: NOW)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        deadline = time.monotonic() + 60
        while not server.started and time.monotonic() < deadline:
            time.sleep(0.02)
        assert server.started, "the console did not start within a minute"
        yield Site(f"http://127.0.0.1:{port}", database, world)
        server.should_exit = True
        thread.join(timeout=30)
    database.close()
