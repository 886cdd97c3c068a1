"""Read a stored delivery again: parse it as its source's settings say, and fill in the fields that they map."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from models.sources.paths import mapped_all
from models.sources.payload import MAX_PLAN_CHARS
from models.sources.pullers import parser_of
from models.sources.registry import source_of
from models.sources.source import settings_from
from models.values.feedback import Change, FeedbackChange


def read_changes(
    kind: str,
    body: bytes,
    *,
    headers: Mapping[str, str],
    settings: Mapping[str, object],
    received_at: datetime,
) -> tuple[Change, ...]:
    """Turn a raw body into changes; raise Invalid where it cannot be understood."""
    source = source_of(kind)
    parse = parser_of(headers) or source.parse
    given = settings_from(source.schemes, settings)
    changes = parse(body, headers=headers, settings=given, received_at=received_at)
    return tuple(map(_fitting, mapped_all(_without_second_items(changes), body, given.fields)))


def _fitting(change: Change) -> Change:
    """Drop a plan that is longer than its column: what stands in a tag behind the prefix of plans may be anything."""
    if not isinstance(change, FeedbackChange) or len(change.plan or "") <= MAX_PLAN_CHARS:
        return change
    return replace(change, plan=None)


def _without_second_items(changes: tuple[Change, ...]) -> tuple[Change, ...]:
    """Drop fallbacks to what a customer says in the same delivery: whoever sends one message finds one item."""
    spoken = {
        change.external_id
        for change in changes
        if isinstance(change, FeedbackChange) and change.makes_item and not change.fallback
    }
    return tuple(
        change
        for change in changes
        if not (isinstance(change, FeedbackChange) and change.fallback and change.external_id in spoken)
    )


def newest_event(changes: tuple[Change, ...]) -> datetime | None:
    """Return when the newest event of a delivery happened by the vendor's clock; None where it does not say."""
    moments = [
        change.occurred_at or change.updated_at or change.created_at
        for change in changes
        if isinstance(change, FeedbackChange)
    ]
    return max((moment for moment in moments if moment is not None), default=None)
