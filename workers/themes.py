"""Stages `place` and `label`: give items their theme, publish theme revisions, name themes."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from models.database import Session
from models.jobs import Job
from models.language.discover import Event, EventKind, ThemeStream
from models.language.encode import FloatArray, IntArray
from models.language.events import Bookkeeping, ThemeSetting
from models.language.events import ThemeState as StoredTheme
from models.language.label import ThemeLabel, label_themes
from models.queries import (
    counts,
    embeddings,
    links,
    shadow_stream,
    theme_acts,
    theme_stream,
    theme_suggestions,
    themes,
    work,
    workspaces,
)
from models.queries.theme_stream import Change, Entry, StreamRow
from models.queries.themes import Member, QuoteSpan
from models.queries.work import Leased
from models.records import JsonObject
from workers import naming, settling, suggestions
from workers.context import Context
from workers.decided import constraints, read_seeds

PUBLISHING = frozenset({EventKind.BIRTH, EventKind.MERGE, EventKind.BURST, EventKind.MOVE})
"""Events that change themes themselves, and so publish a new theme revision."""

RELABEL_GROWTH = 1.5

SWITCH_PAUSE = timedelta(seconds=2)
"""How long new items wait until it is asked again whether a switch of the encoder is over."""

KEPT_VECTORS = 200_000
"""Vectors that a process keeps for the workspaces it worked last: about 0.3 GB at 384 dimensions."""


@dataclass(slots=True)
class Loaded:
    """A workspace's stream in memory, and the stored version it equals; seeds: the expected wordings in it."""

    stream: ThemeStream
    row: StreamRow
    encoder: int
    dimension: int
    zone: ZoneInfo
    seeds: frozenset[int]


@dataclass(slots=True)
class Streams:
    """The streams a worker process keeps between batches; another writer's move makes it load again.

    Of many workspaces those worked last are kept, as long as their vectors together are not too many.
    """

    by_workspace: dict[int, Loaded] = field(default_factory=dict)

    def load(self, context: Context, workspace: int) -> Loaded:
        """Return the workspace's stream as it is stored now."""
        loaded = self.by_workspace.get(workspace)
        with context.database.read(workspace=workspace) as session:
            row = theme_stream.read_stream(session, workspace=workspace)
            seeds = theme_acts.seed_ids(session, workspace=workspace)
        # Wordings come with an act, which moves the stream on, and go with an erasure, which does not.
        if loaded is None or loaded.row.version != row.version or loaded.seeds != seeds:
            read_seeds(context, workspace)
            with context.database.read(workspace=workspace) as session:
                row = theme_stream.read_stream(session, workspace=workspace)
                loaded = _restore(session, context, workspace, row)
        # Last in the order of the dictionary is who was worked last.
        self.by_workspace.pop(workspace, None)
        self.by_workspace[workspace] = loaded
        self._make_room()
        return loaded

    def _make_room(self) -> None:
        while len(self.by_workspace) > 1 and sum(map(_size, self.by_workspace.values())) > KEPT_VECTORS:
            self.forget(next(iter(self.by_workspace)))

    def forget(self, workspace: int) -> None:
        """Drop a stream whose batch failed: memory and database no longer agree."""
        self.by_workspace.pop(workspace, None)


def _size(loaded: Loaded) -> int:
    return len(loaded.stream.assignments()[0])


