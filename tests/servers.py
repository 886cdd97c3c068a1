"""A PostgreSQL server of our own that a test may stop and start, and a server that accepts and never answers."""

import contextlib
import os
import pwd
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from service.commands.processes import free_port
from tests.services import need

GIVEN_UP_S = 30.0
"""A server that never answers would hold its caller for ever; a caller that gives up at all does so well inside this.

Wide on purpose: a machine under load may stop a process for seconds, and that is no fault of the program's.
"""

NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For `httpx.get(…, verify=NO_TLS)` on this machine: else every call reads all certificates first, tens of ms."""


@dataclass(frozen=True, slots=True)
class OwnPostgres:
    """A server in a folder; `address` is its database `postgres`, opened by its superuser."""

    programs: Path
    folder: Path
    port: int

    @property
    def address(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def run(self, program: str, *arguments: str) -> None:
        """Run one of PostgreSQL's programs as its own user: it refuses root."""
        as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        prefix = as_user if os.geteuid() == 0 else []
        log = self.folder / "out.log"
        with log.open("ab") as stream:
            subprocess.run(
                [*prefix, str(self.programs / program), *arguments],
                check=True,
                stdout=stream,
                stderr=stream,
                timeout=60,
            )

    def start(self) -> None:
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self.folder}"
        self.run("pg_ctl", "-D", f"{self.folder}/data", "-w", "-o", options, "start")

    def stop(self, mode: str = "fast") -> None:
        """Stop it; `immediate` is as if its machine lost its power."""
        self.run("pg_ctl", "-D", f"{self.folder}/data", "-w", "-m", mode, "stop")


@contextmanager
def own_postgres() -> Iterator[OwnPostgres]:
    """Set a server up in a folder of its own and run it while the block runs."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl")) or [
        Path(path) for path in [shutil.which("pg_ctl")] if path
    ]
    if not found:
        need("PostgreSQL's own programs", "pg_ctl is neither in /usr/lib/postgresql nor in PATH")
    # Not below the folders of tests: these are closed to the user that the server runs as.
    folder = Path(tempfile.mkdtemp(prefix="ebb_test_pg_"))
    server = OwnPostgres(found[-1].parent, folder, free_port())
    if os.geteuid() == 0:
        owner = pwd.getpwnam("postgres")
        os.chown(folder, owner.pw_uid, owner.pw_gid)
    server.run("initdb", "-D", f"{folder}/data", "-U", "postgres", "-A", "trust", "--no-sync")
    server.start()
    try:
        yield server
    finally:
        with contextlib.suppress(subprocess.CalledProcessError):
            server.stop("immediate")
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def silent_server() -> Iterator[int]:
    """Accept every connection and never say a word; yield the port."""
    held: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    held.append(server.accept()[0])

        threading.Thread(target=accept, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
    for connection in held:
        connection.close()
