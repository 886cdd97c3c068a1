"""A clock that stands still until a test moves it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
"""A Monday."""


@dataclass(slots=True)
class Clock:
    """The time as tests want it."""

    now: datetime = NOON

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **span: float) -> datetime:
        """Move on, as `advance(days=3)` or `advance(seconds=1)`."""
        self.now += timedelta(**span)
        return self.now