def _restore(session: Session, context: Context, workspace: int, row: StreamRow) -> Loaded:
    owner = workspaces.get_workspace(session, workspace=workspace)
    encoder = workspaces.encoder_of(session, workspace=workspace)
    if encoder is None:
        raise RuntimeError("items cannot be placed before any was embedded")
    dimension = encoder.dimension
    setting = ThemeSetting.dialled(context.settings.theme_granularity)
    decided = constraints(session, workspace=workspace, encoder=encoder)
    if row.version == 0:
        stream = ThemeStream(dimension, setting, decided)
    else:
        items = theme_stream.stream_items(session, workspace=workspace, encoder=encoder.id)
        stored = StoredTheme(
            ids=np.array([item.item for item in items], dtype=np.int64),
            themes=np.array([item.theme_number for item in items], dtype=np.int64),
            arrived=np.array([item.position for item in items], dtype=np.int64),
            bookkeeping=Bookkeeping.from_json(json.dumps(row.state["bookkeeping"])),
        )
        vectors = embeddings.unpack([item.vector for item in items], dimension)
        stream = ThemeStream.restore(stored, vectors, setting, decided)
    unread = {seed.id for seed in theme_acts.unread_seeds(session, workspace=workspace, encoder=encoder.id)}
    seeds = theme_acts.seed_ids(session, workspace=workspace) - unread
    return Loaded(stream, row, encoder.id, dimension, ZoneInfo(owner.time_zone), seeds)


def place_items(context: Context, leased: Sequence[Leased], streams: Streams) -> None:
    """Read items into the theme stream, in order of id, and write what changed."""
    workspace = leased[0].workspace_id
    if _has_no_vectors(context, workspace):
        with context.database.write(workspace=workspace) as session:
            work.finish(session, leased, now=context.clock())
        return
    if _waits_for_switch(context, workspace, leased):
        return
    loaded = streams.load(context, workspace)
    wanted = {piece.subject: piece.version for piece in leased}
    with context.database.read(workspace=workspace) as session:
        stored = theme_stream.vectors_of(
            session, workspace=workspace, items=list(wanted), encoder=loaded.encoder
        )
        arrived = theme_stream.arrived_among(session, workspace=workspace, items=list(wanted))
        # Items may be in a theme by hand that never arrived: of another language, or not read yet.
        arrived |= themes.themes_of_items(session, workspace=workspace, items=list(wanted)).keys()
    # Work on an old version may come after that on a newer one, which then stands.
    newer = {item for item, (version, _) in stored.items() if version > wanted[item]}
    leaving = sorted(arrived - newer)
    current = sorted(item for item, (version, _) in stored.items() if version == wanted[item])
    vectors = embeddings.unpack([stored[item][1] for item in current], loaded.dimension)
    try:
        loaded.stream.remove(leaving)
        ids = np.array(current, dtype=np.int64)
        events = _add(loaded.stream, ids, vectors) if current else ()
        _write(context, loaded, workspace, leased, leaving, current, events)
    except Exception:
        streams.forget(workspace)
        raise


def _waits_for_switch(context: Context, workspace: int, leased: Sequence[Leased]) -> bool:
    """Put a batch off while the workspace is switched to another encoder, which compares the stream as it stands."""
    with context.database.read(workspace=workspace) as session:
        if not shadow_stream.is_switching(session, workspace=workspace):
            return False
    with context.database.write(workspace=workspace) as session:
        work.put_off(session, leased, run_at=context.clock() + SWITCH_PAUSE)
    return True


def _has_no_vectors(context: Context, workspace: int) -> bool:
    """Say whether nothing was ever embedded: then items that were deleted have no stream to leave."""
    with context.database.read(workspace=workspace) as session:
        return workspaces.encoder_of(session, workspace=workspace) is None


def _add(stream: ThemeStream, ids: IntArray, vectors: FloatArray) -> tuple[Event, ...]:
    """Read items into the stream, and tell of those too that repeat a wording which has its theme already.

    Such a copy shares the row of the wording, and the stream's events are about rows that change their theme.
    """
    events = stream.add(ids, vectors)
    told = {item for event in events for item in event.items}
    numbers = dict(zip(*(column.tolist() for column in stream.assignments()), strict=True))
    copies: dict[int, list[int]] = {}
    for item in ids.tolist():
        if numbers[item] and item not in told:
            copies.setdefault(numbers[item], []).append(item)
    read = stream.state().bookkeeping.read
    return events + tuple(
        Event(EventKind.PLACED, theme, read, tuple(items), (1.0,) * len(items), (0,) * len(items))
        for theme, items in sorted(copies.items())
    )


