"""What curators are asked to look at: corrections of themes that the worker suggests, and what became of them."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import JSON, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from models.records.base import EnumText, InWorkspace, Record, UtcDateTime
from models.values.suggestions import SuggestionKind


class SuggestionState(StrEnum):
    """What became of a suggestion."""

    OPEN = "open"
    """It waits for a person; the next run may replace it."""
    ACCEPTED = "accepted"
    DECLINED = "declined"
    """Kept, so that it is not made again on the same grounds."""


class ThemeSuggestion(InWorkspace, Record):
    """One correction that was suggested.

    theme_id: the theme the items are in (null: they wait), or the one that would stand after a merge. other_theme_id:
    the theme they would go to, or that would be merged; null for a split. size: items in the themes when it was made.
    act_id: the act by which it was accepted.
    """

    __tablename__ = "theme_suggestion"
    __table_args__ = (Index("ix_theme_suggestion_state", "workspace_id", "state"),)

    kind: Mapped[SuggestionKind] = mapped_column(EnumText(SuggestionKind))
    state: Mapped[SuggestionState] = mapped_column(EnumText(SuggestionState), default=SuggestionState.OPEN)
    theme_id: Mapped[int | None] = mapped_column(ForeignKey("theme.id"))
    other_theme_id: Mapped[int | None] = mapped_column(ForeignKey("theme.id"))
    item_ids: Mapped[list[int]] = mapped_column(JSON, default=list)
    score: Mapped[float]
    margin: Mapped[float | None]
    size: Mapped[int]
    reason: Mapped[str] = mapped_column(Text)
    revision: Mapped[int]
    found_at: Mapped[datetime] = mapped_column(UtcDateTime)
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    decided_by: Mapped[str | None] = mapped_column(String(200))
    act_id: Mapped[int | None] = mapped_column(ForeignKey("theme_act.id"))
