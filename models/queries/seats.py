"""What hangs on a seat: when people of the team were last seen signing in, and the end of their sessions."""

from datetime import UTC, datetime

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from models.records import ConsoleTicket


def last_sign_ins(session: Session, *, workspace: int) -> dict[int, datetime]:
    """Map users to the moment of their newest sign-in; those who never signed in are missing."""
    rows = session.execute(
        select(ConsoleTicket.user_id, func.max(ConsoleTicket.created_at))
        .where(ConsoleTicket.workspace_id == workspace, ConsoleTicket.session.is_(True))
        .group_by(ConsoleTicket.user_id)
    )
    # An aggregate loses the column's type, and with it the zone.
    return {user: at if at.tzinfo else at.replace(tzinfo=UTC) for user, at in rows}


def end_tickets(session: Session, *, workspace: int, user: int, now: datetime) -> None:
    """End every link and session of a user, whose row the caller has locked: nobody exchanges a link meanwhile."""
    session.execute(
        update(ConsoleTicket)
        .where(
            ConsoleTicket.workspace_id == workspace,
            ConsoleTicket.user_id == user,
            ConsoleTicket.used_at.is_(None),
        )
        .values(used_at=now)
        .execution_options(synchronize_session=False)
    )
