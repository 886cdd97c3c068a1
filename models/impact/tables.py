"""Read series from csv or parquet, one at a time, and say exactly what is wrong with a bad file."""

from collections.abc import Iterator
from itertools import islice
from operator import itemgetter
from pathlib import Path
from random import Random

from models.impact.blocks import Odd
from models.impact.columns import quick_series
from models.impact.named import NamedSeries
from models.impact.rows import exact_series

__all__ = ["NamedSeries", "placed_series", "read_series", "sample_series"]

_SEED = 20_260_131


def read_series(path: Path) -> Iterator[NamedSeries]:
    """Yield the series of a csv or parquet file in file order; a missing period is a gap, an empty count too.

    Columns: series_id, date (first day of its day, week or month), count, release_date and, if known,
    exposure and control_count; others are ignored. A block of rows, one series and all ids are held. Raises
    Invalid that names file, line, field and fix, at the first fault in file order. Lines count from 1 with the
    header, rows of a parquet file from 1.
    """
    return (item for item, _ in placed_series(path))


def placed_series(path: Path) -> Iterator[tuple[NamedSeries, float]]:
    """Yield what `read_series` does, each series with the share of the file read by its end, in (0, 1]."""
    given = 0
    try:
        for placed in quick_series(path):
            given += 1
            yield placed
    except Odd:
        yield from islice(exact_series(path), given, None)


def sample_series(path: Path, most: int) -> list[NamedSeries]:
    """Read a file once and keep at most `most` of its series, in file order, each as likely as any other.

    A reservoir (Vitter 1985, algorithm R) with a fixed seed: the same file gives the same sample, and no more
    than `most` series are held. Raises Invalid as `read_series` does, ValueError for `most` below 1.
    """
    if most < 1:
        raise ValueError(f"most must be at least 1, not {most}")
    draw = Random(_SEED)
    kept: list[tuple[int, NamedSeries]] = []
    for number, item in enumerate(read_series(path)):
        if number < most:
            kept.append((number, item))
        elif (place := draw.randrange(number + 1)) < most:
            kept[place] = (number, item)
    return [item for _, item in sorted(kept, key=itemgetter(0))]
