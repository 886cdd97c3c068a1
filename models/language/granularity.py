"""How finely to cut the graph of neighbours, read off the data: the coarsest cut that resampling repeats.

No number of themes suits every workspace. What can be asked of the data alone is whether a cut is a finding or an
accident: two samples of the same rows, each cut by itself, should agree. Of resolutions that agree about equally well
the coarsest is taken, because a pure theme that is cut in two is cut at random, while distinct problems are not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from models.language.encode import IntArray
from models.language.graph import communities, shared_neighbour_graph
from models.language.neighbours import NOBODY
from models.language.place import PENDING

SEED = 0
DRAWS = 4
SHARE = 0.7  # of the rows, in each draw
LIST_SHARE = 0.65  # of a row's list that a sample still holds, at least nearly always
TOLERANCE = 0.015  # of agreement, within which the coarsest resolution is taken
# From 0.13: groups with less than an eighth of the links that chance would give them are never one.
RESOLUTIONS: tuple[float, ...] = tuple(1.5**step for step in range(-5, 12))
STRIDE = 2  # every second resolution is tried
FINER = 2  # steps above the chosen resolution for the second cut that themes are judged by
WINDOW = 1  # tries below the last choice when it is known; there is one more above

# Births are as fine as a group of five is: communities of a fixed size, and no finer than FINEST.
ROWS_AT_FINENESS_1, FINEST = 120_000, 60.0
SMALL_SET_FINENESS = 0.12  # per row: below 500 rows communities must grow again, or nothing would join
# When an import ends, what still waits joins wider groups: of so many times the rows in thousands to this power.
SETTLED_FINENESS, SETTLED_GROWTH = 5.2, 0.25


def fineness(rows: int, *, settle: bool) -> float:
    """Return the resolution at which themes are born among so many rows; `settle`: when an import ends."""
    count = max(1, rows)
    if settle:
        return float(SETTLED_FINENESS * max(1.0, count / 1_000) ** SETTLED_GROWTH)
    return min(SMALL_SET_FINENESS * count, ROWS_AT_FINENESS_1 / count, FINEST)


@dataclass(frozen=True, slots=True)
class Cuts:
    """Communities of samples of the rows at the resolution that the data repeat, and at a finer one.

    step: position of that resolution in RESOLUTIONS. labels: (n,) int64 each, -1 for rows outside the sample.
    """

    step: int
    labels: tuple[IntArray, ...]

    @property
    def resolution(self) -> float:
        """Return the resolution that the data repeat."""
        return RESOLUTIONS[self.step]


class _Samples:
    """Graphs of some draws of the rows, and their communities at each resolution asked for, each computed once."""

    def __init__(self, near: IntArray, length: int) -> None:
        self._count = len(near)
        self._rows: list[IntArray] = []
        self._graphs: list[sparse.csr_matrix] = []
        self._cuts: dict[float, list[IntArray]] = {}
        rng = np.random.default_rng(SEED)
        for _ in range(DRAWS):
            kept = rng.random(len(near)) < SHARE
            self._rows.append(np.flatnonzero(kept))
            self._graphs.append(shared_neighbour_graph(_among(near, kept, length)))

    def cut(self, resolution: float) -> list[IntArray]:
        """Return the communities of every draw: (n,) each, -1 outside."""
        if resolution not in self._cuts:
            self._cuts[resolution] = []
            for rows, graph in zip(self._rows, self._graphs, strict=True):
                labels = np.full(self._count, NOBODY)
                labels[rows] = communities(graph, resolution)
                self._cuts[resolution].append(labels)
        return self._cuts[resolution]

    def agreement(self, resolution: float) -> float:
        """Return the mean adjusted mutual information of all pairs of draws, on the rows that both hold."""
        cuts = self.cut(resolution)
        if min(int(labels.max()) for labels in cuts) == 0:
            return 0.0  # one community of everything always agrees, and says nothing
        return float(np.mean([_agree(a, b) for at, a in enumerate(cuts) for b in cuts[at + 1 :]]))


def lists_for_samples(length: int) -> int:
    """Return how long lists of neighbours must be for a sample of the rows to hold `length` of them."""
    return math.ceil(length / LIST_SHARE)


def repeated_cuts(near: IntArray, *, length: int, last: int | None = None, dial: float = 1.0) -> Cuts:
    """Find the coarsest resolution whose communities repeat in samples of the rows, and return those communities.

    near: (n, k) lists of neighbours, -1 where there is none, of `lists_for_samples(length)` or more. last: the step
    found before, near which the search stays; None searches the whole range. dial: times the resolution found,
    finer above 1. Agreement is adjusted mutual information (Vinh, Epps and Bailey 2010); choosing by stability
    under resampling follows Ben-Hur, Elisseeff and Guyon 2002.
    """
    samples = _Samples(near[:, : lists_for_samples(length)], length)
    steps = range(0, len(RESOLUTIONS) - FINER, STRIDE)
    at = 0 if last is None else min(last // STRIDE, len(steps) - 1)
    tried = steps if last is None else steps[max(0, at - WINDOW) : at + WINDOW + 2]
    agreement = {step: samples.agreement(RESOLUTIONS[step]) for step in tried}
    step = min(each for each in tried if agreement[each] >= max(agreement.values()) - TOLERANCE)
    labels = [label for each in (step, step + FINER) for label in samples.cut(dial * RESOLUTIONS[each])]
    return Cuts(step, tuple(labels))


def together(cuts: Sequence[IntArray], themes: IntArray) -> tuple[IntArray, NDArray[np.float64]]:
    """Return, for each pair of themes, how surely a row of one and a row of the other share a community.

    cuts: (n,) labels, -1 outside. themes: (n,), 0 for rows in none. Returns the themes, (t,) in order, and a
    symmetric (t, t) matrix of shares from 0 to 1, averaged over the cuts that hold both (evidence accumulation,
    Fred and Jain 2005).
    """
    numbers = np.unique(themes[themes != PENDING])
    total = np.zeros((len(numbers), len(numbers)))
    asked = np.zeros_like(total)
    slot = np.searchsorted(numbers, themes)
    for labels in cuts:
        inside = (themes != PENDING) & (labels != NOBODY)
        shape = (len(numbers), int(labels.max(initial=0)) + 1)
        held = sparse.csr_matrix((np.ones(inside.sum()), (slot[inside], labels[inside])), shape=shape)
        sizes = np.asarray(held.sum(axis=1)).ravel()
        part = sparse.diags(1.0 / np.maximum(sizes, 1.0)) @ held
        total += (part @ part.T).toarray()
        asked += np.outer(sizes > 0, sizes > 0)  # a theme of few rows may be in no sample
    return numbers, total / np.maximum(asked, 1.0)


def _among(near: IntArray, kept: NDArray[np.bool_], length: int) -> IntArray:
    """Return the lists of the rows kept, of rows kept only, renumbered, at most `length` of each."""
    position = np.where(kept, np.cumsum(kept) - 1, NOBODY)
    mine = near[kept]
    there = (mine != NOBODY) & kept[mine]
    order = np.argsort(~there, axis=1, kind="stable")[:, :length]
    renumbered = np.where(there, position[mine], NOBODY)
    return np.asarray(np.take_along_axis(renumbered, order, axis=1))


def _agree(a: IntArray, b: IntArray) -> float:
    from sklearn.metrics import adjusted_mutual_info_score  # 110 MiB: only where themes are compared

    both = (a != NOBODY) & (b != NOBODY)
    return float(adjusted_mutual_info_score(a[both], b[both]))
