"""The rows of a theme stream: one for each wording, with the items that share it and the theme it is in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from models.language.copies import fold_copies
from models.language.encode import FloatArray, IntArray
from models.language.neighbours import NeighbourLists


class ThemeRows:
    """Items of a stream in order of arrival, folded into rows of one wording each.

    Of n items: ids, arrived, row (n,) int64 and vectors (n, d). Of k rows: themes, row_arrived (k,) int64, held (k,)
    bool, and the neighbour lists. A held row is one item that a person put somewhere, or a seed, which is no item:
    nothing is folded into it and no vote moves it.
    """

    def __init__(
        self, dimension: int, *, neighbours: int, copy_cosine: float, least: int | None = None
    ) -> None:
        """Begin without rows; neighbours: longest list of a row's neighbours, never under `least` by removals."""
        self._dimension, self._neighbours, self._copy_cosine = dimension, neighbours, copy_cosine
        self._least = least
        self.ids: IntArray = np.zeros(0, dtype=np.int64)
        self.vectors: FloatArray = np.zeros((0, dimension), dtype=np.float32)
        self.arrived: IntArray = np.zeros(0, dtype=np.int64)
        self.row: IntArray = np.zeros(0, dtype=np.int64)
        self.seeds: IntArray = np.zeros(0, dtype=np.int64)  # rows, the first ones
        self._clear_rows()

    def _clear_rows(self) -> None:
        self.lists = NeighbourLists(self._neighbours, self._dimension, least=self._least)
        self.themes: IntArray = np.zeros(0, dtype=np.int64)
        self.row_arrived: IntArray = np.zeros(0, dtype=np.int64)
        self.held: NDArray[np.bool_] = np.zeros(0, dtype=bool)

    def __len__(self) -> int:
        return len(self.themes)

    def plant(self, seeds: Mapping[int, FloatArray]) -> None:
        """Put seeds into their themes, before any item; seeds: theme -> (k, d)."""
        for theme, vectors in sorted(seeds.items()):
            self._add_rows(
                vectors, np.full(len(vectors), theme), np.zeros(len(vectors), dtype=np.int64), True
            )
        self.seeds = np.arange(len(self), dtype=np.int64)

    def append(
        self,
        ids: IntArray,
        vectors: FloatArray,
        arrived: IntArray,
        themes: IntArray,
        held: NDArray[np.bool_],
    ) -> None:
        """Add items; those that repeat an earlier wording join its row, held and other ones get one of their own.

        So does a copy in another theme than the wording: acts that were undone leave some.
        """
        rows = self._fold(vectors, held)
        elsewhere = self._elsewhere(rows, themes)
        if elsewhere.any():
            rows = self._fold(vectors, held | elsewhere)
        _, firsts = np.unique(rows, return_index=True)
        firsts = np.sort(firsts[rows[firsts] >= len(self)])
        self._add_rows(vectors[firsts], themes[firsts], arrived[firsts], held[firsts])
        self.ids = np.concatenate([self.ids, ids])
        self.vectors = np.concatenate([self.vectors, vectors])
        self.arrived = np.concatenate([self.arrived, arrived])
        self.row = np.concatenate([self.row, rows])

    def _fold(self, vectors: FloatArray, alone: NDArray[np.bool_]) -> IntArray:
        return fold_copies(self.lists.vectors, vectors, self._copy_cosine, shut=self.held, alone=alone)

    def _elsewhere(self, rows: IntArray, themes: IntArray) -> NDArray[np.bool_]:
        """Say which items are in another theme than the first of the new row that they share: (m,) bool."""
        _, first, place = np.unique(rows, return_index=True, return_inverse=True)
        found: NDArray[np.bool_] = (rows >= len(self)) & (themes != themes[first][place])
        return found

    def _add_rows(
        self, vectors: FloatArray, themes: IntArray, arrived: IntArray, held: NDArray[np.bool_] | bool
    ) -> None:
        self.lists.add(vectors)
        self.themes = np.concatenate([self.themes, themes])
        self.row_arrived = np.concatenate([self.row_arrived, arrived])
        self.held = np.concatenate([self.held, np.broadcast_to(held, len(vectors))])

    def remove(self, ids: Iterable[int]) -> None:
        """Forget items; unknown ids are ignored."""
        kept = ~np.isin(self.ids, np.fromiter(ids, dtype=np.int64))
        if kept.all():
            return
        rows, first = np.unique(self.row, return_index=True)
        headless = rows[~kept[first]]  # rows that lose the wording they stand for
        if np.isin(self.row[kept], headless).any():
            self._rebuild(kept)  # a copy takes its place, and may stand elsewhere
        else:
            self._drop(kept, headless)

    def release(self, rows: IntArray) -> IntArray:
        """Let go of rows with all items behind them, and return the ids of those, (p,), in order of arrival."""
        if not len(rows):
            return np.zeros(0, dtype=np.int64)
        gone = np.isin(self.row, rows)
        released = self.ids[gone]
        self._drop(~gone, rows)
        return released

    def _drop(self, kept: NDArray[np.bool_], rows: IntArray) -> None:
        """Drop items, and rows that nobody is left in."""
        stay = np.ones(len(self), dtype=bool)
        stay[rows] = False
        self.lists.remove(rows)
        self.themes, self.row_arrived, self.held = self.themes[stay], self.row_arrived[stay], self.held[stay]
        self.row = (np.cumsum(stay) - 1)[self.row[kept]]
        self.ids, self.vectors, self.arrived = self.ids[kept], self.vectors[kept], self.arrived[kept]

    def _rebuild(self, kept: NDArray[np.bool_]) -> None:
        """Build all rows again from the seeds and the items kept."""
        themes, held = self.themes[self.row][kept], self.held[self.row][kept]
        ids, vectors, arrived = self.ids[kept], self.vectors[kept], self.arrived[kept]
        planted = self.lists.vectors[self.seeds], self.themes[self.seeds], self.row_arrived[self.seeds]
        self.ids, self.vectors, self.arrived, self.row = ids[:0], vectors[:0], arrived[:0], self.row[:0]
        self._clear_rows()
        self._add_rows(*planted, True)
        self.append(ids, vectors, arrived, themes, held)

    def themes_of_items(self) -> IntArray:
        """Return every item's theme: (n,) int64 in order of arrival, 0 for one that waits."""
        return self.themes[self.row]

    def heads(self) -> IntArray:
        """Return the id of the first item behind each row, (k,); -1 for a seed."""
        found = np.full(len(self), -1)
        rows, first = np.unique(self.row, return_index=True)
        found[rows] = self.ids[first]
        return found

    def last_arrived(self) -> IntArray:
        """Return when the last item behind each row arrived, (k,)."""
        found = self.row_arrived.copy()
        np.maximum.at(found, self.row, self.arrived)
        return found

    def copies(self) -> IntArray:
        """Return how many items share each row: (k,)."""
        return np.bincount(self.row, minlength=len(self))

    def items_in(self, rows: IntArray) -> tuple[IntArray, IntArray]:
        """Return the items that share `rows`, in order of arrival: their positions, and those of their rows."""
        position = np.full(len(self), -1)
        position[rows] = np.arange(len(rows))
        items = np.flatnonzero(position[self.row] >= 0)
        return items, position[self.row[items]]
