"""Our engine on real series: a published effect, and dates at which nothing is known to have happened."""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path
from typing import Final

import numpy as np

from bench.panel import ours
from bench.report import Emit, Skipped, data_set, say
from models.impact.setting import Case
from models.values.series import Floats, Period, Series
from models.values.verdicts import Look, Word

DATES: Final = 500
DAYS_BEFORE: Final = 182
DAYS_AFTER: Final = 56
PLACEBO_SEED: Final = 9
BAN: Final = date(2005, 1, 1)


def run(emit: Emit) -> None:
    """Print the Sicilian smoking ban's effect, and false alarms at random dates of series without intervention."""
    for part in (_sicily, _placebo):
        try:
            part(emit)
        except Skipped as reason:
            say(f"SKIPPED {part.__name__[1:]}: {reason}")


def _sicily(emit: Emit) -> None:
    folder = data_set("sicily", published="at github.com/gasparrini/2017_lopezbernal_IJE_codedata")
    with (folder / "sicily.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    counts, people = (np.array([float(row[name]) for row in rows]) for name in ("aces", "stdpop"))
    series = Series(date(2002, 1, 1), Period.MONTH, counts, people)
    said = ours.judge([Case(series, BAN, BAN, series.end, Look(1, 1.0, 99, series.end, 0.03))])
    emit("Sicilian smoking ban: verdict", str(said.word[0]), "word", "fell")
    for name, value, against in (
        ("effect", said.answer.effect[0], ".86 to .92; published .885 and .894"),
        ("low", said.answer.low[0], "below .885; plain Poisson .865"),
        ("high", said.answer.high[0], "above .894; plain Poisson .925"),
    ):
        emit(f"Sicilian smoking ban: {name}", float(value), "ratio", against)


def _placebo(emit: Emit) -> None:
    folder = data_set("placebo_series", published="in vincentarelbundock/Rdatasets at github.com")
    abstains = []
    for path in sorted(folder.glob("*_daily.csv")):
        said = ours.judge(_cases(path))
        against = f"at most 6 ({len(said.word)} dates)"
        emit(f"{path.stem}: false alarms", 100 * said.share(Word.FELL, Word.ROSE), "%", against)
        abstains.append(said.share(Word.CANNOT_TELL, Word.TOO_EARLY))
    emit("cannot_tell on series without intervention", 100 * float(np.mean(abstains)), "%", "below 20")


def _cases(path: Path) -> list[Case]:
    """Cut 26 weeks before and 8 after random dates, without exposure or control."""
    days, counts = _daily(path)
    possible = np.arange(DAYS_BEFORE, len(counts) - DAYS_AFTER)
    chosen = np.random.default_rng(PLACEBO_SEED).choice(possible, min(DATES, possible.size), replace=False)
    cases = []
    for at in chosen.tolist():
        first = at - DAYS_BEFORE
        series = Series(days[first], Period.DAY, counts[first : at + DAYS_AFTER])
        cases.append(Case(series, days[at], days[at], series.end, Look(1, 1.0, 8, series.end, 0.03)))
    return cases


def _daily(path: Path) -> tuple[list[date], Floats]:
    with path.open(encoding="utf-8") as file:
        rows = list(csv.reader(file))[1:]
    return [date.fromisoformat(row[0]) for row in rows], np.array([float(row[1]) for row in rows])
