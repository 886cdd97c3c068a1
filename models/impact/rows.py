"""Read series row by row: slow, but it reads whatever is valid and says exactly what is not, and where."""

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from math import isfinite, isnan, nan
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow
import pyarrow.parquet

from models.errors import Invalid
from models.impact.named import EPOCH, FIRST_YEAR, LARGEST, LAST_YEAR, NamedSeries, assemble

REQUIRED: Final = ("series_id", "date", "count", "release_date")
OPTIONAL: Final = ("exposure", "control_count")
_BATCH_ROWS: Final = 8192


@dataclass(frozen=True, slots=True)
class _Record:
    """A row as it stands in the file; share: of the file that has been read with it."""

    line: int
    cells: Mapping[str, object]
    share: float


@dataclass(frozen=True, slots=True)
class _Row:
    line: int
    series_id: str
    day: date
    count: float
    release: date
    exposure: float
    control: float


def exact_series(path: Path) -> Iterator[tuple[NamedSeries, float]]:
    """Yield the series of a csv or parquet file, each with the share of the file read by then.

    One series is held at a time, and all ids. Raises Invalid at the first fault in file order, with file,
    line, field and fix. Lines count from 1 with the header, rows of a parquet file from 1.
    """
    done: set[str] = set()
    rows: list[_Row] = []
    share = 0.0
    for record in _records(path):
        row = _parsed(path, record)
        if rows and row.series_id != rows[0].series_id:
            yield _named(path, rows), share
            rows = []
        if rows:
            _check_follows(path, rows, row)
        elif row.series_id in done:
            raise _bad(
                path, row.line, "series_id", f"{row.series_id!r} came earlier", "sort rows by series_id"
            )
        done.add(row.series_id)
        rows.append(row)
        share = record.share
    if rows:
        yield _named(path, rows), share


def _parsed(path: Path, record: _Record) -> _Row:
    line, cells = record.line, record.cells
    return _Row(
        line,
        _text(path, line, "series_id", cells["series_id"]),
        _day(path, line, "date", cells["date"]),
        _number(path, line, "count", cells["count"]),
        _day(path, line, "release_date", cells["release_date"]),
        _number(path, line, "exposure", cells.get("exposure")),
        _number(path, line, "control_count", cells.get("control_count")),
    )


def _records(path: Path) -> Iterator[_Record]:
    if not path.is_file():
        raise Invalid(
            f"{path}: there is no such file; give the path of a .csv or .parquet file", field="file"
        )
    if path.suffix.lower() == ".csv":
        return _csv_records(path)
    if path.suffix.lower() == ".parquet":
        return _parquet_records(path)
    raise Invalid(f"{path}: the name ends in {path.suffix!r}; give a .csv or .parquet file", field="file")


