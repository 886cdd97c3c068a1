"""Silence of sources: their tickets by hour, the days that are not complete, and how late deliveries come."""

import itertools
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Row, delete, func, select, update
from sqlalchemy.orm import Session

from models.jobs import Job, WorkState
from models.queries import goals, impact
from models.queries.counts import day_bounds
from models.queries.upsert import insert_many
from models.queries.within import within
from models.queries.workspaces import get_workspace
from models.records import (
    Assignment,
    Delivery,
    DeliveryState,
    FeedbackItem,
    Source,
    SourceSilence,
    Theme,
    Work,
)
from models.sources.rhythm import LEARNED, Mark, Reading, read

USUAL = timedelta(weeks=8)
"""Time before a silence that tells which sources a theme usually comes from."""

LEAST_SHARE = 0.1
"""Least share of a theme's messages that a source carries for its silence to leave the theme's day incomplete."""

LOOKED_BACK = timedelta(weeks=26)
"""How far back silences are looked for; what was marked before stays marked until its tickets arrive."""

MOST_PATIENCE = timedelta(days=3)
"""Verdicts wait so long for late tickets; a source that is later still is silent meanwhile."""

_NEAR = timedelta(days=4)
_TOMBSTONE = ""


def note_event(session: Session, *, workspace: int, delivery: int, occurred_at: datetime | None) -> None:
    """Write when the newest event of a delivery happened, by the vendor's clock."""
    if occurred_at is None:
        return
    session.execute(
        update(Delivery)
        .where(Delivery.id == delivery, Delivery.workspace_id == workspace)
        .values(occurred_at=occurred_at)
        .execution_options(synchronize_session=False)
    )


def tickets_by_hour(session: Session, *, workspace: int, source: int, since: datetime) -> dict[datetime, int]:
    """Return how many tickets of a source were opened in each hour (UTC) from `since` on; hours without are absent.

    Tickets that were deleted or that rules leave out count: they show that the source delivers.
    """
    hour = _hour(session)
    rows = session.execute(
        select(hour, func.count(func.distinct(FeedbackItem.external_id)))
        .where(
            FeedbackItem.workspace_id == workspace,
            FeedbackItem.source_id == source,
            FeedbackItem.ticket_created_at >= since,
            FeedbackItem.message_id != _TOMBSTONE,
        )
        .group_by(hour)
    )
    return {datetime.fromisoformat(str(at)).replace(tzinfo=UTC): int(count) for at, count in rows}


def _hour(session: Session) -> ColumnElement[str]:
    """Build the hour a ticket was opened in, as text without a zone."""
    if session.get_bind().dialect.name == "sqlite":
        return func.strftime("%Y-%m-%dT%H:00:00", FeedbackItem.ticket_created_at)
    moment = func.timezone("UTC", FeedbackItem.ticket_created_at)
    return func.to_char(moment, 'YYYY-MM-DD"T"HH24:00:00')


def marks(session: Session, *, workspace: int, source: int) -> dict[date, Mark]:
    """Return the days on which a source is known not to be complete."""
    query = select(SourceSilence).where(SourceSilence.source_id == source, within(SourceSilence, workspace))
    return {
        row.day: Mark(row.expected, row.firm) for row in session.scalars(query.order_by(SourceSilence.day))
    }


def is_expected(source: Source) -> bool:
    """Say whether more is expected of a source: not of a retired one, nor of a file, which has no secret."""
    return source.stored_secret is not None and source.retired_at is None


def reading(
    session: Session, *, workspace: int, source: int, zone: ZoneInfo, now: datetime, goes_on: bool
) -> Reading:
    """Read a source's rhythm and silences from its stored tickets; `goes_on`: more is expected of it.

    Declared holidays are ordinary silence.
    """
    marked = marks(session, workspace=workspace, source=source)
    # A source that has been gone for years was alive before: without those weeks it would count as one never heard.
    latest = latest_ticket(session, workspace=workspace, source=source)
    start = min(now - LOOKED_BACK, latest or now) - LEARNED
    first = min((day_bounds(day, zone)[0] for day in marked), default=start)
    tickets = tickets_by_hour(session, workspace=workspace, source=source, since=min(start, first))
    patience_s = _patience(session, workspace, source, tickets)
    return read(
        tickets,
        start=start,
        now=now,
        zone=zone,
        marked=marked,
        goes_on=goes_on,
        patience_s=patience_s,
        quiet=goals.holidays(session, workspace=workspace, zone=zone),
    )


