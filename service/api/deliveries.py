"""`/v1/deliveries`: what arrived, what became of it and why, and reading it again after a fix."""

from typing import Annotated

from fastapi import APIRouter, Query

from models.database import Session
from models.errors import Invalid
from models.queries import deliveries, delivery_log
from models.queries.access import Caller
from models.queries.delivery_log import DeliveryEntry, DeliveryFilter
from models.records import Delivery, Source
from models.sealing import Sealed, bound_to, keyring
from models.settings import Settings
from models.sources.reading import read_changes
from models.values.deliveries import REPLAYED_AT_ONCE, DeliveryOutcome
from models.values.feedback import FeedbackChange
from models.values.ids import Prefix, parse_id, public_id
from models.values.roles import Permission
from service import acts, replay
from service.api.delivery_words import reason_of
from service.api.shapes.base import Page
from service.api.shapes.deliveries import (
    DeliveriesQuery,
    DeliveriesReplay,
    DeliveriesReplayed,
    DeliveryAnswer,
    DeliveryDetail,
)
from service.dependencies import (
    Admin,
    DatabaseOf,
    Now,
    SettingsOf,
    TicketReader,
    read_after,
    write_cursor,
)

router = APIRouter(prefix="/v1/deliveries", tags=["intake"])


@router.get("")
def list_deliveries(
    query: Annotated[DeliveriesQuery, Query()], database: DatabaseOf, caller: TicketReader
) -> Page[DeliveryAnswer]:
    """List deliveries, newest first: all, or those of a source or a state."""
    with database.read(workspace=caller.workspace_id) as session:
        where = DeliveryFilter(_source(session, caller, query.source), query.state)
        rows = delivery_log.list_deliveries(
            session,
            workspace=caller.workspace_id,
            where=where,
            before=read_after(query.cursor) or None,
            limit=query.limit + 1,
        )
    page = rows[: query.limit]
    cursor = write_cursor(page[-1].id) if len(rows) > len(page) else None
    return Page(items=[DeliveryAnswer(**_fields(entry)) for entry in page], next_cursor=cursor)


@router.get("/{delivery_id}")
def get_delivery(
    delivery_id: str, database: DatabaseOf, settings: SettingsOf, caller: TicketReader
) -> DeliveryDetail:
    """Tell all of one delivery; its body only to callers who `administer`, for it holds personal data."""
    number = parse_id(Prefix.DELIVERY, delivery_id)
    workspace = caller.workspace_id
    with database.read(workspace=workspace) as session:
        entry, row, source = delivery_log.get_delivery(session, workspace=workspace, delivery=number)
        body = _opened(row, settings)
        records = (
            _records(row, source, body)
            if body is not None and entry.outcome is DeliveryOutcome.PARSED
            else []
        )
        items = delivery_log.items_of(session, workspace=workspace, source=source.id, external_ids=records)
    may_see = caller.may(Permission.ADMINISTER)
    return DeliveryDetail(
        **_fields(entry),
        headers=row.headers,
        body=body.decode("utf-8", "replace") if may_see and body is not None else None,
        body_bytes=len(row.body if body is None else body),
        items=[public_id(Prefix.ITEM, item) for item in items],
    )


@router.post("/{delivery_id}/replay", status_code=202)
def replay_delivery(delivery_id: str, database: DatabaseOf, caller: Admin, now: Now) -> DeliveriesReplayed:
    """Read one delivery once more, whatever became of it; what it says is applied once however often it is read."""
    number = parse_id(Prefix.DELIVERY, delivery_id)
    with database.write(workspace=caller.workspace_id) as session:
        delivery_log.replay_one(session, workspace=caller.workspace_id, delivery=number, now=now)
        acts.note(session, caller, "delivery.replay", delivery_id, now=now)
    return DeliveriesReplayed(replayed=1)


@router.post("/replay", status_code=202)
def replay_deliveries(
    body: DeliveriesReplay, database: DatabaseOf, caller: Admin, now: Now
) -> DeliveriesReplayed:
    """Read all deliveries once more that were not understood, or that reading was given up of."""
    if body.state not in REPLAYED_AT_ONCE:
        raise Invalid(
            f"state must be one of {', '.join(REPLAYED_AT_ONCE)}; replay others one by one.", field="state"
        )
    with database.read(workspace=caller.workspace_id) as session:
        where = DeliveryFilter(_source(session, caller, body.source), body.state)
    subject = body.source or "deliveries"
    with database.write(workspace=caller.workspace_id) as session:
        acts.note(session, caller, "delivery.replay", subject, now=now, detail={"state": str(body.state)})
    count = replay.replay_all(database, workspace=caller.workspace_id, where=where, now=now)
    return DeliveriesReplayed(replayed=count)


def _source(session: Session, caller: Caller, source: str | None) -> int | None:
    """Return the number of a source of the caller's; raise `NotFound` for any other."""
    if source is None:
        return None
    number = parse_id(Prefix.SOURCE, source)
    return deliveries.get_source(session, workspace=caller.workspace_id, source=number).id


def _fields(entry: DeliveryEntry) -> dict[str, object]:
    return {
        "id": public_id(Prefix.DELIVERY, entry.id),
        "source": public_id(Prefix.SOURCE, entry.source_id),
        "key": entry.key,
        "received_at": entry.received_at,
        "state": entry.outcome,
        "reason": reason_of(entry),
        "attempts": entry.attempts,
        "next_attempt_at": entry.due_at,
    }


def _opened(row: Delivery, settings: Settings) -> bytes | None:
    """Return the raw body; None where it has expired, or its key is not set."""
    if row.body_expired_at is not None:
        return None
    try:
        return keyring(settings.sealing_key).open(row.body, bound=bound_to(row.source_id, row.key))
    except Sealed:
        return None


def _records(row: Delivery, source: Source, body: bytes) -> list[str]:
    """Read anew which records a delivery speaks of; none where it cannot be read any more."""
    try:
        changes = read_changes(
            source.kind, body, headers=row.headers, settings=source.settings, received_at=row.received_at
        )
    except Exception:  # noqa: BLE001 - a delivery is shown also if its parser has grown a fault since
        return []
    found = (change.external_id for change in changes if isinstance(change, FeedbackChange))
    return list(dict.fromkeys(each for each in found if each is not None))[:200]
