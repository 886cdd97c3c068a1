"""A real API process on a database of its own, as `ebb api` starts it, and a client that sends any bytes."""

import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
import psutil

from models.database import Database
from models.records import Source
from service.commands.processes import api_command, free_port
from tests import factories
from tests.servers import GIVEN_UP_S, NO_TLS

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Live:
    """A running API process; `sources` maps a kind to the id of a source of it, `key` is an owner's."""

    port: int
    process: "subprocess.Popen[bytes]"
    database: Database
    workspace: int
    sources: Mapping[str, int]
    key: str
    log: Path

    def resident_mib(self) -> float:
        return float(psutil.Process(self.process.pid).memory_info().rss / 1024**2)

    def send(self, raw: bytes, *, wait_s: float = GIVEN_UP_S) -> int | None:
        """Send bytes over a connection of their own; return the status, None where it is closed without one."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=wait_s) as connection:
            # It may be refused before all of it was sent.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.sendall(raw)
            return status_of(connection)

    def is_well(self) -> bool:
        address = f"http://127.0.0.1:{self.port}/healthz"
        return httpx.get(address, timeout=GIVEN_UP_S, verify=NO_TLS).status_code == 200


def status_of(connection: socket.socket) -> int | None:
    """Read the start of an answer."""
    answer = b""
    try:
        while len(answer) < 12 and (more := connection.recv(4096)):
            answer += more
    except ConnectionResetError:
        return None
    found = re.match(rb"HTTP/1\.1 ([0-9]{3})", answer)
    return int(found[1]) if found else None


def post(path: str, body: bytes, *headers: str | bytes, length: str | None = "") -> bytes:
    """Write a POST; `length`: what Content-Length claims, the truth for "", nothing for None."""
    lines = [b"POST " + path.encode() + b" HTTP/1.1", b"Host: example.com"]
    lines += [each if isinstance(each, bytes) else each.encode("latin-1") for each in headers]
    if length is not None:
        lines.append(f"Content-Length: {length or len(body)}".encode())
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


@contextmanager
def live(
    template: Path,
    folder: Path,
    kinds: Mapping[str, Mapping[str, object]],
    *,
    secrets: Mapping[str, str] | None = None,
    **settings: str,
) -> Iterator[Live]:
    """Run an API process on a copy of an empty SQLite database, with a source of each kind and its settings."""
    file = shutil.copy(template, folder / "live.db")
    database = Database(f"sqlite:///{file}", synchronous="NORMAL")
    workspace = factories.workspace(database)
    sources = {}
    for kind, chosen in kinds.items():
        with database.write(workspace=workspace) as session:
            row = Source(
                workspace_id=workspace,
                kind=kind,
                name=kind,
                stored_secret=(secrets or {}).get(kind, factories.SECRET),
                settings=dict(chosen),
                created_at=datetime.now(UTC),
            )
            session.add(row)
            session.flush()
            sources[kind] = row.id
    key = factories.key(database, workspace)
    port = free_port()
    given = {f"EBB_{name.upper()}": value for name, value in settings.items()}
    environ = {
        **os.environ,
        "EBB_DATABASE_URL": f"sqlite:///{file}",
        "EBB_SQLITE_SYNCHRONOUS": "NORMAL",
        "EBB_LOG_LEVEL": "WARNING",
        "PYTHONPATH": str(ROOT),
        **given,
    }
    log = folder / "live.log"
    with log.open("wb") as stream:
        process = subprocess.Popen(api_command(port), cwd=folder, env=environ, stdout=stream, stderr=stream)
        try:
            found = Live(port, process, database, workspace, sources, key, log)
            _await(found)
            yield found
        finally:
            process.terminate()
            process.wait(GIVEN_UP_S)
            database.close()


def _await(found: Live) -> None:
    until = time.monotonic() + 2 * GIVEN_UP_S
    while time.monotonic() < until and found.process.poll() is None:
        try:
            if found.is_well():
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise RuntimeError(found.log.read_text("utf-8", "replace")[-2000:])


def as_json(value: object) -> bytes:
    return json.dumps(value).encode()
