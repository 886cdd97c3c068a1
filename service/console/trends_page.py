"""The page of trends: how every theme moved in the recent weeks against its own past."""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

from models.database import Session
from models.queries.movements import Places
from models.values.movements import FALSE_DISCOVERY_RATE, Movement, Outcome, Span
from service import movement_words, movements
from service.console import sparks
from service.console.addresses import counted_address, theme_address
from service.console.frame import Frame
from service.console.wording import say_change, say_count, say_percent, say_span, say_value
from service.movements import Asked, Movements, Row

_OPEN_END: Final = 1e9
"""Stands for an interval without an upper end: clipped at the end of the scale."""

LABEL: Final = {
    Movement.NEW: "New",
    Movement.GROWING: "Growing",
    Movement.FADING: "Fading",
    Movement.RETURNED: "Returned",
    Movement.STEADY: "Steady",
    Movement.CANNOT_TELL: "Cannot tell",
}
ICON: Final = {
    Movement.NEW: "new",
    Movement.GROWING: "rose",
    Movement.FADING: "fell",
    Movement.RETURNED: "returned",
    Movement.STEADY: "unchanged",
    Movement.CANNOT_TELL: "cannot_tell",
}


class Shown(StrEnum):
    """Which themes are listed."""

    ALL = "all"
    NEW = "new"
    GROWING = "growing"
    FADING = "fading"
    RETURNED = "returned"
    STEADY = "steady"
    CANNOT_TELL = "cannot_tell"


class Length(StrEnum):
    """Weeks of the recent window."""

    FOUR = "4"
    EIGHT = "8"
    QUARTER = "13"


@dataclass(frozen=True, slots=True)
class MovementRow:
    """One theme in the table.

    count: complaints of the recent window, None where they are not shown; before, now: rates of both windows; change:
    the ratio as a change, empty where nothing was tested; interval: its glyph, brief: its ends in words.
    """

    label: str
    address: str
    spark: sparks.Spark | None
    gaps: int
    weeks: int
    movement: str
    name: str
    icon: str
    sentence: str
    matched: bool
    count: int | None
    count_address: str | None
    before: str
    now: str
    change: str
    interval: sparks.Interval | None
    brief: str


@dataclass(frozen=True, slots=True)
class PlaceRow:
    """A share of all complaints in both windows, as words: of the recent one with its count."""

    name: str
    now: str
    before: str
    count: str


@dataclass(frozen=True, slots=True)
class Tally:
    """How many themes moved so."""

    movement: str
    name: str
    icon: str
    count: int


@dataclass(frozen=True, slots=True)
class TrendsPage:
    """All that the page shows; None of its windows before the first complete week."""

    shown: str
    weeks: str
    recent: str | None
    baseline: str | None
    unit: str
    rows: list[MovementRow]
    total: int
    tallies: tuple[Tally, ...]
    places: tuple[PlaceRow, ...]
    warnings: list[str]
    note: str
    revision: int
    tested: int
    level: str
    swings: str


def read_trends(session: Session, frame: Frame, *, shown: Shown, length: Length) -> TrendsPage:
    """Read the page."""
    asked = Asked(int(length), least=frame.least)
    found = movements.read_movements(session, workspace=frame.workspace, now=frame.now, asked=asked)
    rows = () if found is None else found.rows
    listed = [row for row in rows if shown is Shown.ALL or row.outcome.movement.value == shown.value]
    has_rate = found is not None and found.has_rate
    return TrendsPage(
        shown=shown.value,
        weeks=length.value,
        recent=None if found is None else _say_window(found.recent_since, found.until),
        baseline=None if found is None else _say_window(found.mondays[0], found.recent_since),
        unit=movement_words.RATE_UNIT if has_rate else movement_words.WEEKLY_UNIT,
        rows=[] if found is None else [_row(frame, found, row) for row in listed],
        total=len(rows),
        tallies=_tallies(rows),
        places=() if found is None or found.places is None else _places(*found.places),
        warnings=[] if found is None else movement_words.warnings_of(found),
        note=movement_words.THEMES_ADD_UP,
        revision=0 if found is None else found.revision,
        tested=0 if found is None else found.tested,
        level=say_percent(FALSE_DISCOVERY_RATE),
        swings=movement_words.SLOW_WAVES,
    )


def _say_window(since: date, until: date) -> str:
    return say_span(since, until - timedelta(days=1))


def _row(frame: Frame, found: Movements, row: Row) -> MovementRow:
    outcome = row.outcome
    count = None if row.hidden else outcome.recent.complaints
    address = counted_address(
        theme=row.theme.id, since=found.recent_since, until=found.until, stated=outcome.recent.complaints
    )
    return MovementRow(
        label=row.theme.label or f"theme th_{row.theme.id}",
        address=theme_address(row.theme.id),
        spark=sparks.sparkline(row.weeks),
        gaps=sum(week is None for week in row.weeks),
        weeks=len(row.weeks),
        movement=outcome.movement.value,
        name=LABEL[outcome.movement],
        icon=ICON[outcome.movement],
        sentence=movement_words.say_outcome(row),
        matched=row.matched,
        count=count,
        count_address=frame.opens(address),
        before=_rate(outcome.baseline, row, found),
        now=_rate(outcome.recent, row, found),
        change="" if outcome.ratio is None else say_change(outcome.ratio),
        interval=_interval(outcome),
        brief=movement_words.say_interval(outcome),
    )


def _rate(span: Span, row: Row, found: Movements) -> str:
    rate = None if row.hidden else movement_words.rate_of(span, has_rate=found.has_rate)
    return say_value(rate)


def _interval(outcome: Outcome) -> sparks.Interval | None:
    if outcome.ratio is None or outcome.low is None:
        return None
    # Zero has no place on a log scale; the glyph is clipped at both ends anyway.
    low, effect = max(outcome.low, 1 / _OPEN_END), max(outcome.ratio, 1 / _OPEN_END)
    return sparks.interval(effect, low, outcome.high or _OPEN_END)


def _tallies(rows: tuple[Row, ...]) -> tuple[Tally, ...]:
    said = [row.outcome.movement for row in rows]
    return tuple(
        Tally(each.value, LABEL[each], ICON[each], said.count(each)) for each in Movement if each in said
    )


def _places(recent: Places, baseline: Places) -> tuple[PlaceRow, ...]:
    return (
        _place(
            "In no theme", (recent.unassigned, recent.complaints), (baseline.unassigned, baseline.complaints)
        ),
        _place(
            "In unsupported languages",
            (recent.unsupported, recent.complaints),
            (baseline.unsupported, baseline.complaints),
        ),
    )


def _place(name: str, recent: tuple[int, int], baseline: tuple[int, int]) -> PlaceRow:
    now, before = (say_percent(part / whole) if whole else "…" for part, whole in (recent, baseline))
    return PlaceRow(name, now, before, f"{say_count(recent[0])} of {say_count(recent[1])}")
