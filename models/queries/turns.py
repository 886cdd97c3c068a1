"""The place of each message in its ticket, decided by when messages were written, not by when they arrived."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete
from sqlalchemy.orm import Session

from models.jobs import Job
from models.queries import work
from models.queries.within import within
from models.records import Embedding, FeedbackItem
from models.values.feedback import Turn


def settle(
    session: Session,
    *,
    workspace: int,
    items: Sequence[FeedbackItem],
    now: datetime,
    new: int | None = None,
) -> None:
    """Decide the turns of all messages of a ticket, and have those read again whose turn changed.

    Item `new` is about to be read anyway. Deleted messages keep their place: what follows them follows them still.
    """
    ordered = sorted(items, key=lambda item: (item.created_at, item.message_id))
    for item, turn in zip(ordered, _turns(ordered), strict=True):
        if item.turn is turn:
            continue
        item.turn = turn
        if item.id != new and not item.withdrawn:
            read_again(session, item=item, workspace=workspace, now=now)
    session.flush()


def _turns(items: Sequence[FeedbackItem]) -> list[Turn]:
    """Say of each message, in the order in which they were written, what place it has."""
    spoke: set[int | None] = {None}
    found: list[Turn] = []
    for item in items:
        if not found:
            found.append(Turn.OPENS)
        elif items[0].person_id is not None and item.person_id not in spoke:
            found.append(Turn.JOINS)
        else:
            found.append(Turn.FOLLOWS)
        spoke.add(item.person_id)
    return found


def read_again(session: Session, *, workspace: int, item: FeedbackItem, now: datetime) -> None:
    """Ask for an item's vector, kind and place anew, as if its text had changed."""
    item.version += 1
    session.execute(delete(Embedding).where(Embedding.item_id == item.id, within(Embedding, workspace)))
    work.enqueue(
        session,
        workspace=workspace,
        stage=Job.EMBED,
        subject=item.id,
        version=item.version,
        run_at=now,
    )
