"""`/v1/trends`: how every theme moved in the recent weeks against its own past."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query

from models.errors import Invalid
from models.queries import counts
from models.values.ids import Prefix, public_id
from models.values.movements import BASELINE_WEEKS, FALSE_DISCOVERY_RATE, Span
from models.values.roles import Permission
from service import movement_words, movements
from service.api import trends
from service.api.shapes.movements import ThemeMovement, Trends, TrendsQuery, TrendWindow, WindowCount
from service.dependencies import DatabaseOf, Now, Reader, SettingsOf, read_after, write_cursor
from service.movements import Asked, Movements, Row

router = APIRouter(prefix="/v1/trends", tags=["themes"])


@router.get("")
def list_trends(
    query: Annotated[TrendsQuery, Query()],
    database: DatabaseOf,
    settings: SettingsOf,
    caller: Reader,
    now: Now,
) -> Trends:
    """List how themes moved in the recent weeks against their own baseline, those with most complaints first."""
    offset = read_after(query.cursor)
    _check_day(query.until)
    least = None if caller.may(Permission.READ_TICKETS) else settings.least_group
    if least is not None and query.segment != counts.ALL:
        raise Invalid("callers who may see aggregates only get segment=all here.", field="segment")
    asked = Asked(query.weeks, query.until, trends.segment_name(query.segment), least)
    with database.read(workspace=caller.workspace_id) as session:
        found = movements.read_movements(session, workspace=caller.workspace_id, now=now, asked=asked)
    if found is None:
        return _empty(query)
    rows = [row for row in found.rows if query.movement in (None, row.outcome.movement)]
    page = rows[offset : offset + query.limit]
    more = len(rows) > offset + len(page)
    return Trends(
        items=[_answer(row, has_rate=found.has_rate) for row in page],
        next_cursor=write_cursor(offset + len(page)) if more else None,
        revision=found.revision,
        segment=query.segment,
        unit=movement_words.RATE_UNIT if found.has_rate else movement_words.WEEKLY_UNIT,
        recent=TrendWindow(since=found.recent_since, until=found.until, weeks=found.recent),
        baseline=_baseline(found),
        tested=found.tested,
        false_discovery_rate=FALSE_DISCOVERY_RATE,
        recent_places=None if found.places is None else trends.places(found.places[0]),
        baseline_places=None if found.places is None else trends.places(found.places[1]),
        warnings=movement_words.warnings_of(found),
        note=movement_words.THEMES_ADD_UP,
    )


def _check_day(until: date | None) -> None:
    if until is not None and not 1900 <= until.year <= 2200:
        raise Invalid("until must lie between the years 1900 and 2200.", field="until")


def _empty(query: TrendsQuery) -> Trends:
    return Trends(
        items=[],
        next_cursor=None,
        revision=0,
        segment=query.segment,
        unit=movement_words.WEEKLY_UNIT,
        recent=None,
        baseline=None,
        tested=0,
        false_discovery_rate=FALSE_DISCOVERY_RATE,
        recent_places=None,
        baseline_places=None,
        warnings=[],
        note=movement_words.THEMES_ADD_UP,
    )


def _baseline(found: Movements) -> TrendWindow:
    return TrendWindow(since=found.mondays[0], until=found.recent_since, weeks=BASELINE_WEEKS)


def _answer(row: Row, *, has_rate: bool) -> ThemeMovement:
    outcome = row.outcome
    return ThemeMovement(
        theme=public_id(Prefix.THEME, row.theme.id),
        label=row.theme.label,
        movement=outcome.movement,
        reasons=[outcome.reason],
        sentence=movement_words.say_outcome(row),
        first_seen=row.first_seen,
        recent=_window(outcome.recent, row, has_rate=has_rate),
        baseline=_window(outcome.baseline, row, has_rate=has_rate),
        ratio=outcome.ratio,
        low=outcome.low,
        high=outcome.high,
        p_value=outcome.p_value,
        q_value=outcome.q_value,
        dispersion=outcome.dispersion,
        unassigned_rose=row.matched,
    )


def _window(span: Span, row: Row, *, has_rate: bool) -> WindowCount:
    """Shape a window; a sum of the weeks that are shown, beside a rate, would be taken for the whole."""
    return WindowCount(
        complaints=None if row.hidden else span.complaints,
        weeks=span.weeks,
        rate=None if row.hidden else movement_words.rate_of(span, has_rate=has_rate),
    )
