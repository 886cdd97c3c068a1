"""Erase a person: find what is theirs, remove it in one transaction with its receipt, then clean the files."""

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from urllib.parse import unquote_plus

from models.database import Database, Session
from models.errors import Conflict, EbbError, Invalid, NotFound
from models.queries import deliveries, delivery_log, erasures, people, retention, search, workspaces
from models.queries.erasures import RawBody, ReceiptDraft, RecordKey, Removed
from models.sealing import Keyring, bound_to
from models.sources.reading import read_changes
from models.values.feedback import FeedbackChange
from models.values.ids import Prefix, parse_id, public_id

READ_AT_ONCE = 200
"""Raw bodies looked into in one read."""
UNDER_WAY = 500
"""Deliveries that may be stored at this moment by all processes together."""

_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})|\\(/)")


@dataclass(frozen=True, slots=True)
class Who:
    """A person as somebody names them: by address, by a vendor's customer id at a source (None: at any), or by id."""

    email: str | None = None
    customer_id: str | None = None
    source: int | None = None
    person: int | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """What went; `id` is None for a dry run. `scrubbed`: the files were cleaned at once of what was deleted."""

    id: int | None
    at: datetime
    digests: tuple[str, ...]
    persons: int
    removed: Removed
    left: int
    counts_unchanged: bool
    scrubbed: bool
    receipt_hash: str


def parse_who(text: str) -> Who:
    """Read `anna@example.com`, `src_3:customer id` or `per_17`; raise `Invalid` for anything else."""
    word = text.strip()
    head, _, rest = word.partition(":")
    if head.startswith(f"{Prefix.SOURCE}_") and rest:
        return Who(customer_id=rest, source=_number(Prefix.SOURCE, head))
    if word.startswith(f"{Prefix.PERSON}_"):
        return Who(person=_number(Prefix.PERSON, word))
    if re.fullmatch(r"[^@\s]+@[^@\s]+", word):
        return Who(email=word)
    raise Invalid(
        f"{text!r} names nobody: give an e-mail address, src_N:CUSTOMER_ID or per_N.", field="--person"
    )


def _number(prefix: Prefix, text: str) -> int:
    try:
        return parse_id(prefix, text)
    except NotFound as error:
        raise Invalid(error.message, field="--person") from error


def erase(
    database: Database,
    keys: Keyring,
    *,
    workspace: int,
    who: Who,
    actor: str,
    by: str,
    now: datetime,
    dry_run: bool = False,
) -> Receipt:
    """Remove a person's words and keep their counts; return the receipt, which is stored unless it is a dry run.

    Raise `NotFound` where nothing here is theirs, `Conflict` where a delivery about them waits to be read, and
    `Sealed` where a raw body cannot be opened: what was not looked into cannot be said to be clean.
    """
    with database.read(workspace=workspace) as session:
        identities = _identities(session, workspace, who)
        persons = _persons(session, workspace, who, identities)
        records = erasures.records_of(session, workspace=workspace, persons=persons)
    wanted = _Search.of(who, records)
    bodies, looked_to = _look_through(database, keys, workspace, wanted)
    if not persons and not bodies:
        raise NotFound("Nobody is known by this, and no raw delivery holds it.")
    if dry_run:
        return _dry_run(database, workspace, persons, [body.id for body in bodies], now)
    _check_all_read(bodies)

    def latest(session: Session) -> list[int]:
        """Look through what came since as well, while nobody can store more about these items."""
        came = list(_about(session, keys, workspace, wanted, looked_to))
        _check_all_read(came)
        return sorted({body.id for body in (*bodies, *came)})

    receipt = _remove(database, workspace, persons, latest, identities, actor, by, now)
    return replace(receipt, scrubbed=database.scrub())


def _check_all_read(bodies: Sequence[RawBody]) -> None:
    waiting = [body for body in bodies if body.waits]
    if waiting:
        raise Conflict(
            f"{len(waiting)} deliveries about this person wait to be read; let the worker finish "
            "(`ebb work --until-idle`), then erase again."
        )


