"""Signs of life: which workers were seen when, and which periodic chores were done for which slot of time."""

from datetime import datetime

from sqlalchemy import String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.jobs import Chore
from models.records.base import EnumText, Record, UtcDateTime


class Heartbeat(Record):
    """When a worker process last showed that it gets work done; written by its work, not by its start."""

    __tablename__ = "heartbeat"

    id: Mapped[int] = mapped_column(primary_key=True)
    # Which worker: kind and machine, such as embed@host-3; stays the same when its processes are replaced.
    worker: Mapped[str] = mapped_column(String(200), unique=True)
    kind: Mapped[str] = mapped_column(String(32))
    version: Mapped[str] = mapped_column(String(32))
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime)


class ScheduleRun(Record):
    """One slot of a periodic chore: whoever inserts the row does the chore, everybody else leaves it."""

    __tablename__ = "schedule_run"
    __table_args__ = (UniqueConstraint("chore", "slot"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    chore: Mapped[Chore] = mapped_column(EnumText(Chore))
    # The start of the slot: a whole number of the chore's intervals since 1970.
    slot: Mapped[datetime] = mapped_column(UtcDateTime)
    worker: Mapped[str] = mapped_column(String(200))
    claimed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    done_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
