"""Chore `reconcile`: compare our records of each day with the vendor's own count, and fetch what is missing.

Days are days in UTC of a record's creation. A day on which both counts agree costs one request; only where they do
not is the day listed, and what we lack is fetched. Records that we have and the vendor lists no more are asked for by
id, and deleted here where they are gone there.
"""

import logging
from datetime import UTC, date, datetime, timedelta

from models import logs
from models.queries import pull_counts, pulls, workspaces
from models.records import PullCount
from models.sources.pull import converse
from workers.context import Context
from workers.pull import CHUNK, SPAN_S, Budget, Run, begin, chunks, fetch_one, for_seconds, turn
from workers.vendor import OpenClient, open_client

log = logging.getLogger("ebb.reconcile")

FRESH_DAYS = 3
"""So many days back a day is compared every day: late changes and deletions are most likely there."""
SETTLED_AFTER = timedelta(hours=2)
"""How long after its end a day is first compared: the vendors' searches follow with a delay."""
AGAIN_AFTER = timedelta(hours=20)
"""A day that was compared is left alone for so long."""
LATE_AGAIN_AFTER = timedelta(days=30)
"""An older day that agreed is looked at again after so long: Intercom and GitHub tell no puller of a deletion."""
EXTRA_AT_ONCE = 100
"""Records of a day that the vendor lists no more and that are asked for, at most."""


def reconcile_due(context: Context, *, client: OpenClient = open_client) -> int:
    """Compare the days that are due of every pulled source, newest first; return how many were compared."""
    with context.database.read(workspace=None) as session:
        numbers = [row.id for row in workspaces.list_workspaces(session)]
    compared = 0
    for workspace in numbers:
        with context.database.read(workspace=workspace) as session:
            rows = pulls.list_pulls(session, workspace=workspace)
        for row in rows:
            if row.caught_up_at is not None:
                budget = for_seconds(SPAN_S)
                compared += reconcile_source(context, workspace, row.source_id, budget=budget, client=client)
    return compared


def reconcile_source(
    context: Context, workspace: int, source: int, *, budget: Budget, client: OpenClient = open_client
) -> int:
    """Compare the days of one source that are due; return how many were compared."""
    days = _days_due(context, workspace, source)
    compared: list[date] = []
    if not days:
        return 0
    with client() as opened:
        run = begin(context, workspace, source, opened)
        if run is None:
            return 0

        def act() -> timedelta:
            for day in days:
                if not budget():
                    break
                _compare(run, day)
                compared.append(day)
            # The next turn of pulling is not moved by this.
            return max(run.row.next_at - context.clock(), timedelta(0))

        with logs.bound(stage="reconcile", workspace=workspace):
            turn(run, act)
    return len(compared)


def _days_due(context: Context, workspace: int, source: int) -> list[date]:
    """List the days that are to be compared, newest first: until they agree, the youngest daily, others monthly."""
    now = context.clock()
    with context.database.read(workspace=workspace) as session:
        row = pulls.find_pull(session, workspace=workspace, source=source)
        counts = pull_counts.list_counts(session, workspace=workspace, source=source, limit=10_000)
    if row is None or row.covered_until is None:
        return []
    last = min(now - SETTLED_AFTER, row.covered_until).astimezone(UTC).date() - timedelta(days=1)
    # The first day is covered from some hour on, so the second is the first whole one.
    span = (last - row.since.astimezone(UTC).date()).days
    counted = {each.day: each for each in counts}
    days = [last - timedelta(days=back) for back in range(span)]
    return [day for back, day in enumerate(days) if _is_due(counted.get(day), back < FRESH_DAYS, now)]


def _is_due(row: PullCount | None, is_fresh: bool, now: datetime) -> bool:
    if row is None:
        return True
    again_after = AGAIN_AFTER if is_fresh or row.theirs != row.ours else LATE_AGAIN_AFTER
    return row.checked_at <= now - again_after


def _compare(run: Run, day: date) -> None:
    """Compare a day; where the counts differ, fetch what is missing and compare again."""
    place = run.row.place
    theirs = converse(run.puller.count(place, day), run.wire.send)
    fetched = run.failed = 0
    if theirs != len(_ours(run, day)):
        stubs = converse(run.puller.listed(place, day), run.wire.send)
        theirs = len(stubs)
        missing = [stub for stub in stubs if stub.external_id not in _ours(run, day)]
        for chunk in chunks(missing, CHUNK):
            fetched += run.fetch(chunk)
        _ask_for_extra(run, _ours(run, day) - {stub.external_id for stub in stubs})
    with run.context.database.write(workspace=run.workspace) as session:
        pull_counts.put_count(
            session,
            workspace=run.workspace,
            source=run.source.id,
            day=day,
            theirs=theirs,
            ours=len(
                pull_counts.our_records(session, workspace=run.workspace, source=run.source.id, day=day)
            ),
            fetched=fetched,
            now=run.context.clock(),
        )


def _ours(run: Run, day: date) -> set[str]:
    with run.context.database.read(workspace=run.workspace) as session:
        return pull_counts.our_records(session, workspace=run.workspace, source=run.source.id, day=day)


def _ask_for_extra(run: Run, extra: set[str]) -> None:
    """Ask for records that the vendor's list of the day does not have: those that are gone are deleted here."""
    if run.puller.one is None:
        return
    for external_id in sorted(extra)[:EXTRA_AT_ONCE]:
        fetch_one(run, external_id)
