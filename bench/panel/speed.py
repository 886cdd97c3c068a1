"""CPU time of a verdict on 26 + 8 weeks, against a structural time series in the same run."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from threadpoolctl import threadpool_limits

from bench.panel import ours
from bench.panel.regimes import REGIMES
from bench.panel.series import Panel, draw
from bench.panel.structural import run_as_usual
from bench.report import Emit
from models.impact.judge import judge_many

PER_REGIME: Final = 24
PEER_PER_REGIME: Final = 4
ROUNDS: Final = 5
OURS: Final = "verdict with control, batched"
FORECAST: Final = "structural time series in statsmodels, fit and forecast"
FUTURES: Final = "structural time series in statsmodels, fit and 1 000 futures"


def run(emit: Emit) -> None:
    """Print milliseconds of CPU a series and ratios, taken in turns so that a busy machine slows all alike."""
    panels = [_panel(name, PER_REGIME) for name in REGIMES]
    few = [_panel(name, PEER_PER_REGIME) for name in REGIMES]
    cases = [case for panel in panels for case in panel.cases()]
    alone = [case for panel in panels for case in panel.cases(control=False)]
    work: dict[str, tuple[Callable[[], object], int]] = {
        OURS: (lambda: judge_many(cases, with_periods=False), len(cases)),
        "verdict without control, batched": (lambda: judge_many(alone, with_periods=False), len(alone)),
        FORECAST: (lambda: _usual(few, simulate=False), len(few) * PEER_PER_REGIME),
        FUTURES: (lambda: _usual(few, simulate=True), len(few) * PEER_PER_REGIME),
    }
    times: dict[str, list[float]] = {name: [] for name in work}
    # Threads of a linear algebra library that wait for each other count as CPU: one thread for all is fair.
    with threadpool_limits(limits=1):
        for _ in range(ROUNDS):
            for name, (each, size) in work.items():
                times[name].append(1000 * _cpu(each) / size)
    for name, found in times.items():
        emit(name, min(found), "ms CPU a series", "at most 2" if name.startswith("verdict") else OURS)
    for name in (FORECAST, FUTURES):
        emit(f"{name} / ours", min(times[name]) / min(times[OURS]), "ratio", "at least 10")


def _panel(regime: str, count: int) -> Panel:
    return draw(REGIMES[regime], ratio=1.0, count=count, seed=ours.seed_of(regime, 1.0, 7))


def _usual(panels: list[Panel], *, simulate: bool) -> None:
    for panel in panels:
        run_as_usual(panel, simulate=simulate)


def _cpu(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started
