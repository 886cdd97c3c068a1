"""Rules of scope, silent days and alerts: what of a source counts, and when it did not deliver."""

from datetime import date, datetime

from sqlalchemy import JSON, Date, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.records.base import InWorkspace, JsonObject, Record, UtcDateTime


class SourceRules(InWorkspace, Record):
    """One revision of a source's rules and of where its fields stand; older revisions stay as they were."""

    __tablename__ = "source_rules"
    __table_args__ = (UniqueConstraint("source_id", "revision"),)

    source_id: Mapped[int] = mapped_column(ForeignKey("source.id", ondelete="CASCADE"))
    # From 1; a source without rules has none.
    revision: Mapped[int]
    rules: Mapped[list[JsonObject]] = mapped_column(JSON)
    fields: Mapped[dict[str, str]] = mapped_column(JSON)
    # The revision that last changed `fields`: items not read again since then follow the older map.
    fields_revision: Mapped[int]
    author: Mapped[str] = mapped_column(String(200))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    # How far stored deliveries and items were looked at again; all of them once `done_at` is set.
    seen_delivery: Mapped[int] = mapped_column(default=0)
    seen_item: Mapped[int] = mapped_column(default=0)
    done_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class SourceSilence(InWorkspace, Record):
    """A day on which a source said less than it should have: not complete, so never read as few complaints."""

    __tablename__ = "source_silence"
    __table_args__ = (UniqueConstraint("source_id", "day"),)

    source_id: Mapped[int] = mapped_column(ForeignKey("source.id", ondelete="CASCADE"))
    day: Mapped[date] = mapped_column(Date)
    # Tickets that the source's own rhythm let expect.
    expected: Mapped[float]
    # False: only doubtful, while the silence lasts; forgotten as soon as a ticket ends it.
    firm: Mapped[bool]


class Alert(InWorkspace, Record):
    """Something that a person should look at; closed by itself when it is over."""

    __tablename__ = "alert"
    __table_args__ = (UniqueConstraint("workspace_id", "subject", "kind", "open_slot"),)

    # Public id of what it is about, such as src_4.
    subject: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(64))
    reason: Mapped[str] = mapped_column(String(500))
    since: Mapped[datetime] = mapped_column(UtcDateTime)
    opened_at: Mapped[datetime] = mapped_column(UtcDateTime)
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # 0 while it is open, its own id afterwards: one subject has at most one open alert of a kind.
    open_slot: Mapped[int] = mapped_column(default=0)
