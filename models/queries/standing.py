"""Records that stand at their vendor, whatever was said of them before."""

from datetime import datetime

from sqlalchemy.orm import Session

from models.queries import ticket_rows


def note_standing(
    session: Session, *, workspace: int, source: int, external_id: str, changed_at: datetime
) -> None:
    """Forget that a record was deleted before a moment, so that its text may be stored and count again.

    Messages that were deleted or redacted by themselves stay so, and so does a record that was redacted, and one
    whose person was erased. A deletion of before that comes late changes nothing.
    """
    ticket = ticket_rows.load(session, workspace=workspace, source=source, external_id=external_id)
    ticket.state.restored_at = max(ticket.state.restored_at or changed_at, changed_at)
    grave = ticket.tombstone
    is_undone = grave is not None and not grave.withdrawn_alone and grave.changed_at < changed_at
    if grave is not None and is_undone and not ticket.is_closed:
        session.delete(grave)
    session.flush()