def _write(
    context: Context,
    loaded: Loaded,
    workspace: int,
    leased: Sequence[Leased],
    leaving: Sequence[int],
    arriving: Sequence[int],
    events: Sequence[Event],
    settled_at: int | None = None,
) -> None:
    """Store one batch's outcome and finish its work, all in one transaction."""
    now = context.clock()
    revision = loaded.row.revision + any(event.kind in PUBLISHING for event in events)
    stored = loaded.stream.state()
    settles = [*settling.settles(loaded.row.state), *([] if settled_at is None else [settled_at])]
    state: JsonObject = {
        "bookkeeping": json.loads(stored.bookkeeping.to_json()),
        "settled_at": settling.settled_at(loaded.row.state) if settled_at is None else settled_at,
        # For an encoder that is tried, which reads them all again: it is to be settled at the same moments.
        "settles": settles,
    }
    with context.database.write(workspace=workspace) as session:
        theme_stream.write_stream(
            session, workspace=workspace, before=loaded.row.version, revision=revision, state=state
        )
        if revision > loaded.row.revision or _is_settling_due(loaded):
            # Before the themes: whoever names them holds this work while it writes them.
            work.mark_dirty(session, workspace=workspace, stage=Job.LABEL, subject=workspace, run_at=now)
        dirty: list[tuple[int, datetime]] = []
        if leaving:
            held = themes.themes_of_items(session, workspace=workspace, items=leaving)
            theme_stream.leave_stream(session, workspace=workspace, items=leaving, revision=revision)
            days = themes.ticket_days(session, workspace=workspace, items=leaving)
            dirty += _at_standing_themes(
                session, workspace, [(theme, days[item]) for item, theme in held.items()]
            )
        position = dict(zip(stored.ids.tolist(), stored.arrived.tolist(), strict=True))
        theme_stream.arrive(
            session, workspace=workspace, positions={item: position[item] for item in arriving}
        )
        theme_stream.release(session, workspace=workspace, items=loaded.stream.released.tolist())
        held_in = loaded.stream.constraints.held
        dirty += _write_events(session, workspace, events, held_in, revision, now)
        counts.mark(session, workspace=workspace, pairs=dirty, zone=loaded.zone, now=now)
        if leaving or arriving:
            shadow_stream.follow(session, workspace=workspace, now=now)
        work.finish(session, leased, now=now)
    loaded.row = StreamRow(loaded.row.version + 1, revision, state)


def _write_events(
    session: Session,
    workspace: int,
    events: Sequence[Event],
    held_in: Mapping[int, int],
    revision: int,
    now: datetime,
) -> list[tuple[int, datetime]]:
    """Write births, merges and entries in the order in which they happened; return the counts they touch."""
    ids = theme_stream.apply_changes(
        session,
        workspace=workspace,
        changes=[
            Change(str(event.kind), event.theme, len(event.items), event.merged)
            for event in events
            if event.kind in PUBLISHING
        ],
        revision=revision,
        now=now,
    )
    # Whoever put an item somewhere put it in that theme, not in the one that stands for it while a merge does.
    entries = [
        Entry(item, held_in.get(item, event.theme), score)
        for event in events
        for item, score in zip(event.items, event.scores, strict=True)
    ]
    theme_stream.enter(session, workspace=workspace, entries=entries, ids=ids, revision=revision)
    days = themes.ticket_days(session, workspace=workspace, items=[entry.item for entry in entries])
    dirty = [(ids[entry.theme_number], days[entry.item]) for entry in entries]
    for event in events:
        for item, origin in zip(event.items, event.origins, strict=True):
            if origin:
                dirty.append((ids[origin], days[item]))
        if event.merged is not None:
            moments = themes.days_of_theme(session, workspace=workspace, theme=ids[event.theme])
            dirty += [(ids[number], at) for number in (event.theme, event.merged) for at in moments]
    return _at_standing_themes(session, workspace, dirty)


def _at_standing_themes(
    session: Session, workspace: int, dirty: Sequence[tuple[int, datetime]]
) -> list[tuple[int, datetime]]:
    """Count an item's day at the theme that stands for its own, and clear the day at the one that is gone."""
    redirects = themes.redirects(session, workspace=workspace)
    moved = [(redirects[theme], at) for theme, at in dirty if theme in redirects]
    return [*dirty, *moved]


