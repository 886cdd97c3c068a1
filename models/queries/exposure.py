"""Exposure: the denominators."""

from collections.abc import Mapping
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.queries import impact
from models.queries.upsert import insert_many
from models.records import Exposure

DEFAULT_SERIES = "active_accounts"


def put_exposure(
    session: Session,
    *,
    workspace: int,
    series: str,
    values: Mapping[tuple[date, str], float],
    now: datetime,
) -> int:
    """Write values by (day, segment); a day written again is replaced. Return how many.

    Releases whose window a day lies in are judged again: their denominators changed.
    """
    rows = [
        {"workspace_id": workspace, "series": series, "day": day, "segment": segment, "value": value}
        for (day, segment), value in values.items()
    ]
    insert_many(session, Exposure, rows, key=("workspace_id", "series", "day", "segment"), update=True)
    if values:
        impact.mark_releases(session, workspace=workspace, since=min(day for day, _ in values), now=now)
    return len(rows)


def read_exposure(
    session: Session, *, workspace: int, series: str = DEFAULT_SERIES, segment: str = "all"
) -> dict[date, float]:
    """Return a series by day; empty where nobody supplied one."""
    rows = session.execute(
        select(Exposure.day, Exposure.value).where(
            Exposure.workspace_id == workspace, Exposure.series == series, Exposure.segment == segment
        )
    )
    return {day: value for day, value in rows}
