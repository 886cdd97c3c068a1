"""Teams, objectives, key results, and the metrics they are read from."""

from datetime import date, datetime

from sqlalchemy import Date, ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.records.base import InWorkspace, Record, UtcDateTime


class Team(InWorkspace, Record):
    """Owner of bets, metrics and digests."""

    __tablename__ = "team"
    __table_args__ = (UniqueConstraint("workspace_id", "key"),)

    key: Mapped[str] = mapped_column(String(200))
    name: Mapped[str] = mapped_column(String(200))


class Metric(InWorkspace, Record):
    """A number with an operational definition."""

    __tablename__ = "metric"
    __table_args__ = (UniqueConstraint("workspace_id", "key"),)

    key: Mapped[str] = mapped_column(String(200))
    name: Mapped[str] = mapped_column(String(500))
    definition: Mapped[str] = mapped_column(Text, default="")
    unit: Mapped[str | None] = mapped_column(String(200))
    better: Mapped[str | None] = mapped_column(String(8))
    leading: Mapped[bool | None]
    team_id: Mapped[int | None] = mapped_column(ForeignKey("team.id"))


class Observation(InWorkspace, Record):
    """A metric's value at one moment, for one value of its dimensions (`all` where there is none)."""

    __tablename__ = "observation"
    __table_args__ = (UniqueConstraint("metric_id", "at", "segment"),)

    metric_id: Mapped[int] = mapped_column(ForeignKey("metric.id", ondelete="CASCADE"))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    segment: Mapped[str] = mapped_column(String(200), default="all")
    value: Mapped[float]


class Objective(InWorkspace, Record):
    """What a team wants to be true by the end of a period."""

    __tablename__ = "objective"
    __table_args__ = (UniqueConstraint("workspace_id", "key"),)

    key: Mapped[str] = mapped_column(String(200))
    title: Mapped[str] = mapped_column(String(500))
    team_id: Mapped[int | None] = mapped_column(ForeignKey("team.id"))
    starts_on: Mapped[date | None] = mapped_column(Date)
    ends_on: Mapped[date | None] = mapped_column(Date)


class KeyResult(InWorkspace, Record):
    """A measurable outcome of an objective."""

    __tablename__ = "key_result"
    __table_args__ = (UniqueConstraint("workspace_id", "key"),)

    key: Mapped[str] = mapped_column(String(200))
    objective_id: Mapped[int | None] = mapped_column(ForeignKey("objective.id", ondelete="CASCADE"))
    metric_id: Mapped[int | None] = mapped_column(ForeignKey("metric.id"))
    text: Mapped[str] = mapped_column(String(1000))
    unit: Mapped[str | None] = mapped_column(String(200))
    baseline: Mapped[float | None]
    target: Mapped[float | None]
    starts_on: Mapped[date | None] = mapped_column(Date)
    ends_on: Mapped[date | None] = mapped_column(Date)


class ContextEvent(InWorkspace, Record):
    """Something besides releases that can move complaints: an incident, a price change, a campaign…"""

    __tablename__ = "context_event"
    __table_args__ = (UniqueConstraint("workspace_id", "key"),)

    key: Mapped[str] = mapped_column(String(200))
    kind: Mapped[str] = mapped_column(String(60))
    title: Mapped[str] = mapped_column(String(500))
    starts_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ends_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
