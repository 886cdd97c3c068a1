"""Who stands behind a theme lately: persons, accounts and their yearly revenue, each once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from models.database import Session
from models.queries import cuts
from models.queries.cuts import Cut, Voice
from service.console.frame import Frame
from service.console.weeks import RECENT, WEEK, complete_weeks

NOTE: Final = (
    "Each person and account once in these weeks: do not add them, or ARR, up over weeks or themes. ARR as it is on "
    "record today."
)


@dataclass(frozen=True, slots=True)
class Reach:
    """Persons and accounts of the last four complete weeks.

    arr_usd: revenue of the accounts where it is on record, None where of none; unknown: accounts of which it is not.
    """

    people: int
    accounts: int
    arr_usd: float | None
    unknown: int


def read_reach(session: Session, frame: Frame, *, theme: int) -> Reach | None:
    """Read who stands behind a theme lately; None for readers of aggregates, and before the first complete week."""
    if frame.end is None or frame.least is not None:
        return None
    mondays = complete_weeks(frame.end, RECENT)
    found = cuts.voices(
        session, workspace=frame.workspace, theme=theme, cut=Cut(), zone=frame.zone, since=mondays[0],
        until=mondays[-1] + WEEK,
    )  # fmt: skip
    return add_up(found)


def add_up(voices: Sequence[Voice]) -> Reach:
    """Count persons and accounts once, whatever they said how often."""
    arr = {each.account: each.arr_usd for each in voices if each.account is not None}
    known = [value for value in arr.values() if value is not None]
    return Reach(
        people=len({each.person for each in voices}),
        accounts=len(arr),
        arr_usd=sum(known) if known else None,
        unknown=len(arr) - len(known),
    )
