"""Merges: one ticket counts for all that were joined, whichever came first; votes are kept beside."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from models.database import Database, Session
from models.jobs import Job
from models.queries import feedback, ticket_states, withdrawals
from models.records import FeedbackItem, Work
from tests import factories
from tests.clock import NOON

LATER = NOON + timedelta(hours=1)
LATEST = NOON + timedelta(hours=2)


@pytest.fixture
def source(database: Database, workspace: int) -> int:
    with database.write(workspace=workspace) as session:
        return factories.source(session, workspace)


def merge(
    session: Session, workspace: int, source: int, ticket: str, into: str | None, at: datetime = LATER
) -> None:
    ticket_states.merge(
        session, workspace=workspace, source=source, external_id=ticket, into=into, at=at, now=at
    )


def put(session: Session, workspace: int, source: int, ticket: str, at: datetime = NOON) -> None:
    draft = factories.draft(source, external_id=ticket, created_at=at, ticket_created_at=at, changed_at=at)
    feedback.upsert_item(session, workspace=workspace, draft=draft, now=at)


def folded(session: Session) -> dict[str, str | None]:
    rows = session.scalars(select(FeedbackItem).where(FeedbackItem.withdrawn.is_(False)))
    return {row.external_id: row.merged_into for row in rows}


@pytest.mark.parametrize("order", [("A", "B", "m"), ("m", "A", "B"), ("B", "m", "A"), ("A", "m", "B")])
def test_the_survivor_counts_in_whatever_order_they_come(
    database: Database, workspace: int, source: int, order: Sequence[str]
) -> None:
    with database.write(workspace=workspace) as session:
        for each in order:
            if each == "m":
                merge(session, workspace, source, "A", "B")
            else:
                put(session, workspace, source, each)
        assert folded(session) == {"A": "B", "B": None}
        assert session.scalars(select(FeedbackItem.text).where(FeedbackItem.external_id == "A")).one()


def test_while_nothing_of_the_survivor_is_stored_the_earliest_counts(
    database: Database, workspace: int, source: int
) -> None:
    with database.write(workspace=workspace) as session:
        for ticket, at in (("A", LATER), ("B", NOON)):
            put(session, workspace, source, ticket, at)
            merge(session, workspace, source, ticket, "C")
        assert folded(session) == {"A": "C", "B": None}
        put(session, workspace, source, "C", LATEST)
        assert folded(session) == {"A": "C", "B": "C", "C": None}
        withdrawals.withdraw(
            session, workspace=workspace, source=source, external_id="C", message_id=None, is_redaction=False,
            changed_at=LATEST, now=LATEST,
        )  # fmt: skip
        assert folded(session) == {"A": "C", "B": None}


def test_merges_chain_and_go_round_in_circles(database: Database, workspace: int, source: int) -> None:
    with database.write(workspace=workspace) as session:
        for ticket in "ABC":
            put(session, workspace, source, ticket)
        merge(session, workspace, source, "A", "B")
        merge(session, workspace, source, "B", "C")
        assert folded(session) == {"A": "C", "B": "C", "C": None}
        merge(session, workspace, source, "C", "A", LATEST)
        assert folded(session) == {"A": None, "B": "A", "C": "A"}
        merge(session, workspace, source, "A", "A", LATEST)
        assert folded(session) == {"A": None, "B": "A", "C": "A"}


def test_the_newest_of_merge_and_restoration_holds(database: Database, workspace: int, source: int) -> None:
    def restore(at: datetime) -> None:
        withdrawals.restore(
            session, workspace=workspace, source=source, external_id="A", changed_at=at, now=at
        )

    with database.write(workspace=workspace) as session:
        for ticket in "AB":
            put(session, workspace, source, ticket)
        merge(session, workspace, source, "A", "B", LATER)
        restore(NOON)
        assert folded(session) == {"A": "B", "B": None}
        restore(LATEST)
        assert folded(session) == {"A": None, "B": None}
        merge(session, workspace, source, "A", "B", LATER)
        assert folded(session) == {"A": None, "B": None}


def test_a_merge_into_a_ticket_nobody_named_leaves_it_uncounted(
    database: Database, workspace: int, source: int
) -> None:
    with database.write(workspace=workspace) as session:
        put(session, workspace, source, "A")
        merge(session, workspace, source, "A", None)
        assert folded(session) == {"A": "unknown"}


def test_a_merge_has_the_days_of_both_counted_anew(database: Database, workspace: int, source: int) -> None:
    with database.write(workspace=workspace) as session:
        theme = factories.theme(session, workspace, 1)
        numbers = [
            factories.item(session, workspace, source, external_id=ticket, at=factories.noon(day))
            for day, ticket in enumerate("AB")
        ]
        factories.assign(session, workspace, numbers, theme)
        merge(session, workspace, source, "A", "B")
        asked = session.execute(select(Work.subject, Work.version).where(Work.stage == Job.COUNT)).all()
        assert [tuple(piece) for piece in asked] == [(theme, factories.day(0).toordinal())]


def test_a_vote_is_kept_once_for_each_person(database: Database, workspace: int, source: int) -> None:
    with database.write(workspace=workspace) as session:
        for name in ("ann", "ann", "bob"):
            voter = factories.person(session, workspace, name)
            ticket_states.vote(
                session, workspace=workspace, source=source, external_id="T-1", person=voter, at=NOON
            )
        assert ticket_states.count_votes(session, workspace=workspace, source=source, external_id="T-1") == 2
