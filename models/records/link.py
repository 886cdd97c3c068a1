"""Links: claims that a feature addresses a theme, with their evidence and a person's decision."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import JSON, ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.records.base import EnumText, InWorkspace, JsonObject, Record, UtcDateTime


class LinkState(StrEnum):
    """What is known of a link."""

    PROPOSED = "proposed"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"


class Link(InWorkspace, Record):
    """A feature addresses a theme: proposed with a probability, decided by a person."""

    __tablename__ = "link"
    __table_args__ = (UniqueConstraint("theme_id", "feature_id"),)

    theme_id: Mapped[int] = mapped_column(ForeignKey("theme.id", ondelete="CASCADE"))
    feature_id: Mapped[int] = mapped_column(ForeignKey("feature.id", ondelete="CASCADE"), index=True)
    state: Mapped[LinkState] = mapped_column(EnumText(LinkState))
    probability: Mapped[float | None]
    reason: Mapped[str] = mapped_column(Text)
    evidence: Mapped[list[JsonObject]] = mapped_column(JSON, default=list)
    proposed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    decided_by: Mapped[str | None] = mapped_column(String(200))
