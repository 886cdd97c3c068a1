"""Read the rows and vectors that file mode is given; bad input names its file, line, field and fix."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from models.errors import Invalid
from models.language.encode import FloatArray, IntArray, unit_rows

LARGEST_FIELD = 10_000_000  # characters


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a file: its line for error messages, and its fields as text."""

    line: int
    fields: Mapping[str, str]


def read_rows(path: Path, *, required: Sequence[str]) -> list[Row]:
    """Read a .jsonl or .csv file; a missing file, field or bad line raises Invalid with its place and the fix."""
    if path.suffix not in (".jsonl", ".csv"):
        raise Invalid(f"{path.name}: use a file that ends in .jsonl or .csv", field="IN")
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = list(_json_rows(stream, path) if path.suffix == ".jsonl" else _csv_rows(stream, path))
    except OSError as error:
        raise Invalid(f"{path.name}: cannot be read ({error.strerror})", field="IN") from error
    except UnicodeDecodeError as error:
        raise Invalid(
            f"{path.name}: not UTF-8 at byte {error.start}: save it as UTF-8", field="IN"
        ) from error
    for row in rows:
        for name in required:
            if name not in row.fields:
                raise Invalid(f"{path.name} line {row.line}: field {name} is missing: add it", field=name)
    _check_ids(rows, path)
    return rows


def _json_rows(stream: Iterator[str], path: Path) -> Iterator[Row]:
    for number, line in enumerate(stream, start=1):
        if not line.strip():
            continue
        try:
            found = json.loads(line)
        except json.JSONDecodeError as error:
            raise Invalid(
                f"{path.name} line {number}: not JSON ({error.msg}): mend the line", field="IN"
            ) from error
        if not isinstance(found, dict):
            raise Invalid(f'{path.name} line {number}: not an object: write {{"id": …}}', field="IN")
        yield Row(number, {name: "" if value is None else str(value) for name, value in found.items()})


def _csv_rows(stream: Iterator[str], path: Path) -> Iterator[Row]:
    csv.field_size_limit(LARGEST_FIELD)
    reader = csv.DictReader(stream, strict=True)
    try:
        for found in reader:
            if None in found or None in found.values():
                raise Invalid(
                    f"{path.name} line {reader.line_num}: not as many fields as the header: quote commas",
                    field="IN",
                )
            yield Row(reader.line_num, found)
    except csv.Error as error:
        line = reader.reader.line_num  # of the row that failed; the other count stops before it
        raise Invalid(f"{path.name} line {line}: {error}: mend the line", field="IN") from error


def _check_ids(rows: Sequence[Row], path: Path) -> None:
    seen: dict[str, int] = {}
    for row in rows:
        first = seen.setdefault(row.fields["id"], row.line)
        if first != row.line:
            raise Invalid(
                f"{path.name} line {row.line}: id {row.fields['id']} also stands in line {first}: make ids unique",
                field="id",
            )


def load_embeddings(path: Path, count: int) -> np.ndarray:
    """Read (n, d) floats, n = `count`, from an .npy file; anything else raises Invalid."""
    try:
        given = np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise Invalid(
            f"{path.name}: not an .npy file of numbers: write it with numpy.save", field="embeddings"
        ) from error
    if given.ndim != 2 or len(given) != count or given.dtype.kind != "f":
        raise Invalid(
            f"{path.name}: {given.dtype} of shape {given.shape}: give one row of floats per item, {count} rows",
            field="embeddings",
        )
    return np.asarray(given)


def unit_vectors(given: np.ndarray, chosen: IntArray, path: Path) -> FloatArray:
    """Scale the chosen rows to unit length: (c, d) float32; a zero or infinite row raises Invalid."""
    try:
        return unit_rows(given[chosen])
    except ValueError as error:
        raise Invalid(f"{path.name}: {error}", field="embeddings") from error
