"""The routes that answer, held against the catalogue of every call the contract promises, and the page of roles."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import BaseModel

from models.database import Database
from models.settings import Settings
from models.values.roles import GRANTS, Permission, Role
from service.api import routers
from service.api.shapes.catalogue import CALLS, Call
from service.app import create_app

NOT_YET = {
    ("POST", "/v1/impact/analyze"),
    ("POST", "/v1/impact/what-if"),
    ("GET", "/v1/key-results/{}/progress"),
    ("POST", "/v1/key-results/lint"),
    ("GET", "/v1/bets"),
    ("POST", "/v1/bets"),
    ("GET", "/v1/assumptions"),
    ("POST", "/v1/assumptions"),
    ("GET", "/v1/decisions"),
    ("POST", "/v1/decisions"),
    ("GET", "/v1/reports/weekly"),
    ("GET", "/v1/reports/monthly"),
    ("GET", "/v1/reports/quarterly"),
    ("POST", "/v1/reports/snapshots"),
    ("GET", "/v1/export"),
}
"""Calls that have their shapes and no behaviour yet; whoever builds one takes it out of this list."""


def plain(path: str) -> str:
    return "/".join("{}" if part.startswith("{") else part for part in path.split("/"))


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    address = f"sqlite:///{tmp_path_factory.mktemp('routes') / 'ebb.db'}"
    return create_app(Settings(database_url=address), database=Database(address))


def answering(app: FastAPI) -> dict[tuple[str, str], dict[str, Any]]:
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for path, operations in app.openapi()["paths"].items():
        for method in operations:
            found[method.upper(), plain(path)] = operations[method]
    return found


def promised() -> dict[tuple[str, str], Call]:
    return {(call.method, plain(call.path)): call for call in CALLS}


def test_every_route_is_in_the_catalogue_and_every_call_is_built_or_listed(app: FastAPI) -> None:
    open_ones = ("/healthz", "/readyz", "/metrics")
    routes = {key for key in answering(app) if key[1].startswith("/v1") or key[1] in open_ones}
    assert routes - set(promised()) == set(), "routes nobody promised"
    assert set(promised()) - routes == NOT_YET


def model_name(shape: type[BaseModel]) -> str:
    return shape.__name__.replace("[", "_").replace("]", "_").replace(",", "_").replace(" ", "")


def test_answers_have_the_status_and_the_shape_of_the_catalogue(app: FastAPI) -> None:
    calls = promised()
    for key, operation in answering(app).items():
        call = calls.get(key)
        if call is None or call.answer is None or key[1] in ("/v1/ingest/{}", "/healthz"):
            continue
        answer = operation["responses"][str(call.status)]["content"]["application/json"]["schema"]
        assert answer["$ref"].endswith("/" + model_name(call.answer)), key


def test_bodies_have_the_shape_of_the_catalogue(app: FastAPI) -> None:
    calls = promised()
    for key, operation in answering(app).items():
        call = calls.get(key)
        if call is None or call.request is None:
            continue
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        named = [schema.get("$ref", ""), *(part.get("$ref", "") for part in schema.get("anyOf", []))]
        assert any(name.endswith("/" + call.request.__name__) for name in named), key


def permissions_in(dependant: Dependant) -> Iterator[Permission]:
    found = getattr(dependant.call, "permission", None)
    if found is not None:
        yield found
    for each in dependant.dependencies:
        yield from permissions_in(each)


def asked_for() -> dict[tuple[str, str], set[Permission]]:
    """Return the permissions that each route of the API checks, read from its dependencies."""
    return {
        (method, plain(route.path)): set(permissions_in(route.dependant))
        for router in routers()
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in route.methods
    }


def test_every_route_asks_for_the_permission_of_the_catalogue_and_for_no_other(app: FastAPI) -> None:
    calls = promised()
    asked = asked_for()
    assert set(asked) == set(answering(app))
    for key in answering(app):
        permission = calls[key].permission
        assert asked[key] == (set() if permission is None else {permission}), key


PAGE = (Path(__file__).resolve().parents[2] / "docs" / "roles.md").read_text()


def rows_of(heading: str) -> list[list[str]]:
    """Return the cells of the table that follows a heading."""
    part = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in part.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_the_page_of_roles_says_what_each_role_may_do() -> None:
    head, _, *rows = rows_of("Roles")
    columns = [Permission(cell.strip("`")) for cell in head[1:]]
    assert set(columns) == set(Permission)
    told = {
        Role(row[0].strip("`")): {
            column for column, cell in zip(columns, row[1:], strict=True) if cell == "yes"
        }
        for row in rows
    }
    assert told == {role: set(permissions) for role, permissions in GRANTS.items()}


def test_the_page_of_roles_says_what_each_call_asks_for(app: FastAPI) -> None:
    told = {}
    for permission, calls in rows_of("What each call asks for")[2:]:
        wanted = None if permission == "no key" else Permission(permission.strip("`"))
        for method, path in re.findall(r"`([A-Z]+) ([^`]+)`", calls):
            told[method, plain(path)] = wanted
    calls_served = promised()
    assert told == {key: calls_served[key].permission for key in answering(app)}
