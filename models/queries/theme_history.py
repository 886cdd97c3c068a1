"""The history of a theme as people read it: every act of theirs, and what refits did, a revision at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from models.records import ThemeEvent

MOST_ACTS = 200
MOST_GROUPS = 30
MOST_NAMED = 2_000
"""Events of refits that are loaded to be named one by one; the counts of their groups are of all."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An act of a person, or all that refits did of one kind in one theme revision.

    events: what it stands for, newest first, of very many the newest; count: how many there are; items: messages in
    all of them.
    """

    kind: str
    revision: int
    at: datetime
    events: tuple[ThemeEvent, ...]
    count: int
    items: int


def history_of(session: Session, *, workspace: int, theme: int, acts: int = MOST_ACTS) -> list[Entry]:
    """Return what happened to a theme, newest first: the newest `acts` of people, the newest groups of refits.

    Each is read by itself, so that however much refits do, no act is pushed out.
    """
    mine = and_(
        ThemeEvent.workspace_id == workspace,
        or_(ThemeEvent.theme_id == theme, ThemeEvent.other_theme_id == theme),
    )
    by_people = select(ThemeEvent).where(mine, ThemeEvent.act_id.is_not(None))
    found = [
        Entry(event.kind, event.revision, event.at, (event,), 1, event.item_count)
        for event in session.scalars(by_people.order_by(ThemeEvent.id.desc()).limit(acts))
    ]
    found += _groups(session, and_(mine, ThemeEvent.act_id.is_(None)))
    return sorted(found, key=lambda entry: max((event.id for event in entry.events), default=0), reverse=True)


def _groups(session: Session, machine: ColumnElement[bool]) -> list[Entry]:
    newest = func.max(ThemeEvent.id)
    rows = session.execute(
        select(
            ThemeEvent.revision,
            ThemeEvent.kind,
            func.count(),
            func.sum(ThemeEvent.item_count),
            func.max(ThemeEvent.at),
            newest,
        )
        .where(machine)
        .group_by(ThemeEvent.revision, ThemeEvent.kind)
        .order_by(newest.desc())
        .limit(MOST_GROUPS)
    ).all()
    events = _events(session, machine, [revision for revision, *_ in rows], {row[-1] for row in rows})
    return [
        Entry(kind, revision, at, tuple(events[revision, kind]), int(count), int(items))
        for revision, kind, count, items, at, _ in rows
    ]


def _events(
    session: Session, machine: ColumnElement[bool], revisions: Sequence[int], newest: set[int]
) -> dict[tuple[int, str], list[ThemeEvent]]:
    """Map revision and kind to events, newest first: the newest of each at least, and `MOST_NAMED` in all."""
    query = select(ThemeEvent).where(machine, ThemeEvent.revision.in_(revisions))
    rows = list(session.scalars(query.order_by(ThemeEvent.id.desc()).limit(MOST_NAMED)))
    lacking = newest - {row.id for row in rows}
    if lacking:
        rows += session.scalars(
            select(ThemeEvent).where(machine, ThemeEvent.id.in_(lacking)).order_by(ThemeEvent.id.desc())
        )
    found: dict[tuple[int, str], list[ThemeEvent]] = {}
    for row in rows:
        found.setdefault((row.revision, row.kind), []).append(row)
    return found
