"""Exact nearest neighbours of a growing set of unit vectors, kept as lists of fixed length."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.language.encode import FloatArray, IntArray

ROWS_PER_BLOCK = 256
SPARE = 4  # candidates beyond the list length, so that rounding in the matrix product cannot lose a neighbour
ROUNDING = 1e-5
NOBODY = -1
ROWS_PER_NEIGHBOUR = 12  # small sets use shorter lists, or a list would reach across themes
FEWEST_NEIGHBOURS = 4


def list_length(rows: int, longest: int) -> int:
    """Return how many neighbours to use among so many rows."""
    return min(longest, max(FEWEST_NEIGHBOURS, rows // ROWS_PER_NEIGHBOUR))


class NeighbourLists:
    """Vectors with the `length` nearest others of each; always the same lists, however the vectors arrived.

    Equal cosines are ordered by position. Cosines are computed pair by pair in double precision after a matrix
    product has found the candidates, because the product's last digits depend on the shape of the block.
    """

    def __init__(self, length: int, dimension: int) -> None:
        self.length = length
        self.dimension = dimension
        self.size = 0
        self._vectors: FloatArray = np.zeros((0, dimension), dtype=np.float32)
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
        """Take rows out; the others close ranks, and lists that held one of them are searched anew."""
        kept = np.ones(self.size, dtype=bool)
        kept[rows] = False
        position = np.where(kept, np.cumsum(kept) - 1, NOBODY)
        near = self.near[kept]
        held = near != NOBODY
        bereft = (held & ~kept[near]).any(axis=1)
        self._vectors, self._cosine = self.vectors[kept], self.cosine[kept]
        self._near = np.where(held, position[near], NOBODY)
        self.size = int(kept.sum())
        self._search(np.flatnonzero(bereft).astype(np.int64))

    def _search(self, rows: IntArray) -> None:
        """Fill the lists of some rows from nothing."""
        self._near[rows], self._cosine[rows] = NOBODY, -1.0
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
        newer, older = np.nonzero(product[:, :old] > self.cosine[:old, -1].astype(np.float32) - ROUNDING)
        rows = np.concatenate([owners, older])
        return rows, np.concatenate([best.reshape(m * wanted), newer + old])

    def _insert(self, rows: IntArray, others: IntArray) -> None:
        """Merge candidate pairs into the lists of their owners, keeping the nearest."""
        touched = np.unique(rows)
        owners = np.concatenate([np.repeat(touched, self.length), rows])
        near = np.concatenate([self._near[touched].ravel(), others])
        cosine = np.concatenate([self._cosine[touched].ravel(), self._pair_cosine(rows, others)])
        known = near != NOBODY
        owners, near, cosine = owners[known], near[known], cosine[known]
        order = np.lexsort((near, -cosine, owners))
        owners, near, cosine = owners[order], near[order], cosine[order]
        starts = np.searchsorted(owners, touched)
        rank = np.arange(len(owners)) - np.repeat(starts, np.diff(np.append(starts, len(owners))))
        kept = rank < self.length
        self._near[touched], self._cosine[touched] = NOBODY, -1.0
        self._near[owners[kept], rank[kept]] = near[kept]
        self._cosine[owners[kept], rank[kept]] = cosine[kept]

    def _pair_cosine(self, rows: IntArray, others: IntArray) -> NDArray[np.float64]:
        result = np.empty(len(rows))
        for first in range(0, len(rows), 4_096):
            part = slice(first, first + 4_096)
            left = self._vectors[rows[part]].astype(np.float64)
            result[part] = np.einsum("ij,ij->i", left, self._vectors[others[part]].astype(np.float64))
        return result.round(7)

    def _reserve(self, size: int) -> None:
        capacity = len(self._vectors)
        if size <= capacity:
            return
        more = max(size, 2 * capacity, 1_024) - capacity
        self._vectors = np.concatenate([self._vectors, np.zeros((more, self.dimension), dtype=np.float32)])
        self._near = np.concatenate([self._near, np.full((more, self.length), NOBODY)])
        self._cosine = np.concatenate([self._cosine, np.full((more, self.length), -1.0)])
