"""What callers see who may see aggregates only: pure functions over answers; docs/roles.md argues each rule.

Everything they get is made of one table: complaints by theme and whole ISO week, small counts hidden. Whatever else
is shown is computed from that table or not shown at all, so no choice of periods, bounds or moments tells more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TypeVar

from models.errors import Invalid, NotFound
from models.values.periods import Period
from service.api.shapes.impact import VerdictAnswer
from service.api.shapes.links import LinkAnswer
from service.api.shapes.themes import ThemeDetail, ThemeLineage, ThemeSummary, TrendPoint
from service.suppression import add_shown, mask, may_show

RECENT_WEEKS = 4
DIGITS = 2
"""Decimals of an effect: in full it is a fingerprint of the counts that were hidden."""

_WITHOUT_ACCOUNTS: Mapping[str, None] = {"accounts": None, "arr_usd": None}
"""One account's revenue is one customer's, however large the week."""

Summary = TypeVar("Summary", bound=ThemeSummary)


@dataclass(frozen=True, slots=True)
class Veil:
    """What stands between the stored numbers and a caller; `people` are the distinct complainers by theme."""

    least: int
    people: Mapping[int, int]

    def shows(self, theme: int) -> bool:
        """Say whether enough people stand behind a theme for its name to be told."""
        return may_show(self.people.get(theme, 0), self.least)

    def check(self, theme: int) -> None:
        """Raise `NotFound` for a theme that is not shown, in the words of one that does not exist."""
        if not self.shows(theme):
            raise NotFound(f"There is no theme th_{theme}.")


def check_period(period: Period) -> None:
    """Refuse days and months: beside weeks, they would give hidden weeks back by subtraction."""
    if period is not Period.WEEK:
        raise Invalid(
            "callers who may see aggregates only get whole weeks: ask for period=week.", field="period"
        )


def check_cut(**asked: object) -> None:
    """Refuse trends by source, channel and kind: their small groups would have to hide each other, as plans' do."""
    for name, value in asked.items():
        if value is not None:
            raise Invalid(f"callers who may see aggregates only get no trends by {name}.", field=name)


def week_cells(
    days: Mapping[date, int], *, today: date, least: int, weeks: int | None = None
) -> list[int | None]:
    """Add days up to the ISO weeks that are over, small sums hidden; with `weeks` only the latest so many.

    Weeks without a complaint are left out, for they add nothing.
    """
    monday = today - timedelta(days=today.weekday())
    first = date.min if weeks is None else monday - timedelta(weeks=weeks)
    sums: dict[date, int] = {}
    for day, count in days.items():
        if first <= day < monday:
            start = day - timedelta(days=day.weekday())
            sums[start] = sums.get(start, 0) + count
    return [mask(sums[start], least) for start in sorted(sums)]


def total(cells: Sequence[int | None]) -> int | None:
    """Add up the weeks that are shown: a lower bound where some are hidden, None where nothing is left of it."""
    shown = add_shown(cells)
    return None if shown == 0 and None in cells else shown


def summary(answer: Summary, days: Mapping[date, int], *, today: date, least: int) -> Summary:
    """Leave a theme its name, and sums of the weeks that are shown."""
    recent = week_cells(days, today=today, least=least, weeks=RECENT_WEEKS)
    return answer.model_copy(
        update={
            "size": None,
            "complaints": total(week_cells(days, today=today, least=least)),
            "recent_complaints": total(recent),
        }
    )


def busiest_first(answers: Sequence[Summary]) -> list[Summary]:
    """Order themes by what is shown of them: the order of hidden counts would tell them."""
    return sorted(
        answers,
        key=lambda each: (
            -(each.recent_complaints or 0),
            -(each.complaints or 0),
            int(each.id.partition("_")[2]),
        ),
    )


def detail(answer: ThemeDetail, days: Mapping[date, int], *, today: date, least: int) -> ThemeDetail:
    """Take quotes and the counts of kinds from a theme, and hide its small counts."""
    plain = answer.model_copy(update={"kinds": None, "quotes": []})
    return summary(plain, days, today=today, least=least)


def lineage(answer: ThemeLineage) -> ThemeLineage:
    """Take from a theme's log how many items moved."""
    return answer.model_copy(
        update={"events": [event.model_copy(update={"items": None}) for event in answer.events]}
    )


def trend(points: Sequence[TrendPoint], *, least: int) -> list[TrendPoint]:
    """Hide the small weeks of a trend, and the week that is not over: read every day, it would tell the days."""
    return [_blank(each) if _is_hidden(each, least) else _with_people(each, least) for each in points]


def segment_trend(
    points: Sequence[TrendPoint],
    others: Sequence[Sequence[TrendPoint]],
    whole: Sequence[TrendPoint],
    *,
    least: int,
) -> list[TrendPoint]:
    """Show a segment's weeks only where no part of that week's split is small; else no part is shown.

    `others` are the trends of the split's other segments, `whole` that of everybody; what lies in no segment is a
    part as well. One small part hides all: the total is shown, and what is left would give the part back.
    """
    found = []
    for at, point in enumerate(points):
        parts = [point, *(other[at] for other in others)]
        is_shown = _is_shown_split(parts, whole[at], least)
        found.append(
            point.model_copy(update={"people": None, **_WITHOUT_ACCOUNTS}) if is_shown else _blank(point)
        )
    return found


def _is_shown_split(parts: Sequence[TrendPoint], whole: TrendPoint, least: int) -> bool:
    if _is_hidden(whole, least) or any(part.complaints is None for part in parts):
        return False
    counts = [part.complaints or 0 for part in parts]
    outside = (whole.complaints or 0) - sum(counts)
    return all(mask(count, least) is not None for count in (*counts, outside))


def _is_hidden(point: TrendPoint, least: int) -> bool:
    return not point.complete or point.complaints is None or mask(point.complaints, least) is None


def _blank(point: TrendPoint) -> TrendPoint:
    return point.model_copy(update={"complaints": None, "people": None, "rate": None, **_WITHOUT_ACCOUNTS})


def _with_people(point: TrendPoint, least: int) -> TrendPoint:
    people = point.people if point.people is None else mask(point.people, least)
    return point.model_copy(update={"people": people, **_WITHOUT_ACCOUNTS})


def link(answer: LinkAnswer) -> LinkAnswer:
    """Take from a link what speaks for it: quotes, and a sentence with customers' words and a share of complaints."""
    return answer.model_copy(update={"evidence": [], "reason": None})


def verdict(answer: VerdictAnswer) -> VerdictAnswer:
    """Leave of a verdict its word and a rounded effect.

    Counts of windows that overlap give back single weeks by subtraction; the hash of the input, and an effect to the
    last digit, can be tried against guesses of the hidden counts.
    """
    rounded = {
        name: _round(getattr(answer, name))
        for name in ("effect", "low", "high", "shrunk_effect", "bound", "mde")
    }
    hidden: dict[str, object] = {
        "expected": None,
        "observed": None,
        "input_hash": None,
        "quotes": [],
        "displacement": None,
    }
    segments = [
        each.model_copy(update={name: _round(getattr(each, name)) for name in ("effect", "low", "high")})
        for each in answer.segments
    ]
    return answer.model_copy(update={**rounded, **hidden, "segments": segments})


def _round(value: float | None) -> float | None:
    return value if value is None else round(value, DIGITS)
