"""The work table: what is still to be done, written in the same transaction as its subject."""

from datetime import datetime

from sqlalchemy import Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.jobs import Job, WorkState
from models.records.base import EnumText, InWorkspace, Record, UtcDateTime


class Work(InWorkspace, Record):
    """One piece of work; (stage, subject, version) names it, so asking twice asks once."""

    __tablename__ = "work"
    __table_args__ = (
        UniqueConstraint("stage", "subject", "version"),
        Index("ix_work_due", "state", "stage", "run_at", "id"),
    )

    stage: Mapped[Job] = mapped_column(EnumText(Job))
    # Id of the row it is about: a delivery, an item, a theme, a feature, a release, a workspace.
    subject: Mapped[int]
    # Version of the subject (item), day (count), look (measure); 0 where there is only one.
    version: Mapped[int] = mapped_column(default=0)
    state: Mapped[WorkState] = mapped_column(EnumText(WorkState))
    run_at: Mapped[datetime] = mapped_column(UtcDateTime)
    # Counted when leased, so that a crash counts as an attempt.
    attempts: Mapped[int] = mapped_column(default=0)
    lease: Mapped[str | None] = mapped_column(String(32))
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    error: Mapped[str | None] = mapped_column(Text)
    done_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
