"""Feedback items: what customers said, written by intake, read by everybody."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from models.errors import NotFound
from models.jobs import Job
from models.queries import search, ticket_rows, ticket_states, turns, work
from models.queries.standing import note_standing
from models.queries.ticket_rows import DOUBT, TicketRows
from models.queries.ticket_states import ATTRIBUTES
from models.queries.within import within
from models.records import Embedding, FeedbackItem, JsonObject, ThemeQuote
from models.values.feedback import FIRST_MESSAGE, TOMBSTONE, AuthorRole, Turn
from models.values.kinds import Kind

__all__ = ["TOMBSTONE", "ItemDraft", "StatusDraft"]

UNSAID = datetime(1970, 1, 1, tzinfo=UTC)
"""Clock of a text that nobody has said yet: whoever says it is newer, however late it comes."""


@dataclass(frozen=True, slots=True)
class ItemDraft:
    """A message as intake read it: cleaned, redacted, its person already a keyed hash."""

    source_id: int
    external_id: str
    message_id: str
    created_at: datetime
    ticket_created_at: datetime
    changed_at: datetime
    status: str | None
    subject: str | None
    # None: nothing was said of it; what is stored stays.
    text: str | None
    removed: list[JsonObject]
    author_role: AuthorRole
    person_id: int | None
    account_key: str | None
    plan: str | None
    product_area: str | None
    channel: str | None
    tags: list[str] | None
    rating: JsonObject | None
    language: str
    reported_by_agent: bool = False
    # The id under which the vendor names the opening text elsewhere, where this message is that text.
    opener_id: str | None = None
    # Which rules cut and redacted the text.
    text_version: str | None = None


@dataclass(frozen=True, slots=True)
class StatusDraft:
    """New attributes of a record; None leaves what is stored alone."""

    source_id: int
    external_id: str
    changed_at: datetime
    status: str | None = None
    plan: str | None = None
    product_area: str | None = None
    tags: list[str] | None = None
    rating: JsonObject | None = None
    account_key: str | None = None
    channel: str | None = None


def has_opening(session: Session, *, workspace: int, source: int, external_id: str) -> bool:
    """Say whether the text that a record was opened with is stored, or was deleted, alone or with its record."""
    query = select(FeedbackItem.id).where(
        *ticket_rows.named(workspace, source, external_id),
        FeedbackItem.message_id.in_((FIRST_MESSAGE, TOMBSTONE)),
    )
    return session.scalar(query.limit(1)) is not None


def upsert_item(session: Session, *, workspace: int, draft: ItemDraft, now: datetime) -> int | None:
    """Store a message or its newer version; return its id, or None where a later change already stands.

    A message or record that was deleted stays deleted, whatever arrives afterwards. Dates and attributes of the
    ticket are taken from an older version too, where nobody said better.
    """
    ticket = ticket_rows.load(
        session, workspace=workspace, source=draft.source_id, external_id=draft.external_id
    )
    if ticket.is_closed:
        return None
    if draft.opener_id is not None:
        known = {"opener_id": draft.opener_id}
        ticket_states.put_attributes(
            session,
            workspace=workspace,
            state=ticket.state,
            items=(),
            values=known,
            at=draft.changed_at,
            now=now,
        )
    item, is_reworded = None, False
    if ticket.tombstone is None:
        item, is_reworded = _write(session, workspace, ticket, draft)
        session.flush()
        _open_earliest(session, workspace, ticket, draft, now)
    values = {name: getattr(draft, name) for name in ATTRIBUTES}
    ticket_states.put_attributes(
        session, workspace=workspace, state=ticket.state, items=ticket.standing, values=values,
        at=draft.changed_at, now=now,
    )  # fmt: skip
    new = item.id if item is not None and is_reworded else None
    turns.settle(session, workspace=workspace, items=ticket.messages, now=now, new=new)
    if ticket_states.is_joined(ticket.state):
        ticket_states.fold(
            session, workspace=workspace, source=draft.source_id, external_id=draft.external_id, now=now
        )
    if item is not None and is_reworded:
        _after_text_change(session, item, now)
    return None if item is None else item.id


def _write(
    session: Session, workspace: int, ticket: TicketRows, draft: ItemDraft
) -> tuple[FeedbackItem | None, bool]:
    """Write a message's text if it is the newest; return its row if so, and whether its words are others now."""
    is_doubted = draft.message_id == FIRST_MESSAGE and ticket.is_opener_doubted()
    stood = ticket.find(draft.message_id)
    if stood is None:
        item = FeedbackItem(workspace_id=workspace, updated_at=draft.changed_at, **_columns(draft))
        if draft.text is None:
            item.text, item.changed_at = "", UNSAID
        session.add(item)
        ticket.messages.append(item)
        if is_doubted:
            item.text, item.subject, item.removed, item.withdrawn = "", None, [], True
            return None, False
        return item, True
    if stood.erased_at is not None:
        return None, False
    stood.created_at = min(stood.created_at, draft.created_at)
    stood.ticket_created_at = min(stood.ticket_created_at, draft.ticket_created_at)
    stood.person_id = stood.person_id or draft.person_id
    if stood.withdrawn_alone:
        stood.version = max(stood.version, 2)  # it came: its redaction was of no other message
    is_older = draft.text is None if stood.withdrawn else stood.changed_at > draft.changed_at
    if stood.withdrawn_alone or is_doubted or is_older:
        return None, False
    return stood, _rewrite(stood, draft)


