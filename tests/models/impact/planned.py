"""Releases drawn from the world that a plan states, and what the engine says of them."""

from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from models.impact.judge import Case, Setting, judge_many
from models.values.series import Period, Series
from models.values.verdicts import Look, Word

Floats = NDArray[np.float64]

RELEASE = date(2024, 3, 4)
WEEKS_BEFORE = 26


def releases(
    weekly: float, noise: float, memory: float, fall: float, weeks: int, *, draws: int, seed: int
) -> Floats:
    """Draw counts (draws, 26 + weeks): Poisson, with a stationary AR(1) term in the log rate and a step."""
    rng = np.random.default_rng([seed, weeks])
    steps = WEEKS_BEFORE + weeks
    term = rng.standard_normal((draws, 1))
    terms = [term]
    for _ in range(steps - 1):
        term = memory * term + np.sqrt(1 - memory**2) * rng.standard_normal((draws, 1))
        terms.append(term)
    step = np.where(np.arange(steps) < WEEKS_BEFORE, 1.0, 1 - fall)
    return rng.poisson(weekly * step * np.exp(noise * np.hstack(terms))).astype(np.float64)


def judged_fell(counts: Floats, *, wash_out: int = 1) -> NDArray[np.bool_]:
    """Say of each series (draws, 26 + weeks) whether the verdict at its end, the final look, is `fell`."""
    weeks = counts.shape[1] - WEEKS_BEFORE
    through = RELEASE + timedelta(weeks=weeks)
    look = Look(number=1, share=1.0, weeks=weeks, read_on=through, alpha=0.03)
    start = RELEASE - timedelta(weeks=WEEKS_BEFORE)
    cases = [
        Case(Series(start, Period.WEEK, each, np.full(each.size, 7000.0)), RELEASE, RELEASE, through, look)
        for each in counts
    ]
    answers = judge_many(cases, setting=Setting(wash_out_days=7 * wash_out), with_periods=False)
    return np.array([answer.word is Word.FELL for answer in answers])


def share_judged_fell(
    weekly: float, noise: float, memory: float, fall: float, weeks: int, *, draws: int, seed: int
) -> float:
    return float(judged_fell(releases(weekly, noise, memory, fall, weeks, draws=draws, seed=seed)).mean())
