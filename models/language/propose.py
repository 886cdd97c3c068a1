"""Propose changes to themes from communities of items: births, bursts, merges. Nothing here changes anything."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtrc  # the upper tail of a binomial; scipy.stats would take a second to load

from models.language.encode import FloatArray, IntArray
from models.language.place import PENDING
from models.language.theme_rows import ThemeRows


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
        if not covered and bdtrc(len(new) - 1, len(members), base) < chance:
            yield new


def join(
    themes: IntArray,
    shares: NDArray[np.float64],
    sizes: IntArray,
    *,
    least: float,
    merge: Callable[[int, int], bool],
) -> None:
    """Call `merge(old, into)` for pairs of themes that belong together, the surest first, until none has `least`.

    themes: (t,). shares: (t, t), how surely a row of one and a row of the other share a community; sizes: (t,) rows.
    The smaller goes into the larger, whose shares become the averages over both (average linkage). `merge` answers
    whether it merged them; those that it did not will not join by way of others either.
    """
    left = shares.astype(np.float64)
    weight = sizes.astype(np.float64)
    np.fill_diagonal(left, -1.0)
    while left.size:
        a, b = sorted(int(at) for at in np.unravel_index(int(left.argmax()), left.shape))
        if left[a, b] < least:
            return
        old, into = (a, b) if weight[a] < weight[b] else (b, a)
        if not merge(int(themes[old]), int(themes[into])):
            left[a, b] = left[b, a] = -1.0
            continue
        mean = (weight[old] * left[old] + weight[into] * left[into]) / (weight[old] + weight[into])
        mean[(left[old] < 0) | (left[into] < 0)] = -1.0
        left[into], left[:, into] = mean, mean
        left[old], left[:, old] = -1.0, -1.0
        weight[into] += weight[old]


def alike(means: dict[int, FloatArray], *, cosine: float) -> list[tuple[int, int]]:
    """List pairs of themes (lower, higher) whose members have at least this cosine on average, closest first.

    The product of two means is the average over all pairs of members (average linkage): a theme of many kinds
    has a short mean and so does not draw others in, as the cosine of centres would let it.
    """
    numbers = sorted(means)
    if len(numbers) < 2:
        return []
    matrix = np.array([means[number] for number in numbers])
    together = matrix @ matrix.T
    pairs = np.argwhere(np.triu(together >= cosine, k=1))
    ranked = sorted((-float(together[a, b]), numbers[a], numbers[b]) for a, b in pairs)
    return [(theme, other) for _, theme, other in ranked]


def are_near(rows: ThemeRows, a: int, b: int, *, cosine: float) -> bool:
    """Say whether the centres of two themes have at least this cosine."""
    one, other = (rows.lists.vectors[rows.themes == theme].mean(axis=0) for theme in (a, b))
    return float(one @ other) >= cosine * float(np.linalg.norm(one)) * float(np.linalg.norm(other))


def join_wide(
    vectors: FloatArray,
    themes: IntArray,
    *,
    cosine: float,
    resolve: Callable[[int], int],
    merge: Callable[[int, int], bool],
) -> None:
    """Call `merge(old, into)` for pairs of themes whose members are alike on average, asking again after every merge.

    vectors: (n, d). themes: (n,), changed in place by `merge`. resolve: the theme that stands for another by now.
    """
    for pair in alike(theme_means(vectors, themes), cosine=cosine):
        a, b = (resolve(theme) for theme in pair)
        members = [themes == theme for theme in (a, b)]
        one, other = (vectors[each].mean(axis=0) for each in members)
        if a != b and float(one @ other) >= cosine:
            merge(*((a, b) if members[0].sum() < members[1].sum() else (b, a)))


def theme_means(vectors: FloatArray, themes: IntArray) -> dict[int, FloatArray]:
    """Return each theme's mean vector: theme -> (d,) float32, the shorter the more its members differ."""
    placed = np.flatnonzero(themes != PENDING)
    order = placed[np.argsort(themes[placed], kind="stable")]
    if not len(order):
        return {}
    numbers, starts, sizes = np.unique(themes[order], return_index=True, return_counts=True)
    sums = np.add.reduceat(vectors[order], starts, axis=0)
    return dict(zip(numbers.tolist(), sums / sizes[:, None].astype(np.float32), strict=True))


def theme_centres(vectors: FloatArray, themes: IntArray) -> dict[int, FloatArray]:
    """Return each theme's mean vector, scaled to unit length: theme -> (d,) float32."""
    return {theme: _unit(mean) for theme, mean in theme_means(vectors, themes).items()}


def _unit(vector: FloatArray) -> FloatArray:
    return vector / max(float(np.linalg.norm(vector)), float(np.finfo(np.float32).tiny))


def _groups(labels: IntArray) -> list[IntArray]:
    order = np.argsort(labels, kind="stable")
    _, starts = np.unique(labels[order], return_index=True)
    return np.split(order, starts[1:])