_OF_TEXT = ("removed", "language", "changed_at")
"""What a text brings along, its clock among them: who says nothing of the text does not date it."""


def _rewrite(item: FeedbackItem, draft: ItemDraft) -> bool:
    """Give a message its newer version; return whether its words changed."""
    said = (item.text if draft.text is None else draft.text, draft.subject or item.subject)
    was_same = not item.withdrawn and (item.text, item.subject) == said
    kept = ("created_at", "ticket_created_at", *(_OF_TEXT if draft.text is None else ()))
    for name, value in _columns(draft).items():
        if name not in kept and value is not None:
            setattr(item, name, value)
    item.updated_at, item.withdrawn = draft.changed_at, False
    if was_same:
        return False
    item.version += 1
    item.kind = item.kind_why = item.kind_version = None
    return True


def _open_earliest(
    session: Session, workspace: int, ticket: TicketRows, draft: ItemDraft, now: datetime
) -> None:
    """Date all messages of a ticket by the earliest opening that was named, and count anew."""
    opened = min(draft.ticket_created_at, *(item.ticket_created_at for item in ticket.messages))
    later = [item for item in ticket.messages if item.ticket_created_at > opened]
    ticket_states.recount(session, workspace=workspace, items=later, now=now)
    for item in later:
        item.ticket_created_at = opened
    session.flush()
    ticket_states.recount(session, workspace=workspace, items=later, now=now)


def _columns(draft: ItemDraft) -> dict[str, object]:
    """Name the columns that are a message's own: what its ticket has as a whole is written by its state."""
    names = (name for name in ItemDraft.__slots__ if name not in (*ATTRIBUTES, "opener_id"))
    return {name: getattr(draft, name) for name in names}


def _after_text_change(session: Session, item: FeedbackItem, now: datetime) -> None:
    search.index_item(
        session,
        workspace=item.workspace_id,
        item=item.id,
        content=f"{item.subject or ''} {item.text}",
    )
    _drop(session, Embedding, item)
    work.enqueue(
        session,
        workspace=item.workspace_id,
        stage=Job.EMBED,
        subject=item.id,
        version=item.version,
        run_at=now,
    )


def _drop(session: Session, table: type[Embedding | ThemeQuote], item: FeedbackItem) -> None:
    """Remove what was made from an item's text."""
    session.execute(delete(table).where(table.item_id == item.id, within(table, item.workspace_id)))


