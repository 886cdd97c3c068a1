"""People: one across sources, known by keyed hashes of their addresses and of vendors' ids."""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import delete, select, tuple_, update
from sqlalchemy.orm import Session

from models.queries import counts, ticket_rows, turns
from models.queries.listing import themes_of
from models.queries.upsert import insert_or_ignore
from models.queries.within import within
from models.queries.workspaces import hash_person
from models.records import FeedbackItem, Person, PersonIdentity, Vote, Workspace


def identities_of(*, source: int, customer_id: str | None, customer_email: str | None) -> tuple[str, ...]:
    """Name a customer as `ensure_person` knows people: by e-mail, and by the vendor's id within its source.

    A vendor's id that is an address is one too. An address counts as written but for case and blanks around it:
    what stands behind a plus may be another person who shares the mailbox.
    """
    addresses = {each.strip().lower() for each in (customer_email, customer_id) if each and _is_address(each)}
    ids = [f"{source}:{customer_id.strip()}"] if customer_id and customer_id.strip() else []
    return (*sorted(addresses), *ids)


def _is_address(text: str) -> bool:
    name, at, host = text.strip().rpartition("@")
    # A colon would let an address pass for a vendor's id of another source.
    return bool(at and name and "." in host) and ":" not in text and not any(map(str.isspace, text.strip()))


def ensure_person(session: Session, *, workspace: int, identities: Sequence[str], now: datetime) -> int:
    """Find the person behind any of the identities, or add one; return the id.

    All of the identities are the person's from now on. Those that were known as different people make these one: the
    one seen first stays. Raise ValueError without any identity.
    """
    if not identities:
        raise ValueError("a person needs an identity")
    key = session.get_one(Workspace, workspace).person_key
    digests = sorted({hash_person(key, identity) for identity in identities})
    known = _known(session, workspace, digests)
    missing = [digest for digest in digests if digest not in known]
    if missing:
        person = min(known.values(), default=0) or _add_person(session, workspace, now)
        for digest in missing:
            row = {"workspace_id": workspace, "person_id": person, "digest": digest, "seen_at": now}
            insert_or_ignore(session, PersonIdentity, row, key=("workspace_id", "digest"))
        # Another worker may have written one of them meanwhile.
        known = _known(session, workspace, digests)
        if person not in known.values():
            session.execute(delete(Person).where(Person.id == person, within(Person, workspace)))
    first, *others = sorted(set(known.values()))
    for other in others:
        _join(session, workspace, first, other, now)
    return first


def _known(session: Session, workspace: int, digests: Sequence[str]) -> dict[str, int]:
    """Map the hashes that are known to their people, whom nobody removes before this transaction ends."""
    rows = session.execute(
        select(PersonIdentity.digest, Person.id)
        .join(Person, Person.id == PersonIdentity.person_id)
        .where(PersonIdentity.workspace_id == workspace, PersonIdentity.digest.in_(digests))
        .order_by(Person.id)
        .with_for_update(read=True)
    )
    return {digest: person for digest, person in rows}


def _add_person(session: Session, workspace: int, now: datetime) -> int:
    person = Person(workspace_id=workspace, first_seen_at=now)
    session.add(person)
    session.flush()
    return person.id


def _join(session: Session, workspace: int, kept: int, gone: int, now: datetime) -> None:
    """Make two people one, and have everything counted anew that knew them as two."""
    theirs = session.scalars(
        select(FeedbackItem)
        .where(FeedbackItem.person_id == gone, within(FeedbackItem, workspace))
        .order_by(FeedbackItem.id)
    ).all()
    zone = ZoneInfo(session.get_one(Workspace, workspace).time_zone)
    themes = themes_of(session, workspace=workspace, items=[item.id for item in theirs])
    pairs = [(themes[item.id], item.ticket_created_at) for item in theirs if item.id in themes]
    counts.mark(session, workspace=workspace, pairs=pairs, zone=zone, now=now)
    for item in theirs:
        item.person_id = kept
    session.flush()
    _join_votes(session, workspace, kept, gone)
    session.execute(
        update(PersonIdentity)
        .where(PersonIdentity.person_id == gone, within(PersonIdentity, workspace))
        .values(person_id=kept)
    )
    session.execute(delete(Person).where(Person.id == gone, within(Person, workspace)))
    for source, external_id in sorted({(item.source_id, item.external_id) for item in theirs}):
        ticket = ticket_rows.load(session, workspace=workspace, source=source, external_id=external_id)
        turns.settle(session, workspace=workspace, items=ticket.messages, now=now)


def _join_votes(session: Session, workspace: int, kept: int, gone: int) -> None:
    voted = select(Vote.source_id, Vote.external_id).where(Vote.person_id == kept, within(Vote, workspace))
    theirs = (Vote.person_id == gone, within(Vote, workspace))
    session.execute(
        delete(Vote)
        .where(*theirs, tuple_(Vote.source_id, Vote.external_id).in_(voted))
        .execution_options(synchronize_session=False)
    )
    session.execute(update(Vote).where(*theirs).values(person_id=kept))


def persons_of(session: Session, *, workspace: int, identity: str) -> list[int]:
    """Return the people known by an e-mail address or by "source id:vendor's id": none, or one."""
    key = session.get_one(Workspace, workspace).person_key
    return list(
        session.scalars(
            select(PersonIdentity.person_id).where(
                PersonIdentity.workspace_id == workspace,
                PersonIdentity.digest == hash_person(key, identity),
            )
        )
    )
