"""`/v1/themes`: what customers complain about, and how often."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Response
from fastapi.responses import RedirectResponse

from models.database import Session
from models.errors import NotFound
from models.queries import counts, theme_reading, theme_stream, themes, workspaces
from models.queries.access import Caller
from models.queries.theme_reading import ThemeNumbers
from models.records import Theme, ThemeEvent, ThemeState
from models.values.ids import Prefix, parse_id, public_id
from service.api import aggregates, trends
from service.api.aggregates import Veil
from service.api.shapes import words
from service.api.shapes.base import Page, Paging
from service.api.shapes.themes import (
    LineageEvent,
    QuoteTotals,
    ThemeAccount,
    ThemeDetail,
    ThemeLineage,
    ThemeQuotes,
    ThemesQuery,
    ThemeSummary,
    ThemeTrend,
    TrendQuery,
)
from service.api.views import quote_answers, veil_of
from service.dependencies import (
    DatabaseOf,
    Now,
    Reader,
    SettingsOf,
    TicketReader,
    read_after,
    write_cursor,
)

router = APIRouter(prefix="/v1/themes", tags=["themes"])

EVENT_KINDS = {
    "birth": words.ThemeEventKind.BORN,
    "burst": words.ThemeEventKind.BORN,
    "merge": words.ThemeEventKind.MERGED,
    "move": words.ThemeEventKind.MOVED,
    "split": words.ThemeEventKind.SPLIT,
    "rename": words.ThemeEventKind.RENAMED,
    "pin": words.ThemeEventKind.PINNED,
    "dismiss": words.ThemeEventKind.DISMISSED,
    "seed": words.ThemeEventKind.SEEDED,
    "undo": words.ThemeEventKind.UNDONE,
    "model_changed": words.ThemeEventKind.MODEL_CHANGED,
}


@router.get("")
def list_themes(
    query: Annotated[ThemesQuery, Query()],
    database: DatabaseOf,
    settings: SettingsOf,
    caller: Reader,
    now: Now,
) -> Page[ThemeSummary]:
    """List themes, those with the most complaints of the last 28 days first."""
    offset = read_after(query.cursor)
    with database.read(workspace=caller.workspace_id) as session:
        today = _today(session, caller.workspace_id, now)
        rows = theme_reading.list_themes(
            session,
            workspace=caller.workspace_id,
            state=ThemeState(query.state.value),
            words=query.q,
            recent_since=today - timedelta(days=28),
        )
        found = [ThemeSummary(**_summary(row, numbers)) for row, numbers in rows]
        veil = veil_of(session, caller=caller, least=settings.least_group)
        if veil is not None:
            found = _veiled(session, caller.workspace_id, veil, [row for row, _ in rows], found, today)
    page = found[offset : offset + query.limit]
    more = len(found) > offset + len(page)
    return Page(items=page, next_cursor=write_cursor(offset + len(page)) if more else None)


def _veiled(
    session: Session,
    workspace: int,
    veil: Veil,
    rows: Sequence[Theme],
    answers: Sequence[ThemeSummary],
    today: date,
) -> list[ThemeSummary]:
    """Keep of a list what callers may see who may see aggregates only."""
    days = counts.daily(session, workspace=workspace)
    shown = [
        aggregates.summary(answer, days.get(row.id, {}), today=today, least=veil.least)
        for row, answer in zip(rows, answers, strict=True)
        if veil.shows(row.id)
    ]
    return aggregates.busiest_first(shown)


def _today(session: Session, workspace: int, now: datetime) -> date:
    return now.astimezone(_zone(session, workspace)).date()


def _zone(session: Session, workspace: int) -> ZoneInfo:
    return ZoneInfo(workspaces.get_workspace(session, workspace=workspace).time_zone)


@router.get("/{theme_id}", response_model=ThemeDetail)
def read_theme(
    theme_id: str, database: DatabaseOf, settings: SettingsOf, caller: Reader, now: Now
) -> Response | ThemeDetail:
    """Read one theme; one that was merged answers 308 with the way to the theme that stands for it."""
    with database.read(workspace=caller.workspace_id) as session:
        row = _known(session, caller.workspace_id, theme_id)
        veil = _check(session, caller, settings.least_group, row)
        if row.redirect_id is not None:
            return _redirect(row.redirect_id)
        today = _today(session, caller.workspace_id, now)
        answer = _detail(session, row, today)
        if veil is None:
            return answer
        days, _ = counts.daily_of(session, workspace=row.workspace_id, theme=row.id, segment=counts.ALL)
    return aggregates.detail(answer, days, today=today, least=veil.least)


def _detail(session: Session, row: Theme, today: date) -> ThemeDetail:
    since = today - timedelta(days=28)
    numbers = theme_reading.numbers_of(session, workspace=row.workspace_id, recent_since=since, theme=row.id)[
        row.id
    ]
    spans = theme_reading.spans(session, workspace=row.workspace_id, theme=row.id)
    releases = theme_reading.releases_of(session, workspace=row.workspace_id, theme=row.id)
    return ThemeDetail(
        **_summary(row, numbers),
        superseded_by=None,
        revision=theme_stream.read_stream(session, workspace=row.workspace_id).revision,
        kinds=theme_reading.kinds_of(session, workspace=row.workspace_id, theme=row.id),
        quotes=quote_answers(session, workspace=row.workspace_id, spans=spans[:5]),
        releases=[public_id(Prefix.RELEASE, release) for release in releases],
    )


def _known(session: Session, workspace: int, theme_id: str) -> Theme:
    return themes.get_theme(session, workspace=workspace, theme=parse_id(Prefix.THEME, theme_id))


def _check(session: Session, caller: Caller, least: int, row: Theme) -> Veil | None:
    """Return the caller's veil, and raise `NotFound` where it hides the theme that stands for this one."""
    standing = row.redirect_id or row.id
    veil = veil_of(session, caller=caller, least=least, theme=standing)
    if veil is not None and not veil.shows(standing):
        raise NotFound(f"There is no theme th_{row.id}.")
    return veil


