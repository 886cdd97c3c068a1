"""Erasing a person: their words go, their counts stay, and a receipt says so."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, delete, exists, func, not_, null, or_, select, update
from sqlalchemy.orm import Session, aliased

from models.jobs import Job, WorkState
from models.queries import counts, feedback, search, shadow_stream, unsaid, withdrawals
from models.queries.listing import themes_of
from models.queries.within import within
from models.queries.workspaces import get_workspace
from models.records import (
    Delivery,
    DeliveryState,
    Embedding,
    Erasure,
    FeedbackItem,
    PersonIdentity,
    Shadow,
    Source,
    ThemeQuote,
    ThemeStreamState,
    Work,
)

_AT_ONCE = 500
_OF_ITEMS = (Job.EMBED, Job.PLACE)


@dataclass(frozen=True, slots=True)
class RecordKey:
    """A vendor's record: a ticket, a conversation."""

    source: int
    external_id: str


@dataclass(frozen=True, slots=True)
class RawBody:
    """What is stored of a delivery as it came, maybe sealed, with what it takes to open and read it."""

    id: int
    key: str
    headers: Mapping[str, str]
    body: bytes
    received_at: datetime
    source: Source
    waits: bool


@dataclass(frozen=True, slots=True)
class Removed:
    """What went."""

    items: int
    vectors: int
    quotes: int
    deliveries: int
    labels: int


@dataclass(frozen=True, slots=True)
class ReceiptDraft:
    """A receipt before it is stored; `left` and `counts_unchanged` were looked up after the removal."""

    at: datetime
    actor: str
    digests: tuple[str, ...]
    persons: int
    removed: Removed
    left: int
    counts_unchanged: bool
    receipt_hash: str


def items_of(session: Session, *, workspace: int, persons: Sequence[int]) -> list[int]:
    """Return the items that these persons wrote and whose words still stand here."""
    query = select(FeedbackItem.id).where(
        FeedbackItem.person_id.in_(persons), within(FeedbackItem, workspace), _has_words()
    )
    return list(session.scalars(query.order_by(FeedbackItem.id)))


def _has_words() -> ColumnElement[bool]:
    return and_(FeedbackItem.withdrawn.is_(False), FeedbackItem.erased_at.is_(None))


def withdrawn_of(session: Session, *, workspace: int, persons: Sequence[int]) -> list[int]:
    """Return the items that these persons wrote and that the vendor deleted: a restoration would fill them again."""
    query = select(FeedbackItem.id).where(
        FeedbackItem.person_id.in_(persons),
        within(FeedbackItem, workspace),
        FeedbackItem.withdrawn.is_(True),
        FeedbackItem.erased_at.is_(None),
    )
    return list(session.scalars(query.order_by(FeedbackItem.id)))


def records_of(session: Session, *, workspace: int, persons: Sequence[int]) -> list[RecordKey]:
    """Return the vendors' records in which these persons wrote, also those that the vendor deleted."""
    query = (
        select(FeedbackItem.source_id, FeedbackItem.external_id)
        .where(FeedbackItem.person_id.in_(persons), within(FeedbackItem, workspace))
        .distinct()
        .order_by(FeedbackItem.source_id, FeedbackItem.external_id)
    )
    return [RecordKey(source, external_id) for source, external_id in session.execute(query)]


def raw_bodies(session: Session, *, workspace: int, after: int, limit: int) -> list[RawBody]:
    """Return deliveries whose raw body is still here, by id; `waits`: it is yet to be read, by a worker in time."""
    alive = exists().where(
        Work.stage == Job.INTAKE, Work.subject == Delivery.id, Work.state == WorkState.READY
    )
    rows = session.execute(
        select(Delivery, Source, and_(Delivery.state == DeliveryState.OPEN, alive))
        .join(Source, Source.id == Delivery.source_id)
        .where(Delivery.workspace_id == workspace, Delivery.body_expired_at.is_(None), Delivery.id > after)
        .order_by(Delivery.id)
        .limit(limit)
    )
    return [
        RawBody(row.id, row.key, row.headers, row.body, row.received_at, source, bool(waits))
        for row, source, waits in rows
    ]


