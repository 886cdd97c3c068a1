"""The times that verdicts and pages agree on: when data are complete, what is left out, who may have looked."""

from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

REPORTING_DELAY: Final = timedelta(days=3)
"""How long tickets of a day may still be on their way; younger days are not complete."""

WASH_OUT: Final = timedelta(days=7)
"""How long after everybody had a release its effect is left out of the estimate."""

SEEN_AFTER: Final = timedelta(days=7)
"""How long after a release its first week can be seen: who decides later may have looked."""


def complete_until(now: datetime, last_ticket: date, zone: ZoneInfo) -> date:
    """Return the first day that is not complete.

    The last days before `now` are left out for tickets still on their way, and days after the newest ticket
    are silence, not an absence of complaints.
    """
    return min(now.astimezone(zone).date() - REPORTING_DELAY, last_ticket + timedelta(days=1))
