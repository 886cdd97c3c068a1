"""The page of a theme: its rate over time, the releases that touched it, its quotes and its log."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from models.database import Session
from models.queries import exposure, impact, overview, themes
from models.queries.overview import LinkedRelease
from models.records import LinkState, Theme, ThemeEvent
from models.values.ids import Prefix, public_id
from service.console.addresses import counted_address, feedback_address, release_address, verdict_address
from service.console.charts import Marker, RatePoint, ThemeChart
from service.console.frame import Frame
from service.console.verdict_card import QuoteRow, quote_row
from service.console.verdict_row import VerdictCell, cell_of, label_of
from service.console.weeks import WEEK, Lately, add_up, complete_weeks, lately
from service.console.wording import say_span, say_value

_MOST_WEEKS: Final = 104
_QUOTES: Final = 8
_PER: Final = 1000.0

_EVENT_TEXT: Final[Mapping[str, str]] = {
    "birth": "began",
    "merge": "took in",
    "burst": "began with a sudden rise",
    "move": "took over messages of a neighbour",
}


@dataclass(frozen=True, slots=True)
class RateRow:
    """A week of the table behind the chart."""

    days: str
    complaints: int
    rate: str
    address: str


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


@dataclass(frozen=True, slots=True)
class ThemePage:
    """All that the page of a theme shows."""

    id: str
    label: str
    keywords: tuple[str, ...]
    lately: Lately | None
    lately_address: str
    total: int
    total_address: str
    items: int
    items_address: str
    first_on: date | None
    has_rate: bool
    rate_now: str
    weeks: tuple[RateRow, ...]
    links: tuple[LinkedRow, ...]
    quotes: tuple[QuoteRow, ...]
    log: tuple[LogRow, ...]
    chart_address: str | None


def find_theme(session: Session, frame: Frame, *, theme: int) -> Theme:
    """Load a theme, or the one that stands for it today; raise `NotFound` for one that never was."""
    row = themes.get_theme(session, workspace=frame.workspace, theme=theme)
    if row.redirect_id is None:
        return row
    return themes.get_theme(session, workspace=frame.workspace, theme=row.redirect_id)


def read_theme(session: Session, frame: Frame, *, theme: Theme) -> ThemePage:
    """Read the page of a theme that stands today."""
    size = overview.theme_sizes(session, workspace=frame.workspace).get(theme.id)
    points = _points(session, frame, theme.id)
    days = _days(session, frame, theme.id)
    recent = lately(days, frame.end) if frame.end else None
    number = public_id(Prefix.THEME, theme.id)
    quotes = impact.theme_quotes(session, workspace=frame.workspace, theme=theme.id, limit=_QUOTES)
    return ThemePage(
        id=number,
        label=theme.label or f"theme {number}",
        keywords=tuple(theme.keywords),
        lately=recent,
        lately_address=_lately_address(theme.id, recent),
        total=size.complaints if size else 0,
        total_address=counted_address(theme=theme.id, stated=size.complaints if size else 0),
        items=size.items if size else 0,
        items_address=feedback_address(theme=theme.id),
        first_on=size.first if size else None,
        has_rate=_has_rate(points),
        rate_now=_rate_now(points),
        weeks=tuple(_rate_row(point, theme.id) for point in reversed(points)),
        links=_links(session, frame, theme.id),
        quotes=tuple(quote_row(frame, quote) for quote in quotes),
        log=_log(session, frame, theme.id),
        chart_address=f"/themes/{number}/chart.json" if len(points) > 1 else None,
    )


def read_theme_chart(session: Session, frame: Frame, *, theme: Theme) -> ThemeChart:
    """Read the weekly chart of a theme."""
    points = _points(session, frame, theme.id)
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


def _days(session: Session, frame: Frame, theme: int) -> dict[date, int]:
    if frame.end is None:
        return {}
    since = complete_weeks(frame.end, _MOST_WEEKS)[0]
    found = overview.theme_days(session, workspace=frame.workspace, since=since, theme=theme)
    return found.get(theme, {})


def _points(session: Session, frame: Frame, theme: int) -> tuple[RatePoint, ...]:
    """Return the complete weeks since the first ticket, with the rate where every day's exposure is known."""
    if frame.end is None or frame.first is None:
        return ()
    mondays = [m for m in complete_weeks(frame.end, _MOST_WEEKS) if m >= frame.first]
    counts = add_up(_days(session, frame, theme), mondays)
    bearers = exposure.read_exposure(session, workspace=frame.workspace)
    return tuple(
        RatePoint(monday, monday + timedelta(days=6), int(count), _rate(count, bearers, monday))
        for monday, count in zip(mondays, counts, strict=True)
    )


def _rate(count: float, bearers: Mapping[date, float], monday: date) -> float | None:
    days = [monday + timedelta(days=i) for i in range(7)]
    exposed = sum(bearers.get(day, 0.0) for day in days)
    return _PER * count / exposed if exposed > 0 and all(day in bearers for day in days) else None


def _has_rate(points: tuple[RatePoint, ...]) -> bool:
    """Show the rate only where it is known for nearly all weeks: a line with long holes misleads."""
    return bool(points) and sum(point.rate is not None for point in points) >= 0.8 * len(points)


def _rate_now(points: tuple[RatePoint, ...]) -> str:
    known = [point.rate for point in points[-4:] if point.rate is not None]
    return say_value(sum(known) / len(known)) if known else "…"


def _rate_row(point: RatePoint, theme: int) -> RateRow:
    address = counted_address(
        theme=theme, since=point.first, until=point.first + WEEK, stated=point.complaints
    )
    return RateRow(say_span(point.first, point.last), point.complaints, say_value(point.rate), address)


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
    return tuple(
        _log_row(frame, event, theme, labels)
        for event in overview.theme_log(session, workspace=frame.workspace, theme=theme)
    )


def _log_row(frame: Frame, event: ThemeEvent, theme: int, labels: dict[int, str | None]) -> LogRow:
    text = _EVENT_TEXT.get(event.kind, event.kind)
    if event.other_theme_id is not None:
        other = event.theme_id if event.other_theme_id == theme else event.other_theme_id
        text = f"{text} “{label_of(labels, other)}” ({public_id(Prefix.THEME, other)})"
    return LogRow(frame.day_of(event.at), text, event.item_count, event.revision)
