"""The console's pages: each handler opens one reading session, builds a view model, renders a template."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, FastAPI, Query, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from models.database import Session
from models.queries import access, links, products
from models.queries.access import Caller
from models.records import Feature, LinkState
from models.values.ids import Prefix, parse_id, public_id
from service.console import charts, feedback_page, overview_page, release_page, theme_list, theme_page
from service.console.addresses import release_address, theme_address
from service.console.charts import Scheme
from service.console.feedback_page import Asked
from service.console.frame import Frame, read_frame
from service.console.guard import ConsoleRoute, FormVisitor, Visitor, csrf_token, set_session
from service.console.render import asset_response, page
from service.console.theme_list import Sort
from service.console.verdict_row import shorten
from service.dependencies import DatabaseOf, Now

_PAGE_OF_RELEASES = 60

router = APIRouter(route_class=ConsoleRoute, include_in_schema=False)


def install(app: FastAPI) -> None:
    """Add the console to the application."""
    app.include_router(router)


def _render(request: Request, template: str, frame: Frame, **values: object) -> Response:
    common = {"frame": frame, "csrf": csrf_token(request), "path": request.url.path}
    return page(template, {**common, **values})


def _frame(session: Session, visitor: Caller, now: Now) -> Frame:
    return read_frame(session, workspace=visitor.workspace_id, now=now)


@router.get("/sign-in")
def sign_in(request: Request, database: DatabaseOf, now: Now, token: str = "") -> Response:
    """Turn a one-time link into a session; without one say how to get it."""
    if not token:
        return page("sign_in.html", {"spent": False})
    with database.write(workspace=None) as session:
        granted = access.exchange_sign_in(session, token=token, now=now)
    if granted is None:
        return page("sign_in.html", {"spent": True}, status=HTTPStatus.UNAUTHORIZED)
    response = RedirectResponse("/", HTTPStatus.SEE_OTHER)
    response.headers["Cache-Control"] = "no-store"
    set_session(response, granted, is_secure=request.url.scheme == "https")
    return response


@router.get("/")
def show_overview(request: Request, database: DatabaseOf, visitor: Visitor, now: Now) -> Response:
    """Show which bets worked, what hurts most, and what can be known next."""
    with database.read(workspace=visitor.workspace_id) as session:
        frame = _frame(session, visitor, now)
        view = overview_page.read_overview(session, frame)
    return _render(request, "overview.html", frame, view=view)


@router.get("/themes")
def show_themes(
    request: Request, database: DatabaseOf, visitor: Visitor, now: Now, sort: Sort = Sort.VOLUME, q: str = ""
) -> Response:
    """List the themes."""
    with database.read(workspace=visitor.workspace_id) as session:
        frame = _frame(session, visitor, now)
        rows = theme_list.read_theme_rows(session, frame, sort=sort, words=q)
    return _render(request, "themes.html", frame, rows=rows, sort=sort.value, q=q)


@router.get("/themes/{number}")
def show_theme(request: Request, database: DatabaseOf, visitor: Visitor, now: Now, number: str) -> Response:
    """Show a theme; the address of one that was merged leads to the one that stands for it."""
    asked = parse_id(Prefix.THEME, number)
    with database.read(workspace=visitor.workspace_id) as session:
        frame = _frame(session, visitor, now)
        theme = theme_page.find_theme(session, frame, theme=asked)
        if theme.id != asked:
            return RedirectResponse(theme_address(theme.id), HTTPStatus.PERMANENT_REDIRECT)
        view = theme_page.read_theme(session, frame, theme=theme)
    return _render(request, "theme.html", frame, view=view)


@router.get("/themes/{number}/chart.json")
def show_theme_chart(
    database: DatabaseOf, visitor: Visitor, now: Now, number: str, scheme: Scheme = Scheme.LIGHT
) -> Response:
    """Answer a theme's chart as a Vega-Lite spec."""
    with database.read(workspace=visitor.workspace_id) as session:
        frame = _frame(session, visitor, now)
        theme = theme_page.find_theme(session, frame, theme=parse_id(Prefix.THEME, number))
        chart = theme_page.read_theme_chart(session, frame, theme=theme)
    return JSONResponse(charts.theme_spec(chart, scheme))


