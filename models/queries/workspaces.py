"""Workspaces, their encoders, their audit log."""

import hashlib
import hmac
import secrets
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.errors import Invalid, NotFound
from models.records import AuditEntry, Encoder, JsonObject, Workspace
from models.values.encoders import PACKAGED_MODEL, EncoderChoice

COMMAND_LINE = "command line"
"""Who acts, in the audit log, where somebody runs commands: whoever can do that has no key or seat to be named by."""


def create_workspace(
    session: Session, *, name: str, time_zone: str, encoder_dtype: str, now: datetime
) -> Workspace:
    """Add a workspace; its time zone and the arithmetic of its encoder stay as they are given here."""
    try:
        ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise Invalid(
            f"time zone {time_zone!r} is unknown; use an IANA name such as Europe/Berlin.",
            field="EBB_TIME_ZONE",
        ) from error
    workspace = Workspace(
        name=name,
        time_zone=time_zone,
        created_at=now,
        person_key=secrets.token_bytes(32),
        encoder_dtype=encoder_dtype,
    )
    session.add(workspace)
    session.flush()
    return workspace


def first_workspace(session: Session) -> Workspace | None:
    """Find the oldest workspace, the only one in a small installation."""
    return session.scalar(select(Workspace).order_by(Workspace.id).limit(1))


def list_workspaces(session: Session) -> list[Workspace]:
    """List all workspaces, oldest first."""
    return list(session.scalars(select(Workspace).order_by(Workspace.id)))


def get_workspace(session: Session, *, workspace: int) -> Workspace:
    """Load a workspace by id."""
    found = session.get(Workspace, workspace)
    if found is None:
        raise NotFound(f"There is no workspace {workspace}.")
    return found


def bind_encoder(
    session: Session, *, workspace: int, name: str, digest: str, dtype: str, dimension: int
) -> int:
    """Fix the workspace's encoder at its first use and return its id; refuse another one later.

    Vectors of two encoders cannot be compared, so a switch must be a decision, never an accident.
    """
    row = get_workspace(session, workspace=workspace)
    if row.encoder_id is not None:
        bound = session.get_one(Encoder, row.encoder_id)
        if (bound.name, bound.digest, bound.dtype) != (name, digest, dtype):
            raise Invalid(
                f"this workspace's vectors come from {bound.name} {bound.digest[:12]} ({bound.dtype}), "
                f"not {name} {digest[:12]} ({dtype}).",
                field="encoder",
            )
        return bound.id
    row.encoder_id = known_encoder(session, name, digest, dtype, dimension)
    return row.encoder_id


def known_encoder(session: Session, name: str, digest: str, dtype: str, dimension: int) -> int:
    """Find an encoder, or add it, and return its id."""
    encoder = session.scalar(
        select(Encoder).where(Encoder.name == name, Encoder.digest == digest, Encoder.dtype == dtype)
    ) or Encoder(name=name, digest=digest, dtype=dtype, dimension=dimension)
    session.add(encoder)
    session.flush()
    return encoder.id


def lock_workspace(session: Session, *, workspace: int) -> Workspace:
    """Load a workspace as it is now, and let nobody else change it until the transaction ends."""
    row = session.get(Workspace, workspace, with_for_update={"key_share": True}, populate_existing=True)
    if row is None:
        raise NotFound(f"There is no workspace {workspace}.")
    return row


def use_encoder(session: Session, *, workspace: int, choice: EncoderChoice, encoder: int) -> int | None:
    """Let a workspace use another encoder from now on; return the id of the one before."""
    row = lock_workspace(session, workspace=workspace)
    before, row.encoder_id = row.encoder_id, encoder
    row.encoder_dtype = choice.dtype
    row.encoder_model = None if choice.model == PACKAGED_MODEL else choice.model
    session.flush()
    return before


def check_encoder(session: Session, *, workspace: int, encoder: int) -> bool:
    """Say whether a workspace still uses an encoder, and keep it so until the transaction ends."""
    held = select(Workspace.encoder_id).where(Workspace.id == workspace).with_for_update(read=True)
    return session.scalar(held) == encoder


def chosen_encoder(session: Session, *, workspace: int) -> EncoderChoice:
    """Return the model and the arithmetic that a workspace uses."""
    row = get_workspace(session, workspace=workspace)
    return EncoderChoice(row.encoder_model or PACKAGED_MODEL, row.encoder_dtype)


def hash_person(person_key: bytes, identity: str) -> str:
    """Hash a customer's id or address with the workspace's key (HMAC-SHA-256, hexadecimal)."""
    return hmac.new(person_key, identity.strip().lower().encode(), hashlib.sha256).hexdigest()


def audit(
    session: Session,
    *,
    workspace: int,
    actor: str,
    by: str,
    action: str,
    subject: str,
    now: datetime,
    detail: JsonObject | None = None,
) -> None:
    """Append an act to the audit log.

    `actor` is the name of whoever acts, which anybody may choose; `by` is the public id of the key or user behind
    it, or `COMMAND_LINE`, and stands in the detail.
    """
    session.add(
        AuditEntry(
            workspace_id=workspace,
            at=now,
            actor=actor,
            action=action,
            subject=subject,
            detail={**(detail or {}), "by": by},
        )
    )


def list_audit(
    session: Session,
    *,
    workspace: int,
    before: int | None,
    limit: int,
    actor: str | None = None,
    subject: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[AuditEntry]:
    """List acts of a half-open time, newest first; `before` is the last id of the page before."""
    conditions = [
        before is not None and AuditEntry.id < before,
        actor is not None and AuditEntry.actor == actor,
        subject is not None and AuditEntry.subject == subject,
        since is not None and AuditEntry.at >= since,
        until is not None and AuditEntry.at < until,
    ]
    query = select(AuditEntry).where(
        AuditEntry.workspace_id == workspace,
        *[condition for condition in conditions if condition is not False],
    )
    return list(session.scalars(query.order_by(AuditEntry.id.desc()).limit(limit)))


def ensure_workspace(
    session: Session, *, time_zone: str, encoder_dtype: str, now: datetime, name: str = "Default"
) -> Workspace:
    """Find the first workspace, or create it."""
    return first_workspace(session) or create_workspace(
        session, name=name, time_zone=time_zone, encoder_dtype=encoder_dtype, now=now
    )


def encoder_of(session: Session, *, workspace: int) -> Encoder | None:
    """Return the encoder a workspace is bound to; None before its first vector."""
    owner = get_workspace(session, workspace=workspace)
    return session.get(Encoder, owner.encoder_id) if owner.encoder_id is not None else None
