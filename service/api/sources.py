"""`/v1/sources`: connect tools, and see whether they deliver."""

import secrets
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request

from models.database import Database
from models.errors import Invalid
from models.queries import deliveries, delivery_log
from models.queries import pulls as pull_queries
from models.queries.access import KEY_PREFIX, Caller
from models.queries.delivery_log import Unread
from models.records import Source
from models.sealing import Seal, keyring
from models.settings import Settings
from models.sources.registry import source_of
from models.sources.source import accepted, settings_from
from models.sources.strength import scheme_of, weakest, weaknesses
from models.values.ids import Prefix, parse_id, public_id
from models.values.roles import Permission
from service import acts, retirement
from service.api import pulls, source_signs
from service.api.shapes.base import Page, Paging
from service.api.shapes.sources import (
    DeliveryCounts,
    RetirementPut,
    SecretPut,
    SignatureHealth,
    SourceAnswer,
    SourceCreate,
    SourceCreated,
    SourceHealth,
    SourceSettings,
)
from service.api.shapes.words import SourceLight
from service.api.source_light import Signs, signs_of
from service.dependencies import (
    Admin,
    DatabaseOf,
    Now,
    SettingsOf,
    TicketReader,
    read_after,
    require_held,
    write_cursor,
)

router = APIRouter(prefix="/v1/sources", tags=["sources"])


@router.post("", status_code=201)
def create_source(
    body: SourceCreate, database: DatabaseOf, settings_of: SettingsOf, caller: Admin, now: Now
) -> SourceCreated:
    """Connect a tool; the answer says where it must send, and its secret if we made one.

    Whoever has the secret delivers, so the caller needs `deliver` as well.
    """
    require_held(caller, {Permission.DELIVER})
    kind = source_of(body.kind)
    settings = (body.settings or SourceSettings()).model_dump(mode="json", exclude_defaults=True)
    settings_from(kind.schemes, settings)
    secret = _chosen_secret(body.secret)
    with database.write(workspace=caller.workspace_id) as session:
        row = deliveries.create_source(
            session,
            workspace=caller.workspace_id,
            kind=body.kind,
            name=body.name,
            secret=secret,
            settings=settings,
            keys=keyring(settings_of.sealing_key),
            now=now,
        )
        if body.pull is not None:
            pulls.set_up(session, row, body.pull, settings=settings_of, now=now)
        acts.note(session, caller, "source.create", public_id(Prefix.SOURCE, row.id), now=now)
    told = None if body.secret else secret
    return SourceCreated(**_answer(row).model_dump(), secret=told)


@router.put("/{source_id}/secret")
def put_secret(
    source_id: str, body: SecretPut, database: DatabaseOf, settings_of: SettingsOf, caller: Admin, now: Now
) -> SourceCreated:
    """Change a source's secret; the answer tells it if we made it. The one before opens for a second at most.

    Whoever has the secret delivers, so the caller needs `deliver` as well.
    """
    require_held(caller, {Permission.DELIVER})
    number = parse_id(Prefix.SOURCE, source_id)
    secret = _chosen_secret(body.secret)
    with database.write(workspace=caller.workspace_id) as session:
        row = deliveries.put_secret(
            session,
            workspace=caller.workspace_id,
            source=number,
            secret=secret,
            keys=keyring(settings_of.sealing_key),
        )
        acts.note(session, caller, "source.secret", source_id, now=now)
    return SourceCreated(**_answer(row).model_dump(), secret=None if body.secret else secret)


@router.put("/{source_id}/retirement")
def put_retirement(
    source_id: str, body: RetirementPut, database: DatabaseOf, caller: Admin, now: Now
) -> SourceAnswer:
    """Retire a source: no alert tells of its silence, and verdicts compare no day from then on on it."""
    return _put_retirement(source_id, body.at or now, database=database, caller=caller, now=now)


@router.delete("/{source_id}/retirement")
def delete_retirement(source_id: str, database: DatabaseOf, caller: Admin, now: Now) -> SourceAnswer:
    """Take a source's retirement back: it goes on, and its silence is told again."""
    return _put_retirement(source_id, None, database=database, caller=caller, now=now)


def _put_retirement(
    source_id: str, at: datetime | None, *, database: Database, caller: Caller, now: datetime
) -> SourceAnswer:
    with database.write(workspace=caller.workspace_id) as session:
        return _answer(retirement.put_retirement(session, caller, source_id, at=at, now=now))


