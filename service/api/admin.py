"""`/v1/keys`, `/v1/audit`: who may do what, and who did."""

from typing import Annotated

from fastapi import APIRouter, Query

from models.queries import access, workspaces
from models.records import ApiKey
from models.records import AuditEntry as AuditRow
from models.values.ids import Prefix, parse_id, public_id
from service.api.shapes.admin import AuditEntry, AuditQuery, KeyAnswer, KeyCreate, KeyCreated
from service.api.shapes.base import Page, Paging
from service.dependencies import Admin, DatabaseOf, Now, read_after, write_cursor

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
    with database.write(workspace=caller.workspace_id) as session:
        row, key = access.create_key(
            session,
            workspace=caller.workspace_id,
            name=body.name,
            role=body.role,
            now=now,
            expires_at=body.expires_at,
        )
        workspaces.audit(
            session,
            workspace=caller.workspace_id,
            actor=caller.name,
            action="key.create",
            subject=public_id(Prefix.KEY, row.id),
            now=now,
            detail={"role": str(body.role)},
        )
    return KeyCreated(**_key(row), key=key)


@router.delete("/keys/{key_id}", status_code=204)
def revoke_key(key_id: str, database: DatabaseOf, caller: Admin, now: Now) -> None:
    """Revoke a key at once; it stays listed."""
    number = parse_id(Prefix.KEY, key_id)
    with database.write(workspace=caller.workspace_id) as session:
        access.revoke_key(session, workspace=caller.workspace_id, key=number, now=now)
        workspaces.audit(
            session,
            workspace=caller.workspace_id,
            actor=caller.name,
            action="key.revoke",
            subject=key_id,
            now=now,
        )


def _key(row: ApiKey) -> dict[str, object]:
    return {
        "id": public_id(Prefix.KEY, row.id),
        "name": row.name,
        "role": row.role,
        "created_at": row.created_at,
        "expires_at": row.expires_at,
        "revoked_at": row.revoked_at,
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
