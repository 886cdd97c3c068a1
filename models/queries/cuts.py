"""A theme's messages cut by source, channel, kind or plan, from the assignments of today's theme revision.

Daily counts are stored whole and by plan; other cuts are made when they are asked for, over all the past alike.
"""

from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from models.queries.counting import eligible, first_of_each_person, relaying_sources
from models.queries.counts import ALL, day_bounds
from models.records import Account, Assignment, FeedbackItem, Theme
from models.values.kinds import Kind


@dataclass(frozen=True, slots=True)
class Cut:
    """What part of a theme's messages to read; None: no matter which. Segments are named as in daily counts."""

    segment: str = ALL
    source: int | None = None
    channel: str | None = None
    kind: Kind = Kind.COMPLAINT

    @property
    def is_stored(self) -> bool:
        """Say whether daily counts hold this cut."""
        return self.source is None and self.channel is None and self.kind is Kind.COMPLAINT


@dataclass(frozen=True, slots=True)
class Voice:
    """Who was counted on a day: the person (below 0: nobody known), the account and its ARR in US dollars, if known.

    count: messages of that person that count on that day, one a ticket.
    """

    day: date
    person: int
    account: str | None
    arr_usd: float | None
    count: int


def voices(
    session: Session, *, workspace: int, theme: int, cut: Cut, zone: ZoneInfo, since: date, until: date
) -> list[Voice]:
    """Return who is counted on a theme in a cut, between two days of ticket creation (half-open).

    Counted is the first message of the kind of each person in a ticket, as for complaints (docs/counting.md).
    """
    relaying = relaying_sources(session, workspace=workspace)
    firsts = first_of_each_person(
        eligible(workspace, relaying, cut.kind, is_narrow=True),
        FeedbackItem.ticket_created_at >= day_bounds(since, zone)[0],
        FeedbackItem.ticket_created_at < day_bounds(until, zone)[0],
        _is_in(workspace, theme),
    ).subquery()
    person = func.coalesce(FeedbackItem.person_id, -FeedbackItem.id)
    who = (firsts.c.at, person, FeedbackItem.account_key, Account.arr_usd)
    query = (
        select(*who, func.count())
        .join(FeedbackItem, FeedbackItem.id == firsts.c.id)
        .outerjoin(Account, and_(Account.workspace_id == workspace, Account.key == FeedbackItem.account_key))
        .where(*_conditions(cut))
        .group_by(*who)
        .order_by(firsts.c.at, person)
    )
    return [
        Voice(at.astimezone(zone).date(), number, account, arr, count)
        for at, number, account, arr, count in session.execute(query)
    ]


def _is_in(workspace: int, theme: int) -> ColumnElement[bool]:
    """Build the condition "is in the theme today", or in one that was merged into it."""
    members = (
        select(Assignment.item_id)
        .join(Theme, Theme.id == Assignment.theme_id)
        .where(
            Theme.workspace_id == workspace,
            or_(Theme.id == theme, Theme.redirect_id == theme),
            Assignment.until_revision.is_(None),
        )
    )
    return FeedbackItem.id.in_(members)


def _conditions(cut: Cut) -> list[ColumnElement[bool]]:
    found = []
    if cut.segment != ALL:
        found.append(FeedbackItem.plan == cut.segment.removeprefix("plan:"))
    if cut.source is not None:
        found.append(FeedbackItem.source_id == cut.source)
    if cut.channel is not None:
        found.append(FeedbackItem.channel == cut.channel)
    return found
