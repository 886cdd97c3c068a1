"""What the API, the console and the command line share where people correct themes."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict

from models.database import Database, Session
from models.errors import Conflict, Invalid
from models.language.own_words import own_line
from models.queries import theme_acts, theme_books, theme_changes, theme_marks, theme_undo, themes
from models.queries.access import Caller
from models.queries.theme_log import Acted, Author
from models.records import ThemeVerb
from models.values.ids import Prefix, parse_id, public_id
from models.values.storable import UNSTORABLE, storable

EXAMPLE_KEPT = 2000  # characters of an example that are stored


def author_of(caller: Caller) -> Author:
    """Return who a caller is, for the log."""
    return Author(caller.name, caller.public_id)


def checked_name(label: str) -> str:
    """Return a name for a theme without blanks around it; raise `Invalid` unless it has 1 to 200 characters.

    Forms and command lines bring what no database stores, too.
    """
    name = label.strip()
    if UNSTORABLE.search(name):
        raise Invalid(
            "a name holds no NUL and no half of a surrogate pair: leave that character out.", field="label"
        )
    if not 1 <= len(name) <= 200:
        raise Invalid("a name has 1 to 200 characters.", field="label")
    return name


def seed_texts(label: str, description: str, examples: Sequence[str]) -> list[str]:
    """Return the wordings that stand for an expected theme, without personal data and without repeats."""
    whole = f"{label}. {description}".strip() if description.strip() else label
    cleaned = [own_line(storable(text), limit=EXAMPLE_KEPT).strip() for text in (whole, *examples)]
    return list(dict.fromkeys(text for text in cleaned if text)) or [label]


@dataclass(frozen=True, slots=True)
class Hand:
    """What one person does to themes in one transaction, with ids and names as people write them.

    Each act raises what `models.queries` raises of it, and `NotFound` for what is no id of its kind.
    """

    session: Session
    workspace: int
    author: Author
    now: datetime

    def merge(self, into: str, others: Sequence[str]) -> Acted:
        """Let a theme stand for others."""
        return theme_changes.merge(
            self.session, theme=_theme(into), others=[_theme(each) for each in others], **self._by
        )

    def split(self, theme: str, items: Sequence[str], label: str | None) -> Acted:
        """Move items out into a theme of their own; a blank name is none."""
        name = checked_name(label) if label is not None and label.strip() else None
        return theme_changes.split(
            self.session, theme=_theme(theme), items=_items(items), label=name, **self._by
        )

    def move(self, into: str, items: Sequence[str]) -> Acted:
        """Put items into a theme."""
        return theme_changes.move(self.session, theme=_theme(into), items=_items(items), **self._by)

    def rename(self, theme: str, label: str) -> Acted:
        """Name a theme."""
        return theme_marks.rename(self.session, theme=_theme(theme), label=checked_name(label), **self._by)

    def dismiss(self, theme: str) -> Acted:
        """Call a theme noise."""
        return theme_marks.dismiss(self.session, theme=_theme(theme), **self._by)

    def seed(self, label: str, description: str, examples: Sequence[str]) -> Acted:
        """Make a theme that is expected."""
        name = checked_name(label)
        texts = seed_texts(name, description, examples)
        return theme_marks.seed(self.session, label=name, texts=texts, **self._by)

    def undo(self, theme: str, *, act: str | None = None, revision: int | None = None) -> Acted:
        """Take back the latest act on a theme, or the one named."""
        number = None if act is None else parse_id(Prefix.ACT, act)
        return theme_undo.undo(self.session, theme=_theme(theme), act=number, revision=revision, **self._by)

    def pin(self, theme: str, *, pinned: bool = True) -> Acted:
        """Pin a theme, or undo its pin; raise `Conflict` where it is so already."""
        number = _theme(theme)
        if pinned:
            return theme_marks.pin(self.session, theme=number, **self._by)
        theme_books.open_books(self.session, workspace=self.workspace)
        row = themes.standing_theme(self.session, workspace=self.workspace, theme=number)
        acts = theme_acts.standing_acts(self.session, workspace=self.workspace)
        pins = [act for act in acts if act.verb is ThemeVerb.PIN and act.theme_id == row.id]
        if not pins:
            name = public_id(Prefix.THEME, row.id)
            raise Conflict(f"{name} is not pinned; an expected theme is let go by undoing that.")
        return theme_undo.undo(self.session, theme=row.id, act=pins[-1].id, **self._by)

    @property
    def _by(self) -> "_By":
        return {"workspace": self.workspace, "author": self.author, "now": self.now}


class _By(TypedDict):
    workspace: int
    author: Author
    now: datetime


def _theme(public: str) -> int:
    return parse_id(Prefix.THEME, public)


def _items(public: Sequence[str]) -> list[int]:
    return [parse_id(Prefix.ITEM, each) for each in public]


@contextmanager
def acting(database: Database, caller: Caller, now: datetime) -> Iterator[Hand]:
    """Let a caller act on the themes of its workspace while the block runs: all of it, or nothing where it raises."""
    with database.write(workspace=caller.workspace_id) as session:
        yield Hand(session, caller.workspace_id, author_of(caller), now)
