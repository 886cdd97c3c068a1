"""Reading themes: their numbers, quotes, log, accounts."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, Integer, Select, and_, cast, func, or_, select
from sqlalchemy.orm import Session, aliased

from models.queries.within import within
from models.records import (
    Account,
    Assignment,
    DailyCount,
    Feature,
    FeedbackItem,
    JsonObject,
    Link,
    LinkState,
    Release,
    Theme,
    ThemeAct,
    ThemeEvent,
    ThemeQuote,
    ThemeState,
)
from models.values.kinds import Kind


@dataclass(frozen=True, slots=True)
class ThemeNumbers:
    """A theme's items of every kind, its counted complaints, and those of the recent days."""

    items: int = 0
    complaints: int = 0
    recent: int = 0


@dataclass(frozen=True, slots=True)
class QuoteTotals:
    """Counted complaints, the items folded beneath them, and items whose text is gone."""

    complaints: int
    folded: int
    gone: int


@dataclass(frozen=True, slots=True)
class AccountComplaints:
    """What one account complained about a theme."""

    account_id: str
    name: str | None
    plan: str | None
    arr_usd: float | None
    complaints: int
    people: int
    last_at: datetime


def numbers_of(
    session: Session, *, workspace: int, recent_since: date, theme: int | None = None
) -> dict[int, ThemeNumbers]:
    """Return every theme's numbers from its daily counts; themes without any have zeros."""
    recent = func.sum(cast(DailyCount.day >= recent_since, Integer) * DailyCount.complaints)
    query = (
        select(Theme.id, func.sum(DailyCount.items), func.sum(DailyCount.complaints), recent)
        .outerjoin(DailyCount, (DailyCount.theme_id == Theme.id) & (DailyCount.segment == "all"))
        .where(Theme.workspace_id == workspace)
        .group_by(Theme.id)
    )
    if theme is not None:
        query = query.where(Theme.id == theme)
    return {
        row: ThemeNumbers(int(items or 0), int(complaints or 0), int(late or 0))
        for row, items, complaints, late in session.execute(query)
    }


def list_themes(
    session: Session, *, workspace: int, state: ThemeState, words: str | None, recent_since: date
) -> list[tuple[Theme, ThemeNumbers]]:
    """List themes in a state whose label or keywords hold the words, busiest first."""
    rows = session.scalars(select(Theme).where(Theme.workspace_id == workspace, Theme.state == state))
    numbers = numbers_of(session, workspace=workspace, recent_since=recent_since)
    wanted = (words or "").lower().split()
    found = [
        (row, numbers[row.id])
        for row in rows
        if all(word in f"{row.label or ''} {' '.join(row.keywords)}".lower() for word in wanted)
    ]
    return sorted(found, key=lambda each: (-each[1].recent, -each[1].complaints, each[0].id))


def _stands_for(workspace: int, theme: int) -> ColumnElement[bool]:
    """Build the condition "a theme of the workspace that is this one, or was merged into it"."""
    return and_(Theme.workspace_id == workspace, or_(Theme.id == theme, Theme.redirect_id == theme))


def _members(workspace: int, theme: int) -> Select[FeedbackItem]:
    return (
        select(FeedbackItem)
        .join(Assignment, Assignment.item_id == FeedbackItem.id)
        .join(Theme, Theme.id == Assignment.theme_id)
        .where(_stands_for(workspace, theme), Assignment.until_revision.is_(None))
    )


def kinds_of(session: Session, *, workspace: int, theme: int) -> dict[Kind, int]:
    """Count a theme's items by kind."""
    rows = session.execute(
        _members(workspace, theme)
        .where(FeedbackItem.withdrawn.is_(False), FeedbackItem.kind.is_not(None))
        .with_only_columns(FeedbackItem.kind, func.count())
        .group_by(FeedbackItem.kind)
    )
    return {kind: count for kind, count in rows if kind is not None}


def spans(session: Session, *, workspace: int, theme: int) -> list[JsonObject]:
    """Return a theme's quotes as item ids and spans, nearest first."""
    rows = session.scalars(
        select(ThemeQuote)
        .where(ThemeQuote.theme_id == theme, within(ThemeQuote, workspace))
        .order_by(ThemeQuote.rank)
    )
    return [{"item": row.item_id, "start": row.start, "end": row.end} for row in rows]


