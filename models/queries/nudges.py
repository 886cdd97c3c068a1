"""Messages under way: a stage is announced once until a worker begins it, or until the message counts as lost.

Without this, every piece of work would send its own message, and a backlog of one stage would fill the queue that
others share. With it a queue holds at most one message of each stage, and stages take turns.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import or_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from models.jobs import Job
from models.records import Nudge


def claim(session: Session, *, stages: Iterable[Job], now: datetime, lost_after: timedelta) -> list[Job]:
    """Note that stages are being announced; return those that need a message, in the order of the walk.

    A stage whose message went out within `lost_after` and was not begun since needs none.
    """
    wanted = set(stages)
    return [stage for stage in Job if stage in wanted and _claim_one(session, stage, now, now - lost_after)]


def _claim_one(session: Session, stage: Job, now: datetime, lost_before: datetime) -> bool:
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    statement = (sqlite.insert(Nudge) if is_sqlite else postgresql.insert(Nudge)).values(
        stage=stage, sent_at=now
    )
    upsert = statement.on_conflict_do_update(
        index_elements=["stage"],
        set_={"sent_at": statement.excluded.sent_at},
        where=or_(Nudge.sent_at.is_(None), Nudge.sent_at <= lost_before),
    )
    return session.execute(upsert.returning(Nudge.id)).first() is not None


def clear(session: Session, *, stages: Iterable[Job]) -> int:
    """Note that no message of these stages is under way: a worker begins them, or they could not be sent.

    Return for how many of them one was thought to be.
    """
    result = session.execute(
        update(Nudge)
        .where(Nudge.stage.in_(list(stages)), Nudge.sent_at.is_not(None))
        .values(sent_at=None)
        .execution_options(synchronize_session=False)
    )
    return int(result.rowcount)  # type: ignore[attr-defined]
