"""`/v1/themes/{id}/merge` and the other acts of people on themes: later refits obey them, and each can be undone."""

from typing import Annotated

from fastapi import APIRouter, Query

from models.database import Session
from models.queries import theme_acts, theme_changes, theme_marks, theme_undo, themes
from models.queries.theme_log import Acted, standing_theme
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
from service.curation import author_of, seed_texts, set_pin
from service.dependencies import Curator, DatabaseOf, Now, TicketReader, read_after, write_cursor

router = APIRouter(prefix="/v1", tags=["themes"])


@router.post("/themes", status_code=201)
def seed_theme(body: ThemeSeedPut, database: DatabaseOf, caller: Curator, now: Now) -> ThemeActed:
    """Make a theme that you expect, from a name, a description and examples; tickets like them go there."""
    label = body.label.strip()
    texts = seed_texts(label, body.description or "", body.examples)
    with database.write(workspace=caller.workspace_id) as session:
        done = theme_marks.seed(
            session,
            workspace=caller.workspace_id,
            label=label,
            texts=texts,
            author=author_of(caller),
            now=now,
        )
        return acted(session, done)


@router.post("/themes/{theme_id}/merge")
def merge_themes(
    theme_id: str, body: ThemeMerge, database: DatabaseOf, caller: Curator, now: Now
) -> ThemeActed:
    """Take other themes into this one, for good: their ids lead here, and refits keep their items together."""
    others = [parse_id(Prefix.THEME, each) for each in body.themes]
    with database.write(workspace=caller.workspace_id) as session:
        done = theme_changes.merge(
            session,
            workspace=caller.workspace_id,
            theme=parse_id(Prefix.THEME, theme_id),
            others=others,
            author=author_of(caller),
            now=now,
        )
        return acted(session, done)


@router.post("/themes/{theme_id}/split")
def split_theme(
    theme_id: str, body: ThemeSplit, database: DatabaseOf, caller: Curator, now: Now
) -> ThemeActed:
    """Move items of this theme out into one of their own; refits never join the two again."""
    with database.write(workspace=caller.workspace_id) as session:
        done = theme_changes.split(
            session,
            workspace=caller.workspace_id,
            theme=parse_id(Prefix.THEME, theme_id),
            items=[parse_id(Prefix.ITEM, each) for each in body.items],
            label=body.label.strip() if body.label else None,
            author=author_of(caller),
            now=now,
        )
        return acted(session, done)


@router.post("/themes/{theme_id}/move")
def move_items(theme_id: str, body: ThemeMove, database: DatabaseOf, caller: Curator, now: Now) -> ThemeActed:
    """Put items into this theme; they stay there whatever refits find."""
    with database.write(workspace=caller.workspace_id) as session:
        done = theme_changes.move(
            session,
            workspace=caller.workspace_id,
            theme=parse_id(Prefix.THEME, theme_id),
            items=[parse_id(Prefix.ITEM, each) for each in body.items],
            author=author_of(caller),
            now=now,
        )
        return acted(session, done)


@router.post("/themes/{theme_id}/rename")
def rename_theme(
    theme_id: str, body: ThemeRename, database: DatabaseOf, caller: Curator, now: Now
) -> ThemeActed:
    """Name this theme; refits keep the name."""
    with database.write(workspace=caller.workspace_id) as session:
        done = theme_marks.rename(
            session,
            workspace=caller.workspace_id,
            theme=parse_id(Prefix.THEME, theme_id),
            label=body.label.strip(),
            author=author_of(caller),
            now=now,
        )
        return acted(session, done)


@router.post("/themes/{theme_id}/pin")
def pin_theme(
    theme_id: str, database: DatabaseOf, caller: Curator, now: Now, body: ThemePin | None = None
) -> ThemeActed:
    """Hold this theme together, or let it go: refits neither merge a pinned theme nor take items out of it."""
    theme = parse_id(Prefix.THEME, theme_id)
    with database.write(workspace=caller.workspace_id) as session:
        done = set_pin(
            session,
            workspace=caller.workspace_id,
            theme=theme,
            author=author_of(caller),
            now=now,
            pinned=body is None or body.pinned,
        )
        return acted(session, done)


@router.post("/themes/{theme_id}/dismiss")
def dismiss_theme(
    theme_id: str, database: DatabaseOf, caller: Curator, now: Now, body: ThemeDismiss | None = None
) -> ThemeActed:
    """Call this theme noise: it goes on taking in what is like it, and nothing in it counts."""
    with database.write(workspace=caller.workspace_id) as session:
        done = theme_marks.dismiss(
            session,
            workspace=caller.workspace_id,
            theme=parse_id(Prefix.THEME, theme_id),
            author=author_of(caller),
            now=now,
        )
        return acted(session, done)


@router.post("/themes/{theme_id}/undo")
def undo_act(
    theme_id: str, database: DatabaseOf, caller: Curator, now: Now, body: ThemeUndo | None = None
) -> ThemeActed:
    """Take back the latest act on this theme that stands, or the one named."""
    wanted = body or ThemeUndo()
    with database.write(workspace=caller.workspace_id) as session:
        done = theme_undo.undo(
            session,
            workspace=caller.workspace_id,
            theme=parse_id(Prefix.THEME, theme_id),
            revision=wanted.revision,
            act=None if wanted.act is None else parse_id(Prefix.ACT, wanted.act),
            author=author_of(caller),
            now=now,
        )
        return acted(session, done)


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
    standing = standing_theme(session, workspace=act.workspace_id, theme=act.theme_id)
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
