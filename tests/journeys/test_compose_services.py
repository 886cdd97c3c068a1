"""docker-compose.yml, walked: the command of every service of ours as a process, on this machine's own addresses.

Commands, environments, health checks and times to stop are the file's; only addresses are this machine's.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg
import pytest
import yaml
from sqlalchemy import func, make_url, select

from migrations.grants import is_walled
from models.database import Database
from models.jobs import Queue
from models.records import Embedding
from service.commands.processes import free_port
from tests import year
from tests.brokers import rabbit
from tests.services import POSTGRES, postgres_address
from tests.steps import recounted, signed, stored_counts, unfinished

ROOT = Path(__file__).parents[2]
FILE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
OURS: dict[str, dict[str, Any]] = {name: each for name, each in FILE["services"].items() if "build" in each}
LASTING = [name for name, each in OURS.items() if each["restart"] != "no"]
IMAGE = (ROOT / "Dockerfile").read_text().rpartition("\nFROM ")[2]
ZENDESK = ROOT / "tests/data/webhooks/zendesk.event_ticket_created.json"
PROGRAMS = Path(sys.executable).parent
TICKETS = 60
PATIENCE_S = 120.0


@contextmanager
def role() -> Iterator[str]:
    """Name a role of the database server that is not there yet, and drop it when its database is gone."""
    name = f"ebb_test_{uuid.uuid4().hex[:8]}"
    yield name
    with psycopg.connect(f"{POSTGRES}/postgres", autocommit=True) as connection:
        connection.execute(f"DROP ROLE IF EXISTS {name}".encode())


def make_secrets(folder: Path) -> Path:
    """Make the secrets with the command that the documentation gives."""
    page = (ROOT / "docs/operations.md").read_text().partition("\n## Docker Compose\n")[2]
    command = re.findall(r"```sh\n(.+?)```", page, flags=re.DOTALL)[0]
    subprocess.run(["sh", "-eu", "-c", command], cwd=folder, check=True, timeout=30)
    return folder / "secrets"


def until(holds: Callable[[], bool], what: str, *, pause: float = 0.5) -> None:
    end = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < end, what
        time.sleep(pause)


@dataclass(slots=True)
class Machine:
    """The services of the file as processes of this machine."""

    folder: Path
    port: int = field(default_factory=free_port)
    faster: Mapping[str, str] = field(default_factory=dict)
    running: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    def line(self, words: list[str]) -> list[str]:
        """Return a command line with this machine's address in it."""
        port = str(self.port)
        return [re.sub(r"\b8000\b", port, word.replace("0.0.0.0", "127.0.0.1")) for word in words]

    def environment(self, name: str) -> dict[str, str]:
        """Return what the image and the file set, with the secrets where they are here."""
        given = {key: os.environ[key] for key in ("LANG", "TZ") if key in os.environ}
        image = dict(re.findall(r"\b([A-Z_]+)=(\S+)", IMAGE))
        image["PATH"] = image["PATH"].replace("/opt/ebb/bin:$PATH", f"{PROGRAMS}:{os.environ['PATH']}")
        own = {
            key: value.replace("/run/secrets/", f"{self.folder}/secrets/") + ".txt" * key.endswith("_FILE")
            for key, value in OURS[name]["environment"].items()
        }
        return {**given, "HOME": str(self.folder), **image, **own, **self.faster}

    def run(self, name: str, words: list[str]) -> "subprocess.CompletedProcess[str]":
        """Run something in a service's place until it ends."""
        return subprocess.run(
            self.line(words),
            env=self.environment(name),
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_S,
        )

    def start(self, name: str) -> None:
        """Start a service; what it says goes to a file of its name."""
        with (self.folder / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                self.line(OURS[name]["command"]),
                env=self.environment(name),
                cwd=self.folder,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def await_health(self, *names: str) -> None:
        """Wait until the file's own health checks say that these services are well."""
        for name in names:
            # A check is a program of its own: asked for without a pause they would starve what they wait for.
            until(lambda name=name: self.is_well(name), f"{name} is well", pause=2.0)

    def is_well(self, name: str) -> bool:
        assert self.running[name].poll() is None, f"{name} ended: {self.said(name)}"
        kind, *words = OURS[name]["healthcheck"]["test"]
        if kind == "CMD-SHELL":
            words = ["/bin/sh", "-c", *words]
        return self.run(name, words).returncode == 0

    def stop(self, *names: str) -> dict[str, int]:
        """Tell services to stop, all at once, and return how each ended within its own time."""
        for name in names:
            self.running[name].send_signal(signal.SIGTERM)
        began = time.monotonic()
        for name in names:
            left = began + float(OURS[name]["stop_grace_period"].rstrip("s")) - time.monotonic()
            try:
                self.running[name].wait(max(left, 0.1))
            except subprocess.TimeoutExpired:
                pytest.fail(f"{name} did not end in its time: {self.said(name)}")
        return {name: self.running.pop(name).returncode for name in names}

    def said(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")[-3000:]

    def end(self) -> None:
        while self.running:
            _, child = self.running.popitem()
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the database is here, for its owner and for the programs."""

    owner: str
    programs: str


@pytest.fixture
def addresses(tmp_path: Path) -> Iterator[Addresses]:
    """A database and a name for the programs' role, in secrets made as the documentation says."""
    folder = make_secrets(tmp_path)
    with ExitStack() as stack:
        name = stack.enter_context(role())
        owner = make_url(stack.enter_context(postgres_address()))
        made = make_url((folder / "database_url.txt").read_text())
        programs = made.set(username=name, host=owner.host, port=owner.port, database=owner.database)
        found = Addresses(*(url.render_as_string(hide_password=False) for url in (owner, programs)))
        put(folder / "owner_database_url.txt", found.owner)
        put(folder / "database_url.txt", found.programs)
        yield found


def put(secret: Path, text: str) -> None:
    secret.chmod(0o644)
    secret.write_text(text)


@pytest.fixture
def machine(tmp_path: Path, addresses: Addresses) -> Iterator[Machine]:
    # A sign of life every second, so that health checks need not be waited for; all else is as in the file.
    found = Machine(tmp_path, faster={"EBB_PULSE_SECONDS": "1"})
    yield found
    found.end()


@pytest.fixture
def broker(tmp_path: Path, machine: Machine) -> Iterator[None]:
    """A corner of the broker of the test's own."""
    with rabbit() as address:
        put(tmp_path / "secrets/broker_url.txt", address)
        yield
        machine.end()


def test_the_documented_command_makes_every_secret_once(tmp_path: Path) -> None:
    folder = make_secrets(tmp_path)
    assert folder.stat().st_mode & 0o777 == 0o700
    found = {path.stem: path.read_text() for path in folder.iterdir()}
    assert found.keys() == FILE["secrets"].keys()
    assert all(path.stat().st_mode & 0o777 == 0o444 for path in folder.iterdir())

    services = FILE["services"]
    owner, programs = make_url(found["owner_database_url"]), make_url(found["database_url"])
    database = services["postgres"]["environment"]
    assert (owner.username, owner.database) == (database["POSTGRES_USER"], database["POSTGRES_DB"])
    assert owner.password == found["postgres_password"]
    assert (programs.host, programs.database) == (owner.host, owner.database) == ("postgres", "ebb")
    assert programs.username != owner.username
    user, password = re.findall(
        r"^default_(?:user|pass) = (\S+)$", found["rabbitmq_conf"], flags=re.MULTILINE
    )
    assert found["broker_url"] == f"amqp://{user}:{password}@rabbitmq//"
    limit = re.search(
        r"^total_memory_available_override_value = (\d+)MB$", found["rabbitmq_conf"], re.MULTILINE
    )
    assert limit is not None
    assert services["rabbitmq"]["mem_limit"] == f"{limit[1]}m"
    assert len({found["postgres_password"], programs.password, password}) == 3
    assert len(password) == 48

    with pytest.raises(subprocess.CalledProcessError):
        make_secrets(tmp_path)
    assert {path.stem: path.read_text() for path in folder.iterdir()} == found


def test_migrating_twice_is_harmless(machine: Machine, addresses: Addresses) -> None:
    command = OURS["migrate"]["command"]
    first = machine.run("migrate", [*command, "--print-key"])
    assert first.returncode == 0, first.stderr
    assert len(first.stdout.strip()) >= 32
    for _ in range(2):
        again = machine.run("migrate", command)
        assert (again.returncode, again.stdout) == (0, "")
        assert first.stdout.strip() not in again.stderr
    programs = Database(addresses.programs)
    assert is_walled(programs)
    programs.close()


def test_nothing_starts_on_a_database_that_is_not_migrated(machine: Machine, addresses: Addresses) -> None:
    # As `docker-compose up --no-deps` would: the role is there, the tables are not.
    with psycopg.connect(addresses.owner, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {make_url(addresses.programs).username} LOGIN".encode())
    for name in LASTING:
        answer = machine.run(name, OURS[name]["command"])
        assert answer.returncode == 2, (name, answer.stderr)
        (line,) = answer.stderr.splitlines()
        assert line.startswith("ebb: ")
        assert "ebb init" in line


def connect(client: httpx.Client, kind: str) -> Callable[[bytes], None]:
    """Connect a tool; return what delivers a signed body of it."""
    answer = client.post("/v1/sources", json={"kind": kind, "name": kind})
    assert answer.status_code == 201, answer.text
    address, secret = answer.json()["ingest_url"], answer.json()["secret"]

    def deliver(body: bytes) -> None:
        headers = signed(body, secret, now=datetime.now(UTC), kind=kind)
        answer = client.post(address, content=body, headers={**headers, "Authorization": ""})
        assert answer.status_code == 202, answer.text

    return deliver


def read(client: httpx.Client, **query: str) -> list[dict[str, Any]]:
    answer = client.get("/v1/feedback", params={"limit": 500, **query})
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


def embedded(database: Database) -> int:
    with database.read(workspace=None) as session:
        return session.scalar(select(func.count()).select_from(Embedding)) or 0


def walk(client: httpx.Client, database: Database, machine: Machine) -> None:
    """Deliver tickets of two tools, see them counted, and once more over a restart of the embed worker."""
    zendesk, generic = connect(client, "zendesk"), connect(client, "generic_json")
    rows = [ticket.row for ticket in year.tickets()[: TICKETS + 1]]
    zendesk(json.loads(ZENDESK.read_text())["body"].encode())
    generic(json.dumps({"items": rows[:TICKETS]}).encode())
    until(lambda: len(read(client)) == TICKETS + 1, "the API shows every item")
    assert read(client, external_id="41207")[0]["text"].startswith("Since this morning the CSV export stops")

    def is_done() -> bool:
        return unfinished(database, now=datetime.now(UTC)) == []

    until(is_done, "all work is done")
    assert embedded(database) == TICKETS + 1
    counted = read(client, counted="true")
    assert len(counted) > TICKETS / 2
    assert sum(complaints for complaints, _ in stored_counts(database).values()) == len(counted)
    assert stored_counts(database) == recounted(database)

    assert machine.stop("worker-embed") == {"worker-embed": 0}
    generic(json.dumps(rows[TICKETS]).encode())
    until(lambda: len(read(client)) == TICKETS + 2, "the API shows what came while nobody embeds")
    assert embedded(database) == TICKETS + 1
    machine.start("worker-embed")
    until(lambda: embedded(database) == TICKETS + 2 and is_done(), "what waited is done")
    assert stored_counts(database) == recounted(database)


def torch_is_in_the_embed_worker_alone(machine: Machine) -> None:
    """Look into the memory of the processes: the one that embeds never forks, those that fork never load torch."""

    def holds_torch(process: psutil.Process) -> bool:
        return "libtorch" in Path(f"/proc/{process.pid}/maps").read_text()

    if not Path("/proc/self/maps").exists():
        return
    embed, parent = (
        psutil.Process(machine.running[f"worker-{queue}"].pid) for queue in (Queue.EMBED, Queue.DEFAULT)
    )
    forked = parent.children()
    assert (embed.children(), len(forked)) == ([], 2)
    assert holds_torch(embed)
    assert [holds_torch(process) for process in (parent, *forked)] == [False, False, False]


@pytest.mark.encoder
@pytest.mark.usefixtures("broker")
def test_a_ticket_walks_through_every_service(machine: Machine, addresses: Addresses) -> None:
    made = machine.run("migrate", [*OURS["migrate"]["command"], "--print-key"])
    assert made.returncode == 0, made.stderr
    for name in LASTING:
        machine.start(name)
    # Beat's first announcement takes as long as the file's settings say; by the end of the walk it was made.
    machine.await_health(*(name for name in LASTING if name != "beat"))

    database = Database(addresses.owner)
    headers = {"Authorization": f"Bearer {made.stdout.strip()}"}
    with httpx.Client(base_url=f"http://127.0.0.1:{machine.port}", headers=headers, timeout=20) as client:
        walk(client, database, machine)
    database.close()
    torch_is_in_the_embed_worker_alone(machine)
    machine.await_health("beat")

    codes = machine.stop(*LASTING)
    # The API ends by the signal that it was sent, after it finished.
    assert {name: code for name, code in codes.items() if code} in ({}, {"api": -signal.SIGTERM}), codes
