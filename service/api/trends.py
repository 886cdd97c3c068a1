"""Trends: a theme's daily counts added up to days, ISO weeks or months."""

from collections.abc import Mapping, Set
from dataclasses import dataclass
from datetime import date, timedelta

from models.database import Session
from models.queries import counts, exposure
from models.values.periods import Period
from service.api.shapes.themes import TrendPoint

RATE_UNIT = "complaints per 1,000 customer-days"


@dataclass(frozen=True, slots=True)
class Material:
    """A theme's complaints and people by day, and the customer-days that bore them."""

    complaints: Mapping[date, int]
    people: Mapping[date, int]
    exposure: Mapping[date, float]


def read(session: Session, *, workspace: int, theme: int, segment: str) -> Material:
    """Read a theme's days; a plan's segment is named `plan:business` or plainly `business`."""
    named = segment_name(segment)
    complaints, people = counts.daily_of(session, workspace=workspace, theme=theme, segment=named)
    bearers = exposure.read_exposure(
        session,
        workspace=workspace,
        segment=named.removeprefix("plan:") if named != counts.ALL else counts.ALL,
    )
    return Material(complaints, people, bearers)


def segment_name(segment: str) -> str:
    """Return the name under which a segment is counted."""
    return segment if segment == counts.ALL or ":" in segment else f"plan:{segment}"


def points(
    material: Material, silent: Set[date], *, period: Period, since: date, until: date, today: date
) -> list[TrendPoint]:
    """Add days up to whole steps between two days; a step with a silent day is a gap."""
    found, start = [], step_start(since, period)
    while start < until:
        end = next_step(start, period)
        days = [start + timedelta(days=i) for i in range((end - start).days)]
        is_gap = any(day in silent for day in days)
        bearers = [material.exposure.get(day) for day in days]
        whole = sum(value for value in bearers if value is not None) if all(bearers) else None
        complaints = None if is_gap else sum(material.complaints.get(day, 0) for day in days)
        found.append(
            TrendPoint(
                start=start,
                complaints=complaints,
                people=None if is_gap else sum(material.people.get(day, 0) for day in days),
                exposure=whole,
                rate=1000 * complaints / whole if complaints is not None and whole else None,
                complete=end <= today,
            )
        )
        start = end
    return found


def step_start(day: date, period: Period) -> date:
    """Return the first day of the step a day lies in; weeks begin on Monday."""
    if period is Period.WEEK:
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if period is Period.MONTH else day


def next_step(start: date, period: Period) -> date:
    """Return the first day of the step after the one that begins at `start`."""
    if period is Period.WEEK:
        return start + timedelta(days=7)
    if period is Period.MONTH:
        return (start + timedelta(days=31)).replace(day=1)
    return start + timedelta(days=1)
