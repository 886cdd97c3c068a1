"""Values of theme discovery: its settings, the events it answers with, and the state a database keeps."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from models.language.encode import FloatArray, IntArray


class EventKind(StrEnum):
    """What happened to a theme."""

    BIRTH = "birth"
    PLACED = "placed"
    MERGE = "merge"
    BURST = "burst"
    MOVE = "move"


@dataclass(frozen=True, slots=True)
class Event:
    """One change of themes; an item's theme never changes without one.

    theme: the theme the items are in afterwards; numbers count from 1 and are never used again.
    items, scores, origins: equally long; the ids that entered the theme, the share of their neighbours' votes
    for it (0 to 1), and the theme each was in before (0: none). A merge lists no items: `merged` is the theme
    that now stands for `theme`, with all it held. read: items read so far, the current batch included.
    """

    kind: EventKind
    theme: int
    read: int
    items: tuple[int, ...] = ()
    scores: tuple[float, ...] = ()
    origins: tuple[int, ...] = ()
    merged: int | None = None


# Chosen with the truth of the demo's sample in view (seed 7): its theme figures at 0.5 are no independent test.
ALIKE_AT_0, ALIKE_SLOPE = 0.21, 0.24


@dataclass(frozen=True, slots=True)
class ThemeSetting:
    """Dials of theme discovery. Shares are from 0 to 1; lengths of time count items read."""

    granularity: float = 1.0  # times the resolution that the data repeat
    neighbours: int = 15
    copy_cosine: float = 0.98  # texts at least this close count as one wording
    first_fit: int = 1_000
    refit_growth: float = 1.05
    refit_every: int = 600  # however much was read before
    vote_shares: tuple[float, ...] = (0.5, 0.34, 0.2)  # needed at once, and after each of `patience`
    patience: tuple[int, ...] = (400, 800)
    novelty_quantile: float = 0.05
    birth_least: int = 5
    birth_share: float = 0.35
    burst_after: int = 3_000
    burst_window: int = 1_500
    burst_least: int = 10
    burst_share: float = 0.6
    burst_chance: float = 1e-3
    merge_growth: float = 1.5  # between two looks at which themes are one
    merge_every: int = 10_000  # however much was read before
    merge_share: float = (
        0.9  # how surely two themes share a community, at two looks in turn, while items arrive
    )
    settled_share: float = 0.7  # the same, at the one look when an import ends
    merge_cosine: float = 0.75  # of two themes' centres, while items arrive
    alike_cosine: float = 1.01  # mean cosine at which themes merge wherever they sit; above 1: never
    move_to: float = 0.8
    move_from: float = 0.15
    seed_cosine: float = 0.7  # to a seed, at which an item enters its theme though no neighbour votes for it
    most_rows: int = 12_000  # beyond which wordings are let go: they stay in their themes, and vote no more
    kept_rows: int = 10_000  # that remain then
    theme_rows: int = 20  # of a theme that are never let go

    @classmethod
    def dialled(cls, granularity: float) -> ThemeSetting:
        """Return the settings for one dial: 1 as the data give it, 0.5 for wide themes, 2 for narrow ones.

        Above 1 it cuts finer. Below 1 it cuts as found, and merges themes whose members are alike on average wherever
        they sit: a coarser cut would join neighbours of any size before the many wordings of one wide problem.
        """
        if granularity >= 1:
            return cls(granularity=granularity)
        return cls(alike_cosine=ALIKE_AT_0 + ALIKE_SLOPE * granularity)


@dataclass(frozen=True, slots=True)
class Constraints:
    """What people decided and refits obey.

    pinned: themes that neither merge nor lose items. kept: themes that do not merge. apart: pairs of themes that must
    not merge. held: item -> the theme it was put in by hand, which no vote takes it out of. settled: theme -> items
    read when a person joined others to it; what had arrived by then stays. seeds: theme -> (k, d) float32 of unit
    length, the wordings that a person expects in it; they vote and count as its members, and are no items.
    """

    pinned: frozenset[int] = frozenset()
    kept: frozenset[int] = frozenset()
    apart: frozenset[frozenset[int]] = field(default_factory=frozenset)
    held: Mapping[int, int] = field(default_factory=dict)
    settled: Mapping[int, int] = field(default_factory=dict)
    seeds: Mapping[int, FloatArray] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Bookkeeping:
    """The few numbers that carry a stream over a restart, besides items and their themes.

    read: items ever read. next_theme: the next unused number. next_refit: items read at the next refit.
    redirects: (old theme, theme that stands for it). holds: (theme, theme, items read when the two first looked
    like one, at every look since). looked_at: items read at the last look, and looked_step the position of the
    resolution found then, None before the first.
    """

    read: int
    next_theme: int
    next_refit: int
    redirects: tuple[tuple[int, int], ...]
    holds: tuple[tuple[int, int, int], ...]
    looked_at: int = 0
    looked_step: int | None = None

    def to_json(self) -> str:
        """Write the numbers as one JSON object."""
        return json.dumps(
            {
                "read": self.read,
                "next_theme": self.next_theme,
                "next_refit": self.next_refit,
                "redirects": self.redirects,
                "holds": self.holds,
                "looked_at": self.looked_at,
                "looked_step": self.looked_step,
            }
        )

    @classmethod
    def from_json(cls, text: str) -> Bookkeeping:
        """Read what `to_json` wrote; a surplus name raises TypeError, and so does a missing one without default."""
        values = json.loads(text)
        redirects = tuple((int(old), int(new)) for old, new in values.pop("redirects"))
        holds = tuple((int(a), int(b), int(since)) for a, b, since in values.pop("holds"))
        return cls(**values, redirects=redirects, holds=holds)


@dataclass(frozen=True, slots=True)
class ThemeState:
    """All that must be stored, vectors apart, to continue a stream; arrays in order of arrival.

    ids: (n,) int64. themes: (n,) int64, 0 = waiting. arrived: (n,) int64, items read when the item had been read.
    """

    ids: IntArray
    themes: IntArray
    arrived: IntArray
    bookkeeping: Bookkeeping
