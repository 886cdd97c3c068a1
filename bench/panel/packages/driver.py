"""Ask a CausalImpact package about a panel, in an environment that somebody has made for it."""

from __future__ import annotations

import csv
import hashlib
import os
import subprocess
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from bench.panel.answer import Answer, weeks
from bench.panel.series import Panel
from bench.report import Skipped
from models.values.series import Floats

__all__ = ["PACKAGES", "VARIABLE", "Timed", "ask", "interpreter", "read_answers", "write_series"]

HERE: Final = Path(__file__).parent
RUNNER: Final = HERE / "run_causalimpact.py"
PACKAGES: Final = ("pycausalimpact", "tfcausalimpact")
VARIABLE: Final = "BENCH_PEERS"
"""Names the folder that holds one environment per package, called like the package."""

_CUSTOMER_DAYS: Final = 7000.0  # rates are complaints a week at 1 000 customers, as a person would give them
_ONE_THREAD: Final = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "2",
    "CUDA_VISIBLE_DEVICES": "",
}


class Timed(NamedTuple):
    """What a package answered about B series, and the seconds (B,) it took for each; nan where it has no answer."""

    answer: Answer
    seconds: Floats


def interpreter(package: str, folder: Path | None = None) -> Path:
    """Find the Python of a package's environment in `folder`, or in the folder that BENCH_PEERS names.

    Raises Skipped, with what to do, where there is none; ValueError for a package that is not in PACKAGES.
    """
    if package not in PACKAGES:
        raise ValueError(f"package must be one of {', '.join(PACKAGES)}, not {package!r}")
    named = os.environ.get(VARIABLE)
    folder = folder or (Path(named) if named else None)
    python = None if folder is None else folder.resolve() / package / "bin" / "python"
    if python is None or not python.exists():
        raise Skipped(_how_to_make(package, python))
    return python


def ask(package: str, panel: Panel, *, results: Path, folder: Path | None = None) -> Timed:
    """Ask a package about every series of a panel, in weekly rates with the control's rate as covariate.

    results: a folder for the series and the answers; a panel that was asked about before is answered from it,
    and one that was interrupted goes on. folder: as of `interpreter`, whose errors it raises; RuntimeError
    where the package's program fails.
    """
    python = interpreter(package, folder)
    results.mkdir(parents=True, exist_ok=True)
    series = results / f"{_fingerprint(panel)}.npz"
    answers = results / f"{package}-{series.stem}.csv"
    write_series(panel, series)
    command = [str(python), str(RUNNER), str(series.resolve()), str(answers.resolve())]
    done = subprocess.run(command, env=os.environ | _ONE_THREAD, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{package} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    return read_answers(answers, len(panel))


def write_series(panel: Panel, path: Path) -> None:
    """Write a panel's weekly rates and control rates, without the wash-out, as the runner reads them."""
    cells = weeks(panel)
    np.savez(
        path,
        rate=_CUSTOMER_DAYS * cells.counts / cells.exposure,
        control=_CUSTOMER_DAYS * cells.control / cells.exposure,
        before=int((~cells.after).sum()),
    )


def read_answers(path: Path, size: int) -> Timed:
    """Read the runner's answers about `size` series; nan for those that it has not come to."""
    held = np.full((len(Answer._fields) + 1, size), np.nan)
    with path.open(newline="", encoding="utf-8") as source:
        for line in csv.DictReader(source):
            held[:, int(line["row"])] = [float(line[name]) for name in (*Answer._fields, "seconds")]
    return Timed(Answer(*held[:-1]), held[-1])


def _fingerprint(panel: Panel) -> str:
    """Name a panel by what is in it, so that answers are never taken for those about another."""
    digest = hashlib.sha256(str((panel.counts.shape, panel.before)).encode())
    for values in (panel.counts, panel.exposure, panel.control):
        digest.update(np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()[:16]


def _how_to_make(package: str, python: Path | None) -> str:
    wanted = HERE / f"requirements-{package}.txt"
    return (
        f"{package} is not measured: {VARIABLE} is not set"
        if python is None
        else f"{package} is not measured: there is no {python}"
    ) + (
        f". Make the environment with: python3.11 -m venv PEERS/{package} && "
        f"PEERS/{package}/bin/pip install -r {wanted.relative_to(HERE.parents[2])}, and set {VARIABLE}=PEERS"
    )
