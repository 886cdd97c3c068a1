"""Start our programs as a user does, in a folder of their own, and measure them from outside."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from models.settings import FOREIGN_NAMES, PREFIX

ROOT = Path(__file__).parents[1]
EBB = str(Path(sys.executable).with_name("ebb"))
HOST = "127.0.0.1"
MIB = 1024 * 1024
POLL_S = 0.01


@dataclass(frozen=True, slots=True)
class Finished:
    """A command that ended well: seconds, the largest resident memory among it and its children, its output."""

    seconds: float
    peak_mib: float
    out: str
    err: str


@dataclass(frozen=True, slots=True)
class Server:
    """A server that answers, where, and how many seconds after its start it did."""

    process: subprocess.Popen[bytes]
    url: str
    start_s: float

    def resident_mib(self) -> float:
        """Return the resident memory of the process and its children at this moment."""
        process = psutil.Process(self.process.pid)
        family = [process, *process.children(recursive=True)]
        return float(sum(each.memory_info().rss for each in family) / MIB)

    def processor_s(self) -> float:
        """Return the processor time that the process has taken until now: the same on a busy machine."""
        times = psutil.Process(self.process.pid).cpu_times()
        return float(times.user + times.system)


def environment(folder: Path, **settings: str) -> dict[str, str]:
    """Return an environment in which Ebb knows a database in `folder`; the caller's other settings stay."""
    return dict(os.environ) | {
        "EBB_DATABASE_URL": f"sqlite:///{folder / 'ebb.db'}",
        "PYTHONPATH": str(ROOT),
        "COLUMNS": "200",
        **settings,
    }


def finish(command: Sequence[str], *, folder: Path, environ: Mapping[str, str]) -> Finished:
    """Run a command to its end in `folder`; raise RuntimeError with the end of its stderr if it failed."""
    out, err = folder / "stdout.log", folder / "stderr.log"
    began = time.perf_counter()
    with out.open("wb") as to_out, err.open("wb") as to_err:
        process = subprocess.Popen(command, cwd=folder, env=dict(environ), stdout=to_out, stderr=to_err)
        # wait4 and not wait: it alone tells the peak memory of the process and of the children it waited for.
        _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    done = Finished(
        seconds, usage.ru_maxrss / 1024, *(each.read_text("utf-8", "replace") for each in (out, err))
    )
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}:\n{done.err[-2000:]}")
    return done


def circumstances() -> str:
    """Say on what a figure of time was taken: processors, how busy they are, settings that are not the default."""
    given = [f"{name}={value}" for name, value in sorted(os.environ.items()) if _is_setting(name)]
    return "; ".join([f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}", *given])


def _is_setting(name: str) -> bool:
    return name.startswith(PREFIX) and name not in FOREIGN_NAMES | {f"{PREFIX}DATABASE_URL"}


@contextmanager
def serving(
    command: Sequence[str], *, port: int, folder: Path, environ: Mapping[str, str], within_s: float = 120.0
) -> Iterator[Server]:
    """Start a server, wait until its /healthz answers 200, and end it at the close of the block."""
    with (folder / f"server-{port}.log").open("wb") as log:
        began = time.perf_counter()
        process = subprocess.Popen(command, cwd=folder, env=dict(environ), stdout=log, stderr=log)
        try:
            url = f"http://{HOST}:{port}"
            yield Server(process, url, _answered(process, url, began, within_s))
        finally:
            stop(process)


def _answered(process: subprocess.Popen[bytes], url: str, began: float, within_s: float) -> float:
    """Return the seconds from the start to the first 200."""
    with httpx.Client() as client:
        while process.poll() is None and time.perf_counter() - began < within_s:
            try:
                if client.get(f"{url}/healthz").status_code == httpx.codes.OK:
                    return time.perf_counter() - began
            except httpx.TransportError:
                time.sleep(POLL_S)
    raise RuntimeError(f"{url} does not answer after {within_s:.0f} s; exit code {process.poll()}")


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a process and its children; those that do not listen are killed."""
    if process.poll() is not None:
        return
    children = psutil.Process(process.pid).children(recursive=True)
    process.terminate()
    for child in children:
        if child.is_running():
            child.terminate()
    process.wait(15)
    for child in psutil.wait_procs(children, timeout=5)[1]:
        child.kill()
