"""Score themes of a labelled stream; items without a theme count as themes of their own."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import NamedTuple

import numpy as np
from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score

from models.language.encode import IntArray

OWN = 0.5  # share of a theme that must be of one intent for it to be that intent's own
FEWEST = 5  # items of the intent in it


class Quality(NamedTuple):
    """How well themes agree with the truth: the two indices, how many there are, the share of items in none."""

    ari: float
    ami: float
    themes: int
    unassigned: float


class Stability(NamedTuple):
    """How a stream came to its themes.

    churn: share of placed items whose first theme is not their last. wait: items read between an item and its
    placement, median. found: share of the intents looked for that have a theme of their own; items: how many of
    theirs had been read when it first took one, median over all looked for (inf where never).
    """

    churn: float
    wait: float
    found: float
    items: float


class Streamed(NamedTuple):
    """What `ebb themes discover` wrote, in file order; (n,) each, 0 where there is nothing."""

    first: IntArray
    last: IntArray
    after: IntArray


def read_streamed(path: Path) -> Streamed:
    """Read the items' file of `ebb themes discover`."""
    with path.open(newline="", encoding="utf-8") as source:
        rows = list(csv.DictReader(source))
    columns = ([int(row[name] or 0) for row in rows] for name in ("first_theme", "theme", "placed_after"))
    return Streamed(*(np.array(column, dtype=np.int64) for column in columns))


def quality(truth: IntArray, labels: IntArray, *, nothing: int) -> Quality:
    """Compare labels (n,) with the truth (n,); those equal to `nothing` are no theme."""
    alone = labels == nothing
    apart = labels.copy()
    apart[alone] = labels.max() + 1 + np.arange(alone.sum())
    return Quality(
        float(adjusted_rand_score(truth, apart)),
        float(adjusted_mutual_info_score(truth, apart)),
        len(set(labels[~alone].tolist())),
        float(alone.mean()),
    )


def stability(truth: IntArray, streamed: Streamed, wanted: list[int]) -> Stability:
    """Measure churn and waiting, and when the intents `wanted` got a theme of their own."""
    placed = (streamed.first > 0) & (streamed.last > 0)
    wait = streamed.after - np.arange(1, len(truth) + 1)
    items = [_items_until_found(truth, streamed, intent) for intent in wanted]
    return Stability(
        float((streamed.first != streamed.last)[placed].mean()),
        float(np.median(wait[placed])),
        float(np.mean(np.isfinite(items))),
        float(np.median(items)),
    )


def _items_until_found(truth: IntArray, streamed: Streamed, intent: int) -> float:
    mine = np.flatnonzero(truth == intent)
    themes, counts = np.unique(streamed.last[mine], return_counts=True)
    own = [
        theme
        for theme, count in zip(themes.tolist(), counts.tolist(), strict=True)
        if theme and count >= FEWEST and count > OWN * (streamed.last == theme).sum()
    ]
    entered = mine[np.isin(streamed.first[mine], own)]
    if not len(entered):
        return float("inf")
    return float((mine < streamed.after[entered].min()).sum())
