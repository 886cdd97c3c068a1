"""Suggested corrections of themes: replaced at every run, accepted by an act, or declined and not made again."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from models.errors import Conflict, NotFound
from models.queries import theme_changes, theme_log, theme_reading, theme_why, themes, workspaces
from models.queries.theme_log import Acted, Author
from models.queries.within import within
from models.records import FeedbackItem, JsonObject, SuggestionState, Theme, ThemeState, ThemeSuggestion
from models.values.ids import Prefix, public_id
from models.values.suggestions import SuggestionKind

GROWN = 1.5
"""Themes that hold so many times the items as when a suggestion was declined give it new grounds."""
WORSE = 0.2
"""A margin that fell by so much since gives new grounds."""
QUOTES = 6
"""Most quotes beside a suggestion."""
PROBED = 20
"""Items of a suggestion that are looked at first to say whether any is left."""
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
Place = tuple[SuggestionKind, frozenset[int | None]]


class Declined:
    """What people declined in a workspace, to be asked about each suggestion that is found."""

    def __init__(self, rows: Iterable[ThemeSuggestion]) -> None:
        self._rows: dict[Place, list[ThemeSuggestion]] = {}
        for row in rows:
            self._rows.setdefault(_place(row.kind, row.theme_id, row.other_theme_id), []).append(row)

    def __len__(self) -> int:
        return sum(map(len, self._rows.values()))

    def holds(self, found: Found) -> bool:
        """Say whether a person declined this before, on grounds that still are what they were."""
        rows = self._rows.get(_place(found.kind, found.theme, found.other), ())
        return any(_is_declined(row, found) for row in rows)


def _place(kind: SuggestionKind, theme: int | None, other: int | None) -> Place:
    return kind, frozenset((theme, other))


def declined(session: Session, *, workspace: int) -> Declined:
    """Return what people declined."""
    return Declined(session.scalars(_in_state(workspace, SuggestionState.DECLINED)))


def replace_open(
    session: Session, *, workspace: int, found: Sequence[Found], revision: int, now: datetime
) -> None:
    """Let what a run found stand in place of what waits, but for what was declined on the same grounds.

    Items that were deleted or erased since the run looked are left out. A suggestion that waits and is found again
    keeps its id. Whoever decides one of them meanwhile is waited for, and the decision stands.
    """
    query = _in_state(workspace, SuggestionState.OPEN).with_for_update()
    held = session.scalars(query.execution_options(populate_existing=True))
    waiting = {_key(row): row for row in held}
    # Read once those are held: whatever was decided before is seen now.
    no = declined(session, workspace=workspace)
    for each in _without_gone(session, workspace, found):
        if no.holds(each):
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


def _without_gone(session: Session, workspace: int, found: Sequence[Found]) -> list[Found]:
    gone = _gone_among(session, workspace, {item for each in found for item in each.items})
    left = [
        replace(each, items=tuple(item for item in each.items if item not in gone)) if gone else each
        for each in found
    ]
    return [each for each in left if each.items or each.kind is SuggestionKind.MERGE]


def _gone_among(session: Session, workspace: int, items: Iterable[int]) -> set[int]:
    """Return those of the items that were deleted or erased, or that their source's rules leave out by now."""
    wanted = sorted(set(items))
    found: set[int] = set()
    for start in range(0, len(wanted), 500):
        query = select(FeedbackItem.id).where(
            FeedbackItem.id.in_(wanted[start : start + 500]),
            within(FeedbackItem, workspace),
            or_(
                FeedbackItem.withdrawn.is_(True),
                FeedbackItem.erased_at.is_not(None),
                FeedbackItem.excluded_by.is_not(None),
            ),
        )
        found.update(session.scalars(query))
    return found


def _key(row: ThemeSuggestion) -> Key:
    return row.kind, row.theme_id, row.other_theme_id, min(row.item_ids, default=None)


def _key_of(found: Found) -> Key:
    return found.kind, found.theme, found.other, min(found.items, default=None)


def _in_state(workspace: int, state: SuggestionState) -> Select[ThemeSuggestion]:
    query = select(ThemeSuggestion).where(
        ThemeSuggestion.workspace_id == workspace, ThemeSuggestion.state == state
    )
    return query.order_by(ThemeSuggestion.id)


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


@dataclass(frozen=True, slots=True)
class Waiting:
    """A suggestion that waits, as it can be decided now; item_ids: those of its items that are still there."""

    id: int
    kind: SuggestionKind
    theme_id: int | None
    other_theme_id: int | None
    item_ids: tuple[int, ...]
    score: float
    margin: float | None
    reason: str
    revision: int
    found_at: datetime


