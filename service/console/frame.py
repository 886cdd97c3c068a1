"""What every page stands on: the workspace, its time zone, and up to which day the data are complete."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from models.database import Session
from models.queries import feedback, theme_suggestions, workspaces
from models.values.timing import complete_until


@dataclass(frozen=True, slots=True)
class Frame:
    """The workspace as a page sees it.

    end: first day that is not complete, None before the first ticket; first: day of the first ticket; least: counts
    below it, other than 0, are not shown to this reader, nor any ticket; None for readers who see everything.
    waiting: suggestions that wait for this reader to decide; 0 for readers who may not.
    """

    workspace: int
    name: str
    zone: ZoneInfo
    now: datetime
    first: date | None
    end: date | None
    least: int | None = None
    waiting: int = 0

    @property
    def through(self) -> date | None:
        """The last complete day."""
        return None if self.end is None else self.end - timedelta(days=1)

    def opens(self, address: str) -> str | None:
        """Return an address that holds tickets, None for readers who see none."""
        return address if self.least is None else None

    def day_of(self, moment: datetime) -> date:
        """Return the day of a moment in the workspace's time zone."""
        return moment.astimezone(self.zone).date()

    def start_of(self, day: date) -> datetime:
        """Return the moment a day begins in the workspace's time zone, in UTC."""
        return datetime.combine(day, time.min, self.zone).astimezone(UTC)


def read_frame(
    session: Session, *, workspace: int, now: datetime, least: int | None = None, decides: bool = False
) -> Frame:
    """Read what every page stands on; `least` for readers who see aggregates only, `decides` for curators."""
    row = workspaces.get_workspace(session, workspace=workspace)
    zone = ZoneInfo(row.time_zone)
    waiting = theme_suggestions.count_waiting(session, workspace=workspace) if decides else 0
    span = feedback.span_of_days(session, workspace=workspace)
    if span is None:
        return Frame(workspace, row.name, zone, now, None, None, least, waiting)
    first, last = (moment.astimezone(zone).date() for moment in span)
    end = complete_until(now, last, zone)
    return Frame(workspace, row.name, zone, now, first, max(end, first + timedelta(days=1)), least, waiting)
