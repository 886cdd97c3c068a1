"""Durable 202s per second: our intake beside an insert per request, PostgreSQL's own rate, and a bare endpoint.

One run, 16 connections kept alive, signed deliveries of two tools. The programs stand side by side and take turns of
a few seconds, several rounds, so that a busy machine is as busy for each; medians are told, and their range.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import psycopg
from sqlalchemy import func, select

from bench.api_cost import command_of
from bench.intake_load import Target, Volley
from bench.intake_peers import ADDRESS
from bench.programs import EBB, circumstances, environment, finish, serving
from bench.report import Emit, Skipped, say
from models.database import Database
from models.queries import deliveries, workspaces
from models.records import Delivery, Work
from models.sealing import Keyring
from models.values.ids import Prefix, public_id
from service.commands.processes import free_port

CONNECTIONS = 16
ROUNDS = 5
SECONDS = 3.0
TARGET = 3.0
KINDS = ("zendesk", "generic_json")
SERVER = "postgresql://postgres@127.0.0.1:5432"
"""Where a PostgreSQL server runs; `PGSERVER` names another."""

INSERT = """INSERT INTO one_row (key, received_at, body)
VALUES (gen_random_uuid()::text, now(), decode(repeat('7b', 900), 'hex'));
"""
"""About as long as the deliveries are on average."""

Fire = Callable[[str], Volley]


def run(emit: Emit, folder: Path) -> None:
    """Start every program, let them take turns, and hand in rates, ratios and waits."""
    with ExitStack() as stack:
        server = stack.enter_context(_databases(folder))
        turns: dict[str, Fire] = {"bare endpoint": stack.enter_context(_peer("bare", "", folder))}
        counts = {}
        for name, owner, programs, plain in (
            ("SQLite", "", f"sqlite:///{folder / 'ours.db'}", f"sqlite:///{folder / 'plain.db'}"),
            ("PostgreSQL", server["ours"], server["programs"], server["plain"]),
        ):
            turns[f"plain on {name}"] = stack.enter_context(_peer("plain", plain, folder))
            turns[f"ours on {name}"], counts[name] = stack.enter_context(_ours(owner, programs, folder))
        found = _take_turns(turns, lambda: _one_row_per_commit(server["pgbench"], folder))
        stored = {name: count() for name, count in counts.items()}
    _tell(emit, found)
    for name, (rows, work) in stored.items():
        answered = sum(volley.stored for volley in found[f"ours on {name}"])
        if not rows == work == answered:
            raise RuntimeError(f"{name}: {answered} answers 202, {rows} deliveries, {work} pieces of work")
        emit(f"answers 202 without their delivery and work row, {name}", 0, "deliveries", f"of {rows}")


@contextmanager
def _databases(folder: Path) -> Iterator[dict[str, str]]:
    """Make fresh databases and a lesser role on the PostgreSQL server; drop them afterwards."""
    base = os.environ.get("PGSERVER", SERVER)
    tag = f"ebb_bench_{secrets.token_hex(3)}"
    try:
        with psycopg.connect(f"{base}/postgres", autocommit=True, connect_timeout=3) as connection:
            for setting in ("fsync", "synchronous_commit", "full_page_writes"):
                (value,) = connection.execute(f"SHOW {setting}").fetchone() or ("",)
                if value != "on":
                    raise Skipped(f"PostgreSQL runs with {setting} {value}: its commits are not durable")
            names = {part: f"{tag}_{part}" for part in ("ours", "plain", "pgbench")}
            for name in names.values():
                connection.execute(f"CREATE DATABASE {name}")
            try:
                found = {part: f"{base}/{name}" for part, name in names.items()}
                host = base.rpartition("@")[2]
                yield {**found, "programs": f"postgresql://{tag}:{tag}@{host}/{names['ours']}"}
            finally:
                for name in names.values():
                    connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
                connection.execute(f"DROP ROLE IF EXISTS {tag}")
    except psycopg.OperationalError as error:
        raise Skipped(f"no PostgreSQL server at {base} (PGSERVER names another): {error}") from error


@contextmanager
def _peer(kind: str, address: str, folder: Path) -> Iterator[Fire]:
    environ = environment(folder) | {
        ADDRESS: address.replace("postgresql://", "postgresql+psycopg://"),
    }
    port = free_port()
    command = command_of(f"bench.intake_peers:create_{kind}", port)
    targets = [Target(each, f"/v1/ingest/{each}", "a-secret-of-the-bench") for each in KINDS]
    with serving(command, port=port, folder=folder, environ=environ):
        yield _sender(port, targets)


@contextmanager
def _ours(owner: str, address: str, folder: Path) -> Iterator[tuple[Fire, Callable[[], tuple[int, int]]]]:
    """Set Ebb up, connect a source of each kind, serve it; yield also what counts the rows it stored."""
    settings = {"EBB_DATABASE_URL": address, **({"EBB_OWNER_DATABASE_URL": owner} if owner else {})}
    environ = environment(folder, **settings)
    finish([EBB, "init"], folder=folder, environ=environ)
    database = Database(address)
    targets = _connect(database)
    port = free_port()
    with serving(command_of(None, port), port=port, folder=folder, environ=environ):
        yield _sender(port, targets), lambda: _rows(database)
    database.close()


def _connect(database: Database) -> list[Target]:
    with database.read(workspace=None) as session:
        owner = workspaces.first_workspace(session)
    assert owner is not None
    made = []
    for kind in KINDS:
        secret = secrets.token_urlsafe(24)
        with database.write(workspace=owner.id) as session:
            row = deliveries.create_source(
                session,
                workspace=owner.id,
                kind=kind,
                name=kind,
                secret=secret,
                keys=Keyring(),
                settings={},
                now=datetime.now(UTC),
            )
        made.append(Target(kind, f"/v1/ingest/{public_id(Prefix.SOURCE, row.id)}", secret))
    return made


def _rows(database: Database) -> tuple[int, int]:
    """Count deliveries, and pieces of work that stand for one of them."""
    with database.read(workspace=1) as session:
        rows = session.scalar(select(func.count()).select_from(Delivery))
        work = session.scalar(
            select(func.count()).select_from(Work).join(Delivery, Delivery.id == Work.subject)
        )
    return rows or 0, work or 0


def _sender(port: int, targets: Sequence[Target]) -> Fire:
    """Return what sends one volley from a process of its own."""
    told = json.dumps([{"kind": t.kind, "path": t.path, "secret": t.secret} for t in targets]) + "\n"

    def fire(salt: str) -> Volley:
        command = [
            sys.executable,
            "-m",
            "bench.intake_load",
            f"--port={port}",
            f"--connections={CONNECTIONS}",
            f"--seconds={SECONDS}",
            f"--salt={salt}",
        ]
        out = subprocess.run(command, input=told, capture_output=True, text=True, check=True, timeout=120)
        volley = Volley(**json.loads(out.stdout))
        if volley.stored != volley.answered:
            raise RuntimeError(f"{volley.answered - volley.stored} of {volley.answered} answers are not 202")
        return volley

    return fire


def _one_row_per_commit(address: str, folder: Path) -> Volley:
    """Let pgbench insert one row a transaction from as many clients."""
    found = shutil.which("pgbench") or next(
        iter(sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin/pgbench")), reverse=True)), None
    )
    if found is None:
        raise Skipped("pgbench is neither in PATH nor in /usr/lib/postgresql")
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE IF NOT EXISTS one_row "
            "(id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "
            "key text UNIQUE, received_at timestamptz, body bytea)"
        )
    script = folder / "one_row.sql"
    script.write_text(INSERT, encoding="utf-8")
    log = folder / f"pgbench-{secrets.token_hex(3)}"
    command = [found, "-n", "-c", str(CONNECTIONS), "-j", "1", "-T", str(int(SECONDS)), "-M", "prepared"]
    out = subprocess.run(
        [*command, "-f", str(script), "-l", f"--log-prefix={log}", address],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    ).stdout
    waits = sorted(
        int(line.split()[2]) / 1000
        for file in folder.glob(f"{log.name}*")
        for line in file.read_text(encoding="utf-8").splitlines()
    )
    rate = float(re.findall(r"tps = ([0-9.]+)", out)[-1])
    count = len(waits)
    return Volley(count, count, count / rate, waits[count // 2], waits[int(count * 0.99)])


def _take_turns(turns: Mapping[str, Fire], pgbench: Callable[[], Volley]) -> dict[str, list[Volley]]:
    """Let everybody send in turns; the first volley of each only warms connections, pools and caches."""
    found: dict[str, list[Volley]] = {name: [] for name in (*turns, "pgbench")}
    for number in range(ROUNDS + 1):
        for name, fire in turns.items():
            found[name].append(fire(f"{number:x}"))
        found["pgbench"].append(pgbench())
        say(f"round {number}: " + ", ".join(f"{name} {found[name][-1].rate:.0f}/s" for name in found))
    return found


def _tell(emit: Emit, found: Mapping[str, Sequence[Volley]]) -> None:
    """Hand in medians over the rounds, and ratios of each round's neighbours."""
    rounds = f"median of {ROUNDS} rounds of {SECONDS:.0f} s in turns, {CONNECTIONS} connections"
    for name, volleys in found.items():
        rates = [volley.rate for volley in volleys[1:]]
        what = _WHAT.get(name, "durable 202s")
        emit(f"{what} per second, {name}", median(rates), "1/s", f"{rounds}; {_range(rates)}")
        for metric, unit in (("p50", "p50_ms"), ("p99", "p99_ms")):
            waits = [getattr(volley, unit) for volley in volleys[1:]]
            emit(f"{metric} of an answer, {name}", median(waits), "ms", f"{rounds}; {_range(waits)}")
    for name, ours, other, aim in (
        ("ours ÷ plain insert per request, SQLite", "ours on SQLite", "plain on SQLite", True),
        ("ours ÷ plain insert per request, PostgreSQL", "ours on PostgreSQL", "plain on PostgreSQL", True),
        ("ours on PostgreSQL ÷ pgbench's one row per commit", "ours on PostgreSQL", "pgbench", False),
        ("ours on SQLite ÷ bare endpoint", "ours on SQLite", "bare endpoint", False),
        ("ours on PostgreSQL ÷ bare endpoint", "ours on PostgreSQL", "bare endpoint", False),
    ):
        ratios = [
            mine.rate / theirs.rate for mine, theirs in zip(found[ours][1:], found[other][1:], strict=True)
        ]
        told = f"target at least {TARGET:g}; " if aim else ""
        emit(name, median(ratios), "ratio", f"{told}{_range(ratios)}; {circumstances()}")


_WHAT = {"bare endpoint": "202s that store nothing", "pgbench": "rows, each committed alone,"}


def _range(values: Sequence[float]) -> str:
    return f"{min(values):.3g} to {max(values):.3g}"
