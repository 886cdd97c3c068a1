"""`/v1/links`: which feature is meant to help which theme; proposed by Ebb, decided by people."""

from typing import Annotated

from fastapi import APIRouter, Query

from models.database import Session
from models.errors import Invalid
from models.queries import links, products, themes
from models.records import Feature, Link, LinkState, Release
from models.values.ids import Prefix, parse_id, public_id
from service.api.shapes.base import Page, Paging
from service.api.shapes.links import (
    LinkAnswer,
    LinkDecision,
    LinkPut,
    LinksQuery,
    LinkSuggestion,
    LinkSuggestions,
)
from service.api.views import link_answer
from service.dependencies import Curator, DatabaseOf, Now, Reader, read_after, write_cursor

router = APIRouter(prefix="/v1", tags=["links"])


@router.get("/links")
def list_links(
    query: Annotated[LinksQuery, Query()], database: DatabaseOf, caller: Reader
) -> Page[LinkAnswer]:
    """List links, oldest first."""
    with database.read(workspace=caller.workspace_id) as session:
        rows = links.list_links(
            session,
            workspace=caller.workspace_id,
            state=LinkState(query.state.value) if query.state else None,
            feature=parse_id(Prefix.FEATURE, query.feature) if query.feature else None,
            theme=parse_id(Prefix.THEME, query.theme) if query.theme else None,
            after=read_after(query.cursor),
            limit=query.limit + 1,
        )
        page = rows[: query.limit]
        items = [_answer(session, row) for row in page]
    cursor = write_cursor(page[-1].id) if len(rows) > len(page) else None
    return Page(items=items, next_cursor=cursor)


@router.post("/links", status_code=201)
def put_link(body: LinkPut, database: DatabaseOf, caller: Curator, now: Now) -> LinkAnswer:
    """Claim a link between a feature and a theme yourself; it is confirmed at once."""
    if body.feature is None or body.theme is None:
        raise Invalid(
            "links to key results are not stored yet: name a feature and a theme.", field="key_result"
        )
    with database.write(workspace=caller.workspace_id) as session:
        feature = products.get_feature(
            session, workspace=caller.workspace_id, feature=parse_id(Prefix.FEATURE, body.feature)
        )
        theme = themes.get_theme(
            session, workspace=caller.workspace_id, theme=parse_id(Prefix.THEME, body.theme)
        )
        row = links.add(
            session,
            workspace=caller.workspace_id,
            theme=theme.redirect_id or theme.id,
            feature=feature.id,
            actor=caller.name,
            now=now,
        )
        return _answer(session, row)


@router.post("/links/{link_id}/confirm")
def confirm_link(
    link_id: str, database: DatabaseOf, caller: Curator, now: Now, body: LinkDecision | None = None
) -> LinkAnswer:
    """Confirm a link; confirmed before the first week after release was visible, it is prospective."""
    with database.write(workspace=caller.workspace_id) as session:
        return _decide(session, caller.workspace_id, link_id, LinkState.CONFIRMED, caller.name, now, body)


@router.post("/links/{link_id}/reject")
def reject_link(
    link_id: str, database: DatabaseOf, caller: Curator, now: Now, body: LinkDecision | None = None
) -> LinkAnswer:
    """Reject a link; the pair is not proposed again."""
    with database.write(workspace=caller.workspace_id) as session:
        return _decide(session, caller.workspace_id, link_id, LinkState.REJECTED, caller.name, now, body)


@router.get("/releases/{release_id}/link-suggestions")
def list_suggestions(
    release_id: str, query: Annotated[Paging, Query()], database: DatabaseOf, caller: Reader
) -> LinkSuggestions:
    """List the undecided proposals for a release's features, likeliest first."""
    offset = read_after(query.cursor)
    with database.read(workspace=caller.workspace_id) as session:
        number = parse_id(Prefix.RELEASE, release_id)
        release = products.get_release(session, workspace=caller.workspace_id, release=number)
        found = [
            each
            for each in links.of_release(session, release=release.id)
            if each.link.state is LinkState.PROPOSED
        ]
        page = found[offset : offset + query.limit]
        items = [
            LinkSuggestion(
                link=link_answer(session, each.link, each.theme_id, release),
                feature_title=each.feature.title,
                theme_label=themes.get_theme(
                    session, workspace=caller.workspace_id, theme=each.theme_id
                ).label,
            )
            for each in page
        ]
    more = len(found) > offset + len(page)
    return LinkSuggestions(
        release=public_id(Prefix.RELEASE, release.id),
        items=items,
        next_cursor=write_cursor(offset + len(page)) if more else None,
    )


def _decide(
    session: Session,
    workspace: int,
    link_id: str,
    state: LinkState,
    actor: str,
    now: Now,
    body: LinkDecision | None,
) -> LinkAnswer:
    row = links.decide(
        session,
        workspace=workspace,
        link=parse_id(Prefix.LINK, link_id),
        state=state,
        actor=actor,
        now=now,
        note=body.note if body else "",
    )
    return _answer(session, row)


def _answer(session: Session, row: Link) -> LinkAnswer:
    feature = session.get_one(Feature, row.feature_id)
    release = session.get(Release, feature.release_id) if feature.release_id else None
    theme = themes.get_theme(session, workspace=row.workspace_id, theme=row.theme_id)
    return link_answer(session, row, theme.redirect_id or theme.id, release)
