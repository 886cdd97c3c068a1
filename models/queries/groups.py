"""Who stands behind a theme: what decides how much of it callers hear who may see aggregates only."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.queries.counting import eligible, relaying_sources
from models.queries.counts import ALL
from models.queries.within import within
from models.records import Assignment, DailyCount, FeedbackItem, Theme


def people_by_theme(session: Session, *, workspace: int, theme: int | None = None) -> dict[int, int]:
    """Count the distinct persons with a counted complaint, by the theme that stands today.

    Themes without are missing. An item of nobody known counts as a person of its own, as in the daily counts.
    """
    standing = func.coalesce(Theme.redirect_id, Theme.id)
    person = func.coalesce(FeedbackItem.person_id, -FeedbackItem.id)
    query = (
        select(standing, func.count(func.distinct(person)))
        .join(Assignment, Assignment.theme_id == Theme.id)
        .join(FeedbackItem, FeedbackItem.id == Assignment.item_id)
        .where(
            Theme.workspace_id == workspace,
            Assignment.until_revision.is_(None),
            FeedbackItem.counted.is_(True),
            FeedbackItem.withdrawn.is_(False),
        )
        .group_by(standing)
    )
    if theme is not None:
        query = query.where(standing == theme)
    return {number: people for number, people in session.execute(query)}


def count_people(session: Session, *, workspace: int) -> int:
    """Count the distinct persons with a complaint, in a theme or in none; who is nobody known counts by the item."""
    person = func.coalesce(FeedbackItem.person_id, -FeedbackItem.id)
    query = select(func.count(func.distinct(person))).where(
        eligible(workspace, relaying_sources(session, workspace=workspace))
    )
    return int(session.scalar(query) or 0)


def segments_of(session: Session, *, workspace: int, theme: int) -> list[str]:
    """Return the segments in which a theme has daily counts, without `all`, in order of name."""
    query = select(DailyCount.segment).where(
        DailyCount.theme_id == theme, within(DailyCount, workspace), DailyCount.segment != ALL
    )
    return list(session.scalars(query.distinct().order_by(DailyCount.segment)))
