"""The audit log: who did what to which thing; append-only."""

from datetime import datetime

from sqlalchemy import JSON, String
from sqlalchemy.orm import Mapped, mapped_column

from models.records.base import InWorkspace, JsonObject, Record, UtcDateTime


class AuditEntry(InWorkspace, Record):
    """One act."""

    __tablename__ = "audit_entry"

    at: Mapped[datetime] = mapped_column(UtcDateTime)
    actor: Mapped[str] = mapped_column(String(200))
    action: Mapped[str] = mapped_column(String(100))
    subject: Mapped[str] = mapped_column(String(200))
    detail: Mapped[JsonObject] = mapped_column(JSON, default=dict)
