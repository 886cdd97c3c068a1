"""One message deleted and restored: the newer of the two holds, in whatever order and number they come."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import permutations

import pytest
from sqlalchemy import select

from models.database import Database, Session
from models.queries import search
from models.records import FeedbackItem, Source
from models.values.feedback import FIRST_MESSAGE, Action, AuthorRole, FeedbackChange
from tests import factories
from tests.clock import NOON
from workers.apply import Origin, apply, prepare

Told = tuple[Action, int]
"""What the vendor says of the message, and when it happened: a letter of the alphabet of these tests."""

UPSERT, DELETE, RESTORE, REDACT = Action.UPSERT, Action.DELETE, Action.RESTORE, Action.REDACT


@pytest.fixture
def source(database: Database, workspace: int) -> int:
    with database.write(workspace=workspace) as session:
        return factories.source(session, workspace)


def moment(number: int) -> datetime:
    return NOON + timedelta(minutes=number)


def change_of(told: Told, record: str, message: str | None) -> FeedbackChange:
    action, at = told
    change = FeedbackChange(action, record, message, occurred_at=moment(at))
    if action in (DELETE, REDACT) or message is None:
        return change
    return FeedbackChange(
        action,
        record,
        message,
        occurred_at=moment(at),
        created_at=moment(0),
        body=f"The export fails, as of {at}.",
        author_role=AuthorRole.CUSTOMER,
        customer_id="ann",
    )


def tell(session: Session, workspace: int, source: int, *changes: FeedbackChange) -> None:
    for change in changes:
        row = session.get_one(Source, source)
        apply(session, Origin(workspace, row, NOON, NOON), prepare(change))


def shown(session: Session, record: str, message: str) -> str | None:
    """Return what stands of the message, and see that it is found by its words exactly then."""
    query = select(FeedbackItem).where(FeedbackItem.external_id == record, FeedbackItem.message_id == message)
    item = session.scalars(query).one_or_none()
    if item is None:
        return None
    says = search.matches(session, workspace=item.workspace_id, query="export")
    is_found = session.scalar(select(FeedbackItem.id).where(FeedbackItem.id == item.id, says)) is not None
    assert is_found is not item.withdrawn
    assert bool(item.text) is not item.withdrawn
    return item.text or None


@pytest.mark.parametrize("message", ["7", FIRST_MESSAGE])
@pytest.mark.parametrize(
    ("events", "stands"),
    [
        ([(UPSERT, 0), (DELETE, 1), (RESTORE, 2)], 2),
        ([(UPSERT, 0), (RESTORE, 1), (DELETE, 2)], None),
        ([(UPSERT, 0), (DELETE, 1), (RESTORE, 2), (DELETE, 3)], None),
        ([(DELETE, 1), (RESTORE, 2), (DELETE, 3), (RESTORE, 4)], 4),
        ([(UPSERT, 0), (DELETE, 2), (RESTORE, 2)], None),
        ([(UPSERT, 0), (REDACT, 1), (RESTORE, 2)], None),
        ([(DELETE, 1), (REDACT, 2), (RESTORE, 3)], None),
        ([(REDACT, 1), (DELETE, 2), (RESTORE, 3), (UPSERT, 4)], None),
    ],
)
def test_the_newer_of_deletion_and_restoration_holds_and_a_redaction_always(
    database: Database,
    workspace: int,
    source: int,
    message: str,
    events: Sequence[Told],
    stands: int | None,
) -> None:
    wanted = None if stands is None else f"The export fails, as of {stands}."
    with database.write(workspace=workspace) as session:
        for number, order in enumerate(permutations(events)):
            record = f"T-{number}"
            changes = [change_of(told, record, message) for told in order]
            tell(session, workspace, source, *changes)
            assert shown(session, record, message) == wanted, order
            tell(session, workspace, source, *changes)
            assert shown(session, record, message) == wanted, f"{order}, twice"


def test_a_message_that_was_restored_while_its_record_was_deleted_takes_its_text_again(
    database: Database, workspace: int, source: int
) -> None:
    of_message, of_record = [(UPSERT, 0), (DELETE, 1), (RESTORE, 2)], [(DELETE, 3), (RESTORE, 4)]
    with database.write(workspace=workspace) as session:
        for number, order in enumerate(permutations([*of_message, *of_record])):
            record = f"T-{number}"
            changes = [change_of(told, record, "7" if told in of_message else None) for told in order]
            tell(session, workspace, source, *changes)
            tell(session, workspace, source, change_of((RESTORE, 2), record, "7"))
            assert shown(session, record, "7") == "The export fails, as of 2.", order


def test_a_restored_message_brings_no_deleted_record_back(
    database: Database, workspace: int, source: int
) -> None:
    with database.write(workspace=workspace) as session:
        for message in ("7", "8"):
            tell(session, workspace, source, change_of((UPSERT, 0), "T-1", message))
        tell(session, workspace, source, change_of((DELETE, 1), "T-1", None))
        tell(session, workspace, source, change_of((RESTORE, 2), "T-1", "7"))
        assert [shown(session, "T-1", message) for message in ("7", "8")] == [None, None]
