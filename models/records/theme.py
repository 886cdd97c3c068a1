"""Themes: stable ids, an append-only event log, assignments from revision until revision, daily counts."""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import JSON, Date, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.records.base import EnumText, InWorkspace, JsonObject, Record, UtcDateTime


class ThemeState(StrEnum):
    """Where a theme stands in its life."""

    ACTIVE = "active"
    MERGED = "merged"
    RETIRED = "retired"
    DISMISSED = "dismissed"
    """A person called it noise: it goes on taking in what is like it, and nothing in it counts."""


class Theme(InWorkspace, Record):
    """A theme; `number` is its name in the theme stream and is never given twice."""

    __tablename__ = "theme"
    __table_args__ = (UniqueConstraint("workspace_id", "number"),)

    number: Mapped[int]
    state: Mapped[ThemeState] = mapped_column(EnumText(ThemeState))
    # Where the members went when the theme was merged; followed until a theme that is active.
    redirect_id: Mapped[int | None] = mapped_column(ForeignKey("theme.id"))
    # What is shown: a person's name for it, else the one that was found in its words, which is kept beside.
    label: Mapped[str | None] = mapped_column(String(300))
    found_label: Mapped[str | None] = mapped_column(String(300))
    named: Mapped[bool] = mapped_column(default=False)
    pinned: Mapped[bool] = mapped_column(default=False)
    keywords: Mapped[list[str]] = mapped_column(JSON, default=list)
    born_at: Mapped[datetime] = mapped_column(UtcDateTime)
    born_revision: Mapped[int]
    labelled_size: Mapped[int] = mapped_column(default=0)


class ThemeQuote(InWorkspace, Record):
    """A verbatim span of an item's stored text that shows what a theme is about; rank 0 is the nearest."""

    __tablename__ = "theme_quote"

    theme_id: Mapped[int] = mapped_column(ForeignKey("theme.id", ondelete="CASCADE"), index=True)
    item_id: Mapped[int] = mapped_column(ForeignKey("feedback_item.id", ondelete="CASCADE"), index=True)
    rank: Mapped[int]
    start: Mapped[int]
    end: Mapped[int]


class ThemeStreamState(Record):
    """The bookkeeping of a workspace's theme stream between batches; `version` fences two writers."""

    __tablename__ = "theme_stream_state"

    workspace_id: Mapped[int] = mapped_column(
        ForeignKey("workspace.id", ondelete="CASCADE"), primary_key=True
    )
    version: Mapped[int]
    revision: Mapped[int]
    state: Mapped[JsonObject] = mapped_column(JSON)


class ThemeEvent(InWorkspace, Record):
    """Why a theme or an item's theme changed; append-only."""

    __tablename__ = "theme_event"

    revision: Mapped[int]
    kind: Mapped[str] = mapped_column(String(32))
    theme_id: Mapped[int] = mapped_column(ForeignKey("theme.id"), index=True)
    other_theme_id: Mapped[int | None] = mapped_column(ForeignKey("theme.id"))
    item_count: Mapped[int]
    act_id: Mapped[int | None] = mapped_column(ForeignKey("theme_act.id"))
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class Arrival(InWorkspace, Record):
    """The order in which items entered the theme stream, and their theme's number there (0: still pending).

    released: a long stream let it go; it stays in its theme, votes no more, and is not loaded again.
    """

    __tablename__ = "arrival"
    __table_args__ = (
        UniqueConstraint("item_id"),
        Index("ix_arrival_order", "workspace_id", "position"),
        Index("ix_arrival_held", "workspace_id", "released", "position"),
    )

    item_id: Mapped[int] = mapped_column(ForeignKey("feedback_item.id", ondelete="CASCADE"))
    position: Mapped[int]
    theme_number: Mapped[int] = mapped_column(default=0)
    released: Mapped[bool] = mapped_column(default=False)


class Assignment(InWorkspace, Record):
    """An item's theme from one theme revision until another (until is exclusive; null: still)."""

    __tablename__ = "assignment"
    __table_args__ = (
        UniqueConstraint("item_id", "from_revision"),
        Index("ix_assignment_theme_open", "theme_id", "until_revision"),
    )

    item_id: Mapped[int] = mapped_column(ForeignKey("feedback_item.id", ondelete="CASCADE"))
    theme_id: Mapped[int] = mapped_column(ForeignKey("theme.id"))
    score: Mapped[float]
    from_revision: Mapped[int]
    until_revision: Mapped[int | None]


class DailyCount(InWorkspace, Record):
    """What a theme's items add up to on one day of ticket creation; recomputed, never incremented."""

    __tablename__ = "daily_count"
    __table_args__ = (UniqueConstraint("theme_id", "day", "segment"),)

    theme_id: Mapped[int] = mapped_column(ForeignKey("theme.id", ondelete="CASCADE"))
    day: Mapped[date] = mapped_column(Date)
    segment: Mapped[str] = mapped_column(String(100))
    complaints: Mapped[int]
    items: Mapped[int]
    people: Mapped[int]
