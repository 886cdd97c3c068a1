"""The books of the theme stream while a person changes them: opened, changed and closed in one transaction."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.language.events import Bookkeeping, ThemeSetting
from models.queries import theme_stream
from models.queries.upsert import insert_or_ignore
from models.records import JsonObject, Theme, ThemeState, ThemeStreamState


@dataclass(slots=True)
class Books:
    """What the stream keeps besides items, and the revision that this act makes."""

    version: int
    revision: int
    state: JsonObject
    kept: Bookkeeping

    @property
    def redirects(self) -> dict[int, int]:
        """Map themes' numbers to the one that took their place, one step at a time."""
        return dict(self.kept.redirects)

    def resolve(self, number: int) -> int:
        """Follow redirects to the number of the theme that stands."""
        redirects = self.redirects
        while number in redirects:
            number = redirects[number]
        return number

    def redirect(self, old: int, into: int) -> None:
        """Let `into` stand for `old`, and forget since when refits found `old` like others."""
        pairs = {**self.redirects, old: into}
        holds = tuple(hold for hold in self.kept.holds if old not in hold[:2])
        self.kept = replace(self.kept, redirects=tuple(sorted(pairs.items())), holds=holds)

    def restore(self, number: int) -> None:
        """Let a theme that was merged stand for itself again."""
        pairs = {old: into for old, into in self.redirects.items() if old != number}
        self.kept = replace(self.kept, redirects=tuple(sorted(pairs.items())))

    def take_number(self) -> int:
        """Return a number that no theme had."""
        number = self.kept.next_theme
        self.kept = replace(self.kept, next_theme=number + 1)
        return number

    def reaching(self, number: int) -> set[int]:
        """Return this number and all whose redirects lead through it."""
        found = {number}
        redirects = self.redirects
        while more := {old for old, into in redirects.items() if into in found} - found:
            found |= more
        return found


def open_books(session: Session, *, workspace: int) -> Books:
    """Read the books; whoever else writes them waits until this transaction is over.

    Open them before anything is read that an act is decided by: of two people who act at once, the second must see
    what the first one did.
    """
    row = _held_row(session, workspace)
    if row is None:
        # A row to hold, so that two first acts do not take one number.
        first = {"workspace_id": workspace, "version": 0, "revision": 0, "state": {}}
        insert_or_ignore(session, ThemeStreamState, first, key=("workspace_id",))
        row = _held_row(session, workspace)
    session.expire_all()
    if row is None or row.version == 0:
        return Books(0, 1, {"settled_at": 0}, _first_books(session, workspace))
    kept = Bookkeeping.from_json(json.dumps(row.state["bookkeeping"]))
    return Books(row.version, row.revision + 1, row.state, kept)


def _held_row(session: Session, workspace: int) -> ThemeStreamState | None:
    return session.get(ThemeStreamState, workspace, with_for_update=True, populate_existing=True)


def _first_books(session: Session, workspace: int) -> Bookkeeping:
    """Return books that say what the themes say, for a stream that read nothing yet."""
    themes = list(session.scalars(select(Theme).where(Theme.workspace_id == workspace)))
    numbers = {row.id: row.number for row in themes}
    redirects = [(row.number, numbers[row.redirect_id]) for row in themes if row.redirect_id is not None]
    taken = max(numbers.values(), default=0)
    return Bookkeeping(0, taken + 1, ThemeSetting().first_fit, tuple(sorted(redirects)), ())


def close_books(session: Session, *, workspace: int, books: Books) -> None:
    """Write the books, and bring every theme's state and redirect in line with them."""
    state = {**books.state, "bookkeeping": json.loads(books.kept.to_json())}
    theme_stream.write_stream(
        session, workspace=workspace, before=books.version, revision=books.revision, state=state
    )
    rows = list(session.scalars(select(Theme).where(Theme.workspace_id == workspace)))
    ids = {row.number: row.id for row in rows}
    redirects = books.redirects
    for row in rows:
        standing = row.number
        while standing in redirects:
            standing = redirects[standing]
        if standing != row.number:
            row.state, row.redirect_id = ThemeState.MERGED, ids[standing]
        elif row.redirect_id is not None:
            row.state, row.redirect_id = ThemeState.ACTIVE, None
    session.flush()


def make_theme(session: Session, *, workspace: int, books: Books, label: str | None, now: datetime) -> Theme:
    """Make a theme that a person asked for, with a number of its own; a label given is a person's name for it."""
    row = Theme(
        workspace_id=workspace,
        number=books.take_number(),
        state=ThemeState.ACTIVE,
        label=label,
        named=label is not None,
        born_at=now,
        born_revision=books.revision,
        keywords=[],
    )
    session.add(row)
    session.flush()
    return row


def put_items(session: Session, *, workspace: int, places: Mapping[int, Theme | None], revision: int) -> None:
    """Assign items to themes by hand, from `revision` on; None takes an item out of its theme, to wait for one."""
    placed = {item: theme for item, theme in places.items() if theme is not None}
    theme_stream.enter(
        session,
        workspace=workspace,
        entries=[theme_stream.Entry(item, theme.number, 1.0) for item, theme in placed.items()],
        ids={theme.number: theme.id for theme in placed.values()},
        revision=revision,
    )
    waiting = [item for item in places if item not in placed]
    if waiting:
        theme_stream.leave_themes(session, workspace=workspace, items=waiting, revision=revision)
