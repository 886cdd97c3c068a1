"""`/v1/teams`, `/v1/objectives`, `/v1/key-results`, `/v1/metrics`, `/v1/events`."""

from collections.abc import Callable, Sequence
from typing import Annotated, TypeVar

from fastapi import APIRouter, Query
from pydantic import BaseModel

from models.database import Session
from models.queries import goals
from models.queries.goals import Keyed
from models.records import ContextEvent, KeyResult, Metric, Objective, Observation, Team
from models.values.ids import Prefix, parse_id, public_id
from service.api.keys import key_from
from service.api.shapes.base import Page, Paging
from service.api.shapes.bets import EventAnswer, EventPut, EventsQuery
from service.api.shapes.goals import (
    KeyResultAnswer,
    KeyResultPut,
    MetricAnswer,
    MetricPut,
    ObjectiveAnswer,
    ObjectivePut,
    ObservationAnswer,
    ObservationsPut,
    ObservationsQuery,
    ObservationsWritten,
    TeamAnswer,
    TeamPut,
)
from service.dependencies import DatabaseOf, Now, Planner, Reader, read_after, write_cursor

router = APIRouter(prefix="/v1", tags=["goals"])

Shown = TypeVar("Shown", bound=BaseModel)
Rows = Annotated[Paging, Query()]


def _page(
    session: Session,
    table: type[Keyed],
    query: Paging,
    workspace: int,
    show: Callable[[Session, Keyed], Shown],
) -> Page[Shown]:
    """Read one page of a plain list in order of id."""
    after = read_after(query.cursor)
    rows = goals.list_all(session, table, workspace=workspace, after=after, limit=query.limit + 1)
    page = rows[: query.limit]
    cursor = write_cursor(page[-1].id) if len(rows) > len(page) else None
    return Page(items=[show(session, row) for row in page], next_cursor=cursor)


def _public(prefix: Prefix, number: int | None) -> str | None:
    return public_id(prefix, number) if number is not None else None


def _reference(
    session: Session, table: type[Keyed], prefix: Prefix, text: str | None, workspace: int
) -> int | None:
    """Read a public id and check that the thing exists in this workspace."""
    if text is None:
        return None
    return goals.get(session, table, workspace=workspace, number=parse_id(prefix, text)).id


# --- teams ------------------------------------------------------------------------------------------------


@router.get("/teams")
def list_teams(query: Rows, database: DatabaseOf, caller: Reader) -> Page[TeamAnswer]:
    """List teams."""
    with database.read(workspace=caller.workspace_id) as session:
        return _page(session, Team, query, caller.workspace_id, _team)


@router.post("/teams", status_code=201)
def put_team(body: TeamPut, database: DatabaseOf, caller: Planner) -> TeamAnswer:
    """Write a team by key."""
    row = {"key": body.key or key_from(body.name), "name": body.name}
    with database.write(workspace=caller.workspace_id) as session:
        return _team(session, goals.put(session, Team, workspace=caller.workspace_id, row=row))


def _team(_session: Session, row: Team) -> TeamAnswer:
    return TeamAnswer(id=public_id(Prefix.TEAM, row.id), key=row.key, name=row.name)


# --- objectives and key results -----------------------------------------------------------------------------


@router.get("/objectives")
def list_objectives(query: Rows, database: DatabaseOf, caller: Reader) -> Page[ObjectiveAnswer]:
    """List objectives."""
    with database.read(workspace=caller.workspace_id) as session:
        return _page(session, Objective, query, caller.workspace_id, _objective)


@router.post("/objectives", status_code=201)
def put_objective(body: ObjectivePut, database: DatabaseOf, caller: Planner) -> ObjectiveAnswer:
    """Write an objective by key."""
    workspace = caller.workspace_id
    with database.write(workspace=workspace) as session:
        row = {
            "key": body.key or key_from(body.title),
            "title": body.title,
            "team_id": _reference(session, Team, Prefix.TEAM, body.team, workspace),
            "starts_on": body.starts_on,
            "ends_on": body.ends_on,
        }
        return _objective(session, goals.put(session, Objective, workspace=workspace, row=row))


def _objective(session: Session, row: Objective) -> ObjectiveAnswer:
    return ObjectiveAnswer(
        id=public_id(Prefix.OBJECTIVE, row.id),
        key=row.key,
        title=row.title,
        team=_public(Prefix.TEAM, row.team_id),
        starts_on=row.starts_on,
        ends_on=row.ends_on,
        key_results=[
            public_id(Prefix.KEY_RESULT, number)
            for number in goals.key_results_of(session, workspace=row.workspace_id, objective=row.id)
        ],
    )


@router.get("/key-results")
def list_key_results(query: Rows, database: DatabaseOf, caller: Reader) -> Page[KeyResultAnswer]:
    """List key results."""
    with database.read(workspace=caller.workspace_id) as session:
        return _page(session, KeyResult, query, caller.workspace_id, _key_result)


@router.post("/key-results", status_code=201)
def put_key_result(body: KeyResultPut, database: DatabaseOf, caller: Planner) -> KeyResultAnswer:
    """Write a key result by key."""
    workspace = caller.workspace_id
    with database.write(workspace=workspace) as session:
        row = {
            "key": body.key or key_from(body.text),
            "objective_id": _reference(session, Objective, Prefix.OBJECTIVE, body.objective, workspace),
            "metric_id": _reference(session, Metric, Prefix.METRIC, body.metric, workspace),
            "text": body.text,
            "unit": body.unit,
            "baseline": body.baseline,
            "target": body.target,
            "starts_on": body.starts_on,
            "ends_on": body.ends_on,
        }
        return _key_result(session, goals.put(session, KeyResult, workspace=workspace, row=row))


