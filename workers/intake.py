"""Stage `intake`: read stored deliveries, clean and redact what customers said, and write it as items.

A delivery of many changes is written part by part, each part in a transaction of its own that also says how far the
delivery is written. Whoever takes over from a worker that died goes on behind the last part.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from models.database import Session
from models.errors import Invalid
from models.language.own_words import TEXT_VERSION
from models.queries import deliveries, scope, silence, unsaid, work
from models.queries.work import Leased
from models.records import Delivery, DeliveryState, Source
from models.sealing import Keyring, bound_to, keyring
from models.sources.reading import newest_event, read_changes
from models.values.feedback import Action, Change, FeedbackChange, Unreadable
from workers.apply import Origin, Prepared, apply, prepare
from workers.context import Context

APPLY_AT_ONCE = 25
"""Deliveries written in one transaction: short enough that intake never waits long for its turn."""

CHANGES_AT_ONCE = 25
"""Changes written in one transaction, be they of one delivery or of several: some milliseconds each."""


@dataclass(frozen=True, slots=True)
class Read:
    """A delivery after parsing; `reason` says why it could not be understood, or what in it could not."""

    delivery: Delivery
    source: Source
    changes: tuple[Change, ...]
    state: DeliveryState
    reason: str | None
    occurred_at: datetime | None = None
    # Revision of the source's map under which it was parsed.
    map_revision: int = 0


@dataclass(frozen=True, slots=True)
class Part:
    """Changes of one delivery that are written in one transaction, from number `start` on, counted from 0.

    `digest` is of all changes of a delivery that has several parts, else None.
    """

    read: Read
    start: int
    changes: tuple[Change, ...]
    digest: str | None

    @property
    def end(self) -> int:
        """Return the number behind its last change."""
        return self.start + len(self.changes)

    @property
    def is_last(self) -> bool:
        """Say whether the delivery is written with it."""
        return self.end == len(self.read.changes)


@dataclass(frozen=True, slots=True)
class Ready:
    """A part with its texts cleaned and redacted."""

    part: Part
    piece: Leased
    prepared: tuple[Prepared, ...]


def parse_deliveries(context: Context, leased: Sequence[Leased]) -> None:
    """Parse deliveries and write their changes; one that cannot be understood is kept and says why."""
    pieces = {piece.subject: piece for piece in leased}
    workspace = leased[0].workspace_id
    with context.database.read(workspace=workspace) as session:
        rows = deliveries.load(session, workspace=workspace, deliveries=list(pieces))
        maps = scope.map_revisions(
            session, workspace=workspace, sources=sorted({source.id for _, source in rows})
        )
    keys = keyring(context.settings.sealing_key)
    reads = [_read(delivery, source, keys, maps.get(source.id, 0)) for delivery, source in rows]
    for parts in _at_once(reads):
        ready = [
            Ready(part, pieces[part.read.delivery.id], tuple(map(prepare, part.changes))) for part in parts
        ]
        with context.database.write(workspace=workspace) as session:
            _write(session, workspace, ready, context.clock())


def _read(delivery: Delivery, source: Source, keys: Keyring, map_revision: int) -> Read:
    try:
        changes = read_changes(
            source.kind,
            keys.open(delivery.body, bound=bound_to(source.id, delivery.key)),
            headers=delivery.headers,
            settings=source.settings,
            received_at=delivery.received_at,
        )
    except Invalid as error:
        where = f"{error.field}: " if error.field else ""
        return Read(delivery, source, (), DeliveryState.INVALID, f"{where}{error.message}")
    faults = [change for change in changes if isinstance(change, Unreadable)]
    reason = "; ".join(f"entry {fault.index}: {fault.reason}" for fault in faults) or None
    state = DeliveryState.PARSED if any(map(_matters, changes)) else DeliveryState.IGNORED
    return Read(
        delivery,
        source,
        tuple(change for change in changes if not isinstance(change, Unreadable)),
        DeliveryState.INVALID if faults else state,
        reason,
        newest_event(changes),
        map_revision,
    )


def _matters(change: Change) -> bool:
    return not isinstance(change, FeedbackChange) or change.action not in (
        Action.IGNORE,
        Action.PING,
        Action.HANDSHAKE,
    )


def _at_once(reads: Sequence[Read]) -> Iterator[list[Part]]:
    """Yield in order what is written in one transaction each: parts of different deliveries."""
    parts: list[Part] = []
    for read in reads:
        for part in _parts(read):
            changes = sum(len(each.changes) for each in parts) + len(part.changes)
            if parts and (len(parts) == APPLY_AT_ONCE or changes > CHANGES_AT_ONCE):
                yield parts
                parts = []
            parts.append(part)
    if parts:
        yield parts


def _parts(read: Read) -> Iterator[Part]:
    """Yield what is still to be written of a delivery: all of it where it is read as something else by now."""
    delivery, count = read.delivery, len(read.changes)
    if count <= CHANGES_AT_ONCE and delivery.changes_digest is None:
        yield Part(read, 0, read.changes, None)
        return
    digest = _digest(read)
    first = delivery.done_changes if delivery.changes_digest == digest else 0
    # One that is read as nothing by now has one part too, which closes it.
    for start in range(first, max(count, 1), CHANGES_AT_ONCE):
        yield Part(read, start, read.changes[start : start + CHANGES_AT_ONCE], digest)


def _digest(read: Read) -> str:
    """Return what differs where a delivery is read as other changes: by other settings, map, parser or rules."""
    said = f"{TEXT_VERSION}\n{read.map_revision}\n{read.changes!r}"
    return hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()


def _write(session: Session, workspace: int, ready: Sequence[Ready], now: datetime) -> None:
    """Write parts whose work is still ours, with how far their deliveries are written by them.

    A part of a delivery that others began under other settings or another map is left: it is read anew, and then is
    begun anew. Whatever a part writes it may write twice.
    """
    held = work.held(session, [each.piece for each in ready])
    ours = [each for each in ready if each.piece.id in held]
    outdated = _outdated(session, workspace, [each.part for each in ours if each.part.start])
    done: list[Leased] = []
    begun: list[Leased] = []
    for each in ours:
        part, read = each.part, each.part.read
        if part.start and read.source.id in outdated:
            work.release(session, [each.piece])
            continue
        origin = Origin(workspace, read.source, read.delivery.received_at, now, read.map_revision)
        for prepared in each.prepared:
            apply(session, origin, prepared)
        if part.is_last:
            _close(session, workspace, read)
            done.append(each.piece)
        else:
            begun.append(each.piece)
            assert part.digest is not None
            deliveries.note_part(
                session,
                workspace=workspace,
                delivery=read.delivery.id,
                done_changes=part.end,
                digest=part.digest,
            )
    unsaid.unsay_taken(session, workspace=workspace, now=now)
    work.advance(session, begun)
    work.finish(session, done, now=now)


def _outdated(session: Session, workspace: int, parts: Sequence[Part]) -> set[int]:
    """Return the sources of parts that are read otherwise now than they were for these parts."""
    read_under: Mapping[int, tuple[object, int]] = {
        part.read.source.id: (part.read.source.settings, part.read.map_revision) for part in parts
    }
    if not read_under:
        return set()
    sources = sorted(read_under)
    settings = deliveries.settings_of(session, workspace=workspace, sources=sources)
    maps = scope.map_revisions(session, workspace=workspace, sources=sources)
    return {source for source in sources if (settings.get(source), maps.get(source, 0)) != read_under[source]}


def _close(session: Session, workspace: int, read: Read) -> None:
    delivery = read.delivery.id
    deliveries.close(session, workspace=workspace, delivery=delivery, state=read.state, reason=read.reason)
    silence.note_event(session, workspace=workspace, delivery=delivery, occurred_at=read.occurred_at)
