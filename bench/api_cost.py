"""What the API process costs: seconds until it answers and resident memory, beside a bare FastAPI program.

The programs take turns, several rounds in one run, so that a busy machine is as busy for each; medians are told. The
worker with the encoder loaded stands beside them: it is what an API pays that loads the model itself.
"""

from __future__ import annotations

import json
import sqlite3
import subprocess
import time
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import httpx

from bench.programs import EBB, ROOT, Server, circumstances, environment, finish, serving, stop
from bench.report import Emit, say
from service.commands.processes import api_command, free_port, worker_command

ROUNDS = 7
WORKER_ROUNDS = 3
ITEMS = 40
WORKER_WITHIN_S = 180.0
SUBJECTS = ("The export", "The invoice", "Sign-in", "Search", "The mobile app")
TROUBLES = (
    "fails again since Monday.",
    "is slow for our whole team.",
    "shows the wrong total.",
    "never opens.",
)
PATHS = (
    "/openapi.json",
    "/v1/themes",
    "/v1/feedback?limit=10",
    "/v1/feedback?q=export",
    "/v1/releases",
    "/v1/features",
    "/v1/links",
    "/sign-in",
)
"""A turn through the API: what a process has loaded only counts once it has worked."""


@dataclass(frozen=True, slots=True)
class Cost:
    """One start of a program: seconds and processor seconds until it answers, MiB then and after it has worked."""

    start_s: float
    processor_s: float
    idle_mib: float
    used_mib: float


def run(emit: Emit, folder: Path) -> None:
    """Measure bare, ours and the worker in turns, and hand in medians and ratios."""
    environ = environment(folder)
    key = finish([EBB, "init", "--print-key"], folder=folder, environ=environ).out.strip()
    _import(folder, environ, "tickets")
    ours, bare = [], []
    for turn in range(ROUNDS):
        bare.append(_serve("bench.bare:create_app", {}, (), folder, environ))
        ours.append(_serve(None, {"Authorization": f"Bearer {key}"}, PATHS, folder, environ))
        say(f"round {turn + 1}: ours {ours[-1].start_s:.2f} s, bare {bare[-1].start_s:.2f} s")
    workers = [_worker(folder / f"worker-{turn}") for turn in range(WORKER_ROUNDS)]
    _compare(emit, ours, bare, workers)
    _commands(emit, folder, environ)
    _modules(emit, key, folder, environ)


def _import(folder: Path, environ: Mapping[str, str], name: str) -> None:
    """Bring in a few invented tickets, so that pages and worker have something to do."""
    rows = (
        {
            "id": number,
            "created_at": f"2025-03-{1 + number % 28:02d}T09:00:00Z",
            "text": f"{SUBJECTS[number % 5]} {TROUBLES[number // 5 % 4]}",
        }
        for number in range(ITEMS)
    )
    file = folder / f"{name}.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    finish([EBB, "import", file.name], folder=folder, environ=environ)


def _serve(
    application: str | None,
    headers: Mapping[str, str],
    paths: Sequence[str],
    folder: Path,
    environ: Mapping[str, str],
) -> Cost:
    """Start a program with the server options of `ebb api`; `application` None: our own."""
    port = free_port()
    command = command_of(application, port)
    with serving(command, port=port, folder=folder, environ=environ) as server:
        processor, idle = server.processor_s(), server.resident_mib()
        _visit(server, headers, paths or ("/healthz",) * len(PATHS))
        return Cost(server.start_s, processor, idle, server.resident_mib())


def command_of(application: str | None, port: int) -> list[str]:
    """Return our own command line with another application in its place."""
    ours = api_command(port)
    return [application if each == "service.app:create_app" and application else each for each in ours]


def _visit(server: Server, headers: Mapping[str, str], paths: Sequence[str]) -> None:
    with httpx.Client(base_url=server.url, headers=dict(headers), timeout=60) as client:
        for path in paths:
            client.get(path).raise_for_status()


def _worker(folder: Path) -> Cost:
    """Start a worker on fresh tickets and wait until it has embedded them; it then holds the encoder and idles."""
    folder.mkdir()
    environ = environment(folder)
    finish([EBB, "init"], folder=folder, environ=environ)
    _import(folder, environ, "tickets")
    began = time.perf_counter()
    with (folder / "worker.log").open("wb") as log:
        process = subprocess.Popen(worker_command(), cwd=folder, env=dict(environ), stdout=log, stderr=log)
        try:
            while not _is_settled(folder / "ebb.db"):
                if process.poll() is not None or time.perf_counter() - began > WORKER_WITHIN_S:
                    raise RuntimeError(f"the worker embedded nothing; see {folder / 'worker.log'}")
                time.sleep(0.05)
            seconds = time.perf_counter() - began
            server = Server(process, "", seconds)
            mib = server.resident_mib()
            return Cost(seconds, server.processor_s(), mib, mib)
        finally:
            stop(process)