def _patience(session: Session, workspace: int, source: int, tickets: Mapping[datetime, int]) -> float:
    """Return how late a source's tickets usually come, in seconds: its own delay, and the pause between batches."""
    rows = _latest(session, workspace, source, 1000)
    patience = _quantile(_delays(rows), 0.95) or 0.0
    if rows:
        first = rows[-1].received_at
        is_batched = sum(count for hour, count in tickets.items() if hour >= first) > 2 * len(rows)
        pauses = [(a.received_at - b.received_at).total_seconds() for a, b in itertools.pairwise(rows)]
        patience += (_quantile(pauses, 0.95) or 0.0) if is_batched else 0.0
    return min(patience, MOST_PATIENCE.total_seconds())


def has_waiting(session: Session, *, workspace: int, source: int) -> bool:
    """Say whether deliveries of a source still wait to be read: then nobody knows yet whether it is silent."""
    query = (
        select(Delivery.id)
        .join(Work, (Work.stage == Job.INTAKE) & (Work.subject == Delivery.id))
        .where(
            Delivery.source_id == source,
            within(Delivery, workspace),
            Delivery.state == DeliveryState.OPEN,
            Work.state == WorkState.READY,
        )
    )
    return session.scalar(query.limit(1)) is not None


def write_marks(
    session: Session, *, workspace: int, source: int, wanted: Mapping[date, Mark], now: datetime
) -> set[date]:
    """Make a source's incomplete days those wanted; return which days came or went, and ask for new verdicts."""
    stood = marks(session, workspace=workspace, source=source)
    gone = stood.keys() - wanted.keys()
    if gone:
        session.execute(
            delete(SourceSilence)
            .where(
                SourceSilence.source_id == source,
                within(SourceSilence, workspace),
                SourceSilence.day.in_(gone),
            )
            .execution_options(synchronize_session=False)
        )
    rows = [
        {
            "workspace_id": workspace,
            "source_id": source,
            "day": day,
            "expected": mark.expected,
            "firm": mark.is_firm,
        }
        for day, mark in sorted(wanted.items())
        # What was expected is not told anew: it would change a little every time.
        if day not in stood or stood[day].is_firm != mark.is_firm
    ]
    insert_many(session, SourceSilence, rows, key=("source_id", "day"), update=True)
    changed = gone | (wanted.keys() - stood.keys())
    if changed:
        impact.mark_releases(session, workspace=workspace, since=min(changed), now=now)
    return changed


@dataclass(frozen=True, slots=True)
class Gaps:
    """Days that are not complete because a source was silent, by theme (0: all complaints together) and source."""

    by_theme: Mapping[int, Mapping[int, set[date]]] = field(default_factory=dict)
    names: Mapping[int, str] = field(default_factory=dict)

    @property
    def total(self) -> set[date]:
        """Return the days that are incomplete for all complaints together."""
        return self.of(impact.TOTAL)

    def of(self, theme: int, *, without: Set[int] = frozenset()) -> set[date]:
        """Return the days that are incomplete for a theme; those of sources in `without` are nothing to it."""
        found = self.by_theme.get(theme, {})
        return {day for source, days in found.items() if source not in without for day in days}

    def sources(self, theme: int, *, without: Set[int] = frozenset()) -> set[str]:
        """Return the names of the sources behind the incomplete days of a theme."""
        return {self.names[source] for source in self.by_theme.get(theme, {}) if source not in without}


def gaps(session: Session, *, workspace: int, theme: int | None = None) -> Gaps:
    """Return the incomplete days of each theme, or of one.

    A silent source leaves a theme's day incomplete if it carried at least a tenth of the theme's messages in the
    eight weeks before its silence (of all its messages, where it had none then).
    """
    rows = session.execute(
        select(SourceSilence.source_id, Source.name, SourceSilence.day)
        .join(Source, Source.id == SourceSilence.source_id)
        .where(SourceSilence.workspace_id == workspace)
        .order_by(SourceSilence.source_id, SourceSilence.day)
    ).all()
    if not rows:
        return Gaps()
    zone = ZoneInfo(get_workspace(session, workspace=workspace).time_zone)
    ever = _carried(session, workspace, theme, None)
    by_theme: dict[int, dict[int, set[date]]] = defaultdict(lambda: defaultdict(set))
    for source, days in _ranges([(source, day) for source, _, day in rows]):
        first = day_bounds(days[0], zone)[0]
        lately = _carried(session, workspace, theme, (first - USUAL, first))
        for number in ever:
            carried = lately.get(number) or ever[number]
            if carried[source] >= LEAST_SHARE * carried.total():
                by_theme[number][source].update(days)
    names = {source: name for source, name, _ in rows}
    return Gaps({number: dict(sources) for number, sources in by_theme.items()}, names)


