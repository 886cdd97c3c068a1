"""Sources and deliveries: what was configured, and what arrived, exactly as it came."""

import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from models.database import SCOPE, Database, scope, told
from models.errors import NotFound
from models.jobs import Job
from models.queries import work
from models.queries.upsert import insert_new
from models.queries.within import within
from models.records import Delivery, DeliveryState, JsonObject, Source
from models.sealing import Keyring, bound_secret
from models.sources.strength import PROOF_HEADER


@dataclass(frozen=True, slots=True)
class DeliveryDraft:
    """A delivery before it is stored; `key` makes a second copy of it the same delivery."""

    workspace_id: int
    source_id: int
    key: str
    received_at: datetime
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class SourceHealth:
    """What a source sent so far."""

    last_delivery_at: datetime | None
    deliveries: int
    parsed: int
    ignored: int
    invalid: int
    open: int
    # Within so many seconds 99 of 100 deliveries followed the one before; None below 100 deliveries.
    usual_gap_s: int | None
    # By what the last call was proven; None where none of the latest deliveries came by a call.
    proof: str | None


def create_source(
    session: Session,
    *,
    workspace: int,
    kind: str,
    name: str,
    secret: str | None,
    settings: JsonObject,
    keys: Keyring,
    now: datetime,
) -> Source:
    """Add a connector; its secret is stored as these keys seal it."""
    source = Source(workspace_id=workspace, kind=kind, name=name, settings=settings, created_at=now)
    session.add(source)
    session.flush()
    if secret is not None:
        # Bound to the row, which has its number only now.
        source.stored_secret = keys.seal_text(secret, bound=bound_secret(source.id))
        session.flush()
    return source


def put_secret(session: Session, *, workspace: int, source: int, secret: str, keys: Keyring) -> Source:
    """Give a connector another secret, stored as these keys seal it; raise `NotFound` where there is none."""
    row = get_source(session, workspace=workspace, source=source)
    row.stored_secret = keys.seal_text(secret, bound=bound_secret(row.id))
    session.flush()
    return row


def list_sources(session: Session, *, workspace: int) -> list[Source]:
    """List a workspace's connectors, oldest first."""
    return list(session.scalars(select(Source).where(Source.workspace_id == workspace).order_by(Source.id)))


def get_source(session: Session, *, workspace: int, source: int) -> Source:
    """Load a connector of the workspace."""
    row = session.get(Source, source)
    if row is None or row.workspace_id != workspace:
        raise NotFound(f"There is no source src_{source}.")
    return row


def find_source(session: Session, *, source: int) -> Source | None:
    """Load a connector for intake, where the request's signature is what names the workspace."""
    return session.get(Source, source)


def named_source(session: Session, *, workspace: int, kind: str, name: str, now: datetime) -> Source:
    """Find the connector of this kind and name, or add it without a secret (imports)."""
    found = session.scalar(
        select(Source).where(Source.workspace_id == workspace, Source.kind == kind, Source.name == name)
    )
    return found or create_source(
        session,
        workspace=workspace,
        kind=kind,
        name=name,
        secret=None,
        settings={},
        keys=Keyring(),
        now=now,
    )


def record(session: Session, *, drafts: Sequence[DeliveryDraft]) -> list[bool]:
    """Store deliveries with their work rows; for each, say whether it is new (False: a copy, ignored).

    One commit holds the deliveries of several workspaces: the transaction works for each in turn.
    """
    stored: set[tuple[int, str]] = set()
    for workspace, own in _by_workspace(drafts).items():
        if session.info.get(SCOPE) != workspace:
            scope(session, workspace=workspace)
        stored |= _record(session, workspace, own)
    return _are_new(drafts, stored)


