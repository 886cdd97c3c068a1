"""Requests that no tool sends, over real connections: none gets a 5xx, and the server goes on for the others."""

import gzip
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import func, select

from models.records import Delivery
from tests.factories import SECRET
from tests.live_server import Live, live, post, status_of
from tests.servers import GIVEN_UP_S
from tests.steps import signed

LIMIT = 200_000
SLOW_S = 2.0
BODY = b'{"id": "T-1", "text": "The export fails.", "created_at": "2026-06-01T10:00:00Z"}'


@pytest.fixture(scope="module")
def server(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    folder = tmp_path_factory.mktemp("hostile")
    with live(
        sqlite_template,
        folder,
        {"generic_json": {}},
        webhook_max_bytes=str(LIMIT),
        request_seconds=str(SLOW_S),
    ) as found:
        yield found


@pytest.fixture
def path(server: Live) -> Iterator[str]:
    yield f"/v1/ingest/src_{server.sources['generic_json']}"
    assert server.process.poll() is None
    assert server.is_well()


def proof(body: bytes) -> list[str]:
    return [f"{name}: {value}" for name, value in signed(body, SECRET, now=datetime.now(UTC)).items()]


def stored(server: Live) -> int:
    with server.database.read(workspace=None) as session:
        return session.scalar(select(func.count()).select_from(Delivery)) or 0


def test_an_ordinary_delivery_is_taken(server: Live, path: str) -> None:
    assert server.send(post(path, BODY, *proof(BODY))) == 202


BODIES = {
    "ten thousand levels": b"[" * 10_000 + b"]" * 10_000,
    "ten thousand levels of objects": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    "a huge number": b'{"id": ' + b"1" * 5_000 + b"}",
    "NaN": b'{"id": NaN, "x": -Infinity}',
    "keys twice": b'{"id": 1, "id": {"id": 2}, "text": "a", "text": null}',
    "half a surrogate pair": b'{"id": "\\ud800", "text": "\\udfff\\u0000"}',
    "NUL": b"\0" * 100,
    "nothing": b"",
    "a byte order mark": b"\xef\xbb\xbf" + BODY,
    "not UTF-8": b"\xff\xfe" + BODY,
    "as long as may be": b'"' + b"x" * (LIMIT - 2) + b'"',
}


@pytest.mark.parametrize("what", BODIES)
def test_a_strange_body_with_a_right_signature_is_kept(server: Live, path: str, what: str) -> None:
    body = BODIES[what]
    before = stored(server)
    assert server.send(post(path, body, *proof(body))) == 202
    assert stored(server) == before + 1


HEADERS: dict[str, tuple[list[str | bytes], set[int | None]]] = {
    "a signature outside ASCII": (["X-Signature-256: sha256=é\xff", "X-Signature-Timestamp: 1"], {401}),
    "a time outside ASCII": (["X-Signature-256: sha256=0", "X-Signature-Timestamp: ١٢٣".encode()], {401}),
    "a very long signature": (["X-Signature-256: " + "a" * 30_000, "X-Signature-Timestamp: 1"], {401}),
    "two signatures": (["X-Signature-256: a", "X-Signature-256: b", "X-Signature-Timestamp: 1"], {401}),
    "an endless time": (["X-Signature-256: sha256=0", "X-Signature-Timestamp: " + "9" * 4_000], {401}),
    "a key outside ASCII": (["Authorization: Bearer ebb_é\xff"], {401}),
    "an empty key": (["Authorization: Bearer ebb_"], {401}),
    "a request id of an attacker": (["X-Request-ID: a\tb\x7f"], {400, 401}),
    "a header of a megabyte": (["X-Long: " + "a" * 1_000_000], {431, None}),
    "five thousand headers": ([f"X-{number}: 1" for number in range(5_000)], {431, None}),
    "NUL in a header": ([b"X-Null: a\0b"], {400}),
    "a header without a name": ([": value"], {400}),
    "a header without a colon": (["no colon here"], {400}),
    "an unknown encoding of transfer": (["Transfer-Encoding: sideways"], {400}),
    "two ways to tell the length": (["Transfer-Encoding: chunked"], {400, 401}),
    "another length before": (["Content-Length: 3"], {400}),
    "an upgrade": (["Connection: Upgrade", "Upgrade: h2c"], {400, 401, 426}),
    "a promise to continue": (["Expect: 100-continue"], {401, 100}),
    "a range": (["Range: bytes=0-9999999999999999999"], {401}),
}


@pytest.mark.parametrize("what", HEADERS)
def test_odd_headers_are_the_senders_fault(server: Live, path: str, what: str) -> None:
    headers, expected = HEADERS[what]
    assert server.send(post(path, BODY, *headers)) in expected


@pytest.mark.parametrize(
    ("length", "expected"),
    [
        ("-1", {400}),
        ("+80", {400}),
        ("0x10", {400}),
        ("9" * 30, {400}),
        ("99999999999", {413}),
        (str(LIMIT + 1), {413}),
        ("80, 80", {400}),
        ("", {401}),
        (None, {401, 400}),
    ],
)
def test_a_length_that_cannot_be(server: Live, path: str, length: str | None, expected: set[int]) -> None:
    assert server.send(post(path, BODY, length=length)) in expected


def test_ten_megabytes_are_refused_before_they_have_come(server: Live, path: str) -> None:
    body = b"x" * 10_000_000
    before = stored(server)
    assert server.send(post(path, body, *proof(body))) == 413
    assert stored(server) == before


def test_ten_megabytes_in_chunks_of_untold_length_are_refused_while_they_come(
    server: Live, path: str
) -> None:
    head = post(path, b"", "Transfer-Encoding: chunked", length=None)
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=GIVEN_UP_S) as connection:
        connection.sendall(head + chunk * 8)
        # Not a tenth of it was sent: the answer does not wait for the rest.
        assert status_of(connection) == 413
        connection.sendall(chunk * 150)


