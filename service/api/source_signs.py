"""Parts of a source's health that are read from its history: silence, lag, failures, scope."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from models.database import Session
from models.queries import delivery_log, scope, scope_reading, silence, workspaces
from models.queries.delivery_log import DeliveryFilter
from models.records import Source
from models.sources.rhythm import Reading, allowed_until
from models.values.deliveries import REPLAYED_AT_ONCE, DeliveryOutcome
from models.values.ids import Prefix, public_id
from service.api.delivery_words import fault_of, reason_of
from service.api.shapes.sources import (
    DeliveryFailure,
    FailureReason,
    LagHealth,
    ScopeHealth,
    SilenceHealth,
)
from service.api.shapes.words import SilenceState

SHOWN_DAYS = 60
SHOWN_FAILURES = 20


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


def read_reasons(session: Session, row: Source) -> list[FailureReason]:
    """Say why deliveries were not read."""
    found = delivery_log.failures(session, workspace=row.workspace_id, source=row.id)
    return [
        FailureReason(
            state=each.outcome,
            reason=fault_of(each.reason) if each.outcome is DeliveryOutcome.DEAD else each.reason,
            count=each.count,
            last_at=each.last_at,
        )
        for each in found
    ]


def read_failures(session: Session, row: Source) -> list[DeliveryFailure]:
    """List the latest deliveries that were not understood, or that reading was given up of, the newest first."""
    found = [
        entry
        for outcome in REPLAYED_AT_ONCE
        for entry in delivery_log.list_deliveries(
            session,
            workspace=row.workspace_id,
            where=DeliveryFilter(row.id, outcome),
            before=None,
            limit=SHOWN_FAILURES,
        )
    ]
    found.sort(key=lambda entry: entry.id, reverse=True)
    return [
        DeliveryFailure(
            id=public_id(Prefix.DELIVERY, entry.id),
            received_at=entry.received_at,
            state=entry.outcome,
            reason=reason_of(entry) or "",
        )
        for entry in found[:SHOWN_FAILURES]
    ]


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
