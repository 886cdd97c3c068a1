"""Parts of a source's health that are read from its history: silence, lag, failures, scope."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from models.database import Session
from models.queries import scope, scope_reading, silence, workspaces
from models.records import Source
from models.sources.rhythm import Reading, allowed_until
from service.api.shapes.sources import FailureReason, LagHealth, ScopeHealth, SilenceHealth
from service.api.shapes.words import SilenceState

SHOWN_DAYS = 60


def read_silence(session: Session, row: Source, *, now: datetime) -> SilenceHealth:
    """Say how long a source has been silent, and whether that is ordinary at this time of the week."""
    zone = ZoneInfo(workspaces.get_workspace(session, workspace=row.workspace_id).time_zone)
    found = silence.reading(
        session,
        workspace=row.workspace_id,
        source=row.id,
        zone=zone,
        now=now,
        goes_on=silence.is_expected(row),
    )
    present, rhythm = found.present, found.rhythm
    allowed = None
    if rhythm and present:
        allowed = allowed_until(rhythm, present.start) + timedelta(seconds=found.patience_s) - present.start
    return SilenceHealth(
        state=_state(row, found),
        since=present.start if present else None,
        hours=round((now - present.start).total_seconds() / 3600, 1) if present else None,
        allowed_hours=allowed.total_seconds() / 3600 if allowed is not None else None,
        expected_tickets=round(present.expected, 1) if present else None,
        chance=rhythm.chance(present.evidence) if rhythm and present else None,
        weekly_tickets=round(rhythm.weekly, 1) if rhythm else None,
        incomplete_days=sorted(found.marks, reverse=True)[:SHOWN_DAYS],
    )


def _state(row: Source, found: Reading) -> SilenceState:
    if not silence.is_expected(row):
        return SilenceState.ENDED
    if found.rhythm is None:
        return SilenceState.LEARNING
    return SilenceState.SILENT if found.is_silent else SilenceState.ORDINARY


def read_lag(session: Session, row: Source) -> LagHealth:
    """Say how late a source's deliveries come, and how long they then wait."""
    found = silence.lag(session, workspace=row.workspace_id, source=row.id)
    return LagHealth(
        vendor_median_s=found.vendor_median,
        vendor_p95_s=found.vendor_p95,
        parsing_median_s=found.parsing_median,
        parsing_p95_s=found.parsing_p95,
    )


def read_failures(session: Session, row: Source) -> list[FailureReason]:
    """Say why deliveries could not be understood."""
    found = silence.failures(session, workspace=row.workspace_id, source=row.id)
    return [FailureReason(reason=each.reason, count=each.count, last_at=each.last_at) for each in found]


def read_scope(session: Session, row: Source) -> ScopeHealth:
    """Say what a source's rules leave out."""
    state = scope.latest(session, workspace=row.workspace_id, source=row.id)
    share = scope_reading.excluded_share(session, workspace=row.workspace_id, source=row.id)
    return ScopeHealth(
        revision=state.revision,
        rules=len(state.rules),
        messages=share.items,
        excluded=share.excluded,
        applied_at=state.done_at,
    )
