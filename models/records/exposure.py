"""Exposure: how many customers could have complained on a day."""

from datetime import date

from sqlalchemy import Date, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.records.base import InWorkspace, Record


class Exposure(InWorkspace, Record):
    """One day of one exposure series, whole (`all`) or of one segment."""

    __tablename__ = "exposure"
    __table_args__ = (UniqueConstraint("workspace_id", "series", "day", "segment"),)

    series: Mapped[str] = mapped_column(String(100))
    day: Mapped[date] = mapped_column(Date)
    segment: Mapped[str] = mapped_column(String(100), default="all")
    value: Mapped[float]
