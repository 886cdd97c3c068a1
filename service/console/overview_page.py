"""The overview: which bets worked, what hurts most, what can be known next."""

from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from models.database import Session
from models.queries import overview, products, themes
from models.records import Release
from models.values.verdicts import Word
from service.console import key_results, sparks
from service.console.addresses import counted_address, release_address
from service.console.frame import Frame
from service.console.key_results import KeyResultRow
from service.console.sentences import WORD_LABEL
from service.console.theme_list import ThemeRow, read_theme_rows
from service.console.verdict_row import ReleaseRow, rows_of, shorten
from service.console.weeks import SHOWN, WEEK, Lately, add_up, complete_weeks, lately
from service.console.wording import say_count, say_span

_RECENT_RELEASES: Final = 10
_TOP_THEMES: Final = 8
_LOOKS: Final = 6
THEMES_OF_RELEASE: Final = 3
"""How many themes of a release its lists show; its own page shows them all."""
_SILENT_AFTER: Final = timedelta(days=3)
BARS_WIDTH: Final = 720
BARS_HEIGHT: Final = 84


@dataclass(frozen=True, slots=True)
class WeekBar:
    """A week of all complaints: the bar, its words, the tickets behind it; `recent`: of the last four."""

    bar: sparks.Bar
    text: str
    address: str
    recent: bool


@dataclass(frozen=True, slots=True)
class Tally:
    """How often a word was said of the releases shown."""

    word: str
    label: str
    count: int


@dataclass(frozen=True, slots=True)
class LookRow:
    """A reading that is planned."""

    release: str
    version: str | None
    address: str
    number: int
    due_on: date
    days_left: int


@dataclass(frozen=True, slots=True)
class SourceRow:
    """A source: what it holds and since when it is silent (None: it is not)."""

    name: str
    kind: str
    items: int
    last_on: date | None
    silent_days: int | None
    rejected: int


@dataclass(frozen=True, slots=True)
class OverviewPage:
    """All that the overview shows; `lately` and the lists are empty before the first ticket."""

    lately: Lately | None
    lately_address: str
    bars: tuple[WeekBar, ...]
    top_week: int
    first_week: date | None
    tallies: tuple[Tally, ...]
    rows: list[ReleaseRow]
    themes: list[ThemeRow]
    theme_total: int
    looks: list[LookRow]
    key_results: list[KeyResultRow]
    sources: list[SourceRow]


def read_overview(session: Session, frame: Frame) -> OverviewPage:
    """Read the overview."""
    releases = products.list_releases(session, workspace=frame.workspace, limit=_RECENT_RELEASES)
    rows = read_release_rows(session, frame, releases)
    found = read_theme_rows(session, frame)
    days = _days(session, frame)
    recent = lately(days, frame.end) if frame.end else None
    bars, top = _bars(days, frame)
    return OverviewPage(
        lately=recent,
        lately_address=_lately_address(recent),
        bars=bars,
        top_week=top,
        first_week=complete_weeks(frame.end, SHOWN)[0] if frame.end else None,
        tallies=_tallies(rows),
        rows=shorten(rows, THEMES_OF_RELEASE),
        themes=found[:_TOP_THEMES],
        theme_total=len(found),
        looks=_looks(session, frame),
        key_results=key_results.read_key_results(session, frame),
        sources=_sources(session, frame),
    )


def read_release_rows(session: Session, frame: Frame, releases: list[Release]) -> list[ReleaseRow]:
    """Read the table of some releases with their verdicts."""
    numbers = [release.id for release in releases]
    return rows_of(
        frame,
        releases,
        overview.linked_releases(session, workspace=frame.workspace, releases=numbers),
        overview.verdict_lines(session, workspace=frame.workspace, releases=numbers),
        overview.theme_labels(session, workspace=frame.workspace),
        themes.redirects(session, workspace=frame.workspace),
    )


def _days(session: Session, frame: Frame) -> dict[date, int]:
    if frame.end is None:
        return {}
    since = frame.start_of(complete_weeks(frame.end, SHOWN)[0])
    return overview.complaints_by_day(session, workspace=frame.workspace, zone=frame.zone, since=since)


def _lately_address(recent: Lately | None) -> str:
    if recent is None:
        return "/feedback"
    return counted_address(theme=None, since=recent.since, until=recent.until, stated=recent.now)


def _bars(days: dict[date, int], frame: Frame) -> tuple[tuple[WeekBar, ...], int]:
    if frame.end is None or frame.first is None:
        return (), 0
    # Weeks before the first ticket hold no data; they were not quiet.
    mondays = [monday for monday in complete_weeks(frame.end, SHOWN) if monday + WEEK > frame.first]
    sums = add_up(days, mondays)
    shapes = sparks.bars(sums, width=BARS_WIDTH, height=BARS_HEIGHT)
    recent = lately(days, frame.end).since
    bars = [
        WeekBar(
            bar=shape,
            text=f"{say_span(monday, monday + timedelta(days=6))}: {say_count(total)} complaints",
            address=counted_address(theme=None, since=monday, until=monday + WEEK, stated=total),
            recent=monday >= recent,
        )
        for monday, total, shape in zip(mondays, sums, shapes, strict=True)
    ]
    return tuple(bars), int(max(sums))


def _tallies(rows: list[ReleaseRow]) -> tuple[Tally, ...]:
    counts = Counter(row.cell.word for row in rows if row.cell is not None)
    return tuple(Tally(word.value, WORD_LABEL[word], counts[word.value]) for word in Word)


def _looks(session: Session, frame: Frame) -> list[LookRow]:
    planned = overview.next_looks(session, workspace=frame.workspace, now=frame.now, limit=_LOOKS)
    today = frame.day_of(frame.now)
    return [
        LookRow(
            release=look.release.name,
            version=look.release.version,
            address=release_address(look.release.id),
            number=look.number,
            due_on=frame.day_of(look.due_at),
            days_left=(frame.day_of(look.due_at) - today).days,
        )
        for look in planned
    ]


def _sources(session: Session, frame: Frame) -> list[SourceRow]:
    rows = []
    for source in overview.source_states(session, workspace=frame.workspace):
        at = source.last_delivery_at
        silence = None if at is None else frame.now - at
        rows.append(
            SourceRow(
                name=source.name,
                kind=source.kind,
                items=source.items,
                last_on=None if at is None else frame.day_of(at),
                silent_days=silence.days if silence is not None and silence > _SILENT_AFTER else None,
                rejected=source.rejected,
            )
        )
    return rows
