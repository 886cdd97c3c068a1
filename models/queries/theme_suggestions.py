"""Suggested corrections of themes: replaced at every run, accepted by an act, or declined and not made again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.errors import Conflict, NotFound
from models.queries import theme_changes, theme_reading, theme_why, themes, workspaces
from models.queries.theme_log import Acted, Author
from models.records import JsonObject, SuggestionState, ThemeSuggestion
from models.values.ids import Prefix, public_id
from models.values.suggestions import SuggestionKind

GROWN = 1.5
"""Themes that hold so many times the items as when a suggestion was declined give it new grounds."""
WORSE = 0.2
"""A margin that fell by so much since gives new grounds."""
QUOTES = 6
"""Most quotes beside a suggestion."""
SAME_PART = 0.5
"""A part of a theme is the one that was declined where they share so much of what either holds (Jaccard)."""


@dataclass(frozen=True, slots=True)
class Found:
    """A suggestion as a run found it, with themes by id; None: waiting, or no other theme."""

    kind: SuggestionKind
    theme: int | None
    other: int | None
    items: tuple[int, ...]
    score: float
    margin: float | None
    size: int
    reason: str


Key = tuple[SuggestionKind, int | None, int | None, int | None]


def replace_open(
    session: Session, *, workspace: int, found: Sequence[Found], revision: int, now: datetime
) -> None:
    """Let what a run found stand in place of what waits; what was declined on the same grounds is left out.

    A suggestion that waits and is found again keeps its id.
    """
    declined = _in_state(session, workspace, SuggestionState.DECLINED)
    waiting = {_key(row): row for row in _in_state(session, workspace, SuggestionState.OPEN)}
    for each in found:
        if any(_is_declined(row, each) for row in declined):
            continue
        row = waiting.pop(_key_of(each), None)
        if row is None:
            row = ThemeSuggestion(
                workspace_id=workspace,
                kind=each.kind,
                theme_id=each.theme,
                other_theme_id=each.other,
                found_at=now,
                state=SuggestionState.OPEN,
            )
            session.add(row)
        row.item_ids, row.score, row.margin = list(each.items), each.score, each.margin
        row.size, row.reason, row.revision = each.size, each.reason, revision
    for row in waiting.values():
        session.delete(row)
    session.flush()


def _key(row: ThemeSuggestion) -> Key:
    return row.kind, row.theme_id, row.other_theme_id, min(row.item_ids, default=None)


def _key_of(found: Found) -> Key:
    return found.kind, found.theme, found.other, min(found.items, default=None)


def _in_state(session: Session, workspace: int, state: SuggestionState) -> list[ThemeSuggestion]:
    query = select(ThemeSuggestion).where(
        ThemeSuggestion.workspace_id == workspace, ThemeSuggestion.state == state
    )
    return list(session.scalars(query.order_by(ThemeSuggestion.id)))


def _is_declined(row: ThemeSuggestion, found: Found) -> bool:
    """Say whether a person declined this before, on grounds that still are what they were."""
    if row.kind is not found.kind:
        return False
    if found.kind is SuggestionKind.ITEM:
        is_same = (row.theme_id, row.other_theme_id) == (found.theme, found.other)
        is_worse = (found.margin or 0.0) <= (row.margin or 0.0) - WORSE
        return is_same and not is_worse and bool(set(row.item_ids) & set(found.items))
    if found.size >= GROWN * row.size:
        return False
    if found.kind is SuggestionKind.MERGE:
        return {row.theme_id, row.other_theme_id} == {found.theme, found.other}
    one, other = set(row.item_ids), set(found.items)
    return row.theme_id == found.theme and len(one & other) >= SAME_PART * len(one | other)


def list_suggestions(
    session: Session, *, workspace: int, kind: SuggestionKind | None = None
) -> list[ThemeSuggestion]:
    """Return the suggestions that wait: items, merges, splits, the best of each first."""
    rows = _in_state(session, workspace, SuggestionState.OPEN)
    order = list(SuggestionKind)
    found = [row for row in rows if kind is None or row.kind is kind]
    return sorted(found, key=lambda row: (order.index(row.kind), -row.score, row.id))


def count_waiting(session: Session, *, workspace: int) -> int:
    """Count the suggestions that wait."""
    query = select(func.count()).where(
        ThemeSuggestion.workspace_id == workspace, ThemeSuggestion.state == SuggestionState.OPEN
    )
    return session.scalar(query) or 0


def get_suggestion(session: Session, *, workspace: int, suggestion: int) -> ThemeSuggestion:
    """Load a suggestion of the workspace, decided ones too."""
    row = session.get(ThemeSuggestion, suggestion)
    if row is None or row.workspace_id != workspace:
        raise NotFound(f"There is no suggestion {public_id(Prefix.SUGGESTION, suggestion)}.")
    return row


def accept(session: Session, *, workspace: int, suggestion: int, author: Author, now: datetime) -> Acted:
    """Do what a suggestion asks for, as an act of `author`; raise `Conflict` if it was decided or is out of date."""
    row = _open(session, workspace, suggestion)
    done = _act(session, workspace, row, replace(author, suggestion=row.id), now)
    row.act_id = done.act.id
    _decide(row, SuggestionState.ACCEPTED, author, now)
    session.flush()
    return done


def decline(
    session: Session, *, workspace: int, suggestion: int, author: Author, now: datetime
) -> ThemeSuggestion:
    """Leave things as they are; it is not suggested again unless its grounds change."""
    row = _open(session, workspace, suggestion)
    _decide(row, SuggestionState.DECLINED, author, now)
    workspaces.audit(
        session,
        workspace=workspace,
        actor=author.actor[:200],
        by=author.by,
        action="theme_suggestion.decline",
        subject=public_id(Prefix.SUGGESTION, row.id),
        now=now,
        detail={"kind": row.kind.value},
    )
    session.flush()
    return row


def _open(session: Session, workspace: int, suggestion: int) -> ThemeSuggestion:
    # Two people may press at once: the second waits, and then sees that it was decided.
    session.get(ThemeSuggestion, suggestion, with_for_update=True, populate_existing=True)
    row = get_suggestion(session, workspace=workspace, suggestion=suggestion)
    if row.state is not SuggestionState.OPEN:
        raise Conflict(f"{public_id(Prefix.SUGGESTION, row.id)} was {row.state} already by {row.decided_by}.")
    return row


def _decide(row: ThemeSuggestion, state: SuggestionState, author: Author, now: datetime) -> None:
    row.state, row.decided_at, row.decided_by = state, now, author.actor[:200]


def _act(session: Session, workspace: int, row: ThemeSuggestion, author: Author, now: datetime) -> Acted:
    if row.kind is SuggestionKind.MERGE:
        return theme_changes.merge(
            session,
            workspace=workspace,
            theme=_named(row.theme_id),
            others=[_named(row.other_theme_id)],
            author=author,
            now=now,
        )
    items = _still_there(session, workspace, row)
    if row.kind is SuggestionKind.SPLIT:
        return theme_changes.split(
            session,
            workspace=workspace,
            theme=_named(row.theme_id),
            items=items,
            label=None,
            author=author,
            now=now,
        )
    return theme_changes.move(
        session, workspace=workspace, theme=_named(row.other_theme_id), items=items, author=author, now=now
    )


def _named(theme: int | None) -> int:
    if theme is None:
        raise Conflict("this suggestion names no theme to act on.")
    return theme


def _still_there(session: Session, workspace: int, row: ThemeSuggestion) -> list[int]:
    """Return those of its items that are where they were when it was made; raise `Conflict` where none is."""
    homes: dict[int, int] = {}
    for start in range(0, len(row.item_ids), 500):
        homes |= themes.themes_of_items(session, workspace=workspace, items=row.item_ids[start : start + 500])
    redirects = themes.redirects(session, workspace=workspace)
    wanted = None if row.theme_id is None else redirects.get(row.theme_id, row.theme_id)
    found = [item for item in row.item_ids if _standing(homes, redirects, item) == wanted]
    if not found:
        name = public_id(Prefix.SUGGESTION, row.id)
        raise Conflict(f"{name} is out of date: what it was about has changed since.")
    return found


def _standing(homes: Mapping[int, int], redirects: Mapping[int, int], item: int) -> int | None:
    home = homes.get(item)
    return None if home is None else redirects.get(home, home)


def evidence_spans(session: Session, *, workspace: int, suggestion: ThemeSuggestion) -> list[JsonObject]:
    """Return what to quote beside a suggestion: the items that would move, or the nearest members of both themes."""
    if suggestion.kind is SuggestionKind.MERGE:
        both = [theme for theme in (suggestion.theme_id, suggestion.other_theme_id) if theme is not None]
        return [
            span
            for theme in both
            for span in theme_reading.spans(session, workspace=workspace, theme=theme)[: QUOTES // 2]
        ]
    first = suggestion.item_ids[:QUOTES]
    found = theme_why.beginnings(session, workspace=workspace, items=first)
    return [found[item] for item in first if item in found]


def quoted_of(session: Session, *, workspace: int, theme: int) -> set[int]:
    """Return the items that the quotes of a theme are from."""
    spans = theme_reading.spans(session, workspace=workspace, theme=theme)
    return {int(str(span["item"])) for span in spans}
