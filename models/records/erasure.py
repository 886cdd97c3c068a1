"""Receipts of erasures; append-only."""

from datetime import datetime

from sqlalchemy import JSON, String
from sqlalchemy.orm import Mapped, mapped_column

from models.records.base import InWorkspace, Record, UtcDateTime


class Erasure(InWorkspace, Record):
    """What went when a person was erased; the person stands here as the keyed hash of what they were named by."""

    __tablename__ = "erasure"

    at: Mapped[datetime] = mapped_column(UtcDateTime)
    actor: Mapped[str] = mapped_column(String(200))
    digests: Mapped[list[str]] = mapped_column(JSON)
    persons: Mapped[int]
    items: Mapped[int]
    vectors: Mapped[int]
    quotes: Mapped[int]
    deliveries: Mapped[int]
    labels: Mapped[int]
    # Rows that still held words of the person when the same transaction looked for them afterwards.
    left: Mapped[int]
    # Whether the daily counts, computed anew after the erasure, were those before it.
    counts_unchanged: Mapped[bool]
    receipt_hash: Mapped[str] = mapped_column(String(64))
