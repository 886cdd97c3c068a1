"""Take back what a person did to a theme; the act stays in the log, and so does the undoing."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from models.errors import Conflict, Invalid, NotFound
from models.jobs import Job
from models.queries import theme_acts, theme_books, themes, work
from models.queries.theme_books import Books
from models.queries.theme_log import (
    Acted,
    Author,
    add_event,
    ask_for_counts,
    begin,
    log_act,
    name_of,
    refuse,
    th,
)
from models.queries.within import within
from models.records import FeedbackItem, Theme, ThemeAct, ThemeSeed, ThemeState, ThemeVerb
from models.values.ids import Prefix, public_id


@dataclass(slots=True)
class _Undoing:
    """An act on its way back, and what the way touches: counts of (theme, day), items that moved."""

    session: Session
    workspace: int
    act: ThemeAct
    books: Books
    later: Sequence[ThemeAct]
    now: datetime
    dirty: list[tuple[int, datetime]] = field(default_factory=list)
    moved: int = 0

    def theme(self, theme: int) -> Theme:
        return themes.get_theme(self.session, workspace=self.workspace, theme=theme)

    def touch(self, theme: int, *others: int) -> None:
        """Have the days of a theme counted, at itself and at others."""
        days = themes.days_of_theme(self.session, workspace=self.workspace, theme=theme)
        self.dirty += [(each, at) for at in days for each in (theme, *others)]


def undo(
    session: Session,
    *,
    workspace: int,
    theme: int,
    revision: int | None = None,
    act: int | None = None,
    author: Author,
    now: datetime,
) -> Acted:
    """Take back the latest act on a theme that stands, or the one named by its id.

    revision: refuse unless the act made this theme revision. Acts that rest on it must be undone before it.
    """
    books = begin(session, workspace=workspace, now=now)
    acts = theme_acts.standing_acts(session, workspace=workspace)
    row = _chosen(session, workspace, acts, theme, act)
    if revision is not None and row.revision != revision:
        raise Conflict(
            f"the latest act on th_{theme} is {public_id(Prefix.ACT, row.id)}, which made revision {row.revision}, "
            f"not {revision}: somebody acted since."
        )
    later = [each for each in acts if each.id > row.id]
    way = _Undoing(session, workspace, row, books, later, now)
    acted_on = way.theme(row.theme_id)
    size = themes.size(session, workspace=workspace, theme=acted_on.redirect_id or acted_on.id)
    _WAYS[row.verb](way)
    done = log_act(
        session,
        workspace=workspace,
        verb=ThemeVerb.UNDO,
        row=acted_on,
        books=books,
        author=author,
        now=now,
        other_ids=row.other_ids,
        undoes=row.id,
    )
    theme_books.close_books(session, workspace=workspace, books=books)
    event = add_event(session, done, "undo", row.theme_id, workspace=workspace, items=way.moved, at=now)
    for other in row.other_ids:
        add_event(
            session, done, "undo", other, workspace=workspace, other=row.theme_id, items=way.moved, at=now
        )
    ask_for_counts(session, workspace=workspace, pairs=way.dirty, now=now)
    return Acted(done, event, way.moved, size)


def _chosen(
    session: Session, workspace: int, acts: Sequence[ThemeAct], theme: int, act: int | None
) -> ThemeAct:
    standing = themes.standing_theme(session, workspace=workspace, theme=theme).id
    if act is not None:
        named = theme_acts.get_act(session, workspace=workspace, act=act)
        if not theme_acts.touches(named, theme) and not theme_acts.touches(named, standing):
            raise Invalid(f"{name_of(named)}, was not on th_{theme}.", field="act")
        chosen = [each for each in acts if each.id == act]
        if not chosen:
            raise Conflict(f"{public_id(Prefix.ACT, act)} was undone already, or undoes another act itself.")
        return chosen[0]
    touching = [each for each in acts if theme_acts.touches(each, theme)]
    if not touching:
        raise NotFound(f"There is no act on th_{theme} that stands: nothing to undo.")
    return touching[-1]


def _undo_merge(way: _Undoing) -> None:
    into = themes.get_theme(way.session, workspace=way.workspace, theme=way.act.theme_id)
    standing = into.redirect_id or into.id
    way.touch(standing)
    for other in way.act.other_ids:
        row = way.theme(other)
        way.books.restore(row.number)
        numbers = themes.numbers(way.session, workspace=way.workspace)
        reaching = way.books.reaching(row.number)
        back = [theme for theme, number in numbers.items() if number in reaching]
        items = themes.items_assigned(way.session, workspace=way.workspace, themes=back)
        days = themes.ticket_days(way.session, workspace=way.workspace, items=items)
        way.dirty += [(other, days[item]) for item in items]
        way.moved += len(items)
        row.labelled_size = 0
    for named in (into, way.theme(standing)):
        named.labelled_size = 0


def _undo_split(way: _Undoing) -> None:
    """Let items go back, and the theme that was made lead to where they went."""
    made = way.theme(way.act.other_ids[0])
    asked = f"Undoing the split of {public_id(Prefix.THEME, way.act.theme_id)} into {th(made)}"
    for act in way.later:
        if theme_acts.touches(act, made.id) and act.verb is not ThemeVerb.RENAME:
            refuse(asked, act)
    parent = way.theme(way.act.theme_id)
    _put_back(way, made)
    # Refits may have merged either of them since.
    way.touch(made.id, made.redirect_id or made.id, parent.redirect_id or parent.id)
    way.books.redirect(made.number, way.books.resolve(parent.number))
    _check_parted(way, asked)
    parent.labelled_size = 0


def _check_parted(way: _Undoing, asked: str) -> None:
    """Refuse what would join themes that another split parts: refits may have merged its part into this one's."""
    numbers = themes.numbers(way.session, workspace=way.workspace)
    acts = theme_acts.standing_acts(way.session, workspace=way.workspace)
    for act in acts:
        if act.verb is ThemeVerb.SPLIT and act.id != way.act.id:
            parts = [way.books.resolve(numbers[each]) for each in (act.theme_id, *act.other_ids)]
            if len(set(parts)) < len(parts):
                refuse(asked, act)


