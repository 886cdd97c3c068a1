"""Every other call of the API, with requests that schemathesis makes from the OpenAPI document: none gets a 5xx."""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.core.result import Ok

from models.database import Database
from service.app import create_app
from tests import api_world, factories
from tests.clock import Clock
from tests.services import settings_for

QUICK, FULL = 3, 40
"""Requests for each call."""


def document() -> dict[str, Any]:
    database = Database("sqlite://")
    found = create_app(settings_for(database), database=database).openapi()
    database.close()
    return found


SCHEMA = schemathesis.openapi.from_dict(document())
OPERATIONS = {
    f"{operation.method.upper()} {operation.path}": operation
    for operation in (found.ok() for found in SCHEMA.get_all_operations() if isinstance(found, Ok))
}


@pytest.fixture(scope="module")
def api(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    file = tmp_path_factory.mktemp("hostile") / "api.db"
    database = Database(f"sqlite:///{shutil.copy(sqlite_template, file)}", synchronous="NORMAL")
    workspace, _ = api_world.build(database, name="ours")
    app: FastAPI = create_app(settings_for(database), database=database, clock=Clock())
    headers = {"Authorization": f"Bearer {factories.key(database, workspace)}"}
    # An error that nobody expected must come out as an answer, as it does on a server.
    with TestClient(app, headers=headers, raise_server_exceptions=False, follow_redirects=False) as found:
        yield found
    database.close()


def ask(api: TestClient, name: str, mode: GenerationMode, count: int) -> None:
    operation = OPERATIONS[name]
    key = api.headers["Authorization"]

    @seed(20260601)
    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy(generation_mode=mode))
    def one(case: Any) -> None:
        sent = case.as_transport_kwargs(base_url="http://testserver")
        wanted = {
            each: sent[each] for each in ("method", "url", "params", "json") if sent.get(each) is not None
        }
        data = sent.get("data")
        if data is not None:
            wanted["content"] = data if isinstance(data, str | bytes) else str(data)
        headers = {
            name: value
            for name, value in dict(sent.get("headers") or {}).items()
            if name.lower() != "authorization" and value.isascii() and value.isprintable()
        }
        answer = api.request(**wanted, headers={**headers, "Authorization": key})
        assert answer.status_code < 500, (wanted, answer.text)

    # A call that takes nothing cannot be asked wrongly.
    with contextlib.suppress(Unsatisfiable):
        one()


MODES = pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
NAMES = pytest.mark.parametrize("name", sorted(OPERATIONS))


@MODES
@NAMES
def test_no_request_is_our_fault(api: TestClient, name: str, mode: GenerationMode) -> None:
    ask(api, name, mode, QUICK)


@pytest.mark.slow
@MODES
@NAMES
def test_no_request_of_many_is_our_fault(api: TestClient, name: str, mode: GenerationMode) -> None:
    ask(api, name, mode, FULL)