def test_a_body_without_an_end_is_dropped_for_a_while_and_then_cut_off(server: Live, path: str) -> None:
    head = post(path, b"", "Transfer-Encoding: chunked", length=None)
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    before = server.resident_mib()
    until = time.monotonic() + GIVEN_UP_S
    with socket.create_connection(("127.0.0.1", server.port), timeout=GIVEN_UP_S) as connection:
        connection.sendall(head)
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            while time.monotonic() < until:
                connection.sendall(chunk)
                time.sleep(0.01)
    assert server.resident_mib() - before < 50


@pytest.mark.parametrize("chunks", [b"zz\r\nabc\r\n", b"-5\r\nabc\r\n", b"ffffffffffffffffffff\r\nabc\r\n"])
def test_chunks_that_are_none(server: Live, path: str, chunks: bytes) -> None:
    head = post(path, b"", "Transfer-Encoding: chunked", length=None)
    assert server.send(head + chunks) == 400


def test_a_chunked_delivery_is_taken_like_any_other(server: Live, path: str) -> None:
    head = post(path, b"", "Transfer-Encoding: chunked", *proof(BODY), length=None)
    parts = b"".join(
        b"%x\r\n%s\r\n" % (len(BODY[at : at + 9]), BODY[at : at + 9]) for at in range(0, len(BODY), 9)
    )
    assert server.send(head + parts + b"0\r\n\r\n") == 202


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "gzip, gzip", "x-nonsense"])
def test_a_bomb_is_refused_still_packed(server: Live, path: str, encoding: str) -> None:
    bomb = gzip.compress(b"0" * 100_000_000)
    assert len(bomb) < LIMIT
    before = server.resident_mib()
    assert server.send(post(path, bomb, f"Content-Encoding: {encoding}", *proof(bomb))) == 415
    assert server.resident_mib() - before < 50, "a hundred megabytes would have been unpacked"


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "HEAD", "PROPFIND"])
def test_other_methods_lead_nowhere(server: Live, path: str, method: str) -> None:
    answer = server.send(f"{method} {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    assert answer in (404, 405)


LINES = {
    "no method of HTTP": b"FROB / HTTP/1.1\r\n\r\n",
    "no HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "binary": bytes(range(256)) * 20,
    "an old version": b"GET /healthz HTTP/0.9\r\n\r\n",
    "a version of the future": b"GET /healthz HTTP/9.9\r\n\r\n",
    "an address outside ASCII": "GET /v1/ingest/é HTTP/1.1\r\nHost: x\r\n\r\n".encode(),
    "an address with NUL": b"GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n",
    "an address with half an escape": b"POST /v1/ingest/%f HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
    "an escape that is no UTF-8": b"POST /v1/ingest/%ff%00 HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
    "an address of a megabyte": b"GET /" + b"a" * 1_000_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "a star": b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
    "a whole address": b"GET http://[::1/ HTTP/1.1\r\nHost: x\r\n\r\n",
    "a tunnel": b"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com\r\n\r\n",
}


@pytest.mark.parametrize("what", LINES)
def test_lines_that_are_no_request(server: Live, path: str, what: str) -> None:
    answer = server.send(LINES[what])
    assert answer is None or answer < 500, answer


@pytest.mark.parametrize(
    "start",
    [b"", b"POST", b"POST /v1/ingest/src_1 HTTP/1.1\r\nHost: x\r\nX-Half: ", b"GET /healthz HTTP/1.1\r\n"],
    ids=["nothing", "half a line", "half a header", "half a head"],
)
def test_a_head_that_never_ends_is_given_up(server: Live, path: str, start: bytes) -> None:
    assert server.send(start) in (408, None)


def test_a_body_that_never_ends_is_given_up_and_its_connection_closed(server: Live, path: str) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=GIVEN_UP_S) as connection:
        connection.sendall(post(path, BODY[:20], *proof(BODY), length=str(len(BODY))))
        assert status_of(connection) == 408
        while connection.recv(4096):
            pass


