"""Daily counts: recomputed from assignments whenever something under them changed, never incremented."""

from collections import defaultdict
from collections.abc import Iterable, Sequence, Set
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import delete, or_, select
from sqlalchemy.orm import Session

from models.jobs import Job
from models.queries import work
from models.queries.counting import COUNTED, decide, first_complaints, relaying_sources
from models.queries.within import within
from models.records import Assignment, DailyCount, FeedbackItem, Theme, ThemeState

ALL = "all"


def day_bounds(day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Return the half-open UTC bounds of a calendar day in a time zone."""
    start = datetime.combine(day, time.min, zone)
    end = datetime.combine(day + timedelta(days=1), time.min, zone)
    return start.astimezone(UTC), end.astimezone(UTC)


def mark(
    session: Session, *, workspace: int, pairs: Iterable[tuple[int, datetime]], zone: ZoneInfo, now: datetime
) -> None:
    """Mark the (theme, day of ticket creation) pairs whose counts must be recomputed."""
    days = {(theme, moment.astimezone(zone).date().toordinal()) for theme, moment in pairs}
    work.mark_pieces_dirty(session, workspace=workspace, stage=Job.COUNT, pieces=sorted(days), run_at=now)


def recompute(session: Session, *, workspace: int, theme: int, days: Set[date], zone: ZoneInfo) -> None:
    """Write a theme's counts of some days, whole and by plan, and which of its items are counted.

    Counted is the first complaint of a person on the theme in a ticket; a theme that was merged has none, and in one
    that was dismissed nothing counts. A theme that the workspace does not have changes nothing.
    """
    # One worker at a time for a theme: of two that recompute the same day, the later one must see the newer state.
    row = session.scalar(
        select(Theme)
        .where(Theme.id == theme, Theme.workspace_id == workspace)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    if row is None:
        return
    session.execute(
        delete(DailyCount).where(
            DailyCount.theme_id == theme, within(DailyCount, workspace), DailyCount.day.in_(days)
        )
    )
    if row.state is ThemeState.MERGED:
        return
    relaying = relaying_sources(session, workspace=workspace)
    by_day: dict[date, list[FeedbackItem]] = defaultdict(list)
    for item in _items_between(session, workspace, theme, min(days), max(days), zone):
        by_day[item.ticket_created_at.astimezone(zone).date()].append(item)
    for day in sorted(days & by_day.keys()):
        items = by_day[day]
        is_noise = row.state is ThemeState.DISMISSED
        counted = _mark_counted(items, relaying, is_noise=is_noise)
        if not is_noise:
            session.add_all(_rows(workspace, theme, day, items, counted))


def _rows(
    workspace: int, theme: int, day: date, items: Sequence[FeedbackItem], counted: Set[int]
) -> list[DailyCount]:
    groups: dict[str, list[FeedbackItem]] = defaultdict(list)
    for item in items:
        groups[ALL].append(item)
        if item.plan:
            groups[f"plan:{item.plan}"[:100]].append(item)
    return [
        DailyCount(
            workspace_id=workspace,
            theme_id=theme,
            day=day,
            segment=segment,
            complaints=sum(item.id in counted for item in members),
            items=len(members),
            people=len({item.person_id or -item.id for item in members if item.id in counted}),
        )
        for segment, members in groups.items()
    ]


def _items_between(
    session: Session, workspace: int, theme: int, first: date, last: date, zone: ZoneInfo
) -> list[FeedbackItem]:
    query = (
        select(FeedbackItem)
        .join(Assignment, Assignment.item_id == FeedbackItem.id)
        .join(Theme, Theme.id == Assignment.theme_id)
        .where(
            FeedbackItem.workspace_id == workspace,
            FeedbackItem.ticket_created_at >= day_bounds(first, zone)[0],
            FeedbackItem.ticket_created_at < day_bounds(last, zone)[1],
            FeedbackItem.withdrawn.is_(False),
            FeedbackItem.excluded_by.is_(None),
            Assignment.until_revision.is_(None),
            or_(Theme.id == theme, Theme.redirect_id == theme),
        )
        .order_by(FeedbackItem.created_at, FeedbackItem.message_id)
    )
    return list(session.scalars(query))


def _mark_counted(items: Sequence[FeedbackItem], relaying: Set[int], *, is_noise: bool) -> set[int]:
    decided = {} if is_noise else decide(items, relaying)
    counted = {item for item, why in decided.items() if why == COUNTED}
    for item in items:
        if item.counted != (item.id in counted):
            item.counted = item.id in counted
    return counted


def daily(
    session: Session, *, workspace: int, themes: Sequence[int] | None = None, segment: str = ALL
) -> dict[int, dict[date, int]]:
    """Return complaints by theme and day."""
    query = select(DailyCount.theme_id, DailyCount.day, DailyCount.complaints).where(
        DailyCount.workspace_id == workspace, DailyCount.segment == segment
    )
    if themes is not None:
        query = query.where(DailyCount.theme_id.in_(themes))
    found: dict[int, dict[date, int]] = defaultdict(dict)
    for theme, day, complaints in session.execute(query):
        found[theme][day] = complaints
    return found


def daily_of(
    session: Session, *, workspace: int, theme: int, segment: str
) -> tuple[dict[date, int], dict[date, int]]:
    """Return a theme's complaints and people by day, in one segment."""
    rows = session.execute(
        select(DailyCount.day, DailyCount.complaints, DailyCount.people).where(
            DailyCount.theme_id == theme, within(DailyCount, workspace), DailyCount.segment == segment
        )
    ).all()
    return {day: complaints for day, complaints, _ in rows}, {day: people for day, _, people in rows}


def totals(session: Session, *, workspace: int, zone: ZoneInfo, segment: str = ALL) -> dict[date, int]:
    """Return all complaints by day, in a theme or in none, each person counted once in a ticket."""
    plan = None if segment == ALL else segment.removeprefix("plan:")
    relaying = relaying_sources(session, workspace=workspace)
    found: dict[date, int] = defaultdict(int)
    for _, moment in session.execute(first_complaints(workspace, relaying, plan=plan)):
        found[moment.astimezone(zone).date()] += 1
    return found
