"""Deliveries that were not read, of the whole installation: for the doctor and the metrics."""

from models.database import Database
from models.queries import delivery_log, workspaces
from models.queries.delivery_log import Unread

UnreadBySource = dict[int, dict[int, Unread]]
"""By workspace and source; sources that have none are missing."""


def read_unread(database: Database) -> UnreadBySource:
    """Count what was not read, one workspace at a time: no transaction sees the deliveries of several."""
    with database.read(workspace=None) as session:
        numbers = [row.id for row in workspaces.list_workspaces(session)]
    found = {}
    for number in numbers:
        with database.read(workspace=number) as session:
            found[number] = delivery_log.unread(session, workspace=number)
    return found


def total(found: UnreadBySource) -> Unread:
    """Add all workspaces and sources up; which errors there were is left out."""
    each = [unread for sources in found.values() for unread in sources.values()]
    return Unread(
        sum(one.waiting for one in each), sum(one.dead for one in each), sum(one.invalid for one in each)
    )
