"""Lay the shadow's themes beside the live ones: what a switch would move, and the switch itself."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from models.language.encode import Encoder, FloatArray, IntArray
from models.language.events import Bookkeeping
from models.language.label import label_themes
from models.language.match import WAITING, BoolArray, Carried, Change, carry_books, carry_over, changes
from models.queries import embeddings, overview, shadow_stream, shadow_switch, shadows, theme_stream, themes
from models.queries.shadow_switch import Born, Plan
from models.queries.theme_stream import Entry, StreamRow
from models.values.moves import Fate, MoveReport, ThemeMove
from workers.context import Context
from workers.shadow_stream import Loaded

RELABEL_GROWTH = 1.5


@dataclass(frozen=True, slots=True)
class Compared:
    """Both streams' items, in order of arrival: (n,) arrays, and how themes are carried over.

    old: the number of the live theme that stands for an item's. unread: items of the live stream that are not here.
    """

    live: StreamRow
    items: IntArray
    old: IntArray
    complaints: BoolArray
    scores: FloatArray
    carried: Carried
    unread: int


def compare(context: Context, workspace: int, loaded: Loaded) -> Compared:
    """Match the shadow's themes with the live ones as they stand now."""
    with context.database.read(workspace=workspace) as session:
        live = theme_stream.read_stream(session, workspace=workspace)
        rows = shadow_stream.beside(session, workspace=workspace, encoder=loaded.encoder)
        standing = shadow_stream.standing_numbers(session, workspace=workspace)
        pinned = shadow_stream.pinned_now(session, workspace=workspace)
        total = shadows.progress(session, workspace=workspace).total
    stream = loaded.stream
    items = np.array([row.item for row in rows], dtype=np.int64)
    old = np.array([standing.get(row.old, WAITING) for row in rows], dtype=np.int64)
    new = np.array([stream.resolve(row.new) for row in rows], dtype=np.int64)
    held = np.isin(items, list(stream.constraints.held)) | np.isin(old, list(pinned))
    known = {own: standing[number] for number, own in loaded.anchors.items() if stream.resolve(own) == own}
    carried = carry_over(old, new, held & (old != WAITING), known=known, next_theme=_books(live).next_theme)
    return Compared(
        live=live,
        items=items,
        old=old,
        complaints=np.array([row.is_complaint for row in rows], dtype=bool),
        scores=np.array([row.score for row in rows], dtype=np.float32),
        carried=carried,
        unread=total - len(rows),
    )


def _books(live: StreamRow) -> Bookkeeping:
    return (
        Bookkeeping.from_json(json.dumps(live.state["bookkeeping"]))
        if live.version
        else Bookkeeping(0, 1, 0, (), ())
    )


def named(context: Context, workspace: int, loaded: Loaded, encoder: Encoder, found: Compared) -> MoveReport:
    """Write the report, with names found for themes that are new."""
    labels = _labels(context, workspace, loaded, encoder, found)
    moved = found.old != found.carried.after
    before, after = (_sizes(themes[found.complaints]) for themes in (found.old, found.carried.after))
    return MoveReport(
        revision=found.live.revision,
        live_version=found.live.version,
        items=len(found.items),
        complaints=int(found.complaints.sum()),
        unread=found.unread,
        moved_items=int(moved.sum()),
        moved_complaints=int((moved & found.complaints).sum()),
        waiting_before=int((found.old == WAITING).sum()),
        waiting_after=int((found.carried.after == WAITING).sum()),
        themes=tuple(
            _theme_move(change, before, after, labels.get(change.theme))
            for change in changes(found.old, found.carried)
        ),
    )


def _theme_move(
    change: Change, before: Mapping[int, int], after: Mapping[int, int], label: str | None
) -> ThemeMove:
    fate = Fate.NEW if change.is_new else Fate.LOST if change.is_lost else Fate.MATCHED
    return ThemeMove(
        number=change.theme,
        fate=fate,
        before=change.before,
        after=change.after,
        stayed=change.stayed,
        complaints_before=before.get(change.theme, 0),
        complaints_after=after.get(change.theme, 0),
        other=change.other,
        other_items=change.other_items,
        label=label,
    )


def _sizes(numbers: IntArray) -> dict[int, int]:
    found, counts = np.unique(numbers, return_counts=True)
    return dict(zip(found.tolist(), counts.tolist(), strict=True))


def _labels(
    context: Context, workspace: int, loaded: Loaded, encoder: Encoder, found: Compared
) -> dict[int, str]:
    """Name the themes that would be new, by their numbers afterwards; names found before are kept while they fit."""
    own = {number: theme for theme, number in found.carried.names.items() if number in found.carried.born}
    sizes = _sizes(found.carried.after)
    due = {
        number
        for number, theme in own.items()
        if theme not in loaded.labels or sizes.get(number, 0) >= RELABEL_GROWTH * loaded.labels[theme][1]
    }
    if due:
        with context.database.read(workspace=workspace) as session:
            rows = shadow_stream.texts(session, workspace=workspace, encoder=loaded.encoder)
            taken = [label for label in overview.theme_labels(session, workspace=workspace).values() if label]
        after = dict(zip(found.items.tolist(), found.carried.after.tolist(), strict=True))
        rows = [row for row in rows if after.get(row.item)]
        made = label_themes(
            [row.text for row in rows],
            embeddings.unpack([row.vector for row in rows], encoder.dimension),
            np.array([after[row.item] for row in rows], dtype=np.int64),
            encode=encoder.encode,
            only=due,
            taken=[*taken, *(loaded.labels[own[number]][0] for number in own if number not in due)],
        )
        loaded.labels |= {
            own[number]: (made[number].label, sizes[number]) for number in due if number in made
        }
    return {number: loaded.labels[theme][0] for number, theme in own.items() if theme in loaded.labels}


def publish(context: Context, workspace: int, loaded: Loaded, found: Compared, told: MoveReport) -> None:
    """Make the shadow's themes those of the workspace, and its encoder the workspace's.

    Raise `Conflict` where the live stream or the shadow moved on since they were compared.
    """
    moved = np.flatnonzero(found.old != found.carried.after)
    columns = (column[moved].tolist() for column in (found.items, found.carried.after, found.scores))
    labels = {move.number: move.label for move in told.of(Fate.NEW)}
    books, kept = _books(found.live), loaded.stream.state().bookkeeping
    carried = carry_books(
        books, kept, found.carried, next_theme=max([books.next_theme - 1, *found.carried.born]) + 1
    )
    with context.database.read(workspace=workspace) as session:
        days = themes.ticket_days(session, workspace=workspace, items=found.items[moved].tolist())
    touched = {
        (number, days[item])
        for item, *numbers in zip(
            *(column[moved].tolist() for column in (found.items, found.old, found.carried.after)), strict=True
        )
        for number in numbers
        if number != WAITING
    }
    settled_at = max(0, loaded.settled_at + books.read - kept.read)
    plan = Plan(
        live_version=found.live.version,
        version=loaded.version,
        kept=carried,
        settled_at=settled_at,
        entries=tuple(Entry(item, number, score) for item, number, score in zip(*columns, strict=True)),
        touched=sorted(touched),
        born=tuple(Born(number, labels.get(number)) for number in found.carried.born),
        moves=told.themes,
    )
    with context.database.write(workspace=workspace) as session:
        shadow_switch.publish(session, workspace=workspace, plan=plan, now=context.clock())
