"""How far each source was pulled from its vendor's API, which records came, and what the vendor counted."""

from datetime import date, datetime

from sqlalchemy import JSON, ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.records.base import InWorkspace, JsonObject, Record, UtcDateTime


class Pull(InWorkspace, Record):
    """One source's pulling: how to reach the vendor, and where the next request goes on."""

    __tablename__ = "pull"
    __table_args__ = (UniqueConstraint("source_id"),)

    source_id: Mapped[int] = mapped_column(ForeignKey("source.id", ondelete="CASCADE"))
    # Zendesk's subdomain, Intercom's region, GitHub's owner/repository.
    place: Mapped[str] = mapped_column(String(200))
    # Another address of the vendor's API than its public one; the operator allows these by name.
    base_url: Mapped[str | None] = mapped_column(String(300))
    # Who the token belongs to, where the vendor asks for it (Zendesk).
    account: Mapped[str | None] = mapped_column(String(320))
    # As `models.sealing` keeps it; here and not in the source's settings, which the API gives back.
    stored_token: Mapped[str] = mapped_column("token", Text)
    interval_s: Mapped[int]
    since: Mapped[datetime] = mapped_column(UtcDateTime)
    cursor: Mapped[JsonObject] = mapped_column(JSON, default=dict)
    covered_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # When the end of what the vendor had was last reached.
    caught_up_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    stored_count: Mapped[int] = mapped_column(default=0)
    pulled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    next_at: Mapped[datetime] = mapped_column(UtcDateTime)
    # Failed runs since the last that went well.
    failures: Mapped[int] = mapped_column(default=0)
    error: Mapped[str | None] = mapped_column(Text)
    # The vendor refused the token or the place: nothing is asked until a person changes them.
    stopped: Mapped[bool] = mapped_column(default=False)
    lease: Mapped[str | None] = mapped_column(String(32))
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime)


class PullRecord(InWorkspace, Record):
    """One record of a vendor that was pulled, or that a webhook without text told us to fetch (`wanted_at`)."""

    __tablename__ = "pull_record"
    __table_args__ = (UniqueConstraint("source_id", "external_id"),)

    source_id: Mapped[int] = mapped_column(ForeignKey("source.id", ondelete="CASCADE"))
    external_id: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # Deleted at the vendor.
    gone: Mapped[bool] = mapped_column(default=False)
    wanted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class PullCount(InWorkspace, Record):
    """How many records of one day (UTC, by creation) the vendor counts, and how many we have."""

    __tablename__ = "pull_count"
    __table_args__ = (UniqueConstraint("source_id", "day"),)

    source_id: Mapped[int] = mapped_column(ForeignKey("source.id", ondelete="CASCADE"))
    day: Mapped[date]
    theirs: Mapped[int]
    ours: Mapped[int]
    # Missing records that were fetched when the day was compared.
    fetched: Mapped[int] = mapped_column(default=0)
    checked_at: Mapped[datetime] = mapped_column(UtcDateTime)
