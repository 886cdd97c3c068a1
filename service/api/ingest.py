"""`POST /v1/ingest/{source_id}`: what support tools call. Signature first, then store, then answer."""

import json
from collections.abc import Mapping
from datetime import datetime

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from models.database import Database
from models.errors import Rejected, TooLarge
from models.queries import deliveries
from models.queries.deliveries import DeliveryDraft
from models.records import Source as SourceRow
from models.sources.registry import source_of
from models.sources.signature import header
from models.sources.source import Source, authenticate, settings_from
from models.values.ids import Prefix, parse_id
from service.dependencies import DatabaseOf, Now, SettingsOf
from service.intake import IntakeWriter

router = APIRouter(tags=["intake"])


@router.post("/v1/ingest/{source_id}", status_code=202)
async def ingest(
    source_id: str, request: Request, database: DatabaseOf, settings: SettingsOf, now: Now
) -> Response:
    """Accept one delivery of a support or release tool: 202 once it is stored, also for copies."""
    body = await _read_body(request, settings.webhook_max_bytes)
    number = parse_id(Prefix.SOURCE, source_id)
    row = await run_in_threadpool(_authenticated_source, database, number, request, body, now)
    kind = source_of(row.kind)
    answer = kind.handshake(request.headers, body)
    if answer is not None:
        return Response(answer.body, 200, media_type=answer.content_type)
    writer: IntakeWriter = request.app.state.intake
    is_new = await writer.submit(
        DeliveryDraft(
            workspace_id=row.workspace_id,
            source_id=row.id,
            key=kind.delivery_key(request.headers, body),
            received_at=now,
            headers=_kept_headers(kind, request.headers),
            body=body,
        )
    )
    content = json.dumps({"status": "accepted" if is_new else "duplicate"})
    return Response(content, 202, media_type="application/json")


async def _read_body(request: Request, most: int) -> bytes:
    """Read the body, giving up as soon as it is longer than `most` bytes, whatever its length claims to be."""
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > most:
            raise TooLarge(f"the body is longer than {most:,} bytes; send smaller batches.", field="body")
        chunks.append(chunk)
    return b"".join(chunks)


def _authenticated_source(
    database: Database, number: int, request: Request, body: bytes, now: datetime
) -> SourceRow:
    """Load the source and check the call's signature; a failed one is counted for the source's health.

    An unknown source is answered like a wrong signature: nobody learns which sources exist.
    """
    with database.read(workspace=None) as session:
        row = deliveries.find_source(session, source=number)
    if row is None:
        raise Rejected("unknown source or wrong signature.")
    kind = source_of(row.kind)
    if row.secret is None:
        raise Rejected("this source has no secret, so it takes no webhooks.")
    try:
        authenticate(
            kind,
            settings=settings_from(kind.schemes, row.settings),
            secret=row.secret,
            headers=request.headers,
            body=body,
            now=now,
            method=request.method,
            url=str(request.url),
        )
    except Rejected:
        with database.write(workspace=row.workspace_id) as session:
            deliveries.count_rejected(session, source=row.id, now=now)
        raise
    return row


def _kept_headers(kind: Source, headers: Mapping[str, str]) -> dict[str, str]:
    found = {name: header(headers, name) for name in kind.kept_headers}
    return {name: value for name, value in found.items() if value is not None}
