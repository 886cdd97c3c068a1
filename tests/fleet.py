"""Ebb as a company runs it, in real processes: API, a worker of each queue, beat, on a real broker and database."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from models.database import Database
from models.jobs import Queue
from service.commands.processes import (
    api_command,
    beat_command,
    celery_worker_command,
    free_port,
    worker_command,
    worker_environment,
)
from tests.servers import NO_TLS
from tests.steps import signed

ROOT = Path(__file__).parents[1]
PATIENCE_S = 90.0


def light(command: Sequence[str]) -> list[str]:
    """Give a worker's command an encoder that needs no model."""
    swaps = {"--app=workers.app": "--app=tests.celery_app", "workers": "tests.chaos.worker"}
    return [swaps.get(word, word) for word in command]


@dataclass
class Fleet:
    """The processes of one installation; `broker` empty: one embedded worker in place of the Celery programs."""

    database: Database
    folder: Path
    broker: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    children: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)
    key: str = ""

    def commands(self) -> dict[str, list[str]]:
        """Return the command line of each program."""
        api = {"api": api_command(self.port)}
        if not self.broker:
            return {**api, "worker": light(worker_command("--forever"))}
        return {
            **api,
            "default": light(celery_worker_command(Queue.DEFAULT)),
            "embed": light(celery_worker_command(Queue.EMBED)),
            "beat": light(beat_command()),
            "second beat": light(beat_command()),
        }

    def environment(self, name: str) -> dict[str, str]:
        """Return what a program is told."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("EBB_")}
        broker = {"EBB_BROKER_URL": self.broker} if self.broker else {}
        return {
            **inherited,
            **broker,
            **(worker_environment(Queue(name)) if name in list(Queue) else {}),
            "EBB_DATABASE_URL": self.database.url.render_as_string(hide_password=False),
            "EBB_SQLITE_SYNCHRONOUS": "NORMAL",
            "EBB_LEASE_SECONDS": "3",
            "EBB_REMIND_SECONDS": "1",
            "EBB_PULSE_SECONDS": "1",
            "EBB_POLL_SECONDS": "0.1",
            # Many small batches: whoever is killed has one in hand.
            "EBB_INTAKE_BATCH_SIZE": "4",
            "EBB_EMBED_BATCH_SIZE": "4",
            "EBB_PLACE_BATCH_SIZE": "4",
            "EBB_ENCODER_THREADS": "1",
            **self.settings,
        }

    def start(self, *names: str) -> None:
        """Start programs, all of them unless named."""
        for name in names or self.commands():
            with (self.folder / f"{name.replace(' ', '_')}.log").open("ab") as log:
                self.children[name] = subprocess.Popen(
                    self.commands()[name],
                    env=self.environment(name),
                    cwd=ROOT,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
        if not names or "api" in names:
            self.wait(self.is_up, "the API")

    def kill(self, name: str) -> None:
        """End a program and its processes at once, as a machine does that loses its power."""
        child = self.children.pop(name)
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()

    def stop(self, *names: str) -> dict[str, int]:
        """Ask programs to finish; return their exit codes."""
        chosen = names or tuple(self.children)
        for name in chosen:
            self.children[name].terminate()
        return {name: self.children.pop(name).wait(PATIENCE_S) for name in chosen}

    def end(self) -> None:
        """End whatever still runs."""
        for name in list(self.children):
            if self.children[name].poll() is None:
                self.kill(name)

    def wait(
        self, condition: Callable[[], bool], what: str, patience: float = PATIENCE_S, pause: float = 0.1
    ) -> None:
        """Wait until something is so."""
        until = time.monotonic() + patience
        while not condition():
            ended = [name for name, child in self.children.items() if child.poll() is not None]
            assert not ended, f"{ended} ended by itself; {self.tail()}"
            assert time.monotonic() < until, f"{what} took too long; {self.tail()}"
            time.sleep(pause)

    def tail(self) -> str:
        """Return the ends of the logs."""
        return "\n".join(
            f"--- {path.stem}\n{path.read_text(errors='replace')[-1500:]}"
            for path in sorted(self.folder.glob("*.log"))
        )

    def is_up(self) -> bool:
        """Say whether the API answers."""
        try:
            return httpx.get(self.address("/healthz"), timeout=2, verify=NO_TLS).status_code == 200
        except httpx.HTTPError:
            return False

    def address(self, path: str) -> str:
        """Return the address of a path of the API."""
        return f"http://127.0.0.1:{self.port}{path}"

    def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Call the API with the fleet's key."""
        headers = {"Authorization": f"Bearer {self.key}"}
        return httpx.request(
            method, self.address(path), headers=headers, timeout=30, verify=NO_TLS, **options
        )

    def deliver(self, path: str, secret: str, entry: object, *, timeout: float = 30) -> httpx.Response:
        """Send a signed webhook."""
        body = json.dumps(entry).encode()
        headers = signed(body, secret, now=datetime.now(UTC))
        return httpx.post(self.address(path), content=body, headers=headers, timeout=timeout, verify=NO_TLS)
