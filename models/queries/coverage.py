"""What each source covers: from when to when its tickets are here, and what it brought to themes on which days."""

from collections import defaultdict
from collections.abc import Mapping, Set
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from models.queries.counting import first_complaints, relaying_sources
from models.queries.counts import day_bounds
from models.queries.deliveries import get_source
from models.queries.impact import TOTAL, mark_releases
from models.queries.within import within
from models.queries.workspaces import get_workspace
from models.records import Assignment, FeedbackItem, Pull, Source, SourceSilence, Theme
from models.sources.span import span_of
from models.values.coverage import Span
from models.values.feedback import TOMBSTONE

Daily = Mapping[date, int]


@dataclass(frozen=True, slots=True)
class Covered:
    """A source, and the days it covers, in the workspace's time zone."""

    source: int
    name: str
    span: Span

    def __str__(self) -> str:
        ends = "" if self.span.end is None else f" until {self.span.end - timedelta(days=1)}"
        return f"{self.name} (from {self.span.start}{ends})"


def spans(session: Session, *, workspace: int, zone: ZoneInfo, until: date) -> list[Covered]:
    """Return what the sources with tickets cover, oldest source first; `until`: the first day that is not complete.

    A file covers the days from its first ticket to its last; what goes on, those from its connection, or as far back
    as its history was fetched, until it is retired. Tickets that were deleted or that rules leave out count: they
    show that the source delivers.
    """
    opened = FeedbackItem.ticket_created_at
    rows = session.execute(
        select(Source, Pull.since, func.min(opened), func.max(opened))
        .join(FeedbackItem, FeedbackItem.source_id == Source.id)
        .outerjoin(Pull, Pull.source_id == Source.id)
        .where(
            Source.workspace_id == workspace,
            within(FeedbackItem, workspace),
            FeedbackItem.message_id != TOMBSTONE,
        )
        .group_by(Source.id, Pull.since)
        .order_by(Source.id)
    ).all()
    found = []
    for source, since, first, last in rows:
        start, end = (moment.astimezone(zone).date() for moment in (first, last))
        if source.stored_secret is None:
            span = Span(start, end + timedelta(days=1))
        else:
            known_from = min(source.created_at, since or source.created_at).astimezone(zone).date()
            span = Span(known_from)
            if start < known_from:
                tickets = _tickets_by_day(session, workspace, source.id)
                span = span_of(tickets, known_from=known_from, until=until)
            ends = [day for day in (span.end, _retired_on(source, zone)) if day is not None]
            span = Span(span.start, min(ends, default=None))
        found.append(Covered(source.id, source.name, span))
    return found


def _retired_on(source: Source, zone: ZoneInfo) -> date | None:
    """Return the day on which a source was retired, which it does not cover as a whole."""
    return None if source.retired_at is None else source.retired_at.astimezone(zone).date()


def _tickets_by_day(session: Session, workspace: int, source: int) -> dict[date, int]:
    """Count the tickets of a source by the day (UTC) on which they were opened."""
    day = func.date(FeedbackItem.ticket_created_at)
    if session.get_bind().dialect.name == "postgresql":
        day = func.date(func.timezone("UTC", FeedbackItem.ticket_created_at))
    rows = session.execute(
        select(day, func.count(func.distinct(FeedbackItem.external_id)))
        .where(
            FeedbackItem.source_id == source,
            within(FeedbackItem, workspace),
            FeedbackItem.message_id != TOMBSTONE,
        )
        .group_by(day)
    )
    return {date.fromisoformat(str(at)): int(count) for at, count in rows}


def put_retirement(
    session: Session, *, workspace: int, source: int, at: datetime | None, now: datetime
) -> Source:
    """Say from when on nothing more is expected of a source (None: it goes on), and ask for new verdicts.

    Its silence from that day on is none any more. What it sends all the same is still taken. Raises `NotFound` for a
    source that is not there.
    """
    row = get_source(session, workspace=workspace, source=source)
    zone = ZoneInfo(get_workspace(session, workspace=workspace).time_zone)
    changed = [moment.astimezone(zone).date() for moment in (row.retired_at, at) if moment is not None]
    row.retired_at = at
    if at is not None:
        session.execute(
            delete(SourceSilence)
            .where(
                SourceSilence.source_id == source,
                within(SourceSilence, workspace),
                SourceSilence.day >= at.astimezone(zone).date(),
            )
            .execution_options(synchronize_session=False)
        )
    session.flush()
    if changed:
        mark_releases(session, workspace=workspace, since=min(changed), now=now)
    return row


def complaints_of(
    session: Session, *, workspace: int, sources: Set[int], since: date, zone: ZoneInfo
) -> dict[int, dict[int, dict[date, int]]]:
    """Return the counted complaints of some sources by theme (0: of all together), source and day from `since` on."""
    found: dict[int, dict[int, dict[date, int]]] = defaultdict(lambda: defaultdict(lambda: defaultdict(int)))
    if not sources:
        return found
    start = day_bounds(since, zone)[0]
    place = func.coalesce(Theme.redirect_id, Theme.id)
    by_theme = (
        select(place, FeedbackItem.source_id, FeedbackItem.ticket_created_at)
        .join(Assignment, Assignment.item_id == FeedbackItem.id)
        .join(Theme, Theme.id == Assignment.theme_id)
        .where(
            FeedbackItem.workspace_id == workspace,
            FeedbackItem.source_id.in_(sources),
            FeedbackItem.ticket_created_at >= start,
            FeedbackItem.counted.is_(True),
            FeedbackItem.withdrawn.is_(False),
            FeedbackItem.excluded_by.is_(None),
            Assignment.until_revision.is_(None),
        )
    )
    for theme, source, moment in session.execute(by_theme):
        found[theme][source][moment.astimezone(zone).date()] += 1
    relaying = relaying_sources(session, workspace=workspace)
    firsts = first_complaints(workspace, relaying, since=start).subquery()
    of_all = (
        select(FeedbackItem.source_id, FeedbackItem.ticket_created_at)
        .join(firsts, firsts.c.id == FeedbackItem.id)
        .where(FeedbackItem.source_id.in_(sources), within(FeedbackItem, workspace))
    )
    for source, moment in session.execute(of_all):
        found[TOTAL][source][moment.astimezone(zone).date()] += 1
    return found
