"""Exact nearest neighbours of a growing set of unit vectors, kept as lists of fixed length."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.language.encode import FloatArray, IntArray

ROWS_PER_BLOCK = 256
TOUCHED_PER_BLOCK = 2_048
SPARE = 4  # candidates beyond the list length, so that rounding in the matrix product cannot lose a neighbour
ROUNDING = 1e-5
NOBODY = -1
KNOWS_ALL = -2.0  # below every cosine
ROWS_PER_NEIGHBOUR = 12  # small sets use shorter lists, or a list would reach across themes
FEWEST_NEIGHBOURS = 4


def list_length(rows: int, longest: int) -> int:
    """Return how many neighbours to use among so many rows."""
    return min(longest, max(FEWEST_NEIGHBOURS, rows // ROWS_PER_NEIGHBOUR))


class NeighbourLists:
    """Vectors with the `length` nearest others of each; always the same lists, however the vectors arrived.

    Equal cosines are ordered by position. Cosines are computed pair by pair in double precision after a matrix
    product has found the candidates, because the product's last digits depend on the shape of the block. Rows taken
    out leave lists shorter, but never under `least` while there are so many others: then they are searched anew.
    """

    def __init__(self, length: int, dimension: int, *, least: int | None = None) -> None:
        self.length = length
        self.least = length if least is None else least
        self.dimension = dimension
        self.size = 0
        # The cosine above which a list holds every other row; below it a list that lost neighbours knows nothing.
        self._floor: NDArray[np.float64] = np.zeros(0)
        self._vectors: FloatArray = np.zeros((0, dimension), dtype=np.float32)
        self._exact: NDArray[np.float64] = np.zeros((0, dimension))  # the same, for cosines pair by pair
        self._near: IntArray = np.zeros((0, length), dtype=np.int64)
        self._cosine: NDArray[np.float64] = np.zeros((0, length))

    @property
    def vectors(self) -> FloatArray:
        """Return the vectors: (n, d) float32, rows of unit length."""
        return self._vectors[: self.size]

    @property
    def near(self) -> IntArray:
        """Return positions of the neighbours, nearest first: (n, k) int64, -1 where there are fewer than k."""
        return self._near[: self.size]

    @property
    def cosine(self) -> NDArray[np.float64]:
        """Return the cosines that belong to `near`: (n, k) float64, -1 where there is no neighbour."""
        return self._cosine[: self.size]

    def add(self, vectors: FloatArray) -> None:
        """Append vectors, (m, d) float32 of unit length, and bring every list up to date."""
        for first in range(0, len(vectors), ROWS_PER_BLOCK):
            self._add_block(vectors[first : first + ROWS_PER_BLOCK])

    def remove(self, rows: IntArray) -> None:
        """Take rows out; the others close ranks, and lists left with fewer than `least` are searched anew."""
        kept = np.ones(self.size, dtype=bool)
        kept[rows] = False
        position = np.where(kept, np.cumsum(kept) - 1, NOBODY)
        near = self.near[kept]
        there = (near != NOBODY) & kept[near]
        order = np.argsort(~there, axis=1, kind="stable")
        self._near = np.take_along_axis(np.where(there, position[near], NOBODY), order, axis=1)
        self._cosine = np.take_along_axis(np.where(there, self.cosine[kept], -1.0), order, axis=1)
        self._vectors, self._floor = self.vectors[kept], self._floor[: len(kept)][kept]
        self._exact = self._exact[: len(kept)][kept]
        self.size = int(kept.sum())
        self._search(np.flatnonzero(there.sum(axis=1) < min(self.least, self.size - 1)))

    def complete(self) -> None:
        """Search anew the lists that rows taken out have left shorter than they need be."""
        self._search(np.flatnonzero((self.near != NOBODY).sum(axis=1) < min(self.length, self.size - 1)))

    def _search(self, rows: IntArray) -> None:
        """Fill the lists of some rows from nothing."""
        self._near[rows], self._cosine[rows], self._floor[rows] = NOBODY, -1.0, KNOWS_ALL
        wanted = min(self.length + SPARE, self.size - 1)
        for part in np.array_split(rows, max(1, -(-len(rows) // ROWS_PER_BLOCK))) if wanted > 0 else []:
            product = self.vectors[part] @ self.vectors.T
            product[np.arange(len(part)), part] = -2.0
            best = np.argpartition(product, -wanted, axis=1)[:, -wanted:]
            self._insert(np.repeat(part, wanted), best.ravel())

    def _add_block(self, block: FloatArray) -> None:
        old = self.size
        self._reserve(old + len(block))
        self._vectors[old : old + len(block)] = block
        self._exact[old : old + len(block)] = block
        self.size = old + len(block)
        product = block @ self.vectors.T
        product[np.arange(len(block)), np.arange(old, self.size)] = -2.0
        rows, others = self._candidates(product, old)
        self._insert(rows, others)

    def _candidates(self, product: FloatArray, old: int) -> tuple[IntArray, IntArray]:
        """List (list owner, candidate) pairs of a block's product with everything: (c,) and (c,) positions."""
        m = len(product)
        wanted = min(self.length + SPARE, self.size - 1)
        if wanted == 0:
            return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
        best = np.argpartition(product, -wanted, axis=1)[:, -wanted:]
        owners = np.repeat(np.arange(old, self.size), wanted)
        newer, older = np.nonzero(product[:, :old] > self._floor[:old].astype(np.float32) - ROUNDING)
        rows = np.concatenate([owners, older])
        return rows, np.concatenate([best.reshape(m * wanted), newer + old])

    def _insert(self, rows: IntArray, others: IntArray) -> None:
        """Merge candidate pairs into the lists of their owners, keeping the nearest; no pair is given twice."""
        exact = self._pair_cosine(rows, others)
        nearer = exact > self._floor[rows]
        order = np.argsort(rows[nearer], kind="stable")
        rows, others, exact = rows[nearer][order], others[nearer][order], exact[nearer][order]
        touched, starts, counts = np.unique(rows, return_index=True, return_counts=True)
        for few in np.array_split(
            np.argsort(counts, kind="stable"), max(1, len(touched) // TOUCHED_PER_BLOCK)
        ):
            if len(few):
                self._insert_some(touched[few], starts[few], counts[few], others, exact)

    def _insert_some(
        self,
        owners: IntArray,
        starts: IntArray,
        counts: IntArray,
        others: IntArray,
        exact: NDArray[np.float64],
    ) -> None:
        """Merge into the lists of `owners` the `counts` candidates that stand from `starts` on."""
        width = self.length + int(counts.max())
        near = np.full((len(owners), width), NOBODY)
        cosine = np.full((len(owners), width), -1.0)
        near[:, : self.length], cosine[:, : self.length] = self._near[owners], self._cosine[owners]
        line = np.repeat(np.arange(len(owners)), counts)
        within = np.arange(len(line)) - np.repeat(np.cumsum(counts) - counts, counts)
        near[line, self.length + within] = others[np.repeat(starts, counts) + within]
        cosine[line, self.length + within] = exact[np.repeat(starts, counts) + within]
        cosine[near == NOBODY] = -np.inf
        # By cosine, and equal ones by position: two stable sorts, the lesser key first.
        order = np.argsort(near, axis=1, kind="stable")
        near, cosine = np.take_along_axis(near, order, axis=1), np.take_along_axis(cosine, order, axis=1)
        order = np.argsort(-cosine, axis=1, kind="stable")[:, : self.length]
        near, cosine = np.take_along_axis(near, order, axis=1), np.take_along_axis(cosine, order, axis=1)
        self._near[owners] = near
        self._cosine[owners] = np.where(near == NOBODY, -1.0, cosine)
        full = near[:, -1] != NOBODY
        self._floor[owners[full]] = cosine[full, -1]

    def _pair_cosine(self, rows: IntArray, others: IntArray) -> NDArray[np.float64]:
        result = np.empty(len(rows))
        for first in range(0, len(rows), 1_024):
            part = slice(first, first + 1_024)
            result[part] = np.einsum("ij,ij->i", self._exact[rows[part]], self._exact[others[part]])
        return result.round(7)

    def _reserve(self, size: int) -> None:
        capacity = len(self._vectors)
        if size <= capacity:
            return
        more = max(size, 2 * capacity, 1_024) - capacity
        self._vectors = np.concatenate([self._vectors, np.zeros((more, self.dimension), dtype=np.float32)])
        self._exact = np.concatenate([self._exact, np.zeros((more, self.dimension))])
        self._near = np.concatenate([self._near, np.full((more, self.length), NOBODY)])
        self._cosine = np.concatenate([self._cosine, np.full((more, self.length), -1.0)])
        self._floor = np.concatenate([self._floor, np.full(more, KNOWS_ALL)])
