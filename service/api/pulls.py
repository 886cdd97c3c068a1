"""`/v1/sources/{id}/pull`: let Ebb ask the vendor's API, where nothing can be sent to us or history is wanted."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from fastapi import APIRouter

from models.database import Session
from models.errors import Invalid, NotFound
from models.queries import deliveries, pull_counts, pulls
from models.queries.pulls import PullDraft
from models.records import JsonObject, Pull, PullCount, Source
from models.sealing import keyring
from models.settings import Settings
from models.sources.pullers import address_of, puller_of
from models.values.ids import Prefix, parse_id, public_id
from service import acts
from service.api.shapes.pulls import DayCount, PullAnswer, PullPut, Reconciliation
from service.dependencies import Admin, DatabaseOf, Now, SettingsOf, TicketReader

router = APIRouter(prefix="/v1/sources", tags=["sources"])

MONTH = timedelta(days=30.5)
SHOWN = 60
"""Days that are shown one by one."""


@router.put("/{source_id}/pull")
def put_pull(
    source_id: str, body: PullPut, database: DatabaseOf, settings: SettingsOf, caller: Admin, now: Now
) -> PullAnswer:
    """Pull a source from its vendor's API, or change how; begins at once, with the history."""
    number = parse_id(Prefix.SOURCE, source_id)
    with database.write(workspace=caller.workspace_id) as session:
        source = deliveries.get_source(session, workspace=caller.workspace_id, source=number)
        set_up(session, source, body, settings=settings, now=now)
        detail: JsonObject = {"token": "set" if body.token else "kept"}
        acts.note(session, caller, "source.pull", source_id, now=now, detail=detail)
        found = read(session, source, now, settings)
    assert found is not None
    return found


@router.get("/{source_id}/pull")
def get_pull(
    source_id: str, database: DatabaseOf, settings: SettingsOf, caller: TicketReader, now: Now
) -> PullAnswer:
    """Say how a source is pulled, how far that came, and how its days compare with the vendor's count."""
    number = parse_id(Prefix.SOURCE, source_id)
    with database.read(workspace=caller.workspace_id) as session:
        source = deliveries.get_source(session, workspace=caller.workspace_id, source=number)
        found = read(session, source, now, settings)
    if found is None:
        raise NotFound(f"{source_id} is not pulled; PUT /v1/sources/{source_id}/pull sets it up.")
    return found


@router.delete("/{source_id}/pull", status_code=204)
def delete_pull(source_id: str, database: DatabaseOf, caller: Admin, now: Now) -> None:
    """Stop pulling a source and forget its token; what was pulled stays."""
    number = parse_id(Prefix.SOURCE, source_id)
    with database.write(workspace=caller.workspace_id) as session:
        source = deliveries.get_source(session, workspace=caller.workspace_id, source=number)
        if not pulls.remove_pull(session, workspace=source.workspace_id, source=source.id):
            raise NotFound(f"{source_id} is not pulled.")
        acts.note(session, caller, "source.pull.end", source_id, now=now)


def set_up(session: Session, source: Source, body: PullPut, *, settings: Settings, now: datetime) -> None:
    """Store how a source is pulled; raise `Invalid` naming what is wrong."""
    puller = puller_of(source.kind)
    given = {
        name: value
        for name in ("subdomain", "region", "repository")
        if (value := getattr(body, name)) is not None
    }
    if list(given) != [puller.place_name]:
        raise Invalid(
            f"a {source.kind} source is pulled by its {puller.place_name}, and by nothing else",
            field=f"pull.{puller.place_name}",
        )
    place = given[puller.place_name]
    address_of(puller, place, body.base_url, allowed=settings.pull_bases)
    stood = pulls.find_pull(session, workspace=source.workspace_id, source=source.id)
    months = settings.pull_months if body.months is None else body.months
    since = stood.since if stood is not None and body.months is None else now - MONTH * months
    keys = keyring(settings.sealing_key)
    draft = PullDraft(place, body.base_url, body.account, body.token, body.interval_s, since)
    pulls.put_pull(session, workspace=source.workspace_id, source=source.id, draft=draft, keys=keys, now=now)


def read(session: Session, source: Source, now: datetime, settings: Settings) -> PullAnswer | None:
    """Tell how a source is pulled; None where it is not."""
    named = {"workspace": source.workspace_id, "source": source.id}
    row = pulls.find_pull(session, **named)
    if row is None:
        return None
    counts = pull_counts.list_counts(session, **named, limit=4_000)
    return PullAnswer(
        id=public_id(Prefix.SOURCE, source.id),
        place=row.place,
        account=row.account,
        token_set=bool(row.stored_token),
        token_seal=keyring(settings.sealing_key).seal_of(row.stored_token),
        base_url=row.base_url,
        interval_s=row.interval_s,
        covered_from=row.since,
        covered_until=row.covered_until,
        covered_share=_share(row, now),
        caught_up_at=row.caught_up_at,
        last_pulled_at=row.pulled_at,
        next_pull_at=None if row.stopped else row.next_at,
        records=row.stored_count,
        failures=row.failures,
        stopped=row.stopped,
        error=row.error,
        texts_missing=pulls.count_wanted(session, **named),
        reconciliation=_reconciliation(counts) if counts else None,
    )


def _share(row: Pull, now: datetime) -> float:
    if row.covered_until is None:
        return 0.0
    whole = (now - row.since).total_seconds()
    done = (row.covered_until - row.since).total_seconds()
    return min(max(done / whole, 0.0), 1.0) if whole > 0 else 1.0


def _reconciliation(counts: Sequence[PullCount]) -> Reconciliation:
    differing = [row for row in counts if row.theirs != row.ours]
    shown = {row.day: row for row in (*differing[:SHOWN], *counts[: max(SHOWN - len(differing), 1)])}
    return Reconciliation(
        days=len(counts),
        differing=len(differing),
        theirs=sum(row.theirs for row in counts),
        ours=sum(row.ours for row in counts),
        fetched=sum(row.fetched for row in counts),
        latest=[_day(shown[day]) for day in sorted(shown, reverse=True)],
    )


def _day(row: PullCount) -> DayCount:
    sign = "=" if row.theirs == row.ours else "/"
    fetched = f": {row.fetched} fetched" if row.fetched else ""
    return DayCount(
        day=row.day,
        theirs=row.theirs,
        ours=row.ours,
        fetched=row.fetched,
        checked_at=row.checked_at,
        text=f"{row.theirs} {sign} {row.ours}{fetched}",
    )
