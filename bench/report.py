"""What benches share: figures, the file they are gathered in, and where the data sets are."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

RESULTS = Path(__file__).parent / "results.json"

Value = float | int | str | None


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number, or one word that the product said; `against` names what it is held against."""

    bench: str
    metric: str
    value: Value
    unit: str
    against: str = ""


Emit = Callable[[str, Value, str, str], None]
"""Takes metric, value, unit and against."""


class Skipped(Exception):
    """A bench cannot run here; the message says what is missing and where to get it."""


class Report:
    """Print figures as they come, one JSON line each, and keep them for the file."""

    def __init__(self) -> None:
        self.figures: list[Figure] = []

    def of(self, bench: str) -> Emit:
        """Return the function with which a bench hands in its figures."""

        def emit(metric: str, value: Value, unit: str, against: str = "") -> None:
            figure = Figure(bench, metric, _rounded(value), unit, against)
            self.figures.append(figure)
            print(as_line(figure), flush=True)

        return emit


def as_line(figure: Figure) -> str:
    """Write a figure as one line of JSON."""
    return json.dumps(asdict(figure), ensure_ascii=False)


def merge(figures: Iterable[Figure], path: Path = RESULTS) -> None:
    """Write figures to the file; of two with the same bench and metric the newer stands, others stay."""
    known = {(each["bench"], each["metric"]): each for each in read_results(path)}
    known |= {(each.bench, each.metric): asdict(each) for each in figures}
    rows = [json.dumps(known[key], ensure_ascii=False) for key in sorted(known)]
    path.write_text("[\n" + ",\n".join(rows) + "\n]\n", encoding="utf-8")


def read_results(path: Path = RESULTS) -> list[dict[str, Value]]:
    """Read the figures of earlier runs; none where there was no run."""
    if not path.is_file():
        return []
    found: list[dict[str, Value]] = json.loads(path.read_text(encoding="utf-8"))
    return found


def data_set(name: str, *, published: str) -> Path:
    """Return the folder of a data set; raise `Skipped`, saying where it is published, where it is not here."""
    shared = os.environ.get("EBB_SHARED")
    folder = Path(shared or "") / "data" / name
    if not shared or not folder.is_dir():
        why = f"{folder} does not exist" if shared else "EBB_SHARED is not set"
        raise Skipped(f"{why}; the data set {name} (set EBB_SHARED to the folder above data/) is {published}")
    return folder


def say(text: str) -> None:
    """Tell a person who watches; figures alone go to stdout."""
    print(text, file=sys.stderr, flush=True)


def _rounded(value: Value) -> Value:
    """Keep five digits; JSON knows no infinity, so a number that is not finite becomes null."""
    if not isinstance(value, float):
        return value
    return float(f"{value:.5g}") if math.isfinite(value) else None