def _chosen_secret(given: str | None) -> str:
    """Return the secret that was given, or make one; raise `Invalid` for one that looks like an API key."""
    secret = given or secrets.token_urlsafe(32)
    if secret.startswith(KEY_PREFIX):
        raise Invalid(f"secret must not begin with {KEY_PREFIX}, as API keys do.", field="secret")
    return secret


@router.get("")
def list_sources(
    query: Annotated[Paging, Query()], database: DatabaseOf, caller: TicketReader
) -> Page[SourceAnswer]:
    """List connected tools, oldest first."""
    after = read_after(query.cursor)
    with database.read(workspace=caller.workspace_id) as session:
        rows = deliveries.list_sources(session, workspace=caller.workspace_id)
    rows = [row for row in rows if row.id > after]
    page = rows[: query.limit]
    cursor = write_cursor(page[-1].id) if len(rows) > len(page) else None
    return Page(items=[_answer(row) for row in page], next_cursor=cursor)


@router.get("/{source_id}/health")
def source_health(
    source_id: str,
    request: Request,
    database: DatabaseOf,
    settings_of: SettingsOf,
    caller: TicketReader,
    now: Now,
) -> SourceHealth:
    """Say whether a tool delivers: last delivery, counts, silence, failures, strength of its signature."""
    # Calls that this process refused a moment ago may not be written yet.
    request.app.state.refusals.write()
    number = parse_id(Prefix.SOURCE, source_id)
    with database.read(workspace=caller.workspace_id) as session:
        row = deliveries.get_source(session, workspace=caller.workspace_id, source=number)
        found = deliveries.health(session, workspace=row.workspace_id, source=row.id)
        unread = delivery_log.unread(session, workspace=row.workspace_id, source=row.id)
        failures = source_signs.read_failures(session, row)
        reasons = source_signs.read_reasons(session, row)
        lag = source_signs.read_lag(session, row)
        silence = source_signs.read_silence(session, row, now=now)
        within = source_signs.read_scope(session, row)
        pull = pulls.read(session, row, now, settings_of)
        missing = pull_queries.count_wanted(session, workspace=row.workspace_id, source=row.id)
    secret = _seal_of(row, settings_of)
    left = unread.get(row.id, Unread())
    signs = signs_of(Signs(row, found, left, silence, pull, secret))
    # By the clock of whichever machine took it, the last delivery may lie ahead of ours.
    silent = max((now - found.last_delivery_at).total_seconds(), 0.0) if found.last_delivery_at else None
    return SourceHealth(
        id=source_id,
        light=signs[0].light if signs else SourceLight.GREEN,
        reasons=[sign.reason for sign in signs],
        last_delivery_at=found.last_delivery_at,
        last_rejected_at=row.rejected_at,
        last_answered_at=row.answered_at,
        last_rejected_reason=row.rejected_reason,
        silent_seconds=int(silent) if silent is not None else None,
        usual_gap_seconds=found.usual_gap_s,
        counts=DeliveryCounts(
            accepted=found.deliveries,
            parsed=found.parsed,
            ignored=found.ignored,
            waiting=found.open - left.dead,
            dead=left.dead,
            failed=found.invalid,
            rejected=row.rejected_count,
        ),
        failures=failures,
        signature=_signature(row, found.proof, secret),
        failure_reasons=reasons,
        lag=lag,
        silence=silence,
        scope=within,
        pull=pull,
        texts_missing=missing,
    )


def _signature(row: Source, proof: str | None, secret: Seal | None) -> SignatureHealth:
    """Grade what the last call was proven by; before the first, the weakest proof that would be taken."""
    kind = source_of(row.kind)
    names = accepted(kind, settings_from(kind.schemes, row.settings))
    scheme = scheme_of(proof or weakest(names))
    return SignatureHealth(
        scheme=proof,
        strength=scheme.strength,
        leaves_open=list(weaknesses(scheme)),
        accepted=list(names),
        secret=secret,
    )


def _seal_of(row: Source, settings: Settings) -> Seal | None:
    if row.stored_secret is None:
        return None
    return keyring(settings.sealing_key).seal_of(row.stored_secret)


def _answer(row: Source) -> SourceAnswer:
    public = public_id(Prefix.SOURCE, row.id)
    return SourceAnswer(
        id=public,
        kind=row.kind,
        name=row.name,
        ingest_url=f"/v1/ingest/{public}",
        settings=SourceSettings.model_validate(row.settings),
        created_at=row.created_at,
        retired_at=row.retired_at,
    )
