"""Our engine's answers on panels, in the form in which all methods are scored."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Final, NamedTuple, TypeVar

import numpy as np

from bench.panel.answer import Answer
from bench.panel.regimes import REGIMES
from bench.panel.series import RELEASE, Panel, draw
from models.impact.judge import judge_many
from models.impact.looks import schedule
from models.impact.setting import Case
from models.values.series import Floats
from models.values.verdicts import Judgement, Word

RECORD_SEED: Final = 2_611_000
"""Seeds of the figures on record start here; development stays below 1 000."""

WORKERS: Final = 2
LOOKS: Final = schedule(RELEASE, reporting_delay_days=0)

Result = TypeVar("Result")
Words = np.ndarray[tuple[int], np.dtype[np.str_]]


class Said(NamedTuple):
    """What our engine says of B series: words, numbers, shrunk effects and smallest visible falls, (B,) each."""

    word: Words
    answer: Answer
    shrunk: Floats
    mde: Floats

    def share(self, *words: Word) -> float:
        """Give the share of series with one of these words."""
        return float(np.isin(self.word, [str(word) for word in words]).mean())


def said(judgements: Sequence[Judgement]) -> Said:
    """Put judgements side by side; nan where one bears no estimate."""
    fields = ("p_value", "effect", "low", "high", "shrunk_effect")
    numbers = np.array(
        [[getattr(each.estimate, name, np.nan) for name in fields] for each in judgements], dtype=np.float64
    ).reshape(-1, len(fields))
    return Said(
        word=np.array([str(each.word) for each in judgements]),
        answer=Answer(*numbers.T[:4]),
        shrunk=numbers[:, 4],
        mde=np.array([np.nan if each.mde is None else each.mde for each in judgements]),
    )


def judge(cases: Sequence[Case]) -> Said:
    """Judge cases at the look they carry."""
    return said(judge_many(cases, with_periods=False))


def judge_looks(panel: Panel) -> list[Said]:
    """Judge a panel at every registered look: a quarter, half and the whole of the horizon."""
    cases = panel.cases()
    return [
        judge(
            [replace(case, look=look, read_through=RELEASE + timedelta(weeks=look.weeks)) for case in cases]
        )
        for look in LOOKS
    ]


def over_regimes(work: Callable[[str], Result], regimes: Iterable[str] = REGIMES) -> dict[str, Result]:
    """Do the same work for every regime, on both cores."""
    names = list(regimes)
    with ProcessPoolExecutor(WORKERS) as pool:
        return dict(zip(names, pool.map(work, names), strict=True))


def seed_of(regime: str, ratio: float, series: int = 0) -> int:
    """Give every regime, ratio and purpose a seed of its own."""
    return RECORD_SEED + 10_000 * series + 100 * list(REGIMES).index(regime) + round(10 * ratio)


def panel_of(regime: str, *, ratio: float, count: int, series: int = 0) -> Panel:
    """Draw the panel on record of a regime and ratio."""
    return draw(REGIMES[regime], ratio=ratio, count=count, seed=seed_of(regime, ratio, series))


def final_answers(*, ratio: float, count: int) -> dict[str, Said]:
    """Judge `count` series of every regime at the final look."""
    return over_regimes(partial(_final, ratio=ratio, count=count))


def look_answers(*, ratio: float, count: int) -> dict[str, list[Said]]:
    """Judge `count` series of every regime at every look."""
    return over_regimes(partial(_looked, ratio=ratio, count=count))


def answers(found: Mapping[str, Said]) -> dict[str, Answer]:
    """Keep the numbers."""
    return {regime: each.answer for regime, each in found.items()}


def _final(regime: str, *, ratio: float, count: int) -> Said:
    return judge(panel_of(regime, ratio=ratio, count=count).cases())


def _looked(regime: str, *, ratio: float, count: int) -> list[Said]:
    return judge_looks(panel_of(regime, ratio=ratio, count=count))
