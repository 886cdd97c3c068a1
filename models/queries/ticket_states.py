"""What is known of a ticket beside its messages: attributes, merges, restorations, votes; in any order of arrival."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.jobs import Job
from models.queries import counts, work
from models.queries.listing import themes_of
from models.queries.upsert import insert_or_ignore
from models.queries.within import within
from models.records import FeedbackItem, TicketState, Vote, Workspace
from models.values.feedback import UNKNOWN_TICKET

GROUP_MOST = 1_000
"""Tickets that one may be joined with by merges; what lies beyond is not followed."""

MAPPED = ("plan", "product_area", "account_key", "brand", "group", "form")
"""What a source's map may say where to find; what was read under a newer map goes before what an older one found."""

ATTRIBUTES = (*MAPPED, "status", "tags", "rating", "channel", "spam", "domain_digest")
"""What a ticket has as a whole: every one of its messages carries the newest that was said.

The customer's domain alone is the earliest: whoever opened the ticket is whose it is, whoever else writes in it.
"""


@dataclass(frozen=True, slots=True)
class Told:
    """What was said of a ticket: attributes by name (None: nothing), and the vendor's clock of it.

    `written_at` is when its author wrote it, where that is another time; `map_revision` the revision of the source's
    map under which it was read.
    """

    values: Mapping[str, object]
    at: datetime
    written_at: datetime | None = None
    map_revision: int = 0


READ_FOR_KIND = frozenset({"rating", "channel"})
"""Attributes by which, beside the text, the kind of a message is decided."""