def record_at_once(database: Database, *, drafts: Sequence[DeliveryDraft]) -> list[bool]:
    """Do what `record` does in a transaction of its own that waits for the server once. PostgreSQL only."""
    statements = [
        (workspace, _RECORD, _columns(workspace, own)) for workspace, own in _by_workspace(drafts).items()
    ]
    found = database.write_at_once(statements, stages=[Job.INTAKE])
    return _are_new(drafts, {(source, key) for rows in found for source, key in rows})


def _by_workspace(drafts: Sequence[DeliveryDraft]) -> dict[int, list[DeliveryDraft]]:
    found: dict[int, list[DeliveryDraft]] = {}
    for draft in drafts:
        found.setdefault(draft.workspace_id, []).append(draft)
    return found


def _are_new(drafts: Sequence[DeliveryDraft], stored: set[tuple[int, str]]) -> list[bool]:
    """Say which drafts were stored: of several copies the first."""
    left = set(stored)
    are_new = []
    for draft in drafts:
        name = (draft.source_id, draft.key)
        are_new.append(name in left)
        left.discard(name)
    return are_new


def _record(session: Session, workspace: int, drafts: Sequence[DeliveryDraft]) -> set[tuple[int, str]]:
    """Store deliveries of one workspace, and work for those that are new; return source and key of these."""
    if session.get_bind().dialect.name == "postgresql":
        rows = session.connection().exec_driver_sql(_RECORD, _columns(workspace, drafts)).all()
        if rows:
            told(session, Job.INTAKE)
        return {(source, key) for source, key in rows}
    found = insert_new(
        session,
        Delivery,
        [
            {
                "workspace_id": workspace,
                "source_id": draft.source_id,
                "key": draft.key,
                "received_at": draft.received_at,
                "headers": draft.headers,
                "body": draft.body,
                "state": DeliveryState.OPEN,
            }
            for draft in drafts
        ],
        key=("source_id", "key"),
        returning=(Delivery.id, Delivery.received_at, Delivery.source_id, Delivery.key),
    )
    asked = [(delivery, received_at) for delivery, received_at, _, _ in found]
    work.enqueue_many(session, workspace=workspace, stage=Job.INTAKE, subjects=asked)
    return {(source, key) for _, _, source, key in found}


_RECORD = """
WITH stored AS (
    INSERT INTO delivery (workspace_id, source_id, key, received_at, headers, body, state)
    SELECT %(workspace)s, source_id, key, received_at, CAST(headers AS json), body, 'open'
    FROM unnest(CAST(%(sources)s AS int[]), CAST(%(keys)s AS text[]), CAST(%(moments)s AS timestamptz[]),
                CAST(%(headers)s AS text[]), CAST(%(bodies)s AS bytea[]))
         AS given (source_id, key, received_at, headers, body)
    ON CONFLICT (source_id, key) DO NOTHING
    RETURNING id, source_id, key, received_at
), asked AS (
    INSERT INTO work (workspace_id, stage, subject, version, state, run_at, attempts)
    SELECT %(workspace)s, 'intake', id, 0, 'ready', received_at, 0 FROM stored
    ON CONFLICT (stage, subject, version) DO NOTHING
)
SELECT source_id, key FROM stored
"""
"""One statement for both tables of PostgreSQL; its text is the same for every batch, so it is prepared once."""


def _columns(workspace: int, drafts: Sequence[DeliveryDraft]) -> dict[str, object]:
    return {
        "workspace": workspace,
        "sources": [draft.source_id for draft in drafts],
        "keys": [draft.key for draft in drafts],
        "moments": [draft.received_at for draft in drafts],
        "headers": [json.dumps(draft.headers) for draft in drafts],
        "bodies": [draft.body for draft in drafts],
    }


def count_rejected(
    session: Session, *, workspace: int, source: int, reason: str, now: datetime, count: int = 1
) -> None:
    """Note that calls failed their signature check, and why the last one did, for the source's health."""
    session.execute(
        update(Source)
        .where(Source.id == source, Source.workspace_id == workspace)
        .values(rejected_count=Source.rejected_count + count, rejected_at=now, rejected_reason=reason[:300])
        .execution_options(synchronize_session=False)
    )


