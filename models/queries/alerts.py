"""Alerts: what a person should look at; one subject has at most one open alert of a kind."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.queries.upsert import insert_or_ignore
from models.records import Alert

SILENT = "source_silent"
"""A source is silent beyond what its own rhythm lets expect."""


def open_alert(
    session: Session, *, workspace: int, subject: str, kind: str, reason: str, since: datetime, now: datetime
) -> int | None:
    """Open an alert; return its id, or None where it is open already. `since`: when what it tells of began."""
    row = {
        "workspace_id": workspace,
        "subject": subject,
        "kind": kind,
        "reason": reason[:500],
        "since": since,
        "opened_at": now,
        "closed_at": None,
        "open_slot": 0,
    }
    return insert_or_ignore(session, Alert, row, key=("workspace_id", "subject", "kind", "open_slot"))


def close_alert(session: Session, *, workspace: int, subject: str, kind: str, now: datetime) -> bool:
    """Close the open alert of a kind about a subject, if there is one; say whether there was."""
    row = session.scalar(
        select(Alert).where(
            Alert.workspace_id == workspace,
            Alert.subject == subject,
            Alert.kind == kind,
            Alert.closed_at.is_(None),
        )
    )
    if row is None:
        return False
    row.closed_at, row.open_slot = now, row.id
    session.flush()
    return True


def list_alerts(
    session: Session,
    *,
    workspace: int,
    is_open: bool | None = True,
    subject: str | None = None,
    before: int | None = None,
    limit: int = 50,
) -> list[Alert]:
    """List alerts, newest first; `is_open` None: open and closed ones. `before`: last id of the page before."""
    query = select(Alert).where(Alert.workspace_id == workspace)
    if is_open is not None:
        query = query.where(Alert.closed_at.is_(None) if is_open else Alert.closed_at.is_not(None))
    if subject is not None:
        query = query.where(Alert.subject == subject)
    if before is not None:
        query = query.where(Alert.id < before)
    return list(session.scalars(query.order_by(Alert.id.desc()).limit(limit)))
