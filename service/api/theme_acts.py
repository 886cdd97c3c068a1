"""`/v1/themes/{id}/merge` and the other acts of people on themes: later refits obey them, and each can be undone."""

from typing import Annotated

from fastapi import APIRouter, Query

from models.database import Session
from models.queries import theme_acts, themes
from models.queries.theme_log import Acted
from models.records import ThemeAct, ThemeVerb
from models.values.ids import Prefix, parse_id, public_id
from service.api.shapes.base import Page
from service.api.shapes.theme_acts import (
    ThemeActAnswer,
    ThemeActed,
    ThemeActsQuery,
    ThemeDismiss,
    ThemeMerge,
    ThemeMove,
    ThemePin,
    ThemeRename,
    ThemeSeedPut,
    ThemeSplit,
    ThemeUndo,
)
from service.api.themes import event_answer
from service.curation import acting
from service.dependencies import Curator, DatabaseOf, Now, TicketReader, read_after, write_cursor

router = APIRouter(prefix="/v1", tags=["themes"])


@router.post("/themes", status_code=201)
def seed_theme(body: ThemeSeedPut, database: DatabaseOf, caller: Curator, now: Now) -> ThemeActed:
    """Make a theme that you expect, from a name, a description and examples; tickets like them go there."""
    with acting(database, caller, now) as hand:
        return acted(hand.session, hand.seed(body.label, body.description or "", body.examples))


@router.post("/themes/{theme_id}/merge")
def merge_themes(
    theme_id: str, body: ThemeMerge, database: DatabaseOf, caller: Curator, now: Now
) -> ThemeActed:
    """Take other themes into this one, for good: their ids lead here, and refits keep their items together."""
    with acting(database, caller, now) as hand:
        return acted(hand.session, hand.merge(theme_id, body.themes))


@router.post("/themes/{theme_id}/split")
def split_theme(
    theme_id: str, body: ThemeSplit, database: DatabaseOf, caller: Curator, now: Now
) -> ThemeActed:
    """Move items of this theme out into one of their own; refits never join the two again."""
    with acting(database, caller, now) as hand:
        return acted(hand.session, hand.split(theme_id, body.items, body.label))


@router.post("/themes/{theme_id}/move")
def move_items(theme_id: str, body: ThemeMove, database: DatabaseOf, caller: Curator, now: Now) -> ThemeActed:
    """Put items into this theme; they stay there whatever refits find."""
    with acting(database, caller, now) as hand:
        return acted(hand.session, hand.move(theme_id, body.items))


@router.post("/themes/{theme_id}/rename")
def rename_theme(
    theme_id: str, body: ThemeRename, database: DatabaseOf, caller: Curator, now: Now
) -> ThemeActed:
    """Name this theme; refits keep the name."""
    with acting(database, caller, now) as hand:
        return acted(hand.session, hand.rename(theme_id, body.label))


@router.post("/themes/{theme_id}/pin")
def pin_theme(
    theme_id: str, database: DatabaseOf, caller: Curator, now: Now, body: ThemePin | None = None
) -> ThemeActed:
    """Hold this theme together, or let it go: refits neither merge a pinned theme nor take items out of it."""
    with acting(database, caller, now) as hand:
        return acted(hand.session, hand.pin(theme_id, pinned=body is None or body.pinned))


@router.post("/themes/{theme_id}/dismiss")
def dismiss_theme(
    theme_id: str, database: DatabaseOf, caller: Curator, now: Now, body: ThemeDismiss | None = None
) -> ThemeActed:
    """Call this theme noise: it goes on taking in what is like it, and nothing in it counts."""
    with acting(database, caller, now) as hand:
        return acted(hand.session, hand.dismiss(theme_id))


@router.post("/themes/{theme_id}/undo")
def undo_act(
    theme_id: str, database: DatabaseOf, caller: Curator, now: Now, body: ThemeUndo | None = None
) -> ThemeActed:
    """Take back the latest act on this theme that stands, or the one named."""
    wanted = body or ThemeUndo()
    with acting(database, caller, now) as hand:
        return acted(hand.session, hand.undo(theme_id, act=wanted.act, revision=wanted.revision))


@router.get("/theme-acts")
def list_acts(
    query: Annotated[ThemeActsQuery, Query()], database: DatabaseOf, caller: TicketReader
) -> Page[ThemeActAnswer]:
    """List what people did to themes, newest first, with what was undone."""
    workspace = caller.workspace_id
    with database.read(workspace=workspace) as session:
        theme = None if query.theme is None else parse_id(Prefix.THEME, query.theme)
        if theme is not None:
            themes.get_theme(session, workspace=workspace, theme=theme)
        rows = theme_acts.list_acts(
            session,
            workspace=workspace,
            theme=theme,
            before=read_after(query.cursor) or None,
            limit=query.limit + 1,
        )
        page = rows[: query.limit]
        undone = theme_acts.undone_by(session, workspace=workspace, acts=[row.id for row in page])
        items = [act_answer(row, undone.get(row.id)) for row in page]
    return Page(items=items, next_cursor=write_cursor(page[-1].id) if len(rows) > len(page) else None)


def act_answer(row: ThemeAct, undone_by: int | None) -> ThemeActAnswer:
    """Write an act."""
    return ThemeActAnswer(
        id=public_id(Prefix.ACT, row.id),
        verb=row.verb,
        theme=public_id(Prefix.THEME, row.theme_id),
        others=[public_id(Prefix.THEME, other) for other in row.other_ids],
        label=row.label,
        revision=row.revision,
        actor=row.actor,
        at=row.at,
        undoes=None if row.undoes_id is None else public_id(Prefix.ACT, row.undoes_id),
        undone_by=None if undone_by is None else public_id(Prefix.ACT, undone_by),
    )


def acted(session: Session, done: Acted) -> ThemeActed:
    """Write what an act changed."""
    act = done.act
    standing = themes.standing_theme(session, workspace=act.workspace_id, theme=act.theme_id)
    made = {ThemeVerb.SPLIT: act.other_ids[:1], ThemeVerb.SEED: [act.theme_id]}.get(act.verb, [])
    return ThemeActed(
        act=public_id(Prefix.ACT, act.id),
        theme=public_id(Prefix.THEME, standing.id),
        revision=act.revision,
        event=event_answer(done.event, act.actor),
        created=public_id(Prefix.THEME, made[0]) if made else None,
        moved=done.moved,
        share_of_theme=min(1.0, done.moved / done.size_before) if done.size_before else None,
    )