def _identities(session: Session, workspace: int, who: Who) -> list[str]:
    """Return the identities under which people are hashed that `who` may stand for."""
    if who.email is not None:
        return [who.email]
    if who.customer_id is None:
        return []
    if who.source is not None:
        sources = [deliveries.get_source(session, workspace=workspace, source=who.source)]
    else:
        sources = deliveries.list_sources(session, workspace=workspace)
    return [f"{source.id}:{who.customer_id}" for source in sources]


def _persons(session: Session, workspace: int, who: Who, identities: Sequence[str]) -> list[int]:
    if who.person is not None:
        return [who.person] if erasures.digests_of(session, workspace=workspace, persons=[who.person]) else []
    found = {
        person
        for identity in identities
        for person in people.persons_of(session, workspace=workspace, identity=identity)
    }
    return sorted(found)


# --- raw bodies ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Search:
    """What to look for in raw bodies: an address anywhere, ids only where the vendor's fields hold them."""

    email: str | None
    customer_id: str | None
    source: int | None
    records: frozenset[RecordKey]
    pattern: re.Pattern[str] | None

    @classmethod
    def of(cls, who: Who, records: Sequence[RecordKey]) -> "_Search":
        words = {word for word in (who.email, who.customer_id) if word}
        words |= {record.external_id for record in records}
        whole = "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))
        pattern = re.compile(rf"(?<![A-Za-z0-9])(?:{whole})(?![A-Za-z0-9])", re.IGNORECASE) if words else None
        return cls(who.email, who.customer_id, who.source, frozenset(records), pattern)


def _look_through(
    database: Database, keys: Keyring, workspace: int, wanted: _Search
) -> tuple[list[RawBody], int]:
    """Find the deliveries about a person, each page in a read of its own; return them and the id up to which all are.

    Ids are given before the commit: a few of the last may still be to come.
    """
    with database.read(workspace=workspace) as session:
        until = delivery_log.latest_delivery(session, workspace=workspace)
    found, after = [], 0
    while after < until:
        with database.read(workspace=workspace) as session:
            page = erasures.raw_bodies(session, workspace=workspace, after=after, limit=READ_AT_ONCE)
        found += [row for row in page if row.id <= until and _holds(row, keys, wanted)]
        after = page[-1].id if len(page) == READ_AT_ONCE else until
    return found, max(until - UNDER_WAY, 0)


def _about(session: Session, keys: Keyring, workspace: int, wanted: _Search, after: int) -> Iterator[RawBody]:
    """Yield the deliveries about a person beyond an id."""
    while page := erasures.raw_bodies(session, workspace=workspace, after=after, limit=READ_AT_ONCE):
        yield from (row for row in page if _holds(row, keys, wanted))
        after = page[-1].id


def _holds(row: RawBody, keys: Keyring, wanted: _Search) -> bool:
    """Say whether a raw body names the person, or is about one of their records."""
    if wanted.pattern is None:
        return False
    return _is_about(row, keys.open(row.body, bound=bound_to(row.source.id, row.key)), wanted)


def _is_about(row: RawBody, body: bytes, wanted: _Search) -> bool:
    text = _readable(body)
    assert wanted.pattern is not None
    if not wanted.pattern.search(text):
        return False
    if wanted.email is not None and wanted.email.lower() in text.lower():
        return True
    try:
        changes = read_changes(
            row.source.kind,
            body,
            headers=row.headers,
            settings=row.source.settings,
            received_at=row.received_at,
        )
    except EbbError:
        return True  # it cannot be read, and one of the words stands in it: better gone
    return any(isinstance(change, FeedbackChange) and _names(change, row, wanted) for change in changes)


def _names(change: FeedbackChange, row: RawBody, wanted: _Search) -> bool:
    is_customers = wanted.customer_id is not None and change.customer_id == wanted.customer_id
    if is_customers and wanted.source in (None, row.source.id):
        return True
    return RecordKey(row.source.id, change.external_id or "") in wanted.records


def _readable(body: bytes) -> str:
    r"""Return a body's text with JSON's `\u0040` and a form's `%40` written out as well."""
    text = body.decode("utf-8", "replace")
    if "\\" in text:
        text = _ESCAPE.sub(lambda found: found.group(2) or chr(int(found.group(1), 16)), text)
    return f"{text}\n{unquote_plus(text)}" if "%" in text or "+" in text else text


