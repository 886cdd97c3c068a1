"""The page of a theme: its rate over time, the releases that touched it, its quotes and its log."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from models.database import Session
from models.errors import NotFound
from models.queries import exposure, impact, overview, theme_reading, themes
from models.queries.overview import LinkedRelease
from models.records import LinkState, Theme, ThemeEvent
from models.values.ids import Prefix, public_id
from service.console.addresses import (
    counted_address,
    feedback_address,
    release_address,
    theme_address,
    verdict_address,
)
from service.console.cells import seen_themes, theme_cells
from service.console.charts import Marker, RatePoint, ThemeChart
from service.console.frame import Frame
from service.console.reach import Reach, read_reach
from service.console.silences import Silences, read_silences
from service.console.verdict_card import QuoteRow, quote_row
from service.console.verdict_row import VerdictCell, cell_of, label_of
from service.console.weeks import (
    RECENT,
    WEEK,
    Lately,
    complete_weeks,
    lately,
    weeks_between,
    without_gaps,
)
from service.console.wording import say_cell, say_span, say_value
from service.suppression import add_shown

_MOST_WEEKS: Final = 104
_QUOTES: Final = 8
_PER: Final = 1000.0

_EVENT_TEXT: Final[Mapping[str, str]] = {
    "birth": "began",
    "merge": "took in",
    "burst": "began with a sudden rise",
    "move": "took over messages of a neighbour",
    "split": "was split with",
    "rename": "was renamed",
    "pin": "was pinned",
    "dismiss": "was dismissed as noise",
    "seed": "was expected",
    "undo": "an act was undone",
    "model_changed": "changed with the encoder, mostly with",
}
_EVENT_ALONE: Final[Mapping[str, str]] = {
    "merge": "took in another theme",
    "split": "was split",
    "model_changed": "changed with the encoder",
}
"""For readers of aggregates, who may not hear of the other theme."""


@dataclass(frozen=True, slots=True)
class RateRow:
    """A week of the table behind the chart."""

    days: str
    complaints: str
    rate: str
    address: str | None


@dataclass(frozen=True, slots=True)
class LinkedRow:
    """A feature linked to the theme, with its release and what was said of it."""

    feature: str
    release: str | None
    release_address: str | None
    released_on: date | None
    confirmed: bool
    percent: int | None
    cell: VerdictCell | None


@dataclass(frozen=True, slots=True)
class LogRow:
    """A line of the theme's log."""

    on: date
    text: str
    items: int
    revision: int
    actor: str | None


@dataclass(frozen=True, slots=True)
class ThemePage:
    """All that the page of a theme shows.

    total: its counted complaints (partial: those in weeks that are shown); items: messages of every kind, None for
    readers who see no tickets.
    """

    id: str
    label: str
    keywords: tuple[str, ...]
    lately: Lately | None
    lately_address: str | None
    total: int
    total_partial: bool
    total_address: str | None
    items: int | None
    items_address: str | None
    first_on: date | None
    has_rate: bool
    rate_now: str
    weeks: tuple[RateRow, ...]
    links: tuple[LinkedRow, ...]
    quotes: tuple[QuoteRow, ...]
    log: tuple[LogRow, ...]
    chart_address: str | None
    gaps: int
    silent: tuple[str, ...]
    reach: Reach | None


def find_theme(session: Session, frame: Frame, *, theme: int) -> Theme:
    """Load a theme, or the one that stands for it today; raise `NotFound` if the reader must not hear of it."""
    row = themes.standing_theme(session, workspace=frame.workspace, theme=theme)
    seen = seen_themes(session, frame)
    if seen is not None and row.id not in seen:
        # The same words as for a theme that never was.
        raise NotFound(f"There is no theme th_{theme}.")
    return row


