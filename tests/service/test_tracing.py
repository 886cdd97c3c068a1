"""Requests have ids, answers tell them, and of each request one line is logged that holds none of its words."""

import json
import logging
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated

import httpx
import pytest
from fastapi import Body, FastAPI, Request
from fastapi.testclient import TestClient

from models.database import Database
from models.logs import get_logger
from models.queries.access import Caller
from models.values.roles import Role, permissions_of
from service.app import create_app
from service.commands.processes import api_command, free_port
from service.tracing import HEADER, note_caller
from tests.clock import Clock
from tests.servers import GIVEN_UP_S, NO_TLS
from tests.services import settings_for

ROOT = Path(__file__).parents[2]
ACCESS = "ebb.access"


def lines(caplog: pytest.LogCaptureFixture, logger: str = ACCESS) -> list[dict[str, object]]:
    """What was handed to the log, as the filter left it."""
    return [
        {**record.msg, "level": record.levelname}
        for record in caplog.records
        if record.name == logger and isinstance(record.msg, dict)
    ]


@pytest.fixture(autouse=True)
def _all_levels(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)


# --- ids ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", ["r-1", "a" * 64, "0123.AZ_az-9"])
def test_an_id_that_the_caller_gives_is_kept(client: TestClient, given: str) -> None:
    assert client.get("/healthz", headers={HEADER: given}).headers[HEADER] == given


@pytest.mark.parametrize("given", ["", "a" * 65, "our invoice", "a\tb", "zebra;4711", "<b>", "é".encode()])
def test_an_id_that_may_not_stand_in_a_log_is_replaced(client: TestClient, given: str | bytes) -> None:
    answers = [client.get("/healthz", headers={HEADER: given}).headers[HEADER] for _ in range(2)]
    assert answers[0] != answers[1]
    assert all(len(each) == 16 and each.isalnum() for each in answers)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/themes", 200),
        ("GET", "/static/ebb.css", 200),
        ("GET", "/sign-in", 200),
        ("GET", "/themes", 303),
        ("GET", "/v1/themes/thm_9", 404),
        ("GET", "/nowhere", 404),
        ("DELETE", "/healthz", 405),
        ("POST", "/v1/features", 422),
    ],
)
def test_every_answer_tells_the_id(client: TestClient, method: str, path: str, status: int) -> None:
    answer = client.request(method, path, headers={HEADER: "r-1"})
    assert answer.status_code == status
    assert answer.headers.get_list(HEADER) == ["r-1"]
    if answer.headers.get("content-type") == "application/problem+json":
        assert answer.json()["request_id"] == "r-1"


def test_an_unchanged_answer_tells_the_id_too(client: TestClient) -> None:
    tag = client.get("/v1/themes").headers["etag"]
    answer = client.get("/v1/themes", headers={"If-None-Match": tag, HEADER: "r-2"})
    assert (answer.status_code, answer.headers[HEADER]) == (304, "r-2")


def add_failing_routes(app: FastAPI) -> None:
    """Add routes that fail with everything the caller said in the message."""

    @app.post("/fail/{word}")
    def fail(word: str, q: str, text: Annotated[str, Body(embed=True)], request: Request) -> None:
        try:
            raise KeyError(text)
        except KeyError as error:
            raise ValueError(f"{word} {q} {text} {request.headers}") from error

    @app.get("/tell/{number}")
    def tell(number: int, barrier: str) -> None:
        get_logger("ebb.tell").info("told", number=number)


def test_an_unexpected_error_is_answered_with_the_id_and_logged_with_it(
    app: FastAPI, caplog: pytest.LogCaptureFixture
) -> None:
    add_failing_routes(app)
    client = TestClient(app, raise_server_exceptions=False)
    answer = client.post("/fail/zebra?q=invoice", json={"text": "our zebra"}, headers={HEADER: "r-3"})
    assert (answer.status_code, answer.headers.get_list(HEADER)) == (500, ["r-3"])
    assert answer.json()["request_id"] == "r-3"
    assert "zebra" not in answer.text
    (line,) = lines(caplog, "ebb.api")
    assert (line["event"], line["route"], line["request_id"]) == ("a request failed", "/fail/{word}", "r-3")
    (access,) = lines(caplog)
    assert (access["status"], access["request_id"]) == (500, "r-3")


def test_lines_logged_for_a_request_have_its_id_also_when_many_run_at_once(
    app: FastAPI, caplog: pytest.LogCaptureFixture
) -> None:
    add_failing_routes(app)
    client = TestClient(app)

    def ask(number: int) -> None:
        client.get(f"/tell/{number}?barrier=x", headers={HEADER: f"r-{number}"})

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    told = {line["number"]: line["request_id"] for line in lines(caplog, "ebb.tell")}
    assert told == {number: f"r-{number}" for number in range(8)}


# --- access lines -------------------------------------------------------------------------------------------


