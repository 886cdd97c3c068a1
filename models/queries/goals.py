"""Teams, objectives, key results, metrics and context events."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.errors import NotFound
from models.queries import impact
from models.queries.upsert import insert_many, insert_or_update
from models.queries.within import within
from models.records import ContextEvent, KeyResult, Metric, Objective, Observation, Team

Keyed = TypeVar("Keyed", Team, Metric, Objective, KeyResult, ContextEvent)

_BY_KEY = ("workspace_id", "key")


def put(session: Session, table: type[Keyed], *, workspace: int, row: Mapping[str, object]) -> Keyed:
    """Add a row, or bring the one with its `key` up to date."""
    values = {"workspace_id": workspace, **row}
    number = insert_or_update(session, table, values, key=_BY_KEY)
    return session.get_one(table, number, populate_existing=True)


def get(session: Session, table: type[Keyed], *, workspace: int, number: int) -> Keyed:
    """Load a row of the workspace by id."""
    row = session.get(table, number)
    if row is None or row.workspace_id != workspace:
        raise NotFound(f"There is no such {table.__name__.lower()} here.")
    return row


def find(session: Session, table: type[Keyed], *, workspace: int, key: str) -> Keyed | None:
    """Find a row by its key."""
    return session.scalar(select(table).where(table.workspace_id == workspace, table.key == key))


def list_all(
    session: Session, table: type[Keyed], *, workspace: int, after: int = 0, limit: int = 1000
) -> list[Keyed]:
    """List rows in order of id, those after `after`."""
    query = select(table).where(table.workspace_id == workspace, table.id > after)
    return list(session.scalars(query.order_by(table.id).limit(limit)))


def put_observations(
    session: Session,
    *,
    workspace: int,
    metric: int,
    values: Mapping[tuple[datetime, str], float],
) -> int:
    """Write a metric's values by (moment, segment); one written again is replaced. Return how many."""
    rows = [
        {"workspace_id": workspace, "metric_id": metric, "at": at, "segment": segment, "value": value}
        for (at, segment), value in values.items()
    ]
    insert_many(session, Observation, rows, key=("metric_id", "at", "segment"), update=True)
    return len(rows)


def observations(session: Session, *, workspace: int, metric: int, segment: str = "all") -> list[Observation]:
    """Return a metric's values in order of time."""
    return list(
        session.scalars(
            select(Observation)
            .where(
                Observation.metric_id == metric,
                within(Observation, workspace),
                Observation.segment == segment,
            )
            .order_by(Observation.at)
        )
    )


def silent_days(session: Session, *, workspace: int) -> list[tuple[datetime, datetime]]:
    """Return the half-open times in which a source was silent, as context events say."""
    rows = session.scalars(
        select(ContextEvent).where(
            ContextEvent.workspace_id == workspace, ContextEvent.kind == "source_silent"
        )
    )
    return [(event.starts_at, event.ends_at or event.starts_at) for event in rows]


def silent_dates(session: Session, *, workspace: int, zone: ZoneInfo) -> set[date]:
    """Return the calendar days that a silence of a source touches, as context events say: none is complete."""
    spans = silent_days(session, workspace=workspace)
    return {day for start, end in spans if start < end for day in _days_of(start, end, zone)}


def holidays(session: Session, *, workspace: int, zone: ZoneInfo) -> frozenset[date]:
    """Return the calendar days that context events declare holidays, of each event 31 at most.

    One without an end is the day it begins on.
    """
    rows = session.scalars(
        select(ContextEvent).where(ContextEvent.workspace_id == workspace, ContextEvent.kind == "holiday")
    )
    spans = [(row.starts_at, max(row.ends_at or row.starts_at, row.starts_at + _MOMENT)) for row in rows]
    return frozenset(
        day for start, end in spans for day in _days_of(start, min(end, start + _LONGEST_HOLIDAY), zone)
    )


_MOMENT = timedelta(microseconds=1)
_LONGEST_HOLIDAY = timedelta(days=31)


def _days_of(start: datetime, end: datetime, zone: ZoneInfo) -> Iterator[date]:
    """List the days that a half-open time touches: one until midnight does not touch the day that begins then."""
    day, last = start.astimezone(zone).date(), (end - _MOMENT).astimezone(zone).date()
    while day <= last:
        yield day
        day += timedelta(days=1)


def key_results_of(session: Session, *, workspace: int, objective: int) -> list[int]:
    """Return the key results of an objective, by id."""
    query = select(KeyResult.id).where(
        KeyResult.objective_id == objective, KeyResult.workspace_id == workspace
    )
    return list(session.scalars(query.order_by(KeyResult.id)))


def latest_observation(
    session: Session, *, workspace: int, metric: int, segment: str = "all"
) -> Observation | None:
    """Return a metric's newest value."""
    return session.scalar(
        select(Observation)
        .where(
            Observation.metric_id == metric,
            within(Observation, workspace),
            Observation.segment == segment,
        )
        .order_by(Observation.at.desc())
        .limit(1)
    )


def put_event(session: Session, *, workspace: int, row: Mapping[str, object], now: datetime) -> ContextEvent:
    """Write a context event, and ask for new verdicts of the releases whose window it lies in."""
    event = put(session, ContextEvent, workspace=workspace, row=row)
    impact.mark_releases(session, workspace=workspace, since=event.starts_at.date(), now=now)
    return event
