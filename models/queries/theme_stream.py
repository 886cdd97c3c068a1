"""The theme stream as it is stored: arrivals, births, redirects, assignments, and the bookkeeping between batches."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, exists, select, update
from sqlalchemy.orm import Session

from models.errors import Conflict
from models.jobs import Job, WorkState
from models.queries.upsert import insert_many, insert_or_ignore
from models.queries.within import within
from models.records import (
    Arrival,
    Assignment,
    Embedding,
    FeedbackItem,
    JsonObject,
    ShadowArrival,
    Theme,
    ThemeEvent,
    ThemeState,
    ThemeStreamState,
    Work,
)


@dataclass(frozen=True, slots=True)
class Entry:
    """An item that entered a theme, named by its number in the stream."""

    item: int
    theme_number: int
    score: float


@dataclass(frozen=True, slots=True)
class Change:
    """One line of a theme's log: `other` is the theme that was merged into it, by number."""

    kind: str
    theme_number: int
    item_count: int
    other: int | None = None


@dataclass(frozen=True, slots=True)
class StreamRow:
    """A workspace's stream as stored: version fences writers, revision numbers what was published."""

    version: int
    revision: int
    state: JsonObject


@dataclass(frozen=True, slots=True)
class StoredItem:
    """An item of the stream: where it arrived, its theme's number there (0: waiting), its vector's bytes."""

    item: int
    position: int
    theme_number: int
    vector: bytes


def read_stream(session: Session, *, workspace: int) -> StreamRow:
    """Return the stream's bookkeeping; version 0 and an empty state before the first item."""
    row = session.get(ThemeStreamState, workspace)
    return StreamRow(row.version, row.revision, row.state) if row else StreamRow(0, 0, {})


def stream_items(session: Session, *, workspace: int, encoder: int) -> list[StoredItem]:
    """Return the items that the stream has not let go, with their vectors, in order of arrival.

    Items that wait to be placed anew are left out: their vector is that of a text that their theme is not of.
    """
    waiting = exists().where(
        Work.stage == Job.PLACE, Work.subject == Arrival.item_id, Work.state != WorkState.DONE
    )
    rows = session.execute(
        select(Arrival.item_id, Arrival.position, Arrival.theme_number, Embedding.vector)
        .join(Embedding, (Embedding.item_id == Arrival.item_id) & (Embedding.encoder_id == encoder))
        .where(Arrival.workspace_id == workspace, Arrival.released.is_(False), ~waiting)
        .order_by(Arrival.position)
    )
    return [StoredItem(*row) for row in rows]


def vectors_of(
    session: Session, *, workspace: int, items: Sequence[int], encoder: int
) -> dict[int, tuple[int, bytes]]:
    """Map items to (version of the item, vector's bytes) under an encoder."""
    rows = session.execute(
        select(Embedding.item_id, Embedding.item_version, Embedding.vector).where(
            Embedding.item_id.in_(items),
            within(Embedding, workspace),
            Embedding.encoder_id == encoder,
        )
    )
    return {item: (version, vector) for item, version, vector in rows}


def arrived_among(session: Session, *, workspace: int, items: Sequence[int]) -> set[int]:
    """Return those of the items that are in the stream already."""
    query = select(Arrival.item_id).where(Arrival.item_id.in_(items), within(Arrival, workspace))
    return set(session.scalars(query))


def write_stream(session: Session, *, workspace: int, before: int, revision: int, state: JsonObject) -> None:
    """Store the bookkeeping; raise `Conflict` if somebody else wrote it since version `before` was read."""
    if before == 0:
        row = {"workspace_id": workspace, "version": 1, "revision": revision, "state": state}
        if insert_or_ignore(session, ThemeStreamState, row, key=("workspace_id",)) is not None:
            return
    changed = session.execute(
        update(ThemeStreamState)
        .where(ThemeStreamState.workspace_id == workspace, ThemeStreamState.version == before)
        .values(version=before + 1, revision=revision, state=state)
        .returning(ThemeStreamState.version)
        .execution_options(synchronize_session=False)
    ).one_or_none()
    if changed is None:
        raise Conflict("another worker moved the theme stream on; this batch begins again.")


def leave_stream(session: Session, *, workspace: int, items: Sequence[int], revision: int) -> None:
    """Take items out of the stream and out of their themes, as of `revision`: no theme counts them any more."""
    session.execute(delete(Arrival).where(Arrival.item_id.in_(items), within(Arrival, workspace)))
    # An encoder that is tried forgets them with its next batch.
    session.execute(
        update(ShadowArrival)
        .where(ShadowArrival.item_id.in_(items), within(ShadowArrival, workspace))
        .values(has_left=True)
        .execution_options(synchronize_session=False)
    )
    _uncount(session, workspace, items)
    _end_assignments(session, workspace, items, revision)