@router.get("/releases")
def show_releases(
    request: Request, database: DatabaseOf, visitor: Visitor, now: Now, before: str = ""
) -> Response:
    """List the releases, newest first."""
    with database.read(workspace=visitor.workspace_id) as session:
        frame = _frame(session, visitor, now)
        place = None
        if before:
            number = parse_id(Prefix.RELEASE, before)
            last = products.get_release(session, workspace=frame.workspace, release=number)
            place = (last.released_at, last.id)
        found = products.list_releases(
            session, workspace=frame.workspace, before=place, limit=_PAGE_OF_RELEASES + 1
        )
        shown = found[:_PAGE_OF_RELEASES]
        rows = overview_page.read_release_rows(session, frame, shown)
        rows = shorten(rows, overview_page.THEMES_OF_RELEASE)
    more = public_id(Prefix.RELEASE, shown[-1].id) if len(found) > _PAGE_OF_RELEASES else None
    return _render(request, "releases.html", frame, rows=rows, more=more, is_first=not before)


@router.get("/releases/{number}")
def show_release(
    request: Request,
    database: DatabaseOf,
    visitor: Visitor,
    now: Now,
    number: str,
    theme: str = "",
    done: str = "",
) -> Response:
    """Show a release: its verdicts (with `theme`, that one), what it shipped, the links that wait for a person."""
    release = parse_id(Prefix.RELEASE, number)
    asked = parse_id(Prefix.THEME, theme) if theme else None
    with database.read(workspace=visitor.workspace_id) as session:
        frame = _frame(session, visitor, now)
        view = release_page.read_release(session, frame, release=release, theme=asked)
    return _render(request, "release.html", frame, view=view, done=done)


@router.get("/releases/{number}/chart.json")
def show_release_chart(
    database: DatabaseOf, visitor: Visitor, now: Now, number: str, theme: str, scheme: Scheme = Scheme.LIGHT
) -> Response:
    """Answer the chart of a release and a theme as a Vega-Lite spec."""
    with database.read(workspace=visitor.workspace_id) as session:
        frame = _frame(session, visitor, now)
        release = parse_id(Prefix.RELEASE, number)
        chart = release_page.read_release_chart(session, frame, release=release, key=theme)
    return JSONResponse(charts.release_spec(chart, scheme))


@router.get("/feedback")
def show_feedback(
    request: Request,
    database: DatabaseOf,
    visitor: Visitor,
    now: Now,
    theme: str = "",
    kind: str = "",
    counted: str = "",
    q: Annotated[str, Query(max_length=200)] = "",
    since: Annotated[str, Query(alias="from")] = "",
    until: Annotated[str, Query(alias="to")] = "",
    item: str = "",
    stated: Annotated[str, Query(max_length=9)] = "",
    cursor: Annotated[str, Query(max_length=400)] = "",
) -> Response:
    """List the tickets behind a number."""
    asked = Asked(theme, kind, counted, q, since, until, item, stated, cursor)
    with database.read(workspace=visitor.workspace_id) as session:
        frame = _frame(session, visitor, now)
        view = feedback_page.read_feedback(session, frame, asked)
    return _render(request, "feedback.html", frame, view=view)


@router.post("/links/{number}/confirm")
def confirm_link(database: DatabaseOf, visitor: FormVisitor, now: Now, number: str) -> Response:
    """Confirm a proposed link; its release is judged anew."""
    return _decide(database, visitor, now, number, LinkState.CONFIRMED)


@router.post("/links/{number}/reject")
def reject_link(database: DatabaseOf, visitor: FormVisitor, now: Now, number: str) -> Response:
    """Reject a proposed link; it is not proposed again."""
    return _decide(database, visitor, now, number, LinkState.REJECTED)


def _decide(database: DatabaseOf, visitor: Caller, now: Now, number: str, state: LinkState) -> Response:
    workspace = visitor.workspace_id
    with database.write(workspace=workspace) as session:
        link = links.decide(
            session,
            workspace=workspace,
            link=parse_id(Prefix.LINK, number),
            state=state,
            actor=visitor.name,
            now=now,
        )
        feature: Feature = products.get_feature(session, workspace=workspace, feature=link.feature_id)
    back = "/releases" if feature.release_id is None else release_address(feature.release_id)
    return RedirectResponse(f"{back}?done={state}", HTTPStatus.SEE_OTHER)


@router.get("/favicon.ico")
def show_favicon(request: Request) -> Response:
    """Answer browsers that ask for the icon by its old name."""
    return asset_response(request, "favicon.svg")


@router.get("/static/{name:path}")
def show_static(request: Request, name: str) -> Response:
    """Send a static file."""
    return asset_response(request, name)