def _key_result(_session: Session, row: KeyResult) -> KeyResultAnswer:
    return KeyResultAnswer(
        id=public_id(Prefix.KEY_RESULT, row.id),
        key=row.key,
        objective=_public(Prefix.OBJECTIVE, row.objective_id),
        text=row.text,
        metric=_public(Prefix.METRIC, row.metric_id),
        unit=row.unit,
        baseline=row.baseline,
        target=row.target,
        starts_on=row.starts_on,
        ends_on=row.ends_on,
    )


# --- metrics ------------------------------------------------------------------------------------------------


@router.get("/metrics")
def list_metrics(query: Rows, database: DatabaseOf, caller: Reader) -> Page[MetricAnswer]:
    """List metrics."""
    with database.read(workspace=caller.workspace_id) as session:
        return _page(session, Metric, query, caller.workspace_id, _metric)


@router.post("/metrics", status_code=201)
def put_metric(body: MetricPut, database: DatabaseOf, caller: Planner) -> MetricAnswer:
    """Write a metric by key."""
    workspace = caller.workspace_id
    with database.write(workspace=workspace) as session:
        row = {
            "key": body.key,
            "name": body.name,
            "definition": body.definition,
            "unit": body.unit,
            "better": body.better.value if body.better else None,
            "leading": body.leading,
            "team_id": _reference(session, Team, Prefix.TEAM, body.team, workspace),
        }
        return _metric(session, goals.put(session, Metric, workspace=workspace, row=row))


def _metric(session: Session, row: Metric) -> MetricAnswer:
    latest = goals.latest_observation(session, workspace=row.workspace_id, metric=row.id)
    return MetricAnswer(
        id=public_id(Prefix.METRIC, row.id),
        key=row.key,
        name=row.name,
        definition=row.definition,
        unit=row.unit,
        better=row.better,
        leading=row.leading,
        team=_public(Prefix.TEAM, row.team_id),
        last_value=latest.value if latest else None,
        last_at=latest.at if latest else None,
    )


@router.get("/metrics/{metric_id}/observations")
def list_observations(
    metric_id: str, query: Annotated[ObservationsQuery, Query()], database: DatabaseOf, caller: Reader
) -> Page[ObservationAnswer]:
    """List a metric's values, oldest first."""
    offset = read_after(query.cursor)
    with database.read(workspace=caller.workspace_id) as session:
        metric = goals.get(
            session, Metric, workspace=caller.workspace_id, number=parse_id(Prefix.METRIC, metric_id)
        )
        rows: Sequence[Observation] = [
            row
            for row in goals.observations(
                session, workspace=caller.workspace_id, metric=metric.id, segment=query.segment
            )
            if (query.since is None or row.at >= query.since)
            and (query.until is None or row.at < query.until)
        ]
    page = rows[offset : offset + query.limit]
    more = len(rows) > offset + len(page)
    items = [ObservationAnswer.model_validate(row) for row in page]
    return Page(items=items, next_cursor=write_cursor(offset + len(page)) if more else None)


@router.put("/metrics/{metric_id}/observations")
def put_observations(
    metric_id: str, body: ObservationsPut, database: DatabaseOf, caller: Planner
) -> ObservationsWritten:
    """Write values of a metric; the same moment and segment again replaces the value."""
    values = {(point.at, point.segment): point.value for point in body.observations}
    with database.write(workspace=caller.workspace_id) as session:
        metric = goals.get(
            session, Metric, workspace=caller.workspace_id, number=parse_id(Prefix.METRIC, metric_id)
        )
        written = goals.put_observations(
            session, workspace=caller.workspace_id, metric=metric.id, values=values
        )
    return ObservationsWritten(metric=metric_id, written=written)


# --- context events -----------------------------------------------------------------------------------------


@router.get("/events")
def list_events(
    query: Annotated[EventsQuery, Query()], database: DatabaseOf, caller: Reader
) -> Page[EventAnswer]:
    """List context events: what besides releases can move complaints."""
    offset = read_after(query.cursor)
    with database.read(workspace=caller.workspace_id) as session:
        rows = [
            row
            for row in goals.list_all(session, ContextEvent, workspace=caller.workspace_id, limit=10_000)
            if (query.kind is None or row.kind == query.kind)
            and (query.since is None or (row.ends_at or row.starts_at) >= query.since)
            and (query.until is None or row.starts_at < query.until)
        ]
    page = rows[offset : offset + query.limit]
    more = len(rows) > offset + len(page)
    items = [_event(row) for row in page]
    return Page(items=items, next_cursor=write_cursor(offset + len(page)) if more else None)


@router.post("/events", status_code=201)
def put_event(body: EventPut, database: DatabaseOf, caller: Planner, now: Now) -> EventAnswer:
    """Write a context event by key; releases whose window it lies in are judged again."""
    row = {
        "key": body.key or key_from(f"{body.title} {body.starts_at:%Y-%m-%d}"),
        "kind": body.kind.value,
        "title": body.title,
        "starts_at": body.starts_at,
        "ends_at": body.ends_at,
    }
    with database.write(workspace=caller.workspace_id) as session:
        return _event(goals.put_event(session, workspace=caller.workspace_id, row=row, now=now))


def _event(row: ContextEvent) -> EventAnswer:
    return EventAnswer(
        id=public_id(Prefix.EVENT, row.id),
        key=row.key,
        kind=row.kind,
        title=row.title,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
    )
