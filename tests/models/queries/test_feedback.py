"""Items: the newest change wins, deleted stays deleted, a ticket is opened by its first message."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from models.database import Database, Session
from models.errors import NotFound
from models.jobs import Job
from models.queries import accounts, feedback, listing, withdrawals
from models.queries.feedback import TOMBSTONE, StatusDraft
from models.queries.listing import FeedbackFilter
from models.records import Embedding, FeedbackItem, ThemeQuote, Work
from models.values.feedback import FIRST_MESSAGE, Turn
from models.values.kinds import Kind
from tests import factories
from tests.clock import NOON

LATER = NOON + timedelta(minutes=1)
LATEST = NOON + timedelta(minutes=2)


@pytest.fixture
def source(database: Database, workspace: int) -> int:
    with database.write(workspace=workspace) as session:
        return factories.source(session, workspace)


def upsert(session: Session, workspace: int, source: int, **chosen: object) -> int | None:
    draft = factories.draft(source, **chosen)
    return feedback.upsert_item(session, workspace=workspace, draft=draft, now=NOON)


def withdraw(
    session: Session,
    workspace: int,
    source: int,
    *,
    message: str | None = None,
    at: datetime = LATER,
    is_redaction: bool = False,
) -> int:
    return withdrawals.withdraw(
        session,
        workspace=workspace,
        source=source,
        external_id="T-1",
        message_id=message,
        is_redaction=is_redaction,
        changed_at=at,
        now=at,
    )


def restore(session: Session, workspace: int, source: int, *, at: datetime) -> None:
    withdrawals.restore(session, workspace=workspace, source=source, external_id="T-1", changed_at=at, now=at)


def texts(session: Session, workspace: int) -> list[str]:
    """Return what can be read, oldest first."""
    rows = listing.list_feedback(session, workspace=workspace, where=FeedbackFilter(), after=None, limit=100)
    return [item.text for item, _ in reversed(rows)]


def found_by(session: Session, workspace: int, words: str) -> int:
    where = FeedbackFilter(words=words)
    return len(listing.list_feedback(session, workspace=workspace, where=where, after=None, limit=100))


def work_of(session: Session, stage: Job) -> list[tuple[int, int]]:
    rows = session.scalars(select(Work).where(Work.stage == stage).order_by(Work.id))
    return [(row.subject, row.version) for row in rows]


def test_a_new_message_asks_for_its_vector(database: Database, workspace: int, source: int) -> None:
    with database.write(workspace=workspace) as session:
        number = upsert(session, workspace, source)
        assert work_of(session, Job.EMBED) == [(number, 1)]
        assert found_by(session, workspace, "export angry") == 1


def test_the_same_text_again_asks_for_nothing(database: Database, workspace: int, source: int) -> None:
    with database.write(workspace=workspace) as session:
        number = upsert(session, workspace, source)
        assert upsert(session, workspace, source, changed_at=LATER, status="closed") == number
        assert work_of(session, Job.EMBED) == [(number, 1)]
        assert session.get_one(FeedbackItem, number).status == "closed"


def test_an_edit_replaces_text_words_vector_and_kind(database: Database, workspace: int, source: int) -> None:
    with database.write(workspace=workspace) as session:
        number = factories.item(session, workspace, source)
        factories.vectors(session, workspace, [number])
        upsert(session, workspace, source, text="The invoice is wrong.", changed_at=LATER)
        row = session.get_one(FeedbackItem, number)
        assert (row.text, row.version, row.kind, row.updated_at) == ("The invoice is wrong.", 2, None, LATER)
        assert session.scalars(select(Embedding)).all() == []
        assert work_of(session, Job.EMBED) == [(number, 1), (number, 2)]
        assert (found_by(session, workspace, "export"), found_by(session, workspace, "invoice")) == (0, 1)


def test_an_edit_that_arrives_late_changes_nothing(database: Database, workspace: int, source: int) -> None:
    with database.write(workspace=workspace) as session:
        upsert(session, workspace, source, text="newest", changed_at=LATER)
        assert upsert(session, workspace, source, text="older", changed_at=NOON) is None
        assert texts(session, workspace) == ["newest"]


def test_an_edit_keeps_the_day_of_the_complaint(database: Database, workspace: int, source: int) -> None:
    with database.write(workspace=workspace) as session:
        number = upsert(session, workspace, source)
        moved = NOON + timedelta(days=3)
        upsert(
            session, workspace, source, text="x", changed_at=moved, created_at=moved, ticket_created_at=moved
        )
        row = session.get_one(FeedbackItem, number)
        assert (row.created_at, row.ticket_created_at) == (NOON, NOON)


def test_an_edit_that_does_not_name_an_attribute_keeps_it(
    database: Database, workspace: int, source: int
) -> None:
    with database.write(workspace=workspace) as session:
        number = upsert(session, workspace, source, plan="business", tags=["a"])
        upsert(session, workspace, source, text="x", changed_at=LATER, plan=None, tags=None)
        row = session.get_one(FeedbackItem, number)
        assert (row.plan, row.tags) == ("business", ["a"])


def update(session: Session, workspace: int, source: int, at: datetime, **chosen: object) -> int:
    draft = StatusDraft(source, "T-1", at, **chosen)  # type: ignore[arg-type]
    return feedback.update_record(session, workspace=workspace, draft=draft, now=NOON)


def test_a_status_reaches_every_message_of_its_ticket(
    database: Database, workspace: int, source: int
) -> None:
    with database.write(workspace=workspace) as session:
        upsert(session, workspace, source)
        upsert(session, workspace, source, message_id="7", text="any news?", changed_at=LATEST, status=None)
        assert update(session, workspace, source, LATER, status="closed", plan="team") == 2
        rows = session.scalars(select(FeedbackItem).order_by(FeedbackItem.id)).all()
        assert [(row.status, row.plan) for row in rows] == [("closed", "team")] * 2


def test_each_attribute_is_as_new_as_was_said_of_it_in_any_order(
    database: Database, workspace: int, source: int
) -> None:
    with database.write(workspace=workspace) as session:
        assert update(session, workspace, source, LATEST, status="closed") == 0  # before any message
        upsert(session, workspace, source, status="open", tags=["a"])
        assert update(session, workspace, source, LATER, status="pending", tags=["b"]) == 1
        row = session.scalars(select(FeedbackItem)).one()
        assert (row.status, row.tags) == ("closed", ["b"])
        upsert(session, workspace, source, message_id="7", status=None)
        later = session.scalars(select(FeedbackItem).where(FeedbackItem.message_id == "7")).one()
        assert (later.status, later.tags) == ("closed", ["b"])


def test_a_new_plan_has_its_days_counted_anew(database: Database, workspace: int, source: int) -> None:
    with database.write(workspace=workspace) as session:
        number = upsert(session, workspace, source, plan="free")
        assert number
        theme = factories.theme(session, workspace, 1)
        factories.assign(session, workspace, [number], theme)
        update(session, workspace, source, LATER, plan="free")
        assert work_of(session, Job.COUNT) == []
        update(session, workspace, source, LATEST, plan="team")
        assert work_of(session, Job.COUNT) == [(theme, NOON.date().toordinal())]


@pytest.mark.parametrize("message", [None, "0"])
def test_deleting_removes_text_words_vector_and_quotes(
    database: Database, workspace: int, source: int, message: str | None
) -> None:
    with database.write(workspace=workspace) as session:
        number = factories.item(session, workspace, source)
        factories.vectors(session, workspace, [number])
        theme = factories.theme(session, workspace, 1)
        session.add(
            ThemeQuote(workspace_id=workspace, theme_id=theme, item_id=number, rank=0, start=0, end=5)
        )
        session.flush()
        assert withdraw(session, workspace, source, message=message) == 1
        row = session.get_one(FeedbackItem, number, populate_existing=True)
        assert (row.text, row.subject, row.withdrawn, row.counted) == ("", None, True, False)
        assert session.scalars(select(Embedding)).all() == []
        assert session.scalars(select(ThemeQuote)).all() == []
        assert (texts(session, workspace), found_by(session, workspace, "export")) == ([], 0)
        assert work_of(session, Job.PLACE) == [(number, 2)]
        with pytest.raises(NotFound):
            feedback.get_item(session, workspace=workspace, item=number)


def test_a_deleted_record_is_not_revived_by_late_copies(
    database: Database, workspace: int, source: int
) -> None:
    with database.write(workspace=workspace) as session:
        upsert(session, workspace, source)
        withdraw(session, workspace, source)
        for message in ("0", "7"):
            assert upsert(session, workspace, source, message_id=message, changed_at=LATEST) is None
        assert texts(session, workspace) == []


def test_a_deletion_that_comes_before_the_text_holds(database: Database, workspace: int, source: int) -> None:
    with database.write(workspace=workspace) as session:
        assert withdraw(session, workspace, source) == 0
        assert feedback.has_text(
            session, workspace=workspace, source=source, external_id="T-1", message_id=FIRST_MESSAGE
        )
        assert upsert(session, workspace, source, changed_at=LATEST) is None
        assert texts(session, workspace) == []


def test_a_message_redacted_before_it_came_never_shows(
    database: Database, workspace: int, source: int
) -> None:
    with database.write(workspace=workspace) as session:
        withdraw(session, workspace, source, message="7", is_redaction=True)
        assert upsert(session, workspace, source, message_id="7", text="secret", changed_at=LATEST) is None
        upsert(session, workspace, source, text="opening")
        assert texts(session, workspace) == ["opening"]


def test_redacting_an_unknown_message_blanks_the_opening_text_and_deleting_one_does_not(
    database: Database, workspace: int, source: int
) -> None:
    with database.write(workspace=workspace) as session:
        upsert(session, workspace, source, text="opening")
        assert withdraw(session, workspace, source, message="8") == 0
        assert texts(session, workspace) == ["opening"]
        assert withdraw(session, workspace, source, message="9", is_redaction=True) == 1
        assert texts(session, workspace) == []


def test_deleting_twice_removes_once(database: Database, workspace: int, source: int) -> None:
    with database.write(workspace=workspace) as session:
        number = upsert(session, workspace, source)
        assert withdraw(session, workspace, source) == 1
        assert withdraw(session, workspace, source, at=LATEST) == 0
        assert session.get_one(FeedbackItem, number).version == 2
        tombs = session.scalars(select(FeedbackItem).where(FeedbackItem.message_id == TOMBSTONE)).all()
        assert len(tombs) == 1


def test_a_restored_record_takes_its_text_again(database: Database, workspace: int, source: int) -> None:
    with database.write(workspace=workspace) as session:
        number = upsert(session, workspace, source)
        withdraw(session, workspace, source)
        restore(session, workspace, source, at=LATEST)
        assert texts(session, workspace) == []
        assert upsert(session, workspace, source, text="back again", changed_at=LATEST) == number
        assert texts(session, workspace) == ["back again"]
        assert work_of(session, Job.EMBED)[-1] == (number, session.get_one(FeedbackItem, number).version)


def test_restoring_a_record_does_not_bring_a_redacted_message_back(
    database: Database, workspace: int, source: int
) -> None:
    with database.write(workspace=workspace) as session:
        upsert(session, workspace, source)
        upsert(session, workspace, source, message_id="7", text="my card is 4111")
        withdraw(session, workspace, source, message="7", is_redaction=True, at=LATER)
        withdraw(session, workspace, source, at=LATEST)
        after = LATEST + timedelta(minutes=1)
        restore(session, workspace, source, at=after)
        assert (
            upsert(session, workspace, source, message_id="7", text="my card is 4111", changed_at=after)
            is None
        )
        assert upsert(session, workspace, source, text="opening", changed_at=after) is not None
        assert texts(session, workspace) == ["opening"]


def test_a_deletion_and_a_restoration_hold_in_the_order_in_which_they_happened(
    database: Database, workspace: int, source: int
) -> None:
    with database.write(workspace=workspace) as session:
        upsert(session, workspace, source)
        restore(session, workspace, source, at=LATEST)
        assert withdraw(session, workspace, source, at=LATER) == 0  # it was over before it came
        assert texts(session, workspace) == ["The export fails and I am angry."]
        after = LATEST + timedelta(minutes=1)
        assert withdraw(session, workspace, source, at=after) == 1
        restore(session, workspace, source, at=LATEST)
        assert upsert(session, workspace, source, changed_at=after) is None


def test_a_message_redacted_while_its_record_is_deleted_stays_so(
    database: Database, workspace: int, source: int
) -> None:
    with database.write(workspace=workspace) as session:
        upsert(session, workspace, source, message_id="7", text="my card is 4111")
        withdraw(session, workspace, source, at=LATER)
        withdraw(session, workspace, source, message="7", is_redaction=True, at=LATER)
        restore(session, workspace, source, at=LATEST)
        assert upsert(session, workspace, source, message_id="7", changed_at=LATEST) is None


def test_a_record_that_was_redacted_as_a_whole_is_not_restored(
    database: Database, workspace: int, source: int
) -> None:
    with database.write(workspace=workspace) as session:
        upsert(session, workspace, source)
        withdraw(session, workspace, source, is_redaction=True)
        restore(session, workspace, source, at=LATEST)
        assert upsert(session, workspace, source, changed_at=LATEST) is None


def test_a_doubted_opening_text_comes_back_when_the_redacted_message_turns_up(
    database: Database, workspace: int, source: int
) -> None:
    with database.write(workspace=workspace) as session:
        withdraw(session, workspace, source, message="7", is_redaction=True)
        assert upsert(session, workspace, source, text="opening") is None  # it may be what was meant
        assert upsert(session, workspace, source, message_id="7", text="secret") is None
        assert upsert(session, workspace, source, text="opening") is not None
        assert texts(session, workspace) == ["opening"]


def test_an_opening_text_whose_own_id_is_known_is_not_doubted(
    database: Database, workspace: int, source: int
) -> None:
    with database.write(workspace=workspace) as session:
        upsert(session, workspace, source, text="opening", opener_id="5")
        assert withdraw(session, workspace, source, message="7", is_redaction=True) == 0
        assert texts(session, workspace) == ["opening"]
        assert withdraw(session, workspace, source, message="5", is_redaction=True) == 1
        assert texts(session, workspace) == []


def turns_of(session: Session) -> dict[str, Turn]:
    rows = session.scalars(select(FeedbackItem).execution_options(populate_existing=True))
    return {f"{row.external_id} {row.message_id}": row.turn for row in rows}


def test_turns_go_by_when_messages_were_written(database: Database, workspace: int, source: int) -> None:
    with database.write(workspace=workspace) as session:
        ann, bob = (factories.person(session, workspace, name) for name in ("ann", "bob"))
        follow = upsert(session, workspace, source, message_id="7", created_at=LATER, person_id=ann)
        joins = upsert(session, workspace, source, message_id="8", created_at=LATEST, person_id=bob)
        upsert(session, workspace, source, external_id="T-2", message_id="5", created_at=LATEST)
        assert turns_of(session) == {"T-1 7": Turn.OPENS, "T-1 8": Turn.JOINS, "T-2 5": Turn.OPENS}
        assert work_of(session, Job.EMBED)[:2] == [(follow, 1), (joins, 1)]
        upsert(session, workspace, source, person_id=ann)
        assert turns_of(session) == {
            "T-1 0": Turn.OPENS, "T-1 7": Turn.FOLLOWS, "T-1 8": Turn.JOINS, "T-2 5": Turn.OPENS,
        }  # fmt: skip
        # The message that is no opener any more is read again; the other is not.
        assert [piece for piece in work_of(session, Job.EMBED) if piece[1] == 2] == [(follow, 2)]


def test_two_messages_of_one_moment_have_one_opener(database: Database, workspace: int, source: int) -> None:
    with database.write(workspace=workspace) as session:
        for name in ("b", "a"):
            upsert(session, workspace, source, message_id=name)
        assert turns_of(session) == {"T-1 a": Turn.OPENS, "T-1 b": Turn.FOLLOWS}


def test_a_ticket_is_opened_at_the_earliest_moment_that_was_named(
    database: Database, workspace: int, source: int
) -> None:
    with database.write(workspace=workspace) as session:
        upsert(session, workspace, source, message_id="7", created_at=LATEST, ticket_created_at=LATEST)
        upsert(session, workspace, source, message_id="8", created_at=LATEST, ticket_created_at=NOON)
        upsert(session, workspace, source, message_id="9", created_at=LATEST, ticket_created_at=LATER)
        opened = session.scalars(select(FeedbackItem.ticket_created_at)).all()
        assert opened == [NOON] * 3


def test_items_of_another_workspace_are_not_found(database: Database, workspace: int, source: int) -> None:
    other = factories.workspace(database)
    with database.write(workspace=workspace) as session:
        number = upsert(session, workspace, source)
        assert number
        assert feedback.load_items(session, workspace=other, items=[number]) == []
        with pytest.raises(NotFound, match="fb_1"):
            feedback.get_item(session, workspace=other, item=number)


def test_an_account_written_again_keeps_what_is_not_named(database: Database, workspace: int) -> None:
    with database.write(workspace=workspace) as session:
        for name, plan in (("Acme", None), (None, "business")):
            accounts.put_account(
                session, workspace=workspace, key="a-1", name=name, plan=plan, segment=None, arr_usd=None,
                created_at=None,
            )  # fmt: skip
        (row,) = accounts.list_accounts(session, workspace=workspace, after=0, limit=10)
        assert (row.name, row.plan) == ("Acme", "business")


def test_a_kind_is_written_only_for_the_version_it_was_read_from(
    database: Database, workspace: int, source: int
) -> None:
    with database.write(workspace=workspace) as session:
        number = upsert(session, workspace, source)
        assert number
        feedback.set_kind(
            session, workspace=workspace, item=number, version=2, kind=Kind.PRAISE, why="x", decided_by="y"
        )
        session.expire_all()
        assert session.get_one(FeedbackItem, number).kind is None


def test_the_span_of_days_leaves_deleted_items_out(database: Database, workspace: int, source: int) -> None:
    with database.write(workspace=workspace) as session:
        assert feedback.span_of_days(session, workspace=workspace) is None
        upsert(session, workspace, source, ticket_created_at=NOON - timedelta(days=9))
        withdraw(session, workspace, source)
        for number in (1, 5):
            factories.item(session, workspace, source, external_id=f"X-{number}", at=factories.noon(number))
        assert feedback.span_of_days(session, workspace=workspace) == (factories.noon(1), factories.noon(5))
