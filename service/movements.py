"""Themes and how they moved, read once for the API and the console.

All is drawn from whole ISO weeks of the theme revision of today. For callers who may see aggregates only it is made
of the weeks that they are shown and of nothing else, so that no window they choose tells more (docs/roles.md).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from models.database import Session
from models.queries import (
    counts,
    exposure,
    feedback,
    goals,
    groups,
    kinds,
    movements,
    scope_reading,
    silence,
    theme_stream,
    themes,
    workspaces,
)
from models.queries.movements import Places
from models.records import Theme
from models.values.kinds import KIND_TOLERANCE
from models.values.movements import BASELINE_WEEKS, Movement, MovementReason, Outcome, excess
from models.values.timing import complete_until
from service.suppression import mask, may_show

WEEK: Final = timedelta(days=7)
DAYS: Final = 7
KNOWN_FROM: Final = 0.8
"""Share of the weeks of each window whose exposure must be known for rates to be compared, and not counts."""
MATCHED_FROM: Final = 0.5
"""Share of a theme's fall that a rise of complaints in no theme must reach to be told beside it."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What part of the past is asked for.

    weeks: length of the recent window; until: day that it ends before, moved back to a Monday (None: the latest);
    segment: as daily counts name it; least: counts below it are not shown to the caller (None: all are).
    """

    weeks: int
    until: date | None = None
    segment: str = counts.ALL
    least: int | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A theme, what is said of it, and its weeks of both windows, oldest first; None is a gap or not shown.

    first_seen: day of its first complaint (for callers of aggregates the Monday of that week); since: complaints
    from then on; hidden: weeks of the windows are not shown; matched: complaints in no theme rose as it fell.
    """

    theme: Theme
    outcome: Outcome
    weeks: tuple[int | None, ...]
    first_seen: date | None
    since: int
    hidden: bool
    matched: bool


@dataclass(frozen=True, slots=True)
class Movements:
    """All themes and how they moved, busiest first.

    mondays: weeks of both windows; recent: how many of them are the recent window; has_rate: rates per exposure were
    compared, and not counts; tested: themes among which false discoveries are bounded; places: where the complaints
    of the recent window and of the baseline lie, None for callers of aggregates.
    """

    revision: int
    mondays: tuple[date, ...]
    recent: int
    has_rate: bool
    rows: tuple[Row, ...]
    tested: int
    places: tuple[Places, Places] | None

    @property
    def until(self) -> date:
        """Return the first day after the recent window."""
        return self.mondays[-1] + WEEK

    @property
    def recent_since(self) -> date:
        """Return the first day of the recent window."""
        return self.mondays[-self.recent]


@dataclass(frozen=True, slots=True)
class _Calendar:
    """The weeks that are read: from the first whole week with tickets on, never fewer than both windows."""

    mondays: tuple[date, ...]
    first: date
    zone: ZoneInfo
    windows: int

    def bounds(self, start: int, end: int | None = None) -> tuple[datetime, datetime]:
        """Return the moments between which the weeks from one index up to another lie."""
        last = self.mondays[-1] + WEEK if end is None else self.mondays[end]
        return _midnight(self.mondays[start], self.zone), _midnight(last, self.zone)


def read_movements(session: Session, *, workspace: int, now: datetime, asked: Asked) -> Movements | None:
    """Read how every theme moved against its own past; None before the first week is complete."""
    calendar = _calendar(session, workspace, now, asked)
    if calendar is None:
        return None
    bearers = _exposure(session, workspace, calendar, asked)
    drafts = _drafts(session, workspace, calendar, asked)
    outcomes = _judge(drafts, bearers, asked.weeks)
    places = None if asked.least is not None else _places(session, workspace, calendar, asked)
    risen = 0.0 if places is None else change_of_places(*places)
    rows = [_row(draft, outcome, calendar, risen) for draft, outcome in zip(drafts, outcomes, strict=True)]
    return Movements(
        revision=theme_stream.read_stream(session, workspace=workspace).revision,
        mondays=calendar.mondays[-calendar.windows :],
        recent=asked.weeks,
        has_rate=bearers is not None,
        rows=tuple(sorted(rows, key=_busiest_first)),
        tested=sum(outcome.p_value is not None for outcome in outcomes),
        places=places,
    )


