"""What the API, the console and the command line share where people correct themes."""

from collections.abc import Sequence
from datetime import datetime

from models.database import Session
from models.errors import Conflict, Invalid
from models.language.own_words import own_line
from models.queries import theme_acts, theme_books, theme_marks, theme_undo
from models.queries.access import Caller
from models.queries.theme_log import Acted, Author, standing_theme
from models.records import ThemeVerb
from models.values.ids import Prefix, public_id
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


def set_pin(
    session: Session, *, workspace: int, theme: int, author: Author, now: datetime, pinned: bool
) -> Acted:
    """Pin a theme, or undo its pin; raise `Conflict` where it is so already."""
    if pinned:
        return theme_marks.pin(session, workspace=workspace, theme=theme, author=author, now=now)
    theme_books.open_books(session, workspace=workspace)
    row = standing_theme(session, workspace=workspace, theme=theme)
    acts = theme_acts.standing_acts(session, workspace=workspace)
    pins = [act for act in acts if act.verb is ThemeVerb.PIN and act.theme_id == row.id]
    if not pins:
        name = public_id(Prefix.THEME, row.id)
        raise Conflict(f"{name} is not pinned; an expected theme is let go by undoing that.")
    return theme_undo.undo(
        session, workspace=workspace, theme=row.id, act=pins[-1].id, author=author, now=now
    )
