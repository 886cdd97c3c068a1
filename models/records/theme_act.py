"""What people decided about themes: an append-only log, which later refits obey."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.records.base import EnumText, InWorkspace, Record, UtcDateTime


class ThemeVerb(StrEnum):
    """What a person did to a theme."""

    MERGE = "merge"
    """Let it stand for others from now on."""
    SPLIT = "split"
    """Move items out into a theme of their own."""
    RENAME = "rename"
    """Name it; refits keep the name."""
    PIN = "pin"
    """Hold it together: refits neither merge it nor take items out."""
    MOVE = "move"
    """Put items into it."""
    DISMISS = "dismiss"
    """Call it noise: what is like it goes there, and nothing in it counts."""
    SEED = "seed"
    """Make it from a name, a description and examples, before there are items."""
    UNDO = "undo"
    """Take an earlier act back."""


class ThemeAct(InWorkspace, Record):
    """One act; it stands until another one undoes it.

    theme_id: the theme acted on, for a merge the one that stands afterwards, for a move the one that items went to.
    other_ids: the themes a merge took in, or the one a split made. read: items the stream had read by then.
    label: the name given by a rename, a split or a seed.
    """

    __tablename__ = "theme_act"
    __table_args__ = (
        UniqueConstraint("undoes_id"),
        Index("ix_theme_act_theme", "theme_id"),
    )

    verb: Mapped[ThemeVerb] = mapped_column(EnumText(ThemeVerb))
    theme_id: Mapped[int] = mapped_column(ForeignKey("theme.id"))
    other_ids: Mapped[list[int]] = mapped_column(JSON, default=list)
    label: Mapped[str | None] = mapped_column(String(300))
    revision: Mapped[int]
    read: Mapped[int]
    actor: Mapped[str] = mapped_column(String(200))
    by: Mapped[str] = mapped_column(String(40))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    undoes_id: Mapped[int | None] = mapped_column(ForeignKey("theme_act.id"))


class ThemeActItem(InWorkspace, Record):
    """An item that an act moved, and the theme it was assigned to before (null: none)."""

    __tablename__ = "theme_act_item"
    __table_args__ = (UniqueConstraint("act_id", "item_id"),)

    act_id: Mapped[int] = mapped_column(ForeignKey("theme_act.id", ondelete="CASCADE"))
    item_id: Mapped[int] = mapped_column(ForeignKey("feedback_item.id", ondelete="CASCADE"), index=True)
    from_theme_id: Mapped[int | None] = mapped_column(ForeignKey("theme.id"))


class ThemeSeed(InWorkspace, Record):
    """A wording that a person expects in a theme, with its vector once an encoder has read it."""

    __tablename__ = "theme_seed"

    act_id: Mapped[int] = mapped_column(ForeignKey("theme_act.id", ondelete="CASCADE"), index=True)
    theme_id: Mapped[int] = mapped_column(ForeignKey("theme.id"), index=True)
    text: Mapped[str] = mapped_column(Text)
    encoder_id: Mapped[int | None] = mapped_column(ForeignKey("encoder.id"))
    vector: Mapped[bytes | None] = mapped_column(LargeBinary)