# --- removal ------------------------------------------------------------------------------------------------


def _dry_run(
    database: Database, workspace: int, persons: Sequence[int], bodies: Sequence[int], now: datetime
) -> Receipt:
    with database.read(workspace=workspace) as session:
        items = erasures.items_of(session, workspace=workspace, persons=persons)
        vectors, quotes = erasures.count_made(session, workspace=workspace, items=items)
        digests = tuple(erasures.digests_of(session, workspace=workspace, persons=persons))
    removed = Removed(len(items), vectors, quotes, len(bodies), 0)
    return _receipt(now, digests, len(persons), removed, left=0, unchanged=True)


def _remove(
    database: Database,
    workspace: int,
    persons: Sequence[int],
    latest: Callable[[Session], list[int]],
    identities: Sequence[str],
    actor: str,
    by: str,
    now: datetime,
) -> Receipt:
    """Remove everything and store the receipt, in one transaction; `latest` finds the raw bodies in it."""
    with database.write(workspace=workspace) as session:
        digests = _digests(session, workspace, persons, identities)
        items = erasures.items_of(session, workspace=workspace, persons=persons)
        where = erasures.touched(session, workspace=workspace, items=items)
        before = erasures.count_anew(session, workspace=workspace, where=where)
        gone = erasures.erase_items(session, workspace=workspace, items=items, now=now)
        withdrawn = erasures.withdrawn_of(session, workspace=workspace, persons=persons)
        erasures.erase_items(session, workspace=workspace, items=withdrawn, now=now)
        bodies = latest(session)
        search.compact(session)
        dropped = retention.drop_bodies(session, workspace=workspace, deliveries=bodies, now=now)
        erasures.forget_persons(session, workspace=workspace, persons=persons)
        receipt = _receipt(
            now,
            digests,
            len(persons),
            Removed(gone.items, gone.vectors, gone.quotes, dropped, gone.labels),
            left=erasures.count_left(session, workspace=workspace, items=items, deliveries=bodies),
            unchanged=before == erasures.count_anew(session, workspace=workspace, where=where),
        )
        return _store(session, workspace, receipt, actor, by)


def _digests(
    session: Session, workspace: int, persons: Sequence[int], identities: Sequence[str]
) -> tuple[str, ...]:
    """Return the keyed hashes of the persons and of what they were named by: the same address hashes to the same."""
    owner = workspaces.get_workspace(session, workspace=workspace)
    named = [
        identity
        for identity in identities
        if people.persons_of(session, workspace=workspace, identity=identity)
    ]
    hashes = {workspaces.hash_person(owner.person_key, identity) for identity in named or identities}
    return tuple(sorted(hashes | set(erasures.digests_of(session, workspace=workspace, persons=persons))))


def _receipt(
    at: datetime, digests: tuple[str, ...], persons: int, removed: Removed, *, left: int, unchanged: bool
) -> Receipt:
    said = {
        "at": at.isoformat(),
        "digests": list(digests),
        "persons": persons,
        **asdict(removed),
        "left": left,
        "counts_unchanged": unchanged,
    }
    hashed = hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
    return Receipt(None, at, digests, persons, removed, left, unchanged, False, hashed)


def _store(session: Session, workspace: int, receipt: Receipt, actor: str, by: str) -> Receipt:
    draft = ReceiptDraft(
        receipt.at,
        actor,
        receipt.digests,
        receipt.persons,
        receipt.removed,
        receipt.left,
        receipt.counts_unchanged,
        receipt.receipt_hash,
    )
    number = erasures.add_receipt(session, workspace=workspace, draft=draft)
    workspaces.audit(
        session,
        workspace=workspace,
        actor=actor,
        by=by,
        action="person.erase",
        subject=public_id(Prefix.ERASURE, number),
        now=receipt.at,
        detail={**asdict(receipt.removed), "left": receipt.left, "receipt_hash": receipt.receipt_hash},
    )
    return replace(receipt, id=number)
