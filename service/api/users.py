"""`/v1/users`: people of the team, their seats in the console, and the links that let them in."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query

from models.database import Session
from models.errors import Conflict
from models.queries import access
from models.queries.access import Caller
from models.records import User
from models.values.ids import Prefix, parse_id, public_id
from service import acts
from service.api.shapes.base import Page, Paging
from service.api.shapes.users import SignInCreated, UserAnswer, UserPut
from service.dependencies import (
    Admin,
    DatabaseOf,
    Now,
    SettingsOf,
    read_after,
    require_rank,
    require_to_give,
    write_cursor,
)

router = APIRouter(prefix="/v1/users", tags=["administration"])


@router.get("")
def list_users(query: Annotated[Paging, Query()], database: DatabaseOf, caller: Admin) -> Page[UserAnswer]:
    """List users, oldest first; disabled ones too."""
    after = read_after(query.cursor)
    with database.read(workspace=caller.workspace_id) as session:
        rows = access.list_users(session, workspace=caller.workspace_id)
    rows = [row for row in rows if row.id > after]
    page = rows[: query.limit]
    cursor = write_cursor(page[-1].id) if len(rows) > len(page) else None
    return Page(items=[_user(row) for row in page], next_cursor=cursor)


@router.post("", status_code=201)
def put_user(body: UserPut, database: DatabaseOf, caller: Admin, now: Now) -> UserAnswer:
    """Give a person a seat; the same e-mail again changes name and role.

    Links and sessions end where the seat gains a permission, and where it was disabled.
    """
    require_to_give(caller, body.role)
    with database.write(workspace=caller.workspace_id) as session:
        before = access.find_user(session, workspace=caller.workspace_id, email=body.email, lock=True)
        if before is not None:
            require_rank(caller, before.role)
        row = access.put_user(
            session,
            workspace=caller.workspace_id,
            email=body.email,
            name=body.name,
            role=body.role,
            now=now,
        )
        acts.note(
            session,
            caller,
            "user.put",
            public_id(Prefix.USER, row.id),
            now=now,
            detail={"role": str(row.role)},
        )
        return _user(row)


@router.delete("/{user_id}", status_code=204)
def disable_user(user_id: str, database: DatabaseOf, caller: Admin, now: Now) -> None:
    """Take a person's seat away: links and sessions end at once; the seat stays listed."""
    with database.write(workspace=caller.workspace_id) as session:
        row = _load(session, caller, user_id)
        require_rank(caller, row.role)
        access.disable_user(session, workspace=caller.workspace_id, user=row.id, now=now)
        acts.note(session, caller, "user.disable", public_id(Prefix.USER, row.id), now=now)


@router.post("/{user_id}/sign-in", status_code=201)
def create_sign_in(
    user_id: str, database: DatabaseOf, settings: SettingsOf, caller: Admin, now: Now
) -> SignInCreated:
    """Make a link that signs this person in to the console, once; this answer is the only one that holds it."""
    with database.write(workspace=caller.workspace_id) as session:
        row = _load(session, caller, user_id)
        # The link lets its holder act as this person.
        require_to_give(caller, row.role)
        if row.disabled_at is not None:
            raise Conflict(f"{user_id} is disabled; give the person the seat again first.")
        token = access.create_sign_in(
            session, workspace=caller.workspace_id, user=row.id, now=now, minutes=settings.sign_in_minutes
        )
        acts.note(session, caller, "user.sign_in", public_id(Prefix.USER, row.id), now=now)
    url = f"{settings.public_url.rstrip('/')}/sign-in?token={token}"
    return SignInCreated(url=url, expires_at=now + timedelta(minutes=settings.sign_in_minutes))


def _load(session: Session, caller: Caller, user_id: str) -> User:
    number = parse_id(Prefix.USER, user_id)
    # What is checked of the seat must still be true when it is acted upon.
    return access.get_user(session, workspace=caller.workspace_id, user=number, lock=True)


def _user(row: User) -> UserAnswer:
    return UserAnswer(
        id=public_id(Prefix.USER, row.id),
        email=row.email,
        name=row.name,
        role=row.role,
        created_at=row.created_at,
        disabled_at=row.disabled_at,
    )
