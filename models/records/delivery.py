"""Sources, and the deliveries they sent: stored as received, before anything else happens to them."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from models.records.base import EnumText, InWorkspace, JsonObject, Record, UtcDateTime


class DeliveryState(StrEnum):
    """What became of a delivery."""

    OPEN = "open"
    PARSED = "parsed"
    IGNORED = "ignored"
    INVALID = "invalid"


class Source(InWorkspace, Record):
    """One configured connector."""

    __tablename__ = "source"

    kind: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(200))
    # As `models.sealing` keeps it; `models.queries.sealed` opens it. None: nothing can be signed for this source.
    stored_secret: Mapped[str | None] = mapped_column("secret", Text)
    settings: Mapped[JsonObject] = mapped_column(JSON, default=dict)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    rejected_count: Mapped[int] = mapped_column(default=0)
    rejected_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # Why, in words for those who may read the source's health; whoever calls is told nothing.
    rejected_reason: Mapped[str | None] = mapped_column(String(300))
    # When a handshake or ping of the tool was last answered; it is no delivery.
    answered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # From then on nothing more is expected of it, and it covers no day that is compared.
    retired_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Delivery(InWorkspace, Record):
    """One webhook call, or one row of an import, exactly as it came."""

    __tablename__ = "delivery"
    __table_args__ = (
        UniqueConstraint("source_id", "key"),
        Index("ix_delivery_raw", "workspace_id", "body_expired_at", "received_at"),
        # Few are: they are found without reading the many others.
        Index(
            "ix_delivery_invalid",
            "source_id",
            "id",
            sqlite_where=text("state = 'invalid'"),
            postgresql_where=text("state = 'invalid'"),
        ),
    )

    source_id: Mapped[int] = mapped_column(ForeignKey("source.id", ondelete="CASCADE"))
    # The vendor's event id, or the hash of the body where there is none.
    key: Mapped[str] = mapped_column(String(200))
    received_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    headers: Mapped[dict[str, str]] = mapped_column(JSON)
    # As it came, or sealed (`models.sealing`); empty once it expired or a person in it was erased.
    body: Mapped[bytes] = mapped_column(LargeBinary)
    body_expired_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    state: Mapped[DeliveryState] = mapped_column(EnumText(DeliveryState))
    reason: Mapped[str | None] = mapped_column(Text)
    # How many of its changes are written while it is open: a large one is written in several transactions.
    done_changes: Mapped[int] = mapped_column(default=0, server_default="0")
    # Digest of the changes that it was read as when these were written; None where none are, or all.
    changes_digest: Mapped[str | None] = mapped_column(String(64))
    # When the newest event in it happened, by the vendor's clock; None before it was read, or where it does not say.
    occurred_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
