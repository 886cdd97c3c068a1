"""The list of themes: what people complain about, how much of it lately, and what was done about it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from models.database import Session
from models.queries import overview, themes
from models.queries.overview import ThemeSize
from models.records import LinkState, Theme
from service.console import sparks
from service.console.addresses import counted_address, theme_address
from service.console.frame import Frame
from service.console.verdict_row import VerdictCell, cell_of
from service.console.weeks import SHOWN, Lately, add_up, complete_weeks, lately


class Sort(StrEnum):
    """How the list is ordered."""

    VOLUME = "volume"
    CHANGE = "change"
    TOTAL = "total"
    NEW = "new"
    NAME = "name"


@dataclass(frozen=True, slots=True)
class ThemeRow:
    """One theme in the list.

    total, total_address: all its counted complaints; first_on: day of the first message; cell: the newest verdict
    of a release with a confirmed link to it, None where no release was; release: that release's name.
    """

    id: int
    label: str
    address: str
    keywords: tuple[str, ...]
    lately: Lately
    lately_address: str
    total: int
    total_address: str
    first_on: date
    spark: sparks.Spark | None
    cell: VerdictCell | None
    release: str | None


def read_theme_rows(
    session: Session, frame: Frame, *, sort: Sort = Sort.VOLUME, words: str = ""
) -> list[ThemeRow]:
    """Read the themes that stand today and hold something, in the order asked for."""
    if frame.end is None:
        return []
    mondays = complete_weeks(frame.end, SHOWN)
    days = overview.theme_days(session, workspace=frame.workspace, since=mondays[0])
    sizes = overview.theme_sizes(session, workspace=frame.workspace)
    verdicts = _newest_verdicts(session, frame)
    wanted = words.casefold().split()
    rows = []
    for theme in themes.active_themes(session, workspace=frame.workspace):
        if theme.id in sizes and _matches(theme, wanted):
            mine = days.get(theme.id, {})
            cell, release = verdicts.get(theme.id, (None, None))
            rows.append(_row(frame, theme, sizes[theme.id], mine, mondays, cell, release))
    return sorted(rows, key=_ORDER[sort])


def _matches(theme: Theme, words: list[str]) -> bool:
    text = " ".join([theme.label or "", *theme.keywords]).casefold()
    return all(word in text for word in words)


def _row(
    frame: Frame,
    theme: Theme,
    size: ThemeSize,
    days: dict[date, int],
    mondays: tuple[date, ...],
    cell: VerdictCell | None,
    release: str | None,
) -> ThemeRow:
    assert frame.end is not None
    recent = lately(days, frame.end)
    return ThemeRow(
        id=theme.id,
        label=theme.label or f"theme th_{theme.id}",
        address=theme_address(theme.id),
        keywords=tuple(theme.keywords[:6]),
        lately=recent,
        lately_address=counted_address(
            theme=theme.id, since=recent.since, until=recent.until, stated=recent.now
        ),
        total=size.complaints,
        total_address=counted_address(theme=theme.id, stated=size.complaints),
        first_on=size.first,
        spark=sparks.sparkline(add_up(days, mondays)),
        cell=cell,
        release=release,
    )


def _newest_verdicts(session: Session, frame: Frame) -> dict[int, tuple[VerdictCell | None, str | None]]:
    """Map themes to the verdict on their newest release with a confirmed link, and that release's name."""
    links = overview.linked_releases(session, workspace=frame.workspace)
    lines = {
        (line.release_id, line.theme_key): line
        for line in overview.verdict_lines(session, workspace=frame.workspace)
    }
    found: dict[int, tuple[VerdictCell | None, str | None]] = {}
    for each in links:
        if each.release is not None and each.link.state is LinkState.CONFIRMED:
            line = lines.get((each.release.id, each.theme_id)) or lines.get(
                (each.release.id, each.link.theme_id)
            )
            found[each.theme_id] = (
                cell_of(line) if line else None,
                each.release.version or each.release.name,
            )
    return found


def _by_change(row: ThemeRow) -> tuple[float, int]:
    ratio = row.lately.ratio
    return (-(ratio if ratio is not None else float(row.lately.now > 0) * 1e9), -row.lately.now)


_ORDER: Final[dict[Sort, Callable[[ThemeRow], tuple[object, ...]]]] = {
    Sort.VOLUME: lambda row: (-row.lately.now, -row.total, row.id),
    Sort.CHANGE: _by_change,
    Sort.TOTAL: lambda row: (-row.total, row.id),
    Sort.NEW: lambda row: (-row.first_on.toordinal(), row.id),
    Sort.NAME: lambda row: (row.label.casefold(), row.id),
}
