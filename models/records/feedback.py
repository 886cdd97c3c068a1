"""People, accounts, and what customers said."""

from datetime import datetime

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.records.base import EnumText, InWorkspace, JsonObject, Record, UtcDateTime
from models.values.feedback import AuthorRole
from models.values.kinds import Kind


class Person(InWorkspace, Record):
    """A customer, known only by a keyed hash of the vendor's id or address."""

    __tablename__ = "person"
    __table_args__ = (UniqueConstraint("workspace_id", "digest"),)

    digest: Mapped[str] = mapped_column(String(64))
    first_seen_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Account(InWorkspace, Record):
    """A paying customer organisation."""

    __tablename__ = "account"
    __table_args__ = (UniqueConstraint("workspace_id", "key"),)

    key: Mapped[str] = mapped_column(String(200))
    name: Mapped[str | None] = mapped_column(String(300))
    plan: Mapped[str | None] = mapped_column(String(200))
    segment: Mapped[str | None] = mapped_column(String(100))
    arr_usd: Mapped[float | None]
    created_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class FeedbackItem(InWorkspace, Record):
    """One message, cleaned and redacted; staff replies make no item."""

    __tablename__ = "feedback_item"
    __table_args__ = (
        UniqueConstraint("source_id", "external_id", "message_id"),
        Index("ix_feedback_item_ticket_day", "workspace_id", "ticket_created_at"),
        Index("ix_feedback_item_kind_version", "workspace_id", "kind_version"),
    )

    source_id: Mapped[int] = mapped_column(ForeignKey("source.id", ondelete="CASCADE"))
    external_id: Mapped[str] = mapped_column(String(300))
    message_id: Mapped[str] = mapped_column(String(300))
    # Grows by one whenever the text changes; an old version's work finds nothing to do.
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    ticket_created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    # The vendor's clock of the newest change applied: older changes that arrive later are not applied.
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    status: Mapped[str | None] = mapped_column(String(32))
    subject: Mapped[str | None] = mapped_column(String(1000))
    text: Mapped[str] = mapped_column(Text)
    removed: Mapped[list[JsonObject]] = mapped_column(JSON, default=list)
    author_role: Mapped[AuthorRole] = mapped_column(EnumText(AuthorRole))
    kind: Mapped[Kind | None] = mapped_column(EnumText(Kind))
    kind_why: Mapped[str | None] = mapped_column(String(300))
    # Which classifier decided the kind; verdicts do not compare items of one with items of another.
    kind_version: Mapped[str | None] = mapped_column(String(32))
    counted: Mapped[bool] = mapped_column(default=False)
    # Deleted or redacted by the vendor: text and vector are gone, the row stays so that nothing revives it.
    withdrawn: Mapped[bool] = mapped_column(default=False)
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"), index=True)
    account_key: Mapped[str | None] = mapped_column(String(200))
    plan: Mapped[str | None] = mapped_column(String(100))
    product_area: Mapped[str | None] = mapped_column(String(200))
    channel: Mapped[str | None] = mapped_column(String(64))
    tags: Mapped[list[str] | None] = mapped_column(JSON)
    rating: Mapped[JsonObject | None] = mapped_column(JSON)
    language: Mapped[str] = mapped_column(String(8))


class Embedding(Record):
    """An item's vector under one encoder, as float16 bytes of a unit vector."""

    __tablename__ = "embedding"

    item_id: Mapped[int] = mapped_column(ForeignKey("feedback_item.id", ondelete="CASCADE"), primary_key=True)
    encoder_id: Mapped[int] = mapped_column(ForeignKey("encoder.id"), primary_key=True)
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspace.id", ondelete="CASCADE"), index=True)
    item_version: Mapped[int]
    vector: Mapped[bytes] = mapped_column(LargeBinary)
