"""The days of which a source holds the tickets."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Span:
    """Half-open days that a source covers; `end` None: it goes on."""

    start: date
    end: date | None = None

    def covers(self, start: date, end: date) -> bool:
        """Say whether a half-open time lies in it as a whole."""
        return self.start <= start and (self.end is None or self.end >= end)
