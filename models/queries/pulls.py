"""Pulling: who pulls which source until when, how far it came, and which records are known."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import ColumnElement, func, or_, select, update
from sqlalchemy.orm import Session

from models.errors import Invalid
from models.queries.upsert import insert_or_ignore, insert_or_update
from models.queries.within import within
from models.records import Delivery, JsonObject, Pull, PullRecord
from models.sealing import Keyring, bound_token


@dataclass(frozen=True, slots=True)
class PullDraft:
    """How a source is to be pulled; `token` None keeps the one that is stored."""

    place: str
    base_url: str | None
    account: str | None
    token: str | None = field(repr=False)
    interval_s: int
    since: datetime


@dataclass(frozen=True, slots=True)
class RecordDraft:
    """A record as the vendor named it."""

    external_id: str
    created_at: datetime | None
    gone: bool


@dataclass(frozen=True, slots=True)
class Progress:
    """What a run came to: where to go on, and until when everything is here; None leaves what stands."""

    cursor: JsonObject | None = None
    covered_until: datetime | None = None
    is_caught_up: bool = False
    stored: int = 0


def put_pull(
    session: Session, *, workspace: int, source: int, draft: PullDraft, keys: Keyring, now: datetime
) -> Pull:
    """Set how a source is pulled, and let it begin at once; another place or an earlier start begins anew.

    The token is stored as these keys seal it.
    """
    token = keys.seal_text(draft.token, bound=bound_token(source)) if draft.token is not None else None
    row = find_pull(session, workspace=workspace, source=source)
    if row is None:
        if token is None:
            raise Invalid("token is missing: the vendor's API asks who reads", field="pull.token")
        row = Pull(workspace_id=workspace, source_id=source, since=draft.since, cursor={})
        row.stored_count = row.failures = 0
        session.add(row)
    elif (row.place, row.base_url) != (draft.place, draft.base_url) or draft.since < row.since:
        row.cursor, row.covered_until, row.caught_up_at, row.since = {}, None, None, draft.since
    row.place, row.base_url, row.account = draft.place, draft.base_url, draft.account
    row.stored_token, row.interval_s = token or row.stored_token, draft.interval_s
    row.stopped, row.failures, row.error, row.next_at = False, 0, None, now
    # Whoever pulls at this moment does so with the old settings: what it still brings is not stored.
    row.lease = row.lease_until = None
    session.flush()
    return row


def find_pull(session: Session, *, workspace: int, source: int) -> Pull | None:
    """Load how a source is pulled, if it is."""
    return session.scalar(select(Pull).where(Pull.source_id == source, within(Pull, workspace)))


def remove_pull(session: Session, *, workspace: int, source: int) -> bool:
    """Stop pulling a source and forget its token; what was pulled stays. Say whether it was pulled."""
    row = find_pull(session, workspace=workspace, source=source)
    if row is not None:
        session.delete(row)
        session.flush()
    return row is not None


def list_due(session: Session, *, workspace: int, now: datetime) -> list[int]:
    """List the sources whose time to be pulled has come, longest waiting first."""
    due = (Pull.workspace_id == workspace, Pull.stopped.is_(False), Pull.next_at <= now, _is_free(now))
    return list(session.scalars(select(Pull.source_id).where(*due).order_by(Pull.next_at, Pull.id)))


def _is_free(now: datetime) -> ColumnElement[bool]:
    return or_(Pull.lease_until.is_(None), Pull.lease_until <= now)


def list_pulls(session: Session, *, workspace: int) -> list[Pull]:
    """List how the sources of a workspace are pulled."""
    return list(session.scalars(select(Pull).where(Pull.workspace_id == workspace).order_by(Pull.id)))


def lease_pull(
    session: Session, *, workspace: int, source: int, now: datetime, until: datetime
) -> Pull | None:
    """Take a source for pulling, unless somebody has it, or nobody may."""
    query = select(Pull).where(Pull.source_id == source, within(Pull, workspace), _is_free(now))
    row = session.scalar(query.with_for_update(skip_locked=True))
    if row is None or row.stopped:
        return None
    row.lease, row.lease_until = uuid.uuid4().hex, until
    session.flush()
    return row


def renew_pull(session: Session, *, workspace: int, source: int, lease: str, until: datetime) -> bool:
    """Go on holding a source; say whether it is still held. The row is locked until the transaction ends."""
    query = select(Pull).where(Pull.source_id == source, within(Pull, workspace), Pull.lease == lease)
    row = session.scalar(query.with_for_update())
    if row is None:
        return False
    row.lease_until = until
    session.flush()
    return True


def write_progress(
    session: Session, *, workspace: int, source: int, lease: str, progress: Progress, now: datetime
) -> None:
    """Write how far a run came, in the transaction that holds what it brought."""
    values: dict[str, object] = {
        "pulled_at": now,
        "failures": 0,
        "error": None,
        "stored_count": Pull.stored_count + progress.stored,
    }
    if progress.cursor is not None:
        values["cursor"] = progress.cursor
    if progress.covered_until is not None:
        values["covered_until"] = progress.covered_until
    if progress.is_caught_up:
        values["caught_up_at"] = now
    _update(session, workspace, source, lease, values)


def release_pull(
    session: Session,
    *,
    workspace: int,
    source: int,
    lease: str,
    next_at: datetime,
    error: str | None = None,
    is_failure: bool = False,
    is_refusal: bool = False,
) -> None:
    """Give a source back until its next turn; a failure makes the next wait longer, a refusal stops it."""
    values: dict[str, object] = {"lease": None, "lease_until": None, "next_at": next_at}
    if error is not None:
        values["error"] = error[:2000]
    if is_failure:
        values["failures"] = Pull.failures + 1
    if is_refusal:
        values["stopped"] = True
    _update(session, workspace, source, lease, values)


def _update(session: Session, workspace: int, source: int, lease: str, values: dict[str, object]) -> None:
    session.execute(
        update(Pull)
        .where(Pull.source_id == source, within(Pull, workspace), Pull.lease == lease)
        .values(**values)
        .execution_options(synchronize_session=False)
    )


def known_keys(session: Session, *, workspace: int, source: int, keys: Sequence[str]) -> set[str]:
    """Return those of the keys under which a delivery of the source is stored."""
    found: set[str] = set()
    for start in range(0, len(keys), 500):
        query = select(Delivery.key).where(
            Delivery.source_id == source,
            within(Delivery, workspace),
            Delivery.key.in_(keys[start : start + 500]),
        )
        found |= set(session.scalars(query))
    return found


def note_records(session: Session, *, workspace: int, source: int, records: Sequence[RecordDraft]) -> None:
    """Remember that records came, when they were created, and whether they are gone; nobody waits for them now."""
    rows = {
        record.external_id: {
            "workspace_id": workspace,
            "source_id": source,
            "external_id": record.external_id,
            "created_at": record.created_at,
            "gone": record.gone,
            "wanted_at": None,
        }
        for record in records
    }
    for row in rows.values():
        # A deletion that comes without its date leaves the date that is known.
        keep = () if row["created_at"] else ("created_at",)
        insert_or_update(session, PullRecord, row, key=("source_id", "external_id"), keep=keep)


def want_record(session: Session, *, workspace: int, source: int, external_id: str, now: datetime) -> None:
    """Ask, from `now` on, for a record of which a webhook told without its text, or that could not be read."""
    row = {
        "workspace_id": workspace,
        "source_id": source,
        "external_id": external_id[:200],
        "created_at": None,
        "gone": False,
        "wanted_at": now,
    }
    if insert_or_ignore(session, PullRecord, row, key=("source_id", "external_id")) is None:
        session.execute(
            update(PullRecord)
            .where(
                PullRecord.source_id == source,
                PullRecord.external_id == external_id[:200],
                within(PullRecord, workspace),
            )
            .values(wanted_at=now)
            .execution_options(synchronize_session=False)
        )


def wanted_records(session: Session, *, workspace: int, source: int, now: datetime, limit: int) -> list[str]:
    """List the records whose texts are missing and may be asked for by `now`, longest waiting first."""
    query = select(PullRecord.external_id).where(*_is_wanted(workspace, source), PullRecord.wanted_at <= now)
    return list(session.scalars(query.order_by(PullRecord.wanted_at, PullRecord.id).limit(limit)))


def put_off_records(session: Session, *, workspace: int, source: int, now: datetime) -> set[str]:
    """Return the records that could not be read and are left alone until some later moment."""
    query = select(PullRecord.external_id).where(*_is_wanted(workspace, source), PullRecord.wanted_at > now)
    return set(session.scalars(query))


def count_wanted(session: Session, *, workspace: int, source: int) -> int:
    """Count the records whose texts are missing."""
    query = select(func.count()).select_from(PullRecord).where(*_is_wanted(workspace, source))
    return int(session.scalar(query) or 0)


def _is_wanted(workspace: int, source: int) -> tuple[ColumnElement[bool], ...]:
    return (
        PullRecord.source_id == source,
        within(PullRecord, workspace),
        PullRecord.wanted_at.is_not(None),
    )
