"""Acts that name themes, pin them, call them noise, or expect them before there are items."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.errors import Conflict
from models.queries import theme_acts, theme_books, themes
from models.queries.theme_log import (
    Acted,
    Author,
    add_event,
    ask_for_counts,
    begin,
    check_free,
    log_act,
    th,
)
from models.records import Theme, ThemeSeed, ThemeState, ThemeVerb


def rename(
    session: Session, *, workspace: int, theme: int, label: str, author: Author, now: datetime
) -> Acted:
    """Name a theme; refits keep the name, and the one that is found in its words is kept beside it."""
    books = theme_books.open_books(session, workspace=workspace)
    row = themes.standing_theme(session, workspace=workspace, theme=theme)
    if row.named and row.label == label:
        raise Conflict(f"{th(row)} has this name already.")
    row.label, row.named = label, True
    act = log_act(
        session,
        workspace=workspace,
        verb=ThemeVerb.RENAME,
        row=row,
        books=books,
        author=author,
        now=now,
        label=label,
    )
    theme_books.close_books(session, workspace=workspace, books=books)
    return Acted(act, add_event(session, act, "rename", row.id, workspace=workspace, at=now))


def pin(session: Session, *, workspace: int, theme: int, author: Author, now: datetime) -> Acted:
    """Hold a theme together: refits neither merge it nor take items out; it may gain some."""
    books = theme_books.open_books(session, workspace=workspace)
    row = themes.standing_theme(session, workspace=workspace, theme=theme)
    acts = theme_acts.standing_acts(session, workspace=workspace)
    check_free(acts, row, f"Pinning {th(row)}", ThemeVerb.PIN, ThemeVerb.DISMISS)
    row.pinned = True
    if row.state is ThemeState.RETIRED:
        row.state = ThemeState.ACTIVE  # held, it stands, and shows that it is empty
    act = log_act(
        session, workspace=workspace, verb=ThemeVerb.PIN, row=row, books=books, author=author, now=now
    )
    theme_books.close_books(session, workspace=workspace, books=books)
    return Acted(act, add_event(session, act, "pin", row.id, workspace=workspace, at=now))


def dismiss(session: Session, *, workspace: int, theme: int, author: Author, now: datetime) -> Acted:
    """Call a theme noise: it goes on taking in what is like it, and nothing in it counts."""
    books = begin(session, workspace=workspace, now=now)
    row = themes.standing_theme(session, workspace=workspace, theme=theme)
    acts = theme_acts.standing_acts(session, workspace=workspace)
    check_free(acts, row, f"Dismissing {th(row)}", ThemeVerb.PIN, ThemeVerb.SEED, ThemeVerb.DISMISS)
    row.state = ThemeState.DISMISSED
    act = log_act(
        session, workspace=workspace, verb=ThemeVerb.DISMISS, row=row, books=books, author=author, now=now
    )
    theme_books.close_books(session, workspace=workspace, books=books)
    size = themes.size(session, workspace=workspace, theme=row.id)
    event = add_event(session, act, "dismiss", row.id, workspace=workspace, items=size, at=now)
    days = themes.days_of_theme(session, workspace=workspace, theme=row.id)
    pairs = [(row.id, at) for at in days]
    ask_for_counts(session, workspace=workspace, pairs=pairs, now=now)
    return Acted(act, event, 0, size)


def seed(
    session: Session, *, workspace: int, label: str, texts: Sequence[str], author: Author, now: datetime
) -> Acted:
    """Make a theme from wordings that are expected in it, before there are items; empty, it stays."""
    books = begin(session, workspace=workspace, now=now)
    known = session.scalar(
        select(Theme).where(
            Theme.workspace_id == workspace,
            Theme.state == ThemeState.ACTIVE,
            func.lower(Theme.label) == label.lower(),
        )
    )
    if known is not None:
        raise Conflict(f"{th(known)} has this name already: move items there, or choose another name.")
    row = theme_books.make_theme(session, workspace=workspace, books=books, label=label, now=now)
    row.pinned = True
    act = log_act(
        session,
        workspace=workspace,
        verb=ThemeVerb.SEED,
        row=row,
        books=books,
        author=author,
        now=now,
        label=label,
    )
    session.add_all(
        ThemeSeed(workspace_id=workspace, act_id=act.id, theme_id=row.id, text=text) for text in texts
    )
    theme_books.close_books(session, workspace=workspace, books=books)
    return Acted(act, add_event(session, act, "seed", row.id, workspace=workspace, at=now))
