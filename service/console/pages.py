"""The console's pages: each handler opens one reading session, builds a view model, renders a template.

Every route asks for one permission through its `Visit`; the dependency names it, and a test walks them all.
"""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, Form, Query, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from models.queries import access, links, products
from models.records import Feature, LinkState
from models.values.ids import Prefix, parse_id, public_id
from models.values.roles import Permission
from service.console import (
    charts,
    encoder_forms,
    encoder_page,
    feedback_page,
    inbox_page,
    overview_page,
    people_page,
    reach,
    release_page,
    source_forms,
    theme_curation,
    theme_forms,
    theme_list,
    theme_page,
    trends_page,
    why_page,
)
from service.console.addresses import release_address, theme_address
from service.console.cells import seen_themes
from service.console.charts import Scheme
from service.console.feedback_page import Asked
from service.console.frame import Frame
from service.console.guard import (
    AnyForm,
    ConsoleRoute,
    Visit,
    asks,
    asks_form,
    clear_session,
    is_secure,
    set_session,
)
from service.console.people_page import SignInLink
from service.console.render import asset_response, page
from service.console.roles_text import ROLE_LABEL, say_who_may
from service.console.theme_list import Sort
from service.console.trends_page import Length, Shown
from service.console.verdict_row import shorten
from service.dependencies import DatabaseOf, Now, SettingsOf

_PAGE_OF_RELEASES = 60

NumbersVisit = Annotated[Visit, Depends(asks(Permission.READ_NUMBERS))]
TicketsVisit = Annotated[Visit, Depends(asks(Permission.READ_TICKETS))]
CurateVisit = Annotated[Visit, Depends(asks(Permission.CURATE))]
PeopleVisit = Annotated[Visit, Depends(asks(Permission.ADMINISTER))]
LinkForm = Annotated[Visit, Depends(asks_form(Permission.CURATE))]
PeopleForm = Annotated[Visit, Depends(asks_form(Permission.ADMINISTER))]

router = APIRouter(route_class=ConsoleRoute, include_in_schema=False)


def install(app: FastAPI) -> None:
    """Add the console to the application."""
    app.include_router(router)
    app.include_router(theme_forms.router)
    app.include_router(source_forms.router)
    app.include_router(encoder_forms.router)


def _render(visit: Visit, template: str, frame: Frame, **values: object) -> Response:
    common = {
        "frame": frame,
        "csrf": visit.csrf,
        "path": visit.path,
        "may": visit.may,
        "who": visit.caller.name,
        "role": ROLE_LABEL[visit.caller.role],
    }
    return page(template, {**common, **values})


@router.get("/sign-in")
def sign_in(
    request: Request, database: DatabaseOf, settings: SettingsOf, now: Now, token: str = ""
) -> Response:
    """Turn a one-time link into a session; without one say how to get it."""
    if not token:
        return page("sign_in.html", {"spent": False, "minutes": settings.sign_in_minutes})
    with database.write(workspace=None) as session:
        granted = access.exchange_sign_in(session, token=token, now=now)
    if granted is None:
        values = {"spent": True, "minutes": settings.sign_in_minutes}
        return page("sign_in.html", values, status=HTTPStatus.UNAUTHORIZED)
    response = RedirectResponse("/", HTTPStatus.SEE_OTHER)
    set_session(response, granted, secure=is_secure(request, settings))
    return response


@router.post("/sign-out")
def sign_out(request: Request, form: AnyForm) -> Response:
    """End the browser's session; every role may."""
    with form.database.write(workspace=None) as session:
        access.end_session(session, token=form.token, now=form.now)
    response = RedirectResponse("/sign-in", HTTPStatus.SEE_OTHER)
    clear_session(response, secure=is_secure(request, form.settings))
    return response


@router.get("/")
def show_overview(visit: NumbersVisit, done: str = "") -> Response:
    """Show which bets worked, what hurts most, and what can be known next."""
    with visit.read() as (session, frame):
        view = overview_page.read_overview(session, frame)
    return _render(visit, "overview.html", frame, view=view, done=done)


