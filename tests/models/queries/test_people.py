"""People: one across sources by any of their names, made one when two turn out to be, never found by guessing."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from models.database import Database, Session
from models.jobs import Job
from models.queries import people, ticket_states
from models.records import FeedbackItem, Person, PersonIdentity, Vote, Work
from models.values.feedback import Turn
from tests import factories
from tests.clock import NOON

LATER = NOON + timedelta(hours=1)


def person(session: Session, workspace: int, *names: str) -> int:
    return people.ensure_person(session, workspace=workspace, identities=names, now=NOON)


def names_of(session: Session) -> dict[int, int]:
    rows = session.scalars(select(PersonIdentity.person_id)).all()
    return {number: rows.count(number) for number in rows}


@pytest.mark.parametrize(
    ("customer_id", "mail", "expected"),
    [
        ("77", " Ann@Example.com ", ("ann@example.com", "3:77")),
        ("77", None, ("3:77",)),
        ("ann@example.com", None, ("ann@example.com", "3:ann@example.com")),
        ("ann+shop@example.com", "ann@example.com", ("ann+shop@example.com", "ann@example.com", "3:ann+shop@example.com")),
        (None, "4:77@example.com", ()),
        (None, "not an address", ()),
        ("  ", "", ()),
    ],
)  # fmt: skip
def test_a_customer_is_named_by_address_and_by_the_vendors_id(
    customer_id: str | None, mail: str | None, expected: tuple[str, ...]
) -> None:
    assert people.identities_of(source=3, customer_id=customer_id, customer_email=mail) == expected


def test_a_person_is_one_across_sources_and_stored_as_hashes(database: Database, workspace: int) -> None:
    other = factories.workspace(database)
    with database.write(workspace=workspace) as session:
        ann = person(session, workspace, "ann@example.com", "1:77")
        assert person(session, workspace, " Ann@Example.com ") == ann
        assert person(session, workspace, "2:5", "ann@example.com") == ann
        assert person(session, workspace, "2:5") == ann
        assert person(session, workspace, "3:77") != ann
        assert person(session, other, "ann@example.com") != ann
        assert people.persons_of(session, workspace=workspace, identity="2:5") == [ann]
        assert people.persons_of(session, workspace=workspace, identity="nobody") == []
        digests = session.scalars(select(PersonIdentity.digest)).all()
        assert all(len(digest) == 64 and "ann" not in digest for digest in digests)
        with pytest.raises(ValueError, match="identity"):
            person(session, workspace)


def test_two_who_turn_out_to_be_one_count_once(database: Database, workspace: int) -> None:
    with database.write(workspace=workspace) as session:
        source = factories.source(session, workspace)
        theme = factories.theme(session, workspace, 1)
        ann, also_ann = person(session, workspace, "ann@example.com"), person(session, workspace, "1:77")
        items = [
            factories.item(session, workspace, source, message_id=name, person_id=who, created_at=at)
            for name, who, at in (("0", ann, NOON), ("7", also_ann, LATER))
        ]
        factories.assign(session, workspace, items, theme)
        for voter, ticket in ((ann, "T-8"), (also_ann, "T-8"), (also_ann, "T-9")):
            ticket_states.vote(
                session, workspace=workspace, source=source, external_id=ticket, person=voter, at=NOON
            )
        assert person(session, workspace, "1:77", "ann@example.com") == ann
        session.expire_all()
        assert session.scalars(select(Person.id)).all() == [ann]
        assert names_of(session) == {ann: 2}
        rows = session.scalars(select(FeedbackItem).order_by(FeedbackItem.id)).all()
        assert [(row.person_id, row.turn) for row in rows] == [(ann, Turn.OPENS), (ann, Turn.FOLLOWS)]
        votes = session.execute(select(Vote.external_id, Vote.person_id).order_by(Vote.external_id)).all()
        assert [tuple(vote) for vote in votes] == [("T-8", ann), ("T-9", ann)]
        asked = session.execute(select(Work.subject, Work.version).where(Work.stage == Job.COUNT)).all()
        assert [tuple(piece) for piece in asked] == [(theme, NOON.date().toordinal())]


def test_people_of_another_workspace_are_not_joined(database: Database, workspace: int) -> None:
    other = factories.workspace(database)
    with database.write(workspace=workspace) as session:
        person(session, other, "ann@example.com")
        person(session, other, "1:77")
        person(session, workspace, "ann@example.com", "1:77")
        assert len(session.scalars(select(Person.id)).all()) == 3