def _busiest_first(row: Row) -> tuple[int, int, int]:
    # Never by outcome: the first of many must not be the luckiest.
    return (-row.outcome.recent.complaints, -row.outcome.baseline.complaints, row.theme.id)


def _calendar(session: Session, workspace: int, now: datetime, asked: Asked) -> _Calendar | None:
    span = feedback.span_of_days(session, workspace=workspace)
    if span is None:
        return None
    zone = ZoneInfo(workspaces.get_workspace(session, workspace=workspace).time_zone)
    first, last = (moment.astimezone(zone).date() for moment in span)
    complete = complete_until(now, last, zone)
    end = complete if asked.until is None else min(asked.until, complete)
    until = end - timedelta(days=end.weekday())
    # A week that began before the first ticket is not whole.
    start = first + timedelta(days=-first.weekday() % DAYS)
    if until <= start:
        return None
    windows = BASELINE_WEEKS + asked.weeks
    weeks = max((until - start).days // DAYS, windows)
    mondays = tuple(until - WEEK * back for back in range(weeks, 0, -1))
    return _Calendar(mondays, start, zone, windows)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time.min, zone).astimezone(UTC)


# --- what is compared ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Draft:
    """A theme before it is judged: its weeks as they are shown, which are gaps, and why they do not compare."""

    theme: Theme
    counts: tuple[int | None, ...]
    arrived: tuple[bool, ...]
    hidden: tuple[bool, ...]
    barred: MovementReason | None
    first_day: date | None


def _drafts(session: Session, workspace: int, calendar: _Calendar, asked: Asked) -> list[_Draft]:
    by_theme = counts.daily(session, workspace=workspace, segment=asked.segment)
    told = goals.silent_dates(session, workspace=workspace, zone=calendar.zone)
    gaps = silence.gaps(session, workspace=workspace)
    barred = _barred(session, workspace, calendar, asked)
    is_mixed = _is_mixed(session, workspace, calendar)
    people = None if asked.least is None else groups.people_by_theme(session, workspace=workspace)
    drafts = []
    for theme in themes.active_themes(session, workspace=workspace):
        if people is not None and not may_show(people.get(theme.id, 0), asked.least or 0):
            continue
        days = by_theme.get(theme.id, {})
        reason = MovementReason.DEFINITION_CHANGED if is_mixed else barred.get(theme.id)
        silent = {_monday(day) for day in told | gaps.of(theme.id)}
        drafts.append(_draft(theme, days, silent, calendar, asked.least, reason))
    return drafts


def _draft(
    theme: Theme,
    days: Mapping[date, int],
    silent: set[date],
    calendar: _Calendar,
    least: int | None,
    barred: MovementReason | None,
) -> _Draft:
    """Add days up to weeks. One with a silent day is a gap whole: what its other weekdays bring does not compare."""
    sums: dict[date, int] = {}
    for day, count in days.items():
        sums[_monday(day)] = sums.get(_monday(day), 0) + count
    whole = [sums.get(monday, 0) for monday in calendar.mondays]
    shown = whole if least is None else [mask(count, least) for count in whole]
    counted = tuple(
        None if monday in silent or monday < calendar.first else count
        for monday, count in zip(calendar.mondays, shown, strict=True)
    )
    return _Draft(
        theme=theme,
        counts=counted,
        arrived=tuple(count > 0 for count in whole),
        hidden=tuple(count is None for count in shown),
        barred=barred,
        first_day=min((day for day, count in days.items() if count), default=None) if least is None else None,
    )


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _is_mixed(session: Session, workspace: int, calendar: _Calendar) -> bool:
    """Say whether some complaints of the windows follow other rules of their source than the rest."""
    start, end = calendar.bounds(-calendar.windows)
    found = scope_reading.definitions(session, workspace=workspace, start=start, end=end)
    return any(each.is_mixed for each in found)


