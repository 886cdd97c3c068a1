"""`/v1/keys`, `/v1/audit`: who may do what, and who did."""

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query

from models.database import Session
from models.errors import Invalid
from models.queries import access, deliveries, workspaces
from models.records import ApiKey
from models.records import AuditEntry as AuditRow
from models.values.ids import Prefix, parse_id, public_id
from models.values.roles import Role, permissions_of
from service import acts
from service.api.shapes.admin import AuditEntry, AuditQuery, KeyAnswer, KeyCreate, KeyCreated, KeyRotate
from service.api.shapes.base import Page, Paging
from service.dependencies import (
    Admin,
    DatabaseOf,
    Now,
    read_after,
    require_rank,
    require_to_give,
    require_to_outlive,
    write_cursor,
)

router = APIRouter(prefix="/v1", tags=["administration"])


@router.get("/keys")
def list_keys(query: Annotated[Paging, Query()], database: DatabaseOf, caller: Admin) -> Page[KeyAnswer]:
    """List keys, newest first; never the keys themselves."""
    offset = read_after(query.cursor)
    with database.read(workspace=caller.workspace_id) as session:
        rows = access.list_keys(session, workspace=caller.workspace_id)
    page = rows[offset : offset + query.limit]
    more = len(rows) > offset + len(page)
    items = [KeyAnswer(**_key(row)) for row in page]
    return Page(items=items, next_cursor=write_cursor(offset + len(page)) if more else None)


@router.post("/keys", status_code=201)
def create_key(body: KeyCreate, database: DatabaseOf, caller: Admin, now: Now) -> KeyCreated:
    """Make a key; this answer is the only one that holds it."""
    _check(body, now)
    require_to_give(caller, body.role, body.scopes)
    require_to_outlive(caller, body.expires_at)
    with database.write(workspace=caller.workspace_id) as session:
        row, key = access.create_key(
            session,
            workspace=caller.workspace_id,
            name=body.name,
            role=body.role,
            now=now,
            expires_at=body.expires_at,
            scopes=body.scopes,
            source=_source(session, caller.workspace_id, body.source),
        )
        acts.note(
            session,
            caller,
            "key.create",
            public_id(Prefix.KEY, row.id),
            now=now,
            detail={"role": str(row.role), "scopes": row.scopes},
        )
    return KeyCreated(**_key(row), key=key)


def _check(body: KeyCreate, now: datetime) -> None:
    """Raise `Invalid` for a key that would hold more than its role, or nothing."""
    outside = set(body.scopes or ()) - permissions_of(body.role)
    if outside:
        lacking = ", ".join(sorted(outside))
        raise Invalid(f"the role {body.role} does not have {lacking}; leave it out.", field="scopes")
    if body.source is not None and body.role is not Role.INTEGRATION:
        raise Invalid("only a key of the role integration is bound to a source.", field="source")
    if body.expires_at is not None and body.expires_at <= now:
        raise Invalid("expires_at lies in the past; choose a moment ahead.", field="expires_at")


@router.post("/keys/{key_id}/rotate", status_code=201)
def rotate_key(
    key_id: str, database: DatabaseOf, caller: Admin, now: Now, body: KeyRotate | None = None
) -> KeyCreated:
    """Make a key that takes this one's place; the old one goes on while its holders change over."""
    overlap = (body or KeyRotate()).overlap_hours
    number = parse_id(Prefix.KEY, key_id)
    with database.write(workspace=caller.workspace_id) as session:
        old = access.get_key(session, workspace=caller.workspace_id, key=number, lock=True)
        require_to_give(caller, old.role, access.scopes_of(old))
        require_to_outlive(caller, access.next_end(old, now=now))
        row, key = access.rotate_key(
            session, workspace=caller.workspace_id, key=number, now=now, overlap=timedelta(hours=overlap)
        )
        took = {"replaced_by": public_id(Prefix.KEY, row.id), "overlap_hours": overlap}
        acts.note(session, caller, "key.rotate", public_id(Prefix.KEY, old.id), now=now, detail=took)
    return KeyCreated(**_key(row), key=key)


@router.delete("/keys/{key_id}", status_code=204)
def revoke_key(key_id: str, database: DatabaseOf, caller: Admin, now: Now) -> None:
    """Revoke a key at once; it stays listed. The last one that acts as an owner cannot be revoked."""
    number = parse_id(Prefix.KEY, key_id)
    with database.write(workspace=caller.workspace_id) as session:
        row = access.get_key(session, workspace=caller.workspace_id, key=number, lock=True)
        require_rank(caller, row.role)
        _revoke(session, row, now)
        acts.note(session, caller, "key.revoke", public_id(Prefix.KEY, row.id), now=now)


def _revoke(session: Session, row: ApiKey, now: datetime) -> None:
    """End a key; raise `Conflict` for the last one that acts as an owner without limit."""
    acts = row.role is Role.OWNER and row.scopes is None and row.expires_at is None
    if acts and access.is_alive(row, now=now):
        access.check_not_last_owner(session, workspace=row.workspace_id, now=now)
    access.revoke_key(session, workspace=row.workspace_id, key=row.id, now=now)


def _source(session: Session, workspace: int, source_id: str | None) -> int | None:
    if source_id is None:
        return None
    number = parse_id(Prefix.SOURCE, source_id)
    return deliveries.get_source(session, workspace=workspace, source=number).id


def _key(row: ApiKey) -> dict[str, object]:
    return {
        "id": public_id(Prefix.KEY, row.id),
        "name": row.name,
        "role": row.role,
        "scopes": access.scopes_of(row),
        "source": public_id(Prefix.SOURCE, row.source_id) if row.source_id else None,
        "created_at": row.created_at,
        "last_used_at": row.last_used_at,
        "expires_at": row.expires_at,
        "revoked_at": row.revoked_at,
        "replaced_by": public_id(Prefix.KEY, row.replaced_by_id) if row.replaced_by_id else None,
    }


@router.get("/audit")
def list_audit(
    query: Annotated[AuditQuery, Query()], database: DatabaseOf, caller: Admin
) -> Page[AuditEntry]:
    """List acts, newest first."""
    with database.read(workspace=caller.workspace_id) as session:
        rows = workspaces.list_audit(
            session,
            workspace=caller.workspace_id,
            before=read_after(query.cursor) or None,
            actor=query.actor,
            subject=query.subject,
            since=query.since,
            until=query.until,
            limit=query.limit + 1,
        )
    page = rows[: query.limit]
    cursor = write_cursor(page[-1].id) if len(rows) > len(page) else None
    return Page(items=[_act(row) for row in page], next_cursor=cursor)


def _act(row: AuditRow) -> AuditEntry:
    return AuditEntry.model_validate(
        {
            "id": public_id(Prefix.AUDIT, row.id),
            "at": row.at,
            "actor": row.actor,
            "action": row.action,
            "subject": row.subject,
            "detail": row.detail,
        }
    )
