"""Workspace (tenant), its API keys and its console sessions."""

from datetime import datetime

from sqlalchemy import ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from models.records.base import EnumText, InWorkspace, Record, UtcDateTime
from models.values.roles import Role


class Workspace(Record):
    """One tenant; its time zone and encoder are fixed when it is created."""

    __tablename__ = "workspace"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    time_zone: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    # Key of the hash under which people are stored: without it a hash cannot be tried against guesses.
    person_key: Mapped[bytes] = mapped_column(LargeBinary(32))
    encoder_id: Mapped[int | None] = mapped_column(ForeignKey("encoder.id"))
    encoder_dtype: Mapped[str] = mapped_column(String(16))


class Encoder(Record):
    """One exact encoder: the model, the hash of its weights, and its arithmetic."""

    __tablename__ = "encoder"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    digest: Mapped[str] = mapped_column(String(64))
    dtype: Mapped[str] = mapped_column(String(16))
    dimension: Mapped[int]


class ApiKey(InWorkspace, Record):
    """A key's hash; the key itself is shown once and never stored."""

    __tablename__ = "api_key"

    name: Mapped[str] = mapped_column(String(200))
    role: Mapped[Role] = mapped_column(EnumText(Role))
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class ConsoleTicket(InWorkspace, Record):
    """A one-time sign-in link (`session` false) or the browser session it was exchanged for (`session` true)."""

    __tablename__ = "console_ticket"

    digest: Mapped[str] = mapped_column(String(64), unique=True)
    session: Mapped[bool]
    role: Mapped[Role] = mapped_column(EnumText(Role))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
