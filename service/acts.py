"""Write down what a caller did, in the audit log of its workspace."""

from datetime import datetime

from models.database import Session
from models.queries import workspaces
from models.queries.access import Caller
from models.records import JsonObject


def note(
    session: Session,
    caller: Caller,
    action: str,
    subject: str,
    *,
    now: datetime,
    detail: JsonObject | None = None,
) -> None:
    """Append an act to the log, in the transaction that does it; `subject` is a public id."""
    workspaces.audit(
        session,
        workspace=caller.workspace_id,
        actor=caller.name,
        by=caller.public_id,
        action=action,
        subject=subject,
        now=now,
        detail=detail,
    )
