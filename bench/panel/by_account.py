"""Our engine on roll-outs by account: randomised (grade A), and exposed against unexposed accounts (grade B)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import Final

import numpy as np

from bench.panel import ours, score
from bench.panel.accounts import EXPOSED, LOOK, RANDOMISED, AccountRegime, draw_panels
from bench.panel.ours import Said
from bench.report import Emit
from models.impact.accounts import AccountPanel
from models.impact.differences import judge_exposed
from models.impact.randomised import judge_randomised
from models.values.verdicts import Judgement, Look, Word

NULL_PANELS: Final = 400
EFFECT_PANELS: Final = 400
PARTING: Final = "parting"  # no comparison of groups is right where they part; the check must say so
_SEED: Final = ours.RECORD_SEED + 700_000

Judge = Callable[..., Judgement]
_GRADES: Final[Mapping[str, tuple[Judge, Mapping[str, AccountRegime]]]] = {
    "A, randomised": (judge_randomised, RANDOMISED),
    "B, exposed against unexposed": (judge_exposed, EXPOSED),
}


def run(emit: Emit) -> None:
    """Print false alarms, coverage and power of both grades over their regimes."""
    for grade, (_, regimes) in _GRADES.items():
        null = _answers(grade, regimes, ratio=1.0, count=NULL_PANELS)
        half = _answers(grade, regimes, ratio=0.5, count=EFFECT_PANELS)
        calls = {name: score.share(np.isin(said.word, (Word.FELL, Word.ROSE))) for name, said in null.items()}
        worst, most = score.largest(calls)
        emit(f"grade {grade}: false alarms, mean of regimes", 100 * score.mean(calls).value, "%", "at most 3")
        told = f"at most 5 ({worst}, +-{100 * most.error:.1f})"
        emit(f"grade {grade}: false alarms, worst regime", 100 * most.value, "%", told)
        covered = {
            f"{name} at x{ratio:g}": share
            for ratio, found in ((1.0, null), (0.5, half))
            for name, share in score.coverage(ours.answers(found), ratio).items()
        }
        alike = {name: share for name, share in covered.items() if not name.startswith(PARTING)}
        for what, shares in (
            ("worst regime and effect but that", alike),
            ("groups that part by 3% a week", covered),
        ):
            name, least = min(shares.items(), key=lambda item: item[1].value)
            told = f"at least 93 ({name}, +-{100 * least.error:.1f})"
            emit(f"grade {grade}: 95% interval covers, {what}", 100 * least.value, "%", told)
        found = {name: score.share(said.word == Word.FELL) for name, said in half.items()}
        emit(f"grade {grade}: halvings found, mean of regimes", 100 * score.mean(found).value, "%", "printed")


def _answers(
    grade: str, regimes: Mapping[str, AccountRegime], *, ratio: float, count: int
) -> dict[str, Said]:
    with ProcessPoolExecutor(ours.WORKERS) as pool:
        work = partial(_said, grade=grade, ratio=ratio, count=count)
        return dict(zip(regimes, pool.map(work, regimes), strict=True))


def _said(name: str, *, grade: str, ratio: float, count: int) -> Said:
    judge, regimes = _GRADES[grade]
    seed = _SEED + 100 * list(regimes).index(name) + round(10 * ratio)
    panels = draw_panels(regimes[name], ratio=ratio, count=count, seed=seed)
    return ours.said([_judged(judge, panel, LOOK) for panel in panels])


def _judged(judge: Judge, panel: AccountPanel, look: Look) -> Judgement:
    return judge(panel, look=look)