def _csv_records(path: Path) -> Iterator[_Record]:
    try:
        size = max(path.stat().st_size, 1)
        with path.open("rb") as raw, io.TextIOWrapper(raw, encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            _check_columns(path, reader.fieldnames or [])
            for cells in reader:
                if None in cells or None in cells.values():
                    width = len(reader.fieldnames or [])
                    raise _bad(
                        path, reader.line_num, "row", f"does not have {width} cells", "quote commas in text"
                    )
                yield _Record(reader.line_num, cells, min(raw.tell() / size, 1.0))
    except UnicodeDecodeError as error:
        raise Invalid(f"{path}: not UTF-8 text ({error.reason}); save it as UTF-8", field="file") from error
    except csv.Error as error:
        raise Invalid(f"{path}: not a csv file ({error}); check its quotes", field="file") from error
    except OSError as error:
        raise _unreadable(path, error) from error


def _parquet_records(path: Path) -> Iterator[_Record]:
    try:
        file = pyarrow.parquet.ParquetFile(path)
    except pyarrow.ArrowInvalid as error:
        raise Invalid(f"{path}: not a parquet file; write it again or use csv", field="file") from error
    except OSError as error:
        raise _unreadable(path, error) from error
    with file:
        names = file.schema_arrow.names
        _check_columns(path, names)
        wanted = [name for name in REQUIRED + OPTIONAL if name in names]
        line, total = 0, max(file.metadata.num_rows, 1)
        try:
            for batch in file.iter_batches(batch_size=_BATCH_ROWS, columns=wanted):
                for values in zip(*(_plain(batch.column(name)) for name in wanted), strict=True):
                    line += 1
                    yield _Record(line, dict(zip(wanted, values, strict=True)), line / total)
        except (pyarrow.ArrowException, OSError) as error:
            problem = f"{path}: damaged after row {line}; write it again or use csv"
            raise Invalid(problem, field="file") from error


def _plain(column: "pyarrow.Array") -> list[object]:
    """Give Python values; nanoseconds, which datetime does not have, are cut off, and dates it does not reach
    become text.
    """
    kind = column.type
    if pyarrow.types.is_timestamp(kind) and kind.unit == "ns":
        column = column.cast(pyarrow.timestamp("us", kind.tz), safe=False)
    try:
        values: list[object] = column.to_pylist()
    except (OverflowError, ValueError):
        values = column.cast(pyarrow.string()).to_pylist()
    return values


def _check_columns(path: Path, names: object) -> None:
    present = list(names) if isinstance(names, list | tuple) else []
    for name in REQUIRED:
        if name not in present:
            raise Invalid(f"{path}, line 1: column {name} is missing; add it to the header", field=name)


def _check_follows(path: Path, rows: list[_Row], row: _Row) -> None:
    earlier, first = rows[-1], rows[0]
    if row.day <= earlier.day:
        fix = "sort the rows of a series by date, one row per period"
        raise _bad(path, row.line, "date", f"{row.day} does not follow {earlier.day}", fix)
    if row.release != first.release:
        fix = "give every row of a series the same release_date"
        raise _bad(path, row.line, "release_date", f"{row.release} differs from {first.release}", fix)


def _named(path: Path, rows: list[_Row]) -> NamedSeries:
    found = assemble(
        rows[0].series_id,
        rows[0].release,
        np.array([row.day.toordinal() - EPOCH for row in rows], dtype=np.int64),
        np.array([row.count for row in rows]),
        np.array([row.exposure for row in rows]),
        np.array([row.control for row in rows]),
    )
    if found is None:
        row = next(row for row in rows if row.day.day != 1)
        problem, fix = f"{row.day} does not begin a month", "date months by their first day"
        raise _bad(path, row.line, "date", problem, fix)
    return found


def _text(path: Path, line: int, field: str, value: object) -> str:
    text = "" if value is None else str(value).strip()
    if not text:
        raise _bad(path, line, field, "is empty", "give every row the id of its series")
    return text


def _day(path: Path, line: int, field: str, value: object) -> date:
    fix = "write it as 2026-01-31"
    if isinstance(value, datetime):
        day = value.date()
    elif isinstance(value, date):
        day = value
    else:
        try:
            day = datetime.fromisoformat(str(value).strip()).date()
        except ValueError as error:
            raise _bad(path, line, field, f"{value!r} is not a date", fix) from error
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        problem = f"{day} lies outside the years {FIRST_YEAR} to {LAST_YEAR}"
        raise _bad(path, line, field, problem, fix)
    return day


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
    if number > LARGEST:
        raise _bad(path, line, field, f"{text} is too large", f"use numbers up to {LARGEST:.0e}")
    return number


def _unreadable(path: Path, error: OSError) -> Invalid:
    return Invalid(f"{path}: cannot be read ({error.strerror or error}); check the file", field="file")


def _bad(path: Path, line: int, field: str, problem: str, fix: str) -> Invalid:
    return Invalid(f"{path}, line {line}, {field}: {problem}; {fix}", field=field)
