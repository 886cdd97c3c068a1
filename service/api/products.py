"""`/v1/features`, `/v1/releases`: what shipped, when, to how many."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query

from models.database import Session
from models.errors import Invalid
from models.queries import products
from models.queries.products import FeatureDraft, ReleaseDraft, Step
from models.records import Feature, Release
from models.values.ids import Prefix, parse_id, public_id
from service.api.keys import key_from
from service.api.shapes.base import Page
from service.api.shapes.products import (
    FeatureAnswer,
    FeaturePut,
    FeaturesQuery,
    ReleaseAnswer,
    ReleasePut,
    ReleasesQuery,
    RolloutStepAnswer,
)
from service.dependencies import DatabaseOf, Now, Planner, Reader, read_after, read_place, write_cursor

router = APIRouter(prefix="/v1", tags=["releases"])


@router.get("/features")
def list_features(
    query: Annotated[FeaturesQuery, Query()], database: DatabaseOf, caller: Reader
) -> Page[FeatureAnswer]:
    """List features, oldest first."""
    with database.read(workspace=caller.workspace_id) as session:
        release = _release_of(session, caller.workspace_id, query.release) if query.release else None
        rows = products.list_features(
            session,
            workspace=caller.workspace_id,
            release=release.id if release else None,
            after=read_after(query.cursor),
            limit=query.limit + 1,
        )
    page = rows[: query.limit]
    cursor = write_cursor(page[-1].id) if len(rows) > len(page) else None
    return Page(items=[_feature(row) for row in page], next_cursor=cursor)


@router.post("/features", status_code=201)
def put_feature(body: FeaturePut, database: DatabaseOf, caller: Planner, now: Now) -> FeatureAnswer:
    """Write a feature by key; links to themes are proposed for it in the background."""
    with database.write(workspace=caller.workspace_id) as session:
        release = None
        if body.release:
            release = _release_of(session, caller.workspace_id, body.release).key
        row = products.put_feature(
            session, workspace=caller.workspace_id, draft=_feature_draft(body, release), now=now
        )
    return _feature(row)


@router.get("/features/{feature_id}")
def read_feature(feature_id: str, database: DatabaseOf, caller: Reader) -> FeatureAnswer:
    """Read a feature."""
    number = parse_id(Prefix.FEATURE, feature_id)
    with database.read(workspace=caller.workspace_id) as session:
        return _feature(products.get_feature(session, workspace=caller.workspace_id, feature=number))


@router.get("/releases")
def list_releases(
    query: Annotated[ReleasesQuery, Query()], database: DatabaseOf, caller: Reader
) -> Page[ReleaseAnswer]:
    """List releases, newest first."""
    with database.read(workspace=caller.workspace_id) as session:
        rows = products.list_releases(
            session,
            workspace=caller.workspace_id,
            before=read_place(query.cursor),
            since=query.since,
            until=query.until,
            limit=query.limit + 1,
        )
        page = rows[: query.limit]
        items = _releases(session, caller.workspace_id, page)
    last = page[-1] if len(rows) > len(page) else None
    cursor = write_cursor(last.released_at.isoformat(), last.id) if last else None
    return Page(items=items, next_cursor=cursor)


@router.post("/releases", status_code=201)
def put_release(body: ReleasePut, database: DatabaseOf, caller: Planner, now: Now) -> ReleaseAnswer:
    """Write a release by key, with its roll-out and features; its verdicts come when its looks are due."""
    key = body.key or body.version or key_from(body.name)
    draft = ReleaseDraft(
        key=key,
        name=body.name,
        released_at=body.released_at,
        version=body.version,
        environment=body.environment,
        description=body.description,
        url=body.url,
        steps=tuple(Step(step.at, step.percent, tuple(step.segments)) for step in body.steps),
    )
    with database.write(workspace=caller.workspace_id) as session:
        row = products.put_release(session, workspace=caller.workspace_id, draft=draft, now=now)
        for feature in body.features:
            if feature.release and _release_of(session, caller.workspace_id, feature.release).id != row.id:
                raise Invalid("features of a release are its own: leave out `release`.", field="features")
            products.put_feature(
                session, workspace=caller.workspace_id, draft=_feature_draft(feature, key), now=now
            )
        return _releases(session, caller.workspace_id, [row])[0]


@router.get("/releases/{release_id}")
def read_release(release_id: str, database: DatabaseOf, caller: Reader) -> ReleaseAnswer:
    """Read a release."""
    with database.read(workspace=caller.workspace_id) as session:
        row = _release_of(session, caller.workspace_id, release_id)
        return _releases(session, caller.workspace_id, [row])[0]


def _release_of(session: Session, workspace: int, release_id: str) -> Release:
    return products.get_release(session, workspace=workspace, release=parse_id(Prefix.RELEASE, release_id))


def _feature_draft(body: FeaturePut, release_key: str | None) -> FeatureDraft:
    return FeatureDraft(body.key or key_from(body.title), body.title, body.body, body.area, release_key)


def _feature(row: Feature) -> FeatureAnswer:
    return FeatureAnswer(
        id=public_id(Prefix.FEATURE, row.id),
        key=row.key,
        title=row.title,
        body=row.body,
        area=row.area,
        release=public_id(Prefix.RELEASE, row.release_id) if row.release_id else None,
        created_at=row.created_at,
    )


def _releases(session: Session, workspace: int, rows: Sequence[Release]) -> list[ReleaseAnswer]:
    steps = products.steps_of(session, workspace=workspace, releases=[row.id for row in rows])
    return [
        ReleaseAnswer(
            id=public_id(Prefix.RELEASE, row.id),
            key=row.key,
            name=row.name,
            version=row.version,
            released_at=row.released_at,
            full_at=row.full_at,
            environment=row.environment,
            description=row.description,
            url=row.url,
            steps=[RolloutStepAnswer.model_validate(step) for step in steps[row.id]],
            features=[
                public_id(Prefix.FEATURE, feature.id)
                for feature in products.list_features(session, workspace=workspace, release=row.id)
            ],
            created_at=row.created_at,
        )
        for row in rows
    ]
