"""Carry themes over from one encoder to another: the same items are the same theme, whatever the vectors say.

Two ways of sorting the same items are laid beside each other. Jaccard: the items that two themes share, as a share of
the items in either (P. Jaccard 1912). Above one half a theme has at most one match, because two of its matches would
have to share items with each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.language.encode import IntArray
from models.language.events import Bookkeeping

WAITING = 0
LEAST_JACCARD = 0.5
"""At exactly one half a theme may have two matches, each one half of it: the lower number is taken."""

BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Carried:
    """How themes are carried over.

    after: (n,) int64, each item's theme afterwards, in the numbers of before; 0 = waiting. names: theme under the new
    encoder -> its number afterwards. born: those of these numbers that are new, ascending.
    """

    after: IntArray
    names: Mapping[int, int]
    born: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of one theme, in items.

    before, after, stayed: in it before, afterwards, and both. is_new: it has none of before's numbers. is_lost:
    nothing under the new encoder matches it. other: where most of those that leave go, or, of a new theme, where most
    came from; 0 = waiting, None = none left or came. other_items: how many.
    """

    theme: int
    before: int
    after: int
    stayed: int
    is_new: bool
    is_lost: bool
    other: int | None
    other_items: int


def overlaps(old: IntArray, new: IntArray) -> IntArray:
    """Count items by pair of themes: (k, 3) int64 rows of old, new, items, ascending by pair; waiting is a theme 0.

    old, new: (n,) int64, 0 or above.
    """
    _check(old, new)
    pairs, counts = np.unique(np.stack((old, new), axis=1), axis=0, return_counts=True)
    return np.column_stack((pairs.reshape(-1, 2), counts)).astype(np.int64)


def match_themes(old: IntArray, new: IntArray, *, least: float = LEAST_JACCARD) -> dict[int, int]:
    """Map themes of `new` to the theme of `old` that they are, one to one; those without one are left out.

    old, new: (n,) int64, 0 = waiting, which is no theme but counts in neither size. least: from one half to 1, else
    ValueError.
    """
    if not LEAST_JACCARD <= least <= 1:
        raise ValueError(f"below one half matches are not unique: least is {least}")
    table = overlaps(old, new)
    sizes_old, sizes_new = _sizes(old), _sizes(new)
    found = [
        (both / (sizes_old[a] + sizes_new[b] - both), a, b)
        for a, b, both in table.tolist()
        if a != WAITING and b != WAITING
    ]
    matched: dict[int, int] = {}
    taken: set[int] = set()
    for share, a, b in sorted(found, key=lambda each: (-each[0], each[1], each[2])):
        if share >= least and a not in taken and b not in matched:
            matched[b] = a
            taken.add(a)
    return matched


def carry_over(
    old: IntArray,
    new: IntArray,
    held: BoolArray,
    *,
    known: Mapping[int, int],
    next_theme: int,
) -> Carried:
    """Say which theme each item is in afterwards.

    old, new: (n,) int64, 0 = waiting. held: (n,) bool, items that people keep where they are: they stay, and say
    nothing about which themes are the same. known: themes of `new` that are a theme of `old` by a person's word,
    which may be joined by one that matches it. next_theme: the first number for new themes, above all of `old`.
    """
    _check(old, new)
    if held.shape != old.shape:
        raise ValueError("held must have one entry per item")
    if next_theme <= max([0, *known.values(), *np.unique(old).tolist()]):
        raise ValueError("next_theme must lie above every number in use")
    free = ~held
    unknown = np.where(np.isin(new, list(known)), WAITING, new)
    # What a person's theme took in under the new encoder is no evidence for or against others.
    seen = free & ((unknown != WAITING) | (new == WAITING))
    names = {**known, **match_themes(old[seen], unknown[seen])}
    fresh = [theme for theme in np.unique(new[free]).tolist() if theme != WAITING and theme not in names]
    born = range(next_theme, next_theme + len(fresh))
    names.update(zip(fresh, born, strict=True))
    after = old.copy()
    after[free] = [names.get(theme, WAITING) for theme in new[free].tolist()]
    return Carried(after, names, tuple(born))


def changes(old: IntArray, carried: Carried) -> tuple[Change, ...]:
    """Describe what becomes of every theme that has items before or afterwards, in order of number."""
    table = overlaps(old, carried.after)
    before, after = _sizes(old), _sizes(carried.after)
    matched, born = set(carried.names.values()), set(carried.born)
    found = []
    for theme in sorted((before.keys() | after.keys()) - {WAITING}):
        is_new = theme in born
        column, towards = (1, 0) if is_new else (0, 1)
        rows = table[(table[:, column] == theme) & (table[:, towards] != theme)]
        most = rows[np.argmax(rows[:, 2])] if len(rows) else None
        stayed = table[(table[:, 0] == theme) & (table[:, 1] == theme), 2]
        found.append(
            Change(
                theme=theme,
                before=before.get(theme, 0),
                after=after.get(theme, 0),
                stayed=int(stayed.sum()),
                is_new=is_new,
                is_lost=theme not in matched,
                other=None if most is None else int(most[towards]),
                other_items=0 if most is None else int(most[2]),
            )
        )
    return tuple(found)


def moved_share(old: IntArray, after: IntArray, counted: BoolArray | None = None) -> float:
    """Return the share of items, or of those counted, whose theme is another afterwards; 0 where there are none.

    Waiting for a theme is another place than any theme.
    """
    moved = old != after
    if counted is not None:
        moved = moved[counted]
    return float(moved.mean()) if len(moved) else 0.0


def _sizes(themes: IntArray) -> dict[int, int]:
    numbers, counts = np.unique(themes, return_counts=True)
    return dict(zip(numbers.tolist(), counts.tolist(), strict=True))


def _check(old: IntArray, new: IntArray) -> None:
    if old.ndim != 1 or old.shape != new.shape:
        raise ValueError(f"old and new must have one entry per item, not shapes {old.shape} and {new.shape}")


def carry_books(live: Bookkeeping, shadow: Bookkeeping, carried: Carried, *, next_theme: int) -> Bookkeeping:
    """Return the books with which the live stream goes on under the new encoder's themes.

    Redirects and positions stay those of the live stream; what the shadow counts in items read, its next refit,
    its last look and since when themes look alike, is as long ago, or as far ahead, as it was there. next_theme:
    above all in use.
    """
    later = live.read - shadow.read
    redirects = dict(shadow.redirects)
    holds: dict[tuple[int, int], int] = {}
    for a, b, since in shadow.holds:
        pair = sorted(carried.names.get(_standing(redirects, theme), WAITING) for theme in (a, b))
        if WAITING not in pair and pair[0] != pair[1]:
            held = (pair[0], pair[1])
            holds[held] = min(max(since + later, 0), holds.get(held, live.read))
    return Bookkeeping(
        read=live.read,
        next_theme=next_theme,
        next_refit=max(live.read + 1, shadow.next_refit + later),
        redirects=live.redirects,
        holds=tuple((a, b, since) for (a, b), since in sorted(holds.items())),
        looked_at=max(0, shadow.looked_at + later),
        looked_step=shadow.looked_step,
    )


def _standing(redirects: Mapping[int, int], theme: int) -> int:
    while theme in redirects:
        theme = redirects[theme]
    return theme