def erase_items(session: Session, *, workspace: int, items: Sequence[int], now: datetime) -> Removed:
    """Remove text, subject, tags, vectors, quotes and search entries of items; their rows go on counting.

    Labels, keywords and links of themes lose the words that nobody but these items says. Records that are theirs
    alone take no text any more. Streams that workers hold in memory are loaded anew.
    """
    vectors = quotes = 0
    _lock(session, workspace, items)
    words = unsaid.words_of(session, workspace=workspace, items=items)
    for start in range(0, len(items), _AT_ONCE):
        chunk = items[start : start + _AT_ONCE]
        _blank(session, workspace, chunk, now)
        vectors += _delete(session, Embedding, workspace, chunk)
        quotes += _delete(session, ThemeQuote, workspace, chunk)
    for item in items:
        search.drop_item(session, workspace=workspace, item=item)
    _close_records(session, workspace, items, now)
    # Last, as in intake: whoever waits for a theme or its work holds no record that this waits for.
    labels = unsaid.unsay(session, workspace=workspace, words=words, items=items, now=now)
    if vectors:
        session.execute(
            update(ThemeStreamState)
            .where(ThemeStreamState.workspace_id == workspace)
            .values(version=ThemeStreamState.version + 1)
        )
        session.execute(
            update(Shadow)
            .where(Shadow.workspace_id == workspace)
            # Its report names themes by customers' words: it is made anew.
            .values(version=Shadow.version + 1, report=null(), reported_at=None)
        )
        shadow_stream.follow(session, workspace=workspace, now=now)
    return Removed(len(items), vectors, quotes, 0, labels)


def _lock(session: Session, workspace: int, items: Sequence[int]) -> None:
    """Wait for whoever writes about these items, and let nobody begin before this transaction ends."""
    for start in range(0, len(items), _AT_ONCE):
        chosen = FeedbackItem.id.in_(items[start : start + _AT_ONCE]), FeedbackItem.workspace_id == workspace
        query = select(FeedbackItem.id).where(*chosen).order_by(FeedbackItem.id).with_for_update()
        session.execute(query).all()


def _delete(
    session: Session, table: type[Embedding | ThemeQuote], workspace: int, items: Sequence[int]
) -> int:
    result = session.execute(
        delete(table)
        .where(table.item_id.in_(items), within(table, workspace))
        .execution_options(synchronize_session=False)
    )
    return int(result.rowcount)  # type: ignore[attr-defined]


def _blank(session: Session, workspace: int, items: Sequence[int], now: datetime) -> None:
    """Take the words out of rows, and drop what workers were still to do with them."""
    session.execute(
        update(FeedbackItem)
        .where(FeedbackItem.id.in_(items), FeedbackItem.workspace_id == workspace)
        .values(
            text="",
            subject=None,
            removed=[],
            tags=None,
            kind_why=None,
            domain_digest=None,
            version=FeedbackItem.version + 1,
            erased_at=now,
        )
        .execution_options(synchronize_session="fetch")
    )
    session.execute(
        delete(Work)
        .where(
            Work.workspace_id == workspace,
            Work.stage.in_(_OF_ITEMS),
            Work.subject.in_(items),
            Work.state != WorkState.DONE,
        )
        .execution_options(synchronize_session=False)
    )
    # An account that is a person's address is a person.
    session.execute(
        update(FeedbackItem)
        .where(
            FeedbackItem.id.in_(items),
            FeedbackItem.workspace_id == workspace,
            FeedbackItem.account_key.like("%@%"),
        )
        .values(account_key=None)
    )


def _close_records(session: Session, workspace: int, items: Sequence[int], now: datetime) -> None:
    other = aliased(FeedbackItem)
    shared = exists().where(
        other.source_id == FeedbackItem.source_id,
        other.external_id == FeedbackItem.external_id,
        other.withdrawn.is_(False),
        other.erased_at.is_(None),
    )
    records = set()
    for start in range(0, len(items), _AT_ONCE):
        chosen = FeedbackItem.id.in_(items[start : start + _AT_ONCE])
        rows = session.execute(
            select(FeedbackItem.source_id, FeedbackItem.external_id).where(
                chosen, FeedbackItem.workspace_id == workspace, not_(shared)
            )
        )
        records |= {(source, external_id) for source, external_id in rows}
    for source, external_id in sorted(records):
        withdrawals.close_record(
            session, workspace=workspace, source=source, external_id=external_id, now=now
        )


def digests_of(session: Session, *, workspace: int, persons: Sequence[int]) -> list[str]:
    """Return the keyed hashes under which these persons are known."""
    query = select(PersonIdentity.digest).where(*_known_as(workspace, persons))
    return sorted(session.scalars(query))


def forget_persons(session: Session, *, workspace: int, persons: Sequence[int]) -> None:
    """Let nothing lead to these persons any more: who writes under the same address later is somebody new."""
    session.execute(
        delete(PersonIdentity)
        .where(*_known_as(workspace, persons))
        .execution_options(synchronize_session=False)
    )


