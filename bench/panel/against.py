"""Our engine against the usual methods, at equal honesty: one threshold each, no regime above 6% false alarms."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial
from typing import Final, NamedTuple

from bench.panel import ours, score
from bench.panel.answer import Answer, Peer
from bench.panel.ours import Said
from bench.panel.peers import PEERS
from bench.report import Emit, say

OURS: Final = "ours"
EFFECTS: Final = (0.5, 0.8)


class Honest(NamedTuple):
    """A method at one threshold for all regimes: the threshold, and the shares of -50% and -20% found there."""

    threshold: float
    halvings: float
    fifths: float


def run(emit: Emit, final: Mapping[float, Mapping[str, Said]]) -> None:
    """Print every method's false alarms at p < .05, and what it finds at equal honesty, on the same series."""
    counts = {ratio: len(next(iter(found.values())).word) for ratio, found in final.items()}
    rows: dict[str, Honest] = {}
    for name, by_ratio in _everyone(final, counts):
        null = {regime: answer.p_value for regime, answer in by_ratio[1.0].items()}
        sizes = score.size(null, 0.05)
        worst, most = score.largest(sizes)
        emit(f"{name}: false alarms at p < .05, mean of regimes", 100 * score.mean(sizes).value, "%", "5")
        emit(f"{name}: false alarms at p < .05, worst regime", 100 * most.value, "%", f"5 ({worst})")
        rows[name] = _at_equal_honesty(by_ratio)
        said = rows[name]
        emit(f"{name}: threshold at equal honesty", said.threshold, "p", "one for all regimes, none above 6%")
        emit(f"{name}: halvings found at equal honesty", 100 * said.halvings, "%", "")
        emit(f"{name}: -20% found at equal honesty", 100 * said.fifths, "%", "")
    best = max(row.halvings for name, row in rows.items() if name != OURS)
    lead = 100 * (rows[OURS].halvings - best)
    emit("lead over the best peer for a halving at equal honesty", lead, "points", "at least 10")


def _everyone(
    final: Mapping[float, Mapping[str, Said]], counts: Mapping[float, int]
) -> list[tuple[str, dict[float, dict[str, Answer]]]]:
    everyone = [(OURS, {ratio: ours.answers(found) for ratio, found in final.items()})]
    for name in PEERS:
        started = time.monotonic()
        answered = {
            ratio: ours.over_regimes(partial(_answer, name=name, ratio=ratio, count=count))
            for ratio, count in counts.items()
        }
        say(
            f"{name}: {sum(counts.values()) * len(answered[1.0])} series in {time.monotonic() - started:.0f} s"
        )
        everyone.append((name, answered))
    return everyone


def _answer(regime: str, *, name: str, ratio: float, count: int) -> Answer:
    peer: Peer = PEERS[name]
    return peer(ours.panel_of(regime, ratio=ratio, count=count))


def _at_equal_honesty(by_ratio: Mapping[float, Mapping[str, Answer]]) -> Honest:
    threshold = score.equal_honesty({regime: answer.p_value for regime, answer in by_ratio[1.0].items()})
    found = [score.mean(score.power(by_ratio[ratio], threshold)).value for ratio in EFFECTS]
    return Honest(threshold, *found)
