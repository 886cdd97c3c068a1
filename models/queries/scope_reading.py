"""Reading rules of scope: their history, what they leave out, deliveries to try them on, and what verdicts ask."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from models.jobs import Job, WorkState
from models.queries.within import within
from models.records import Delivery, FeedbackItem, Source, SourceRules, Work


def history(session: Session, *, workspace: int, source: int, limit: int = 50) -> list[SourceRules]:
    """Return the revisions of a source's rules, newest first."""
    query = select(SourceRules).where(SourceRules.source_id == source, within(SourceRules, workspace))
    return list(session.scalars(query.order_by(SourceRules.revision.desc()).limit(limit)))


def deliveries_after(
    session: Session, *, workspace: int, source: int, after: int, limit: int
) -> list[Delivery]:
    """Return a source's deliveries in the order they came, those after `after`."""
    query = select(Delivery).where(
        Delivery.source_id == source, within(Delivery, workspace), Delivery.id > after
    )
    return list(session.scalars(query.order_by(Delivery.id).limit(limit)))


def is_settling(session: Session, *, workspace: int, source: int, revision: int) -> bool:
    """Say whether tickets that were there when a revision came still wait to be read, placed or counted anew.

    What the rules let in again has to be read first, and what they leave out leaves its theme.
    """
    rules = (SourceRules.source_id == source, within(SourceRules, workspace))
    since = session.scalar(select(SourceRules.at).where(*rules, SourceRules.revision == revision))
    if since is None:
        return False
    moving = (
        select(Work.id)
        .join(FeedbackItem, (FeedbackItem.id == Work.subject) & (FeedbackItem.version == Work.version))
        .where(
            Work.stage.in_((Job.EMBED, Job.PLACE)),
            FeedbackItem.source_id == source,
            within(FeedbackItem, workspace),
            FeedbackItem.ticket_created_at <= since,
        )
    )
    counting = select(Work.id).where(Work.stage == Job.COUNT, Work.version < since.toordinal())
    pending = (within(Work, workspace), Work.state == WorkState.READY)
    return any(session.scalar(query.where(*pending).limit(1)) is not None for query in (moving, counting))


def latest_deliveries(session: Session, *, workspace: int, source: int, limit: int) -> list[Delivery]:
    """Return a source's latest deliveries, newest first."""
    query = select(Delivery).where(Delivery.source_id == source, within(Delivery, workspace))
    return list(session.scalars(query.order_by(Delivery.id.desc()).limit(limit)))


@dataclass(frozen=True, slots=True)
class Share:
    """How many of a source's messages are stored, and how many of them rules leave out."""

    items: int
    excluded: int


def excluded_share(session: Session, *, workspace: int, source: int) -> Share:
    """Count a source's messages, and those that its rules leave out."""
    items, excluded = session.execute(
        select(func.count(), func.count(FeedbackItem.excluded_by)).where(
            FeedbackItem.workspace_id == workspace,
            FeedbackItem.source_id == source,
            FeedbackItem.withdrawn.is_(False),
        )
    ).one()
    return Share(int(items), int(excluded))


@dataclass(frozen=True, slots=True)
class Definition:
    """What rules decided of a source's items in a time: the revision in force, and items that it has not reached.

    `is_done`: all that is stored was looked at again; what is stale then can never be: its raw body has expired.
    """

    source: int
    name: str
    revision: int
    at: datetime
    is_done: bool
    stale: int
    fresh: int

    @property
    def is_mixed(self) -> bool:
        """Say whether some of the items follow these rules and others older ones, now or until all is looked at."""
        if not self.is_done:
            return self.stale + self.fresh > 0
        return self.stale > 0 and self.fresh > 0

    def sentence(self, zone: ZoneInfo) -> str:
        """Tell how the items stand to the rules, for a verdict's checks."""
        rules = f"the rules of {self.name} of {self.at.astimezone(zone).date()} (revision {self.revision})"
        if not self.is_done:
            return f"Stored tickets are being looked at again under {rules}."
        if self.is_mixed:
            return (
                f"{self.stale} tickets could not be read again under {rules}: their raw bodies have expired."
            )
        return f"All tickets are counted under {rules}."


def definitions(session: Session, *, workspace: int, start: datetime, end: datetime) -> list[Definition]:
    """Return, for each source with rules, how its items of a half-open time stand to the rules in force."""
    newest = (
        select(SourceRules.source_id, func.max(SourceRules.revision).label("revision"))
        .where(SourceRules.workspace_id == workspace)
        .group_by(SourceRules.source_id)
        .subquery()
    )
    rows = session.execute(
        select(SourceRules, Source.name)
        .join(
            newest,
            (newest.c.source_id == SourceRules.source_id) & (newest.c.revision == SourceRules.revision),
        )
        .join(Source, Source.id == SourceRules.source_id)
        .where(SourceRules.workspace_id == workspace)
        .order_by(SourceRules.source_id)
    ).all()
    return [_definition(session, workspace, rules, name, start, end) for rules, name in rows]


def _definition(
    session: Session, workspace: int, rules: SourceRules, name: str, start: datetime, end: datetime
) -> Definition:
    is_stale = or_(FeedbackItem.rules_revision.is_(None), FeedbackItem.rules_revision < rules.fields_revision)
    if rules.done_at is None:
        is_stale = or_(FeedbackItem.rules_revision.is_(None), FeedbackItem.rules_revision < rules.revision)
    counted = (
        select(is_stale, func.count())
        .where(
            FeedbackItem.workspace_id == workspace,
            FeedbackItem.source_id == rules.source_id,
            FeedbackItem.withdrawn.is_(False),
            FeedbackItem.ticket_created_at >= start,
            FeedbackItem.ticket_created_at < end,
        )
        .group_by(is_stale)
    )
    found = {bool(stale): int(count) for stale, count in session.execute(counted)}
    return Definition(
        source=rules.source_id,
        name=name,
        revision=rules.revision,
        at=rules.at,
        is_done=rules.done_at is not None,
        stale=found.get(True, 0),
        fresh=found.get(False, 0),
    )