def _redirect(theme: int) -> Response:
    public = public_id(Prefix.THEME, theme)
    answer = RedirectResponse(f"/v1/themes/{public}", 308)
    answer.headers["X-Superseded-By"] = public
    answer.headers["Content-Type"] = "application/json"
    answer.body = f'{{"superseded_by": "{public}"}}'.encode()
    answer.headers["Content-Length"] = str(len(answer.body))
    return answer


def _summary(row: Theme, numbers: ThemeNumbers) -> dict[str, object]:
    return {
        "id": public_id(Prefix.THEME, row.id),
        "label": row.label,
        "keywords": row.keywords[:10],
        "state": words.ThemeState(row.state.value),
        "size": numbers.items,
        "complaints": numbers.complaints,
        "recent_complaints": numbers.recent,
        "pinned": row.pinned,
        "born_at": row.born_at,
    }


def _standing(session: Session, workspace: int, theme_id: str) -> Theme:
    return themes.standing_theme(session, workspace=workspace, theme=parse_id(Prefix.THEME, theme_id))


@router.get("/{theme_id}/trend")
def read_trend(
    theme_id: str,
    query: Annotated[TrendQuery, Query()],
    database: DatabaseOf,
    settings: SettingsOf,
    caller: Reader,
    now: Now,
) -> ThemeTrend:
    """Read how often a theme was complained about, by day, ISO week or month; gaps are null, not 0."""
    with database.read(workspace=caller.workspace_id) as session:
        row = _standing(session, caller.workspace_id, theme_id)
        veil = _check(session, caller, settings.least_group, row)
        return trends.read_trend(session, theme=row, query=query, now=now, veil=veil)


@router.get("/{theme_id}/quotes")
def read_quotes(
    theme_id: str, query: Annotated[Paging, Query()], database: DatabaseOf, caller: TicketReader
) -> ThemeQuotes:
    """Read a theme's quotes, nearest to its middle first, letter for letter."""
    offset = read_after(query.cursor)
    with database.read(workspace=caller.workspace_id) as session:
        row = _standing(session, caller.workspace_id, theme_id)
        spans = theme_reading.spans(session, workspace=row.workspace_id, theme=row.id)
        page = spans[offset : offset + query.limit]
        quotes = quote_answers(session, workspace=caller.workspace_id, spans=page)
        totals = theme_reading.quote_totals(session, workspace=row.workspace_id, theme=row.id)
    more = len(spans) > offset + len(page)
    return ThemeQuotes(
        items=quotes,
        next_cursor=write_cursor(offset + len(page)) if more else None,
        totals=QuoteTotals(complaints=totals.complaints, folded=totals.folded, gone=totals.gone),
    )


@router.get("/{theme_id}/lineage")
def read_lineage(theme_id: str, database: DatabaseOf, settings: SettingsOf, caller: Reader) -> ThemeLineage:
    """Read where a theme came from and what became of it."""
    with database.read(workspace=caller.workspace_id) as session:
        row = _known(session, caller.workspace_id, theme_id)
        veil = _check(session, caller, settings.least_group, row)
        events = theme_reading.events_of(session, workspace=row.workspace_id, theme=row.id)
        actors = theme_reading.actors_of(session, workspace=row.workspace_id, events=events)
        ancestors = theme_reading.merged_into(session, workspace=row.workspace_id, theme=row.id)
    answer = ThemeLineage(
        theme=theme_id,
        superseded_by=public_id(Prefix.THEME, row.redirect_id) if row.redirect_id else None,
        ancestors=[public_id(Prefix.THEME, theme) for theme in ancestors],
        descendants=[
            public_id(Prefix.THEME, event.other_theme_id)
            for event in events
            if event.kind == "split" and event.theme_id == row.id and event.other_theme_id is not None
        ],
        events=[event_answer(event, actors.get(event.act_id or 0)) for event in events],
    )
    return answer if veil is None else aggregates.lineage(answer)


def event_answer(event: ThemeEvent, actor: str | None) -> LineageEvent:
    """Write an entry of a theme's log; `actor` is the person behind it."""
    return LineageEvent(
        at=event.at,
        revision=event.revision,
        kind=EVENT_KINDS[event.kind],
        theme=public_id(Prefix.THEME, event.theme_id),
        other=public_id(Prefix.THEME, event.other_theme_id) if event.other_theme_id else None,
        items=event.item_count,
        actor=actor,
    )


@router.get("/{theme_id}/accounts")
def read_accounts(
    theme_id: str, query: Annotated[Paging, Query()], database: DatabaseOf, caller: TicketReader
) -> Page[ThemeAccount]:
    """Read which accounts complained about a theme, those with the most complaints first."""
    offset = read_after(query.cursor)
    with database.read(workspace=caller.workspace_id) as session:
        row = _standing(session, caller.workspace_id, theme_id)
        found = theme_reading.accounts_of(session, workspace=caller.workspace_id, theme=row.id)
    page = found[offset : offset + query.limit]
    more = len(found) > offset + len(page)
    items = [ThemeAccount.model_validate(each) for each in page]
    return Page(items=items, next_cursor=write_cursor(offset + len(page)) if more else None)
