"""Which days and which sources a verdict compares, where sources begin or end in between.

A source that begins after a release would be read as worsening, one that ends as improvement. So before and after are
compared on the same sources: those that cover the whole time compared. Which time that is may be chosen: a source
that began lately is left out, or else the history before it. The choice that tells most about the effect is taken, by
the calendar and by what came before the release alone.

What is left out must be little. Were every complaint of a new channel one that another lost to it, the others would
fall by its share; so it may bring at most what the margin of `unchanged` allows, a fifth of what the others usually
bring.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import product
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.impact.setting import Case, Setting
from models.values.coverage import Span
from models.values.series import DAYS_PER_WEEK

Floats = NDArray[np.float64]

MOST_LEFT_OUT: Final = 0.2
"""Most complaints that may be left out before or after, against what the other sources usually bring in that time."""


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One source's part of a series: the days it covers, and its complaints a day from the series' start on, (n,)."""

    span: Span
    counts: Floats


@dataclass(frozen=True, slots=True)
class Compared:
    """The half-open days that are compared, and the places of the parts that are left out, with complaints in them.

    is_fair: so few complaints are left out that they cannot make the answer; is_long: the days are enough for one.
    """

    start: date
    end: date
    left_out: tuple[int, ...]
    is_fair: bool
    is_long: bool


class _Choice(NamedTuple):
    compared: Compared
    information: float

    @property
    def worth(self) -> tuple[bool, bool, float, int]:
        found = self.compared
        days = (found.end - found.start).days
        return found.is_fair and found.is_long, found.is_fair, self.information, days


def choose_compared(case: Case, parts: Sequence[Part], setting: Setting | None = None) -> Compared:
    """Choose the days and the sources on which a case of daily counts is compared.

    parts: sources of the series; complaints of none of them belong to sources that cover all days. Never raises for
    sources that leave nothing to compare: then too much is left out.
    """
    setting = setting or Setting()
    first = max(case.series.start, case.release_start - timedelta(days=setting.longest_before_days))
    first, last = min(first, case.read_through), case.read_through
    borders = {day for part in parts for day in (part.span.start, part.span.end) if day is not None}
    settled = case.release_full + timedelta(days=setting.wash_out_days)
    starts = {first, *(day for day in borders if first < day < min(case.release_start, last))}
    ends = {last, *(day for day in borders if max(settled, first) < day < last)}
    choices = (_weigh(case, parts, settled, start, end, setting) for start, end in product(starts, ends))
    return max(choices, key=lambda choice: choice.worth).compared


def _weigh(
    case: Case, parts: Sequence[Part], settled: date, start: date, end: date, setting: Setting
) -> _Choice:
    """Tell what is left out of a half-open time, and how much the rest tells about the effect.

    The information about the log of a rate ratio is 1 / (1/before + 1/after), with the complaints expected after.
    """
    release = min(case.release_start, end)
    days_before, days_after = max((release - start).days, 0), max((end - settled).days, 0)
    asked = max((case.read_through - settled).days, 0)
    out = [place for place, part in enumerate(parts) if not part.span.covers(start, end)]

    def count(counts: Floats, low: date, high: date) -> float:
        begin = case.series.start
        return float(np.nansum(counts[max((low - begin).days, 0) : max((high - begin).days, 0)]))

    told = [place for place in out if count(parts[place].counts, start, end) > 0]
    gone_before = sum(count(parts[place].counts, start, release) for place in told)
    gone_after = sum(count(parts[place].counts, settled, end) for place in told)
    before = max(count(case.series.counts, start, release) - gone_before, 0.0)
    expected = before * days_after / days_before if days_before else 0.0
    is_fair = gone_before <= MOST_LEFT_OUT * before and gone_after <= MOST_LEFT_OUT * expected
    is_long = days_before >= DAYS_PER_WEEK * setting.min_before and 2 * days_after >= asked
    # Before anything could be seen after, all choices are alike in that.
    information = before * days_after / (days_after + days_before) if before and asked else before
    return _Choice(Compared(start, end, tuple(told), is_fair, is_long), information)
