"""Run benches: `python -m bench [NAME …] [--keep FOLDER]`; without a name all of them.

Every figure is one JSON line on stdout and a row of bench/results.json; what a person may read besides goes to
stderr. A bench whose data set is missing is skipped and says so. Exit code 1 if a bench failed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from bench import (
    api_cost,
    cleaning,
    impact,
    intake,
    kind,
    labels,
    redaction,
    silence,
    spotify_case,
    store_ratings,
    theme_dial,
    themes,
    themes_scale,
)
from bench.report import Emit, Report, Skipped, merge, say

BENCHES: Mapping[str, Callable[[Emit, Path], None]] = {
    "api_cost": api_cost.run,
    "cleaning": cleaning.run,
    "impact": impact.run,
    "intake": intake.run,
    "kind": kind.run,
    "labels": labels.run,
    "redaction": redaction.run,
    "silence": silence.run,
    "spotify_case": spotify_case.run,
    "store_ratings": store_ratings.run,
    "theme_dial": theme_dial.run,
    "themes": themes.run,
    "themes_scale": themes_scale.run,
}
"""Each takes the function that hears figures, and an empty folder of its own."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benches named, write their figures, and return the exit code."""
    options = _options(arguments)
    report = Report()
    failed = [name for name in options.names or BENCHES if not _run(name, report, options.keep)]
    merge(report.figures)
    say(f"{len(report.figures)} figures in bench/results.json" + _failures(failed))
    return 1 if failed else 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHES))
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep the benches' working files there")
    options = parser.parse_args(arguments)
    unknown = [name for name in options.names if name not in BENCHES]
    if unknown:
        parser.error(f"no bench {unknown[0]}: there are {', '.join(BENCHES)}")
    return options


def _run(name: str, report: Report, keep: Path | None) -> bool:
    """Run one bench; tell whether it ran or was skipped rightly."""
    say(f"== {name}")
    try:
        with tempfile.TemporaryDirectory(prefix=f"ebb-{name}-") as temporary:
            folder = keep / name if keep else Path(temporary)
            folder.mkdir(parents=True, exist_ok=True)
            if any(folder.iterdir()):
                raise SystemExit(f"{folder} is not empty; name a fresh folder with --keep")
            BENCHES[name](report.of(name), folder.resolve())
    except Skipped as reason:
        say(f"SKIPPED {name}: {reason}")
    except Exception:  # noqa: BLE001 - the other benches still run; the exit code tells
        traceback.print_exc()
        return False
    return True


def _failures(failed: Sequence[str]) -> str:
    return f"; FAILED: {', '.join(failed)}" if failed else ""


if __name__ == "__main__":
    sys.exit(main())
