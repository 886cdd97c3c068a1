"""How honest a method is and what it sees, from its answers on panels with a known effect."""

from __future__ import annotations

from collections.abc import Mapping
from math import sqrt
from typing import Final, NamedTuple

import numpy as np

from bench.panel.answer import Answer
from models.values.series import Floats

WORST: Final = 0.06
"""The two-sided false-alarm share that no regime may exceed at equal honesty."""


class Share(NamedTuple):
    """A share of series with its Monte Carlo standard error; of: how many series, or regimes for a mean."""

    value: float
    error: float
    of: int


def size(p_by_regime: Mapping[str, Floats], threshold: float) -> dict[str, Share]:
    """Give each regime's share of p-values below a threshold; no effect was put in, so all are false alarms."""
    return {regime: share(p < threshold) for regime, p in p_by_regime.items()}


def equal_honesty(p_by_regime: Mapping[str, Floats], worst: float = WORST) -> float:
    """Give the largest threshold at which no regime's share of p-values below it exceeds `worst`.

    In [0, 1]; nan is never below. The threshold is itself an estimate: on as many series as it is read from, the
    worst regime lies at `worst` by construction, on others above or below. Raises ValueError for no regime, an
    empty one, or `worst` outside [0, 1).
    """
    if not 0 <= worst < 1:
        raise ValueError(f"worst must lie in [0, 1), not {worst}")
    if not p_by_regime or any(not len(p) for p in p_by_regime.values()):
        raise ValueError("p_by_regime must hold at least one regime, and each at least one p-value")
    return min(_largest(p, worst) for p in p_by_regime.values())


def power(by_regime: Mapping[str, Answer], threshold: float) -> dict[str, Share]:
    """Give each regime's share of series called a fall: p below the threshold and effect below 1."""
    return {
        regime: share((answer.p_value < threshold) & (answer.effect < 1))
        for regime, answer in by_regime.items()
    }


def coverage(by_regime: Mapping[str, Answer], ratio: float) -> dict[str, Share]:
    """Give each regime's share of intervals that hold the true ratio, of the series that have one."""
    return {regime: share(_covers(answer, ratio)) for regime, answer in by_regime.items()}


def share(hits: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Share:
    """Count hits (n,); nan with error nan where there are none to count."""
    if not len(hits):
        return Share(float("nan"), float("nan"), 0)
    value = float(hits.mean())
    return Share(value, sqrt(value * (1 - value) / len(hits)), len(hits))


def mean(shares: Mapping[str, Share]) -> Share:
    """Average over regimes, which count alike and were drawn independently; those without a series are left out."""
    known = [each for each in shares.values() if each.of]
    if not known:
        return Share(float("nan"), float("nan"), 0)
    error = sqrt(sum(each.error**2 for each in known)) / len(known)
    return Share(sum(each.value for each in known) / len(known), error, len(known))


def largest(shares: Mapping[str, Share]) -> tuple[str, Share]:
    """Name the regime with the largest share; the largest of many estimates is on average too large."""
    known = {regime: each for regime, each in shares.items() if each.of}
    return max(known.items(), key=lambda item: item[1].value)


def _largest(p: Floats, worst: float) -> float:
    # One more than floor(worst n) p-values would have to lie strictly below the threshold to exceed `worst`.
    allowed = int(worst * len(p) + 1e-9)
    ordered = np.sort(np.where(np.isnan(p), np.inf, p))
    return min(float(ordered[allowed]), 1.0)


def _covers(answer: Answer, ratio: float) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    known = ~(np.isnan(answer.low) | np.isnan(answer.high))
    held: np.ndarray[tuple[int], np.dtype[np.bool_]] = (answer.low[known] <= ratio) & (
        ratio <= answer.high[known]
    )
    return held
