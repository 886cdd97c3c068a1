"""Raw bodies: which are kept, and when they go."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import and_, or_, select, update
from sqlalchemy.orm import Session

from models.queries.within import within
from models.records import Delivery, DeliveryState

READ = (DeliveryState.PARSED, DeliveryState.IGNORED)
"""States in which a delivery has done all that it ever will: its raw body is kept to look things up, no more."""


def expire_bodies(
    session: Session,
    *,
    workspace: int,
    read_before: datetime | None,
    unread_before: datetime | None,
    now: datetime,
    limit: int,
) -> int:
    """Remove up to `limit` raw bodies that came before these moments (None: never); return how many.

    `read_before` is for deliveries that were understood, `unread_before` for those that could not be; what still
    waits to be read is always kept. The row stays, with its state and the moment at which its body went.
    """
    if read_before is None and unread_before is None:
        return 0
    chosen = [
        before is not None and and_(state, Delivery.received_at < before)
        for state, before in (
            (Delivery.state.in_(READ), read_before),
            (Delivery.state.not_in((*READ, DeliveryState.OPEN)), unread_before),
        )
    ]
    old = session.scalars(
        select(Delivery.id)
        .where(
            Delivery.workspace_id == workspace,
            Delivery.body_expired_at.is_(None),
            or_(*[condition for condition in chosen if condition is not False]),
        )
        .order_by(Delivery.received_at)
        .limit(limit)
    ).all()
    return drop_bodies(session, workspace=workspace, deliveries=old, now=now)


def drop_bodies(session: Session, *, workspace: int, deliveries: Sequence[int], now: datetime) -> int:
    """Remove the raw bodies of these deliveries, with their headers; return how many were there."""
    gone = 0
    for start in range(0, len(deliveries), 500):
        result = session.execute(
            update(Delivery)
            .where(
                Delivery.id.in_(deliveries[start : start + 500]),
                within(Delivery, workspace),
                Delivery.body_expired_at.is_(None),
            )
            .values(body=b"", headers={}, body_expired_at=now)
            .execution_options(synchronize_session=False)
        )
        gone += int(result.rowcount)  # type: ignore[attr-defined]
    return gone
