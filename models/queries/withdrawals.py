"""What a tool took back: messages and whole records that were deleted or redacted, and their restoration."""

from datetime import datetime

from sqlalchemy.orm import Session

from models.jobs import Job
from models.queries import search, ticket_rows, ticket_states, unsaid, work
from models.queries.standing import note_standing
from models.queries.ticket_rows import DOUBT, TicketRows
from models.records import Embedding, FeedbackItem, JsonObject, ThemeQuote
from models.values.feedback import FIRST_MESSAGE, TOMBSTONE, AuthorRole, Turn


def withdraw(
    session: Session,
    *,
    workspace: int,
    source: int,
    external_id: str,
    message_id: str | None,
    is_redaction: bool,
    changed_at: datetime,
    now: datetime,
    exact_ids: bool = False,
) -> int:
    """Remove the text, vector and quotes of a message, or of a whole record where `message_id` is None.

    What names of themes and reasons of links say of it goes with `unsaid.unsay_taken`, at the end of the transaction.

    What is removed is remembered, so that a copy arriving later cannot bring it back; only a restoration does that is
    newer than a deletion, of the whole record or of the one message. The redaction of a message that we do not know
    blanks the opening text, which may be the same text under another id, until that message turns up or the opening
    text's own id is told; not so with `exact_ids`, and never for a deletion. Return how many messages lost their
    text.
    """
    ticket = ticket_rows.load(session, workspace=workspace, source=source, external_id=external_id)
    if message_id is None:
        restored_at = ticket.state.restored_at
        if not is_redaction and restored_at is not None and restored_at > changed_at:
            return 0
        _bury(session, workspace, ticket, is_redaction, changed_at)
        chosen, alone = ticket.messages, is_redaction
    else:
        opener_id = ticket_states.value_of(ticket.state, "opener_id")
        name = FIRST_MESSAGE if message_id == opener_id else message_id
        named = ticket.find(name) or ticket.find(message_id)
        if named is not None and not is_redaction and _was_restored_since(named, changed_at):
            return 0
        chosen, alone = [named] if named else [], named is not None
        if named is None:
            doubt = DOUBT if is_redaction and not exact_ids else []
            remembered = _remember(session, workspace, ticket, name, changed_at, doubt)
            remembered.deleted_at = None if is_redaction else changed_at
            ticket.messages.append(remembered)
            opener = ticket.find(FIRST_MESSAGE) if ticket.is_opener_doubted() else None
            # The vendor may name the opening text by another id than we know it by.
            chosen = [opener] if opener is not None else []
    # What an erasure emptied goes on counting: the vendor's deletion takes no more from it.
    standing = [item for item in chosen if not item.withdrawn and item.erased_at is None]
    for item in chosen if alone else ():
        _note_alone(item, is_redaction, changed_at)
    for item in standing:
        _erase(session, item, changed_at, now)
    session.flush()
    if standing and ticket_states.is_joined(ticket.state):
        ticket_states.fold(session, workspace=workspace, source=source, external_id=external_id, now=now)
    return len(standing)


def _was_restored_since(item: FeedbackItem, moment: datetime) -> bool:
    return item.restored_at is not None and item.restored_at > moment


def _note_alone(item: FeedbackItem, is_redaction: bool, changed_at: datetime) -> None:
    """Note that a message was deleted by itself, or redacted, which no deletion of before or after makes less."""
    is_redacted = is_redaction or (item.withdrawn_alone and item.deleted_at is None)
    item.deleted_at = None if is_redacted else max(item.deleted_at or changed_at, changed_at)
    item.withdrawn_alone = True


def restore_message(
    session: Session,
    *,
    workspace: int,
    source: int,
    external_id: str,
    message_id: str,
    changed_at: datetime,
) -> None:
    """Forget that a message was deleted by itself before a moment, so that its text may be stored again.

    A redaction stays, and so does the deletion of its whole record. A deletion of before that comes late changes
    nothing, also where this is the first that is heard of the message.
    """
    ticket = ticket_rows.load(session, workspace=workspace, source=source, external_id=external_id)
    if ticket.is_closed:
        return
    item = ticket.find(message_id)
    if item is None:
        item = _remember(session, workspace, ticket, message_id, changed_at, [])
        item.withdrawn_alone = False
    item.restored_at = max(item.restored_at or changed_at, changed_at)
    if item.deleted_at is not None and item.deleted_at < changed_at:
        item.withdrawn_alone, item.deleted_at = False, None
    session.flush()


def restore(
    session: Session, *, workspace: int, source: int, external_id: str, changed_at: datetime, now: datetime
) -> None:
    """Forget that a record was deleted or merged before a moment (`note_standing` says what stays as it is)."""
    state = ticket_states.ensure(session, workspace=workspace, source=source, external_id=external_id)
    ticket_states.unmerge(session, workspace=workspace, state=state, at=changed_at, now=now)
    note_standing(session, workspace=workspace, source=source, external_id=external_id, changed_at=changed_at)


def _bury(
    session: Session, workspace: int, ticket: TicketRows, is_redaction: bool, changed_at: datetime
) -> None:
    """Remember that a whole record was deleted, or redacted for good."""
    grave = ticket.tombstone or _remember(session, workspace, ticket, TOMBSTONE, changed_at, [])
    grave.changed_at = max(grave.changed_at, changed_at)
    grave.withdrawn_alone |= is_redaction


def close_record(session: Session, *, workspace: int, source: int, external_id: str, now: datetime) -> None:
    """Take no text for a record any more, for its person was erased; the vendor cannot undo this."""
    ticket = ticket_rows.load(session, workspace=workspace, source=source, external_id=external_id)
    grave = ticket.tombstone or _remember(session, workspace, ticket, TOMBSTONE, now, [])
    grave.erased_at = now
    ticket_states.forget_words(ticket.state)
    session.flush()


def _erase(session: Session, item: FeedbackItem, changed_at: datetime, now: datetime) -> None:
    unsaid.take(session, item=item)
    item.text, item.subject, item.removed = "", None, []
    item.withdrawn, item.version = True, item.version + 1
    item.changed_at = item.updated_at = changed_at
    item.counted, item.kind_why = False, None
    search.drop_item(session, workspace=item.workspace_id, item=item.id)
    ticket_rows.drop_made(session, workspace=item.workspace_id, item=item.id, tables=(Embedding, ThemeQuote))
    work.mark_dirty(
        session,
        workspace=item.workspace_id,
        stage=Job.PLACE,
        subject=item.id,
        version=item.version,
        run_at=now,
    )


def _remember(
    session: Session,
    workspace: int,
    ticket: TicketRows,
    message_id: str,
    at: datetime,
    removed: list[JsonObject],
) -> FeedbackItem:
    """Add the row that stands for a message, or for a whole record, which is not to come back."""
    item = FeedbackItem(
        workspace_id=workspace,
        source_id=ticket.state.source_id,
        external_id=ticket.state.external_id,
        message_id=message_id,
        version=1,
        created_at=at,
        ticket_created_at=at,
        updated_at=at,
        changed_at=at,
        text="",
        removed=removed,
        author_role=AuthorRole.CUSTOMER,
        reported_by_agent=False,
        counted=False,
        withdrawn=True,
        withdrawn_alone=message_id != TOMBSTONE,
        turn=Turn.FOLLOWS,
        language="und",
    )
    session.add(item)
    session.flush()
    return item
