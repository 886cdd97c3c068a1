"""What shipped: features (outputs), releases (the moment they reached customers), and their roll-out steps."""

from datetime import datetime

from sqlalchemy import JSON, ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.records.base import InWorkspace, Record, UtcDateTime


class Release(InWorkspace, Record):
    """A release; `released_at` is its first roll-out step, `full_at` the moment everybody had it."""

    __tablename__ = "release"
    __table_args__ = (UniqueConstraint("workspace_id", "key"),)

    key: Mapped[str] = mapped_column(String(200))
    name: Mapped[str] = mapped_column(String(500))
    version: Mapped[str | None] = mapped_column(String(200))
    released_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    full_at: Mapped[datetime] = mapped_column(UtcDateTime)
    environment: Mapped[str | None] = mapped_column(String(500))
    description: Mapped[str | None] = mapped_column(Text)
    url: Mapped[str | None] = mapped_column(String(1000))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class RolloutStep(InWorkspace, Record):
    """From `at` on, `percent` of the customers (of the segments named) had the release."""

    __tablename__ = "rollout_step"
    __table_args__ = (UniqueConstraint("release_id", "at"),)

    release_id: Mapped[int] = mapped_column(ForeignKey("release.id", ondelete="CASCADE"))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    percent: Mapped[float]
    segments: Mapped[list[str]] = mapped_column(JSON, default=list)


class Feature(InWorkspace, Record):
    """Something customers can use; a feature ships with at most one release."""

    __tablename__ = "feature"
    __table_args__ = (UniqueConstraint("workspace_id", "key"),)

    key: Mapped[str] = mapped_column(String(200))
    title: Mapped[str] = mapped_column(String(500))
    body: Mapped[str] = mapped_column(Text, default="")
    area: Mapped[str | None] = mapped_column(String(500))
    release_id: Mapped[int | None] = mapped_column(ForeignKey("release.id", ondelete="SET NULL"), index=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
