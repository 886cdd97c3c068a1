"""The size table again without exposure: complaints against the reference volume of untouched themes."""

from __future__ import annotations

from functools import partial
from typing import Final

import numpy as np

from bench.panel import ours, score
from bench.panel.ours import Said
from bench.panel.regimes import REGIMES
from bench.panel.workspace import with_reference
from bench.report import Emit
from models.values.verdicts import Word

NULL_SERIES: Final = 2_000
EFFECT_SERIES: Final = 400
_SERIES: Final = 3


def run(emit: Emit) -> None:
    """Print false alarms, coverage and power where only ticket counts are known."""
    null = ours.over_regimes(partial(_said, ratio=1.0, count=NULL_SERIES))
    half = ours.over_regimes(partial(_said, ratio=0.5, count=EFFECT_SERIES))
    calls = {name: score.share(np.isin(said.word, (Word.FELL, Word.ROSE))) for name, said in null.items()}
    worst, most = score.largest(calls)
    emit("without exposure: false alarms, mean of regimes", 100 * score.mean(calls).value, "%", "at most 3")
    emit("without exposure: false alarms, worst regime", 100 * most.value, "%", f"at most 5 ({worst})")
    covered = score.coverage(ours.answers(null), 1.0)
    name, least = min(covered.items(), key=lambda item: item[1].value)
    emit(
        "without exposure: 95% interval covers, worst regime", 100 * least.value, "%", f"at least 93 ({name})"
    )
    found = {name: score.share(said.word == Word.FELL) for name, said in half.items()}
    emit("without exposure: halvings found, mean of regimes", 100 * score.mean(found).value, "%", "printed")


def _said(regime: str, *, ratio: float, count: int) -> Said:
    cases = with_reference(
        REGIMES[regime], ratio=ratio, count=count, seed=ours.seed_of(regime, ratio, _SERIES)
    )
    return ours.judge(cases)
