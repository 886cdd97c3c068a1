"""Trends: a theme's complaints added up to days, ISO weeks or months, all from the theme revision of today."""

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from models.database import Session
from models.errors import Invalid
from models.queries import (
    counts,
    cuts,
    deliveries,
    exposure,
    goals,
    groups,
    movements,
    silence,
    theme_stream,
    workspaces,
)
from models.queries.cuts import Cut, Voice
from models.records import Theme
from models.values.ids import Prefix, parse_id, public_id
from models.values.kinds import Kind
from models.values.periods import Period
from service import movement_words
from service.api import aggregates
from service.api.aggregates import Veil
from service.api.shapes.themes import Places, ThemeTrend, TrendPoint, TrendQuery

RATE_UNIT = movement_words.RATE_UNIT
LONGEST_TREND: Final = timedelta(days=3660)


@dataclass(frozen=True, slots=True)
class Material:
    """A theme's complaints and people by day, the customer-days that bore them, and who was counted.

    voices: None for callers who may see aggregates only.
    """

    complaints: Mapping[date, int]
    people: Mapping[date, int]
    exposure: Mapping[date, float]
    voices: Mapping[date, Sequence[Voice]] | None = None


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is read of a theme: half-open days, whole steps of a period, and the zone that days are of."""

    theme: Theme
    period: Period
    since: date
    until: date
    today: date
    zone: ZoneInfo


def read_trend(
    session: Session, *, theme: Theme, query: TrendQuery, now: datetime, veil: Veil | None
) -> ThemeTrend:
    """Read the trend of a theme that stands today.

    Raises `Invalid` for what callers may not ask who may see aggregates only, and for times beyond ten years.
    """
    workspace = theme.workspace_id
    if veil is not None:
        aggregates.check_period(query.period)
        aggregates.check_cut(source=query.source, channel=query.channel, kind=query.kind)
    zone = ZoneInfo(workspaces.get_workspace(session, workspace=workspace).time_zone)
    today = now.astimezone(zone).date()
    since, until = span_of(query, today)
    asked = _Asked(theme, query.period, since, until, today, zone)
    reader = _reader(session, asked, _cut(session, workspace, query), has_voices=veil is None)
    found = reader(segment_name(query.segment))
    if veil is not None:
        found = _veiled(session, theme, found, query.segment, reader, veil)
    return ThemeTrend(
        theme=public_id(Prefix.THEME, theme.id),
        period=query.period,
        segment=query.segment,
        source=query.source,
        channel=query.channel,
        kind=query.kind or Kind.COMPLAINT,
        revision=theme_stream.read_stream(session, workspace=workspace).revision,
        rate_unit=RATE_UNIT,
        points=found,
        places=None if veil is not None else _places(session, asked, query.segment),
        note=movement_words.ADDING_UP,
    )


def _cut(session: Session, workspace: int, query: TrendQuery) -> Cut:
    """Name what is asked for besides the segment; raises `NotFound` for a source that the workspace does not have."""
    source = None
    if query.source is not None:
        number = parse_id(Prefix.SOURCE, query.source)
        source = deliveries.get_source(session, workspace=workspace, source=number).id
    return Cut(source=source, channel=query.channel, kind=query.kind or Kind.COMPLAINT)


def _reader(
    session: Session, asked: _Asked, cut: Cut, *, has_voices: bool
) -> Callable[[str], list[TrendPoint]]:
    """Return a function that reads a segment's trend over the days that were asked for."""
    silent = _silent(session, asked, cut)

    def read(segment: str) -> list[TrendPoint]:
        material = _material(session, asked, replace(cut, segment=segment), has_voices=has_voices)
        return points(
            material, silent, period=asked.period, since=asked.since, until=asked.until, today=asked.today
        )

    return read


def _silent(session: Session, asked: _Asked, cut: Cut) -> set[date]:
    """Return the days that are not complete: for one source its own silences, else those that the theme feels."""
    workspace = asked.theme.workspace_id
    told = goals.silent_dates(session, workspace=workspace, zone=asked.zone)
    if cut.source is not None:
        return told | silence.marks(session, workspace=workspace, source=cut.source).keys()
    return told | silence.gaps(session, workspace=workspace, theme=asked.theme.id).of(asked.theme.id)


