"""`/healthz`, `/readyz`, `/metrics`: is the process there, does the work get done, and the figures behind it."""

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from models.database import Database
from models.logs import get_logger
from models.queries.liveness import LONGEST_WAIT_S, Liveness, read_liveness
from service.api.shapes.admin import Readiness
from service.dependencies import DatabaseOf, Now, SettingsOf
from service.metrics import CONTENT_TYPE, Metrics
from service.patience import Patience, Unanswered
from service.unread import read_unread, total

router = APIRouter(tags=["operations"])
log = get_logger("ebb.health")

T = TypeVar("T")


@router.get("/healthz")
def healthz() -> dict[str, str]:
    """Say that the process answers; needs no key and no database."""
    return {"status": "ok"}


@router.get("/readyz", response_model=Readiness, responses={503: {"model": Readiness}})
def readyz(request: Request, database: DatabaseOf, settings: SettingsOf, now: Now) -> JSONResponse:
    """Say whether the database answers and work gets done; 503 otherwise. Needs no key."""
    found = _liveness(request, database, now)
    answer = _down() if found is None else _readiness(found, settings.worker_silent_seconds)
    return JSONResponse(answer.model_dump(mode="json"), 200 if answer.status == "ready" else 503)


@router.get("/metrics", response_class=Response)
def expose_metrics(request: Request, database: DatabaseOf, now: Now) -> Response:
    """Show the metrics of this process and of the work, in Prometheus' text format. Needs no key."""
    metrics: Metrics = request.app.state.metrics
    liveness = _liveness(request, database, now)
    # A database that did not answer is not asked again at once.
    unread = _asked(request, lambda: total(read_unread(database))) if liveness is not None else None
    return Response(metrics.expose(liveness, unread), media_type=CONTENT_TYPE)


def _liveness(request: Request, database: Database, now: datetime) -> Liveness | None:
    """Read how the work stands; None when the database does not answer in time, or not with what was asked."""
    return _asked(request, lambda: _read(database, now))


def _asked(request: Request, question: Callable[[], T]) -> T | None:
    patience: Patience = request.app.state.patience
    try:
        return patience.ask(question)
    except Unanswered as unanswered:
        log.warning("the database does not answer", error=unanswered.kind)
        return None


def _read(database: Database, now: datetime) -> Liveness:
    with database.read(workspace=None) as session:
        return read_liveness(session, now=now)


def _down() -> Readiness:
    return Readiness(
        status="down",
        database="down",
        oldest_work_s=None,
        oldest_work_s_by_stage={},
        dead_work=None,
        workers={},
        reasons=["the database does not answer, or its tables are not there; `ebb doctor` says which"],
    )


def _readiness(found: Liveness, silent_after: float) -> Readiness:
    reasons = [
        f"due work of the stage {stage.stage} has waited {stage.oldest_due_s:.0f} s; {LONGEST_WAIT_S:.0f} s is "
        "the most"
        for stage in found.stages
        if stage.oldest_due_s > LONGEST_WAIT_S
    ]
    if reasons:
        reasons += [
            f"no worker of the kind {kind} was seen for {silent:.0f} s"
            for kind, silent in found.silent_s.items()
            if silent > silent_after
        ]
    return Readiness(
        status="behind" if reasons else "ready",
        database="ok",
        oldest_work_s=round(found.oldest_due_s, 1),
        oldest_work_s_by_stage={
            str(stage.stage): round(stage.oldest_due_s, 1) for stage in found.stages if stage.oldest_due_s
        },
        dead_work=found.dead,
        workers={kind: round(silent, 1) for kind, silent in found.silent_s.items()},
        reasons=reasons,
    )
