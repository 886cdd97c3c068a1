"""Suggest corrections of themes to a person: items on a border, themes that are one, themes that are two.

Nothing here changes anything. Equal streams give equal suggestions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from models.language.discover import ThemeStream
from models.language.encode import FloatArray, IntArray
from models.language.phrases import tokens
from models.language.place import PENDING, Contests, count_contests
from models.language.propose import theme_centres
from models.language.two_parts import parts_of
from models.values.suggestions import SuggestionKind

MOST = 50
"""Most suggestions of a kind."""


@dataclass(frozen=True, slots=True)
class SuggestSetting:
    """Bounds of what is suggested; shares and margins are from 0 to 1, lengths of time count items read."""

    margin: float = 0.1  # a placed item is on a border where its theme leads by at most this
    rival_share: float = 0.3  # and the other theme has at least this
    waited: int = 400
    merge_cosine: float = 0.65  # of two centres
    mixing: float = 0.35  # of what chance gives where two themes are one
    label_cosine: float = 0.5  # of two centres whose labels say the same
    least_part: int = 10  # wordings in the smaller part of a theme
    part_share: float = 0.15
    part_mixing: float = 0.2
    most_items: int = 10_000


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One correction, with themes by their number in the stream.

    theme: the one the items are in (0: they wait), or the one that would stand after a merge. other: the one they
    would go to, or that would be merged; 0 for a split. items: by id, those that would move; none for a merge.
    score: what ranks it, from 0 to 1, 1 surest. margin: own share of votes less the other's, None where there are no
    votes. size: items in the themes. reason: the evidence in words, without names.
    """

    kind: SuggestionKind
    theme: int
    other: int
    items: tuple[int, ...]
    score: float
    margin: float | None
    size: int
    reason: str


def suggest(
    stream: ThemeStream,
    *,
    labels: Mapping[int, str],
    shut: frozenset[int],
    setting: SuggestSetting | None = None,
    declined: Callable[[Suggestion], bool] = lambda _: False,
) -> list[Suggestion]:
    """Look through a stream for corrections worth a person's look, at most `MOST` of each kind, best first.

    labels: theme -> name, by number. shut: themes that nothing is suggested for, such as noise. declined: says what
    is not to be suggested again; it takes no other's place.
    """
    dials = setting or SuggestSetting()
    rows = stream.rows
    if not len(rows):
        return []
    near, cosine = stream.neighbours()
    everyone = np.arange(len(rows), dtype=np.int64)
    votes = count_contests(near, cosine, rows.themes, everyone)
    sizes = dict(zip(*np.unique(rows.themes_of_items(), return_counts=True), strict=True))
    # Far more items may be on a border than are shown: those that would be are looked at closer.
    border = _items(stream, votes, shut, dials, sizes)
    found = [
        list(islice((each for each in border if not declined(each)), 2 * MOST)),
        [each for each in _merges(stream, labels, shut, dials, sizes) if not declined(each)],
        [each for each in _splits(stream, shut, dials, sizes) if not declined(each)],
    ]
    return [each for kind in found for each in _best(kind)]


def _best(found: Iterable[Suggestion]) -> list[Suggestion]:
    return sorted(found, key=lambda each: (-each.score, each.theme, each.other, each.items))[:MOST]


# --- items on a border --------------------------------------------------------------------------------------------


def _items(
    stream: ThemeStream,
    votes: Contests,
    shut: frozenset[int],
    dials: SuggestSetting,
    sizes: Mapping[int, int],
) -> Iterator[Suggestion]:
    """Yield the items on a border, the least margin first."""
    rows = stream.rows
    margin = votes.own - votes.rival_share
    placed = rows.themes != PENDING
    border = placed & (margin <= dials.margin) & (votes.rival_share >= dials.rival_share)
    waited = stream.state().bookkeeping.read - rows.row_arrived
    border |= ~placed & (waited >= dials.waited)
    border &= ~rows.held & (votes.rival != PENDING)
    border &= ~np.isin(rows.themes, list(shut)) & ~np.isin(votes.rival, list(shut))
    chosen = np.flatnonzero(border)
    for row in chosen[np.lexsort((chosen, margin[chosen]))].tolist():
        suggestion = _item(stream, row, votes, float(margin[row]), sizes)
        if len(suggestion.items) <= dials.most_items:
            yield suggestion


def _item(
    stream: ThemeStream, row: int, votes: Contests, margin: float, sizes: Mapping[int, int]
) -> Suggestion:
    rows = stream.rows
    theme, other = int(rows.themes[row]), int(votes.rival[row])
    items, _ = rows.items_in(np.array([row]))
    share = float(votes.rival_share[row])
    if theme == PENDING:
        reason = f"It waits for a theme; {share:.0%} of its neighbours' votes are for this one."
    else:
        own = float(votes.own[row])
        reason = f"Of its neighbours' votes {own:.0%} are for its theme and {share:.0%} for the other."
    return Suggestion(
        kind=SuggestionKind.ITEM,
        theme=theme,
        other=other,
        items=tuple(rows.ids[items].tolist()),
        score=round(min(1.0, max(0.0, (1.0 - margin) / 2)), 4),
        margin=round(margin, 4),
        size=sizes.get(theme, 0) + sizes.get(other, 0) if theme else sizes.get(other, 0),
        reason=reason,
    )


# --- themes that are one ------------------------------------------------------------------------------------------


