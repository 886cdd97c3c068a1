"""Complaints by theme and calendar week, as the reader of a page may see them.

For readers who see aggregates only this is the one table that everything they are shown is made of, as in
`service.api.aggregates`: small weeks are hidden, and sums are sums of the weeks that are left.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from models.database import Session
from models.queries import groups, overview
from service.console.frame import Frame
from service.console.weeks import SHOWN, Cell, add_up, complete_weeks
from service.suppression import mask, may_show, may_show_total


@dataclass(frozen=True, slots=True)
class Cells:
    """Weeks that are over, by their Mondays, oldest first: each theme, and all complaints if asked for."""

    mondays: tuple[date, ...]
    themes: Mapping[int, tuple[Cell, ...]]
    totals: tuple[Cell, ...]

    def of(self, theme: int) -> tuple[Cell, ...]:
        """Return a theme's weeks; zeros for one that has no complaint in them."""
        return self.themes.get(theme, (0,) * len(self.mondays))


def seen_themes(session: Session, frame: Frame) -> frozenset[int] | None:
    """Return the themes behind which enough people stand for the reader to hear of them; None: all."""
    if frame.least is None:
        return None
    people = groups.people_by_theme(session, workspace=frame.workspace)
    return frozenset(theme for theme, count in people.items() if may_show(count, frame.least))


def sees_total(session: Session, frame: Frame) -> bool:
    """Say whether enough people complained for the reader to hear of all complaints together."""
    if frame.least is None:
        return True
    return may_show(groups.count_people(session, workspace=frame.workspace), frame.least)


def read_cells(
    session: Session, frame: Frame, *, seen: frozenset[int] | None, weeks: int = SHOWN, totals: bool = False
) -> Cells:
    """Read the last complete weeks of every theme that the reader sees, with `totals` of all complaints too."""
    if frame.end is None:
        return Cells((), {}, ())
    mondays = complete_weeks(frame.end, weeks)
    days = overview.theme_days(session, workspace=frame.workspace, since=mondays[0])
    counts = {theme: add_up(mine, mondays) for theme, mine in days.items() if seen is None or theme in seen}
    whole = _totals(session, frame, mondays) if totals else ()
    return veil(Cells(mondays, counts, whole), frame.least)


def _totals(session: Session, frame: Frame, mondays: Sequence[date]) -> tuple[Cell, ...]:
    since = frame.start_of(mondays[0])
    days = overview.complaints_by_day(session, workspace=frame.workspace, zone=frame.zone, since=since)
    return add_up(days, mondays)


def theme_cells(session: Session, frame: Frame, *, theme: int, mondays: Sequence[date]) -> tuple[Cell, ...]:
    """Read some weeks of one theme, which the reader sees."""
    if not mondays:
        return ()
    found = overview.theme_days(session, workspace=frame.workspace, since=mondays[0], theme=theme)
    return _masked(add_up(found.get(theme, {}), mondays), frame.least)


def veil(cells: Cells, least: int | None) -> Cells:
    """Hide the small weeks of every theme, and each week's total that would give one of them back."""
    if least is None:
        return cells
    return Cells(
        cells.mondays,
        {theme: _masked(counts, least) for theme, counts in cells.themes.items()},
        tuple(
            _total([counts[at] for counts in cells.themes.values()], total or 0, least)
            for at, total in enumerate(cells.totals)
        ),
    )


def _masked(counts: Sequence[Cell], least: int | None) -> tuple[Cell, ...]:
    return tuple(count if count is None or least is None else mask(count, least) for count in counts)


def _total(parts: Sequence[Cell], total: int, least: int) -> Cell:
    return total if may_show_total(total, [part or 0 for part in parts], least) else None
