"""Workspaces, encoders, API keys, console sign-in."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from models.errors import Invalid, NotFound
from models.records import ApiKey, AuditEntry, ConsoleTicket, Encoder, JsonObject, Workspace
from models.values.roles import Role

KEY_PREFIX = "ebb_"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is asking: a workspace, a role, and a name for the audit log."""

    workspace_id: int
    role: Role
    name: str


def digest_of(secret: str) -> str:
    """Hash a key or token of high entropy for storage (SHA-256, hexadecimal)."""
    return hashlib.sha256(secret.encode()).hexdigest()


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
    encoder = session.scalar(
        select(Encoder).where(Encoder.name == name, Encoder.digest == digest, Encoder.dtype == dtype)
    ) or Encoder(name=name, digest=digest, dtype=dtype, dimension=dimension)
    session.add(encoder)
    session.flush()
    row.encoder_id = encoder.id
    return encoder.id


def create_key(
    session: Session,
    *,
    workspace: int,
    name: str,
    role: Role,
    now: datetime,
    expires_at: datetime | None = None,
) -> tuple[ApiKey, str]:
    """Add an API key; the text returned beside its row is shown once and cannot be had again."""
    text = KEY_PREFIX + secrets.token_urlsafe(32)
    row = ApiKey(
        workspace_id=workspace,
        name=name,
        role=role,
        digest=digest_of(text),
        created_at=now,
        expires_at=expires_at,
    )
    session.add(row)
    session.flush()
    return row, text


def has_key(session: Session, *, workspace: int) -> bool:
    """Say whether the workspace has an API key that was not revoked."""
    query = select(ApiKey.id).where(ApiKey.workspace_id == workspace, ApiKey.revoked_at.is_(None)).limit(1)
    return session.scalar(query) is not None


def list_keys(session: Session, *, workspace: int) -> list[ApiKey]:
    """List a workspace's keys, newest first."""
    return list(
        session.scalars(select(ApiKey).where(ApiKey.workspace_id == workspace).order_by(ApiKey.id.desc()))
    )


def revoke_key(session: Session, *, workspace: int, key: int, now: datetime) -> ApiKey:
    """End a key's life; it stays listed."""
    row = session.get(ApiKey, key)
    if row is None or row.workspace_id != workspace:
        raise NotFound(f"There is no key key_{key}.")
    row.revoked_at = row.revoked_at or now
    return row


def find_caller(session: Session, *, key: str, now: datetime) -> Caller | None:
    """Find whose API key this is; None for keys that are unknown, revoked or expired."""
    row = session.scalar(select(ApiKey).where(ApiKey.digest == digest_of(key)))
    if row is None or row.revoked_at is not None or (row.expires_at is not None and row.expires_at <= now):
        return None
    return Caller(row.workspace_id, row.role, row.name)


def create_sign_in(session: Session, *, workspace: int, role: Role, now: datetime, minutes: int) -> str:
    """Make a console sign-in link's token, good for one use."""
    return _create_ticket(session, workspace, role, now, timedelta(minutes=minutes), is_session=False)


def exchange_sign_in(session: Session, *, token: str, now: datetime) -> str | None:
    """Turn an unused sign-in token into a browser session of 30 days; None if it is used, expired or unknown."""
    used = session.execute(
        update(ConsoleTicket)
        .where(
            ConsoleTicket.digest == digest_of(token),
            ConsoleTicket.session.is_(False),
            ConsoleTicket.used_at.is_(None),
            ConsoleTicket.expires_at > now,
        )
        .values(used_at=now)
        .returning(ConsoleTicket.workspace_id, ConsoleTicket.role)
    ).one_or_none()
    if used is None:
        return None
    return _create_ticket(session, used[0], used[1], now, timedelta(days=30), is_session=True)


def find_session(session: Session, *, token: str, now: datetime) -> Caller | None:
    """Find whose browser session this is."""
    row = session.scalar(
        select(ConsoleTicket).where(
            ConsoleTicket.digest == digest_of(token),
            ConsoleTicket.session.is_(True),
            ConsoleTicket.expires_at > now,
        )
    )
    return Caller(row.workspace_id, row.role, "console") if row else None


def _create_ticket(
    session: Session, workspace: int, role: Role, now: datetime, life: timedelta, *, is_session: bool
) -> str:
    token = secrets.token_urlsafe(32)
    session.add(
        ConsoleTicket(
            workspace_id=workspace,
            digest=digest_of(token),
            session=is_session,
            role=role,
            created_at=now,
            expires_at=now + life,
        )
    )
    session.flush()
    return token


def hash_person(person_key: bytes, identity: str) -> str:
    """Hash a customer's id or address with the workspace's key (HMAC-SHA-256, hexadecimal)."""
    return hmac.new(person_key, identity.strip().lower().encode(), hashlib.sha256).hexdigest()


def audit(
    session: Session,
    *,
    workspace: int,
    actor: str,
    action: str,
    subject: str,
    now: datetime,
    detail: JsonObject | None = None,
) -> None:
    """Append an act to the audit log."""
    session.add(
        AuditEntry(
            workspace_id=workspace, at=now, actor=actor, action=action, subject=subject, detail=detail or {}
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
