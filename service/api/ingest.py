"""`POST /v1/ingest/{source_id}`: what support tools call. Signature or key first, then store, then answer."""

import json
from collections.abc import Mapping
from datetime import datetime

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from models.database import Database
from models.errors import Rejected, TooLarge
from models.queries import deliveries
from models.queries.access import KEY_PREFIX
from models.queries.deliveries import DeliveryDraft
from models.records import Source as SourceRow
from models.sealing import bound_to, keyring
from models.sources.registry import source_of
from models.sources.signature import SCHEMES, header
from models.sources.source import Source, authenticate, settings_from
from models.values.ids import Prefix, parse_id
from models.values.roles import Permission
from service.dependencies import DatabaseOf, Now, SettingsOf, caller_of
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
    key = kind.delivery_key(request.headers, body)
    is_new = await writer.submit(
        DeliveryDraft(
            workspace_id=row.workspace_id,
            source_id=row.id,
            key=key,
            received_at=now,
            headers=_kept_headers(kind, request.headers),
            body=keyring(settings.raw_body_key).seal(body, bound=bound_to(row.id, key)),
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
    """Load the source and check the call's signature or key; a failed one is counted for the source's health.

    Every refusal is answered alike, that of an unknown source too: nobody learns which sources exist and what they
    are. Why a call was refused stands in the source's health, for those who may read it.
    """
    key = _sent_key(request.headers)
    with database.read(workspace=None) as session:
        row = deliveries.find_source(session, source=number)
    if row is None:
        raise _refused()
    is_signed = key is None or _is_signed(request, row)
    try:
        if is_signed and row.secret is None:
            raise Rejected("this source has no secret, so it takes no webhooks.")
        # Whatever proof is sent must hold: a key stands in place of a signature, and mends no wrong one.
        if key is not None:
            _check_key(database, key, row, now)
        if is_signed:
            _check_signature(request, body, row, now)
    except Rejected as refused:
        with database.write(workspace=row.workspace_id) as session:
            deliveries.count_rejected(
                session, workspace=row.workspace_id, source=row.id, reason=refused.message, now=now
            )
        raise _refused() from None
    return row


def _sent_key(headers: Mapping[str, str]) -> str | None:
    """Return the API key of a call; other values of the header are some vendor's own proof."""
    scheme, _, value = (header(headers, "Authorization") or "").partition(" ")
    value = value.strip()
    return value if scheme.lower() == "bearer" and value.startswith(KEY_PREFIX) else None


def _check_key(database: Database, key: str, row: SourceRow, now: datetime) -> None:
    try:
        caller = caller_of(database, key, now)
    except Rejected:
        raise Rejected("the key is unknown, revoked or expired.") from None
    is_here = caller.workspace_id == row.workspace_id and caller.source_id in (None, row.id)
    if not (is_here and caller.may(Permission.DELIVER)):
        raise Rejected("the key may not deliver to this source.")


def _refused() -> Rejected:
    return Rejected(
        "unknown source, or a signature or key that does not hold; the source's health tells its owners why."
    )


def _is_signed(request: Request, row: SourceRow) -> bool:
    """Say whether a call that carries a key carries a signature of the source's tool beside it."""
    kind = source_of(row.kind)
    pinned = settings_from(kind.schemes, row.settings).signature
    names = {SCHEMES[name].header.lower() for name in ((pinned,) if pinned else kind.schemes)}
    return any(header(request.headers, name) for name in names - {"authorization"})


def _check_signature(request: Request, body: bytes, row: SourceRow, now: datetime) -> None:
    kind = source_of(row.kind)
    authenticate(
        kind,
        settings=settings_from(kind.schemes, row.settings),
        secret=row.secret or "",
        headers=request.headers,
        body=body,
        now=now,
        method=request.method,
        url=str(request.url),
    )


def _kept_headers(kind: Source, headers: Mapping[str, str]) -> dict[str, str]:
    found = {name: header(headers, name) for name in kind.kept_headers}
    return {name: value for name, value in found.items() if value is not None}
