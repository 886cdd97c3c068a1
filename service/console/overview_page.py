"""The overview: which bets worked, what hurts most, what can be known next."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from models.database import Session
from models.queries import overview, products, themes
from models.records import Release
from models.values.ids import Prefix, public_id
from models.values.verdicts import Word
from service.console import key_results, sparks
from service.console.addresses import counted_address, release_address
from service.console.cells import Cells, read_cells, seen_themes
from service.console.frame import Frame
from service.console.key_results import KeyResultRow
from service.console.sentences import WORD_LABEL
from service.console.silences import read_silences
from service.console.theme_list import ThemeRow, read_theme_rows
from service.console.verdict_row import ReleaseRow, rows_of, shorten
from service.console.weeks import RECENT, WEEK, Lately, lately
from service.console.wording import say_cell, say_span

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
    """A week of all complaints: the bar, its words, the tickets behind it; `recent`: of the last four.

    address: None for readers who see no tickets; hidden: the number is not shown to them; gap: the week is not
    complete, because a source was silent, and has no bar.
    """

    bar: sparks.Bar
    text: str
    address: str | None
    recent: bool
    hidden: bool
    gap: bool


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
    """A source: what it holds, since when it is silent (None: it is not), and when it was given up."""

    id: str
    name: str
    kind: str
    items: int
    last_on: date | None
    silent_days: int | None
    rejected: int
    retired_on: date | None


@dataclass(frozen=True, slots=True)
class OverviewPage:
    """All that the overview shows; `lately` and the lists are empty before the first ticket.

    gaps: how many bars are gaps, silent: the sources behind them; sources: None for readers who see no tickets.
    """

    lately: Lately | None
    lately_address: str | None
    bars: tuple[WeekBar, ...]
    top_week: int
    gaps: int
    silent: tuple[str, ...]
    first_week: date | None
    tallies: tuple[Tally, ...]
    rows: list[ReleaseRow]
    themes: list[ThemeRow]
    theme_total: int
    looks: list[LookRow]
    key_results: list[KeyResultRow]
    sources: list[SourceRow] | None


def read_overview(session: Session, frame: Frame) -> OverviewPage:
    """Read the overview."""
    releases = products.list_releases(session, workspace=frame.workspace, limit=_RECENT_RELEASES)
    seen = seen_themes(session, frame)
    cells = read_cells(session, frame, seen=seen, totals=True)
    rows = read_release_rows(session, frame, releases, seen=seen)
    silences = read_silences(session, frame)
    found = read_theme_rows(session, frame, seen=seen, cells=cells, silences=silences)
    missing = silences.weeks(None, cells.mondays)
    recent = lately(cells.totals, cells.mondays, missing) if cells.mondays else None
    bars, top = _bars(cells, frame, missing)
    return OverviewPage(
        lately=recent,
        lately_address=frame.opens(_lately_address(recent)),
        bars=bars,
        top_week=top,
        gaps=sum(bar.gap for bar in bars),
        silent=silences.sources(None),
        first_week=cells.mondays[0] if cells.mondays else None,
        tallies=_tallies(rows),
        rows=shorten(rows, THEMES_OF_RELEASE),
        themes=found[:_TOP_THEMES],
        theme_total=len(found),
        looks=_looks(session, frame),
        key_results=key_results.read_key_results(session, frame),
        sources=_sources(session, frame) if frame.least is None else None,
    )


def read_release_rows(
    session: Session, frame: Frame, releases: list[Release], *, seen: frozenset[int] | None
) -> list[ReleaseRow]:
    """Read the table of some releases with their verdicts; seen: themes the reader may hear of, None: all."""
    numbers = [release.id for release in releases]
    return rows_of(
        frame,
        releases,
        overview.linked_releases(session, workspace=frame.workspace, releases=numbers),
        overview.verdict_lines(session, workspace=frame.workspace, releases=numbers),
        overview.theme_labels(session, workspace=frame.workspace),
        themes.redirects(session, workspace=frame.workspace),
        seen,
    )


def _lately_address(recent: Lately | None) -> str:
    if recent is None:
        return "/feedback"
    return counted_address(theme=None, since=recent.since, until=recent.until, stated=recent.now)


def _bars(cells: Cells, frame: Frame, missing: Sequence[bool]) -> tuple[tuple[WeekBar, ...], int]:
    if not cells.mondays or frame.first is None:
        return (), 0
    # Weeks before the first ticket hold no data; they were not quiet.
    first = frame.first
    weeks = [
        (monday, total, is_gap)
        for monday, total, is_gap in zip(cells.mondays, cells.totals, missing, strict=True)
        if monday + WEEK > first
    ]
    heights = [None if is_gap else total for _, total, is_gap in weeks]
    shapes = sparks.bars(heights, width=BARS_WIDTH, height=BARS_HEIGHT)
    recent = cells.mondays[-RECENT]
    bars = [
        WeekBar(
            bar=shape,
            text=_bar_text(monday, total, frame, is_gap=is_gap),
            address=frame.opens(counted_address(theme=None, since=monday, until=monday + WEEK, stated=total)),
            recent=monday >= recent,
            hidden=total is None and not is_gap,
            gap=is_gap,
        )
        for (monday, total, is_gap), shape in zip(weeks, shapes, strict=True)
    ]
    return tuple(bars), max(height or 0 for height in heights)


def _bar_text(monday: date, total: int | None, frame: Frame, *, is_gap: bool) -> str:
    days, count = say_span(monday, monday + timedelta(days=6)), say_cell(total, frame.least)
    if is_gap:
        return f"{days}: a gap, a source was silent; {count} complaints arrived all the same"
    return f"{days}: {count} complaints"


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
                id=public_id(Prefix.SOURCE, source.id),
                name=source.name,
                kind=source.kind,
                items=source.items,
                last_on=None if at is None else frame.day_of(at),
                silent_days=silence.days if silence is not None and silence > _SILENT_AFTER else None,
                rejected=source.rejected,
                retired_on=None if source.retired_at is None else frame.day_of(source.retired_at),
            )
        )
    return rows
