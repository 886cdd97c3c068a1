"""The slow sweep: subjects whose work should exist and does not, because a code path lost it or a method is new.

The only place that looks for work by comparing whole tables; it runs every quarter of an hour, a bounded number of
subjects at a time, and what it adds is done like all other work.
"""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import ColumnElement, Select, and_, exists, literal, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from models.jobs import Job, WorkState
from models.queries import kinds, work
from models.records import (
    Arrival,
    Delivery,
    DeliveryState,
    Embedding,
    Feature,
    FeedbackItem,
    Release,
    Shadow,
    ShadowState,
    SourceRules,
    Verdict,
    Work,
    Workspace,
)

Subjects = Select[int, int]
_ZERO = literal(0)


def add_missing(
    session: Session, *, workspace: int, method_version: str, kind_version: str, now: datetime, limit: int
) -> Mapping[Job, int]:
    """Add work that is missing, at most `limit` pieces of each stage; return how many of each.

    `method_version` is the one that verdicts are made with today, `kind_version` the one that decides kinds. Kinds
    that another one decided are asked for where nothing else of their stage is missing.
    """
    wanted: Mapping[Job, Subjects] = {
        Job.INTAKE: _open_deliveries(workspace),
        Job.EMBED: _items(workspace),
        Job.PLACE: _vectors(workspace),
        Job.LINK: _features(workspace),
        Job.MEASURE: _releases(workspace, method_version),
        Job.SCOPE: _rules(workspace),
        Job.SHADOW: _shadows(workspace),
    }
    added = {}
    for stage, query in wanted.items():
        subjects = session.execute(query.limit(limit)).all()
        for subject, version in subjects:
            work.mark_dirty(
                session, workspace=workspace, stage=stage, subject=subject, version=version, run_at=now
            )
        if subjects:
            added[stage] = len(subjects)
    if Job.EMBED not in added:
        again = kinds.decide_again(
            session, workspace=workspace, kind_version=kind_version, now=now, limit=limit
        )
        if again:
            added[Job.EMBED] = again
    return added


def _has_work(
    stage: Job, subject: InstrumentedAttribute[int], version: ColumnElement[int] | None, *states: WorkState
) -> ColumnElement[bool]:
    conditions = [Work.stage == stage, Work.subject == subject]
    if version is not None:
        conditions.append(Work.version == version)
    if states:
        conditions.append(Work.state.in_(states))
    return exists().where(*conditions)


def _open_deliveries(workspace: int) -> Subjects:
    """Deliveries that wait, while nobody will read them."""
    waits = _has_work(Job.INTAKE, Delivery.id, None, WorkState.READY, WorkState.DEAD)
    return (
        select(Delivery.id, _ZERO)
        .where(Delivery.workspace_id == workspace, Delivery.state == DeliveryState.OPEN, ~waits)
        .order_by(Delivery.id)
    )


def _items(workspace: int) -> Subjects:
    """Items that were never looked at in their present version, or whose vector is of another encoder."""
    current = aliased(Embedding)
    encoder = select(Workspace.encoder_id).where(Workspace.id == workspace).scalar_subquery()
    foreign = and_(
        exists().where(Embedding.item_id == FeedbackItem.id, Embedding.encoder_id != encoder),
        ~exists().where(current.item_id == FeedbackItem.id, current.encoder_id == encoder),
        ~_has_work(
            Job.EMBED,
            FeedbackItem.id,
            FeedbackItem.version.expression,
            WorkState.READY,
            WorkState.DEAD,
        ),
    )
    never = ~_has_work(Job.EMBED, FeedbackItem.id, FeedbackItem.version.expression)
    return (
        select(FeedbackItem.id, FeedbackItem.version)
        .where(
            FeedbackItem.workspace_id == workspace,
            FeedbackItem.withdrawn.is_(False),
            FeedbackItem.erased_at.is_(None),
            or_(never, foreign),
        )
        .order_by(FeedbackItem.id)
    )


def _vectors(workspace: int) -> Subjects:
    """Vectors that never reached the theme stream, and that nobody was asked to place."""
    return (
        select(Embedding.item_id, Embedding.item_version)
        .join(FeedbackItem, FeedbackItem.id == Embedding.item_id)
        .where(
            Embedding.workspace_id == workspace,
            Embedding.encoder_id
            == select(Workspace.encoder_id).where(Workspace.id == workspace).scalar_subquery(),
            Embedding.item_version == FeedbackItem.version,
            FeedbackItem.withdrawn.is_(False),
            ~exists().where(Arrival.item_id == Embedding.item_id),
            ~_has_work(Job.PLACE, Embedding.item_id, Embedding.item_version.expression),
        )
        .order_by(Embedding.item_id)
    )


def _features(workspace: int) -> Subjects:
    """Features for which no link was ever looked for."""
    return (
        select(Feature.id, _ZERO)
        .where(Feature.workspace_id == workspace, ~_has_work(Job.LINK, Feature.id, None))
        .order_by(Feature.id)
    )


def _releases(workspace: int, method_version: str) -> Subjects:
    """Releases that were never judged, or only by methods of the past."""
    of_release = exists().where(Verdict.release_id == Release.id)
    of_today = exists().where(Verdict.release_id == Release.id, Verdict.method_version == method_version)
    waits = _has_work(Job.MEASURE, Release.id, _ZERO, WorkState.READY, WorkState.DEAD)
    never = ~_has_work(Job.MEASURE, Release.id, None)
    return (
        select(Release.id, _ZERO)
        .where(Release.workspace_id == workspace, or_(never, and_(of_release, ~of_today, ~waits)))
        .order_by(Release.id)
    )


def _rules(workspace: int) -> Subjects:
    """Rules in force that nobody applies to what is stored."""
    newer = aliased(SourceRules)
    waits = _has_work(
        Job.SCOPE, SourceRules.source_id, SourceRules.revision.expression, WorkState.READY, WorkState.DEAD
    )
    return (
        select(SourceRules.source_id, SourceRules.revision)
        .where(
            SourceRules.workspace_id == workspace,
            SourceRules.done_at.is_(None),
            ~exists().where(newer.source_id == SourceRules.source_id, newer.revision > SourceRules.revision),
            ~waits,
        )
        .order_by(SourceRules.id)
    )


def _shadows(workspace: int) -> Subjects:
    """Shadow runs that are under way, and that nobody goes on with."""
    waits = _has_work(Job.SHADOW, Shadow.workspace_id, _ZERO, WorkState.READY, WorkState.DEAD)
    return select(Shadow.workspace_id, _ZERO).where(
        Shadow.workspace_id == workspace,
        Shadow.state != ShadowState.READY,
        Shadow.error.is_(None),
        ~waits,
    )