@router.get("/themes")
def show_themes(visit: NumbersVisit, sort: Sort = Sort.VOLUME, q: str = "") -> Response:
    """List the themes."""
    with visit.read() as (session, frame):
        seen = seen_themes(session, frame)
        rows = theme_list.read_theme_rows(session, frame, sort=sort, words=q, seen=seen)
        may_curate = visit.may(Permission.CURATE) and seen is None
        noise = theme_curation.dismissed_themes(session, frame) if may_curate else ()
        empty = theme_list.read_expected(session, frame) if may_curate else ()
    return _render(
        visit,
        "themes.html",
        frame,
        rows=rows,
        sort=sort.value,
        q=q,
        noise=noise,
        empty=empty,
        curates=may_curate,
    )


@router.get("/themes/{number}")
def show_theme(visit: NumbersVisit, number: str, done: str = "") -> Response:
    """Show a theme; the address of one that was merged leads to the one that stands for it."""
    asked = parse_id(Prefix.THEME, number)
    with visit.read() as (session, frame):
        theme = theme_page.find_theme(session, frame, theme=asked)
        if theme.id != asked:
            return RedirectResponse(theme_address(theme.id), HTTPStatus.PERMANENT_REDIRECT)
        view = theme_page.read_theme(session, frame, theme=theme)
        may_curate = visit.may(Permission.CURATE) and frame.least is None
        curation = theme_curation.read_curation(session, frame, theme=theme) if may_curate else None
    said = theme_curation.DONE.get(done)
    return _render(visit, "theme.html", frame, view=view, curation=curation, said=said, reach_note=reach.NOTE)


@router.get("/themes/{number}/chart.json")
def show_theme_chart(visit: NumbersVisit, number: str, scheme: Scheme = Scheme.LIGHT) -> Response:
    """Answer a theme's chart as a Vega-Lite spec."""
    with visit.read() as (session, frame):
        theme = theme_page.find_theme(session, frame, theme=parse_id(Prefix.THEME, number))
        chart = theme_page.read_theme_chart(session, frame, theme=theme)
    return JSONResponse(charts.theme_spec(chart, scheme))


@router.get("/trends")
def show_trends(visit: NumbersVisit, shown: Shown = Shown.ALL, weeks: Length = Length.FOUR) -> Response:
    """Show how every theme moved in the recent weeks against its own past."""
    with visit.read() as (session, frame):
        view = trends_page.read_trends(session, frame, shown=shown, length=weeks)
    return _render(visit, "trends.html", frame, view=view)


@router.get("/releases")
def show_releases(visit: NumbersVisit, before: str = "") -> Response:
    """List the releases, newest first."""
    with visit.read() as (session, frame):
        place = None
        if before:
            number = parse_id(Prefix.RELEASE, before)
            last = products.get_release(session, workspace=frame.workspace, release=number)
            place = (last.released_at, last.id)
        found = products.list_releases(
            session, workspace=frame.workspace, before=place, limit=_PAGE_OF_RELEASES + 1
        )
        shown = found[:_PAGE_OF_RELEASES]
        rows = overview_page.read_release_rows(session, frame, shown, seen=seen_themes(session, frame))
        rows = shorten(rows, overview_page.THEMES_OF_RELEASE)
    more = public_id(Prefix.RELEASE, shown[-1].id) if len(found) > _PAGE_OF_RELEASES else None
    return _render(visit, "releases.html", frame, rows=rows, more=more, is_first=not before)


@router.get("/releases/{number}")
def show_release(visit: NumbersVisit, number: str, theme: str = "", done: str = "") -> Response:
    """Show a release: its verdicts (with `theme`, that one), what it shipped, the links that wait for a person."""
    release = parse_id(Prefix.RELEASE, number)
    asked = parse_id(Prefix.THEME, theme) if theme else None
    with visit.read() as (session, frame):
        view = release_page.read_release(session, frame, release=release, theme=asked)
    who_may = say_who_may(Permission.CURATE, visit.caller.role)
    return _render(visit, "release.html", frame, view=view, done=done, who_may=who_may)


@router.get("/releases/{number}/chart.json")
def show_release_chart(
    visit: TicketsVisit, number: str, theme: str, scheme: Scheme = Scheme.LIGHT
) -> Response:
    """Answer the chart of a release and a theme as a Vega-Lite spec.

    Its weeks begin on the day of the release: beside calendar weeks they would give single days back by subtraction,
    so readers of aggregates get the theme's chart in its place.
    """
    with visit.read() as (session, frame):
        release = parse_id(Prefix.RELEASE, number)
        chart = release_page.read_release_chart(session, frame, release=release, key=theme)
    return JSONResponse(charts.release_spec(chart, scheme))


