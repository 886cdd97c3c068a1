"""Propose changes to themes from communities of items: births, bursts, merges. Nothing here changes anything."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from models.language.encode import FloatArray, IntArray
from models.language.place import PENDING


def births(
    labels: IntArray, themes: IntArray, copies: IntArray, *, least: int, share: float
) -> Iterator[IntArray]:
    """Yield the pending members of each community that has enough of them, as rows in order.

    labels, themes, copies: (n,); copies counts the items behind a row. Enough: at least `least` items, and at
    least `share` of the community's rows.
    """
    for members in _groups(labels):
        pending = members[themes[members] == PENDING]
        if copies[pending].sum() >= least and len(pending) >= share * len(members):
            yield pending


def bursts(
    labels: IntArray, themes: IntArray, recent: NDArray[np.bool_], *, least: int, share: float, chance: float
) -> Iterator[IntArray]:
    """Yield the recent members of each community that is newer than chance allows and that no theme covers.

    recent: (n,) bool. Newer than chance: a binomial tail below `chance`. Covered: one theme holds half of the
    community and has 40 % of itself in it.
    """
    base = recent.mean()
    sizes = np.bincount(themes)
    for members in _groups(labels):
        new = members[recent[members]]
        if len(new) < least or len(new) < share * len(members):
            continue
        inside = np.bincount(themes[members], minlength=len(sizes))
        inside[PENDING] = 0
        main = int(inside.argmax())
        covered = inside[main] >= 0.5 * len(members) and inside[main] >= 0.4 * sizes[main]
        if not covered and binom.sf(len(new) - 1, len(members), base) < chance:
            yield new


def neighbours_to_merge(
    labels: IntArray, themes: IntArray, centres: dict[int, FloatArray], *, share: float, cosine: float
) -> list[tuple[int, int, float]]:
    """List pairs of themes that sit in one community and have close centres, closest first.

    A theme sits in a community that holds at least `share` of its rows. Returns (lower, higher, cosine).
    """
    home = _homes(labels, themes, share)
    pairs = []
    for theme, place in home.items():
        for other, elsewhere in home.items():
            if theme < other and place == elsewhere:
                close = float(centres[theme] @ centres[other])
                if close >= cosine:
                    pairs.append((theme, other, close))
    return sorted(pairs, key=lambda pair: (-pair[2], pair[0], pair[1]))


def alike(centres: dict[int, FloatArray], *, cosine: float) -> list[tuple[int, int, float]]:
    """List pairs of themes with centres so close that they say the same, wherever they sit; closest first."""
    numbers = sorted(centres)
    if len(numbers) < 2:
        return []
    matrix = np.array([centres[number] for number in numbers])
    near = matrix @ matrix.T
    pairs = [
        (numbers[a], numbers[b], float(near[a, b])) for a, b in np.argwhere(np.triu(near >= cosine, k=1))
    ]
    return sorted(pairs, key=lambda pair: (-pair[2], pair[0], pair[1]))


def theme_centres(vectors: FloatArray, themes: IntArray) -> dict[int, FloatArray]:
    """Return each theme's mean vector, scaled to unit length: theme -> (d,) float32."""
    placed = np.flatnonzero(themes != PENDING)
    order = placed[np.argsort(themes[placed], kind="stable")]
    if not len(order):
        return {}
    numbers, starts = np.unique(themes[order], return_index=True)
    sums = np.add.reduceat(vectors[order], starts, axis=0)
    lengths = np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), np.finfo(np.float32).tiny)
    return dict(zip(numbers.tolist(), sums / lengths, strict=True))


def _homes(labels: IntArray, themes: IntArray, share: float) -> dict[int, int]:
    homes = {}
    for theme in np.unique(themes[themes != PENDING]).tolist():
        counts = np.bincount(labels[themes == theme])
        if counts.max() >= share * counts.sum():
            homes[theme] = int(counts.argmax())
    return homes


def _groups(labels: IntArray) -> list[IntArray]:
    order = np.argsort(labels, kind="stable")
    _, starts = np.unique(labels[order], return_index=True)
    return np.split(order, starts[1:])
