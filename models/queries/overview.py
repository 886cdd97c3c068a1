"""What the console reads: volumes, verdicts in brief, looks that are due, sources, key results."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session, aliased

from models.jobs import Job, WorkState
from models.queries.counting import first_complaints, relaying_sources
from models.queries.counts import ALL
from models.records import (
    DailyCount,
    Delivery,
    Feature,
    FeedbackItem,
    KeyResult,
    Link,
    LinkState,
    Metric,
    Observation,
    Release,
    Source,
    Theme,
    ThemeState,
    Verdict,
    Work,
)
from models.values.verdicts import Grade, Word


def complaints_by_day(
    session: Session, *, workspace: int, zone: ZoneInfo, since: datetime
) -> dict[date, int]:
    """Return all complaints by day of ticket creation from `since` on, each person once in a ticket."""
    relaying = relaying_sources(session, workspace=workspace)
    found: dict[date, int] = defaultdict(int)
    for _, moment in session.execute(first_complaints(workspace, relaying, since=since)):
        found[moment.astimezone(zone).date()] += 1
    return dict(found)


def theme_days(
    session: Session, *, workspace: int, since: date, theme: int | None = None
) -> dict[int, dict[date, int]]:
    """Return complaints by theme and day from `since` on."""
    query = select(DailyCount.theme_id, DailyCount.day, DailyCount.complaints).where(
        DailyCount.workspace_id == workspace, DailyCount.segment == ALL, DailyCount.day >= since
    )
    if theme is not None:
        query = query.where(DailyCount.theme_id == theme)
    found: dict[int, dict[date, int]] = defaultdict(dict)
    for number, day, complaints in session.execute(query):
        found[number][day] = complaints
    return dict(found)


@dataclass(frozen=True, slots=True)
class ThemeSize:
    """All that a theme holds: counted complaints, messages of every kind, first and last day."""

    complaints: int
    items: int
    first: date
    last: date


def theme_sizes(session: Session, *, workspace: int) -> dict[int, ThemeSize]:
    """Return the size of every theme that has counts."""
    rows = session.execute(
        select(
            DailyCount.theme_id,
            func.sum(DailyCount.complaints),
            func.sum(DailyCount.items),
            func.min(DailyCount.day),
            func.max(DailyCount.day),
        )
        .where(DailyCount.workspace_id == workspace, DailyCount.segment == ALL)
        .group_by(DailyCount.theme_id)
    )
    return {theme: ThemeSize(int(c), int(i), first, last) for theme, c, i, first, last in rows}


@dataclass(frozen=True, slots=True)
class VerdictLine:
    """A verdict without its chart, checks and quotes: what a table row shows."""

    release_id: int
    theme_key: int
    look: int
    word: Word
    grade: Grade
    effect: float | None
    low: float | None
    high: float | None
    expected: float | None
    bound: float | None
    mde: float | None
    judgeable_on: date | None
    reasons: tuple[str, ...]
    read_through: date


_LINE = (
    Verdict.release_id,
    Verdict.theme_key,
    Verdict.look,
    Verdict.word,
    Verdict.grade,
    Verdict.effect,
    Verdict.low,
    Verdict.high,
    Verdict.expected,
    Verdict.bound,
    Verdict.mde,
    Verdict.judgeable_on,
    Verdict.reasons,
    Verdict.read_through,
)


def verdict_lines(
    session: Session, *, workspace: int, releases: Sequence[int] | None = None, theme: int | None = None
) -> list[VerdictLine]:
    """Return, for each release, theme and look, what was said last, in order of look."""
    query = select(*_LINE).where(Verdict.workspace_id == workspace, Verdict.segment == ALL)
    if releases is not None:
        query = query.where(Verdict.release_id.in_(releases))
    if theme is not None:
        query = query.where(Verdict.theme_key == theme)
    latest: dict[tuple[int, int, int], VerdictLine] = {}
    for row in session.execute(query.order_by(Verdict.look, Verdict.id)):
        values = row._asdict()
        line = VerdictLine(**{**values, "reasons": tuple(values["reasons"])})
        latest[line.release_id, line.theme_key, line.look] = line
    return list(latest.values())


@dataclass(frozen=True, slots=True)
class NextLook:
    """A reading that is planned: which release, which look, when."""

    release: Release
    number: int
    due_at: datetime


def next_looks(
    session: Session, *, workspace: int, now: datetime, limit: int, release: int | None = None
) -> list[NextLook]:
    """Return the looks that are planned after `now`, soonest first; with `release`, that release's only."""
    query = (
        select(Release, Work.version, Work.run_at)
        .join(Work, and_(Work.subject == Release.id, Work.stage == Job.MEASURE))
        .where(
            Release.workspace_id == workspace,
            Work.state == WorkState.READY,
            Work.version > 0,
            Work.run_at > now,
        )
        .order_by(Work.run_at, Release.id)
    )
    if release is not None:
        query = query.where(Release.id == release)
    return [NextLook(*row) for row in session.execute(query.limit(limit))]


