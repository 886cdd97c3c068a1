"""Discover themes in a stream of vectors: an item's theme changes only through an event.

Small pure themes are born first and grow together by redirects, which disturb nobody; an over-coarse start
would have to be split later. Between events an item stays where its neighbours' votes first placed it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from models.language import propose
from models.language.encode import FloatArray, IntArray
from models.language.events import Bookkeeping, Constraints, Event, EventKind, ThemeSetting, ThemeState
from models.language.granularity import fineness, lists_for_samples, repeated_cuts, together
from models.language.graph import communities, shared_neighbour_graph
from models.language.neighbours import list_length
from models.language.place import PENDING, Votes, count_votes, novelty_floors
from models.language.release import surplus
from models.language.seeds import expected_theme, near_seeds
from models.language.theme_rows import ThemeRows

__all__ = ["Bookkeeping", "Constraints", "Event", "EventKind", "ThemeSetting", "ThemeState", "ThemeStream"]

BURST = 2.0  # bursts are finer than births


class ThemeStream:
    """Themes of all items read so far; feed it batches in order of arrival.

    Equal vectors in equal batches give equal events. Texts closer than `copy_cosine` share one row, so that a
    flood of copies cannot fill everybody's neighbour lists. Beyond `most_rows` rows older ones are released: their
    items stay in their themes, follow redirects, and are neither read nor moved again.
    """

    def __init__(
        self,
        dimension: int,
        setting: ThemeSetting | None = None,
        constraints: Constraints | None = None,
    ) -> None:
        self.setting = setting or ThemeSetting()
        self.constraints = constraints or Constraints()
        self._dimension = dimension
        self._read = 0
        self._next_theme = 1
        self._next_refit = self.setting.first_fit
        self._redirects: dict[int, int] = {}
        self._holds: dict[tuple[int, int], int] = {}
        self._looked_at = 0
        self._looked_step: int | None = None
        self._released: IntArray = np.zeros(0, dtype=np.int64)
        self._rows = ThemeRows(
            dimension,
            neighbours=lists_for_samples(self.setting.neighbours),
            copy_cosine=self.setting.copy_cosine,
            least=self.setting.neighbours,
        )
        self._rows.plant(self.constraints.seeds)

    # --- what callers use -------------------------------------------------------------------------------------

    def add(self, ids: IntArray, vectors: FloatArray) -> tuple[Event, ...]:
        """Read one batch: place it and what is waiting, refit when due, and return what changed.

        ids: (m,) int64, none of them present. vectors: (m, d) float32, rows of unit length. Anything else
        raises ValueError.
        """
        self._check(ids, vectors)
        arrived = self._read + 1 + np.arange(len(ids), dtype=np.int64)
        self._read += len(ids)
        self._append(ids, vectors, arrived, np.full(len(ids), PENDING))
        events = self._already_in(len(ids)) + self._place()
        if self._read >= self._next_refit:
            events += self._refit(settle=False)
        since = self._read - max(len(ids), self.setting.burst_window)
        self._released = self._rows.release(surplus(self._rows, self.setting, since))
        return tuple(events)

    def finish(self) -> tuple[Event, ...]:
        """Refit now, as at the end of an import: small sets get their themes, and no merge waits any longer."""
        self._released = np.zeros(0, dtype=np.int64)
        events = self._refit(settle=True) if len(self._rows) else []
        return tuple(events)

    def remove(self, ids: Iterable[int]) -> None:
        """Forget items; unknown ids are ignored. Themes keep their numbers, even if nothing is left in them."""
        self._rows.remove(ids)

    def merge(self, old: int, into: int) -> Event:
        """Let `into` stand for `old` from now on, as a person asked; both must be themes of their own."""
        if old == into or not all(0 < t < self._next_theme and t not in self._redirects for t in (old, into)):
            raise ValueError(f"themes {old} and {into} must be two existing themes that redirect nowhere")
        return self._merge(old, into)

    def resolve(self, theme: int) -> int:
        """Return the theme that stands for another now."""
        while theme in self._redirects:
            theme = self._redirects[theme]
        return theme

    def assignments(self) -> tuple[IntArray, IntArray]:
        """Return ids and themes of what is not released, (n,) int64 each, as they arrived; theme 0 is waiting."""
        return self._rows.ids.copy(), self._rows.themes_of_items()

    @property
    def released(self) -> IntArray:
        """Return the ids that the last call of `add` let go, (p,) int64: whoever stores the stream marks them."""
        return self._released

    @property
    def rows(self) -> ThemeRows:
        """Return the rows as they stand, to be read and not changed."""
        return self._rows

    def neighbours(self) -> tuple[IntArray, NDArray[np.float64]]:
        """Return the rows' lists of neighbours and their cosines, cut short while there are few rows."""
        lists, length = self._rows.lists, list_length(len(self._rows), self.setting.neighbours)
        return lists.near[:, :length], lists.cosine[:, :length]

    def state(self) -> ThemeState:
        """Return what must be stored, beside the vectors, to continue later."""
        return ThemeState(
            ids=self._rows.ids.copy(),
            themes=self._rows.themes_of_items(),
            arrived=self._rows.arrived.copy(),
            bookkeeping=Bookkeeping(
                read=self._read,
                next_theme=self._next_theme,
                next_refit=self._next_refit,
                redirects=tuple(sorted(self._redirects.items())),
                holds=tuple((a, b, since) for (a, b), since in sorted(self._holds.items())),
                looked_at=self._looked_at,
                looked_step=self._looked_step,
            ),
        )

    @classmethod
    def restore(
        cls,
        state: ThemeState,
        vectors: FloatArray,
        setting: ThemeSetting | None = None,
        constraints: Constraints | None = None,
    ) -> ThemeStream:
        """Continue from a stored state: later batches bring the events they would have brought without a stop.

        vectors: (n, d) float32 of unit length, those that were added, in the state's order.
        """
        if vectors.ndim != 2 or not (
            len(vectors) == len(state.ids) == len(state.themes) == len(state.arrived)
        ):
            raise ValueError("ids, themes, arrived and vectors must have one entry per item")
        stream = cls(vectors.shape[1], setting, constraints)
        stream._read = state.bookkeeping.read
        stream._next_theme = state.bookkeeping.next_theme
        stream._next_refit = state.bookkeeping.next_refit
        stream._redirects = dict(state.bookkeeping.redirects)
        stream._holds = {(a, b): since for a, b, since in state.bookkeeping.holds}
        stream._looked_at = state.bookkeeping.looked_at
        stream._looked_step = state.bookkeeping.looked_step
        resolved = np.array([stream.resolve(int(theme)) for theme in state.themes], dtype=np.int64)
        stream._append(state.ids, vectors, state.arrived, resolved)
        return stream

    # --- rows -------------------------------------------------------------------------------------------------

    def _check(self, ids: IntArray, vectors: FloatArray) -> None:
        if vectors.shape != (len(ids), self._dimension):
            raise ValueError(f"vectors must be of shape {(len(ids), self._dimension)}, not {vectors.shape}")
        if len(np.unique(ids)) < len(ids) or np.isin(ids, self._rows.ids).any():
            raise ValueError("an id was added twice")
        if not np.allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-3):
            raise ValueError("vectors must be of unit length")

    def _append(self, ids: IntArray, vectors: FloatArray, arrived: IntArray, themes: IntArray) -> None:
        """Add items, those that a person put somewhere to where they were put."""
        held = np.array([item in self.constraints.held for item in ids.tolist()], dtype=bool)
        themes = themes.copy()
        themes[held] = [self.resolve(self.constraints.held[item]) for item in ids[held].tolist()]
        self._rows.append(ids, vectors, arrived, themes, held)

    def _enter(
        self, kind: EventKind, theme: int, rows: IntArray, shares: NDArray[np.float64], before: IntArray
    ) -> Event:
        """Describe that `rows` entered a theme: every item behind them, in order of arrival."""
        items, slot = self._rows.items_in(rows)
        return Event(
            kind=kind,
            theme=theme,
            read=self._read,
            items=tuple(self._rows.ids[items].tolist()),
            scores=tuple(shares[slot].round(4).tolist()),
            origins=tuple(before[slot].tolist()),
        )

    # --- placing ----------------------------------------------------------------------------------------------

    def _already_in(self, added: int) -> list[Event]:
        """Say of the items just added which ones repeat a wording that is in a theme, or were put in one by hand."""
        items = np.arange(len(self._rows.ids) - added, len(self._rows.ids))
        themes = self._rows.themes_of_items()[items]
        return [
            Event(
                EventKind.PLACED,
                theme,
                self._read,
                items=tuple(self._rows.ids[own].tolist()),
                scores=(1.0,) * len(own),
                origins=(PENDING,) * len(own),
            )
            for theme in np.unique(themes[themes != PENDING]).tolist()
            for own in [items[themes == theme]]
        ]

    def _place(self) -> list[Event]:
        """Place waiting rows by vote, twice, so that those placed first can vote for the others."""
        events = self._place_once()
        return events + self._place_once() if events else events

    def _place_once(self) -> list[Event]:
        waiting = np.flatnonzero(self._rows.themes == PENDING)
        if not len(waiting) or self._next_theme == 1:
            return []
        votes = self._count(waiting)
        floors = novelty_floors(*self.neighbours(), self._rows.themes, self.setting.novelty_quantile)
        waited = self._read - self._rows.row_arrived[waiting]
        level = np.searchsorted(self.setting.patience, waited, side="right")
        need = np.array(self.setting.vote_shares)[level]
        floor = np.array([floors.get(int(theme), -1.0) for theme in votes.theme])
        patient = level == len(self.setting.patience)
        good = (votes.theme != PENDING) & (votes.share >= need) & ((votes.nearest >= floor) | patient)
        expected, cosine = near_seeds(self._rows, waiting, votes.nearest, least=self.setting.seed_cosine)
        themes = np.where(good, votes.theme, expected)
        shares = np.where(good, votes.share, cosine)
        good |= expected != PENDING
        rows, themes, shares = waiting[good], themes[good], shares[good]
        self._rows.themes[rows] = themes
        return self._by_theme(EventKind.PLACED, rows, themes, shares, np.zeros_like(rows))

    def _by_theme(
        self, kind: EventKind, rows: IntArray, themes: IntArray, shares: NDArray[np.float64], before: IntArray
    ) -> list[Event]:
        return [
            self._enter(kind, theme, rows[at], shares[at], before[at])
            for theme in np.unique(themes).tolist()
            for at in [np.flatnonzero(themes == theme)]
        ]

    # --- refitting --------------------------------------------------------------------------------------------

    def _refit(self, *, settle: bool) -> list[Event]:
        """Look at the whole graph and change themes by events; `settle` merges at once and further."""
        setting, graph = self.setting, shared_neighbour_graph(self.neighbours()[0])
        fine = setting.granularity * fineness(len(self._rows), settle=settle)
        events = self._births(communities(graph, fine))
        if len(self._rows) > setting.burst_after:
            events += self._bursts(communities(graph, BURST * fine))
        look = min(self._looked_at * setting.merge_growth, self._looked_at + setting.merge_every)
        if settle or self._read >= look:
            events += self._merges(settle=settle)
        events += self._moves()
        grown = math.ceil(self._read * setting.refit_growth)
        self._next_refit = max(self._read + 1, min(grown, self._read + setting.refit_every))
        return events + self._place()

    def _count(self, rows: IntArray) -> Votes:
        near, cosine = self.neighbours()
        return count_votes(near, cosine, self._rows.themes, rows)

    def _births(self, labels: IntArray) -> list[Event]:
        """Let groups of waiting rows become themes, or enter the theme that a person expected them in."""
        setting = self.setting
        groups = propose.births(
            labels,
            self._rows.themes.copy(),
            self._rows.copies(),
            least=setting.birth_least,
            share=setting.birth_share,
        )
        new, events = [], []
        for rows in groups:
            theme = expected_theme(self._rows, rows, labels, least=setting.seed_cosine)
            if theme == PENDING:
                new.append(rows)
                continue
            self._rows.themes[rows] = theme
            events.append(
                self._enter(EventKind.PLACED, theme, rows, self._count(rows).own, np.zeros_like(rows))
            )
        return events + self._found(EventKind.BIRTH, new)

    def _bursts(self, labels: IntArray) -> list[Event]:
        setting = self.setting
        recent = self._rows.row_arrived > self._read - setting.burst_window
        groups = propose.bursts(
            labels,
            self._rows.themes.copy(),
            recent,
            least=setting.burst_least,
            share=setting.burst_share,
            chance=setting.burst_chance,
        )
        free = [group[self._may_leave(group)] for group in groups]
        return self._found(EventKind.BURST, [group for group in free if len(group) >= setting.burst_least])

    def _may_leave(self, rows: IntArray) -> NDArray[np.bool_]:
        """Say which rows no person keeps where they are: (p,) bool."""
        themes, arrived = self._rows.themes[rows], self._rows.row_arrived[rows]
        pinned = [self.resolve(theme) for theme in self.constraints.pinned]
        free = ~self._rows.held[rows] & ~np.isin(themes, pinned)
        for theme, since in self.constraints.settled.items():
            free &= (themes != self.resolve(theme)) | (arrived > since)
        return free

    def _found(self, kind: EventKind, groups: Sequence[IntArray]) -> list[Event]:
        """Make each group of rows a new theme."""
        before = self._rows.themes.copy()
        numbers = range(self._next_theme, self._next_theme + len(groups))
        for number, rows in zip(numbers, groups, strict=True):
            self._rows.themes[rows] = number
        self._next_theme += len(groups)
        events = []
        for number, rows in zip(numbers, groups, strict=True):
            shares = self._count(rows).own
            events.append(self._enter(kind, number, rows, shares, before[rows]))
        return events

    def _merges(self, *, settle: bool) -> list[Event]:
        """Merge themes whose rows share communities in samples of the rows.

        A merge cannot be taken back: while items arrive it takes two looks in turn, and nearly all samples. Where the
        dial asks for wide themes, those whose members are on average as close as `alike_cosine` merge too.
        """
        setting, rows = self.setting, self._rows
        rows.lists.complete()
        cuts = repeated_cuts(
            rows.lists.near,
            length=list_length(len(rows), setting.neighbours),
            last=self._looked_step,
            dial=setting.granularity,
        )
        self._looked_at, self._looked_step = self._read, cuts.step
        seen: dict[tuple[int, int], int] = {}
        events: list[Event] = []

        def merge(old: int, into: int, *, cosine: float = -1.0) -> bool:
            pair = (min(old, into), max(old, into))
            seen[pair] = self._holds.get(pair, self._read)
            ripe = settle or (pair in self._holds and propose.are_near(rows, *pair, cosine=cosine))
            if not ripe or not self.may_merge(old, into):
                return False
            events.append(self._merge(old, into))
            return True

        numbers, shares = together(cuts.labels, rows.themes)
        sizes = np.bincount(rows.themes)[numbers]
        least = setting.settled_share if settle else setting.merge_share
        surely = partial(merge, cosine=setting.merge_cosine)
        propose.join(numbers, shares, sizes, least=least, merge=surely)
        if setting.alike_cosine <= 1:
            propose.join_wide(
                rows.lists.vectors,
                rows.themes,
                cosine=setting.alike_cosine,
                resolve=self.resolve,
                merge=merge,
            )
        self._holds = {pair: since for pair, since in seen.items() if self._redirects.keys().isdisjoint(pair)}
        return events

    def may_merge(self, a: int, b: int) -> bool:
        """Say whether no person pinned one of two themes, expects it, or parted them."""
        pinned = {self.resolve(theme) for theme in self.constraints.pinned | self.constraints.kept}
        apart = {frozenset(self.resolve(theme) for theme in pair) for pair in self.constraints.apart}
        return a not in pinned and b not in pinned and frozenset((a, b)) not in apart

    def _merge(self, old: int, into: int) -> Event:
        self._rows.themes[self._rows.themes == old] = into
        self._redirects[old] = into
        self._holds = {pair: since for pair, since in self._holds.items() if old not in pair}
        return Event(EventKind.MERGE, into, self._read, merged=old)

    def _moves(self) -> list[Event]:
        """Move rows whose neighbours clearly vote for another theme than their own."""
        placed = np.flatnonzero(self._rows.themes != PENDING)
        rows = placed[self._may_leave(placed)]
        if not len(rows):
            return []
        votes = self._count(rows)
        leave = (votes.share >= self.setting.move_to) & (votes.own <= self.setting.move_from)
        leave &= votes.theme != PENDING
        rows, themes, before = rows[leave], votes.theme[leave], self._rows.themes[rows[leave]]
        self._rows.themes[rows] = themes
        return self._by_theme(EventKind.MOVE, rows, themes, votes.share[leave], before)
