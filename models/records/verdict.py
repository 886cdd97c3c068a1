"""Verdicts: stored, immutable, one for each (release, theme, segment, look, method version, theme revision)."""

from datetime import date, datetime

from sqlalchemy import JSON, Date, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.records.base import EnumText, InWorkspace, JsonObject, Record, UtcDateTime
from models.records.link import LinkState
from models.values.verdicts import Grade, Word


class Verdict(InWorkspace, Record):
    """What was said of one release and one theme (0: all complaints together) at one look."""

    __tablename__ = "verdict"
    __table_args__ = (
        UniqueConstraint(
            "release_id",
            "theme_key",
            "segment",
            "look",
            "method_version",
            "theme_revision",
            "view",
            name="uq_verdict_key",
        ),
    )

    release_id: Mapped[int] = mapped_column(ForeignKey("release.id", ondelete="CASCADE"))
    # The theme's id, or 0 for all complaints together: part of the key, so never null.
    theme_key: Mapped[int]
    theme_id: Mapped[int | None] = mapped_column(ForeignKey("theme.id"))
    # Null also where a proposal was taken back later; `link_state` keeps what was true then.
    link_id: Mapped[int | None] = mapped_column(ForeignKey("link.id", ondelete="SET NULL"))
    link_state: Mapped[LinkState | None] = mapped_column(EnumText(LinkState))
    segment: Mapped[str] = mapped_column(String(100), default="all")
    look: Mapped[int]
    method_version: Mapped[str] = mapped_column(String(40))
    theme_revision: Mapped[int]
    word: Mapped[Word] = mapped_column(EnumText(Word))
    grade: Mapped[Grade] = mapped_column(EnumText(Grade))
    effect: Mapped[float | None]
    low: Mapped[float | None]
    high: Mapped[float | None]
    decision_low: Mapped[float | None]
    decision_high: Mapped[float | None]
    shrunk_effect: Mapped[float | None]
    p_value: Mapped[float | None]
    expected: Mapped[float | None]
    observed: Mapped[float | None]
    rate_unit: Mapped[str] = mapped_column(String(80))
    bound: Mapped[float | None]
    mde: Mapped[float | None]
    judgeable_on: Mapped[date | None] = mapped_column(Date)
    reasons: Mapped[list[str]] = mapped_column(JSON, default=list)
    checks: Mapped[list[JsonObject]] = mapped_column(JSON, default=list)
    periods: Mapped[list[JsonObject]] = mapped_column(JSON, default=list)
    quotes: Mapped[list[JsonObject]] = mapped_column(JSON, default=list)
    read_through: Mapped[date] = mapped_column(Date)
    input_hash: Mapped[str] = mapped_column(String(64))
    # 0 for what was said first at this look, one more each time late data restate it.
    view: Mapped[int]
    restates_id: Mapped[int | None] = mapped_column(ForeignKey("verdict.id"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