@dataclass(frozen=True, slots=True)
class SourceState:
    """A source, what it sent last, and how many messages of it are stored."""

    id: int
    name: str
    kind: str
    last_delivery_at: datetime | None
    items: int
    rejected: int
    retired_at: datetime | None


def source_states(session: Session, *, workspace: int) -> list[SourceState]:
    """Return every source with what it sent, oldest source first."""
    items = {
        source: count
        for source, count in session.execute(
            select(FeedbackItem.source_id, func.count())
            .where(FeedbackItem.workspace_id == workspace, FeedbackItem.withdrawn.is_(False))
            .group_by(FeedbackItem.source_id)
        )
    }
    last = (
        select(Delivery.source_id, func.max(Delivery.received_at).label("at"))
        .where(Delivery.workspace_id == workspace)
        .group_by(Delivery.source_id)
        .subquery()
    )
    rows = session.execute(
        select(Source, last.c.at)
        .outerjoin(last, last.c.source_id == Source.id)
        .where(Source.workspace_id == workspace)
        .order_by(Source.id)
    )
    return [
        SourceState(s.id, s.name, s.kind, _aware(at), items.get(s.id, 0), s.rejected_count, s.retired_at)
        for s, at in rows
    ]


def _aware(moment: datetime | None) -> datetime | None:
    """Give a moment its zone back where an aggregate lost the column's type."""
    return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment


@dataclass(frozen=True, slots=True)
class KeyResultState:
    """A key result and the newest value of its metric."""

    row: KeyResult
    metric_name: str | None
    latest: float | None
    latest_at: datetime | None


def key_result_states(session: Session, *, workspace: int) -> list[KeyResultState]:
    """Return every key result with its newest observation, in order of id."""
    newest = (
        select(Observation.metric_id, func.max(Observation.at).label("at"))
        .where(Observation.workspace_id == workspace, Observation.segment == ALL)
        .group_by(Observation.metric_id)
        .subquery()
    )
    rows = session.execute(
        select(KeyResult, Metric.name, Observation.value, Observation.at)
        .outerjoin(Metric, Metric.id == KeyResult.metric_id)
        .outerjoin(newest, newest.c.metric_id == KeyResult.metric_id)
        .outerjoin(
            Observation,
            and_(
                Observation.metric_id == newest.c.metric_id,
                Observation.at == newest.c.at,
                Observation.segment == ALL,
            ),
        )
        .where(KeyResult.workspace_id == workspace)
        .order_by(KeyResult.id)
    )
    return [KeyResultState(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class LinkedRelease:
    """A release whose feature is linked to a theme."""

    link: Link
    feature: Feature
    release: Release | None
    theme_id: int


def linked_releases(
    session: Session, *, workspace: int, theme: int | None = None, releases: Sequence[int] | None = None
) -> list[LinkedRelease]:
    """Return links that were not rejected, with feature and release, redirects of themes followed.

    Of themes that were called noise only when one is asked for.
    """
    standing = aliased(Theme)
    theme_id = func.coalesce(Theme.redirect_id, Theme.id)
    query = (
        select(Link, Feature, Release, theme_id)
        .join(Feature, Feature.id == Link.feature_id)
        .join(Theme, Theme.id == Link.theme_id)
        .outerjoin(Release, Release.id == Feature.release_id)
        .where(Link.workspace_id == workspace, Link.state != LinkState.REJECTED)
        .order_by(Release.released_at, Link.id)
    )
    if theme is not None:
        query = query.where(theme_id == theme)
    else:
        query = query.join(standing, standing.id == theme_id).where(standing.state != ThemeState.DISMISSED)
    if releases is not None:
        query = query.where(Feature.release_id.in_(releases))
    return [LinkedRelease(*row) for row in session.execute(query)]


def theme_labels(session: Session, *, workspace: int) -> dict[int, str | None]:
    """Map every theme, merged ones too, to its label."""
    rows = session.execute(select(Theme.id, Theme.label).where(Theme.workspace_id == workspace))
    return {theme: label for theme, label in rows}
