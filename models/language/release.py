"""Choose wordings that a long stream lets go, so that placing an item costs the same however many came before."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.language.encode import IntArray
from models.language.events import ThemeSetting
from models.language.place import PENDING
from models.language.theme_rows import ThemeRows

WAITING_SHARE = 0.25  # of the rows kept that may wait for a theme; of more, those that came first are let go


def surplus(rows: ThemeRows, setting: ThemeSetting, since: int) -> IntArray:
    """Return the rows that a stream lets go, (p,), none that came after `since` items; none while it may keep all."""
    if len(rows) <= setting.most_rows:
        return np.zeros(0, dtype=np.int64)
    shut = np.zeros(len(rows), dtype=bool)
    shut[rows.seeds] = True
    return to_release(
        rows.heads(),
        rows.themes,
        rows.last_arrived(),
        shut,
        since=since,
        keep=setting.kept_rows,
        least=setting.theme_rows,
    )


def to_release(
    heads: IntArray,
    themes: IntArray,
    arrived: IntArray,
    shut: NDArray[np.bool_],
    *,
    since: int,
    keep: int,
    least: int,
) -> IntArray:
    """Return the rows to let go so that `keep` remain, (p,) in order; fewer where not so many may go.

    heads, themes, arrived, shut: (k,); arrived: when the wording was last used; shut rows stay. Rows in a theme go
    by a number drawn from the id, so that what stays is a fair sample and the same wherever it is chosen; what
    arrived after `since` stays, and `least` rows of every theme. Of rows that wait for a theme the oldest go, once
    they are too many.
    """
    surplus = len(themes) - keep
    if surplus <= 0:
        return np.zeros(0, dtype=np.int64)
    waiting = np.flatnonzero((themes == PENDING) & ~shut & (arrived <= since))
    stale = waiting[: max(0, len(waiting) - int(WAITING_SHARE * keep))]
    drawn = _draw(heads)
    open_rows = (themes != PENDING) & ~shut & (arrived <= since) & (_rank(drawn, themes) >= least)
    candidates = np.flatnonzero(open_rows)
    last_first = candidates[np.argsort(drawn[candidates], kind="stable")][::-1]
    chosen = np.concatenate([stale, last_first[: max(0, surplus - len(stale))]])
    return np.sort(chosen)


def _draw(ids: IntArray) -> NDArray[np.uint64]:
    """Return a number for each id that looks random and is always the same (the finaliser of SplitMix64)."""
    mixed = ids.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return mixed ^ (mixed >> np.uint64(31))


def _rank(drawn: NDArray[np.uint64], themes: IntArray) -> IntArray:
    """Return the place of each row among the rows of its theme, from 0."""
    order = np.lexsort((drawn, themes))
    sorted_themes = themes[order]
    starts = np.flatnonzero(np.r_[True, sorted_themes[1:] != sorted_themes[:-1]])
    rank = np.empty(len(themes), dtype=np.int64)
    rank[order] = np.arange(len(themes)) - np.repeat(starts, np.diff(np.r_[starts, len(themes)]))
    return rank