def _undo_move(way: _Undoing) -> None:
    _put_back(way, way.theme(way.act.theme_id))


def _put_back(way: _Undoing, where: Theme) -> None:
    """Let the items of an act that are still where it put them go back to where they came from."""
    origins = theme_acts.items_of(way.session, workspace=way.workspace, act=way.act.id)
    items = sorted(origins)
    assigned: dict[int, int] = {}
    for start in range(0, len(items), 500):
        part = items[start : start + 500]
        assigned |= themes.themes_of_items(way.session, workspace=way.workspace, items=part)
    places = {
        item: None if (origin := origins[item]) is None else way.theme(origin)
        for item in items
        if assigned.get(item) == where.id
    }
    theme_books.put_items(way.session, workspace=way.workspace, places=places, revision=way.books.revision)
    days = themes.ticket_days(way.session, workspace=way.workspace, items=list(places))
    way.dirty += [(where.redirect_id or where.id, days[item]) for item in places]
    way.dirty += [
        (place.redirect_id or place.id, days[item]) for item, place in places.items() if place is not None
    ]
    way.moved += len(places)
    _place_anew(way, [item for item, place in places.items() if place is None])


def _place_anew(way: _Undoing, items: Sequence[int]) -> None:
    """Ask for a theme for items that were in none before a person put them in one."""
    for start in range(0, len(items), 500):
        chosen = FeedbackItem.id.in_(items[start : start + 500]), within(FeedbackItem, way.workspace)
        rows = way.session.execute(select(FeedbackItem.id, FeedbackItem.version).where(*chosen))
        pieces = sorted((item, version) for item, version in rows)
        work.mark_pieces_dirty(
            way.session, workspace=way.workspace, stage=Job.PLACE, pieces=pieces, run_at=way.now
        )


def _undo_rename(way: _Undoing) -> None:
    """Give a theme the name it had: that of an earlier act that stands, else the one found in its words."""
    _name_anew(way, way.theme(way.act.theme_id))


def _name_anew(way: _Undoing, row: Theme) -> None:
    acts = theme_acts.standing_acts(way.session, workspace=way.workspace)
    names = [
        act.label
        for act in acts
        if act.id != way.act.id
        and act.label is not None
        and (row.id in act.other_ids if act.verb is ThemeVerb.SPLIT else act.theme_id == row.id)
    ]
    row.named = bool(names)
    row.label = names[-1] if names else row.found_label


def _undo_pin(way: _Undoing) -> None:
    way.theme(way.act.theme_id).pinned = _is_held_otherwise(way)


def _is_held_otherwise(way: _Undoing) -> bool:
    """Say whether another pin or seed that stands holds the theme."""
    acts = theme_acts.standing_acts(way.session, workspace=way.workspace)
    return any(
        act.id != way.act.id
        and act.theme_id == way.act.theme_id
        and act.verb in (ThemeVerb.PIN, ThemeVerb.SEED)
        for act in acts
    )


def _undo_dismiss(way: _Undoing) -> None:
    way.theme(way.act.theme_id).state = ThemeState.ACTIVE
    way.touch(way.act.theme_id)


def _undo_seed(way: _Undoing) -> None:
    """Expect nothing in a theme any more: with items it goes on as any other, without it retires."""
    row = way.theme(way.act.theme_id)
    way.session.execute(
        delete(ThemeSeed).where(ThemeSeed.act_id == way.act.id, within(ThemeSeed, way.workspace))
    )
    row.pinned = _is_held_otherwise(way)
    _name_anew(way, row)
    if not row.pinned and themes.size(way.session, workspace=way.workspace, theme=row.id) == 0:
        row.state = ThemeState.RETIRED


_WAYS: Mapping[ThemeVerb, Callable[[_Undoing], None]] = {
    ThemeVerb.MERGE: _undo_merge,
    ThemeVerb.SPLIT: _undo_split,
    ThemeVerb.MOVE: _undo_move,
    ThemeVerb.RENAME: _undo_rename,
    ThemeVerb.PIN: _undo_pin,
    ThemeVerb.DISMISS: _undo_dismiss,
    ThemeVerb.SEED: _undo_seed,
}
