"""What every page stands on: the workspace, its time zone, and up to which day the data are complete."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from models.database import Session
from models.queries import feedback, workspaces
from models.values.timing import complete_until

"""Tickets may come in this late, so the last days are not complete; verdicts use the same delay."""


@dataclass(frozen=True, slots=True)
class Frame:
    """The workspace as a page sees it.

    end: first day that is not complete, None before the first ticket; first: day of the first ticket.
    """

    workspace: int
    name: str
    zone: ZoneInfo
    now: datetime
    first: date | None
    end: date | None

    @property
    def through(self) -> date | None:
        """The last complete day."""
        return None if self.end is None else self.end - timedelta(days=1)

    def day_of(self, moment: datetime) -> date:
        """Return the day of a moment in the workspace's time zone."""
        return moment.astimezone(self.zone).date()

    def start_of(self, day: date) -> datetime:
        """Return the moment a day begins in the workspace's time zone, in UTC."""
        return datetime.combine(day, time.min, self.zone).astimezone(UTC)


def read_frame(session: Session, *, workspace: int, now: datetime) -> Frame:
    """Read what every page stands on."""
    row = workspaces.get_workspace(session, workspace=workspace)
    zone = ZoneInfo(row.time_zone)
    span = feedback.span_of_days(session, workspace=workspace)
    if span is None:
        return Frame(workspace, row.name, zone, now, None, None)
    first, last = (moment.astimezone(zone).date() for moment in span)
    end = complete_until(now, last, zone)
    return Frame(workspace, row.name, zone, now, first, max(end, first + timedelta(days=1)))
