"""Forms with which people say that a source was given up, and take that back."""

from datetime import UTC, date, datetime, time
from http import HTTPStatus
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Form
from fastapi.responses import RedirectResponse, Response

from models.errors import Invalid
from models.queries import workspaces
from models.values.roles import Permission
from service.console.guard import ConsoleRoute, Visit, asks_form
from service.retirement import put_retirement

SourceForm = Annotated[Visit, Depends(asks_form(Permission.ADMINISTER))]

router = APIRouter(route_class=ConsoleRoute, include_in_schema=False)


@router.post("/sources/{number}/retire")
def retire_source(form: SourceForm, number: str, since: Annotated[str, Form(max_length=10)] = "") -> Response:
    """Expect nothing more of a source, from the beginning of a day in the workspace's time zone, or from now on."""
    with form.write() as session:
        zone = ZoneInfo(workspaces.get_workspace(session, workspace=form.caller.workspace_id).time_zone)
        at = _beginning(since, zone) if since.strip() else form.now
        put_retirement(session, form.caller, number, at=at, now=form.now)
    return _back("retired")


@router.post("/sources/{number}/resume")
def resume_source(form: SourceForm, number: str) -> Response:
    """Take a retirement back."""
    with form.write() as session:
        put_retirement(session, form.caller, number, at=None, now=form.now)
    return _back("resumed")


def _beginning(day: str, zone: ZoneInfo) -> datetime:
    try:
        return datetime.combine(date.fromisoformat(day.strip()), time.min, zone).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Invalid(f"“{day.strip()}” is no day: write it as 2026-05-04.", field="since") from None


def _back(done: str) -> Response:
    return RedirectResponse(f"/?done={done}", HTTPStatus.SEE_OTHER)