def update_record(session: Session, *, workspace: int, draft: StatusDraft, now: datetime) -> int:
    """Set attributes of a record that are newer than those known; return how many messages changed.

    They are known from now on, also if no message of the record came yet.
    """
    ticket = ticket_rows.load(
        session, workspace=workspace, source=draft.source_id, external_id=draft.external_id
    )
    if ticket.is_closed:
        return 0
    return ticket_states.put_attributes(
        session,
        workspace=workspace,
        state=ticket.state,
        items=ticket.standing,
        values={name: getattr(draft, name) for name in ATTRIBUTES},
        at=draft.changed_at,
        now=now,
    )


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

    What is removed is remembered, so that a copy arriving later cannot bring it back; only a later restoration of a
    record that was deleted as a whole does. The redaction of a message that we do not know blanks the opening text,
    which may be the same text under another id, until that message turns up or the opening text's own id is told; not
    so with `exact_ids`, and never for a deletion. Return how many messages lost their text.
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
        chosen, alone = [named] if named else [], named is not None
        if named is None:
            doubt = DOUBT if is_redaction and not exact_ids else []
            ticket.messages.append(_remember(session, workspace, ticket, name, changed_at, doubt))
            opener = ticket.find(FIRST_MESSAGE) if ticket.is_opener_doubted() else None
            # The vendor may name the opening text by another id than we know it by.
            chosen = [opener] if opener is not None else []
    # What an erasure emptied goes on counting: the vendor's deletion takes no more from it.
    standing = [item for item in chosen if not item.withdrawn and item.erased_at is None]
    for item in chosen:
        item.withdrawn_alone |= alone
    for item in standing:
        _erase(session, item, changed_at, now)
    session.flush()
    if standing and ticket_states.is_joined(ticket.state):
        ticket_states.fold(session, workspace=workspace, source=source, external_id=external_id, now=now)
    return len(standing)


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
    item.text, item.subject, item.removed = "", None, []
    item.withdrawn, item.version = True, item.version + 1
    item.changed_at = item.updated_at = changed_at
    item.counted, item.kind_why = False, None
    search.drop_item(session, workspace=item.workspace_id, item=item.id)
    _drop(session, Embedding, item)
    _drop(session, ThemeQuote, item)
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


def load_items(
    session: Session, *, workspace: int, items: Sequence[int], lock: bool = False
) -> list[FeedbackItem]:
    """Load items of the workspace by id, in order of id; locked, nobody changes them before the transaction ends."""
    query = select(FeedbackItem).where(FeedbackItem.workspace_id == workspace, FeedbackItem.id.in_(items))
    query = query.order_by(FeedbackItem.id)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    return list(session.scalars(query))


def get_item(session: Session, *, workspace: int, item: int) -> FeedbackItem:
    """Load one item of the workspace."""
    found = session.get(FeedbackItem, item)
    if found is None or found.workspace_id != workspace or found.withdrawn or found.erased_at:
        raise NotFound(f"There is no item fb_{item}.")
    return found


def set_kind(
    session: Session, *, workspace: int, item: int, version: int, kind: Kind, why: str, decided_by: str
) -> None:
    """Write an item's kind, unless the item was edited meanwhile."""
    session.execute(
        update(FeedbackItem)
        .where(
            FeedbackItem.id == item, FeedbackItem.workspace_id == workspace, FeedbackItem.version == version
        )
        .values(kind=kind, kind_why=why[:300], kind_version=decided_by)
        .execution_options(synchronize_session=False)
    )


def span_of_days(session: Session, *, workspace: int) -> tuple[datetime, datetime] | None:
    """Return the first and last moment at which a ticket was opened; None without items."""
    query = select(FeedbackItem.ticket_created_at).where(
        FeedbackItem.workspace_id == workspace, FeedbackItem.withdrawn.is_(False)
    )
    first = session.scalar(query.order_by(FeedbackItem.ticket_created_at).limit(1))
    last = session.scalar(query.order_by(FeedbackItem.ticket_created_at.desc()).limit(1))
    return (first, last) if first and last else None
