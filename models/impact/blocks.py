"""Cut a csv or parquet file of series into blocks of columns, and turn down whatever is out of the ordinary."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow
import pyarrow.compute
import pyarrow.csv
import pyarrow.parquet
from numpy.typing import NDArray

from models.impact.rows import OPTIONAL, REQUIRED

BLOCK_BYTES: Final = 1 << 20
BLOCK_ROWS: Final = 1 << 14
_LONGEST_ROW: Final = 1 << 23
_BOM: Final = b"\xef\xbb\xbf"
_NEWLINE, _RETURN, _QUOTE, _COMMA = b'\n\r",'
_DATES: Final = ("date", "release_date")


class Odd(Exception):
    """The file holds something that only `rows` can read, or can say what is wrong with."""


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Columns of the same length, those of the contract that the file has, by name.

    before, after: shares of the file that were read before and with it.
    """

    columns: "dict[str, pyarrow.Array]"
    before: float
    after: float


def blocks(path: Path) -> Iterator[Block]:
    """Yield the rows of a file in blocks of about a megabyte; raises Odd, or what pyarrow raises."""
    readers = {".csv": _csv_blocks, ".parquet": _parquet_blocks}
    if path.suffix.lower() not in readers:
        raise Odd
    return readers[path.suffix.lower()](path)


def _parquet_blocks(path: Path) -> Iterator[Block]:
    with pyarrow.parquet.ParquetFile(path, buffer_size=BLOCK_BYTES) as file:
        wanted = _wanted(file.schema_arrow.names)
        rows, total = 0, file.metadata.num_rows
        for batch in file.iter_batches(batch_size=BLOCK_ROWS, columns=wanted, use_threads=False):
            if batch.num_rows:
                before, rows = rows, rows + batch.num_rows
                yield Block({name: batch.column(name) for name in wanted}, before / total, rows / total)


def _csv_blocks(path: Path) -> Iterator[Block]:
    """Cut a csv file behind the last whole row of each chunk of bytes."""
    size, done = path.stat().st_size, 0
    names: list[str] = []
    with path.open("rb") as file:
        rest = b""
        while True:
            chunk = file.read(BLOCK_BYTES)
            text = rest + chunk
            end = _last_row_end(text) if chunk else len(text)
            text, rest = text[:end], text[end:]
            if len(rest) > _LONGEST_ROW:
                raise Odd
            before, done = done, done + len(text)
            if text and not names:
                header = text[: _first_row_end(text)]
                names, text = _header(header), text[len(header) :]
                _wanted(names)
            columns = _parsed(text, names) if text else {}
            if columns and len(columns[REQUIRED[0]]):
                yield Block(columns, before / size, done / size)
            if not chunk:
                break
    if not names:
        raise Odd


def _header(line: bytes) -> list[str]:
    _check_quotes(line)
    rows = list(csv.reader(io.StringIO(line.removeprefix(_BOM).decode(), newline=""), strict=True))
    if len(rows) != 1:
        raise Odd  # lines that end in a bare carriage return
    return rows[0]


def _wanted(names: Sequence[str]) -> list[str]:
    """Give the columns of the contract that are there; a file that lacks one or has it twice is odd."""
    wanted = [name for name in REQUIRED + OPTIONAL if name in names]
    if any(names.count(name) != 1 for name in wanted) or not set(REQUIRED) <= set(wanted):
        raise Odd
    return wanted


def _parsed(text: bytes, names: Sequence[str]) -> "dict[str, pyarrow.Array]":
    """Parse whole rows: as ids, dates and numbers if they are written plainly, else as text."""
    _check_quotes(text)
    if text.startswith(_BOM):
        raise Odd  # pyarrow would drop it from the id
    if not text.isascii():
        text.decode()
    wanted = _wanted(names)
    try:
        columns = _read(text, names, {name: _usual_type(name) for name in wanted})
    except pyarrow.ArrowInvalid:
        return _read(text, names, dict.fromkeys(wanted, pyarrow.string()))
    numbers = (column for column in columns.values() if pyarrow.types.is_floating(column.type))
    if any(pyarrow.compute.any(pyarrow.compute.is_nan(column)).as_py() for column in numbers):
        raise Odd  # the text "nan" is no number, while an empty cell is a null
    return columns


def _read(
    text: bytes, names: Sequence[str], types: "dict[str, pyarrow.DataType]"
) -> "dict[str, pyarrow.Array]":
    table = pyarrow.csv.read_csv(
        pyarrow.BufferReader(text),
        read_options=pyarrow.csv.ReadOptions(
            column_names=names, use_threads=False, block_size=max(len(text), 1)
        ),
        parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types=types, include_columns=list(types), null_values=[""], strings_can_be_null=False
        ),
    )
    return {name: table.column(name).combine_chunks() for name in types}


def _usual_type(name: str) -> "pyarrow.DataType":
    if name in _DATES:
        return pyarrow.date32()
    return pyarrow.string() if name == REQUIRED[0] else pyarrow.float64()


def _first_row_end(text: bytes) -> int:
    return int(next(iter(_row_ends(text)), len(text)))


def _last_row_end(text: bytes) -> int:
    if b'"' not in text:
        return text.rfind(b"\n") + 1
    ends = _row_ends(text)
    return int(ends[-1]) if ends.size else 0


def _row_ends(text: bytes) -> NDArray[np.intp]:
    """Give the positions behind the newlines that stand outside quotes; the text begins outside."""
    letters = np.frombuffer(text, dtype=np.uint8)
    newlines = np.flatnonzero(letters == _NEWLINE)
    quotes_before = np.searchsorted(np.flatnonzero(letters == _QUOTE), newlines)
    ends: NDArray[np.intp] = newlines[quotes_before % 2 == 0] + 1
    return ends


def _check_quotes(text: bytes) -> None:
    """Turn down quotes that do not enclose a whole cell: pyarrow would drop them without a word."""
    if b'"' not in text:
        return
    letters = np.frombuffer(b"\n" + text + b"\n", dtype=np.uint8)
    at = np.flatnonzero(letters == _QUOTE)
    if at.size % 2:
        raise Odd
    beside = np.concatenate([letters[at[::2] - 1], letters[at[1::2] + 1]])
    if not np.isin(beside, (_NEWLINE, _RETURN, _COMMA, _QUOTE)).all():
        raise Odd
