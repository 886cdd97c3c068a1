"""Tickets behind a number: the messages that a count, a chart or a quote stands for."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeVarTuple

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import Session, aliased

from models.queries import counting, search
from models.records import Assignment, FeedbackItem, Source, Theme
from models.values.kinds import Kind


@dataclass(frozen=True, slots=True)
class TicketFilter:
    """Which messages to list; None leaves a part open.

    `since` and `until` (exclusive) bound the creation of the ticket, as daily counts do, so that a count opens
    to exactly its tickets. counted True with a theme: the complaints counted on it; without one: the first
    complaint of each person in each ticket, in a theme or in none. `ticket_of` is an item: its whole ticket.
    """

    theme: int | None = None
    kind: Kind | None = None
    counted: bool | None = None
    words: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    ticket_of: int | None = None


@dataclass(frozen=True, slots=True)
class Ticket:
    """A message with its theme (redirects followed) and the name of its source."""

    item: FeedbackItem
    theme_id: int | None
    source_name: str


def list_tickets(
    session: Session,
    *,
    workspace: int,
    where: TicketFilter,
    after: tuple[datetime, int] | None,
    limit: int,
) -> list[Ticket]:
    """List messages, newest ticket first; `after` is (ticket creation, id) of the last one of the page before."""
    columns = (FeedbackItem, _theme_id(), Source.name)
    query = _tickets(session, workspace, where, select(*columns))
    if after is not None:
        at, last = after
        query = query.where(
            or_(
                FeedbackItem.ticket_created_at < at,
                and_(FeedbackItem.ticket_created_at == at, FeedbackItem.id < last),
            )
        )
    order = (FeedbackItem.ticket_created_at.desc(), FeedbackItem.id.desc())
    return [Ticket(*row) for row in session.execute(query.order_by(*order).limit(limit))]


def count_tickets(session: Session, *, workspace: int, where: TicketFilter) -> int:
    """Count the messages that `list_tickets` would list."""
    query = _tickets(session, workspace, where, select(func.count()).select_from(FeedbackItem))
    return session.scalar(query) or 0


_PLACED_IN = aliased(Theme)
Columns = TypeVarTuple("Columns")


def _theme_id() -> ColumnElement[int | None]:
    return func.coalesce(_PLACED_IN.redirect_id, _PLACED_IN.id)


def _tickets(
    session: Session, workspace: int, where: TicketFilter, query: Select[*Columns]
) -> Select[*Columns]:
    """Narrow a selection of messages to those of the filter, with their theme and source joined."""
    query = (
        query.join(Source, Source.id == FeedbackItem.source_id)
        .outerjoin(
            Assignment, and_(Assignment.item_id == FeedbackItem.id, Assignment.until_revision.is_(None))
        )
        .outerjoin(_PLACED_IN, _PLACED_IN.id == Assignment.theme_id)
        .where(
            FeedbackItem.workspace_id == workspace,
            FeedbackItem.withdrawn.is_(False),
            FeedbackItem.erased_at.is_(None),
        )
    )
    if where.theme is not None:
        query = query.where(_theme_id() == where.theme)
    if where.kind is not None:
        query = query.where(FeedbackItem.kind == where.kind)
    if where.counted is not None:
        relaying = counting.relaying_sources(session, workspace=workspace)
        firsts = counting.first_complaints(workspace, relaying).subquery()
        is_counted = FeedbackItem.id.in_(select(firsts.c.id))
        if where.theme is not None:
            is_counted = FeedbackItem.counted.is_(True)
        query = query.where(is_counted if where.counted else ~is_counted)
    if where.words is not None:
        query = query.where(search.matches(session, workspace=workspace, query=where.words))
    if where.since is not None:
        query = query.where(FeedbackItem.ticket_created_at >= where.since)
    if where.until is not None:
        query = query.where(FeedbackItem.ticket_created_at < where.until)
    if where.ticket_of is not None:
        one = aliased(FeedbackItem)
        query = query.join(one, one.id == where.ticket_of).where(
            one.workspace_id == workspace,
            FeedbackItem.source_id == one.source_id,
            FeedbackItem.external_id == one.external_id,
        )
    return query
