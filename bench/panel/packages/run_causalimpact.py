"""Ask a CausalImpact package about weekly series; runs in the package's own environment, so it imports none of ours.

python run_causalimpact.py SERIES.npz ANSWERS.csv

SERIES.npz: `rate` and `control`, (B, W) finite float64; `before`, the number of weeks before the release.
ANSWERS.csv: `row,p_value,effect,low,high,seconds`, one line per series as soon as it is done; rows that stand
there already are left out, so a run that was cut short goes on where it stopped. effect, low and high are 1 +
the relative effect and its 95% interval as the package prints them; all three and p are nan where it raised.
seconds: processor time, which is the same on a busy machine; the import of the package is not in it.
"""

from __future__ import annotations

import csv
import sys
import time
import warnings
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Answer(NamedTuple):
    """One line of the answers, but for its row."""

    p_value: float
    effect: float
    low: float
    high: float
    seconds: float


def main(series: Path, answers: Path) -> None:
    """Answer series by series, each written before the next begins."""
    warnings.filterwarnings("ignore")
    with np.load(series) as held:
        rate, control, before = held["rate"], held["control"], int(held["before"])
    known = answered(answers)
    with answers.open("a", newline="", encoding="utf-8") as sink:
        writer = csv.writer(sink)
        if not answers.stat().st_size:
            writer.writerow(("row", *Answer._fields))
        for row in (row for row in range(len(rate)) if row not in known):
            writer.writerow((row, *answer(rate[row], control[row], before, seed=row)))
            sink.flush()


def answered(answers: Path) -> set[int]:
    """List the rows that an earlier run wrote."""
    if not answers.exists():
        return set()
    with answers.open(newline="", encoding="utf-8") as source:
        return {int(line["row"]) for line in csv.DictReader(source)}


def answer(rate: Floats, control: Floats, before: int, *, seed: int) -> Answer:
    """Ask the package, at its own settings, about one series (W,) with the control (W,) as covariate."""
    # Imported by name: neither is installed where our types are checked.
    package, pandas = import_module("causalimpact"), import_module("pandas")
    _seed(seed)
    data = pandas.DataFrame({"y": rate, "x": control})
    began = time.process_time()
    try:
        impact = package.CausalImpact(data, [0, before - 1], [before, len(rate) - 1])
        average = impact.summary_data["average"]
        names = ("rel_effect", "rel_effect_lower", "rel_effect_upper")
        effect, low, high = (1 + float(average[name]) for name in names)
        return Answer(float(impact.p_value), effect, low, high, time.process_time() - began)
    except Exception as failure:  # noqa: BLE001 - one series that it cannot fit must not end a run of hours
        print(f"row {seed}: {type(failure).__name__}: {failure}", file=sys.stderr)
        nan = float("nan")
        return Answer(nan, nan, nan, nan, time.process_time() - began)


def _seed(seed: int) -> None:
    """Make a package's simulations repeat; one draws from numpy's global generator, one from tensorflow's."""
    np.random.seed(seed)
    tensorflow = sys.modules.get("tensorflow")
    if tensorflow is not None:
        tensorflow.random.set_seed(seed)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
