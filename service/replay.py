"""Reading many deliveries again: for the API and the command line, in short transactions."""

from datetime import datetime

from models.database import Database
from models.queries import delivery_log
from models.queries.delivery_log import DeliveryFilter

TOGETHER = 500
"""Deliveries reopened in one transaction: short enough that intake never waits long for its turn."""


def replay_all(database: Database, *, workspace: int, where: DeliveryFilter, now: datetime) -> int:
    """Let all deliveries that `where` finds at this moment be read once more; return how many."""
    with database.read(workspace=workspace) as session:
        until = delivery_log.latest_delivery(session, workspace=workspace)
    count, found = 0, TOGETHER
    while found == TOGETHER:
        with database.write(workspace=workspace) as session:
            found = delivery_log.replay(
                session, workspace=workspace, where=where, until=until, now=now, limit=TOGETHER
            )
        count += found
    return count
