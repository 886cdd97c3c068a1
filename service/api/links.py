"""`/v1/links`: which feature is meant to help which theme; proposed by Ebb, decided by people."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query

from models.database import Session
from models.errors import Invalid
from models.queries import links, products, themes
from models.queries.access import Caller
from models.records import Feature, Link, LinkState, Theme
from models.values.ids import Prefix, parse_id, public_id
from models.values.roles import Permission
from service.api import aggregates
from service.api.aggregates import Veil
from service.api.shapes.base import Page, Paging
from service.api.shapes.links import (
    LinkAnswer,
    LinkDecision,
    LinkPut,
    LinksQuery,
    LinkSuggestion,
    LinkSuggestions,
)
from service.api.views import link_answer, veil_of
from service.dependencies import Curator, DatabaseOf, Now, Reader, SettingsOf, read_after, write_cursor

router = APIRouter(prefix="/v1", tags=["links"])


@router.get("/links")
def list_links(
    query: Annotated[LinksQuery, Query()], database: DatabaseOf, settings: SettingsOf, caller: Reader
) -> Page[LinkAnswer]:
    """List links, oldest first."""
    with database.read(workspace=caller.workspace_id) as session:
        veil = veil_of(session, caller=caller, least=settings.least_group)
        rows = _rows(session, caller, query, veil)
        page = rows[: query.limit]
        items = [_answer(session, row, caller) for row in page]
    cursor = write_cursor(page[-1].id) if len(rows) > len(page) else None
    return Page(items=items, next_cursor=cursor)


def _rows(session: Session, caller: Caller, query: LinksQuery, veil: Veil | None) -> list[Link]:
    """Read a page and one link more; links of themes that the caller may not see are left out."""
    feature = _feature_of(session, caller.workspace_id, query.feature) if query.feature else None
    theme = _theme_of(session, caller.workspace_id, query.theme) if query.theme else None
    if veil is not None and theme is not None:
        veil.check(theme.redirect_id or theme.id)
    found: list[Link] = []
    after, wanted = read_after(query.cursor), query.limit + 1
    while True:
        rows = links.list_links(
            session,
            workspace=caller.workspace_id,
            state=LinkState(query.state.value) if query.state else None,
            feature=feature.id if feature else None,
            theme=theme.id if theme else None,
            after=after,
            limit=wanted,
        )
        found += [row for row in rows if _is_shown(session, row, veil)]
        if len(found) >= wanted or len(rows) < wanted:
            return found[:wanted]
        after = rows[-1].id


def _is_shown(session: Session, row: Link, veil: Veil | None) -> bool:
    if veil is None:
        return True
    theme = themes.get_theme(session, workspace=row.workspace_id, theme=row.theme_id)
    return veil.shows(theme.redirect_id or theme.id)


def _feature_of(session: Session, workspace: int, feature_id: str) -> Feature:
    return products.get_feature(session, workspace=workspace, feature=parse_id(Prefix.FEATURE, feature_id))


def _theme_of(session: Session, workspace: int, theme_id: str) -> Theme:
    return themes.get_theme(session, workspace=workspace, theme=parse_id(Prefix.THEME, theme_id))


@router.post("/links", status_code=201)
def put_link(body: LinkPut, database: DatabaseOf, caller: Curator, now: Now) -> LinkAnswer:
    """Claim a link between a feature and a theme yourself; it is confirmed at once."""
    if body.feature is None or body.theme is None:
        raise Invalid(
            "links to key results are not stored yet: name a feature and a theme.", field="key_result"
        )
    with database.write(workspace=caller.workspace_id) as session:
        feature = _feature_of(session, caller.workspace_id, body.feature)
        theme = _theme_of(session, caller.workspace_id, body.theme)
        row = links.add(
            session,
            workspace=caller.workspace_id,
            theme=theme.redirect_id or theme.id,
            feature=feature.id,
            actor=caller.name,
            by=caller.public_id,
            now=now,
        )
        return _answer(session, row, caller)


@router.post("/links/{link_id}/confirm")
def confirm_link(
    link_id: str, database: DatabaseOf, caller: Curator, now: Now, body: LinkDecision | None = None
) -> LinkAnswer:
    """Confirm a link; confirmed before the first week after release was visible, it is prospective."""
    with database.write(workspace=caller.workspace_id) as session:
        return _decide(session, caller, link_id, LinkState.CONFIRMED, now, body)


@router.post("/links/{link_id}/reject")
def reject_link(
    link_id: str, database: DatabaseOf, caller: Curator, now: Now, body: LinkDecision | None = None
) -> LinkAnswer:
    """Reject a link; the pair is not proposed again."""
    with database.write(workspace=caller.workspace_id) as session:
        return _decide(session, caller, link_id, LinkState.REJECTED, now, body)


@router.get("/releases/{release_id}/link-suggestions")
def list_suggestions(
    release_id: str,
    query: Annotated[Paging, Query()],
    database: DatabaseOf,
    settings: SettingsOf,
    caller: Reader,
) -> LinkSuggestions:
    """List the undecided proposals for a release's features, likeliest first."""
    offset = read_after(query.cursor)
    with database.read(workspace=caller.workspace_id) as session:
        number = parse_id(Prefix.RELEASE, release_id)
        release = products.get_release(session, workspace=caller.workspace_id, release=number)
        veil = veil_of(session, caller=caller, least=settings.least_group)
        found = [
            each
            for each in links.of_release(session, workspace=release.workspace_id, release=release.id)
            if each.link.state is LinkState.PROPOSED and (veil is None or veil.shows(each.theme_id))
        ]
        page = found[offset : offset + query.limit]
        items = [
            LinkSuggestion(
                link=_told(link_answer(session, each.link, each.theme_id, release), caller),
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
    caller: Caller,
    link_id: str,
    state: LinkState,
    now: datetime,
    body: LinkDecision | None,
) -> LinkAnswer:
    row = links.decide(
        session,
        workspace=caller.workspace_id,
        link=parse_id(Prefix.LINK, link_id),
        state=state,
        actor=caller.name,
        by=caller.public_id,
        now=now,
        note=body.note if body else "",
    )
    return _answer(session, row, caller)


def _answer(session: Session, row: Link, caller: Caller) -> LinkAnswer:
    feature = products.get_feature(session, workspace=row.workspace_id, feature=row.feature_id)
    release = (
        products.get_release(session, workspace=row.workspace_id, release=feature.release_id)
        if feature.release_id
        else None
    )
    theme = themes.get_theme(session, workspace=row.workspace_id, theme=row.theme_id)
    return _told(link_answer(session, row, theme.redirect_id or theme.id, release), caller)


def _told(answer: LinkAnswer, caller: Caller) -> LinkAnswer:
    """Leave the quotes out for callers who may not read tickets: a key may be narrowed to deciding links."""
    return answer if caller.may(Permission.READ_TICKETS) else aggregates.link(answer)
