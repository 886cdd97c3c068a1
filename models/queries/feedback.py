"""Feedback items: what customers said, written by intake, read by everybody."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Select, and_, delete, exists, or_, select, update
from sqlalchemy.orm import Session, aliased

from models.errors import NotFound
from models.jobs import Job
from models.queries import counts, search, work
from models.queries.listing import themes_of
from models.queries.upsert import insert_or_ignore
from models.queries.within import within
from models.queries.workspaces import hash_person
from models.records import (
    Embedding,
    FeedbackItem,
    JsonObject,
    Person,
    ThemeQuote,
    Workspace,
)
from models.values.feedback import FIRST_MESSAGE, AuthorRole
from models.values.kinds import Kind

# Message id of the row that remembers that a whole record was deleted, also when its text comes later.
TOMBSTONE = ""


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
    text: str
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


@dataclass(frozen=True, slots=True)
class StatusDraft:
    """New attributes of a record; None leaves what is stored alone."""

    source_id: int
    external_id: str
    changed_at: datetime
    status: str | None = None
    subject: str | None = None
    plan: str | None = None
    product_area: str | None = None
    tags: list[str] | None = None
    rating: JsonObject | None = None


def ensure_person(session: Session, *, workspace: int, identity: str, now: datetime) -> int:
    """Find the person behind a vendor's customer id or address, or add one; return the id."""
    key = session.get_one(Workspace, workspace).person_key
    digest = hash_person(key, identity)
    found = select(Person.id).where(Person.workspace_id == workspace, Person.digest == digest)
    person = session.scalar(found)
    if person is None:
        row = {"workspace_id": workspace, "digest": digest, "first_seen_at": now}
        person = insert_or_ignore(session, Person, row, key=("workspace_id", "digest"))
    return person if person is not None else session.scalars(found).one()


def has_record(session: Session, *, workspace: int, source: int, external_id: str) -> bool:
    """Say whether anything of this record is stored, deleted or not."""
    query = select(FeedbackItem.id).where(*_named(workspace, source, external_id))
    return session.scalar(query.limit(1)) is not None


def upsert_item(session: Session, *, workspace: int, draft: ItemDraft, now: datetime) -> int | None:
    """Store a message or its newer version; return its id, or None where a later change already stands.

    A message or record that was deleted stays deleted, whatever arrives afterwards.
    """
    if _find(session, workspace, draft.source_id, draft.external_id, TOMBSTONE):
        return None
    stood = _find(session, workspace, draft.source_id, draft.external_id, draft.message_id)
    if stood is None:
        _open_earlier(session, workspace, draft, now)
        item = FeedbackItem(workspace_id=workspace, updated_at=draft.changed_at, **_columns(draft))
        session.add(item)
        session.flush()
    elif stood.withdrawn or stood.changed_at > draft.changed_at:
        return None
    else:
        item = stood
        is_same_text = (item.text, item.subject) == (draft.text, draft.subject)
        # Dates of creation are facts of the first sighting: an edit must not move a complaint to another day.
        for name, value in _columns(draft).items():
            if name not in ("created_at", "ticket_created_at") and value is not None:
                setattr(item, name, value)
        item.updated_at = draft.changed_at
        if is_same_text:
            return item.id
        item.version += 1
        item.kind = item.kind_why = item.kind_version = None
    _after_text_change(session, item, now)
    return item.id


def _open_earlier(session: Session, workspace: int, draft: ItemDraft, now: datetime) -> None:
    """Date the record's stored messages by a ticket opening that turns out to be earlier, and count anew."""
    later = session.scalars(
        _of_record(workspace, draft.source_id, draft.external_id).where(
            FeedbackItem.ticket_created_at > draft.ticket_created_at
        )
    ).all()
    if not later:
        return
    zone = ZoneInfo(session.get_one(Workspace, workspace).time_zone)
    themes = themes_of(session, workspace=workspace, items=[item.id for item in later])
    for item in later:
        days = (item.ticket_created_at, draft.ticket_created_at)
        pairs = [(themes[item.id], day) for day in days if item.id in themes]
        counts.mark(session, workspace=workspace, pairs=pairs, zone=zone, now=now)
        item.ticket_created_at = draft.ticket_created_at
    session.flush()


def _columns(draft: ItemDraft) -> dict[str, object]:
    return {name: getattr(draft, name) for name in ItemDraft.__slots__}


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


