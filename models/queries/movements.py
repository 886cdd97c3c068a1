"""What trends of all themes stand on besides daily counts: where complaints lie, and who decided their kind."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Integer, cast, exists, func, select
from sqlalchemy.orm import Session

from models.queries.counting import first_complaints, relaying_sources
from models.records import Assignment, FeedbackItem, Theme
from models.values.feedback import THEMED_LANGUAGES
from models.values.kinds import Kind


@dataclass(frozen=True, slots=True)
class Places:
    """Complaints of a time, each person once in a ticket; of them those in no theme, and in unsupported languages.

    The latter are among the former: the model that places messages does not know their language.
    """

    complaints: int
    unassigned: int
    unsupported: int


def count_places(
    session: Session, *, workspace: int, start: datetime, end: datetime, plan: str | None = None
) -> Places:
    """Count the complaints of a half-open time by whether they lie in a theme today, whole or of one plan."""
    relaying = relaying_sources(session, workspace=workspace)
    firsts = first_complaints(workspace, relaying, since=start, plan=plan).subquery()
    is_placed = exists().where(Assignment.item_id == FeedbackItem.id, Assignment.until_revision.is_(None))
    foreign = FeedbackItem.language.not_in(THEMED_LANGUAGES)
    complaints, unassigned, unsupported = session.execute(
        select(func.count(), func.sum(cast(~is_placed, Integer)), func.sum(cast(foreign, Integer)))
        .select_from(firsts)
        .join(FeedbackItem, FeedbackItem.id == firsts.c.id)
        .where(firsts.c.at < end)
    ).one()
    return Places(int(complaints), int(unassigned or 0), int(unsupported or 0))


def kind_versions(
    session: Session, *, workspace: int, start: datetime, end: datetime
) -> dict[int, dict[str, int]]:
    """Count the complaints of a half-open time by the theme that stands today and the version that decided them."""
    standing = func.coalesce(Theme.redirect_id, Theme.id)
    query = (
        select(standing, FeedbackItem.kind_version, func.count())
        .join(Assignment, Assignment.theme_id == Theme.id)
        .join(FeedbackItem, FeedbackItem.id == Assignment.item_id)
        .where(
            Theme.workspace_id == workspace,
            Assignment.until_revision.is_(None),
            FeedbackItem.kind == Kind.COMPLAINT,
            FeedbackItem.kind_version.is_not(None),
            FeedbackItem.withdrawn.is_(False),
            FeedbackItem.ticket_created_at >= start,
            FeedbackItem.ticket_created_at < end,
        )
        .group_by(standing, FeedbackItem.kind_version)
    )
    found: dict[int, dict[str, int]] = defaultdict(dict)
    for theme, version, count in session.execute(query):
        if version is not None:
            found[theme][version] = int(count)
    return dict(found)