def _is_settled(file: Path) -> bool:
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as connection:
        (count,) = connection.execute("SELECT count(*) FROM embedding").fetchone()
    return int(count) == ITEMS


def _compare(emit: Emit, ours: Sequence[Cost], bare: Sequence[Cost], workers: Sequence[Cost]) -> None:
    rounds = f"median of {ROUNDS} rounds, in turns"
    for name, costs in (("our API", ours), ("bare FastAPI", bare)):
        starts = [cost.start_s for cost in costs]
        spread = f"{rounds}; {min(starts):.2f} to {max(starts):.2f}"
        emit(f"start until /healthz answers, {name}", median(starts), "s", spread)
        emit(
            f"processor time until /healthz answers, {name}",
            median(c.processor_s for c in costs),
            "s",
            rounds,
        )
        emit(f"resident memory at the first answer, {name}", median(c.idle_mib for c in costs), "MiB", rounds)
        emit(f"resident memory after work, {name}", median(c.used_mib for c in costs), "MiB", rounds)
    own = median(cost.used_mib for cost in ours)
    worker = median(cost.used_mib for cost in workers)
    rounds = f"median of {WORKER_ROUNDS}"
    emit(
        f"start until {ITEMS} waiting tickets are embedded, worker",
        median(w.start_s for w in workers),
        "s",
        rounds,
    )
    emit("resident memory, worker with the encoder loaded", worker, "MiB", rounds)
    start = median(cost.start_s for cost in ours) / median(cost.start_s for cost in bare)
    emit("start, our API ÷ bare", start, "ratio", f"bare FastAPI, same server, same run; {circumstances()}")
    processor = median(cost.processor_s for cost in ours) / median(cost.processor_s for cost in bare)
    emit(
        "processor time of the start, our API ÷ bare",
        processor,
        "ratio",
        "bare FastAPI, same server, same run",
    )
    emit(
        "memory after work, our API ÷ bare",
        own / median(c.used_mib for c in bare),
        "ratio",
        "bare FastAPI, same run",
    )
    emit("memory, worker ÷ our API", worker / own, "ratio", "what an API with the encoder in it would hold")


def _commands(emit: Emit, folder: Path, environ: Mapping[str, str]) -> None:
    """Measure what a person waits for: the whole `ebb api` command, and the shortest command there is."""
    starts = []
    for _ in range(WORKER_ROUNDS):
        port = free_port()
        with serving([EBB, "api", f"--port={port}"], port=port, folder=folder, environ=environ) as server:
            starts.append(server.start_s)
    emit(
        "start until /healthz answers, the command `ebb api`",
        median(starts),
        "s",
        f"median of {WORKER_ROUNDS}",
    )
    helps = [finish([EBB, "--help"], folder=folder, environ=environ).seconds for _ in range(WORKER_ROUNDS)]
    emit("the command `ebb --help`", median(helps), "s", f"median of {WORKER_ROUNDS}")


def _modules(emit: Emit, key: str, folder: Path, environ: Mapping[str, str]) -> None:
    """Look into a process of ours that has worked: what it must not load, and what the statistics add."""
    forbidden = forbidden_modules()
    port = free_port()
    command = command_of("bench.probe:create_watched", port)
    headers = {"Authorization": f"Bearer {key}"}
    with (
        serving(command, port=port, folder=folder, environ=environ) as server,
        httpx.Client(base_url=server.url, headers=headers, timeout=60) as client,
    ):
        _visit(server, headers, PATHS)
        before = {name.partition(".")[0] for name in client.get("/-/modules").json()}
        plan = {"rate": 0.4, "exposure": 10_000, "drop": 0.25}
        client.post("/v1/impact/plan", json=plan).raise_for_status()
        after = {name.partition(".")[0] for name in client.get("/-/modules").json()}
        used = server.resident_mib()
    found = sorted(set(forbidden) & after)
    emit(
        "modules loaded that must not be",
        len(found),
        "modules",
        ", ".join(found) or f"none of {', '.join(forbidden)}",
    )
    for name in ("numpy", "scipy"):
        when = "from the start" if name in before else "at the first plan" if name in after else "never"
        emit(f"{name} is loaded", when, "moment", "the statistics of /v1/impact/plan need both")
    emit("resident memory after /v1/impact/plan, our API", used, "MiB", "one process")


def forbidden_modules() -> tuple[str, ...]:
    """Return what the import rules forbid the service, from the project file."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    return tuple(next(each["forbidden_modules"] for each in contracts if each["id"] == "light-service"))