def read_theme(session: Session, frame: Frame, *, theme: Theme) -> ThemePage:
    """Read the page of a theme that stands today."""
    size = _size(session, frame, theme.id)
    silences = read_silences(session, frame, theme=theme.id)
    points = read_points(session, frame, theme=theme.id, silences=silences)
    recent = _lately(session, frame, theme.id, silences)
    number = public_id(Prefix.THEME, theme.id)
    return ThemePage(
        id=number,
        label=theme.label or f"theme {number}",
        keywords=tuple(theme.keywords),
        lately=recent,
        lately_address=frame.opens(_lately_address(theme.id, recent)),
        total=size.complaints,
        total_partial=size.partial,
        total_address=frame.opens(counted_address(theme=theme.id, stated=size.complaints)),
        items=size.items,
        items_address=frame.opens(feedback_address(theme=theme.id)),
        first_on=size.first,
        has_rate=_has_rate(points),
        rate_now=_rate_now(points),
        weeks=tuple(_rate_row(frame, point, theme.id) for point in reversed(points)),
        links=_links(session, frame, theme.id),
        quotes=_quotes(session, frame, theme.id),
        log=_log(session, frame, theme.id),
        chart_address=chart_address(theme.id, points),
        gaps=sum(point.silent for point in points),
        silent=silences.sources(theme.id),
        reach=read_reach(session, frame, theme=theme.id),
    )


def chart_address(theme: int, points: Sequence[RatePoint]) -> str | None:
    """Return where the chart of a theme's weeks is; None where fewer than two of them are shown."""
    known = sum(point.complaints is not None for point in points)
    return f"{theme_address(theme)}/chart.json" if known > 1 else None


def read_theme_chart(session: Session, frame: Frame, *, theme: Theme) -> ThemeChart:
    """Read the weekly chart of a theme."""
    points = read_points(session, frame, theme=theme.id)
    first = points[0].first if points else None
    marks = [
        Marker(frame.day_of(each.release.released_at), each.release.version or each.release.name)
        for each in overview.linked_releases(session, workspace=frame.workspace, theme=theme.id)
        if each.release is not None and each.link.state is LinkState.CONFIRMED
    ]
    return ThemeChart(
        title=f"Complaints about “{theme.label or public_id(Prefix.THEME, theme.id)}” by week",
        points=points,
        releases=tuple(mark for mark in dict.fromkeys(marks) if first is not None and mark.day >= first),
        has_rate=_has_rate(points),
    )


@dataclass(frozen=True, slots=True)
class _Size:
    complaints: int
    partial: bool
    items: int | None
    first: date | None


def _size(session: Session, frame: Frame, theme: int) -> _Size:
    size = overview.theme_sizes(session, workspace=frame.workspace).get(theme)
    if size is None:
        return _Size(0, False, None if frame.least else 0, None)
    if frame.least is None or frame.end is None:
        return _Size(size.complaints, False, size.items, size.first)
    mondays = complete_weeks(frame.end, weeks_between(size.first, frame.end))
    cells = theme_cells(session, frame, theme=theme, mondays=mondays)
    return _Size(add_shown(cells), None in cells, None, None)


def _lately(session: Session, frame: Frame, theme: int, silences: Silences) -> Lately | None:
    if frame.end is None:
        return None
    mondays = complete_weeks(frame.end, 2 * RECENT)
    cells = theme_cells(session, frame, theme=theme, mondays=mondays)
    return lately(cells, mondays, silences.weeks(theme, mondays))


def _quotes(session: Session, frame: Frame, theme: int) -> tuple[QuoteRow, ...]:
    if frame.least is not None:
        return ()
    found = impact.theme_quotes(session, workspace=frame.workspace, theme=theme, limit=_QUOTES)
    return tuple(quote_row(frame, quote) for quote in found)


def read_points(
    session: Session, frame: Frame, *, theme: int, silences: Silences | None = None
) -> tuple[RatePoint, ...]:
    """Return the weeks since the first ticket that are over, with the rate where every day's exposure is known.

    A week in which a source that carries the theme was silent is a gap, whatever arrived.
    """
    if frame.end is None or frame.first is None:
        return ()
    mondays = [m for m in complete_weeks(frame.end, _MOST_WEEKS) if m >= frame.first]
    silences = silences or read_silences(session, frame, theme=theme)
    missing = silences.weeks(theme, mondays)
    cells = without_gaps(theme_cells(session, frame, theme=theme, mondays=mondays), missing)
    bearers = exposure.read_exposure(session, workspace=frame.workspace)
    return tuple(
        RatePoint(monday, monday + timedelta(days=6), count, _rate(count, bearers, monday), is_gap)
        for monday, count, is_gap in zip(mondays, cells, missing, strict=True)
    )