def _barred(session: Session, workspace: int, calendar: _Calendar, asked: Asked) -> dict[int, MovementReason]:
    """Return the themes whose complaints were decided by other versions in one window than in the other."""
    if not kinds.is_mixed(session, workspace=workspace):
        return {}
    spans = calendar.bounds(-calendar.windows, -asked.weeks), calendar.bounds(-asked.weeks)
    before, after = (
        movements.kind_versions(session, workspace=workspace, start=start, end=end) for start, end in spans
    )
    return {
        theme: MovementReason.KIND_CHANGED
        for theme in before.keys() & after.keys()
        if _distance(before[theme], after[theme]) > KIND_TOLERANCE
    }


def _distance(before: Mapping[str, int], after: Mapping[str, int]) -> float:
    """Return the largest difference between the shares of versions on two sides."""
    totals = sum(before.values()), sum(after.values())
    return max(
        abs(before.get(version, 0) / totals[0] - after.get(version, 0) / totals[1])
        for version in before.keys() | after.keys()
    )


def _exposure(
    session: Session, workspace: int, calendar: _Calendar, asked: Asked
) -> tuple[float | None, ...] | None:
    """Return the customer-days of each week, None where a day of it is unknown; None where too few are known."""
    days = exposure.read_exposure(session, workspace=workspace, segment=asked.segment.removeprefix("plan:"))
    found = tuple(_customer_days(days, monday) for monday in calendar.mondays)
    began = max(sum(monday < calendar.first for monday in calendar.mondays), len(found) - calendar.windows)
    windows = found[-asked.weeks :], found[began : -asked.weeks]
    is_known = all(sum(week is not None for week in window) >= KNOWN_FROM * len(window) for window in windows)
    return found if is_known and any(found[began:]) else None


def _customer_days(days: Mapping[date, float], monday: date) -> float | None:
    known = [days.get(monday + timedelta(days=i)) for i in range(DAYS)]
    values = [value for value in known if value is not None]
    return sum(values) if len(values) == DAYS and sum(values) > 0 else None


def _judge(drafts: Sequence[_Draft], bearers: tuple[float | None, ...] | None, recent: int) -> list[Outcome]:
    # Imported here: the statistics pull in scipy, which few other calls need.
    from models.impact.movement import judge, theme_weeks

    rows = [
        theme_weeks(
            draft.counts,
            bearers or [float(DAYS)] * len(draft.counts),
            arrived=draft.arrived,
            hidden=draft.hidden,
            barred=draft.barred,
        )
        for draft in drafts
    ]
    return judge(rows, recent=recent)


# --- what is said besides -----------------------------------------------------------------------------------


def _places(session: Session, workspace: int, calendar: _Calendar, asked: Asked) -> tuple[Places, Places]:
    plan = None if asked.segment == counts.ALL else asked.segment.removeprefix("plan:")
    spans = calendar.bounds(-asked.weeks), calendar.bounds(-calendar.windows, -asked.weeks)
    recent, baseline = (
        movements.count_places(session, workspace=workspace, start=start, end=end, plan=plan)
        for start, end in spans
    )
    return recent, baseline


def change_of_places(recent: Places, baseline: Places) -> float:
    """Return by how many complaints those in no theme are more than at the baseline's share, beyond chance."""
    return excess((recent.unassigned, recent.complaints), (baseline.unassigned, baseline.complaints))


def _row(draft: _Draft, outcome: Outcome, calendar: _Calendar, risen: float) -> Row:
    first = None if outcome.first is None else calendar.mondays[outcome.first]
    windows = slice(-calendar.windows, None)
    is_matched = outcome.movement is Movement.FADING and risen >= MATCHED_FROM * outcome.missing
    return Row(
        theme=draft.theme,
        outcome=outcome,
        weeks=draft.counts[windows],
        first_seen=draft.first_day or first,
        since=sum(count or 0 for count in draft.counts),
        hidden=any(draft.hidden[windows]),
        matched=is_matched,
    )
