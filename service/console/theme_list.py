"""The list of themes: what people complain about, how much of it lately, and what was done about it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from models.database import Session
from models.queries import overview, themes
from models.records import LinkState, Theme
from service.console import sparks
from service.console.addresses import counted_address, theme_address
from service.console.cells import Cells, read_cells
from service.console.frame import Frame
from service.console.silences import Silences, read_silences
from service.console.verdict_row import VerdictCell, cell_of
from service.console.weeks import Lately, lately, weeks_between, without_gaps
from service.suppression import add_shown


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

    total, total_address: all its counted complaints (partial: those in weeks that are shown); first_on: day of the
    first message; cell: the newest verdict of a release with a confirmed link to it, None where no release was;
    release: that release's name; gaps: how many of its 26 weeks are not complete, because a source was silent.
    """

    id: int
    label: str
    address: str
    keywords: tuple[str, ...]
    lately: Lately
    lately_address: str | None
    total: int
    total_partial: bool
    total_address: str | None
    first_on: date
    spark: sparks.Spark | None
    gaps: int
    cell: VerdictCell | None
    release: str | None


def read_theme_rows(
    session: Session,
    frame: Frame,
    *,
    sort: Sort = Sort.VOLUME,
    words: str = "",
    seen: frozenset[int] | None = None,
    cells: Cells | None = None,
    silences: Silences | None = None,
) -> list[ThemeRow]:
    """Read the themes that stand today and hold something, in the order asked for.

    seen: those the reader may hear of, None: all; cells, silences: the last weeks and what is incomplete, where they
    were read already.
    """
    if frame.end is None:
        return []
    cells = cells or read_cells(session, frame, seen=seen)
    silences = silences or read_silences(session, frame)
    sizes = _sizes(session, frame, seen)
    verdicts = _newest_verdicts(session, frame)
    wanted = words.casefold().split()
    rows = []
    for theme in themes.active_themes(session, workspace=frame.workspace):
        if theme.id in sizes and _matches(theme, wanted):
            cell, release = verdicts.get(theme.id, (None, None))
            missing = silences.weeks(theme.id, cells.mondays)
            rows.append(_row(frame, theme, sizes[theme.id], cells, missing, cell, release))
    return sorted(rows, key=_ORDER[sort])


def read_expected(session: Session, frame: Frame) -> tuple[tuple[str, str], ...]:
    """List the themes that stand and hold nothing yet, for a person expects them: address and label."""
    sizes = overview.theme_sizes(session, workspace=frame.workspace)
    found = themes.active_themes(session, workspace=frame.workspace)
    return tuple(
        (theme_address(row.id), row.label or "") for row in found if row.pinned and row.id not in sizes
    )


@dataclass(frozen=True, slots=True)
class _Size:
    complaints: int
    partial: bool
    first: date


def _sizes(session: Session, frame: Frame, seen: frozenset[int] | None) -> dict[int, _Size]:
    """Return what each theme holds: all of it, or for readers of aggregates the sum of the weeks they are shown."""
    found = overview.theme_sizes(session, workspace=frame.workspace)
    if seen is None or frame.end is None:
        return {theme: _Size(size.complaints, False, size.first) for theme, size in found.items()}
    first = min((size.first for size in found.values()), default=frame.end)
    cells = read_cells(session, frame, seen=seen, weeks=weeks_between(first, frame.end))
    return {
        theme: _Size(add_shown(cells.of(theme)), None in cells.of(theme), size.first)
        for theme, size in found.items()
        if theme in seen
    }


def _matches(theme: Theme, words: list[str]) -> bool:
    text = " ".join([theme.label or "", *theme.keywords]).casefold()
    return all(word in text for word in words)


def _row(
    frame: Frame,
    theme: Theme,
    size: _Size,
    cells: Cells,
    missing: Sequence[bool],
    cell: VerdictCell | None,
    release: str | None,
) -> ThemeRow:
    mine = cells.of(theme.id)
    recent = lately(mine, cells.mondays, missing)
    return ThemeRow(
        id=theme.id,
        label=theme.label or f"theme th_{theme.id}",
        address=theme_address(theme.id),
        keywords=tuple(theme.keywords[:6]),
        lately=recent,
        lately_address=frame.opens(
            counted_address(theme=theme.id, since=recent.since, until=recent.until, stated=recent.now)
        ),
        total=size.complaints,
        total_partial=size.partial,
        total_address=frame.opens(counted_address(theme=theme.id, stated=size.complaints)),
        first_on=size.first,
        spark=sparks.sparkline(without_gaps(mine, missing)),
        gaps=sum(missing),
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
    if row.lately.gaps:
        return (0.0, -row.lately.now)  # nothing is known of its change
    return (-(ratio if ratio is not None else float(row.lately.now > 0) * 1e9), -row.lately.now)


_ORDER: Final[dict[Sort, Callable[[ThemeRow], tuple[object, ...]]]] = {
    Sort.VOLUME: lambda row: (-row.lately.now, -row.total, row.id),
    Sort.CHANGE: _by_change,
    Sort.TOTAL: lambda row: (-row.total, row.id),
    Sort.NEW: lambda row: (-row.first_on.toordinal(), row.id),
    Sort.NAME: lambda row: (row.label.casefold(), row.id),
}