def _uncount(session: Session, workspace: int, items: Sequence[int]) -> None:
    """No theme counts what is in none."""
    session.execute(
        update(FeedbackItem)
        .where(FeedbackItem.id.in_(items), FeedbackItem.workspace_id == workspace)
        .values(counted=False)
        .execution_options(synchronize_session=False)
    )


def leave_themes(session: Session, *, workspace: int, items: Sequence[int], revision: int) -> None:
    """Let items of the stream wait for a theme again, as of `revision`."""
    for start in range(0, len(items), 500):
        session.execute(
            update(Arrival)
            .where(Arrival.item_id.in_(items[start : start + 500]), within(Arrival, workspace))
            .values(theme_number=0, released=False)  # what was let go could not be placed again
            .execution_options(synchronize_session=False)
        )
        _uncount(session, workspace, items[start : start + 500])
    _end_assignments(session, workspace, items, revision)


def _end_assignments(session: Session, workspace: int, items: Sequence[int], revision: int) -> None:
    for start in range(0, len(items), 500):
        session.execute(
            update(Assignment)
            .where(
                Assignment.item_id.in_(items[start : start + 500]),
                within(Assignment, workspace),
                Assignment.until_revision.is_(None),
            )
            .values(until_revision=revision)
            .execution_options(synchronize_session=False)
        )


def arrive(session: Session, *, workspace: int, positions: Mapping[int, int]) -> None:
    """Enter items (id to position) into the stream, waiting for a theme."""
    rows = [
        {"workspace_id": workspace, "item_id": item, "position": position, "theme_number": 0}
        for item, position in positions.items()
    ]
    insert_many(session, Arrival, rows, key=("item_id",), update=False)


def release(session: Session, *, workspace: int, items: Sequence[int]) -> None:
    """Mark items that the stream let go: they stay in their themes, and are not loaded with it any more."""
    for start in range(0, len(items), 500):
        session.execute(
            update(Arrival)
            .where(Arrival.item_id.in_(items[start : start + 500]), within(Arrival, workspace))
            .values(released=True)
            .execution_options(synchronize_session=False)
        )


def apply_changes(
    session: Session, *, workspace: int, changes: Sequence[Change], revision: int, now: datetime
) -> dict[int, int]:
    """Write births, merges and the log; return every theme's id by its number."""
    ids = {
        number: theme
        for theme, number in session.execute(
            select(Theme.id, Theme.number).where(Theme.workspace_id == workspace)
        )
    }
    for change in changes:
        if change.theme_number not in ids:
            ids[change.theme_number] = _give_birth(session, workspace, change, revision, now)
        other = None
        if change.other is not None:
            other = ids[change.other]
            _redirect(session, workspace, other, ids[change.theme_number])
        session.add(
            ThemeEvent(
                workspace_id=workspace,
                revision=revision,
                kind=change.kind,
                theme_id=ids[change.theme_number],
                other_theme_id=other,
                item_count=change.item_count,
                at=now,
            )
        )
    session.flush()
    return ids


def _give_birth(session: Session, workspace: int, change: Change, revision: int, now: datetime) -> int:
    theme = Theme(
        workspace_id=workspace,
        number=change.theme_number,
        state=ThemeState.ACTIVE,
        born_at=now,
        born_revision=revision,
        keywords=[],
    )
    session.add(theme)
    session.flush()
    return theme.id


def _redirect(session: Session, workspace: int, old: int, into: int) -> None:
    """Let `into` stand for `old` and for all that `old` stood for: one step always leads to the end."""
    session.execute(
        update(Theme)
        .where(Theme.workspace_id == workspace, (Theme.id == old) | (Theme.redirect_id == old))
        .values(state=ThemeState.MERGED, redirect_id=into)
    )


def enter(
    session: Session, *, workspace: int, entries: Sequence[Entry], ids: Mapping[int, int], revision: int
) -> None:
    """Write that items are in these themes from `revision` on, ending what stood before."""
    latest = {entry.item: entry for entry in entries}
    _end_assignments(session, workspace, list(latest), revision)
    rows = [
        {
            "workspace_id": workspace,
            "item_id": entry.item,
            "theme_id": ids[entry.theme_number],
            "score": entry.score,
            "from_revision": revision,
            "until_revision": None,
        }
        for entry in latest.values()
    ]
    insert_many(session, Assignment, rows, key=("item_id", "from_revision"), update=True)
    for number in {entry.theme_number for entry in latest.values()}:
        members = [item for item, entry in latest.items() if entry.theme_number == number]
        for start in range(0, len(members), 500):
            session.execute(
                update(Arrival)
                .where(Arrival.item_id.in_(members[start : start + 500]), within(Arrival, workspace))
                .values(theme_number=number)
                .execution_options(synchronize_session=False)
            )
