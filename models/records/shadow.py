"""A candidate encoder that is run beside the workspace's own, before anybody sees its themes."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import JSON, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.records.base import EnumText, InWorkspace, JsonObject, Record, UtcDateTime


class ShadowState(StrEnum):
    """How far a shadow run is."""

    RUNNING = "running"
    """It reads items, in their order of arrival."""
    READY = "ready"
    """It has read all that is there, and its report is of now."""
    SWITCHING = "switching"
    """A person asked for the switch; the worker does it when all is read."""
    DROPPING = "dropping"
    """What it stored is being deleted, or, after a switch, what the encoder before it had stored."""


class Shadow(InWorkspace, Record):
    """The shadow run of a workspace, of which there is one at most.

    encoder_id: whose vectors are stored for it alone; null until the model was loaded. read_through: position in the
    live stream up to which it has read. version: fences two writers. stream: its theme stream's books. report: what a
    switch would move, null until it was compared. accepted: largest share that whoever asked for the switch accepts.
    refusal: why the worker did not switch when it was asked to. error: why the run stands still.
    """

    __tablename__ = "shadow"
    __table_args__ = (UniqueConstraint("workspace_id"),)

    model: Mapped[str] = mapped_column(String(200))
    dtype: Mapped[str] = mapped_column(String(16))
    encoder_id: Mapped[int | None] = mapped_column(ForeignKey("encoder.id"))
    state: Mapped[ShadowState] = mapped_column(EnumText(ShadowState))
    read_through: Mapped[int] = mapped_column(default=0)
    version: Mapped[int] = mapped_column(default=0)
    stream: Mapped[JsonObject] = mapped_column(JSON, default=dict)
    report: Mapped[JsonObject | None] = mapped_column(JSON)
    reported_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    accepted: Mapped[float | None]
    refusal: Mapped[str | None] = mapped_column(Text)
    error: Mapped[str | None] = mapped_column(Text)
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    # Who began it, and then who asked for the switch.
    actor: Mapped[str] = mapped_column(String(200))
    by: Mapped[str] = mapped_column(String(40))


class ShadowArrival(InWorkspace, Record):
    """An item that the shadow's stream has read: its position and its theme's number there (0: waiting).

    has_left: it left the live stream, and leaves this one with the next batch. released: as of `Arrival`.
    """

    __tablename__ = "shadow_arrival"
    __table_args__ = (
        UniqueConstraint("item_id"),
        Index("ix_shadow_arrival_left", "workspace_id", "has_left"),
    )

    item_id: Mapped[int] = mapped_column(ForeignKey("feedback_item.id", ondelete="CASCADE"))
    position: Mapped[int]
    theme_number: Mapped[int] = mapped_column(default=0)
    score: Mapped[float] = mapped_column(default=0.0)
    has_left: Mapped[bool] = mapped_column(default=False)
    released: Mapped[bool] = mapped_column(default=False)
