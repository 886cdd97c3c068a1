"""Weeks of the console that are not complete, because a source was silent on some of their days."""

from collections.abc import Sequence, Set
from dataclasses import dataclass, field
from datetime import date, timedelta

from models.database import Session
from models.queries import goals, impact, silence
from models.queries.silence import Gaps
from service.console.frame import Frame


@dataclass(frozen=True, slots=True)
class Silences:
    """The incomplete days of each theme, and of all complaints together, as trends and verdicts know them.

    told: days that a context event calls silent, for all alike; found: those that the sources' rhythm tells.
    """

    told: Set[date] = frozenset()
    found: Gaps = field(default_factory=Gaps)

    def weeks(self, theme: int | None, mondays: Sequence[date]) -> tuple[bool, ...]:
        """Say of each week whether a day of it is incomplete for a theme (None: for all complaints)."""
        days = self.told | self.found.of(impact.TOTAL if theme is None else theme)
        return tuple(any(monday + timedelta(days=i) in days for i in range(7)) for monday in mondays)

    def sources(self, theme: int | None) -> tuple[str, ...]:
        """Name the sources whose silence left days of a theme (None: of all complaints) incomplete."""
        return tuple(sorted(self.found.sources(impact.TOTAL if theme is None else theme)))


def read_silences(session: Session, frame: Frame, *, theme: int | None = None) -> Silences:
    """Read the incomplete days of every theme and of all complaints, or of one theme alone."""
    return Silences(
        goals.silent_dates(session, workspace=frame.workspace, zone=frame.zone),
        silence.gaps(session, workspace=frame.workspace, theme=theme),
    )
