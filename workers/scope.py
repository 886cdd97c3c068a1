"""Stage `scope`: after a change of a source's rules or map, look at what is stored again, part by part."""

from collections.abc import Sequence
from datetime import timedelta

from models.errors import Invalid
from models.queries import deliveries, scope, scope_reading, work
from models.queries.scope import Pass
from models.queries.work import Leased
from models.records import Delivery, Source
from models.sealing import Keyring, bound_to, keyring
from models.sources.reading import read_changes
from models.values.feedback import Action, FeedbackChange
from workers.context import Context

AT_ONCE = 200
"""Deliveries, changes or items of one transaction: short enough that intake never waits long for its turn."""

SETTLING = timedelta(seconds=5)
"""How long until it is asked again whether the items that rules moved are in their places."""

TELLING = frozenset({Action.UPSERT, Action.APPEND_MESSAGE, Action.UPDATE_STATUS, Action.RESTORE})


def apply_rules(context: Context, leased: Sequence[Leased]) -> None:
    """Look at the next part of each source's deliveries and items, and ask for the rest."""
    for piece in leased:
        with context.database.read(workspace=piece.workspace_id) as session:
            found = scope.open_pass(
                session, workspace=piece.workspace_id, source=piece.subject, revision=piece.version
            )
        rest = None if found is None else _go_on(context, piece, found)
        with context.database.write(workspace=piece.workspace_id) as session:
            now = context.clock()
            if rest is not None:
                work.mark_dirty(
                    session,
                    workspace=piece.workspace_id,
                    stage=piece.stage,
                    subject=piece.subject,
                    version=piece.version,
                    run_at=now + rest,
                )
                continue
            if found is not None:
                scope.end_pass(
                    session,
                    workspace=piece.workspace_id,
                    source=piece.subject,
                    revision=piece.version,
                    now=now,
                )
            work.finish(session, [piece], now=now)


def _go_on(context: Context, piece: Leased, found: Pass) -> timedelta | None:
    """Look at the next part; say after how long to go on, None where all is looked at and counted anew.

    Verdicts wait as long: half of what rules let in again, in its place, is no series to compare.
    """
    if _read_part(context, piece, found) or _decide_part(context, piece, found):
        return timedelta()
    with context.database.read(workspace=piece.workspace_id) as session:
        is_settling = scope_reading.is_settling(
            session, workspace=piece.workspace_id, source=piece.subject, revision=piece.version
        )
    return SETTLING if is_settling else None


def _read_part(context: Context, piece: Leased, found: Pass) -> bool:
    """Read fields from the next raw deliveries under the present map; say whether there were any."""
    if not found.reads_deliveries:
        return False
    workspace, source = piece.workspace_id, piece.subject
    with context.database.read(workspace=workspace) as session:
        owner = deliveries.get_source(session, workspace=workspace, source=source)
        rows = scope_reading.deliveries_after(
            session, workspace=workspace, source=source, after=found.seen_delivery, limit=AT_ONCE
        )
    keys = keyring(context.settings.sealing_key)
    changes = [
        (change, change.occurred_at or change.updated_at or row.received_at)
        for row in rows
        for change in _changes(row, owner, keys)
    ]
    if not rows:
        return False
    # One delivery may hold thousands of changes. Whatever was read again may be so once more.
    for start in range(0, len(changes), AT_ONCE):
        with context.database.write(workspace=workspace) as session:
            for change, at in changes[start : start + AT_ONCE]:
                scope.read_again(
                    session,
                    workspace=workspace,
                    source=source,
                    change=change,
                    at=at,
                    found=found,
                    now=context.clock(),
                )
    with context.database.write(workspace=workspace) as session:
        scope.go_on(
            session, workspace=workspace, source=source, revision=found.revision, delivery=rows[-1].id
        )
    return True


def _changes(row: Delivery, source: Source, keys: Keyring) -> list[FeedbackChange]:
    """Parse a delivery again; of one whose raw body has expired, or cannot be understood, nothing is known."""
    try:
        changes = read_changes(
            source.kind,
            keys.open(row.body, bound=bound_to(source.id, row.key)),
            headers=row.headers,
            settings=source.settings,
            received_at=row.received_at,
        )
    except Invalid:
        return []
    return [each for each in changes if isinstance(each, FeedbackChange) and each.action in TELLING]


def _decide_part(context: Context, piece: Leased, found: Pass) -> bool:
    """Apply the rules to the next items; say whether there were any."""
    with context.database.write(workspace=piece.workspace_id) as session:
        last = scope.decide_part(
            session,
            workspace=piece.workspace_id,
            source=piece.subject,
            found=found,
            limit=AT_ONCE,
            now=context.clock(),
        )
    return last is not None
