"""`/v1/erasures`: erase a person, and the receipts of it."""

from typing import Annotated

from fastapi import APIRouter, Query

from models.queries import erasures
from models.records import Erasure
from models.sealing import keyring
from models.values.ids import Prefix, parse_id, public_id
from service.api.shapes.admin import ErasureAnswer, ErasureCreate
from service.api.shapes.base import Page, Paging
from service.dependencies import Admin, DatabaseOf, Now, SettingsOf, read_after, write_cursor
from service.erasure import Who, erase

router = APIRouter(prefix="/v1", tags=["administration"])


@router.post("/erasures", status_code=201)
def create_erasure(
    body: ErasureCreate, database: DatabaseOf, settings: SettingsOf, caller: Admin, now: Now
) -> ErasureAnswer:
    """Erase a person: words, vectors, quotes and raw deliveries go, counts stay. 409 while one waits to be read."""
    receipt = erase(
        database,
        keyring(settings.sealing_key),
        workspace=caller.workspace_id,
        who=Who(
            email=body.email,
            customer_id=body.customer_id,
            source=None if body.source is None else parse_id(Prefix.SOURCE, body.source),
        ),
        actor=caller.name,
        by=caller.public_id,
        now=now,
        dry_run=body.dry_run,
    )
    return ErasureAnswer(
        id=None if receipt.id is None else public_id(Prefix.ERASURE, receipt.id),
        at=receipt.at,
        asked_by=caller.name,
        persons=receipt.persons,
        digests=list(receipt.digests),
        items=receipt.removed.items,
        vectors=receipt.removed.vectors,
        quotes=receipt.removed.quotes,
        deliveries=receipt.removed.deliveries,
        labels=receipt.removed.labels,
        left=receipt.left,
        reports_unchanged=receipt.counts_unchanged,
        files_cleaned=receipt.scrubbed if receipt.id is not None else None,
        receipt_hash=receipt.receipt_hash,
    )


@router.get("/erasures")
def list_erasures(
    query: Annotated[Paging, Query()], database: DatabaseOf, caller: Admin
) -> Page[ErasureAnswer]:
    """List receipts, newest first."""
    with database.read(workspace=caller.workspace_id) as session:
        rows = erasures.list_receipts(
            session,
            workspace=caller.workspace_id,
            before=read_after(query.cursor) or None,
            limit=query.limit + 1,
        )
    page = rows[: query.limit]
    cursor = write_cursor(page[-1].id) if len(rows) > len(page) else None
    return Page(items=[_stored(row) for row in page], next_cursor=cursor)


def _stored(row: Erasure) -> ErasureAnswer:
    return ErasureAnswer(
        id=public_id(Prefix.ERASURE, row.id),
        at=row.at,
        asked_by=row.actor,
        persons=row.persons,
        digests=row.digests,
        items=row.items,
        vectors=row.vectors,
        quotes=row.quotes,
        deliveries=row.deliveries,
        labels=row.labels,
        left=row.left,
        reports_unchanged=row.counts_unchanged,
        files_cleaned=None,
        receipt_hash=row.receipt_hash,
    )