def update_record(session: Session, *, workspace: int, draft: StatusDraft) -> int:
    """Set attributes of a record that are newer than those stored; return how many messages changed."""
    items = session.scalars(
        _of_record(workspace, draft.source_id, draft.external_id).where(
            FeedbackItem.changed_at <= draft.changed_at
        )
    ).all()
    for item in items:
        for name in ("status", "subject", "plan", "product_area", "tags", "rating"):
            value = getattr(draft, name)
            if value is not None:
                setattr(item, name, value)
        item.updated_at = draft.changed_at
    return len(items)


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
) -> int:
    """Remove the text, vector and quotes of a message, or of a whole record where `message_id` is None.

    What is removed is remembered, so that a copy arriving later cannot bring it back. The redaction of a
    message that we do not know blanks the opening text, which may be the same text under another id; the
    deletion of one does not. Return how many messages lost their text.
    """
    items = session.scalars(_of_record(workspace, source, external_id)).all()
    chosen = [item for item in items if message_id is None or item.message_id == message_id]
    if message_id is None or not chosen:
        _remember(session, workspace, source, external_id, message_id or TOMBSTONE, changed_at)
    if message_id is not None and not chosen and is_redaction:
        # The vendor may name the opening text by another id than we know it by.
        chosen = [item for item in items if item.message_id == FIRST_MESSAGE]
    for item in chosen:
        _erase(session, item, changed_at, now)
    return len(chosen)


def restore(session: Session, *, workspace: int, source: int, external_id: str) -> None:
    """Forget that a record was deleted, so that its text may be stored again.

    Messages that were deleted or redacted by themselves before stay so.
    """
    tombstone = _find(session, workspace, source, external_id, TOMBSTONE)
    if tombstone is None:
        return
    session.execute(
        update(FeedbackItem)
        .where(*_named(workspace, source, external_id), FeedbackItem.changed_at >= tombstone.changed_at)
        .values(withdrawn=False)
    )
    session.delete(tombstone)
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
    session: Session, workspace: int, source: int, external_id: str, message_id: str, at: datetime
) -> None:
    row = {
        "workspace_id": workspace,
        "source_id": source,
        "external_id": external_id,
        "message_id": message_id,
        "version": 1,
        "created_at": at,
        "ticket_created_at": at,
        "updated_at": at,
        "changed_at": at,
        "text": "",
        "removed": [],
        "author_role": AuthorRole.CUSTOMER,
        "counted": False,
        "withdrawn": True,
        "language": "und",
    }
    insert_or_ignore(session, FeedbackItem, row, key=("source_id", "external_id", "message_id"))


def _named(workspace: int, source: int, external_id: str) -> tuple[ColumnElement[bool], ...]:
    """Build the conditions "a row of this record", deleted or not."""
    return (
        within(FeedbackItem, workspace),
        FeedbackItem.source_id == source,
        FeedbackItem.external_id == external_id,
    )


def _find(
    session: Session, workspace: int, source: int, external_id: str, message_id: str
) -> FeedbackItem | None:
    named = _named(workspace, source, external_id)
    return session.scalar(select(FeedbackItem).where(*named, FeedbackItem.message_id == message_id))


def _of_record(workspace: int, source: int, external_id: str) -> Select[FeedbackItem]:
    return select(FeedbackItem).where(
        *_named(workspace, source, external_id), FeedbackItem.withdrawn.is_(False)
    )


def ticket_opened_at(session: Session, *, workspace: int, source: int, external_id: str) -> datetime | None:
    """Say when the record was opened, from its stored messages."""
    query = select(FeedbackItem.ticket_created_at).where(*_named(workspace, source, external_id))
    return session.scalar(query.order_by(FeedbackItem.ticket_created_at).limit(1))


def load_items(session: Session, *, workspace: int, items: Sequence[int]) -> list[FeedbackItem]:
    """Load items of the workspace by id, in order of id."""
    return list(
        session.scalars(
            select(FeedbackItem)
            .where(FeedbackItem.workspace_id == workspace, FeedbackItem.id.in_(items))
            .order_by(FeedbackItem.id)
        )
    )


def openers(session: Session, *, workspace: int, items: Sequence[FeedbackItem]) -> set[int]:
    """Return those of the items that are the earliest message of their record."""
    other = aliased(FeedbackItem)
    earlier = exists().where(
        other.source_id == FeedbackItem.source_id,
        other.external_id == FeedbackItem.external_id,
        other.message_id != TOMBSTONE,
        or_(
            other.created_at < FeedbackItem.created_at,
            and_(other.created_at == FeedbackItem.created_at, other.id < FeedbackItem.id),
        ),
    )
    query = select(FeedbackItem.id).where(
        FeedbackItem.id.in_([item.id for item in items]), FeedbackItem.workspace_id == workspace, ~earlier
    )
    return set(session.scalars(query))


def get_item(session: Session, *, workspace: int, item: int) -> FeedbackItem:
    """Load one item of the workspace."""
    found = session.get(FeedbackItem, item)
    if found is None or found.workspace_id != workspace or found.withdrawn:
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