def quote_totals(session: Session, *, workspace: int, theme: int) -> QuoteTotals:
    """Count what a theme's quotes are drawn from."""
    items, counted = session.execute(
        _members(workspace, theme)
        .where(FeedbackItem.withdrawn.is_(False), FeedbackItem.erased_at.is_(None))
        .with_only_columns(func.count(), func.sum(cast(FeedbackItem.counted, Integer)))
    ).one()
    gone = session.scalar(
        select(func.count(func.distinct(Assignment.item_id)))
        .join(FeedbackItem, FeedbackItem.id == Assignment.item_id)
        .join(Theme, Theme.id == Assignment.theme_id)
        .where(
            _stands_for(workspace, theme),
            or_(FeedbackItem.withdrawn.is_(True), FeedbackItem.erased_at.is_not(None)),
        )
    )
    return QuoteTotals(int(counted or 0), int(items) - int(counted or 0), int(gone or 0))


def releases_of(session: Session, *, workspace: int, theme: int) -> list[int]:
    """Return the releases with a confirmed link to a theme, newest first."""
    linked = aliased(Theme)
    rows = session.scalars(
        select(Release.id)
        .join(Feature, Feature.release_id == Release.id)
        .join(Link, Link.feature_id == Feature.id)
        .join(linked, linked.id == Link.theme_id)
        .where(
            Release.workspace_id == workspace,
            Link.state == LinkState.CONFIRMED,
            or_(linked.id == theme, linked.redirect_id == theme),
        )
        .order_by(Release.released_at.desc())
    )
    return list(dict.fromkeys(rows))


def events_of(session: Session, *, workspace: int, theme: int) -> list[ThemeEvent]:
    """Return a theme's log, oldest first."""
    return list(
        session.scalars(
            select(ThemeEvent)
            .where(
                ThemeEvent.workspace_id == workspace,
                or_(ThemeEvent.theme_id == theme, ThemeEvent.other_theme_id == theme),
            )
            .order_by(ThemeEvent.id)
        )
    )


def actors_of(session: Session, *, workspace: int, events: Sequence[ThemeEvent]) -> dict[int, str]:
    """Map the acts behind entries of a log to who did them."""
    acts = [event.act_id for event in events if event.act_id is not None]
    rows = session.execute(
        select(ThemeAct.id, ThemeAct.actor).where(ThemeAct.id.in_(acts), within(ThemeAct, workspace))
    )
    return {act: actor for act, actor in rows}


def merged_into(session: Session, *, workspace: int, theme: int) -> list[int]:
    """Return the themes that a theme stands for."""
    query = select(Theme.id).where(Theme.workspace_id == workspace, Theme.redirect_id == theme)
    return list(session.scalars(query.order_by(Theme.id)))


def accounts_of(session: Session, *, workspace: int, theme: int) -> list[AccountComplaints]:
    """Return the accounts with counted complaints on a theme, most complaints first."""
    count = func.count()
    rows = session.execute(
        _members(workspace, theme)
        .where(FeedbackItem.counted.is_(True), FeedbackItem.account_key.is_not(None))
        .with_only_columns(
            FeedbackItem.account_key,
            count,
            func.count(func.distinct(FeedbackItem.person_id)),
            func.max(FeedbackItem.created_at),
        )
        .group_by(FeedbackItem.account_key)
        .order_by(count.desc(), FeedbackItem.account_key)
    ).all()
    known = _accounts(session, workspace, [key for key, *_ in rows if key])
    found = []
    for key, complaints, people, last_at in rows:
        if key is None:
            continue
        account = known.get(key)
        found.append(
            AccountComplaints(
                account_id=key,
                name=account.name if account else None,
                plan=account.plan if account else None,
                arr_usd=account.arr_usd if account else None,
                complaints=complaints,
                people=people,
                last_at=last_at,
            )
        )
    return found


def _accounts(session: Session, workspace: int, keys: Iterable[str]) -> dict[str, Account]:
    rows = session.scalars(
        select(Account).where(Account.workspace_id == workspace, Account.key.in_(list(keys)))
    )
    return {row.key: row for row in rows}