@router.get("/feedback")
def show_feedback(
    visit: TicketsVisit,
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
    with visit.read() as (session, frame):
        view = feedback_page.read_feedback(session, frame, asked)
        choices = theme_curation.theme_choices(session, frame) if visit.may(Permission.CURATE) else ()
    return _render(visit, "feedback.html", frame, view=view, choices=choices)


@router.get("/feedback/{number}/why")
def show_why(visit: TicketsVisit, number: str) -> Response:
    """Say why a message is in its theme."""
    with visit.read() as (session, frame):
        view = why_page.read_why(session, frame, item=parse_id(Prefix.ITEM, number))
    return _render(visit, "why.html", frame, view=view)


@router.get("/inbox")
def show_inbox(visit: CurateVisit, done: str = "") -> Response:
    """List what waits for a curator; who sees no tickets sees none of it."""
    with visit.read() as (session, frame):
        nothing = inbox_page.InboxPage(0, ())
        view = inbox_page.read_inbox(session, frame) if frame.least is None else nothing
    return _render(visit, "inbox.html", frame, view=view, said=inbox_page.DONE.get(done))


@router.post("/links/{number}/confirm")
def confirm_link(form: LinkForm, number: str) -> Response:
    """Confirm a proposed link; its release is judged anew."""
    return _decide(form, number, LinkState.CONFIRMED)


@router.post("/links/{number}/reject")
def reject_link(form: LinkForm, number: str) -> Response:
    """Reject a proposed link; it is not proposed again."""
    return _decide(form, number, LinkState.REJECTED)


def _decide(form: Visit, number: str, state: LinkState) -> Response:
    workspace = form.caller.workspace_id
    with form.write() as session:
        link = links.decide(
            session,
            workspace=workspace,
            link=parse_id(Prefix.LINK, number),
            state=state,
            actor=form.caller.name,
            by=form.caller.public_id,
            now=form.now,
        )
        feature: Feature = products.get_feature(session, workspace=workspace, feature=link.feature_id)
    back = "/releases" if feature.release_id is None else release_address(feature.release_id)
    return RedirectResponse(f"{back}?done={state}", HTTPStatus.SEE_OTHER)


@router.get("/people")
def show_people(visit: PeopleVisit, done: str = "") -> Response:
    """List the team's seats."""
    return _people(visit, done=done)


@router.post("/people")
def add_person(
    form: PeopleForm,
    email: Annotated[str, Form(max_length=320)] = "",
    name: Annotated[str, Form(max_length=200)] = "",
    role: Annotated[str, Form(max_length=40)] = "",
) -> Response:
    """Give a person a seat, or change the name and role of theirs."""
    with form.write() as session:
        people_page.add_seat(session, form, email=email, name=name, role=role)
    return RedirectResponse("/people?done=added", HTTPStatus.SEE_OTHER)


@router.post("/people/{number}/disable")
def disable_person(form: PeopleForm, number: str) -> Response:
    """Take a person's seat away."""
    with form.write() as session:
        people_page.disable_seat(session, form, number=number)
    return RedirectResponse("/people?done=disabled", HTTPStatus.SEE_OTHER)


@router.post("/people/{number}/sign-in")
def make_sign_in(form: PeopleForm, number: str) -> Response:
    """Make a sign-in link and show it, this once."""
    with form.write() as session:
        link = people_page.make_link(session, form, number=number)
    return _people(form, link=link)


def _people(visit: Visit, *, done: str = "", link: SignInLink | None = None) -> Response:
    with visit.read() as (session, frame):
        view = people_page.read_people(session, frame, visit, link=link)
    return _render(visit, "people.html", frame, view=view, done=done)


@router.get("/encoder")
def show_encoder(visit: PeopleVisit, done: str = "") -> Response:
    """Show the encoder in use, and what a switch to another one would move."""
    with visit.read() as (session, frame):
        view = encoder_page.read_page(session, frame, visit.settings)
    return _render(visit, "encoder.html", frame, view=view, said=encoder_page.DONE.get(done))


@router.get("/favicon.ico")
def show_favicon(request: Request) -> Response:
    """Answer browsers that ask for the icon by its old name."""
    return asset_response(request, "favicon.svg")


@router.get("/static/{name:path}")
def show_static(request: Request, name: str) -> Response:
    """Send a static file."""
    return asset_response(request, name)