def test_a_request_is_one_line_with_the_template_of_its_route(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    client.get("/v1/themes/thm_4711?q=zebra", headers={HEADER: "r-4"})
    (line,) = lines(caplog)
    assert 0 < float(str(line.pop("ms"))) < 60_000
    assert {name: line[name] for name in ("level", "event", "method", "route", "status", "request_id")} == {
        "level": "INFO",
        "event": "request",
        "method": "GET",
        "route": "/v1/themes/{theme_id}",
        "status": 404,
        "request_id": "r-4",
    }
    assert "4711" not in str(line)


@pytest.mark.parametrize("path", ["/zebra", "/v1/zebra/4711", "/v1/themes/thm_1/zebra"])
def test_a_path_that_leads_nowhere_is_not_told(
    client: TestClient, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    client.get(path)
    assert [line["route"] for line in lines(caplog)] == ["unknown"]


def test_what_monitors_ask_every_few_seconds_is_told_at_debug_only(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    for path in ("/healthz", "/metrics", "/readyz"):
        client.get(path)
    assert [(line["route"], line["level"]) for line in lines(caplog)] == [
        ("/healthz", "DEBUG"),
        ("/metrics", "DEBUG"),
        ("/readyz", "INFO"),
    ]


def test_a_caller_that_was_noted_is_told_by_workspace_and_role(
    sqlite: Database, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    app = create_app(settings_for(sqlite), database=sqlite, clock=clock)

    @app.get("/asked")
    def asked() -> None:
        note_caller(Caller(7, Role.CURATOR, permissions_of(Role.CURATOR), "Zebra Smith"))

    client = TestClient(app)
    client.get("/asked")
    client.get("/v1/themes")
    known, stranger = lines(caplog)
    assert (known["workspace"], known["role"]) == (7, "curator")
    assert (stranger["workspace"], stranger["role"], stranger["status"]) == (None, None, 401)
    assert "Smith" not in caplog.text


# --- the real server ----------------------------------------------------------------------------------------


def create_failing() -> FastAPI:
    """What the server of the test below runs: our application with routes that fail."""
    app = create_app()
    add_failing_routes(app)
    return app


@pytest.fixture(params=["text", "json"])
def server(
    request: pytest.FixtureRequest, tmp_path: Path, sqlite_template: Path
) -> Iterator[tuple[str, Path]]:
    """A real server as `ebb api` starts it, logging everything; its address, and the file of its output."""
    port, log = free_port(), tmp_path / "log"
    command = [
        "tests.service.test_tracing:create_failing" if each == "service.app:create_app" else each
        for each in api_command(port)
    ]
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("EBB_")},
        "EBB_DATABASE_URL": f"sqlite:///{shutil.copy(sqlite_template, tmp_path / 'ebb.db')}",
        "EBB_LOG_FORMAT": request.param,
        "EBB_LOG_LEVEL": "DEBUG",
    }
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=output)
        try:
            _wait_for(port, process)
            yield f"http://127.0.0.1:{port}", log
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(2 * GIVEN_UP_S)


def _wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        try:
            httpx.get(f"http://127.0.0.1:{port}/healthz", verify=NO_TLS)
            return
        except httpx.TransportError:
            time.sleep(0.05)
    pytest.fail("the server did not start")


SECRETS: Mapping[str, str] = {
    "path": "zebra-path",
    "query": "zebra-query",
    "header": "zebra-header",
    "body": "zebra-body",
}


def test_a_server_logs_no_word_of_its_requests(server: tuple[str, Path]) -> None:
    address, log = server
    headers = {
        "Authorization": f"Bearer {SECRETS['header']}",
        "Cookie": f"ebb_session={SECRETS['header']}",
        "User-Agent": SECRETS["header"],
        HEADER: f"bad {SECRETS['header']}",
    }
    body = {"text": SECRETS["body"]}
    # A server closes the connection of a request that failed: each has its own.
    limits = httpx.Limits(max_keepalive_connections=0)
    with httpx.Client(base_url=address, headers=headers, limits=limits) as client:
        query = {"q": SECRETS["query"]}
        failed = client.post(f"/fail/{SECRETS['path']}", params=query, json=body)
        assert failed.status_code == 500
        client.get(f"/{SECRETS['path']}", params=query)
        client.get("/v1/feedback", params=query)
        client.get(f"/v1/themes/{SECRETS['path']}", params=query)
        client.post("/v1/ingest/src_1", params=query, json=body)
        client.request(SECRETS["path"].upper(), "/healthz")
        client.get(
            f"/v1/{SECRETS['path']}", headers={"Connection": "Upgrade", "Upgrade": "websocket"}, params=query
        )
    _speak_nonsense(address)
    _speak_websocket(address)
    written = _text_until(log, "Exception in ASGI application")
    assert "zebra" not in written.lower()
    told = [line for line in written.splitlines() if "a request failed" in line]
    assert len(told) == 1
    assert failed.headers[HEADER] in told[0]
    assert "ValueError" in written
    assert "KeyError" in written
    assert "test_tracing.py:" in written
    assert "/fail/{word}" in written
    if written.startswith("{"):
        assert all(json.loads(line)["time"] for line in written.splitlines())


def _text_until(log: Path, words: str) -> str:
    until = time.monotonic() + GIVEN_UP_S
    while words not in log.read_text() and time.monotonic() < until:
        time.sleep(0.05)
    return log.read_text()


def _speak_nonsense(address: str) -> None:
    _speak(address, f"{SECRETS['path']} {SECRETS['query']}\r\n\r\n".encode())


def _speak_websocket(address: str) -> None:
    key = "dGhlIHNhbXBsZSBub25jZQ=="
    head = f"GET /{SECRETS['path']}?q={SECRETS['query']} HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n"
    _speak(
        address,
        f"{head}Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode(),
    )


def _speak(address: str, said: bytes) -> None:
    host, _, port = address.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(said)
        connection.recv(1000)