def list_suggestions(
    session: Session, *, workspace: int, kind: SuggestionKind | None = None
) -> list[Waiting]:
    """Return the suggestions that wait: items, merges, splits, the best of each first.

    Those about a theme that stands no more, or about nothing but items that were deleted or erased, are left out: the
    next run takes them away.
    """
    rows = [row for row in _of_standing(session, workspace) if kind is None or row.kind is kind]
    gone = _gone_among(session, workspace, (item for row in rows for item in row.item_ids))
    found = [
        Waiting(
            id=row.id,
            kind=row.kind,
            theme_id=row.theme_id,
            other_theme_id=row.other_theme_id,
            item_ids=tuple(item for item in row.item_ids if item not in gone),
            score=row.score,
            margin=row.margin,
            reason=row.reason,
            revision=row.revision,
            found_at=row.found_at,
        )
        for row in rows
    ]
    order = list(SuggestionKind)
    return sorted(
        (each for each in found if each.item_ids or each.kind is SuggestionKind.MERGE),
        key=lambda each: (order.index(each.kind), -each.score, each.id),
    )


def count_waiting(session: Session, *, workspace: int) -> int:
    """Count the suggestions that are listed as waiting."""
    rows = _of_standing(session, workspace)
    about = [row.item_ids for row in rows if row.kind is not SuggestionKind.MERGE]
    # Every page shows this number, and a suggestion may be about thousands of items: mostly the first few tell.
    gone = _gone_among(session, workspace, (item for items in about for item in items[:PROBED]))
    doubtful = [items for items in about if gone.issuperset(items[:PROBED])]
    gone |= _gone_among(session, workspace, (item for items in doubtful for item in items[PROBED:]))
    return len(rows) - sum(gone.issuperset(items) for items in doubtful)


def _of_standing(session: Session, workspace: int) -> list[ThemeSuggestion]:
    """Return what waits and is about themes that stand."""
    rows = session.scalars(_in_state(workspace, SuggestionState.OPEN)).all()
    if not rows:
        return []
    query = select(Theme.id).where(Theme.workspace_id == workspace, Theme.state == ThemeState.ACTIVE)
    standing = {None, *session.scalars(query)}
    return [row for row in rows if {row.theme_id, row.other_theme_id} <= standing]


def get_suggestion(session: Session, *, workspace: int, suggestion: int) -> ThemeSuggestion:
    """Load a suggestion of the workspace, decided ones too."""
    row = session.get(ThemeSuggestion, suggestion)
    if row is None or row.workspace_id != workspace:
        raise NotFound(f"There is no suggestion {public_id(Prefix.SUGGESTION, suggestion)}.")
    return row


def accept(session: Session, *, workspace: int, suggestion: int, author: Author, now: datetime) -> Acted:
    """Do what a suggestion asks for, as an act of `author`; raise `Conflict` if it was decided or is out of date.

    One that is refused goes on waiting, unlisted where a theme it names stands no more, until a run takes it away.
    """
    # The books and the work of naming before the suggestion: whoever names themes holds that work while it replaces
    # suggestions, so that the other order would have each wait for the other.
    theme_log.begin(session, workspace=workspace, now=now)
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
    for field, theme in (("theme", row.theme_id), ("other", row.other_theme_id)):
        if theme is not None:
            _check_stands(session, workspace, row, theme, field)
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


_FATE: Mapping[ThemeState, str] = {
    ThemeState.DISMISSED: "was called noise meanwhile: undo that dismissal first",
    ThemeState.RETIRED: "holds no message any more: pin it first",
}


def _check_stands(session: Session, workspace: int, row: ThemeSuggestion, theme: int, field: str) -> None:
    """Refuse what names a theme that stands no more."""
    named = themes.get_theme(session, workspace=workspace, theme=theme)
    if named.state is ThemeState.ACTIVE:
        return
    if named.redirect_id is not None:
        into = public_id(Prefix.THEME, named.redirect_id)
        fate = f"was merged into {into} meanwhile: undo that merge first"
    else:
        fate = _FATE[named.state]
    asked = f"{public_id(Prefix.SUGGESTION, row.id)} names {public_id(Prefix.THEME, theme)}, which"
    raise Conflict(f"{asked} {fate}, or decline the suggestion.", field=field)


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
    gone = _gone_among(session, workspace, row.item_ids)
    found = [
        item
        for item in row.item_ids
        if item not in gone and _standing(homes, redirects, item) == row.theme_id
    ]
    if not found:
        name = public_id(Prefix.SUGGESTION, row.id)
        raise Conflict(
            f"{name} is out of date: the messages it was about were moved or deleted since. Decline it.",
            field="items",
        )
    return found


def _standing(homes: Mapping[int, int], redirects: Mapping[int, int], item: int) -> int | None:
    home = homes.get(item)
    return None if home is None else redirects.get(home, home)


def evidence_spans(
    session: Session, *, workspace: int, suggestion: Waiting | ThemeSuggestion
) -> list[JsonObject]:
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
