"""Workspace (tenant), its users, API keys and console sessions."""

from datetime import datetime

from sqlalchemy import JSON, ForeignKey, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.records.base import EnumText, InWorkspace, Record, UtcDateTime
from models.values.roles import Role


class Workspace(Record):
    """One tenant; its time zone is fixed when it is created, its encoder until a person switches to another."""

    __tablename__ = "workspace"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    time_zone: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    # Key of the hash under which people are stored: without it a hash cannot be tried against guesses.
    person_key: Mapped[bytes] = mapped_column(LargeBinary(32))
    encoder_id: Mapped[int | None] = mapped_column(ForeignKey("encoder.id"))
    encoder_dtype: Mapped[str] = mapped_column(String(16))
    # Null: the packaged model.
    encoder_model: Mapped[str | None] = mapped_column(String(200))


class Encoder(Record):
    """One exact encoder: the model, the hash of its weights, and its arithmetic."""

    __tablename__ = "encoder"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    digest: Mapped[str] = mapped_column(String(64))
    dtype: Mapped[str] = mapped_column(String(16))
    dimension: Mapped[int]


class User(InWorkspace, Record):
    """A person of the team who signs in to the console; customers are `Person`."""

    __tablename__ = "console_user"
    __table_args__ = (UniqueConstraint("workspace_id", "email"),)

    # Lower case; the name under which `ebb sign-in --user` finds a person.
    email: Mapped[str] = mapped_column(String(320))
    name: Mapped[str] = mapped_column(String(200))
    role: Mapped[Role] = mapped_column(EnumText(Role))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    disabled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class ApiKey(InWorkspace, Record):
    """A key's hash; the key itself is shown once and never stored."""

    __tablename__ = "api_key"

    name: Mapped[str] = mapped_column(String(200))
    role: Mapped[Role] = mapped_column(EnumText(Role))
    # Permissions that narrow the role's; null: all of them.
    scopes: Mapped[list[str] | None] = mapped_column(JSON)
    # The one source an integration key may deliver to; null: every source of the workspace.
    source_id: Mapped[int | None] = mapped_column(ForeignKey("source.id", ondelete="CASCADE"))
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    # To the hour: enough to see which keys are not used any more, without a write for every call.
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # The key that took this one's place; this one goes on until its `expires_at`.
    replaced_by_id: Mapped[int | None] = mapped_column(ForeignKey("api_key.id"))


class ConsoleTicket(InWorkspace, Record):
    """A one-time sign-in link (`session` false) or the browser session it was exchanged for (`session` true)."""

    __tablename__ = "console_ticket"

    user_id: Mapped[int] = mapped_column(ForeignKey("console_user.id", ondelete="CASCADE"), index=True)
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    session: Mapped[bool]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    # A link: when it was exchanged. A session: when it was ended by signing out.
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
