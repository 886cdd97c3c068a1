"""The history on the page of a theme: acts of people line by line, those of refits a line a revision and kind."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from models.database import Session
from models.queries import overview, theme_history, theme_reading
from models.queries.theme_history import Entry
from models.records import ThemeEvent
from models.values.ids import Prefix, public_id
from service.console.frame import Frame
from service.console.verdict_row import label_of
from service.console.wording import say_count

NAMED: Final = 100
"""Events of one line that are named when it is opened."""

_TEXT: Final[Mapping[str, str]] = {
    "birth": "began",
    "merge": "took in",
    "burst": "began with a sudden rise",
    "move": "took over messages of a neighbour",
    "split": "was split with",
    "rename": "was renamed",
    "pin": "was pinned",
    "dismiss": "was dismissed as noise",
    "seed": "was expected",
    "undo": "an act was undone",
    "model_changed": "changed with the encoder, mostly with",
}
_ALONE: Final[Mapping[str, str]] = {
    "merge": "took in another theme",
    "split": "was split",
    "model_changed": "changed with the encoder",
}
"""For readers of aggregates, who may not hear of the other theme."""
_MANY: Final[Mapping[str, str]] = {
    "merge": "took in {} themes",
    "move": "took over messages of neighbours {} times",
}


@dataclass(frozen=True, slots=True)
class LogRow:
    """A line of the theme's history; parts: what it stands for, where that is more than one thing.

    unnamed: how many things more there are than are named in `parts`.
    """

    on: date
    text: str
    items: int
    revision: int
    actor: str | None
    parts: tuple[str, ...] = ()
    unnamed: int = 0


def read_history(session: Session, frame: Frame, *, theme: int) -> tuple[LogRow, ...]:
    """Read what happened to a theme, newest first."""
    labels = overview.theme_labels(session, workspace=frame.workspace)
    entries = theme_history.history_of(session, workspace=frame.workspace, theme=theme)
    events = [event for entry in entries for event in entry.events]
    actors = theme_reading.actors_of(session, workspace=frame.workspace, events=events)
    return tuple(_row(frame, entry, theme, labels, actors) for entry in entries)


def _row(
    frame: Frame, entry: Entry, theme: int, labels: dict[int, str | None], actors: Mapping[int, str]
) -> LogRow:
    is_plain = frame.least is None
    first = entry.events[0]
    row = LogRow(
        on=frame.day_of(entry.at),
        text=_said(first, theme, labels, is_plain=is_plain),
        items=entry.items if is_plain else 0,
        revision=entry.revision,
        actor=actors.get(first.act_id or 0),
    )
    if entry.count == 1:
        return row
    text = _MANY.get(entry.kind, f"{_TEXT.get(entry.kind, entry.kind)}, {{}} times").format(
        say_count(entry.count)
    )
    named = entry.events[:NAMED] if is_plain else ()
    return LogRow(
        on=row.on,
        text=text,
        items=row.items,
        revision=row.revision,
        actor=None,
        parts=tuple(_part(event, theme, labels) for event in named),
        unnamed=entry.count - len(named) if is_plain else 0,
    )


def _said(event: ThemeEvent, theme: int, labels: dict[int, str | None], *, is_plain: bool) -> str:
    text = _TEXT.get(event.kind, event.kind)
    if not is_plain:
        return _ALONE.get(event.kind, text)
    if event.kind == "merge" and event.other_theme_id == theme:
        text = "was taken in by"
    other = _other(event, theme, labels)
    return f"{text} {other}" if other else text


def _part(event: ThemeEvent, theme: int, labels: dict[int, str | None]) -> str:
    other = _other(event, theme, labels) or _TEXT.get(event.kind, event.kind)
    if not event.item_count:
        return other
    return f"{other}, {say_count(event.item_count)} message{'s' if event.item_count != 1 else ''}"


def _other(event: ThemeEvent, theme: int, labels: dict[int, str | None]) -> str | None:
    """Name the other theme of an event."""
    if event.other_theme_id is None:
        return None
    other = event.theme_id if event.other_theme_id == theme else event.other_theme_id
    return f"“{label_of(labels, other)}” ({public_id(Prefix.THEME, other)})"
