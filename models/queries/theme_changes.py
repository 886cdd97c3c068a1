"""Acts that join themes, part them and move items between them.

An act is one transaction: it writes the log, the themes, the assignments and the stream's books, asks for the
counts it touched, and makes a theme revision. One that contradicts an act that stands is refused, and both are named.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.errors import Invalid, NotFound
from models.queries import theme_acts, theme_books, themes
from models.queries.theme_books import Books
from models.queries.theme_log import (
    Acted,
    Author,
    add_event,
    ask_for_counts,
    begin,
    check_free,
    log_act,
    refuse,
    th,
)
from models.queries.within import within
from models.records import FeedbackItem, Theme, ThemeAct, ThemeActItem, ThemeVerb
from models.values.ids import Prefix, public_id


def merge(
    session: Session,
    *,
    workspace: int,
    theme: int,
    others: Sequence[int],
    author: Author,
    now: datetime,
) -> Acted:
    """Let a theme stand for others from now on, also in reports to come; their ids lead to it."""
    books = begin(session, workspace=workspace, now=now)
    into = themes.standing_theme(session, workspace=workspace, theme=theme)
    rows = {
        row.id: row
        for other in others
        for row in [themes.standing_theme(session, workspace=workspace, theme=other)]
    }
    if into.id in rows:
        raise Invalid(f"{th(into)} is that theme already: name others to merge into it.", field="themes")
    asked = f"Merging {', '.join(map(th, rows.values()))} into {th(into)}"
    acts = theme_acts.standing_acts(session, workspace=workspace)
    check_free(acts, into, asked, ThemeVerb.DISMISS)
    for row in rows.values():
        check_free(acts, row, asked, ThemeVerb.PIN, ThemeVerb.SEED, ThemeVerb.DISMISS)
    _check_apart(session, workspace, acts, {into.id, *rows}, asked)
    sizes = {each: themes.size(session, workspace=workspace, theme=each) for each in (into.id, *rows)}
    dirty = [
        (each, at)
        for other in rows
        for at in themes.days_of_theme(session, workspace=workspace, theme=other)
        for each in (other, into.id)
    ]
    for row in rows.values():
        books.redirect(row.number, into.number)
    into.labelled_size = 0  # it holds more than its name was found in
    moved = sum(sizes[row] for row in rows)
    act = log_act(
        session,
        workspace=workspace,
        verb=ThemeVerb.MERGE,
        row=into,
        books=books,
        author=author,
        now=now,
        other_ids=sorted(rows),
    )
    theme_books.close_books(session, workspace=workspace, books=books)
    events = [
        add_event(session, act, "merge", into.id, workspace=workspace, other=row, items=sizes[row], at=now)
        for row in sorted(rows)
    ]
    ask_for_counts(session, workspace=workspace, pairs=dirty, now=now)
    return Acted(act, events[-1], moved, sizes[into.id])


def _check_apart(
    session: Session, workspace: int, acts: Iterable[ThemeAct], together: set[int], asked: str
) -> None:
    """Refuse to join themes that a split which stands set apart."""
    redirects = themes.redirects(session, workspace=workspace)
    for act in acts:
        if act.verb is ThemeVerb.SPLIT:
            parts = {redirects.get(part, part) for part in (act.theme_id, *act.other_ids)}
            if len(parts & together) > 1:
                refuse(asked, act)


def split(
    session: Session,
    *,
    workspace: int,
    theme: int,
    items: Sequence[int],
    label: str | None,
    author: Author,
    now: datetime,
) -> Acted:
    """Move items out into a theme of their own; refits never join the two again."""
    books = begin(session, workspace=workspace, now=now)
    row = themes.standing_theme(session, workspace=workspace, theme=theme)
    asked = f"Splitting {th(row)}"
    acts = theme_acts.standing_acts(session, workspace=workspace)
    check_free(acts, row, asked, ThemeVerb.PIN, ThemeVerb.DISMISS)
    origins = _assigned(session, workspace, row, items)
    _check_not_held(session, workspace, list(origins), asked)
    size = themes.size(session, workspace=workspace, theme=row.id)
    if len(origins) >= size:
        raise Invalid(
            f"these are all {size} items of {th(row)}: a split leaves some behind; rename the theme instead.",
            field="items",
        )
    _check_no_reversal(session, workspace, acts, row, origins, books, asked)
    made = theme_books.make_theme(session, workspace=workspace, books=books, label=label, now=now)
    act = log_act(
        session,
        workspace=workspace,
        verb=ThemeVerb.SPLIT,
        row=row,
        books=books,
        author=author,
        now=now,
        other_ids=[made.id],
        label=label,
    )
    _put(session, workspace, act, origins, made, books)
    theme_books.close_books(session, workspace=workspace, books=books)
    row.labelled_size = 0
    event = add_event(
        session, act, "split", row.id, workspace=workspace, other=made.id, items=len(origins), at=now
    )
    days = themes.ticket_days(session, workspace=workspace, items=list(origins))
    pairs = [(each, days[item]) for item in origins for each in (row.id, made.id)]
    ask_for_counts(session, workspace=workspace, pairs=pairs, now=now)
    return Acted(act, event, len(origins), size)


def _assigned(session: Session, workspace: int, row: Theme, items: Sequence[int]) -> dict[int, int | None]:
    """Map items to the theme they are assigned to, redirects not followed; all must be in `row`."""
    wanted = sorted(set(items))
    found: dict[int, int] = {}
    for start in range(0, len(wanted), 500):
        found |= themes.themes_of_items(session, workspace=workspace, items=wanted[start : start + 500])
    _check_known(session, workspace, [item for item in wanted if item not in found])
    redirects = themes.redirects(session, workspace=workspace)
    for item in wanted:
        if item not in found or redirects.get(found[item], found[item]) != row.id:
            raise Invalid(f"{public_id(Prefix.ITEM, item)} is not in {th(row)}.", field="items")
    return {item: found[item] for item in wanted}


def _check_known(session: Session, workspace: int, items: Sequence[int]) -> None:
    """Raise `NotFound` for an item that is not there, or that was deleted."""
    for start in range(0, len(items), 500):
        part = items[start : start + 500]
        query = select(FeedbackItem.id).where(
            FeedbackItem.id.in_(part), within(FeedbackItem, workspace), FeedbackItem.withdrawn.is_(False)
        )
        known = set(session.scalars(query))
        for item in part:
            if item not in known:
                raise NotFound(f"There is no item {public_id(Prefix.ITEM, item)}, or it was deleted.")


def _check_not_held(session: Session, workspace: int, items: Sequence[int], asked: str) -> None:
    held = theme_acts.holders(session, workspace=workspace, items=items)
    for item in items:
        if item in held:
            refuse(f"{asked}, {public_id(Prefix.ITEM, item)} included,", held[item])


def _check_no_reversal(
    session: Session,
    workspace: int,
    acts: Iterable[ThemeAct],
    row: Theme,
    origins: Mapping[int, int | None],
    books: Books,
    asked: str,
) -> None:
    """Refuse a split that takes out just what a merge brought in: that merge can be undone."""
    numbers = themes.numbers(session, workspace=workspace)
    for act in acts:
        if act.verb is not ThemeVerb.MERGE or books.resolve(numbers[act.theme_id]) != row.number:
            continue
        for other in act.other_ids:
            reaching = books.reaching(numbers[other])
            came = {theme for theme, number in numbers.items() if number in reaching}
            brought = set(themes.items_assigned(session, workspace=workspace, themes=sorted(came)))
            if brought == set(origins):
                refuse(asked, act)


def move(
    session: Session, *, workspace: int, theme: int, items: Sequence[int], author: Author, now: datetime
) -> Acted:
    """Put items into a theme, whatever votes say; those that are in it already are left alone."""
    books = begin(session, workspace=workspace, now=now)
    row = themes.standing_theme(session, workspace=workspace, theme=theme)
    origins = _found_anywhere(session, workspace, row, items)
    if not origins:
        raise Invalid(f"all of these items are in {th(row)} already.", field="items")
    _check_not_held(session, workspace, list(origins), f"Moving items into {th(row)}")
    size = themes.size(session, workspace=workspace, theme=row.id)
    act = log_act(
        session, workspace=workspace, verb=ThemeVerb.MOVE, row=row, books=books, author=author, now=now
    )
    _put(session, workspace, act, origins, row, books)
    theme_books.close_books(session, workspace=workspace, books=books)
    event = add_event(session, act, "move", row.id, workspace=workspace, items=len(origins), at=now)
    days = themes.ticket_days(session, workspace=workspace, items=list(origins))
    redirects = themes.redirects(session, workspace=workspace)
    pairs = [(row.id, days[item]) for item in origins]
    pairs += [(redirects.get(old, old), days[item]) for item, old in origins.items() if old is not None]
    ask_for_counts(session, workspace=workspace, pairs=pairs, now=now)
    return Acted(act, event, len(origins), size)


def _found_anywhere(
    session: Session, workspace: int, row: Theme, items: Sequence[int]
) -> dict[int, int | None]:
    """Map items to the theme they are assigned to (None: none), without those that are in `row`."""
    wanted = sorted(set(items))
    _check_known(session, workspace, wanted)
    found: dict[int, int] = {}
    for start in range(0, len(wanted), 500):
        found |= themes.themes_of_items(session, workspace=workspace, items=wanted[start : start + 500])
    redirects = themes.redirects(session, workspace=workspace)
    return {
        item: found.get(item)
        for item in wanted
        if item not in found or redirects.get(found[item], found[item]) != row.id
    }


def _put(
    session: Session,
    workspace: int,
    act: ThemeAct,
    origins: Mapping[int, int | None],
    row: Theme,
    books: Books,
) -> None:
    """Put items into a theme, and keep with the act where they were."""
    session.add_all(
        ThemeActItem(workspace_id=workspace, act_id=act.id, item_id=item, from_theme_id=origin)
        for item, origin in origins.items()
    )
    theme_books.put_items(
        session, workspace=workspace, places=dict.fromkeys(origins, row), revision=books.revision
    )