def test_a_body_that_drips_is_given_up(server: Live, path: str) -> None:
    """A byte now and then keeps no connection: the time is for the whole request."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=GIVEN_UP_S) as connection:
        connection.sendall(post(path, b"", *proof(BODY), length="1000"))
        until = time.monotonic() + GIVEN_UP_S
        try:
            while time.monotonic() < until:
                connection.sendall(b" ")
                time.sleep(0.2)
        except (BrokenPipeError, ConnectionResetError):
            return
    raise AssertionError("the server still waits")


def test_a_header_that_never_ends_fills_no_memory(server: Live, path: str) -> None:
    before = server.resident_mib()
    with socket.create_connection(("127.0.0.1", server.port), timeout=GIVEN_UP_S) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nX-Endless: ")
        sent = 0
        try:
            while sent < 100_000_000:
                sent += connection.send(b"a" * 65_536)
        except (BrokenPipeError, ConnectionResetError):
            pass
    assert sent < 100_000_000
    assert server.resident_mib() - before < 50


def test_a_slow_sender_holds_nobody_up(server: Live, path: str) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=GIVEN_UP_S) as slow:
        slow.sendall(post(path, BODY[:20], length=str(len(BODY))))
        body = b'{"id": "T-2", "text": "x", "created_at": "2026-06-01T10:00:00Z"}'
        assert server.send(post(path, body, *proof(body))) == 202


def test_a_sender_that_hangs_up_half_way_leaves_no_trace(server: Live, path: str) -> None:
    before = stored(server)
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", server.port), timeout=GIVEN_UP_S) as connection:
            connection.sendall(post(path, BODY[:20], *proof(BODY), length=str(len(BODY))))
    assert server.is_well()
    assert stored(server) == before
    assert "Traceback" not in server.log.read_text("utf-8", "replace")
