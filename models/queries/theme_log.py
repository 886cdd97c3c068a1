"""The log of what people did to themes: how an act is named, refused, written down and followed up."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NoReturn
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from models.errors import Conflict
from models.jobs import Job
from models.queries import counts, shadow_stream, theme_books, work, workspaces
from models.queries.theme_books import Books
from models.records import Theme, ThemeAct, ThemeEvent, ThemeVerb
from models.values.ids import Prefix, public_id


@dataclass(frozen=True, slots=True)
class Author:
    """Who acts: the name that others read, and the public id of the key or user behind it.

    suggestion: the suggestion that is accepted by the act, if it is one.
    """

    actor: str
    by: str
    suggestion: int | None = None


@dataclass(frozen=True, slots=True)
class Acted:
    """What an act did: its entries in the logs, and how many of the theme's items, before it, it moved."""

    act: ThemeAct
    event: ThemeEvent
    moved: int = 0
    size_before: int = 0


_NOUN: Mapping[ThemeVerb, str] = {
    ThemeVerb.MERGE: "merge",
    ThemeVerb.SPLIT: "split",
    ThemeVerb.RENAME: "renaming",
    ThemeVerb.PIN: "pin",
    ThemeVerb.MOVE: "move",
    ThemeVerb.DISMISS: "dismissal",
    ThemeVerb.SEED: "seed",
    ThemeVerb.UNDO: "undo",
}


def name_of(act: ThemeAct) -> str:
    """Name an act so that a person finds it: its id, what it did, who did it and when."""
    others = ", ".join(public_id(Prefix.THEME, other) for other in act.other_ids)
    link = {ThemeVerb.MERGE: "with", ThemeVerb.SPLIT: "into"}.get(act.verb)
    on = public_id(Prefix.THEME, act.theme_id) + (f" {link} {others}" if link and others else "")
    return (
        f"{public_id(Prefix.ACT, act.id)}, the {_NOUN[act.verb]} of {on} by {act.actor} on {act.at:%Y-%m-%d}"
    )


def refuse(asked: str, act: ThemeAct) -> NoReturn:
    """Refuse what was asked because of an act that stands."""
    raise Conflict(f"{asked} contradicts {name_of(act)}. Undo that act first.")


def th(row: Theme) -> str:
    """Return the public id of a theme."""
    return public_id(Prefix.THEME, row.id)


def check_free(acts: Iterable[ThemeAct], theme: Theme, asked: str, *verbs: ThemeVerb) -> None:
    """Refuse what an act of one of these kinds forbids a theme."""
    for act in acts:
        if act.verb in verbs and act.theme_id == theme.id:
            refuse(asked, act)


def begin(session: Session, *, workspace: int, now: datetime) -> Books:
    """Open the books for an act that asks for names of themes.

    It asks before it touches a theme: whoever names themes holds that work while it writes them, so that the other
    order would have each wait for the other.
    """
    books = theme_books.open_books(session, workspace=workspace)
    ask_for_label(session, workspace=workspace, now=now)
    return books


def log_act(
    session: Session,
    *,
    workspace: int,
    verb: ThemeVerb,
    row: Theme,
    books: Books,
    author: Author,
    now: datetime,
    other_ids: Sequence[int] = (),
    label: str | None = None,
    undoes: int | None = None,
) -> ThemeAct:
    """Append an act to the log of themes, and to the audit log."""
    act = ThemeAct(
        workspace_id=workspace,
        verb=verb,
        theme_id=row.id,
        other_ids=list(other_ids),
        label=label,
        revision=books.revision,
        read=books.kept.read,
        actor=author.actor[:200],
        by=author.by,
        at=now,
        undoes_id=undoes,
    )
    session.add(act)
    session.flush()
    shadow_stream.follow(session, workspace=workspace, now=now)
    workspaces.audit(
        session,
        workspace=act.workspace_id,
        actor=act.actor,
        by=act.by,
        action=f"theme.{act.verb}",
        subject=public_id(Prefix.THEME, act.theme_id),
        now=act.at,
        detail={
            "act": public_id(Prefix.ACT, act.id),
            **({"suggestion": public_id(Prefix.SUGGESTION, author.suggestion)} if author.suggestion else {}),
        },
    )
    return act


def add_event(
    session: Session,
    act: ThemeAct,
    kind: str,
    theme: int,
    *,
    workspace: int,
    at: datetime,
    other: int | None = None,
    items: int = 0,
) -> ThemeEvent:
    """Append an entry to a theme's log that names the act behind it."""
    event = ThemeEvent(
        workspace_id=workspace,
        revision=act.revision,
        kind=kind,
        theme_id=theme,
        other_theme_id=other,
        item_count=items,
        act_id=act.id,
        at=at,
    )
    session.add(event)
    session.flush()
    return event


def ask_for_counts(
    session: Session, *, workspace: int, pairs: Iterable[tuple[int, datetime]], now: datetime
) -> None:
    """Ask for counts of themes on days."""
    zone = ZoneInfo(workspaces.get_workspace(session, workspace=workspace).time_zone)
    counts.mark(session, workspace=workspace, pairs=pairs, zone=zone, now=now)


def ask_for_label(session: Session, *, workspace: int, now: datetime) -> None:
    """Ask for names of themes that have none that fits."""
    work.mark_dirty(session, workspace=workspace, stage=Job.LABEL, subject=workspace, run_at=now)