def note_answered(session: Session, *, workspace: int, source: int, now: datetime) -> None:
    """Note that a handshake or ping whose proof holds was answered."""
    session.execute(
        update(Source)
        .where(Source.id == source, Source.workspace_id == workspace)
        .values(answered_at=now)
        .execution_options(synchronize_session=False)
    )


def load(session: Session, *, workspace: int, deliveries: Sequence[int]) -> list[tuple[Delivery, Source]]:
    """Load deliveries of the workspace with their sources, in the order they arrived."""
    rows = session.execute(
        select(Delivery, Source)
        .join(Source, Source.id == Delivery.source_id)
        .where(Delivery.id.in_(deliveries), Delivery.workspace_id == workspace)
        .order_by(Delivery.id)
    )
    return [(delivery, source) for delivery, source in rows]


def close(
    session: Session, *, workspace: int, delivery: int, state: DeliveryState, reason: str | None
) -> None:
    """Write what became of a delivery, all of whose changes are written."""
    session.execute(
        update(Delivery)
        .where(Delivery.id == delivery, Delivery.workspace_id == workspace)
        .values(state=state, reason=reason, done_changes=0, changes_digest=None)
        .execution_options(synchronize_session=False)
    )


def note_part(session: Session, *, workspace: int, delivery: int, done_changes: int, digest: str) -> None:
    """Write how many changes of an open delivery are written, and the digest of all that it was read as."""
    session.execute(
        update(Delivery)
        .where(Delivery.id == delivery, Delivery.workspace_id == workspace)
        .values(done_changes=done_changes, changes_digest=digest)
        .execution_options(synchronize_session=False)
    )


def settings_of(session: Session, *, workspace: int, sources: Sequence[int]) -> dict[int, JsonObject]:
    """Return the settings of these sources as they are now."""
    query = select(Source.id, Source.settings).where(Source.id.in_(sources), Source.workspace_id == workspace)
    return {source: settings for source, settings in session.execute(query)}


def health(session: Session, *, workspace: int, source: int) -> SourceHealth:
    """Summarise a source's deliveries."""
    rows = session.execute(
        select(Delivery.state, func.count(), func.max(Delivery.received_at))
        .where(Delivery.source_id == source, within(Delivery, workspace))
        .group_by(Delivery.state)
    ).all()
    counts = {state: count for state, count, _ in rows}
    return SourceHealth(
        last_delivery_at=max((latest for _, _, latest in rows), default=None),
        deliveries=sum(counts.values()),
        parsed=counts.get(DeliveryState.PARSED, 0),
        ignored=counts.get(DeliveryState.IGNORED, 0),
        invalid=counts.get(DeliveryState.INVALID, 0),
        open=counts.get(DeliveryState.OPEN, 0),
        usual_gap_s=_usual_gap(session, workspace, source),
        proof=_last_proof(session, workspace, source),
    )


def _last_proof(session: Session, workspace: int, source: int) -> str | None:
    """Return by what the last call among the latest deliveries was proven; what was pulled or imported has none."""
    latest = session.scalars(
        select(Delivery.headers)
        .where(Delivery.source_id == source, within(Delivery, workspace))
        .order_by(Delivery.id.desc())
        .limit(100)
    )
    return next((found for headers in latest if (found := headers.get(PROOF_HEADER))), None)


def _usual_gap(session: Session, workspace: int, source: int) -> int | None:
    """Return the 99th percentile of the gaps between the latest thousand deliveries, in seconds."""
    latest = session.scalars(
        select(Delivery.received_at)
        .where(Delivery.source_id == source, within(Delivery, workspace))
        .order_by(Delivery.id.desc())
        .limit(1000)
    ).all()
    if len(latest) < 100:
        return None
    gaps = sorted(abs((b - a).total_seconds()) for a, b in itertools.pairwise(latest))
    return int(gaps[int(len(gaps) * 0.99)])
