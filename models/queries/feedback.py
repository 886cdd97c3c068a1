"""Feedback items: what customers said, written by intake, read by everybody."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from models.errors import NotFound
from models.jobs import Job
from models.queries import search, ticket_rows, ticket_states, turns, work
from models.queries.ticket_rows import TicketRows
from models.queries.ticket_states import ATTRIBUTES, Told
from models.records import Embedding, FeedbackItem, JsonObject
from models.values.feedback import FIRST_MESSAGE, TOMBSTONE, AuthorRole
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
    brand: str | None = None
    group: str | None = None
    form: str | None = None
    spam: bool | None = None
    domain_digest: str | None = None
    # Revision of the source's map under which it was read.
    map_revision: int = 0


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
    brand: str | None = None
    group: str | None = None
    form: str | None = None
    spam: bool | None = None
    domain_digest: str | None = None
    # When the ticket was opened, by whoever the domain is of; None where the change does not say.
    opened_at: datetime | None = None
    map_revision: int = 0


def has_text(session: Session, *, workspace: int, source: int, external_id: str, message_id: str) -> bool:
    """Say whether a message's text is stored, or was deleted, alone or with its record.

    A message of which nobody told the text yet has none.
    """
    query = select(FeedbackItem.id).where(
        *ticket_rows.named(workspace, source, external_id),
        FeedbackItem.message_id.in_((message_id, TOMBSTONE)),
        FeedbackItem.changed_at > UNSAID,
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
        opener = Told({"opener_id": draft.opener_id}, draft.changed_at)
        ticket_states.put_attributes(
            session, workspace=workspace, state=ticket.state, items=(), told=opener, now=now
        )
    item, is_reworded = None, False
    if ticket.tombstone is None:
        item, is_reworded = _write(session, workspace, ticket, draft)
        session.flush()
        _hand_over(session, workspace, ticket, draft, now)
        _open_earliest(session, workspace, ticket, draft, now)
    told = Told(_attributes(draft), draft.changed_at, draft.created_at, draft.map_revision)
    ticket_states.put_attributes(
        session, workspace=workspace, state=ticket.state, items=ticket.standing, told=told, now=now
    )
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
        item.person_at = None if draft.person_id is None else draft.changed_at
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
    if stood.withdrawn_alone:
        stood.version = max(stood.version, 2)  # it came: its redaction was of no other message
    is_older = draft.text is None if stood.withdrawn else stood.changed_at > draft.changed_at
    if stood.withdrawn_alone or is_doubted or is_older:
        return None, False
    return stood, _rewrite(stood, draft)


_OF_TEXT = ("removed", "text_version", "language", "changed_at")
"""What a text brings along, its clock among them: who says nothing of the text does not date it."""


def _rewrite(item: FeedbackItem, draft: ItemDraft) -> bool:
    """Give a message its newer version; return whether its words changed."""
    said = (item.text if draft.text is None else draft.text, draft.subject or item.subject)
    was_same = not item.withdrawn and (item.text, item.subject) == said
    kept = ("created_at", "ticket_created_at", "person_id", *(_OF_TEXT if draft.text is None else ()))
    for name, value in _columns(draft).items():
        if name not in kept and value is not None:
            setattr(item, name, value)
    item.updated_at, item.withdrawn = draft.changed_at, False
    if was_same:
        return False
    item.version += 1
    item.kind = item.kind_why = item.kind_version = None
    return True


def _hand_over(session: Session, workspace: int, ticket: TicketRows, draft: ItemDraft, now: datetime) -> None:
    """Let a message be of whom the newest change names, however old its text is, and have its day counted anew."""
    item = ticket.find(draft.message_id)
    if item is None or item.erased_at is not None or draft.person_id is None:
        return
    if item.person_id is not None and (item.person_at or item.changed_at) > draft.changed_at:
        return
    is_other = item.person_id != draft.person_id
    item.person_id, item.person_at = draft.person_id, draft.changed_at
    session.flush()
    if is_other:
        ticket_states.recount(session, workspace=workspace, items=[item], now=now)


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
    others = (*ATTRIBUTES, "opener_id", "map_revision")
    return {name: getattr(draft, name) for name in ItemDraft.__slots__ if name not in others}


def _attributes(draft: ItemDraft | StatusDraft) -> dict[str, object]:
    return {name: getattr(draft, name) for name in ATTRIBUTES}


def _after_text_change(session: Session, item: FeedbackItem, now: datetime) -> None:
    search.index_item(
        session,
        workspace=item.workspace_id,
        item=item.id,
        content=f"{item.subject or ''} {item.text}",
    )
    ticket_rows.drop_made(session, workspace=item.workspace_id, item=item.id, tables=(Embedding,))
    work.enqueue(
        session,
        workspace=item.workspace_id,
        stage=Job.EMBED,
        subject=item.id,
        version=item.version,
        run_at=now,
    )


def update_record(session: Session, *, workspace: int, draft: StatusDraft, now: datetime) -> int:
    """Set attributes of a record that are newer than those known; return how many messages changed.

    They are known from now on, also if no message of the record came yet.
    """
    ticket = ticket_rows.load(
        session, workspace=workspace, source=draft.source_id, external_id=draft.external_id
    )
    if ticket.is_closed:
        return 0
    told = Told(_attributes(draft), draft.changed_at, draft.opened_at, draft.map_revision)
    return ticket_states.put_attributes(
        session, workspace=workspace, state=ticket.state, items=ticket.standing, told=told, now=now
    )


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
