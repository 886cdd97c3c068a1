"""`/healthz`, `/readyz`: is the process there, and does the work get done."""

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from models.jobs import WorkState
from models.queries import work
from service.dependencies import DatabaseOf, Now

router = APIRouter(tags=["operations"])

LONGEST_WAIT_S = 900.0
"""Age of the oldest unfinished due work above which the service is not ready: nobody is working it."""


@router.get("/healthz")
def healthz() -> dict[str, str]:
    """Say that the process answers; needs no key and no database."""
    return {"status": "ok"}


@router.get("/readyz")
def readyz(database: DatabaseOf, now: Now) -> JSONResponse:
    """Say whether the database answers and work gets done; 503 otherwise."""
    with database.read(workspace=None) as session:
        oldest = work.oldest_due(session, now=now)
        states = work.count_states(session)
    waited = (now - oldest).total_seconds() if oldest else 0.0
    dead = sum(count for (_, state), count in states.items() if state is WorkState.DEAD)
    is_ready = waited <= LONGEST_WAIT_S
    return JSONResponse(
        {"status": "ready" if is_ready else "behind", "oldest_work_s": round(waited, 1), "dead_work": dead},
        200 if is_ready else 503,
    )
