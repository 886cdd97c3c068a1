"""Cut vectors into two parts, and ask whether they are two clouds or one that was cut.

After SigClust (Liu, Hayes, Nobel and Marron 2008, Statistical Significance of Clustering for High-Dimension,
Low-Sample Size Data): the cluster index of the best cut is compared with that of normal clouds of the same spread.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from models.language.encode import FloatArray

DIRECTIONS = 10  # of greatest spread; further ones hold no cut that shows
MOST_ROWS = 1_000  # that spread and cut are found in, evenly spaced among all
ROUNDS = 25
CLOUDS = 20
CLEAR = 4.0  # standard deviations below the index that chance gives
SEED = 20_080
SAME = 1e-9  # mean square distance to the middle below which all vectors are one


@dataclass(slots=True)
class Parts:
    """A cut of n vectors: is_smaller (n,) bool, index: scatter inside the parts over scatter in all, 0 to 1."""

    is_smaller: NDArray[np.bool_]
    index: float
    _spread: NDArray[np.float64]
    _rows: int
    _clearness: float | None = field(default=None)

    def clearness(self) -> float:
        """Return by how many standard deviations the index lies below that of clouds of the same spread."""
        if self._clearness is None:
            rng = np.random.default_rng(SEED)
            clouds = [
                _cut(rng.standard_normal((self._rows, len(self._spread))) * self._spread)[1]
                for _ in range(CLOUDS)
            ]
            self._clearness = (float(np.mean(clouds)) - self.index) / max(float(np.std(clouds)), 1e-6)
        return self._clearness

    def is_clear(self) -> bool:
        """Say whether chance hardly cuts one cloud so well."""
        return self.clearness() >= CLEAR


def parts_of(vectors: FloatArray) -> Parts:
    """Cut vectors, (n, d) with n at least 2, into the two parts with the least scatter inside."""
    whole = vectors.astype(np.float64)
    step = -(-len(whole) // MOST_ROWS)
    sample = whole[::step]
    middle = sample.mean(axis=0)
    if float(((sample - middle) ** 2).sum()) < SAME * len(sample):
        return Parts(np.zeros(len(whole), dtype=bool), 1.0, np.zeros(1), len(sample))
    axes = _widest(sample - middle)
    # The sign of an axis is the library's choice; ours makes the cut repeat.
    axes *= np.where(axes[np.arange(len(axes)), np.abs(axes).argmax(axis=1)] < 0, -1.0, 1.0)[:, None]
    points = (sample - middle) @ axes.T
    centres, index = _cut(points)
    side = _nearest((whole - middle) @ axes.T, centres)
    is_smaller = side == (1 if side.sum() * 2 <= len(side) else 0)
    return Parts(is_smaller, index, points.std(axis=0), len(sample))


def _widest(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the directions of greatest spread, the widest first: (k, d), k at most `DIRECTIONS`, of unit length.

    From the smaller of the two products of the points with themselves: a decomposition of all of them costs ten times
    as much.
    """
    if len(points) >= points.shape[1]:
        return np.asarray(np.linalg.eigh(points.T @ points)[1].T[::-1][:DIRECTIONS])
    values, sides = np.linalg.eigh(points @ points.T)
    kept = np.flatnonzero(values > values[-1] * 1e-9)[::-1][:DIRECTIONS]
    return np.asarray((points.T @ sides[:, kept] / np.sqrt(values[kept])).T)


def _cut(points: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Find two centres by k-means, begun on either side of the widest direction: (2, k), and the cluster index."""
    middle = points.mean(axis=0)
    widest = int(points.var(axis=0).argmax())
    side = (points[:, widest] > np.median(points[:, widest])).astype(np.int64)
    centres = np.array([middle, middle])
    for _ in range(ROUNDS):
        if side.all() or not side.any():
            break
        centres = np.array([points[side == 0].mean(axis=0), points[side == 1].mean(axis=0)])
        after = _nearest(points, centres)
        if (after == side).all():
            break
        side = after
    inside = float(((points - centres[side]) ** 2).sum())
    total = float(((points - middle) ** 2).sum())
    return centres, inside / total if total > 0 else 1.0


def _nearest(points: NDArray[np.float64], centres: NDArray[np.float64]) -> NDArray[np.int64]:
    away = ((points[:, None, :] - centres[None, :, :]) ** 2).sum(axis=2)
    return np.asarray(away.argmin(axis=1), dtype=np.int64)