def label(context: Context, leased: Sequence[Leased], streams: Streams) -> None:
    """Settle what still waits, then name the themes that are new or have grown."""
    workspace = leased[0].workspace_id
    if _has_no_vectors(context, workspace):
        with context.database.write(workspace=workspace) as session:
            work.finish(session, leased, now=context.clock())
        return
    loaded = streams.load(context, workspace)
    _settle(context, loaded, workspace, streams)
    with context.database.read(workspace=workspace) as session:
        members = themes.members(session, workspace=workspace, encoder=loaded.encoder)
        sizes = themes.filled_sizes(session, workspace=workspace)
        labelled = themes.labelled_sizes(session, workspace=workspace)
        rows, noise = suggestions.standing(session, workspace=workspace)
        declined = theme_suggestions.declined(session, workspace=workspace)
        choice = workspaces.chosen_encoder(session, workspace=workspace)
    due = {
        theme
        for theme in {member.theme for member in members}
        if labelled[theme] == 0 or sizes[theme] >= RELABEL_GROWTH * labelled[theme]
    }
    labels: dict[int, ThemeLabel] = {}
    if due:
        vectors: FloatArray = embeddings.unpack([member.vector for member in members], loaded.dimension)
        numbers = np.array([member.theme for member in members], dtype=np.int64)
        labels = label_themes(
            [member.text for member in members],
            vectors,
            numbers,
            encode=context.encoder(choice).encode,
            only=due,
            # Names that others keep, and those that a person gave.
            taken=[row.label for row in rows if row.label and (row.named or row.id not in due)],
        )
    new_labels = {theme: labels[theme].label for theme in due}
    found = naming.with_witnesses({theme: labels[theme] for theme in due}, members)
    suggested = suggestions.find(loaded.stream, rows, noise, declined, new_labels)
    with context.database.write(workspace=workspace) as session:
        # Marked dirty meanwhile, it may be another worker's by now, who reads newer themes: those names shall stand.
        if not work.holds(session, leased[0]):
            return
        said = naming.still_said(session, workspace=workspace, found=found, members=members)
        _write_labels(session, workspace, said, members, sizes)
        themes.retire_empty(session, workspace=workspace, filled=sizes.keys())
        theme_suggestions.replace_open(
            session,
            workspace=workspace,
            found=suggested,
            revision=loaded.row.revision,
            now=context.clock(),
        )
        if due:
            links.ask_for_links(session, workspace=workspace, now=context.clock())
        work.finish(session, leased, now=context.clock())
        if said.keys() != due:
            again = context.clock() + naming.AGAIN
            work.mark_dirty(session, workspace=workspace, stage=Job.LABEL, subject=workspace, run_at=again)


def _write_labels(
    session: Session,
    workspace: int,
    labels: Mapping[int, ThemeLabel],
    members: Sequence[Member],
    sizes: Mapping[int, int],
) -> None:
    """Name themes, with quotes; `labels` by theme, whose quotes count positions in `members`."""
    for theme, found in sorted(labels.items()):
        themes.write_label(
            session,
            workspace=workspace,
            theme=theme,
            label=found.label,
            keywords=found.keywords,
            quotes=[QuoteSpan(members[quote.index].item, quote.start, quote.end) for quote in found.quotes],
            size=sizes[theme],
        )


def _settle(context: Context, loaded: Loaded, workspace: int, streams: Streams) -> None:
    """Refit outside the stream's own rhythm where many items still wait: after an import, or in a small set."""
    if not _is_settling_due(loaded):
        return
    read = loaded.stream.state().bookkeeping.read
    try:
        _write(context, loaded, workspace, [], [], [], loaded.stream.finish(), settled_at=read)
    except Exception:
        streams.forget(workspace)
        raise


def _is_settling_due(loaded: Loaded) -> bool:
    return settling.settling_is_due(loaded.stream, settling.settled_at(loaded.row.state))
