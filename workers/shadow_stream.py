"""The theme stream of an encoder that is tried, loaded from what is stored and from what people decided."""

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from models.database import Session
from models.language.discover import ThemeStream
from models.language.encode import Encoder, FloatArray
from models.language.events import Bookkeeping, Constraints, ThemeSetting, ThemeState
from models.queries import embeddings, shadow_stream, theme_acts
from models.records import JsonObject, Shadow
from workers.context import Context
from workers.themes import KEPT_VECTORS


@dataclass(frozen=True, slots=True)
class Obeyed:
    """The newest act of a person and the wordings expected: when either changes, the stream is loaded anew."""

    act: int
    seeds: frozenset[int]


@dataclass(slots=True)
class Loaded:
    """A shadow's stream in memory, and the stored version it equals.

    anchors: numbers of live themes that people decided about -> the numbers kept for them in this stream. labels:
    names found for its own themes, with the sizes they were found at. settled_at, settled_through: when it was
    settled last, in items read here and as a position of the live stream.
    """

    stream: ThemeStream
    version: int
    encoder: int
    obeyed: Obeyed
    anchors: Mapping[int, int]
    settled_at: int
    settled_through: int
    labels: dict[int, tuple[str, int]] = field(default_factory=dict)

    def to_json(self) -> JsonObject:
        """Return what is stored of it, besides the items."""
        kept = self.stream.state().bookkeeping
        return {
            "bookkeeping": json.loads(kept.to_json()),
            "anchors": sorted(self.anchors.items()),
            "settled_at": self.settled_at,
            "settled_through": self.settled_through,
        }


@dataclass(slots=True)
class Shadows:
    """The shadows' streams that a process keeps between batches; another writer's move makes it load again.

    Of many workspaces those worked last are kept, as long as their vectors together are not too many.
    """

    by_workspace: dict[int, Loaded] = field(default_factory=dict)

    def load(self, context: Context, workspace: int, row: Shadow, encoder: Encoder, number: int) -> Loaded:
        """Return the stream as `row` says it is stored; number: the encoder's id."""
        with context.database.read(workspace=workspace) as session:
            obeyed = _obeyed(session, workspace)
            wordings = theme_acts.seed_texts(session, workspace=workspace)
        kept = self.by_workspace.get(workspace)
        if kept is not None and (kept.version, kept.obeyed) == (row.version, obeyed):
            return kept
        vectors = _seed_vectors(encoder, wordings)
        setting = ThemeSetting.dialled(context.settings.theme_granularity)
        with context.database.read(workspace=workspace) as session:
            loaded = _restore(session, row, number, encoder.dimension, setting, obeyed, vectors)
        # After an erasure, which moves the version on, names may hold words that nobody may keep.
        if kept is not None and kept.version == row.version:
            loaded.labels = kept.labels
        self.by_workspace.pop(workspace, None)
        self.by_workspace[workspace] = loaded
        while len(self.by_workspace) > 1 and sum(map(_size, self.by_workspace.values())) > KEPT_VECTORS:
            self.forget(next(iter(self.by_workspace)))
        return loaded

    def forget(self, workspace: int) -> None:
        """Drop a stream whose batch failed: memory and database no longer agree."""
        self.by_workspace.pop(workspace, None)


def _size(loaded: Loaded) -> int:
    return len(loaded.stream.rows)


def _obeyed(session: Session, workspace: int) -> Obeyed:
    return Obeyed(
        shadow_stream.last_act(session, workspace=workspace),
        theme_acts.seed_ids(session, workspace=workspace),
    )


def _seed_vectors(encoder: Encoder, wordings: list[tuple[int, str]]) -> dict[int, FloatArray]:
    """Map numbers of live themes to what the encoder makes of the wordings expected there, rounded as if stored."""
    if not wordings:
        return {}
    vectors = encoder.encode([text for _, text in wordings])
    packed: dict[int, list[bytes]] = defaultdict(list)
    for (number, _), vector in zip(wordings, vectors, strict=True):
        packed[number].append(embeddings.pack(vector))
    return {number: embeddings.unpack(rows, encoder.dimension) for number, rows in packed.items()}


def _restore(
    session: Session,
    row: Shadow,
    encoder: int,
    dimension: int,
    setting: ThemeSetting,
    obeyed: Obeyed,
    seeds: Mapping[int, FloatArray],
) -> Loaded:
    workspace = row.workspace_id
    kept, anchors = _books(row.stream, setting)
    wanted = _constraints(session, workspace, encoder, seeds)
    for number in _decided_about(wanted):
        if number not in anchors:
            anchors[number] = kept.next_theme
            kept = replace(kept, next_theme=kept.next_theme + 1)
    items = shadow_stream.stored_items(session, workspace=workspace, encoder=encoder)
    state = ThemeState(
        ids=np.array([item.item for item in items], dtype=np.int64),
        themes=np.array([item.theme_number for item in items], dtype=np.int64),
        arrived=np.array([item.position for item in items], dtype=np.int64),
        bookkeeping=kept,
    )
    vectors = embeddings.unpack([item.vector for item in items], dimension)
    stream = ThemeStream.restore(state, vectors, setting, _in_numbers_of(anchors, wanted))
    settled_at, settled_through = (
        int(str(row.stream.get(key, 0))) for key in ("settled_at", "settled_through")
    )
    return Loaded(stream, row.version, encoder, obeyed, anchors, settled_at, settled_through)


def _books(stored: JsonObject, setting: ThemeSetting) -> tuple[Bookkeeping, dict[int, int]]:
    if not stored:
        return Bookkeeping(0, 1, setting.first_fit, (), ()), {}
    pairs = stored["anchors"]
    assert isinstance(pairs, list)
    kept = Bookkeeping.from_json(json.dumps(stored["bookkeeping"]))
    return kept, {int(live): int(own) for live, own in pairs}


def _constraints(
    session: Session, workspace: int, encoder: int, seeds: Mapping[int, FloatArray]
) -> Constraints:
    """Return what people decided, in numbers of the live themes that stand.

    Of a theme that was pinned, dismissed or merged the items it is held together by are held one by one: this stream
    has not seen how they came together. What was split off is never merged into another, because the theme that it
    was split from has no number here until the two streams are compared.
    """
    found = theme_acts.decided(session, workspace=workspace, encoder=encoder)
    standing = shadow_stream.standing_numbers(session, workspace=workspace)
    held = shadow_stream.protected(session, workspace=workspace)
    held.update({item: standing[number] for item, number in found.held.items()})
    parted = {standing[number] for pair in found.apart for number in pair}
    return Constraints(
        pinned=frozenset(standing[number] for number in found.pinned),
        kept=frozenset({standing[number] for number in found.kept} | (parted & set(held.values()))),
        held=held,
        seeds={standing[number]: vectors for number, vectors in seeds.items()},
    )


def _decided_about(wanted: Constraints) -> list[int]:
    """Return the numbers of all themes that constraints name, in order."""
    return sorted({*wanted.pinned, *wanted.kept, *wanted.held.values(), *wanted.seeds})


def _in_numbers_of(anchors: Mapping[int, int], wanted: Constraints) -> Constraints:
    return Constraints(
        pinned=frozenset(anchors[number] for number in wanted.pinned),
        kept=frozenset(anchors[number] for number in wanted.kept),
        held={item: anchors[number] for item, number in wanted.held.items()},
        seeds={anchors[number]: vectors for number, vectors in wanted.seeds.items()},
    )
