"""Reconciliation: how many records of a day the vendor counts, and how many we have."""

from collections.abc import Collection
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.queries.feedback import TOMBSTONE
from models.queries.upsert import insert_or_update
from models.queries.within import within
from models.records import FeedbackItem, PullCount, PullRecord


def our_records(session: Session, *, workspace: int, source: int, day: date) -> set[str]:
    """Return the vendor's ids of the records of a day (UTC, by creation) that we have and that are not deleted.

    Whether they were pulled or came by webhook, and whether they made items: a record that staff opened makes none.
    """
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    end = start + timedelta(days=1)
    pulled = select(PullRecord.external_id).where(
        PullRecord.source_id == source,
        within(PullRecord, workspace),
        PullRecord.created_at >= start,
        PullRecord.created_at < end,
        PullRecord.gone.is_(False),
    )
    told = select(FeedbackItem.external_id).where(
        FeedbackItem.source_id == source,
        within(FeedbackItem, workspace),
        FeedbackItem.ticket_created_at >= start,
        FeedbackItem.ticket_created_at < end,
    )
    found = {*session.scalars(pulled), *session.scalars(told)}
    return found - _deleted(session, workspace, source, found)


def _deleted(session: Session, workspace: int, source: int, found: Collection[str]) -> set[str]:
    gone: set[str] = set()
    names = sorted(found)
    for start in range(0, len(names), 500):
        query = select(FeedbackItem.external_id).where(
            FeedbackItem.source_id == source,
            within(FeedbackItem, workspace),
            FeedbackItem.external_id.in_(names[start : start + 500]),
            FeedbackItem.message_id == TOMBSTONE,
        )
        gone |= set(session.scalars(query))
    return gone


def put_count(
    session: Session,
    *,
    workspace: int,
    source: int,
    day: date,
    theirs: int,
    ours: int,
    fetched: int,
    now: datetime,
) -> None:
    """Write how a day compares."""
    row = {
        "workspace_id": workspace,
        "source_id": source,
        "day": day,
        "theirs": theirs,
        "ours": ours,
        "fetched": fetched,
        "checked_at": now,
    }
    insert_or_update(session, PullCount, row, key=("source_id", "day"))


def list_counts(session: Session, *, workspace: int, source: int, limit: int) -> list[PullCount]:
    """List the days that were compared, newest first."""
    query = select(PullCount).where(PullCount.source_id == source, within(PullCount, workspace))
    return list(session.scalars(query.order_by(PullCount.day.desc()).limit(limit)))