def _rate(count: int | None, bearers: Mapping[date, float], monday: date) -> float | None:
    days = [monday + timedelta(days=i) for i in range(7)]
    exposed = sum(bearers.get(day, 0.0) for day in days)
    is_known = count is not None and exposed > 0 and all(day in bearers for day in days)
    return _PER * (count or 0) / exposed if is_known else None


def _has_rate(points: Sequence[RatePoint]) -> bool:
    """Show the rate only where it is known for nearly all weeks: a line with long holes misleads."""
    shown = [point for point in points if point.complaints is not None]
    return bool(shown) and sum(point.rate is not None for point in shown) >= 0.8 * len(shown)


def _rate_now(points: Sequence[RatePoint]) -> str:
    last = points[-RECENT:]
    if any(point.complaints is None and not point.silent for point in last):
        return "not shown"
    known = [point.rate for point in last if point.rate is not None]
    return say_value(sum(known) / len(known)) if known else "…"


def _rate_row(frame: Frame, point: RatePoint, theme: int) -> RateRow:
    address = counted_address(
        theme=theme, since=point.first, until=point.first + WEEK, stated=point.complaints
    )
    return RateRow(
        say_span(point.first, point.last),
        "gap: a source was silent" if point.silent else say_cell(point.complaints, frame.least),
        say_value(point.rate),
        frame.opens(address),
    )


def _lately_address(theme: int, recent: Lately | None) -> str:
    if recent is None:
        return feedback_address(theme=theme)
    return counted_address(theme=theme, since=recent.since, until=recent.until, stated=recent.now)


def _links(session: Session, frame: Frame, theme: int) -> tuple[LinkedRow, ...]:
    found = overview.linked_releases(session, workspace=frame.workspace, theme=theme)
    releases = [each.release.id for each in found if each.release is not None]
    lines = overview.verdict_lines(session, workspace=frame.workspace, releases=releases)
    cells = {(line.release_id, line.theme_key): cell_of(line) for line in lines}
    ordered = sorted(found, key=lambda each: each.link.state is not LinkState.CONFIRMED)
    return tuple(_linked_row(frame, each, cells) for each in ordered)


def _linked_row(frame: Frame, each: LinkedRelease, cells: Mapping[tuple[int, int], VerdictCell]) -> LinkedRow:
    release, link = each.release, each.link
    cell = None
    confirmed = link.state is LinkState.CONFIRMED
    if release is not None and confirmed:
        cell = cells.get((release.id, each.theme_id)) or cells.get((release.id, link.theme_id))
    return LinkedRow(
        feature=each.feature.title,
        release=None if release is None else release.name,
        release_address=None if release is None else _verdict_place(release.id, each),
        released_on=None if release is None else frame.day_of(release.released_at),
        confirmed=confirmed,
        percent=None if link.probability is None else round(link.probability * 100),
        cell=cell,
    )


def _verdict_place(release: int, each: LinkedRelease) -> str:
    if each.link.state is LinkState.CONFIRMED:
        return verdict_address(release, each.theme_id)
    return f"{release_address(release)}#proposed"


def _log(session: Session, frame: Frame, theme: int) -> tuple[LogRow, ...]:
    labels = overview.theme_labels(session, workspace=frame.workspace)
    events = overview.theme_log(session, workspace=frame.workspace, theme=theme)
    actors = theme_reading.actors_of(session, workspace=frame.workspace, events=events)
    return tuple(_log_row(frame, event, theme, labels, actors.get(event.act_id or 0)) for event in events)


def _log_row(
    frame: Frame, event: ThemeEvent, theme: int, labels: dict[int, str | None], actor: str | None
) -> LogRow:
    text = _EVENT_TEXT.get(event.kind, event.kind)
    if frame.least is not None or event.other_theme_id is None:
        text = _EVENT_ALONE.get(event.kind, text)
    elif event.other_theme_id is not None:
        other = event.theme_id if event.other_theme_id == theme else event.other_theme_id
        text = f"{text} “{label_of(labels, other)}” ({public_id(Prefix.THEME, other)})"
    items = event.item_count if frame.least is None else 0
    return LogRow(frame.day_of(event.at), text, items, event.revision, actor)
