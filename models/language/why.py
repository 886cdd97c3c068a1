"""Say why an item is in its theme: recount its neighbours' votes from vectors read in blocks, without the stream."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.language.copies import fold_copies
from models.language.encode import FloatArray, IntArray
from models.language.neighbours import ROWS_PER_NEIGHBOUR, list_length
from models.language.place import PENDING, count_contests

VOTERS = 64  # wordings kept, more than any list is long
OF_EACH_THEME = 5  # nearest wordings kept of every theme, for examples
SEED = 0  # stands in place of an item's id where a person's wording votes


@dataclass(frozen=True, slots=True)
class Example:
    """A wording near an item, by the item that said it first; SEED: one that a person expects."""

    item: int
    cosine: float


@dataclass(frozen=True, slots=True)
class Why:
    """How an item's neighbours vote today: shares of all their votes, from 0 to 1.

    share: for its own theme, 0 for an item that waits. rival: the other theme with most votes, 0 if there is none.
    members, rivals: the nearest wordings of the two themes, nearest first.
    """

    share: float
    rival: int
    rival_share: float
    members: tuple[Example, ...]
    rivals: tuple[Example, ...]

    @property
    def margin(self) -> float:
        """Return by how much the share of its own theme exceeds the other's; negative where the other leads."""
        return self.share - self.rival_share


class Nearby:
    """The wordings nearest to one item, kept while all vectors are read in order of arrival.

    Copies are folded as the stream folds them, so a flood of copies votes once. What repeats the item's own wording
    does not vote on it, unless a person put the item where it is: then it stands alone. Only the nearest are kept,
    so a copy of a wording too far to be kept is folded into the nearest one that was.
    """

    def __init__(self, vector: FloatArray, item: int, *, alone: bool, copy_cosine: float) -> None:
        """Begin with the item's own vector, (d,) float32 of unit length; alone: a person put it where it is."""
        self._vector, self._item, self._alone = vector.astype(np.float64), item, alone
        self._copy_cosine = copy_cosine
        none = np.zeros(0, dtype=np.int64)
        self._items, self._themes, self._cosine = none, none, np.zeros(0)
        self._vectors: FloatArray = np.zeros((0, len(vector)), dtype=np.float32)
        self._shut: NDArray[np.bool_] = np.zeros(0, dtype=bool)
        self._first: FloatArray = self._vectors  # the first wordings read: enough to know how long lists are
        self._first_shut = self._shut

    def read(self, items: IntArray, themes: IntArray, vectors: FloatArray, alone: NDArray[np.bool_]) -> None:
        """Take in one block: items (m,), themes (m,) with 0 for waiting, vectors (m, d), alone (m,)."""
        self._count(vectors, alone)
        cosine = (vectors.astype(np.float64) @ self._vector).round(7)
        mine = items == self._item
        if not self._alone:
            mine |= ~alone & (cosine >= self._copy_cosine)
        wanted = np.flatnonzero(~mine & self._may_matter(themes, cosine))
        rows = fold_copies(
            self._vectors, vectors[wanted], self._copy_cosine, shut=self._shut, alone=alone[wanted]
        )
        known = len(self._items)
        fresh, at = np.unique(rows, return_index=True)
        new = wanted[at[fresh >= known]]
        self._items = np.concatenate([self._items, items[new]])
        self._themes = np.concatenate([self._themes, themes[new]])
        self._cosine = np.concatenate([self._cosine, cosine[new]])
        self._vectors = np.concatenate([self._vectors, vectors[new]])
        self._shut = np.concatenate([self._shut, alone[new]])
        self._forget_far()

    def why(self, theme: int, *, neighbours: int) -> Why:
        """Count the votes on the item, which is in `theme` (0: it waits), as lists of `neighbours` have them."""
        order = np.lexsort((np.arange(len(self._items)), -self._cosine))
        nearest = order[: list_length(len(self._first), neighbours)]
        if not len(nearest):
            return Why(0.0, PENDING, 0.0, (), ())
        near = np.arange(1, len(nearest) + 1)[None, :]
        themes = np.concatenate([[theme], self._themes[nearest]])
        found = count_contests(near, self._cosine[nearest][None, :], themes, np.zeros(1, dtype=np.int64))
        rival = int(found.rival[0])
        return Why(
            share=float(found.own[0]),
            rival=rival,
            rival_share=float(found.rival_share[0]),
            members=self._examples(order, theme),
            rivals=self._examples(order, rival),
        )

    def _count(self, vectors: FloatArray, alone: NDArray[np.bool_]) -> None:
        if len(self._first) >= ROWS_PER_NEIGHBOUR * VOTERS:
            return
        rows = fold_copies(self._first, vectors, self._copy_cosine, shut=self._first_shut, alone=alone)
        fresh, at = np.unique(rows, return_index=True)
        new = at[fresh >= len(self._first)]
        self._first = np.concatenate([self._first, vectors[new]])
        self._first_shut = np.concatenate([self._first_shut, alone[new]])

    def _may_matter(self, themes: IntArray, cosine: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Say what is nearer than the farthest kept of all, or of its theme: (m,) bool."""
        if len(self._items) < VOTERS:
            return np.ones(len(themes), dtype=bool)
        farthest = np.sort(self._cosine)[-VOTERS]
        floors = {
            int(theme): np.sort(self._cosine[self._themes == theme])[-OF_EACH_THEME]
            for theme, size in zip(*np.unique(self._themes, return_counts=True), strict=True)
            if size >= OF_EACH_THEME
        }
        floor = np.array([floors.get(theme, -2.0) for theme in themes.tolist()])
        return np.asarray((cosine > farthest) | (cosine > floor))

    def _forget_far(self) -> None:
        """Keep the nearest of all and the nearest of each theme, in order of arrival."""
        place = np.arange(len(self._items))
        kept = np.zeros(len(place), dtype=bool)
        kept[np.lexsort((place, -self._cosine))[:VOTERS]] = True
        order = np.lexsort((place, -self._cosine, self._themes))
        _, starts, sizes = np.unique(self._themes[order], return_index=True, return_counts=True)
        rank = place - np.repeat(starts, sizes)
        kept[order[rank < OF_EACH_THEME]] = True
        self._items, self._themes, self._cosine = self._items[kept], self._themes[kept], self._cosine[kept]
        self._vectors, self._shut = self._vectors[kept], self._shut[kept]

    def _examples(self, order: IntArray, theme: int) -> tuple[Example, ...]:
        if theme == PENDING:
            return ()
        found = [row for row in order.tolist() if self._themes[row] == theme][:OF_EACH_THEME]
        return tuple(Example(int(self._items[row]), float(self._cosine[row])) for row in found)
