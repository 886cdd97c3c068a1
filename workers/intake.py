"""Stage `intake`: read stored deliveries, clean and redact what customers said, and write it as items."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from models.errors import Invalid
from models.queries import deliveries, scope, silence, work
from models.queries.work import Leased
from models.records import Delivery, DeliveryState, Source
from models.sealing import Keyring, bound_to, keyring
from models.sources.reading import newest_event, read_changes
from models.values.feedback import Action, Change, FeedbackChange, Unreadable
from workers.apply import Origin, Prepared, apply, prepare
from workers.context import Context

APPLY_AT_ONCE = 25
"""Deliveries written in one transaction: short enough that intake never waits long for its turn."""


@dataclass(frozen=True, slots=True)
class Read:
    """A delivery after parsing; `reason` says why it could not be understood, or what in it could not."""

    delivery: Delivery
    source: Source
    prepared: tuple[Prepared, ...]
    state: DeliveryState
    reason: str | None
    occurred_at: datetime | None = None
    # Revision of the source's map under which it was parsed.
    map_revision: int = 0


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
    for start in range(0, len(reads), APPLY_AT_ONCE):
        chunk = reads[start : start + APPLY_AT_ONCE]
        with context.database.write(workspace=workspace) as session:
            now = context.clock()
            for read in chunk:
                origin = Origin(workspace, read.source, read.delivery.received_at, now, read.map_revision)
                for prepared in read.prepared:
                    apply(session, origin, prepared)
                deliveries.close(
                    session,
                    workspace=workspace,
                    delivery=read.delivery.id,
                    state=read.state,
                    reason=read.reason,
                )
                silence.note_event(
                    session, workspace=workspace, delivery=read.delivery.id, occurred_at=read.occurred_at
                )
            work.finish(session, [pieces[read.delivery.id] for read in chunk], now=now)


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
    wanted = tuple(prepare(change) for change in changes if not isinstance(change, Unreadable))
    faults = [change for change in changes if isinstance(change, Unreadable)]
    reason = "; ".join(f"entry {fault.index}: {fault.reason}" for fault in faults) or None
    state = DeliveryState.PARSED if any(map(_matters, changes)) else DeliveryState.IGNORED
    return Read(
        delivery,
        source,
        wanted,
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
