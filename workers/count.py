"""Stage `count`: recompute the daily counts of themes whose items changed."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from models.queries import counts, impact, work, workspaces
from models.queries.work import Leased
from workers.context import Context

LATE_AFTER = timedelta(days=3)
"""Counts of days before this are expected to stand; when they change, verdicts are looked at again."""


def recount(context: Context, leased: Sequence[Leased]) -> None:
    """Recompute each theme's marked days, one transaction a theme."""
    workspace = leased[0].workspace_id
    with context.database.read(workspace=workspace) as session:
        zone = ZoneInfo(workspaces.get_workspace(session, workspace=workspace).time_zone)
    by_theme: dict[int, list[Leased]] = defaultdict(list)
    for piece in leased:
        by_theme[piece.subject].append(piece)
    now = context.clock()
    late = now.astimezone(zone).date() - LATE_AFTER
    for theme, pieces in sorted(by_theme.items()):
        days = {date.fromordinal(piece.version) for piece in pieces}
        with context.database.write(workspace=workspace) as session:
            counts.recompute(session, workspace=workspace, theme=theme, days=days, zone=zone)
            if min(days) < late:
                impact.mark_releases(session, workspace=workspace, since=min(days), now=now)
            work.finish(session, pieces, now=now)
