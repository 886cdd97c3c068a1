"""Place items in themes by the vote of their nearest neighbours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.language.encode import IntArray

PENDING = 0
VOTE_POWER = 8  # a neighbour's vote is its cosine to this power
ROWS_PER_BLOCK = 4_096
TIE = 1e-9


@dataclass(frozen=True, slots=True)
class Votes:
    """What the neighbours of p items say; every field is (p,).

    theme: int64, the theme with most votes, 0 if no neighbour is placed. share: its part of all votes, those of
    pending neighbours included. nearest: cosine to the nearest neighbour inside it, -1 if none. own: the part of
    the votes for the theme the item itself is in.
    """

    theme: IntArray
    share: NDArray[np.float64]
    nearest: NDArray[np.float64]
    own: NDArray[np.float64]


def count_votes(near: IntArray, cosine: NDArray[np.float64], themes: IntArray, rows: IntArray) -> Votes:
    """Count the votes of the neighbours of `rows`: lists (n, k), themes (n,) with 0 for pending, rows (p,)."""
    blocks = [
        _count_block(near[part], cosine[part], themes, themes[part])
        for part in np.array_split(rows, max(1, -(-len(rows) // ROWS_PER_BLOCK)))
    ]
    return Votes(
        theme=np.concatenate([block.theme for block in blocks]),
        share=np.concatenate([block.share for block in blocks]),
        nearest=np.concatenate([block.nearest for block in blocks]),
        own=np.concatenate([block.own for block in blocks]),
    )


@dataclass(frozen=True, slots=True)
class Contests:
    """How the votes on p items fall between the theme each is in and the strongest other one; every field is (p,).

    own: the part of all votes for the item's theme, 0 for one that waits. rival: int64, the other theme with most
    votes, 0 if there is none, and rival_share its part. The margin of an item is own - rival_share.
    """

    own: NDArray[np.float64]
    rival: IntArray
    rival_share: NDArray[np.float64]


def count_contests(near: IntArray, cosine: NDArray[np.float64], themes: IntArray, rows: IntArray) -> Contests:
    """Count the votes on `rows` for their own theme and against it, by the rule of `count_votes`."""
    blocks = [
        _contest_block(near[part], cosine[part], themes, themes[part])
        for part in np.array_split(rows, max(1, -(-len(rows) // ROWS_PER_BLOCK)))
    ]
    return Contests(
        own=np.concatenate([block.own for block in blocks]),
        rival=np.concatenate([block.rival for block in blocks]),
        rival_share=np.concatenate([block.rival_share for block in blocks]),
    )


@dataclass(frozen=True, slots=True)
class _Ballots:
    """The votes of p lists of k neighbours: whom each is for, its weight, the weight of its theme, and of all."""

    theirs: IntArray
    weight: NDArray[np.float64]
    mass: NDArray[np.float64]
    total: NDArray[np.float64]

    def own(self, mine: IntArray) -> NDArray[np.float64]:
        """Return the part of the votes for the themes `mine`, (p,); 0 for one that waits."""
        found = np.where(self.theirs == mine[:, None], self.weight, 0.0).sum(axis=1) * (mine != PENDING)
        return np.asarray(found / self.total)

    def winner(self, mass: NDArray[np.float64]) -> IntArray:
        """Return the theme that has most of `mass`, (p,); a tie goes to the older theme, and 0 is nobody."""
        most = mass.max(axis=1)
        leading = (mass >= most[:, None] - TIE) & (mass > 0)
        last = np.iinfo(np.int64).max
        found = np.where(leading, self.theirs, last).min(axis=1)
        found[found == last] = PENDING
        return np.asarray(found)


def _cast(near: IntArray, cosine: NDArray[np.float64], themes: IntArray) -> _Ballots:
    weight = np.where(near >= 0, np.clip(cosine, 0, None) ** VOTE_POWER, 0.0)
    theirs = np.where(near >= 0, themes[near], PENDING)
    total = np.maximum(weight.sum(axis=1), np.finfo(float).tiny)
    mass = np.einsum("pij,pj->pi", theirs[:, :, None] == theirs[:, None, :], weight)
    mass[theirs == PENDING] = 0.0
    return _Ballots(theirs, weight, mass, total)


def _count_block(near: IntArray, cosine: NDArray[np.float64], themes: IntArray, mine: IntArray) -> Votes:
    cast = _cast(near, cosine, themes)
    winner = cast.winner(cast.mass)
    inside = (cast.theirs == winner[:, None]) & (cast.theirs != PENDING)
    return Votes(
        theme=winner,
        share=cast.mass.max(axis=1) / cast.total,
        nearest=np.where(inside, cosine, -1.0).max(axis=1),
        own=cast.own(mine),
    )


def _contest_block(near: IntArray, cosine: NDArray[np.float64], themes: IntArray, mine: IntArray) -> Contests:
    cast = _cast(near, cosine, themes)
    others = np.where(cast.theirs == mine[:, None], 0.0, cast.mass)
    return Contests(cast.own(mine), cast.winner(others), others.max(axis=1) / cast.total)


def novelty_floors(
    near: IntArray, cosine: NDArray[np.float64], themes: IntArray, quantile: float
) -> dict[int, float]:
    """Return, per theme, the cosine below which a newcomer is unlike its members.

    That is the given quantile, over the members, of the cosine to their nearest fellow member.
    """
    theirs = np.where(near >= 0, themes[near], PENDING)
    fellow = np.where(theirs == themes[:, None], cosine, -1.0).max(axis=1)
    usable = np.flatnonzero((themes != PENDING) & (fellow > -1.0))
    if not len(usable):
        return {}
    order = usable[np.lexsort((fellow[usable], themes[usable]))]
    numbers, starts, sizes = np.unique(themes[order], return_index=True, return_counts=True)
    at = quantile * (sizes - 1)
    below = fellow[order][starts + at.astype(np.int64)]
    above = fellow[order][starts + np.ceil(at).astype(np.int64)]
    floors = below + (above - below) * (at - np.floor(at))
    return dict(zip(numbers.tolist(), floors.tolist(), strict=True))
