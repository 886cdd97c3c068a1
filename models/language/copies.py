"""Fold near-identical wordings together."""

from __future__ import annotations

import numpy as np

from models.language.encode import FloatArray, IntArray

ROWS_PER_BLOCK = 256


def fold_copies(known: FloatArray, vectors: FloatArray, cosine: float) -> IntArray:
    """Give each vector the row of the closest earlier wording at least `cosine` close, or a new row.

    known: (k, d) rows 0 to k-1 so far; vectors: (m, d), all float32 of unit length. Returns (m,) int64; new rows
    are numbered from k in order of arrival, so the answer does not depend on how the vectors are batched.
    """
    rows = np.empty(len(vectors), dtype=np.int64)
    wordings = [known]
    count = len(known)
    for first in range(0, len(vectors), ROWS_PER_BLOCK):
        block = vectors[first : first + ROWS_PER_BLOCK]
        part, fresh = _fold_block(wordings, count, block, cosine)
        rows[first : first + len(block)] = part
        wordings.append(block[fresh])
        count += len(fresh)
    return rows


def _fold_block(
    wordings: list[FloatArray], count: int, block: FloatArray, cosine: float
) -> tuple[IntArray, list[int]]:
    """Fold one block: its rows (b,), and the positions in it that are new wordings."""
    best, row = _closest(wordings, block)
    within = block @ block.T
    rows = np.where(best >= cosine, row, -1)
    fresh: list[int] = []
    for i in range(len(block)):
        earlier = within[i, fresh]
        close = int(earlier.argmax()) if len(earlier) else -1
        if close >= 0 and earlier[close] >= cosine and earlier[close] > best[i]:
            rows[i] = count + close
        elif rows[i] < 0:
            rows[i] = count + len(fresh)
            fresh.append(i)
    return rows, fresh


def _closest(wordings: list[FloatArray], block: FloatArray) -> tuple[FloatArray, IntArray]:
    best = np.full(len(block), -2.0, dtype=np.float32)
    row = np.zeros(len(block), dtype=np.int64)
    offset = 0
    for part in wordings:
        if len(part):
            product = block @ part.T
            at = product.argmax(axis=1)
            top = product[np.arange(len(block)), at]
            better = top > best
            best[better], row[better] = top[better], at[better] + offset
        offset += len(part)
    return best, row
