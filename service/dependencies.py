"""What endpoints ask for: the database, the clock, the caller, a page."""

import base64
import binascii
import json
from collections.abc import Callable, Iterable, Set
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, Query, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from models.database import Database
from models.errors import Forbidden, Invalid, Rejected
from models.queries import access
from models.queries.access import Caller
from models.settings import Settings
from models.values.ids import LARGEST
from models.values.roles import SENIOR, Permission, Role, permissions_of
from service.tracing import note_caller

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
    return caller_of(database, credentials.credentials, now)


def caller_of(database: Database, key: str, now: datetime) -> Caller:
    """Find whose API key this is; raise `Rejected` for keys that open nothing."""
    with database.read(workspace=None) as session:
        found = access.find_caller(session, key=key, now=now)
    if found is None:
        raise Rejected("this API key is unknown, revoked or expired", field="Authorization")
    caller, is_note_due = found
    note_caller(caller)
    if is_note_due and caller.key_id is not None:
        with database.write(workspace=caller.workspace_id) as session:
            access.note_use(session, key=caller.key_id, now=now)
    return caller


def needs(permission: Permission) -> Callable[[Caller], Caller]:
    """Make the dependency that lets callers with a permission pass and answers 403 to others."""

    def check(caller: Annotated[Caller, Depends(get_caller)]) -> Caller:
        require(caller, permission)
        return caller

    check.permission = permission  # type: ignore[attr-defined]  # read by the test of every route
    return check


def require(caller: Caller, permission: Permission) -> None:
    """Raise `Forbidden` unless the caller has a permission."""
    if not caller.may(permission):
        is_narrowed = permission in permissions_of(caller.role)
        lacking = "the scopes of this key leave it out" if is_narrowed else f"the role {caller.role} lacks it"
        raise Forbidden(f"this needs the permission {permission}; {lacking}.")


def require_rank(caller: Caller, role: Role) -> None:
    """Raise `Forbidden` where a role is an owner's to give and take, and the caller is none."""
    if role in SENIOR:
        require(caller, Permission.OWN)


def require_to_give(caller: Caller, role: Role, scopes: Iterable[Permission] | None = None) -> None:
    """Raise `Forbidden` unless the caller may hand a role out: nobody gives a permission that they do not have."""
    require_rank(caller, role)
    require_held(caller, permissions_of(role, scopes))


def require_held(caller: Caller, permissions: Set[Permission]) -> None:
    """Raise `Forbidden` unless the caller has every permission that goes with what they hand out."""
    lacking = permissions - caller.permissions
    if lacking:
        raise Forbidden(
            f"nobody hands out what they do not have themselves: {', '.join(sorted(lacking))}; ask an owner."
        )


def require_to_outlive(caller: Caller, ends: datetime | None) -> None:
    """Raise `Invalid` for a key that would live longer than the key that makes it; `ends`: None for no end."""
    if caller.expires_at is not None and (ends is None or ends > caller.expires_at):
        raise Invalid(
            f"a key that ends makes none that lives longer: choose {caller.expires_at.isoformat()} or earlier, "
            "or use a key without an end.",
            field="expires_at",
        )


Reader = Annotated[Caller, Depends(needs(Permission.READ_NUMBERS))]
TicketReader = Annotated[Caller, Depends(needs(Permission.READ_TICKETS))]
Planner = Annotated[Caller, Depends(needs(Permission.PLAN))]
Curator = Annotated[Caller, Depends(needs(Permission.CURATE))]
Admin = Annotated[Caller, Depends(needs(Permission.ADMINISTER))]
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
