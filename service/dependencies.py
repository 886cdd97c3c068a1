"""What endpoints ask for: the database, the clock, the caller, a page."""

import base64
import binascii
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, Query, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from models.database import Database
from models.errors import Forbidden, Invalid, Rejected
from models.queries import workspaces
from models.queries.workspaces import Caller
from models.settings import Settings
from models.values.ids import LARGEST
from models.values.roles import Role

SESSION_COOKIE = "ebb_session"
_bearer = HTTPBearer(auto_error=False, description="An API key, as `ebb init` prints it.")


def get_database(request: Request) -> Database:
    """Return the application's database."""
    database: Database = request.app.state.database
    return database


def get_settings(request: Request) -> Settings:
    """Return the application's settings."""
    settings: Settings = request.app.state.settings
    return settings


def get_now(request: Request) -> datetime:
    """Read the application's clock, which tests replace."""
    clock: Callable[[], datetime] = request.app.state.clock
    return clock().astimezone(UTC)


DatabaseOf = Annotated[Database, Depends(get_database)]
SettingsOf = Annotated[Settings, Depends(get_settings)]
Now = Annotated[datetime, Depends(get_now)]


def get_caller(
    database: DatabaseOf,
    now: Now,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> Caller:
    """Find who is calling by the API key; raise `Rejected` without a valid one."""
    if credentials is None:
        raise Rejected("send an API key: Authorization: Bearer <key>", field="Authorization")
    with database.read() as session:
        caller = workspaces.find_caller(session, key=credentials.credentials, now=now)
    if caller is None:
        raise Rejected("this API key is unknown, revoked or expired", field="Authorization")
    return caller


def get_reader(caller: Annotated[Caller, Depends(get_caller)]) -> Caller:
    """Let members and admins pass; a key for intake alone reads nothing."""
    if caller.role is Role.INGEST:
        raise Forbidden("this key is for intake only")
    return caller


def get_admin(caller: Annotated[Caller, Depends(get_caller)]) -> Caller:
    """Let admins pass."""
    if caller.role is not Role.ADMIN:
        raise Forbidden("this needs an admin's key")
    return caller


Reader = Annotated[Caller, Depends(get_reader)]
Admin = Annotated[Caller, Depends(get_admin)]
Limit = Annotated[int, Query(ge=1, le=500, description="Most items on a page.")]
Cursor = Annotated[str | None, Query(max_length=400, description="`next_cursor` of the page before.")]


def write_cursor(*parts: str | int) -> str:
    """Pack the place where a page ended into an opaque text."""
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


def read_cursor(cursor: str | None, size: int) -> list[str | int] | None:
    """Unpack a cursor of `size` parts; raise `Invalid` for one that we did not write."""
    if cursor is None:
        return None
    try:
        parts = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError):
        parts = None
    if not isinstance(parts, list) or len(parts) != size or not all(isinstance(p, str | int) for p in parts):
        raise _not_ours()
    return parts


def read_after(cursor: str | None) -> int:
    """Unpack the cursor of a list in order of id: the last id of the page before, 0 at the start."""
    parts = read_cursor(cursor, 1)
    if parts is None:
        return 0
    return _number(parts[0])


def read_place(cursor: str | None) -> tuple[datetime, int] | None:
    """Unpack the cursor of a list in order of time: the moment and id of the last entry of the page before."""
    parts = read_cursor(cursor, 2)
    if parts is None:
        return None
    try:
        moment = datetime.fromisoformat(str(parts[0]))
        return moment.astimezone(UTC), _number(parts[1])
    except (ValueError, OverflowError) as error:
        raise _not_ours() from error


def _number(part: str | int) -> int:
    """Return a row's number; PostgreSQL refuses to compare with one that is no integer of its own."""
    if not isinstance(part, int) or not 0 <= part <= LARGEST:
        raise _not_ours()
    return part


def _not_ours() -> Invalid:
    return Invalid("cursor is not one of ours; leave it out to start at the first page.", field="cursor")
