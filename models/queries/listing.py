"""Reading feedback: filters, full-text search, pages."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session, aliased

from models.queries import search
from models.queries.within import within
from models.records import Assignment, FeedbackItem, Theme
from models.values.kinds import Kind


@dataclass(frozen=True, slots=True)
class FeedbackFilter:
    """What to list; every part that is None leaves that part open. `until` is exclusive."""

    source: int | None = None
    external_id: str | None = None
    theme: int | None = None
    kind: Kind | None = None
    words: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    counted: bool | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page ended: the newest-first order is (created_at, id)."""

    created_at: datetime
    item: int


def list_feedback(
    session: Session, *, workspace: int, where: FeedbackFilter, after: Place | None, limit: int
) -> list[tuple[FeedbackItem, int | None]]:
    """List items with the id of their theme (redirects followed), newest first."""
    active = aliased(Theme)
    theme_id = func.coalesce(active.redirect_id, active.id)
    query = (
        select(FeedbackItem, theme_id)
        .outerjoin(
            Assignment,
            and_(Assignment.item_id == FeedbackItem.id, Assignment.until_revision.is_(None)),
        )
        .outerjoin(active, active.id == Assignment.theme_id)
        .where(
            FeedbackItem.workspace_id == workspace,
            FeedbackItem.withdrawn.is_(False),
            FeedbackItem.erased_at.is_(None),
        )
    )
    conditions = [
        where.source is not None and FeedbackItem.source_id == where.source,
        where.external_id is not None and FeedbackItem.external_id == where.external_id,
        # An old id of a theme that was merged means the theme that stands for it.
        where.theme is not None
        and theme_id
        == select(func.coalesce(Theme.redirect_id, Theme.id))
        .where(Theme.id == where.theme, Theme.workspace_id == workspace)
        .scalar_subquery(),
        where.kind is not None and FeedbackItem.kind == where.kind,
        where.counted is not None and FeedbackItem.counted.is_(bool(where.counted)),
        where.since is not None and FeedbackItem.created_at >= where.since,
        where.until is not None and FeedbackItem.created_at < where.until,
        where.words is not None and search.matches(session, workspace=workspace, query=where.words),
        after is not None
        and or_(
            FeedbackItem.created_at < after.created_at,
            and_(FeedbackItem.created_at == after.created_at, FeedbackItem.id < after.item),
        ),
    ]
    query = query.where(*[condition for condition in conditions if condition is not False])
    order = (FeedbackItem.created_at.desc(), FeedbackItem.id.desc())
    return [(item, theme) for item, theme in session.execute(query.order_by(*order).limit(limit))]


def themes_of(session: Session, *, workspace: int, items: Sequence[int]) -> dict[int, int]:
    """Map items to their themes, redirects followed; items without a theme are left out."""
    rows = session.execute(
        select(Assignment.item_id, func.coalesce(Theme.redirect_id, Theme.id))
        .join(Theme, Theme.id == Assignment.theme_id)
        .where(
            Assignment.item_id.in_(items),
            within(Assignment, workspace),
            Assignment.until_revision.is_(None),
        )
    )
    return {item: theme for item, theme in rows}
