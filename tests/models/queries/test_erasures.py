"""Erasing items: what goes, what stays, and that neither a vendor nor a worker fills the rows again."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from models.database import Database, Session
from models.errors import NotFound
from models.jobs import Job
from models.queries import erasures, feedback, links, people, theme_stream, withdrawals, work
from models.queries.feedback import StatusDraft
from models.queries.links import ProposalDraft
from models.records import FeedbackItem, Link, Work
from models.values.feedback import FIRST_MESSAGE
from tests import factories
from tests.clock import NOON

LATER = NOON + timedelta(hours=1)
NEXT = LATER + timedelta(hours=1)


@pytest.fixture
def source(database: Database, workspace: int) -> int:
    with database.write(workspace=workspace) as session:
        return factories.source(session, workspace)


def erase(session: Session, workspace: int, person: str) -> list[int]:
    persons = people.persons_of(session, workspace=workspace, identity=person)
    items = erasures.items_of(session, workspace=workspace, persons=persons)
    erasures.erase_items(session, workspace=workspace, items=items, now=LATER)
    return items


def test_a_message_in_a_ticket_of_several_persons_stays_empty(
    database: Database, workspace: int, source: int
) -> None:
    with database.write(workspace=workspace) as session:
        mine = factories.item(session, workspace, source, person="zora")
        theirs = factories.item(session, workspace, source, message_id="m2", person="mats")
        assert erase(session, workspace, "zora") == [mine]
        again = factories.draft(source, text="The export fails, as I said.", changed_at=NEXT)
        assert feedback.upsert_item(session, workspace=workspace, draft=again, now=NEXT) is None
        tagged = StatusDraft(source, "T-1", NEXT, tags=["zora"])
        assert feedback.update_record(session, workspace=workspace, draft=tagged, now=NEXT) == 1
        reply = factories.draft(source, message_id="m3", text="It is mended now.", changed_at=NEXT)
        assert feedback.upsert_item(session, workspace=workspace, draft=reply, now=NEXT) is not None
    with database.read(workspace=workspace) as session:
        row = session.get_one(FeedbackItem, mine)
        assert (row.text, row.subject, row.tags) == ("", None, None)
        assert session.get_one(FeedbackItem, theirs).tags == ["zora"]
        with pytest.raises(NotFound):
            feedback.get_item(session, workspace=workspace, item=mine)


def test_a_record_of_the_person_alone_takes_no_text_even_if_the_vendor_restores_it(
    database: Database, workspace: int, source: int
) -> None:
    with database.write(workspace=workspace) as session:
        (mine,) = [factories.item(session, workspace, source, person="zora")]
        erase(session, workspace, "zora")
        withdrawals.restore(
            session, workspace=workspace, source=source, external_id="T-1", changed_at=NEXT, now=NEXT
        )
        for message in ("m2", FIRST_MESSAGE):
            again = factories.draft(source, message_id=message, text="Words again.", changed_at=NEXT)
            assert feedback.upsert_item(session, workspace=workspace, draft=again, now=NEXT) is None
        gone = withdrawals.withdraw(
            session, workspace=workspace, source=source, external_id="T-1", message_id=None, is_redaction=False,
            changed_at=NEXT, now=NEXT,
        )  # fmt: skip
        assert gone == 0
        row = session.get_one(FeedbackItem, mine)
        assert (row.text, row.withdrawn, row.kind is not None) == ("", False, True)


def test_work_that_waits_for_the_text_is_dropped_and_streams_load_anew(
    database: Database, workspace: int, source: int
) -> None:
    with database.write(workspace=workspace) as session:
        mine = factories.item(session, workspace, source, person="zora")
        other = factories.item(session, workspace, source, external_id="T-2", person="mats")
        factories.vectors(session, workspace, [mine, other])
        work.enqueue(session, workspace=workspace, stage=Job.PLACE, subject=mine, version=1, run_at=NOON)
        theme_stream.write_stream(session, workspace=workspace, before=0, revision=1, state={})
        before = theme_stream.read_stream(session, workspace=workspace).version
        erase(session, workspace, "zora")
        session.expire_all()
        assert theme_stream.read_stream(session, workspace=workspace).version > before
        waiting = session.scalars(select(Work.subject).where(Work.stage.in_((Job.EMBED, Job.PLACE)))).all()
    assert mine not in waiting
    assert other in waiting


def test_an_account_that_is_an_address_goes_and_a_company_stays(
    database: Database, workspace: int, source: int
) -> None:
    with database.write(workspace=workspace) as session:
        one = factories.item(session, workspace, source, person="zora", account_key="zora@example.org")
        two = factories.item(
            session, workspace, source, external_id="T-2", person="zora", account_key="acme", plan="pro"
        )
        erase(session, workspace, "zora")
        session.expire_all()
        rows = feedback.load_items(session, workspace=workspace, items=[one, two])
    assert [(row.account_key, row.plan) for row in rows] == [(None, None), ("acme", "pro")]


def test_what_is_left_is_counted(database: Database, workspace: int, source: int) -> None:
    with database.write(workspace=workspace) as session:
        mine = factories.item(session, workspace, source, person="zora")
        factories.vectors(session, workspace, [mine])
        # A row with text, a vector, an entry of the index.
        assert erasures.count_left(session, workspace=workspace, items=[mine], deliveries=[]) == 3
        erase(session, workspace, "zora")
        assert erasures.count_left(session, workspace=workspace, items=[mine], deliveries=[]) == 0


def test_links_forget_the_words_of_erased_items_and_of_labels_that_went(
    database: Database, workspace: int, source: int
) -> None:
    with database.write(workspace=workspace) as session:
        mine = factories.item(
            session, workspace, source, person="zora", text="The grumblefang export crashes at night."
        )
        other = factories.item(session, workspace, source, external_id="T-2", text="The export crashes.")
        of = factories.feature(session, workspace, title="Exports at night")
        drafts = []
        for number, evidence in ((1, [mine, other]), (2, [other])):
            made = factories.theme(session, workspace, number, label=f"grumblefang {number}")
            draft = ProposalDraft(
                theme_id=made,
                feature_id=of,
                probability=0.5,
                reason=f"It reads like an answer to “grumblefang {number}”. Shared words: export, night.",
                evidence=[
                    {"item": item, "score": 0.5, "shared": ["export", "night"], "start": 0, "end": 9}
                    for item in evidence
                ],
            )
            drafts.append(draft)
        links.propose(session, workspace=workspace, feature=of, drafts=drafts, now=NOON)
        erase(session, workspace, "zora")
    with database.read(workspace=workspace) as session:
        rows = session.scalars(select(Link).order_by(Link.theme_id)).all()
    assert not any("grumblefang" in row.reason or "night" in row.reason for row in rows)
    assert [[each["item"] for each in row.evidence] for row in rows] == [[mine, other], [other]]
    assert [each["shared"] for each in rows[0].evidence] == [[], ["export", "night"]]
