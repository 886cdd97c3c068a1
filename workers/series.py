"""The daily series that a release is judged on: of sources that cover the time compared, with gaps for silence."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from models.database import Session
from models.impact.coverage import Compared, Part, choose_compared
from models.impact.setting import Case, Setting
from models.queries import counts, coverage, exposure, goals, impact, silence
from models.queries.coverage import Covered
from models.queries.silence import Gaps
from models.values.coverage import Span
from models.values.series import Period, Series
from models.values.verdicts import Check, Reason

Floats = NDArray[np.float64]
ByDay = Mapping[date, int]

CONTROL = -1
"""Key, beside those of themes, of the themes together that nothing of the release touches."""


@dataclass(frozen=True, slots=True)
class Window:
    """A workspace's data as days: from the first ticket to `end`, the first day that is not complete."""

    start: date
    end: date
    zone: ZoneInfo

    def array(self, by_day: Mapping[date, float], *, absent: float) -> Floats:
        """Return one value a day, `absent` where there is none."""
        days = (self.end - self.start).days
        values = [by_day.get(self.start + timedelta(days=i), absent) for i in range(days)]
        return np.array(values, dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Material:
    """What the series of a release are made from, read once for all its themes.

    complaints: by theme (0: all together, CONTROL: the untouched ones) and day; told: days that a context event calls
    silent; sources: those that do not cover the whole window; parts: their complaints by theme, source and day.
    """

    window: Window
    complaints: Mapping[int, ByDay]
    bearers: Mapping[date, float]
    told: Set[date]
    gaps: Gaps
    sources: Sequence[Covered]
    parts: Mapping[int, Mapping[int, ByDay]]

    def parts_of(self, theme: int) -> list[Part]:
        """Return what each of the sources brought to a theme, in their order."""
        own = self.parts.get(theme, {})
        return [
            Part(each.span, self.window.array(own.get(each.source, {}), absent=0.0)) for each in self.sources
        ]


def read_material(
    session: Session, *, workspace: int, window: Window, release_start: date, touched: Set[int]
) -> Material:
    """Read what the series of a release are made from; `touched`: themes that bear no control series of it."""
    first = max(window.start, release_start - timedelta(days=Setting().longest_before_days))
    sources = [
        each
        for each in coverage.spans(session, workspace=workspace, zone=window.zone, until=window.end)
        if not each.span.covers(first, window.end)
    ]
    parts = coverage.complaints_of(
        session,
        workspace=workspace,
        sources={each.source for each in sources},
        since=first,
        zone=window.zone,
    )
    by_theme = counts.daily(session, workspace=workspace)
    others = [theme for theme in by_theme if theme not in touched]
    return Material(
        window=window,
        complaints={
            **by_theme,
            impact.TOTAL: counts.totals(session, workspace=workspace, zone=window.zone),
            CONTROL: _added(by_theme[theme] for theme in others),
        },
        bearers=exposure.read_exposure(session, workspace=workspace),
        told=goals.silent_dates(session, workspace=workspace, zone=window.zone),
        gaps=silence.gaps(session, workspace=workspace),
        sources=sources,
        parts={**parts, CONTROL: _added_by_source([parts[theme] for theme in others if theme in parts])},
    )


def with_series(material: Material, theme: int, case: Case) -> tuple[Case, tuple[Check, ...]]:
    """Give a case its series up to its reading, with what was found of sources as checks and as flags.

    case: all but the series, whose place any series holds.
    """
    if case.look is None:
        material = _with_open_ends(material, case.release_start)
    whole = replace(case, series=_series(material, material.complaints.get(theme, {}), case.read_through))
    parts = material.parts_of(theme)
    compared = choose_compared(whole, parts)
    out = [material.sources[place] for place in compared.left_out]
    limits = [
        each
        for each, part in zip(material.sources, parts, strict=True)
        if each not in out
        and part.counts.any()
        and not each.span.covers(whole.series.start, case.read_through)
    ]
    unheard = frozenset(each.source for each in out)
    counts_ = _compared_counts(material, theme, whole.series.counts, compared)
    _blank(counts_, material, material.told | material.gaps.of(theme, without=unheard))
    series = replace(whole.series, counts=counts_, control=_control(material, theme, whole))
    checks = (
        *_silence_check(material, theme, series, case.read_through, unheard),
        *_coverage_check(compared, out, limits, whole),
    )
    flags = (*case.flags, *_flags(compared, out, whole))
    return replace(whole, series=_from(series, compared.start), flags=flags), checks


def _with_open_ends(material: Material, release_start: date) -> Material:
    """Take sources that ended since the release for such as go on: before a reading is due, more of them may come."""
    sources = [
        replace(each, span=Span(each.span.start))
        if each.span.end is not None and each.span.end > release_start
        else each
        for each in material.sources
    ]
    return replace(material, sources=sources)


def _series(material: Material, complaints: ByDay, end: date) -> Series:
    window = material.window
    days = max((end - window.start).days, 0)
    bearers = material.bearers
    return Series(
        start=window.start,
        period=Period.DAY,
        counts=window.array({day: float(count) for day, count in complaints.items()}, absent=0.0)[:days],
        exposure=window.array(bearers, absent=np.nan)[:days] if bearers else None,
    )


def _compared_counts(material: Material, theme: int, whole: Floats, compared: Compared) -> Floats:
    """Take the sources that do not cover the time compared out of the counts; days after it are gaps."""
    found = whole.copy()
    for each, part in zip(material.sources, material.parts_of(theme), strict=True):
        if not each.span.covers(compared.start, compared.end):
            found -= part.counts[: found.size]
    found = np.maximum(found, 0.0)
    found[max((compared.end - material.window.start).days, 0) :] = np.nan
    return found


def _blank(counts_: Floats, material: Material, days: Set[date]) -> None:
    for index in ((day - material.window.start).days for day in days):
        if 0 <= index < counts_.size:
            counts_[index] = np.nan


def _control(material: Material, theme: int, case: Case) -> Floats | None:
    """Build the control: the untouched themes on sources that cover its own time; all gaps where too few do."""
    if theme == impact.TOTAL or not material.complaints[CONTROL]:
        return None
    control = _series(material, material.complaints[CONTROL], case.read_through)
    compared = choose_compared(replace(case, series=control), material.parts_of(CONTROL))
    unheard = frozenset(material.sources[place].source for place in compared.left_out)
    found = _compared_counts(material, CONTROL, control.counts, compared)
    found[: max((compared.start - material.window.start).days, 0)] = np.nan
    _blank(found, material, material.told | material.gaps.of(impact.TOTAL, without=unheard))
    return found if compared.is_fair else np.full_like(found, np.nan)


def _from(series: Series, start: date) -> Series:
    """Let a series begin on a later day."""
    days = max((start - series.start).days, 0)
    return replace(
        series,
        start=series.start + timedelta(days=days),
        counts=series.counts[days:],
        exposure=None if series.exposure is None else series.exposure[days:],
        control=None if series.control is None else series.control[days:],
    )


def _silence_check(
    material: Material, theme: int, series: Series, end: date, unheard: Set[int]
) -> tuple[Check, ...]:
    """Tell of the days that are gaps because a source of the theme was silent; without any there is no check."""
    days = sorted(day for day in material.gaps.of(theme, without=unheard) if series.start <= day < end)
    if not days:
        return ()
    names = ", ".join(sorted(material.gaps.sources(theme, without=unheard)))
    count = "1 day is" if len(days) == 1 else f"{len(days)} days are"
    sentence = f"{count} left out, from {days[0]} to {days[-1]}, because a source was silent: {names}."
    return (Check("silence", False, sentence),)


def _is_cut(compared: Compared, whole: Case) -> bool:
    """Say whether sources that begin or end leave fewer days to compare than there are."""
    first = whole.release_start - timedelta(days=Setting().longest_before_days)
    return compared.start > max(whole.series.start, first) or compared.end < whole.read_through


def _flags(compared: Compared, out: Sequence[Covered], whole: Case) -> tuple[Reason, ...]:
    is_too_short = _is_cut(compared, whole) and not compared.is_long
    if is_too_short or not compared.is_fair:
        return (Reason.SOURCE_GAP,)
    return (Reason.SOURCE_LEFT_OUT,) if out else ()


def _coverage_check(
    compared: Compared, out: Sequence[Covered], limits: Sequence[Covered], whole: Case
) -> tuple[Check, ...]:
    """Tell which time is compared and which sources are left out; where all cover all of it there is no check.

    limits: the sources, not left out, that do not cover all days.
    """
    if not out and not _is_cut(compared, whole):
        return ()
    told = []
    if _is_cut(compared, whole):
        days = f"{compared.start} to {compared.end - timedelta(days=1)}"
        names = ", ".join(map(str, limits or out))
        told.append(f"Compared is {days}, for a source begins or ends within the rest: {names}.")
    if out:
        names = ", ".join(map(str, out))
        told.append(f"Left out, because they do not cover the time compared: {names}.")
    if not compared.is_fair:
        told.append("They bring too much of the complaints to be left out.")
    passed = compared.is_fair and (compared.is_long or not _is_cut(compared, whole))
    return (Check("coverage", passed and not out, " ".join(told)),)


def _added(several: Iterable[ByDay]) -> dict[date, int]:
    total: dict[date, int] = defaultdict(int)
    for days in several:
        for day, count in days.items():
            total[day] += count
    return dict(total)


def _added_by_source(several: Sequence[Mapping[int, ByDay]]) -> dict[int, ByDay]:
    sources = {source for parts in several for source in parts}
    return {source: _added(parts[source] for parts in several if source in parts) for source in sources}
