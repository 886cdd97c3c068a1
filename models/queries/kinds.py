"""Which classifier decided the kinds of items: what an older one decided, and who decided in a span of time."""

from datetime import datetime

from sqlalchemy import exists, func, or_, select
from sqlalchemy.orm import Session

from models.jobs import Job, WorkState
from models.queries import work
from models.records import Assignment, FeedbackItem, Theme, Work
from models.values.kinds import Kind


def decide_again(session: Session, *, workspace: int, kind_version: str, now: datetime, limit: int) -> int:
    """Ask for the kinds of at most `limit` items that another version decided; return of how many."""
    asked = exists().where(
        Work.stage == Job.EMBED,
        Work.subject == FeedbackItem.id,
        Work.version == FeedbackItem.version,
        Work.state.in_((WorkState.READY, WorkState.DEAD)),
    )
    rows = session.execute(
        select(FeedbackItem.id, FeedbackItem.version)
        .where(
            FeedbackItem.workspace_id == workspace,
            FeedbackItem.withdrawn.is_(False),
            FeedbackItem.kind_version != kind_version,
            ~asked,
        )
        .order_by(FeedbackItem.id)
        .limit(limit)
    ).all()
    for item, version in rows:
        work.mark_dirty(
            session, workspace=workspace, stage=Job.EMBED, subject=item, version=version, run_at=now
        )
    return len(rows)


def is_mixed(session: Session, *, workspace: int) -> bool:
    """Say whether items of the workspace were decided by more than one version."""
    of_workspace = FeedbackItem.workspace_id == workspace
    # Two looks into the index, where counting would read all of it.
    lowest = session.scalar(select(func.min(FeedbackItem.kind_version)).where(of_workspace))
    highest = session.scalar(select(func.max(FeedbackItem.kind_version)).where(of_workspace))
    return lowest != highest


def versions_between(
    session: Session, *, workspace: int, theme: int | None, start: datetime, end: datetime
) -> dict[str, int]:
    """Count a theme's complaints (None: all complaints) of a half-open time by the version that decided them."""
    query = (
        select(FeedbackItem.kind_version, func.count())
        .where(
            FeedbackItem.workspace_id == workspace,
            FeedbackItem.kind == Kind.COMPLAINT,
            FeedbackItem.kind_version.is_not(None),
            FeedbackItem.withdrawn.is_(False),
            FeedbackItem.ticket_created_at >= start,
            FeedbackItem.ticket_created_at < end,
        )
        .group_by(FeedbackItem.kind_version)
    )
    if theme is not None:
        query = (
            query.join(Assignment, Assignment.item_id == FeedbackItem.id)
            .join(Theme, Theme.id == Assignment.theme_id)
            .where(
                Assignment.until_revision.is_(None),
                or_(Theme.id == theme, Theme.redirect_id == theme),
            )
        )
    return {version: count for version, count in session.execute(query) if version is not None}
