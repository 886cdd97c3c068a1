"""What the pages of themes and messages offer to people who may correct themes."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from models.database import Session
from models.queries import overview, theme_acts, themes
from models.queries.theme_log import name_of
from models.records import Theme, ThemeAct, ThemeState, ThemeVerb
from models.values.ids import Prefix, public_id
from service.console.addresses import theme_address
from service.console.frame import Frame
from service.console.verdict_row import label_of

DONE: Final[Mapping[str, str]] = {
    "seeded": "The theme is expected from now on: the worker puts what is like it here.",
    "renamed": "The theme has this name from now on; refits keep it.",
    "merged": "The themes are one from now on. The worker counts anew; open the page again in a moment.",
    "pinned": "The theme is held together: refits neither merge it nor take messages out.",
    "unpinned": "The theme is let go: refits may change it again.",
    "dismissed": "The theme is noise from now on: it takes in what is like it, and nothing in it counts.",
    "undone": "The act is undone. The worker counts anew; open the page again in a moment.",
    "moved": "The messages are here from now on, whatever refits find.",
    "split": "The messages are a theme of their own from now on. The worker names it, unless you did.",
}
"""What is said after an act, by the word in the address."""

_WORDS: Final[Mapping[ThemeVerb, str]] = {
    ThemeVerb.MERGE: "merged",
    ThemeVerb.SPLIT: "split",
    ThemeVerb.RENAME: "renamed",
    ThemeVerb.PIN: "pinned",
    ThemeVerb.MOVE: "moved messages in",
    ThemeVerb.DISMISS: "dismissed as noise",
    ThemeVerb.SEED: "expected by name",
    ThemeVerb.UNDO: "undone",
}


@dataclass(frozen=True, slots=True)
class ActRow:
    """An act of a person that stands, and can be undone."""

    id: str
    text: str
    actor: str
    on: date
    said: str


@dataclass(frozen=True, slots=True)
class Curation:
    """What a curator may do with a theme; found: the name found in its words where a person gave another."""

    pinned: bool
    may_unpin: bool
    dismissed: bool
    found: str | None
    others: tuple[tuple[str, str], ...]
    acts: tuple[ActRow, ...]


def read_curation(session: Session, frame: Frame, *, theme: Theme) -> Curation:
    """Read what can be done with a theme that stands, and what was done and can be undone, newest first."""
    acts = [
        act
        for act in theme_acts.standing_acts(session, workspace=frame.workspace)
        if theme_acts.touches(act, theme.id)
    ]
    return Curation(
        pinned=theme.pinned,
        may_unpin=any(act.verb is ThemeVerb.PIN and act.theme_id == theme.id for act in acts),
        dismissed=theme.state is ThemeState.DISMISSED,
        found=theme.found_label if theme.named else None,
        others=theme_choices(session, frame, but=theme.id),
        acts=tuple(_act_row(frame, act, theme.id) for act in reversed(acts)),
    )


def theme_choices(session: Session, frame: Frame, *, but: int | None = None) -> tuple[tuple[str, str], ...]:
    """List the themes that stand, by name, as the choices of a form."""
    rows = themes.active_themes(session, workspace=frame.workspace)
    choices = [
        (public_id(Prefix.THEME, row.id), row.label or f"theme {public_id(Prefix.THEME, row.id)}")
        for row in rows
        if row.id != but
    ]
    return tuple(sorted(choices, key=lambda choice: choice[1].casefold()))


def dismissed_themes(session: Session, frame: Frame) -> tuple[tuple[str, str], ...]:
    """List the themes that were called noise: address and label."""
    labels = overview.theme_labels(session, workspace=frame.workspace)
    found = [
        (theme_address(theme), label_of(labels, theme))
        for theme in themes.dismissed_themes(session, workspace=frame.workspace)
    ]
    return tuple(sorted(found, key=lambda each: each[1].casefold()))


def _act_row(frame: Frame, act: ThemeAct, theme: int) -> ActRow:
    text = _WORDS[act.verb]
    if act.verb in (ThemeVerb.MERGE, ThemeVerb.SPLIT):
        others = ", ".join(public_id(Prefix.THEME, other) for other in act.other_ids)
        text = f"{text} {'with' if act.verb is ThemeVerb.MERGE else 'into'} {others}"
    if act.theme_id != theme:
        text = f"split off {public_id(Prefix.THEME, act.theme_id)}"
    if act.label is not None:
        text = f"{text} “{act.label}”"
    return ActRow(public_id(Prefix.ACT, act.id), text, act.actor, frame.day_of(act.at), name_of(act))
