"""`POST /v1/ingest/{source_id}`: what support tools call. Signature or key first, then store, then answer."""

import hmac
from collections.abc import Mapping
from datetime import datetime

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Scope, Send

from models.database import Database
from models.errors import Busy, EbbError, Rejected, TooLarge, Unsupported
from models.logs import get_logger, type_name
from models.queries import deliveries
from models.queries.access import KEY_PREFIX, Caller
from models.queries.deliveries import DeliveryDraft
from models.sealing import SETTING, bound_to, keyring
from models.sources.signature import SCHEMES, Mismatch, header
from models.sources.source import Answer, Source, accepted, authenticate
from models.sources.strength import API_KEY, PROOF_HEADER
from models.values.ids import Prefix, parse_id
from models.values.roles import Permission
from service.dependencies import caller_of, get_now
from service.doors import Door, Doors
from service.errors import problem_of
from service.intake import IntakeWriter

router = APIRouter(tags=["intake"])
log = get_logger("ebb.intake")

PATH = "/v1/ingest/"
READ_BESIDE = 64 * 1024
"""Bodies longer than so many bytes are hashed and read in a thread, where they hold nobody else up."""
ACCEPTED, DUPLICATE = b'{"status": "accepted"}', b'{"status": "duplicate"}'


@router.post("/v1/ingest/{source_id}", status_code=202)
async def ingest(source_id: str, request: Request) -> Response:
    """Accept one delivery of a support or release tool: 202 once it is stored, also for copies."""
    # Without dependencies: each of ours would cost a thread's turn, and there are hundreds of calls a second.
    state, now = request.app.state, get_now(request)
    headers = _headers(request)
    _check_encoding(headers)
    body = await _read_body(request, headers, state.settings.webhook_max_bytes)
    call = Call(request, headers, body, now)
    number = parse_id(Prefix.SOURCE, source_id)
    door = await _opened(number, call)
    if len(body) > READ_BESIDE:
        answer, draft = await run_in_threadpool(_look_into, door, call)
    else:
        answer, draft = _look_into(door, call)
    if answer is not None:
        await run_in_threadpool(_note_answer, state.database, door, now)
        return Response(answer.body, 200, media_type=answer.content_type)
    is_new = await _stored(state.intake, state.doors, state.database, draft)
    return Response(ACCEPTED if is_new else DUPLICATE, 202, media_type="application/json")


Failed = tuple[Door, Rejected]
"""What was kept of a source, and why a call's signature does not hold by it."""


class Shortcut:
    """Lead deliveries straight to their endpoint: matching routes and dependencies takes longer than storing them.

    The route itself stays for the OpenAPI document, and for every method but POST.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        (self._route,) = router.routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; all but deliveries pass untouched."""
        path: str = scope.get("path", "")
        name = path.removeprefix(PATH)
        is_delivery = scope["type"] == "http" and scope["method"] == "POST" and name != path
        if not is_delivery or "/" in name:
            await self.app(scope, receive, send)
            return
        scope["route"] = self._route
        request = Request(scope, receive)
        try:
            answer: Response = await ingest(name, request)
        except EbbError as error:
            answer = problem_of(request, error)
        except ClientDisconnect:
            return
        await answer(scope, receive, send)


class Call:
    """One request: its headers by their names in lower case, and its whole body."""

    __slots__ = ("body", "headers", "now", "proof", "request")

    def __init__(self, request: Request, headers: Mapping[str, str], body: bytes, now: datetime) -> None:
        self.request, self.headers, self.body, self.now = request, headers, body, now
        # By what it was proven, once it is.
        self.proof = ""


def _headers(request: Request) -> dict[str, str]:
    """Return the first value of each header: a plain dictionary, for they are looked up often."""
    found: dict[str, str] = {}
    for name, value in request.scope["headers"]:
        found.setdefault(name.decode("latin-1"), value.decode("latin-1"))
    return found


def _check_encoding(headers: Mapping[str, str]) -> None:
    """Refuse compressed bodies: none of the tools sends them, and a small one may unpack to gigabytes."""
    encoding = headers.get("content-encoding", "").strip().lower()
    if encoding not in ("", "identity"):
        raise Unsupported("send the body as it is, without Content-Encoding.", field="Content-Encoding")


async def _read_body(request: Request, headers: Mapping[str, str], most: int) -> bytes:
    """Read the body, giving up as soon as it is longer than `most` bytes, whatever its length claims to be."""
    claimed = headers.get("content-length", "")
    if claimed.isascii() and claimed.isdigit() and (len(claimed) > 18 or int(claimed) > most):
        raise _too_large(most)
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > most:
            raise _too_large(most)
        chunks.append(chunk)
    return b"".join(chunks)


def _too_large(most: int) -> TooLarge:
    return TooLarge(f"the body is longer than {most:,} bytes; send smaller batches.", field="body")


async def _opened(number: int, call: Call) -> Door:
    """Find the source of a call and check its proof: by what is kept of it, else by what is stored."""
    doors: Doors = call.request.app.state.doors
    door = doors.kept(call.request.app.state.database, number)
    failed: Failed | None = None
    if door is not None and len(call.body) <= READ_BESIDE and _sent_key(call.headers) is None:
        try:
            _check_signature(call, door)
        except Rejected as refused:
            failed = door, refused  # its secret may just have been changed
        else:
            return door
    return await run_in_threadpool(_authenticated, number, call, failed)


