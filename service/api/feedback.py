"""`/v1/feedback`: what customers said, as stored: cleaned and redacted."""

from typing import Annotated

from fastapi import APIRouter, Query

from models.queries import counting, deliveries, feedback, listing, theme_why, themes, ticket_states
from models.queries.listing import FeedbackFilter, Place
from models.values.ids import Prefix, parse_id
from service.api.shapes.base import Page
from service.api.shapes.feedback import FeedbackDetail, FeedbackItem, FeedbackQuery
from service.api.shapes.why import FeedbackWhy
from service.api.views import detail_answer, item_answer, why_answer
from service.dependencies import DatabaseOf, TicketReader, read_place, write_cursor

router = APIRouter(prefix="/v1/feedback", tags=["feedback"])


@router.get("")
def list_feedback(
    query: Annotated[FeedbackQuery, Query()], database: DatabaseOf, caller: TicketReader
) -> Page[FeedbackItem]:
    """List items, newest first; they are visible once parsed, before they are embedded."""
    where = FeedbackFilter(
        source=parse_id(Prefix.SOURCE, query.source) if query.source else None,
        external_id=query.external_id,
        theme=parse_id(Prefix.THEME, query.theme) if query.theme else None,
        kind=query.kind,
        words=query.q,
        since=query.since,
        until=query.until,
        counted=query.counted,
    )
    after = read_place(query.cursor)
    with database.read(workspace=caller.workspace_id) as session:
        if where.source is not None:
            deliveries.get_source(session, workspace=caller.workspace_id, source=where.source)
        if where.theme is not None:
            themes.get_theme(session, workspace=caller.workspace_id, theme=where.theme)
        rows = listing.list_feedback(
            session,
            workspace=caller.workspace_id,
            where=where,
            after=Place(*after) if after else None,
            limit=query.limit + 1,
        )
    page = rows[: query.limit]
    last = page[-1][0] if len(rows) > len(page) else None
    cursor = write_cursor(last.created_at.isoformat(), last.id) if last else None
    return Page(items=[item_answer(row, theme) for row, theme in page], next_cursor=cursor)


@router.get("/{item_id}")
def read_feedback(item_id: str, database: DatabaseOf, caller: TicketReader) -> FeedbackDetail:
    """Read one item, with why it is counted or not, why it is of its kind, and what was cut from it."""
    number = parse_id(Prefix.ITEM, item_id)
    workspace = caller.workspace_id
    with database.read(workspace=workspace) as session:
        row = feedback.get_item(session, workspace=workspace, item=number)
        theme = listing.themes_of(session, workspace=workspace, items=[number]).get(number)
        why = counting.why_counted(session, workspace=workspace, items=[number])[number]
        votes = ticket_states.count_votes(
            session, workspace=workspace, source=row.source_id, external_id=row.external_id
        )
    return detail_answer(row, theme, why=why, votes=votes)


@router.get("/{item_id}/why")
def read_why(item_id: str, database: DatabaseOf, caller: TicketReader) -> FeedbackWhy:
    """Read why an item is in its theme: its neighbours' votes, the runner-up, examples, or who put it there."""
    number = parse_id(Prefix.ITEM, item_id)
    with database.read(workspace=caller.workspace_id) as session:
        found = theme_why.why_here(session, workspace=caller.workspace_id, item=number)
        return why_answer(session, found, workspace=caller.workspace_id)
