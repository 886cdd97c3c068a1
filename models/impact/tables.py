"""Read series from csv or parquet, one at a time, and say exactly what is wrong with a bad file."""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby, pairwise
from math import isfinite, isnan, nan
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow
import pyarrow.parquet

from models.errors import Invalid
from models.values.series import DAYS_PER_WEEK, Floats, Period, Series

_REQUIRED: Final = ("series_id", "date", "count", "release_date")
_OPTIONAL: Final = ("exposure", "control_count")
_COLUMNS: Final = _REQUIRED + _OPTIONAL
_SHORTEST_MONTH: Final = 28


@dataclass(frozen=True, slots=True)
class NamedSeries:
    """A series of a file with its release."""

    series_id: str
    release: date
    series: Series


@dataclass(frozen=True, slots=True)
class _Row:
    line: int
    series_id: str
    day: date
    count: float
    release: date
    exposure: float
    control: float


def read_series(path: Path) -> Iterator[NamedSeries]:
    """Yield the series of a csv or parquet file in file order; a missing period is a gap, an empty count too.

    Columns: series_id, date (first day of its day, week or month), count, release_date and, if known,
    exposure and control_count; others are ignored. Only one series is held at a time. Raises Invalid that
    names file, line, field and fix. Lines count from 1 with the header, rows of a parquet file from 1.
    """
    rows = _parsed(path)
    done: set[str] = set()
    for series_id, group in groupby(rows, key=lambda row: row.series_id):
        members = list(group)
        if series_id in done:
            raise _bad(
                path, members[0].line, "series_id", f"{series_id!r} came earlier", "sort rows by series_id"
            )
        done.add(series_id)
        _check_order(path, members)
        yield NamedSeries(series_id, members[0].release, _series(path, members))


def _parsed(path: Path) -> Iterator[_Row]:
    for line, cells in _records(path):
        yield _Row(
            line,
            _text(path, line, "series_id", cells["series_id"]),
            _day(path, line, "date", cells["date"]),
            _number(path, line, "count", cells["count"]),
            _day(path, line, "release_date", cells["release_date"]),
            _number(path, line, "exposure", cells.get("exposure")),
            _number(path, line, "control_count", cells.get("control_count")),
        )


def _records(path: Path) -> Iterator[tuple[int, Mapping[str, object]]]:
    if not path.is_file():
        raise Invalid(
            f"{path}: there is no such file; give the path of a .csv or .parquet file", field="file"
        )
    if path.suffix.lower() == ".csv":
        return _csv_records(path)
    if path.suffix.lower() == ".parquet":
        return _parquet_records(path)
    raise Invalid(f"{path}: the name ends in {path.suffix!r}; give a .csv or .parquet file", field="file")


def _csv_records(path: Path) -> Iterator[tuple[int, Mapping[str, object]]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            _check_columns(path, reader.fieldnames or [])
            for cells in reader:
                if None in cells or None in cells.values():
                    width = len(reader.fieldnames or [])
                    raise _bad(
                        path, reader.line_num, "row", f"does not have {width} cells", "quote commas in text"
                    )
                yield reader.line_num, cells
    except UnicodeDecodeError as error:
        raise Invalid(f"{path}: not UTF-8 text ({error.reason}); save it as UTF-8", field="file") from error
    except csv.Error as error:
        raise Invalid(f"{path}: not a csv file ({error}); check its quotes", field="file") from error


def _parquet_records(path: Path) -> Iterator[tuple[int, Mapping[str, object]]]:
    try:
        file = pyarrow.parquet.ParquetFile(path)
    except pyarrow.ArrowInvalid as error:
        raise Invalid(f"{path}: not a parquet file; write it again or use csv", field="file") from error
    with file:
        names = file.schema_arrow.names
        _check_columns(path, names)
        wanted = [name for name in _COLUMNS if name in names]
        line = 0
        for batch in file.iter_batches(batch_size=8192, columns=wanted):
            for values in zip(*(batch.column(name).to_pylist() for name in wanted), strict=True):
                line += 1
                yield line, dict(zip(wanted, values, strict=True))


def _check_columns(path: Path, names: object) -> None:
    present = list(names) if isinstance(names, list | tuple) else []
    for name in _REQUIRED:
        if name not in present:
            raise Invalid(f"{path}, line 1: column {name} is missing; add it to the header", field=name)


def _check_order(path: Path, rows: list[_Row]) -> None:
    for earlier, later in pairwise(rows):
        if later.day <= earlier.day:
            fix = "sort the rows of a series by date, one row per period"
            raise _bad(path, later.line, "date", f"{later.day} does not follow {earlier.day}", fix)
        if later.release != rows[0].release:
            fix = "give every row of a series the same release_date"
            raise _bad(
                path, later.line, "release_date", f"{later.release} differs from {rows[0].release}", fix
            )


def _series(path: Path, rows: list[_Row]) -> Series:
    period = _period(path, rows)
    index = np.array([_steps(rows[0].day, row.day, period) for row in rows], dtype=np.intp)

    def column(values: list[float]) -> Floats:
        full = np.full(int(index[-1]) + 1, nan)
        full[index] = values
        return full

    def known(values: list[float]) -> Floats | None:
        return None if np.isnan(values).all() else column(values)

    return Series(
        start=rows[0].day,
        period=period,
        counts=column([row.count for row in rows]),
        exposure=known([row.exposure for row in rows]),
        control=known([row.control for row in rows]),
    )


def _period(path: Path, rows: list[_Row]) -> Period:
    """Tell days, weeks and months apart by the dates alone; gaps only widen the steps."""
    steps = [(later.day - earlier.day).days for earlier, later in pairwise(rows)]
    if not steps:
        return Period.DAY
    if all(step % DAYS_PER_WEEK == 0 for step in steps) and min(steps) < _SHORTEST_MONTH:
        return Period.WEEK
    if min(steps) < _SHORTEST_MONTH:
        return Period.DAY
    for row in rows:
        if row.day.day != 1:
            raise _bad(
                path, row.line, "date", f"{row.day} does not begin a month", "date months by their first day"
            )
    return Period.MONTH


def _steps(first: date, day: date, period: Period) -> int:
    if period is Period.MONTH:
        return (day.year - first.year) * 12 + day.month - first.month
    return (day - first).days // (DAYS_PER_WEEK if period is Period.WEEK else 1)


def _text(path: Path, line: int, field: str, value: object) -> str:
    text = "" if value is None else str(value).strip()
    if not text:
        raise _bad(path, line, field, "is empty", "give every row the id of its series")
    return text


def _day(path: Path, line: int, field: str, value: object) -> date:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    try:
        return datetime.fromisoformat(str(value).strip()).date()
    except ValueError as error:
        raise _bad(path, line, field, f"{value!r} is not a date", "write it as 2026-01-31") from error


def _number(path: Path, line: int, field: str, value: object) -> float:
    """Read a number of at least 0; an empty cell is nan."""
    text = "" if value is None else str(value).strip()
    if not text:
        return nan
    try:
        number = float(text)
    except ValueError as error:
        raise _bad(
            path, line, field, f"{text!r} is not a number", "use digits, or leave a gap empty"
        ) from error
    if isnan(number) and not isinstance(value, str):
        return nan
    if not isfinite(number) or number < 0:
        raise _bad(
            path, line, field, f"{text} is not a count", "use numbers of at least 0, or leave a gap empty"
        )
    return number


def _bad(path: Path, line: int, field: str, problem: str, fix: str) -> Invalid:
    return Invalid(f"{path}, line {line}, {field}: {problem}; {fix}", field=field)
