"""Start and stop the programs behind `ebb up`; each child is ended when its parent is."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import FrameType
from typing import NoReturn

from models.broker import queue_name
from models.errors import Invalid
from models.jobs import Queue

STOP_WITHIN_S = 12.0
RESTART_AFTER_S = 1.0
HOST = "127.0.0.1"


def api_command(port: int, host: str = HOST) -> list[str]:
    """Return the command line of the API process."""
    return [
        sys.executable,
        "-m",
        "uvicorn",
        "service.app:create_app",
        "--factory",
        f"--host={host}",
        f"--port={port}",
        "--log-level=warning",
        "--http=service.wire:BoundedProtocol",
        "--timeout-graceful-shutdown=5",
    ]


def worker_command(*options: str) -> list[str]:
    """Return the command line of the embedded worker."""
    return [sys.executable, "-m", "workers", *options]


def celery_worker_command(queue: Queue) -> list[str]:
    """Return the command line of a Celery worker of one queue; the node's name tells it which it is.

    The embed queue has one process that never forks: models and forks do not go together.
    """
    pool = "solo" if queue is Queue.EMBED else "prefork"
    quiet = ("--without-gossip", "--without-mingle", "--without-heartbeat")
    place = (f"--queues={queue_name(queue)}", f"--hostname={queue}@%h", f"--pool={pool}")
    return [sys.executable, "-m", "celery", "--app=workers.app", "worker", *place, *quiet]


def worker_environment(queue: Queue) -> dict[str, str]:
    """Return what a Celery worker's process needs in its environment beside the settings.

    SIGTERM as SIGQUIT means, where there are forked processes: finish what is in hand, for a bounded time. The one
    process of the embed queue would only sleep out that time; it finishes its batch and ends (a task's budget).
    """
    forked = {"REMAP_SIGTERM": "SIGQUIT"} if queue is Queue.DEFAULT else {}
    return {**forked, "TOKENIZERS_PARALLELISM": "false"}


def beat_command() -> list[str]:
    """Return the command line of beat; it keeps nothing on disk, for the slots of its chores are rows."""
    return [sys.executable, "-m", "celery", "--app=workers.app", "beat", "--scheduler=celery.beat.Scheduler"]


def become(command: Sequence[str], **environment: str) -> NoReturn:
    """Turn this process into another program, so that signals reach it and its exit code is ours."""
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(command[0], list(command), {**os.environ, **environment})


def check_port(port: int) -> None:
    """Raise `Invalid` if something listens on the port already."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise Invalid(f"port {port} is taken; choose another with --port.", field="port") from error


@dataclass(slots=True)
class Supervisor:
    """Keep programs running until told to stop; one that ends by itself is started again."""

    commands: Mapping[str, Sequence[str]]
    environment: Mapping[str, str] | None = None
    stop: threading.Event = field(default_factory=threading.Event)
    children: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    def run(self) -> None:
        """Start everything, then wait for SIGTERM, SIGINT or `stop`."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._told_to_stop)
        try:
            while not self.stop.is_set():
                for name in self.commands:
                    self._ensure(name)
                self.stop.wait(RESTART_AFTER_S)
        finally:
            self.end()

    def _told_to_stop(self, _number: int, _frame: FrameType | None) -> None:
        self.stop.set()

    def _ensure(self, name: str) -> None:
        child = self.children.get(name)
        if child is not None and child.poll() is None:
            return
        if child is not None:
            sys.stderr.write(f"ebb: {name} ended with code {child.returncode}; starting it again\n")
        # Its own process group: Ctrl-C reaches this process alone, which then ends the children in order.
        self.children[name] = subprocess.Popen(
            list(self.commands[name]), env=self.environment, start_new_session=True
        )

    def end(self) -> None:
        """Ask every child to finish; end those that have not after a while."""
        for child in self.children.values():
            if child.poll() is None:
                child.terminate()
        deadline = time.monotonic() + STOP_WITHIN_S
        for child in self.children.values():
            try:
                child.wait(max(deadline - time.monotonic(), 0.1))
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def free_port() -> int:
    """Return a port that nothing listens on at this moment."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
