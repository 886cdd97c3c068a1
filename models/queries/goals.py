"""Teams, objectives, key results, metrics and context events."""

from collections.abc import Mapping
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
    found: set[date] = set()
    for start, end in silent_days(session, workspace=workspace):
        # The end is exclusive: a silence until midnight does not touch the day that begins then.
        last = (end - timedelta(microseconds=1)).astimezone(zone).date()
        day = start.astimezone(zone).date()
        while day <= last and start < end:
            found.add(day)
            day += timedelta(days=1)
    return found


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
