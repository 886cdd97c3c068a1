"""Bodies that are too many or too long for any address: memory stays flat, and deliveries are still taken."""

import contextlib
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.factories import SECRET
from tests.live_server import Live, live, post, status_of
from tests.servers import GIVEN_UP_S
from tests.steps import signed

BODY = b'{"id": "T-1", "text": "The export fails.", "created_at": "2026-06-01T10:00:00Z"}'
MEGABYTE = b"x" * 1_000_000


@pytest.fixture(scope="module")
def server(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live(sqlite_template, tmp_path_factory.mktemp("bodies"), {"generic_json": {}}) as found:
        yield found


def address(server: Live) -> str:
    return f"/v1/ingest/src_{server.sources['generic_json']}"


def is_taken(server: Live) -> bool:
    headers = signed(BODY, SECRET, now=datetime.now(UTC))
    return (
        server.send(post(address(server), BODY, *(f"{name}: {value}" for name, value in headers.items())))
        == 202
    )


@pytest.mark.parametrize("path", ["/v1/sources", "/v1/nowhere", "/sign-in", "/v1/impact/analyze"])
@pytest.mark.parametrize("is_chunked", [True, False])
def test_a_long_body_for_another_address_fills_no_memory(server: Live, path: str, is_chunked: bool) -> None:
    before = server.resident_mib()
    told = ("Transfer-Encoding: chunked",) if is_chunked else (f"Content-Length: {200 * len(MEGABYTE)}",)
    head = post(path, b"", "Content-Type: application/json", *told, length=None)
    chunk = b"%x\r\n%s\r\n" % (len(MEGABYTE), MEGABYTE) if is_chunked else MEGABYTE
    with socket.create_connection(("127.0.0.1", server.port), timeout=GIVEN_UP_S) as connection:
        connection.sendall(head)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            for _ in range(200):
                connection.sendall(chunk)
        most = server.resident_mib()
        assert status_of(connection) in (401, 403, 404, 405, 408, 413, None)
    assert most - before < 60
    assert is_taken(server)


def test_many_bodies_that_stall_before_their_end_fill_no_memory(server: Live) -> None:
    """Nobody has proved anything yet: whoever opens many connections must not have us hold all they send."""
    before = server.resident_mib()
    head = post(address(server), b"", length=str(2 * len(MEGABYTE)))
    with contextlib.ExitStack() as held:
        for _ in range(200):
            connection = held.enter_context(
                socket.create_connection(("127.0.0.1", server.port), timeout=GIVEN_UP_S)
            )
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.sendall(head + MEGABYTE + MEGABYTE[:900_000])
        assert server.is_well()
        assert server.resident_mib() - before < 200
    assert is_taken(server)