def _known_as(workspace: int, persons: Sequence[int]) -> tuple[ColumnElement[bool], ...]:
    return PersonIdentity.person_id.in_(persons), within(PersonIdentity, workspace)


def count_left(session: Session, *, workspace: int, items: Sequence[int], deliveries: Sequence[int]) -> int:
    """Count what still holds words of erased items: rows, vectors, quotes, search entries, raw bodies."""
    left = 0
    for start in range(0, len(items), _AT_ONCE):
        chunk = items[start : start + _AT_ONCE]
        words = or_(
            FeedbackItem.text != "", FeedbackItem.subject.is_not(None), FeedbackItem.erased_at.is_(None)
        )
        left += _count(session, FeedbackItem, workspace, FeedbackItem.id.in_(chunk), words)
        left += _count(session, Embedding, workspace, Embedding.item_id.in_(chunk))
        left += _count(session, ThemeQuote, workspace, ThemeQuote.item_id.in_(chunk))
        left += search.count_entries(session, workspace=workspace, items=chunk)
    for start in range(0, len(deliveries), _AT_ONCE):
        chunk = deliveries[start : start + _AT_ONCE]
        left += _count(session, Delivery, workspace, Delivery.id.in_(chunk), func.length(Delivery.body) > 0)
    return left


def count_made(session: Session, *, workspace: int, items: Sequence[int]) -> tuple[int, int]:
    """Count the vectors and quotes that were made from items."""
    vectors = quotes = 0
    for start in range(0, len(items), _AT_ONCE):
        chunk = items[start : start + _AT_ONCE]
        vectors += _count(session, Embedding, workspace, Embedding.item_id.in_(chunk))
        quotes += _count(session, ThemeQuote, workspace, ThemeQuote.item_id.in_(chunk))
    return vectors, quotes


def _count(
    session: Session,
    table: type[FeedbackItem | Embedding | ThemeQuote | Delivery],
    workspace: int,
    *conditions: ColumnElement[bool],
) -> int:
    query = select(func.count()).select_from(table).where(table.workspace_id == workspace, *conditions)
    return int(session.scalar(query) or 0)


def touched(session: Session, *, workspace: int, items: Sequence[int]) -> dict[int, set[date]]:
    """Return the days and themes on which these items count."""
    zone = _zone(session, workspace)
    days: dict[int, set[date]] = {}
    for start in range(0, len(items), _AT_ONCE):
        chunk = items[start : start + _AT_ONCE]
        themes = themes_of(session, workspace=workspace, items=chunk)
        for row in feedback.load_items(session, workspace=workspace, items=chunk):
            if row.id in themes:
                days.setdefault(themes[row.id], set()).add(row.ticket_created_at.astimezone(zone).date())
    return days


def _zone(session: Session, workspace: int) -> ZoneInfo:
    return ZoneInfo(get_workspace(session, workspace=workspace).time_zone)


def count_anew(
    session: Session, *, workspace: int, where: Mapping[int, Set[date]]
) -> list[tuple[object, ...]]:
    """Compute these days again from the items and return all numbers of theirs, and the totals, in order."""
    zone = _zone(session, workspace)
    for theme in sorted(where):
        counts.recompute(session, workspace=workspace, theme=theme, days=where[theme], zone=zone)
    session.flush()
    daily = counts.daily(session, workspace=workspace, themes=sorted(where))
    numbers: list[tuple[object, ...]] = [
        (theme, day, count) for theme, days in sorted(daily.items()) for day, count in sorted(days.items())
    ]
    totals = counts.totals(session, workspace=workspace, zone=zone)
    return [*numbers, *sorted(totals.items())]


def add_receipt(session: Session, *, workspace: int, draft: ReceiptDraft) -> int:
    """Store a receipt and return its id."""
    row = Erasure(
        workspace_id=workspace,
        at=draft.at,
        actor=draft.actor,
        digests=list(draft.digests),
        persons=draft.persons,
        items=draft.removed.items,
        vectors=draft.removed.vectors,
        quotes=draft.removed.quotes,
        deliveries=draft.removed.deliveries,
        labels=draft.removed.labels,
        left=draft.left,
        counts_unchanged=draft.counts_unchanged,
        receipt_hash=draft.receipt_hash,
    )
    session.add(row)
    session.flush()
    return row.id


def list_receipts(session: Session, *, workspace: int, before: int | None, limit: int) -> list[Erasure]:
    """List receipts, newest first; `before` is the last id of the page before."""
    query = select(Erasure).where(Erasure.workspace_id == workspace)
    if before is not None:
        query = query.where(Erasure.id < before)
    return list(session.scalars(query.order_by(Erasure.id.desc()).limit(limit)))
