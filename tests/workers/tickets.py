"""Tickets for the stages' tests: delivered, walked, read back."""

import json

from sqlalchemy import select

from models.database import Database
from models.queries import deliveries
from models.records import (
    Assignment,
    FeedbackItem,
    Theme,
)
from tests import factories, year
from tests.steps import unfinished, walk
from workers.context import Context

EXPORT = "The calendar export fails for large teams and this is very frustrating, please fix it."


def deliver(context: Context, workspace: int, source: int, *entries: object) -> None:
    """Store one delivery for each entry."""
    with context.database.write(workspace=workspace) as session:
        drafts = [
            factories.delivery(
                workspace,
                source,
                json.dumps(entry).encode(),
                name=str(hash(json.dumps(entry))),
                at=context.clock(),
            )
            for entry in entries
        ]
        deliveries.record(session, drafts=drafts)


def entry(number: int = 1, **chosen: object) -> dict[str, object]:
    return {"id": f"T-{number}", "created_at": "2026-05-20T10:00:00Z", "text": EXPORT, **chosen}


def items(database: Database) -> list[FeedbackItem]:
    with database.read(workspace=None) as session:
        return list(session.scalars(select(FeedbackItem).order_by(FeedbackItem.id)))


def year_of(context: Context, workspace: int, source: int, *, count: int = 150) -> list[year.Ticket]:
    """Deliver and walk part of the synthetic year."""
    tickets = year.tickets()[:count]
    deliver(context, workspace, source, *(ticket.row for ticket in tickets))
    walk(context)
    assert unfinished(context.database, now=context.clock()) == []
    return tickets


def open_assignments(database: Database) -> dict[int, int]:
    """Map items to the theme that stands for theirs today."""
    with database.read(workspace=None) as session:
        rows = session.execute(
            select(Assignment.item_id, Theme)
            .join(Theme, Theme.id == Assignment.theme_id)
            .where(Assignment.until_revision.is_(None))
        )
        return {item: theme.redirect_id or theme.id for item, theme in rows}
