"""Is a plan right? What it promises against what the engine finds in releases drawn from the world it states."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from bench.panel import ours
from bench.panel.series import RELEASE, counts
from bench.report import Emit
from models.impact.plan import plan
from models.impact.setting import Case
from models.values.series import Floats, Period, Series, period_start
from models.values.verdicts import Look, Word

RELEASES: Final = 1_000
WEEKS_BEFORE: Final = 26
_SEED: Final = ours.RECORD_SEED + 900_000


@dataclass(frozen=True, slots=True)
class Question:
    """Complaints a week, their scatter from week to week and its memory, and the fall to be seen."""

    weekly: float
    noise: float
    memory: float
    fall: float


QUESTIONS: Final = (
    Question(7, 0.2, 0.5, 0.6),
    Question(15, 0.3, 0.2, 0.6),
    Question(35, 0.2, 0.5, 0.5),
    Question(35, 0.05, 0.0, 0.3),
    Question(35, 0.2, 0.5, 0.25),
    Question(100, 0.2, 0.0, 0.3),
    Question(350, 0.1, 0.8, 0.25),
    Question(1000, 0.2, 0.8, 0.4),
)


def run(emit: Emit) -> None:
    """Print, for each question, the share promised and found at the week the plan names (or at 52 weeks)."""
    apart = []
    for number, asked in enumerate(QUESTIONS):
        found = plan(
            rate=asked.weekly / 7, exposure=1000, fall=asked.fall, noise=asked.noise, memory=asked.memory
        )
        weeks = found.weeks or 52
        share = 100 * _share_called(asked, weeks, np.random.default_rng(_SEED + number))
        what = (
            f"{asked.weekly:g} a week, noise {asked.noise:g}, memory {asked.memory:g}, fall {asked.fall:.0%}"
        )
        told = f"promised {100 * found.called:.1f}"
        emit(f"plan: {what}: called after {weeks} weeks", share, "%", told)
        apart.append(abs(share - 100 * found.called))
    emit("plan: largest distance of promise and simulation", max(apart), "points", "at most 5 (+-1.3 each)")


def _share_called(asked: Question, weeks: int, rng: np.random.Generator) -> float:
    """Draw releases of 26 weeks before and `weeks` after, of which the first is left out, and judge them."""
    total = WEEKS_BEFORE + weeks
    path = _path(asked, (RELEASES, total), rng)
    change = np.where(np.arange(total) < WEEKS_BEFORE, 1.0, 1 - asked.fall)
    drawn = counts(asked.weekly * np.exp(path) * change, 0.0, rng)
    start = period_start(RELEASE, Period.WEEK, -WEEKS_BEFORE)
    cases = []
    for row in drawn:
        series = Series(start, Period.WEEK, row, np.full(total, 7000.0))
        cases.append(Case(series, RELEASE, RELEASE, series.end, Look(1, 1.0, weeks, series.end, 0.03)))
    return ours.judge(cases).share(Word.FELL)


def _path(asked: Question, shape: tuple[int, int], rng: np.random.Generator) -> Floats:
    """Draw stationary AR(1) paths by their covariance, apart from the generator that the plan itself uses."""
    apart = np.abs(np.subtract.outer(np.arange(shape[1]), np.arange(shape[1])))
    root = np.linalg.cholesky(asked.memory**apart + 1e-12 * np.eye(shape[1]))
    paths: Floats = asked.noise * rng.normal(size=shape) @ root.T
    return paths
