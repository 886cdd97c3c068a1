"""Fold near-identical wordings together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.language.encode import FloatArray, IntArray

ROWS_PER_BLOCK = 256
APART = -2.0  # below every cosine


def fold_copies(
    known: FloatArray,
    vectors: FloatArray,
    cosine: float,
    *,
    shut: NDArray[np.bool_] | None = None,
    alone: NDArray[np.bool_] | None = None,
) -> IntArray:
    """Give each vector the row of the closest earlier wording at least `cosine` close, or a new row.

    known: (k, d) rows 0 to k-1 so far; vectors: (m, d), all float32 of unit length. shut: (k,), rows that nothing
    joins. alone: (m,), vectors that get a row of their own, which nothing joins either. Returns (m,) int64; new rows
    are numbered from k in order of arrival, so the answer does not depend on how the vectors are batched.
    """
    rows = np.empty(len(vectors), dtype=np.int64)
    wordings = _Wordings(known, np.zeros(len(known), dtype=bool) if shut is None else shut)
    lone = np.zeros(len(vectors), dtype=bool) if alone is None else alone
    for first in range(0, len(vectors), ROWS_PER_BLOCK):
        part = slice(first, first + ROWS_PER_BLOCK)
        rows[part], fresh = _fold_block(wordings, vectors[part], lone[part], cosine)
        wordings.add(vectors[part][fresh], lone[part][fresh])
    return rows


class _Wordings:
    """The wordings known so far, in parts."""

    def __init__(self, known: FloatArray, shut: NDArray[np.bool_]) -> None:
        self.count = len(known)
        self._parts = [(known, shut)]

    def add(self, vectors: FloatArray, shut: NDArray[np.bool_]) -> None:
        self.count += len(vectors)
        self._parts.append((vectors, shut))

    def closest(self, block: FloatArray) -> tuple[FloatArray, IntArray]:
        """Return the cosine of the closest wording that may be joined, and its row; APART and 0 without one."""
        best = np.full(len(block), APART, dtype=np.float32)
        row = np.zeros(len(block), dtype=np.int64)
        offset = 0
        for part, shut in self._parts:
            if len(part):
                product = block @ part.T
                product[:, shut] = APART
                at = product.argmax(axis=1)
                top = product[np.arange(len(block)), at]
                better = top > best
                best[better], row[better] = top[better], at[better] + offset
            offset += len(part)
        return best, row


def _fold_block(
    wordings: _Wordings, block: FloatArray, alone: NDArray[np.bool_], cosine: float
) -> tuple[IntArray, list[int]]:
    """Fold one block: its rows (b,), and the positions in it that are new wordings."""
    best, row = wordings.closest(block)
    within = block @ block.T
    within[:, alone] = APART
    rows = np.where((best >= cosine) & ~alone, row, -1)
    fresh: list[int] = []
    for i in range(len(block)):
        earlier = within[i, fresh]
        close = int(earlier.argmax()) if len(earlier) and not alone[i] else -1
        if close >= 0 and earlier[close] >= cosine and earlier[close] > best[i]:
            rows[i] = wordings.count + close
        elif rows[i] < 0:
            rows[i] = wordings.count + len(fresh)
            fresh.append(i)
    return rows, fresh