def _ranges(marked: Sequence[tuple[int, date]]) -> list[tuple[int, list[date]]]:
    """Put days of a source that follow one another together; days without any ticket expected may lie between."""
    found: list[tuple[int, list[date]]] = []
    for source, day in marked:
        if found and found[-1][0] == source and day - found[-1][1][-1] <= _NEAR:
            found[-1][1].append(day)
        else:
            found.append((source, [day]))
    return found


def _carried(
    session: Session, workspace: int, theme: int | None, between: tuple[datetime, datetime] | None
) -> dict[int, Counter[int]]:
    """Count messages by theme (0: in a theme or in none) and source."""
    place = func.coalesce(Theme.redirect_id, Theme.id)
    conditions = [
        FeedbackItem.workspace_id == workspace,
        FeedbackItem.withdrawn.is_(False),
        FeedbackItem.excluded_by.is_(None),
    ]
    if between is not None:
        conditions += [
            FeedbackItem.ticket_created_at >= between[0],
            FeedbackItem.ticket_created_at < between[1],
        ]
    query = (
        select(place, FeedbackItem.source_id, func.count())
        .join(Assignment, Assignment.item_id == FeedbackItem.id)
        .join(Theme, Theme.id == Assignment.theme_id)
        .where(*conditions, Assignment.until_revision.is_(None))
        .group_by(place, FeedbackItem.source_id)
    )
    if theme is not None:
        query = query.where(place == theme)
    found: dict[int, Counter[int]] = defaultdict(Counter)
    for number, source, count in session.execute(query):
        found[number][source] += int(count)
    if theme is None:
        whole = select(FeedbackItem.source_id, func.count()).where(*conditions)
        for source, count in session.execute(whole.group_by(FeedbackItem.source_id)):
            found[impact.TOTAL][source] += int(count)
    return found


@dataclass(frozen=True, slots=True)
class Lag:
    """How late the latest deliveries came, in seconds: median and 95th percentile; None where nothing tells.

    vendor: from the event to its arrival; parsing: from the arrival until it was read.
    """

    vendor_median: float | None
    vendor_p95: float | None
    parsing_median: float | None
    parsing_p95: float | None


def lag(session: Session, *, workspace: int, source: int, limit: int = 1000) -> Lag:
    """Return how late a source's latest deliveries came, and how long they then waited to be read."""
    rows = _latest(session, workspace, source, limit)
    vendor = _delays(rows)
    parsing = [(done - received).total_seconds() for received, _, done in rows if done is not None]
    return Lag(
        _quantile(vendor, 0.5), _quantile(vendor, 0.95), _quantile(parsing, 0.5), _quantile(parsing, 0.95)
    )


def _latest(
    session: Session, workspace: int, source: int, limit: int
) -> Sequence[Row[datetime, datetime | None, datetime | None]]:
    """Return when the latest deliveries came, when their events happened, and when they had been read."""
    return session.execute(
        select(Delivery.received_at, Delivery.occurred_at, Work.done_at)
        .outerjoin(Work, (Work.stage == Job.INTAKE) & (Work.subject == Delivery.id) & (Work.version == 0))
        .where(Delivery.source_id == source, within(Delivery, workspace))
        .order_by(Delivery.id.desc())
        .limit(limit)
    ).all()


def _delays(rows: Sequence[Row[datetime, datetime | None, datetime | None]]) -> list[float]:
    """Return how late deliveries came, in seconds; what is older than any delay is history fetched, and not late."""
    delays = [row.received_at - row.occurred_at for row in rows if row.occurred_at is not None]
    return [delay.total_seconds() for delay in delays if delay <= MOST_PATIENCE]


def _quantile(seconds: Sequence[float], share: float) -> float | None:
    """Return the smallest value that at least a share of all does not exceed; clocks that differ give no negative."""
    ordered = sorted(max(each, 0.0) for each in seconds)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)] if ordered else None


def latest_ticket(session: Session, *, workspace: int, source: int) -> datetime | None:
    """Return when a source's last ticket was opened; deleted ones count, as in `tickets_by_hour`."""
    return session.scalar(
        select(func.max(FeedbackItem.ticket_created_at)).where(
            FeedbackItem.source_id == source,
            within(FeedbackItem, workspace),
            FeedbackItem.message_id != _TOMBSTONE,
        )
    )


def latest_delivery(session: Session, *, workspace: int, source: int) -> datetime | None:
    """Return when a source's last delivery came."""
    return session.scalar(
        select(Delivery.received_at)
        .where(Delivery.source_id == source, within(Delivery, workspace))
        .order_by(Delivery.id.desc())
        .limit(1)
    )
