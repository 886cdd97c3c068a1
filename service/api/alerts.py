"""`/v1/alerts`: what a person should look at."""

from typing import Annotated

from fastapi import APIRouter, Query

from models.queries import alerts
from models.records import Alert
from models.values.ids import Prefix, public_id
from service.api.shapes.base import Page
from service.api.shapes.scope import AlertAnswer, AlertsQuery
from service.api.shapes.words import AlertKind, AlertState
from service.dependencies import DatabaseOf, TicketReader, read_after, write_cursor

router = APIRouter(prefix="/v1/alerts", tags=["sources"])

_IS_OPEN = {AlertState.OPEN: True, AlertState.CLOSED: False, AlertState.ALL: None}


@router.get("")
def list_alerts(
    query: Annotated[AlertsQuery, Query()], database: DatabaseOf, caller: TicketReader
) -> Page[AlertAnswer]:
    """List alerts, newest first; the open ones unless others are asked for."""
    with database.read(workspace=caller.workspace_id) as session:
        rows = alerts.list_alerts(
            session,
            workspace=caller.workspace_id,
            is_open=_IS_OPEN[query.state],
            before=read_after(query.cursor) or None,
            limit=query.limit + 1,
        )
    page = rows[: query.limit]
    cursor = write_cursor(page[-1].id) if len(rows) > len(page) else None
    return Page(items=[_answer(row) for row in page], next_cursor=cursor)


def _answer(row: Alert) -> AlertAnswer:
    return AlertAnswer(
        id=public_id(Prefix.ALERT, row.id),
        kind=AlertKind(row.kind),
        subject=row.subject,
        reason=row.reason,
        since=row.since,
        opened_at=row.opened_at,
        closed_at=row.closed_at,
    )
