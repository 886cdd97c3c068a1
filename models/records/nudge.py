"""Which stages were announced to the workers and not begun since: one message under way for each is enough."""

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from models.jobs import Job
from models.records.base import EnumText, Record, UtcDateTime


class Nudge(Record):
    """The message of a stage; `sent_at` is empty once a worker began the stage."""

    __tablename__ = "nudge"

    id: Mapped[int] = mapped_column(primary_key=True)
    stage: Mapped[Job] = mapped_column(EnumText(Job), unique=True)
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