def ensure(session: Session, *, workspace: int, source: int, external_id: str) -> TicketState:
    """Load what is known of a ticket, or begin to know it; nobody else changes it before this transaction ends."""
    query = (
        select(TicketState)
        .where(
            within(TicketState, workspace),
            TicketState.source_id == source,
            TicketState.external_id == external_id,
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    found = session.scalar(query)
    if found is None:
        row = {
            "workspace_id": workspace,
            "source_id": source,
            "external_id": external_id,
            "attributes": {},
            "is_survivor": False,
        }
        insert_or_ignore(session, TicketState, row, key=("source_id", "external_id"))
        found = session.scalars(query).one()
    return found


def put_attributes(
    session: Session,
    *,
    workspace: int,
    state: TicketState,
    items: Sequence[FeedbackItem],
    told: Told,
    now: datetime,
) -> int:
    """Take what was said of a ticket, each attribute unless a newer one stands.

    `items` are its messages, which carry the attributes for the API and the counts; return how many of them changed.
    A new plan has the days of the ticket counted anew, a new rating or channel its kinds decided.
    """
    known = dict(state.attributes)
    for name, value in told.values.items():
        entry = None if value is None else _entry(name, value, told)
        if entry is not None and _stands(name, entry, known.get(name)):
            known[name] = entry
    state.attributes = known
    session.flush()
    return _copy(session, workspace, state, items, told.at, now)


def _entry(name: str, value: object, told: Told) -> list[object]:
    at = (told.written_at or told.at) if name == "domain_digest" else told.at
    revision = [told.map_revision] if name in MAPPED and told.map_revision else []
    return [value, at.isoformat(), *revision]


def _stands(name: str, entry: list[object], stood: object) -> bool:
    """Say whether a new entry takes the place of the one that stood."""
    if not isinstance(stood, list):
        return True
    if name == "domain_digest":
        return (_moment(entry), str(entry[0])) < (_moment(stood), str(stood[0]))
    return (_revision(stood), _moment(stood)) <= (_revision(entry), _moment(entry))


def _moment(entry: list[object]) -> datetime:
    return datetime.fromisoformat(str(entry[1]))


def _revision(entry: list[object]) -> int:
    return int(str(entry[2])) if len(entry) > 2 else 0


def forget_words(state: TicketState) -> None:
    """Drop attributes that may hold words of a person or lead to one: tags, domain, an account that is an address."""
    known = dict(state.attributes)
    for name in ("tags", "domain_digest"):
        known.pop(name, None)
    if "@" in str(value_of(state, "account_key")):
        known.pop("account_key", None)
    state.attributes = known


def value_of(state: TicketState, name: str) -> object:
    """Return the newest value of an attribute, None where nobody said one."""
    stood = state.attributes.get(name)
    return stood[0] if isinstance(stood, list) else None


def _copy(
    session: Session,
    workspace: int,
    state: TicketState,
    items: Sequence[FeedbackItem],
    at: datetime,
    now: datetime,
) -> int:
    changed = 0
    is_replanned = False
    new = {name: value_of(state, name) for name in ATTRIBUTES if name in state.attributes}
    for item in items:
        differing = {name: value for name, value in new.items() if getattr(item, name) != value}
        for name, value in differing.items():
            setattr(item, name, value)
        if differing:
            changed += 1
            item.updated_at = max(item.updated_at, at)
            is_replanned = is_replanned or "plan" in differing
        if READ_FOR_KIND & differing.keys():
            # Also where nobody decided yet: a worker may have read the item before this, and be about to.
            work.mark_dirty(
                session,
                workspace=workspace,
                stage=Job.EMBED,
                subject=item.id,
                version=item.version,
                run_at=now,
            )
    session.flush()
    if is_replanned:
        recount(session, workspace=workspace, items=items, now=now)
    return changed


def _items(session: Session, workspace: int, source: int, tickets: Sequence[str]) -> list[FeedbackItem]:
    query = select(FeedbackItem).where(
        within(FeedbackItem, workspace),
        FeedbackItem.source_id == source,
        FeedbackItem.external_id.in_(tickets),
        FeedbackItem.withdrawn.is_(False),
    )
    return list(session.scalars(query.order_by(FeedbackItem.id)))


def recount(session: Session, *, workspace: int, items: Sequence[FeedbackItem], now: datetime) -> None:
    """Have the days of items counted anew at their themes."""
    themes = themes_of(session, workspace=workspace, items=[item.id for item in items])
    if not themes:
        return
    zone = ZoneInfo(session.get_one(Workspace, workspace).time_zone)
    pairs = [(themes[item.id], item.ticket_created_at) for item in items if item.id in themes]
    counts.mark(session, workspace=workspace, pairs=pairs, zone=zone, now=now)


# --- merges -------------------------------------------------------------------------------------------------


def merge(
    session: Session,
    *,
    workspace: int,
    source: int,
    external_id: str,
    into: str | None,
    at: datetime,
    now: datetime,
) -> None:
    """Note that a ticket became part of another, which the vendor may not have named (None).

    Its messages keep their text and count no more, unless nothing of the other is stored. An older merge, or one that
    a restoration ended, changes nothing.
    """
    state = ensure(session, workspace=workspace, source=source, external_id=external_id)
    if into == external_id or (state.merged_at is not None and state.merged_at > at):
        return
    before = _group(session, workspace, state)
    state.merged_into, state.merged_at = into or "", at
    if into:
        ensure(session, workspace=workspace, source=source, external_id=into).is_survivor = True
    session.flush()
    for each in (*before, external_id):
        fold(session, workspace=workspace, source=source, external_id=each, now=now)


def unmerge(session: Session, *, workspace: int, state: TicketState, at: datetime, now: datetime) -> None:
    """Note that a ticket stands by itself since a moment; a later merge is not touched."""
    if state.merged_at is not None and state.merged_at >= at:
        return
    before = _group(session, workspace, state)
    state.merged_into, state.merged_at = None, at
    session.flush()
    for each in before:
        fold(session, workspace=workspace, source=state.source_id, external_id=each, now=now)


def is_joined(state: TicketState) -> bool:
    """Say whether a ticket was merged with any other."""
    return state.merged_into is not None or state.is_survivor


def fold(session: Session, *, workspace: int, source: int, external_id: str, now: datetime) -> None:
    """Let one count of the tickets that were merged: the survivor, or the earliest while nothing of it is stored."""
    state = ensure(session, workspace=workspace, source=source, external_id=external_id)
    group = _group(session, workspace, state)
    root = group[0]
    items = _items(session, workspace, source, group)
    is_unnamed = ensure(session, workspace=workspace, source=source, external_id=root).merged_into == ""
    opened = min(((item.ticket_created_at, item.external_id) for item in items), default=None)
    standing = root if any(item.external_id == root for item in items) else (opened or (None, root))[1]
    changed = []
    for item in items:
        folded = UNKNOWN_TICKET if is_unnamed else None if item.external_id == standing else root
        if item.merged_into != folded:
            item.merged_into = folded
            changed.append(item)
    session.flush()
    recount(session, workspace=workspace, items=changed, now=now)


def _group(session: Session, workspace: int, state: TicketState) -> list[str]:
    """List the tickets that were merged with this one, directly or over others, the survivor first."""
    found = [_root(session, workspace, state)]
    for ticket in found:
        if len(found) >= GROUP_MOST:
            break
        query = select(TicketState.external_id).where(
            within(TicketState, workspace),
            TicketState.source_id == state.source_id,
            TicketState.merged_into == ticket,
        )
        found += sorted(each for each in session.scalars(query) if each not in found)
    return found


def _root(session: Session, workspace: int, state: TicketState) -> str:
    """Follow merges to the ticket that was merged into no other; of a circle take the first by name."""
    path = [state.external_id]
    following = state.merged_into
    while following and len(path) < GROUP_MOST:
        if following in path:
            return min(path[path.index(following) :])
        path.append(following)
        query = select(TicketState.merged_into).where(
            within(TicketState, workspace),
            TicketState.source_id == state.source_id,
            TicketState.external_id == following,
        )
        following = session.scalar(query)
    return path[-1]


# --- votes --------------------------------------------------------------------------------------------------


def vote(
    session: Session, *, workspace: int, source: int, external_id: str, person: int, at: datetime
) -> None:
    """Note once that a person stands behind a ticket, known or not.

    A vote says nothing of its own and would be dated at the ticket's opening, long past: it is shown with the ticket
    and is no complaint.
    """
    row = {
        "workspace_id": workspace,
        "source_id": source,
        "external_id": external_id,
        "person_id": person,
        "voted_at": at,
    }
    insert_or_ignore(session, Vote, row, key=("source_id", "external_id", "person_id"))


def count_votes(session: Session, *, workspace: int, source: int, external_id: str) -> int:
    """Count the people who stand behind a ticket without a word of their own."""
    query = select(func.count()).where(
        within(Vote, workspace), Vote.source_id == source, Vote.external_id == external_id
    )
    return int(session.scalar(query) or 0)