def _material(session: Session, asked: _Asked, cut: Cut, *, has_voices: bool) -> Material:
    """Read a theme's days in a cut: from daily counts where they hold it, else from the messages."""
    workspace, theme = asked.theme.workspace_id, asked.theme.id
    bearers = exposure.read_exposure(session, workspace=workspace, segment=cut.segment.removeprefix("plan:"))
    heard: dict[date, list[Voice]] | None = None
    if has_voices:
        heard = {}
        since, until = step_start(asked.since, asked.period), _end(asked)
        for voice in cuts.voices(
            session, workspace=workspace, theme=theme, cut=cut, zone=asked.zone, since=since, until=until
        ):
            heard.setdefault(voice.day, []).append(voice)
    if cut.is_stored or heard is None:
        complaints, people = counts.daily_of(session, workspace=workspace, theme=theme, segment=cut.segment)
    else:
        complaints = {day: sum(each.count for each in said) for day, said in heard.items()}
        people = {day: len({each.person for each in said}) for day, said in heard.items()}
    return Material(complaints, people, bearers, heard)


def _end(asked: _Asked) -> date:
    """Return the first day after the last step that is shown."""
    start = step_start(asked.since, asked.period)
    while start < asked.until:
        start = next_step(start, asked.period)
    return start


def _veiled(
    session: Session,
    theme: Theme,
    found: Sequence[TrendPoint],
    segment: str,
    reader: Callable[[str], list[TrendPoint]],
    veil: Veil,
) -> list[TrendPoint]:
    """Keep of a trend what callers may see who may see aggregates only."""
    if segment == counts.ALL:
        return aggregates.trend(found, least=veil.least)
    named = segment_name(segment)
    segments = groups.segments_of(session, workspace=theme.workspace_id, theme=theme.id)
    others = [reader(other) for other in segments if other != named]
    return aggregates.segment_trend(found, others, reader(counts.ALL), least=veil.least)


def _places(session: Session, asked: _Asked, segment: str) -> Places:
    """Say where all complaints of these days lie, in a theme or in none."""
    start, end = step_start(asked.since, asked.period), _end(asked)
    first, after = (datetime.combine(day, time.min, asked.zone).astimezone(UTC) for day in (start, end))
    found = movements.count_places(
        session,
        workspace=asked.theme.workspace_id,
        start=first,
        end=after,
        plan=None if segment == counts.ALL else segment_name(segment).removeprefix("plan:"),
    )
    return places(found)


def places(row: movements.Places) -> Places:
    """Shape where complaints lie."""
    whole = row.complaints
    return Places(
        complaints=whole,
        unassigned=row.unassigned,
        unassigned_share=row.unassigned / whole if whole else None,
        unsupported_language=row.unsupported,
        unsupported_language_share=row.unsupported / whole if whole else None,
    )


def span_of(query: TrendQuery, today: date) -> tuple[date, date]:
    """Return the half-open days that were asked for: a year up to today, unless said; at most ten years."""
    since = query.since or date(today.year - 1, today.month, min(today.day, 28))
    until = query.until or today + timedelta(days=1)
    if not (since.year >= 1900 and until.year <= 2200):
        raise Invalid("since and until must lie between the years 1900 and 2200.", field="since")
    if until - since > LONGEST_TREND:
        raise Invalid("a trend spans at most ten years: ask for a shorter time.", field="since")
    return since, until


def segment_name(segment: str) -> str:
    """Return the name under which a segment is counted; a plan's is `plan:business` or plainly `business`."""
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
        accounts, arr = (None, None) if is_gap else _accounts(material, days)
        found.append(
            TrendPoint(
                start=start,
                complaints=complaints,
                people=None if is_gap else sum(material.people.get(day, 0) for day in days),
                accounts=accounts,
                arr_usd=arr,
                exposure=whole,
                rate=1000 * complaints / whole if complaints is not None and whole else None,
                complete=end <= today,
            )
        )
        start = end
    return found


def _accounts(material: Material, days: Sequence[date]) -> tuple[int | None, float | None]:
    """Count the accounts of a step, each once, and add up their ARR; no ARR where none of them has one on record."""
    if material.voices is None:
        return None, None
    known = {
        each.account: each.arr_usd
        for day in days
        for each in material.voices.get(day, ())
        if each.account is not None
    }
    values = [arr for arr in known.values() if arr is not None]
    return len(known), sum(values) if values or not known else None


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
