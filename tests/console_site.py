"""What tests of the console share: the application over a copy of the world, and pages taken apart."""

import re
import shutil
from collections.abc import Iterable, Iterator
from html.parser import HTMLParser
from pathlib import Path

from fastapi import FastAPI
from fastapi.testclient import TestClient
from starlette.routing import BaseRoute

from models.database import Database
from models.settings import Settings
from models.values.roles import Role
from service.app import create_app
from service.console.guard import ConsoleRoute
from tests import console_world
from tests.console_plan import NOW

PAGES = (
    "/",
    "/themes",
    "/themes/th_1",
    "/trends",
    "/releases",
    "/releases/rel_8",
    "/releases/rel_13",
    "/feedback",
)


def open_copy(template: Path, folder: Path) -> Database:
    return Database(f"sqlite:///{shutil.copy(template, folder / 'copy.db')}", synchronous="NORMAL")


def app_of(database: Database, settings: Settings | None = None) -> FastAPI:
    return create_app(settings or Settings(), database=database, clock=lambda: NOW)


def stranger(database: Database, *, at: str = "http://127.0.0.1:8000") -> TestClient:
    """A browser that nobody signed in."""
    return TestClient(app_of(database), base_url=at)


def signed_in(
    database: Database, workspace: int, *, role: Role = Role.OWNER, settings: Settings | None = None
) -> TestClient:
    client = TestClient(app_of(database, settings), base_url="http://127.0.0.1:8000")
    token = console_world.sign_in_token(database, workspace, role=role)
    assert client.get(f"/sign-in?token={token}", follow_redirects=False).status_code == 303
    return client


class Page(HTMLParser):
    """What tests look for in a page: elements with their attributes, and the text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.words: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def hrefs(self, start: str) -> list[str]:
        return [a["href"] for tag, a in self.elements if tag == "a" and a.get("href", "").startswith(start)]


def read(client: TestClient, address: str) -> Page:
    response = client.get(address)
    assert response.status_code == 200, response.text[:500]
    return Page(response.text)


def total_of(client: TestClient, address: str) -> int:
    """Return how many messages a drill-down list says it holds."""
    found = re.search(r"(\d[\d\u202f]*) messages?\b", read(client, address).text)
    assert found is not None
    return int(found[1].replace("\u202f", ""))


def csrf_of(client: TestClient) -> str:
    """Return the form token that the pages of a signed-in browser carry."""
    return next(a["value"] for _, a in read(client, "/").elements if a.get("name") == "csrf")


def console_routes(routes: Iterable[BaseRoute]) -> Iterator[ConsoleRoute]:
    """Find the console's routes among an application's, in routers that were included too."""
    for route in routes:
        included = getattr(route, "original_router", None)
        if included is not None:
            yield from console_routes(included.routes)
        elif isinstance(route, ConsoleRoute):
            yield route