def _merges(
    stream: ThemeStream,
    labels: Mapping[int, str],
    shut: frozenset[int],
    dials: SuggestSetting,
    sizes: Mapping[int, int],
) -> list[Suggestion]:
    themes = stream.rows.themes
    centres = theme_centres(stream.rows.lists.vectors, themes)
    numbers = [number for number in sorted(centres) if number not in shut and sizes.get(number)]
    if len(numbers) < 2:
        return []
    matrix = np.array([centres[number] for number in numbers])
    close = (matrix @ matrix.T).round(5)
    mixed = mixing(stream.neighbours()[0], themes, themes, numbers)
    words = {number: _words(labels.get(number, "")) for number in numbers}
    found = []
    for a, b in np.argwhere(np.triu(close >= min(dials.merge_cosine, dials.label_cosine), k=1)).tolist():
        one, two = numbers[a], numbers[b]
        cosine, mix = float(close[a, b]), float(mixed[a, b])
        is_one = cosine >= dials.merge_cosine and mix >= dials.mixing
        is_named_alike = cosine >= dials.label_cosine and bool(words[one]) and words[one] == words[two]
        if (is_one or is_named_alike) and stream.may_merge(one, two):
            found.append(_merge(one, two, cosine, mix, is_named_alike, sizes))
    return found


def _merge(
    one: int, two: int, cosine: float, mix: float, is_named_alike: bool, sizes: Mapping[int, int]
) -> Suggestion:
    """Suggest that the larger of two themes stands for both; of equals, the older."""
    into, other = (one, two) if sizes[one] >= sizes[two] else (two, one)
    reason = (
        f"Their centres have a cosine of {cosine:.2f}, and their messages are each other's neighbours {mix:.0%} as "
        "often as if they were one theme."
    )
    return Suggestion(
        kind=SuggestionKind.MERGE,
        theme=into,
        other=other,
        items=(),
        score=round(min(1.0, max(0.0, (cosine + min(mix, 1.0)) / 2)), 4),
        margin=None,
        size=int(sizes[one] + sizes[two]),
        reason=f"Their names say the same. {reason}" if is_named_alike else reason,
    )


def mixing(near: IntArray, mine: IntArray, themes: IntArray, numbers: list[int]) -> NDArray[np.float64]:
    """Say how much pairs of themes share their neighbours: (t, t), 0 for none, 1 as chance gives in one theme.

    near: (p, k) lists of rows, -1 for nobody; mine: (p,), the themes of those rows; themes: (n,), those of all rows.
    Of the neighbours that the rows of one theme have in the two, the part that is in the other, over the part that
    chance would put there, from either side, whichever is less (after Schilling 1986, Multivariate two-sample tests
    based on nearest neighbors, with sides kept apart).
    """
    many = len(numbers)
    place = np.full(int(themes.max()) + 1, many)  # the last place is for themes that are not asked for
    place[numbers] = np.arange(many)
    theirs = np.where(near >= 0, place[themes[near]], many)
    pairs = place[mine][:, None] * (many + 1) + theirs
    count = np.bincount(pairs.ravel(), minlength=(many + 1) ** 2).reshape(many + 1, many + 1)[:many, :many]
    size = np.bincount(place[themes], minlength=many + 1)[:many].astype(np.float64)
    across = count / np.maximum(np.diag(count)[:, None] + count, 1.0)
    # Nobody is a neighbour of itself: one of its own theme fewer.
    chance = size[None, :] / np.maximum(size[:, None] + size[None, :] - 1.0, 1.0)
    found = across / np.maximum(chance, np.finfo(float).tiny)
    return np.asarray(np.minimum(found, found.T))


def _words(label: str) -> frozenset[str]:
    """Return what a name says: the stems of its words, but for those that say nothing."""
    return frozenset(token.key for token in tokens(label) if token.plain)


# --- themes that are two ------------------------------------------------------------------------------------------


def _splits(
    stream: ThemeStream, shut: frozenset[int], dials: SuggestSetting, sizes: Mapping[int, int]
) -> list[Suggestion]:
    """Look for two parts in every theme that no person holds together."""
    decided = stream.constraints
    whole = {stream.resolve(theme) for theme in (*decided.pinned, *decided.settled, *decided.seeds)}
    found = []
    for theme in np.unique(stream.rows.themes).tolist():
        if theme == PENDING or theme in whole or theme in shut:
            continue
        suggestion = _split(stream, theme, dials, sizes)
        if suggestion is not None:
            found.append(suggestion)
    return found


def _split(
    stream: ThemeStream, theme: int, dials: SuggestSetting, sizes: Mapping[int, int]
) -> Suggestion | None:
    rows = stream.rows
    members = np.flatnonzero(rows.themes == theme)
    if len(members) < 2 * dials.least_part:
        return None
    vectors: FloatArray = rows.lists.vectors[members]
    parts = parts_of(vectors)
    smaller = members[parts.is_smaller]
    free = smaller[~rows.held[smaller]]
    if len(free) < max(dials.least_part, dials.part_share * len(members)):
        return None
    side = np.zeros(len(rows), dtype=np.int64)
    side[members], side[smaller] = 1, 2
    mix = float(mixing(stream.neighbours()[0][members], side[members], side, [1, 2])[0, 1])
    if mix > dials.part_mixing or not parts.is_clear():
        return None
    items = rows.ids[rows.items_in(free)[0]]
    if len(items) > dials.most_items:
        return None
    return Suggestion(
        kind=SuggestionKind.SPLIT,
        theme=theme,
        other=PENDING,
        items=tuple(items.tolist()),
        score=round(1.0 - mix, 4),
        margin=None,
        size=int(sizes[theme]),
        reason=(
            f"It falls into two parts: they are each other's neighbours {mix:.0%} as often as if they were one, and "
            f"part more clearly than a cut through one cloud would, by {parts.clearness():.0f} standard deviations."
        ),
    )
