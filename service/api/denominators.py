"""`/v1/exposure/{series}`, `/v1/accounts`: how many could have complained, and who they are."""

from typing import Annotated

from fastapi import APIRouter, Path

from models.queries import accounts, exposure
from service.api.shapes.denominators import (
    AccountsPut,
    AccountsWritten,
    ExposurePut,
    ExposureWritten,
)
from service.dependencies import DatabaseOf, Now, Planner

router = APIRouter(prefix="/v1", tags=["denominators"])

SeriesName = Annotated[str, Path(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9_.-]+$")]


@router.put("/exposure/{series}")
def put_exposure(
    series: SeriesName, body: ExposurePut, database: DatabaseOf, caller: Planner, now: Now
) -> ExposureWritten:
    """Write the customers exposed on each day; a day written again is replaced, and verdicts look again."""
    values = {(point.day, point.segment): point.value for point in body.points}
    days = [day for day, _ in values]
    with database.write(workspace=caller.workspace_id) as session:
        written = exposure.put_exposure(
            session, workspace=caller.workspace_id, series=series, values=values, now=now
        )
    return ExposureWritten(series=series, written=written, first_day=min(days), last_day=max(days))


@router.put("/accounts")
def put_accounts(body: AccountsPut, database: DatabaseOf, caller: Planner) -> AccountsWritten:
    """Write accounts by key; of one written again, what is null stays as it was stored."""
    with database.write(workspace=caller.workspace_id) as session:
        for account in body.accounts:
            accounts.put_account(session, workspace=caller.workspace_id, **account.model_dump())
    return AccountsWritten(written=len(body.accounts))
