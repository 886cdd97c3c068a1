"""How often the method cries wolf, how often it sees a halving, how often its interval is right."""

import numpy as np
import pytest

from models.impact.judge import Case, judge_many
from models.values.verdicts import Judgement, Look, Word
from tests.models.impact.simulate import REGIMES, RELEASE, series

FINAL = Look(number=1, share=1.0, weeks=8, read_on=RELEASE, alpha=0.03)


def answers(regime: str, *, ratio: float, count: int, seed: int) -> list[Judgement]:
    rng = np.random.default_rng(seed)
    drawn = [series(REGIMES[regime], ratio=ratio, rng=rng) for _ in range(count)]
    cases = [Case(each, RELEASE, RELEASE, each.end, FINAL) for each in drawn]
    return judge_many(cases, with_periods=False)


def covered(found: list[Judgement], ratio: float) -> float:
    return float(
        np.mean([a.estimate is not None and a.estimate.low <= ratio <= a.estimate.high for a in found])
    )


def share(found: list[Judgement], *words: Word) -> float:
    return float(np.mean([answer.word in words for answer in found]))


@pytest.mark.slow
@pytest.mark.parametrize("regime", sorted(REGIMES))
def test_no_regime_cries_wolf_and_every_interval_covers(regime: str) -> None:
    """240 null series: a true 3% reads at most 7%, a true 95% coverage at least 90%."""
    found = answers(regime, ratio=1.0, count=240, seed=101)
    assert share(found, Word.FELL, Word.ROSE) <= 0.075
    assert covered(found, 1.0) >= 0.90


@pytest.mark.slow
def test_false_alarms_and_power_on_average() -> None:
    null = [answers(regime, ratio=1.0, count=240, seed=202) for regime in sorted(REGIMES)]
    half = [answers(regime, ratio=0.5, count=60, seed=303) for regime in sorted(REGIMES)]
    assert np.mean([share(found, Word.FELL, Word.ROSE) for found in null]) <= 0.035
    assert np.mean([share(found, Word.FELL) for found in half]) >= 0.62
    assert np.mean([share(found, Word.UNCHANGED) for found in half]) <= 0.01
    assert np.mean([covered(found, 0.5) for found in half]) >= 0.94


def test_thirty_steady_series_without_an_effect_raise_at_most_three_alarms() -> None:
    """At 3% each, four or more in thirty come up once in about ninety runs; the seed is fixed."""
    found = answers("memory", ratio=1.0, count=30, seed=7)
    assert sum(answer.word in (Word.FELL, Word.ROSE) for answer in found) <= 3
