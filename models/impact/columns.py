"""Read series in blocks of columns: fast, for files in the usual forms; all else is left to `rows`."""

import csv
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import pyarrow
import pyarrow.compute

from models.impact.blocks import Block, Odd, blocks
from models.impact.named import EPOCH, FIRST_YEAR, LARGEST, LAST_YEAR, Ints, NamedSeries, assemble
from models.values.series import Floats

_FIRST_DAY: Final = date(FIRST_YEAR, 1, 1).toordinal() - EPOCH
_LAST_DAY: Final = date(LAST_YEAR, 12, 31).toordinal() - EPOCH
_DAY, _RELEASE, _COUNT, _EXPOSURE, _CONTROL = range(5)
_ISO_LENGTH: Final = len("2026-01-31")
_SOME_DAY: Final = "2026-01-31"


class _Runs(NamedTuple):
    """Rows in file order, cut where the series id changes.

    names: id of each run; starts: (runs,) its first row; table: (5, rows) days since 1970 of date and release,
    count, exposure, control, the last three nan for a gap.
    """

    names: list[str]
    starts: Ints
    table: Floats


def quick_series(path: Path) -> Iterator[tuple[NamedSeries, float]]:
    """Yield the series of a csv or parquet file, each with the share of the file read by then.

    A block is held at a time, the series that it does not finish, and all ids. Raises Odd at anything unusual,
    valid or not; what was yielded before is right.
    """
    done: set[str] = set()
    held: _Runs | None = None
    try:
        for block in blocks(path):
            new = _runs(block)
            runs = new if held is None else _joined(held, new)
            _check(runs)
            size, a_row = runs.table.shape[1], (block.after - block.before) / new.table.shape[1]
            for name, first, end in zip(runs.names[:-1], runs.starts[:-1], runs.starts[1:], strict=True):
                yield _named(name, runs.table[:, first:end], done), block.after - (size - int(end)) * a_row
            last = int(runs.starts[-1])
            held = _Runs(runs.names[-1:], np.zeros(1, dtype=np.int64), runs.table[:, last:].copy())
        if held is not None:
            yield _named(held.names[0], held.table, done), 1.0
    except (pyarrow.ArrowException, OSError, UnicodeError, csv.Error) as error:
        raise Odd from error


def _runs(block: Block) -> _Runs:
    columns = block.columns
    names, starts = _ids(columns["series_id"])
    absent = np.full(len(columns["series_id"]), np.nan)
    dates = [_days(columns[name]) for name in ("date", "release_date")]
    numbers = [
        _numbers(columns[name]) if name in columns else absent
        for name in ("count", "exposure", "control_count")
    ]
    return _Runs(names, starts, np.stack([*dates, *numbers]))


def _joined(held: _Runs, new: _Runs) -> _Runs:
    """Put the rows of an unfinished series before the next block."""
    same = int(held.names[0] == new.names[0])
    starts = np.concatenate([held.starts, new.starts[same:] + held.table.shape[1]])
    return _Runs(held.names + new.names[same:], starts, np.hstack([held.table, new.table]))


def _check(runs: _Runs) -> None:
    """Make sure that numbers are counts, dates rise within a series, and it has one release."""
    dates, numbers = runs.table[:_COUNT], runs.table[_COUNT:]
    if not np.all((dates >= _FIRST_DAY) & (dates <= _LAST_DAY)):
        raise Odd
    if np.any(numbers < 0) or np.any(numbers > LARGEST):
        raise Odd
    within = np.ones(dates.shape[1], dtype=bool)
    within[runs.starts] = False
    steps = np.diff(dates, axis=1)[:, within[1:]]
    if np.any(steps[_DAY] <= 0) or np.any(steps[_RELEASE] != 0):
        raise Odd


def _named(name: str, table: Floats, done: set[str]) -> NamedSeries:
    if name in done:
        raise Odd
    done.add(name)
    release = date.fromordinal(EPOCH + int(table[_RELEASE, 0]))
    days = table[_DAY].astype(np.int64)
    found = assemble(name, release, days, table[_COUNT], table[_EXPOSURE], table[_CONTROL])
    if found is None:
        raise Odd
    return found


def _ids(column: "pyarrow.Array") -> tuple[list[str], Ints]:
    """Give the id of each run of rows, as text without spaces around it, and the run's first row."""
    column = _decoded(column)
    changed = pyarrow.compute.not_equal(column[1:], column[:-1]).fill_null(True)
    starts = np.flatnonzero(np.append(True, changed.to_numpy(zero_copy_only=False)))
    names = ["" if value is None else str(value).strip() for value in column.take(starts).to_pylist()]
    if not all(names):
        raise Odd
    new = [i for i, name in enumerate(names) if i == 0 or name != names[i - 1]]
    return [names[i] for i in new], starts[new].astype(np.int64)


def _days(column: "pyarrow.Array") -> Floats:
    """Give days since 1970-01-01 (n,), in the column's own time zone."""
    column = _decoded(column)
    types, kind = pyarrow.types, column.type
    if column.null_count:
        raise Odd
    if _is_text(kind):
        column = _iso_days(column)
    elif types.is_timestamp(kind) and kind.tz is not None:
        column = pyarrow.compute.local_timestamp(column)
    elif not (types.is_date(kind) or types.is_timestamp(kind)):
        raise Odd
    days: Floats = column.to_numpy(zero_copy_only=False).astype("datetime64[D]").astype(np.float64)
    return days


def _iso_days(column: "pyarrow.Array") -> "pyarrow.Array":
    """Read ISO dates; a time of day may follow, and is checked but not used."""
    text = pyarrow.compute.ascii_trim_whitespace(column)
    for time in pyarrow.compute.utf8_slice_codeunits(text, _ISO_LENGTH).unique().to_pylist():
        try:
            moment = datetime.fromisoformat(_SOME_DAY + time)
        except ValueError as error:
            raise Odd from error
        if moment.date().isoformat() != _SOME_DAY:
            raise Odd
    return pyarrow.compute.utf8_slice_codeunits(text, 0, _ISO_LENGTH).cast(pyarrow.date32())


def _numbers(column: "pyarrow.Array") -> Floats:
    """Give numbers (n,), nan for a gap: a null, an empty text, or a floating nan."""
    column = _decoded(column)
    types, kind = pyarrow.types, column.type
    if _is_text(kind) or types.is_decimal(kind):
        column = _numbers_of_text(column.cast(pyarrow.string()))
    elif not (types.is_integer(kind) or types.is_floating(kind) or types.is_null(kind)):
        raise Odd
    numbers: Floats = column.cast(pyarrow.float64()).to_numpy(zero_copy_only=False)
    return numbers


def _numbers_of_text(column: "pyarrow.Array") -> "pyarrow.Array":
    text = pyarrow.compute.ascii_trim_whitespace(column)
    empty = pyarrow.compute.equal(text, "")
    numbers = pyarrow.compute.if_else(empty, pyarrow.scalar(None, pyarrow.string()), text).cast(
        pyarrow.float64()
    )
    if pyarrow.compute.any(pyarrow.compute.is_nan(numbers)).as_py():
        raise Odd
    return numbers


def _decoded(column: "pyarrow.Array") -> "pyarrow.Array":
    return column.dictionary_decode() if pyarrow.types.is_dictionary(column.type) else column


def _is_text(kind: "pyarrow.DataType") -> bool:
    types = pyarrow.types
    return bool(types.is_string(kind) or types.is_large_string(kind))