def _authenticated(number: int, call: Call, failed: Failed | None) -> Door:
    """Load the source and check the call's signature or key; a failed one is counted for the source's health.

    Every refusal is answered alike and costs alike, that of an unknown source too: the source and the key are looked
    up, the body is hashed once, and nothing is written before the answer. So nobody learns which sources exist and
    what they are. Why a call was refused stands in the source's health, for those who may read it.
    """
    state = call.request.app.state
    door: Door | None = state.doors.read(state.database, number)
    try:
        return _proven(state.database, door, call, failed)
    except Rejected as refused:
        if not isinstance(refused, Mismatch):
            hmac.digest(b"nobody's", call.body, "sha256")
        state.refusals.note(state.database, door, reason=refused.message, now=call.now)
        raise _refused(state.doors, state.database) from None


def _proven(database: Database, door: Door | None, call: Call, failed: Failed | None) -> Door:
    """Return the door if all that a call sends as its proof holds; raise `Rejected` otherwise.

    A key stands in place of a signature, and mends no wrong one. `failed`: what was kept of the source when the
    signature did not hold; if that is how it stands, it is not checked again.
    """
    key = _sent_key(call.headers)
    caller = _caller_of(database, key, call.now) if key is not None else None
    if door is None:
        raise Rejected("unknown source.")
    if failed is not None and failed[0] == door:
        raise failed[1]
    if key is not None:
        _check_key(caller, door)
        call.proof = API_KEY
    if key is None or _is_signed(call, door):
        _check_signature(call, door)
    return door


def _sent_key(headers: Mapping[str, str]) -> str | None:
    """Return the API key of a call; other values of the header are some vendor's own proof."""
    scheme, _, value = (header(headers, "Authorization") or "").partition(" ")
    value = value.strip()
    return value if scheme.lower() == "bearer" and value.startswith(KEY_PREFIX) else None


def _caller_of(database: Database, key: str, now: datetime) -> Caller | None:
    try:
        return caller_of(database, key, now)
    except Rejected:
        return None


def _check_key(caller: Caller | None, door: Door) -> None:
    if caller is None:
        raise Rejected("the key is unknown, revoked or expired.")
    is_here = caller.workspace_id == door.workspace_id and caller.source_id in (None, door.id)
    if not (is_here and caller.may(Permission.DELIVER)):
        raise Rejected("the key may not deliver to this source.")


def _refused(doors: Doors, database: Database) -> EbbError:
    """Return what every sender is told who is not let in, whatever the reason.

    Where this process lacks a key that sources' secrets are sealed with, a call that fails may be a right one. Nobody
    is told 401 then, after which tools give a call up, but 503, so that it comes again; and all are told so, or those
    who guess would learn which sources there are.
    """
    if doors.is_key_missing(database):
        log.error(f"signatures cannot be checked: secrets are sealed with a key that {SETTING} does not hold")
        return Busy("Signatures cannot be checked at the moment; nothing was stored. Send it again later.")
    return Rejected(
        "unknown source, or a signature or key that does not hold; the source's health tells its owners why."
    )


def _is_signed(call: Call, door: Door) -> bool:
    """Say whether a call that carries a key carries a signature of the source's tool beside it."""
    names = {SCHEMES[name].header.lower() for name in accepted(door.kind, door.settings)}
    return any(header(call.headers, name) for name in names - {"authorization"})


def _check_signature(call: Call, door: Door) -> None:
    if door.unreadable is not None:
        raise Rejected(door.unreadable)
    if door.secret is None:
        raise Rejected("this source has no secret, so it takes no webhooks.")
    call.proof = authenticate(
        door.kind,
        settings=door.settings,
        secret=door.secret,
        headers=call.headers,
        body=call.body,
        now=call.now,
        method=call.request.method,
        # Few sign their address, and it takes long to put together.
        url=str(call.request.url) if _signs_address(door.kind) else None,
    )


def _signs_address(kind: Source) -> bool:
    return any("{uri}" in SCHEMES[name].signed_content for name in kind.schemes)


def _look_into(door: Door, call: Call) -> tuple[Answer | None, DeliveryDraft]:
    """Return the answer to a handshake, where it is one, and what to store where it is none."""
    kind = door.kind
    key = kind.delivery_key(call.headers, call.body)
    keys = keyring(call.request.app.state.settings.sealing_key)
    draft = DeliveryDraft(
        workspace_id=door.workspace_id,
        source_id=door.id,
        key=key,
        received_at=call.now,
        headers={**_kept_headers(kind, call.headers), PROOF_HEADER: call.proof},
        body=keys.seal(call.body, bound=bound_to(door.id, key)),
    )
    return kind.handshake(call.headers, call.body), draft


def _kept_headers(kind: Source, headers: Mapping[str, str]) -> dict[str, str]:
    found = {name: header(headers, name) for name in kind.kept_headers}
    return {name: value for name, value in found.items() if value is not None}


def _note_answer(database: Database, door: Door, now: datetime) -> None:
    """Let the source's health know that its address and secret are right; the tool is answered all the same."""
    try:
        with database.write(workspace=door.workspace_id) as session:
            deliveries.note_answered(session, workspace=door.workspace_id, source=door.id, now=now)
    except Exception as error:  # noqa: BLE001 - a tool that is not answered in time takes its address back
        log.warning("an answer was not noted", error=type_name(error))


async def _stored(writer: IntakeWriter, doors: Doors, database: Database, draft: DeliveryDraft) -> bool:
    """Store a delivery; say, once it is committed, whether it was new."""
    try:
        return await writer.submit(draft)
    except EbbError:
        raise
    except Exception:
        # Its source may be gone since it was last read: then it is unknown, and no fault of ours.
        if await run_in_threadpool(doors.look, database, draft.source_id) is None:
            raise await run_in_threadpool(_refused, doors, database) from None
        raise
