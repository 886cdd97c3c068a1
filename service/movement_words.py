"""What is said of a theme's movement and of what stands beside it, in sentences; pure functions."""

from collections.abc import Callable, Mapping
from typing import Final

from models.queries.movements import Places
from models.values.movements import Movement, MovementReason, Outcome, Span
from service.console.wording import say_change, say_count, say_day, say_percent, say_range
from service.movements import Movements, Row, change_of_places

PER: Final = 1000.0
RATE_UNIT: Final = "complaints per 1,000 customer-days"
WEEKLY_UNIT: Final = "complaints per week"

ADDING_UP: Final = (
    "People, accounts and ARR are counted once within a step: do not add them up over steps, and do not add accounts "
    "or ARR up over themes, since one account may complain about several."
)
THEMES_ADD_UP: Final = (
    "A ticket may complain about several themes, so complaints of themes can add up to more than all complaints; "
    "accounts and ARR never add up over themes."
)
NOT_FOR_AGGREGATES: Final = (
    "Where complaints lie that are in no theme is not shown to callers who may see aggregates only: with the shown "
    "weeks of themes it would give hidden ones back."
)
_CHANCE: Final = "one or another does by chance"
SLOW_WAVES: Final = (
    "That does not hold for themes that swing for months by themselves: in simulation 14% of the workspaces in which "
    "nothing changed for good had a false call then."
)
COUNTS_COMPARED: Final = (
    "The number of customers is unknown for too many of these weeks, so counts are compared and not rates: more "
    "customers alone make every theme grow."
)


def say_outcome(row: Row) -> str:
    """Say why a theme is called what it is."""
    found = _SENTENCES[row.outcome.reason](row)
    if row.matched:
        found += " Complaints in no theme rose meanwhile by half of that or more: they may only be placed elsewhere."
    return found


def warnings_of(found: Movements) -> list[str]:
    """Say what a reader must know before believing the list."""
    told = [] if found.has_rate else [COUNTS_COMPARED]
    if found.places is None:
        return [*told, NOT_FOR_AGGREGATES]
    risen = change_of_places(*found.places)
    after, before = map(_unassigned, found.places)
    fading = [row for row in found.rows if row.outcome.movement is Movement.FADING]
    if risen and fading:
        lost = sum(row.outcome.missing for row in fading)
        told.append(
            f"Complaints in no theme rose from {before} to {after} of all, about {say_count(round(risen))} more than "
            f"before, while fading themes lost {say_count(round(lost))}: a fall that they match is no fall."
        )
    elif risen:
        told.append(f"Complaints in no theme rose from {before} to {after} of all.")
    return told


def _unassigned(places: Places) -> str:
    return say_percent(places.unassigned / places.complaints) if places.complaints else "0%"


def rate_of(span: Span, *, has_rate: bool) -> float | None:
    """Return complaints per 1,000 customer-days, or per week where no rates are compared; None without weeks."""
    if not span.weeks:
        return None
    return PER * span.complaints / span.exposure if has_rate else span.complaints / span.weeks


def say_interval(outcome: Outcome) -> str:
    """Write the interval of a ratio as changes: `−55% to −20%`; open where nothing bounds it."""
    if outcome.low is None:
        return ""
    if outcome.high is None:
        return f"{say_change(outcome.low)} or more"
    return say_range(outcome.low, outcome.high)


def _first_day(row: Row) -> str:
    return say_day(row.first_seen) if row.first_seen else "an unknown day"


def _new(row: Row) -> str:
    return f"First seen on {_first_day(row)}; {_complaints(row.since)} since. It has no past to be compared with."


def _returned(row: Row) -> str:
    recent = row.outcome.recent
    return (
        f"{_complaints(recent.complaints)} in these {recent.weeks} weeks, after {row.outcome.quiet} weeks without "
        "any: longer than its usual pauses."
    )


def _beyond(row: Row) -> str:
    ratio = row.outcome.ratio
    size = "Appeared" if ratio is None else say_change(ratio)
    return f"{size} on its own baseline, beyond its usual ups and downs."


def _within(row: Row) -> str:
    side = _side(row.outcome)
    if side is not None:
        return (
            f"Neither doubled nor halved. Its interval lies {side}: among all the themes compared {_CHANCE}."
        )
    return "Within its usual ups and downs: neither doubled nor halved."


def _among_many(row: Row) -> str:
    side = _side(row.outcome) or "on one side of no change"
    interval = say_interval(row.outcome)
    return (
        f"Its interval ({interval}) lies {side}, but among all the themes compared {_CHANCE}: neither a change nor "
        "that there was none can be told."
    )


def _side(outcome: Outcome) -> str | None:
    """Say on which side of no change an interval lies as a whole; None where it holds no change."""
    if outcome.low is not None and outcome.low > 1:
        return "above no change"
    return "below no change" if outcome.high is not None and outcome.high < 1 else None


def _wide(row: Row) -> str:
    low, high = row.outcome.low, row.outcome.high
    may_double, may_halve = high is None or high >= 2, low is None or low <= 1 / 2
    what = "doubled or halved" if may_double and may_halve else "doubled" if may_double else "halved"
    return f"Too few complaints, or too uneven, to rule out that it {what}."


def _thin(row: Row) -> str:
    both = row.outcome.recent.complaints + row.outcome.baseline.complaints
    if not both:
        return "No complaint in either window."
    return f"Too few complaints to compare: {say_count(both)} in both windows together."


def _young(row: Row) -> str:
    return f"First seen on {_first_day(row)}: its own past is too short to be a baseline."


def _short(row: Row) -> str:
    return f"First seen on {_first_day(row)}, but tickets reach back too little before to call it new."


def _complaints(count: int) -> str:
    return f"{say_count(count)} complaint{'s' if count != 1 else ''}"


_SENTENCES: Final[Mapping[MovementReason, Callable[[Row], str]]] = {
    MovementReason.FIRST_SEEN: _new,
    MovementReason.AFTER_QUIET: _returned,
    MovementReason.BEYOND_BASELINE: _beyond,
    MovementReason.WITHIN_BASELINE: _within,
    MovementReason.WIDE: _wide,
    MovementReason.AMONG_MANY: _among_many,
    MovementReason.THIN: _thin,
    MovementReason.YOUNG: _young,
    MovementReason.SHORT_HISTORY: _short,
    MovementReason.SOURCE_GAP: lambda row: "A source was silent in too many of these weeks.",
    MovementReason.EXPOSURE_MISSING: lambda row: (
        "The number of customers is unknown in too many of these weeks."
    ),
    MovementReason.KIND_CHANGED: lambda row: (
        "What is a complaint was decided by other versions in one window than in the other."
    ),
    MovementReason.DEFINITION_CHANGED: lambda row: (
        "The rules of a source changed, and not all stored tickets of these weeks follow the new ones."
    ),
    MovementReason.HIDDEN: lambda row: (
        "Some of these weeks have so few complaints that your role does not see them."
    ),
}
