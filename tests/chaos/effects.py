"""What must be so after whatever died: every ticket was stored once, and ended as exactly one effect."""

from collections import Counter

from sqlalchemy import func, select

from models.database import Database
from models.jobs import WorkState
from models.records import Arrival, Assignment, Delivery, DeliveryState, Embedding, FeedbackItem, Theme, Work
from tests.steps import recounted, stored_counts


def unfinished(database: Database) -> Counter[str]:
    with database.read(workspace=None) as session:
        rows = session.execute(
            select(Work.stage, func.count()).where(Work.state != WorkState.DONE).group_by(Work.stage)
        )
        return Counter({str(stage): count for stage, count in rows})


def every_ticket_has_exactly_one_effect(
    database: Database, tickets: list[str], *, deliveries: int | None = None
) -> None:
    """`deliveries` brought the tickets; None: each had one of its own."""
    with database.read(workspace=None) as session:
        states = Counter(session.scalars(select(Delivery.state)))
        items = session.execute(select(FeedbackItem.external_id, FeedbackItem.id)).all()
        embedded = Counter(session.scalars(select(Embedding.item_id)))
        arrived = {row.item_id: row for row in session.scalars(select(Arrival))}
        positions = Counter(row.position for row in arrived.values())
        themes = {row.id: row for row in session.scalars(select(Theme))}
        open_ = session.scalars(select(Assignment).where(Assignment.until_revision.is_(None))).all()
    assert states == {DeliveryState.PARSED: deliveries or len(tickets)}
    assert sorted(external for external, _ in items) == sorted(tickets)
    ids = {item for _, item in items}
    assert embedded == Counter(ids)
    assert arrived.keys() == ids
    assert set(positions.values()) == {1}

    assigned = {row.item_id: themes[row.theme_id] for row in open_}
    assert len(assigned) == len(open_)
    for item, arrival in arrived.items():
        if item in assigned:
            assert assigned[item].number == arrival.theme_number
        else:
            assert arrival.theme_number == 0

    with database.read(workspace=None) as session:
        marked = {item for item in session.scalars(select(FeedbackItem.id).where(FeedbackItem.counted))}
    assert marked <= assigned.keys()
    assert recounted(database) == stored_counts(database)
    assert sum(complaints for complaints, _ in stored_counts(database).values()) == len(marked)
    if len(tickets) >= 300:
        assert len(assigned) > len(ids) / 2
