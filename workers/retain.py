"""Chore `retain`: raw bodies go when their time is over, and words that were taken out of SQLite's index."""

from collections.abc import Callable
from datetime import datetime, timedelta

from models.jobs import Job
from models.queries import retention, search, workspaces
from workers.context import Context

EXPIRED_AT_ONCE = 200
"""Bodies removed in one transaction: intake never waits long for its turn."""


def retain(context: Context, _announce: Callable[[frozenset[Job]], None]) -> None:
    """Remove the raw bodies that are older than the settings keep them, one workspace after the other.

    Of what vendors deleted since the last time, SQLite's index keeps the words until it is written anew.
    """
    with context.database.read(workspace=None) as session:
        numbers = [row.id for row in workspaces.list_workspaces(session)]
    now = context.clock()
    for number in numbers:
        while _expire(context, number, now) == EXPIRED_AT_ONCE:
            pass
    is_first = True
    while _compact(context, is_first=is_first):
        is_first = False


def _compact(context: Context, *, is_first: bool) -> bool:
    with context.database.write(workspace=None) as session:
        return search.compact_part(session, is_first=is_first)


def _expire(context: Context, workspace: int, now: datetime) -> int:
    settings = context.settings
    with context.database.write(workspace=workspace) as session:
        return retention.expire_bodies(
            session,
            workspace=workspace,
            read_before=_before(now, settings.raw_body_days),
            unread_before=_before(now, settings.unread_body_days),
            now=now,
            limit=EXPIRED_AT_ONCE,
        )


def _before(now: datetime, days: int) -> datetime | None:
    """Return the moment before which bodies go; None where they are kept for good."""
    return now - timedelta(days=days) if days else None
