"""Features and releases: what shipped, when, to how many."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from models.errors import Conflict, Invalid, NotFound
from models.jobs import Job
from models.queries import work
from models.queries.within import within
from models.records import Feature, Release, RolloutStep
from models.values.feedback import ReleaseChange


@dataclass(frozen=True, slots=True)
class Step:
    """From `at` on, `percent` (0–100) of the customers had the release."""

    at: datetime
    percent: float
    segments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReleaseDraft:
    """A release as somebody told us of it."""

    key: str
    name: str
    released_at: datetime
    version: str | None = None
    environment: str | None = None
    description: str | None = None
    url: str | None = None
    steps: tuple[Step, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class FeatureDraft:
    """A feature as somebody told us of it; `release_key` is the release that brought it, if any did yet."""

    key: str
    title: str
    body: str = ""
    area: str | None = None
    release_key: str | None = None


def draft_of(change: ReleaseChange, *, received_at: datetime) -> ReleaseDraft:
    """Turn what a tool or a file told us of a release into a draft; without a date it shipped when it was told."""
    released_at = change.released_at or received_at
    return ReleaseDraft(
        key=change.external_id,
        name=change.name,
        released_at=released_at,
        version=change.version,
        environment=change.environment,
        description=change.description,
        url=change.url,
        steps=(Step(released_at, change.rollout_percent or 100.0, change.segments),),
    )


def put_release(session: Session, *, workspace: int, draft: ReleaseDraft, now: datetime) -> Release:
    """Add a release, or bring the one with its key up to date; its looks are planned by stage `measure`."""
    release = session.scalar(
        select(Release).where(Release.workspace_id == workspace, Release.key == draft.key)
    ) or Release(workspace_id=workspace, key=draft.key, created_at=now)
    steps = _checked_steps(draft)
    release.name, release.version = draft.name, draft.version
    release.environment, release.description, release.url = draft.environment, draft.description, draft.url
    release.released_at = steps[0].at
    release.full_at = next((step.at for step in steps if step.percent >= 100), steps[-1].at)
    session.add(release)
    session.flush()
    session.execute(
        delete(RolloutStep).where(RolloutStep.release_id == release.id, within(RolloutStep, workspace))
    )
    for step in steps:
        session.add(
            RolloutStep(
                workspace_id=workspace,
                release_id=release.id,
                at=step.at,
                percent=step.percent,
                segments=list(step.segments),
            )
        )
    session.flush()
    work.mark_dirty(session, workspace=workspace, stage=Job.MEASURE, subject=release.id, run_at=now)
    return release


def _checked_steps(draft: ReleaseDraft) -> list[Step]:
    steps = sorted(draft.steps, key=lambda step: step.at) or [Step(draft.released_at, 100.0)]
    if any(not 0 < step.percent <= 100 for step in steps):
        raise Invalid("a roll-out step's percent must be above 0 and at most 100.", field="rollout")
    if len({step.at for step in steps}) < len(steps):
        raise Invalid("two roll-out steps have the same time; keep the later percent.", field="rollout")
    return steps


def get_release(session: Session, *, workspace: int, release: int) -> Release:
    """Load a release of the workspace."""
    row = session.get(Release, release)
    if row is None or row.workspace_id != workspace:
        raise NotFound(f"There is no release rel_{release}.")
    return row


def load_releases(session: Session, *, workspace: int, releases: Sequence[int]) -> list[Release]:
    """Load releases of the workspace by id, in order of id; those that are gone are left out."""
    query = select(Release).where(Release.workspace_id == workspace, Release.id.in_(releases))
    return list(session.scalars(query.order_by(Release.id)))


def find_release(session: Session, *, workspace: int, key: str) -> Release | None:
    """Find a release by its key."""
    return session.scalar(select(Release).where(Release.workspace_id == workspace, Release.key == key))


def list_releases(
    session: Session,
    *,
    workspace: int,
    before: tuple[datetime, int] | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int = 1000,
) -> list[Release]:
    """List releases of a half-open time, newest first; `before` is (released_at, id) of the last page's last."""
    query = select(Release).where(Release.workspace_id == workspace)
    if since is not None:
        query = query.where(Release.released_at >= since)
    if until is not None:
        query = query.where(Release.released_at < until)
    if before is not None:
        at, last = before
        query = query.where((Release.released_at < at) | ((Release.released_at == at) & (Release.id < last)))
    return list(session.scalars(query.order_by(Release.released_at.desc(), Release.id.desc()).limit(limit)))


def steps_of(session: Session, *, workspace: int, releases: Sequence[int]) -> dict[int, list[RolloutStep]]:
    """Return the roll-out steps of releases, in order of time."""
    found: dict[int, list[RolloutStep]] = {release: [] for release in releases}
    for step in session.scalars(
        select(RolloutStep)
        .where(RolloutStep.release_id.in_(releases), within(RolloutStep, workspace))
        .order_by(RolloutStep.at)
    ):
        found[step.release_id].append(step)
    return found


def put_feature(session: Session, *, workspace: int, draft: FeatureDraft, now: datetime) -> Feature:
    """Add a feature, or bring the one with its key up to date; links for it are proposed by stage `link`."""
    release = None
    if draft.release_key is not None:
        release = find_release(session, workspace=workspace, key=draft.release_key)
        if release is None:
            raise Conflict(f"there is no release with key {draft.release_key!r}.", field="release")
    feature = session.scalar(
        select(Feature).where(Feature.workspace_id == workspace, Feature.key == draft.key)
    ) or Feature(workspace_id=workspace, key=draft.key, created_at=now)
    feature.title, feature.body, feature.area = draft.title, draft.body, draft.area
    feature.release_id = release.id if release else feature.release_id
    session.add(feature)
    session.flush()
    work.mark_dirty(session, workspace=workspace, stage=Job.LINK, subject=feature.id, run_at=now)
    return feature


def get_feature(session: Session, *, workspace: int, feature: int) -> Feature:
    """Load a feature of the workspace."""
    row = session.get(Feature, feature)
    if row is None or row.workspace_id != workspace:
        raise NotFound(f"There is no feature feat_{feature}.")
    return row


def list_features(
    session: Session, *, workspace: int, release: int | None = None, after: int = 0, limit: int = 1000
) -> list[Feature]:
    """List features in order of id, those after `after`; with `release`, that release's only."""
    query = select(Feature).where(Feature.workspace_id == workspace, Feature.id > after)
    if release is not None:
        query = query.where(Feature.release_id == release)
    return list(session.scalars(query.order_by(Feature.id).limit(limit)))
