"""Read a file of feedback (CSV or JSON Lines) for `ebb import`: each good row becomes one generic JSON
delivery.

Columns are found by the names that the generic JSON webhook takes and by those of common exports
(`EXTRA_NAMES`); case, spaces and punctuation in names do not matter. A map says more (YAML, `ebb import
--map`):

    columns:                        # Ebb's field: a column, or several of which the first filled one counts
      external_id: Case number
      text: [Description, First comment]
    constants: {channel: email, author_role: customer}      # the same for every row
    rating: {min: 0, max: 10, kind: nps}                    # stars (1 to 5) unless said
    date_format: "%d/%m/%Y %H:%M"                           # else ISO 8601 or epoch numbers
    time_zone: Europe/Berlin                                # for times without a zone; else UTC
    tag_separator: " "                                      # else a comma
    delimiter: ";"                                          # else found from the header
    encoding: cp1252                                        # else UTF-8, or what a byte order mark says

Fields: external_id and created_at must be there; message_id, subject, text, html, author_role, is_public,
customer_id, customer_email, account_id, plan, channel, language, tags, product_area, status, rating,
rating_min, rating_max, rating_kind, brand, group, form, spam, updated_at, occurred_at, action and merged_into
(these two only if the map names them).
"""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import PurePath
from typing import BinaryIO

from models.errors import Invalid
from models.sources import generic_json
from models.sources.exports import Export, fitted, numbered, recognise
from models.sources.generic_fields import FIELDS
from models.sources.lines import (
    MAX_LINE_CHARS,
    Broken,
    Line,
    Record,
    csv_records,
    damage,
    delimiter_of,
    json_lines,
    raw_of,
    read_lines,
)
from models.sources.mapping import ColumnMap
from models.sources.payload import JsonObject
from models.sources.records import entries_of
from models.sources.source import SourceSettings
from models.sources.times import instant_of


class FileFormat(StrEnum):
    """What a file of rows is written in."""

    CSV = "csv"
    JSONL = "jsonl"
    # A list of objects, or objects one after another.
    JSON = "json"


@dataclass(frozen=True, slots=True)
class Row:
    """One good row: `values` is a generic JSON entry under canonical names."""

    line_number: int
    values: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """One row that was left out, with the reason and at most 2 000 characters of it."""

    line_number: int
    reason: str
    raw: str


@dataclass(frozen=True, slots=True)
class _Reading:
    mapping: ColumnMap
    settings: SourceSettings
    received_at: datetime
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    after_line: int = 0


EXTRA_NAMES: Mapping[str, tuple[str, ...]] = {
    "external_id": ("conversation id", "case number", "issue key"),
    "created_at": ("created time", "created date", "create date", "date created", "date", "submitted at"),
    "updated_at": ("last update time", "last updated", "last modified"),
    "subject": ("ticket name", "ticket subject"),
    "text": ("content", "ticket description", "feedback", "review", "verbatim"),
    "customer_id": ("requester id", "contact id"),
    "customer_email": ("requester email",),
    "account_id": ("organization", "account", "company", "company name"),
    "product_area": ("category",),
}
"""Column names of common exports, tried after the webhook's own."""

_ONLY_MAPPED = ("action", "merged_into")
_TIMES = ("created_at", "updated_at", "occurred_at")


def format_of(name: str) -> FileFormat:
    """Tell the format from a file's name."""
    suffix = PurePath(name).suffix.lower()
    known = {
        ".jsonl": FileFormat.JSONL,
        ".ndjson": FileFormat.JSONL,
        ".json": FileFormat.JSON,
        ".csv": FileFormat.CSV,
    }
    if suffix not in {**known, ".tsv": FileFormat.CSV}:
        raise Invalid(f"{name}: the name must end in .csv, .tsv, .jsonl, .ndjson or .json", field="file")
    return known.get(suffix, FileFormat.CSV)


def read_rows(
    file: BinaryIO,
    *,
    file_format: FileFormat,
    received_at: datetime,
    mapping: ColumnMap | None = None,
    settings: SourceSettings | None = None,
    export: Export | None = None,
    after_line: int = 0,
) -> Iterator[Row | RejectedRow]:
    """Yield every row of a file in order, good or rejected, in constant memory.

    A row is good only if the generic JSON parser takes it, so nothing that is imported fails later. Without a map
    the exports of known tools are told by their columns (`export` names one instead). Rows that begin at
    `after_line` or before are passed over: they were imported by an earlier run. Raises
    Invalid where the file as a whole cannot be read: no header, no id or date column, a mapped column that is
    not there.
    """
    chosen = mapping or ColumnMap()
    reading = _Reading(chosen, settings or SourceSettings(), received_at, after_line=after_line)
    if file_format is FileFormat.CSV:
        lines = read_lines(file, encoding=chosen.encoding)
        yield from _csv_rows(lines, reading, export=export, is_told=mapping is None)
    else:
        is_json = file_format is FileFormat.JSON
        yield from _jsonl_rows(
            json_lines(file) if is_json else read_lines(file, encoding=chosen.encoding), reading
        )


def body_of(row: Row) -> bytes:
    """Return the row as a generic JSON body: sorted keys, ASCII, so equal rows are equal deliveries."""
    return json.dumps(dict(row.values), sort_keys=True, separators=(",", ":")).encode("ascii")


def _csv_rows(
    lines: Iterator[Line], reading: _Reading, *, export: Export | None, is_told: bool
) -> Iterator[Row | RejectedRow]:
    head = next(lines, None)
    if head is None:
        raise Invalid("the file is empty: its first line must name the columns", field="file")
    delimiter = reading.mapping.delimiter or delimiter_of(head.text)
    records = csv_records(_chained(head, lines), delimiter=delimiter)
    header = next(records, None)
    if not isinstance(header, Record) or damage(header.raw):
        raise Invalid("the first line cannot be read as column names", field="file")
    names = header.cells
    known = export or (recognise(numbered(names)) if is_told else None)
    if known is not None:
        names = numbered(names)
        reading = replace(reading, mapping=fitted(known.mapping, names))
    reading = replace(reading, columns=_columns(names, reading.mapping))
    for record in records:
        if record.line_number > reading.after_line:
            yield _csv_row(record, names, reading)


def _chained(head: Line, rest: Iterator[Line]) -> Iterator[Line]:
    yield head
    yield from rest


def _csv_row(record: Record | Broken, header: tuple[str, ...], reading: _Reading) -> Row | RejectedRow:
    if isinstance(record, Broken):
        return RejectedRow(record.line_number, record.reason, record.raw)
    reason = damage("".join(record.cells))
    if reason is None and len(record.cells) != len(header):
        reason = (
            f"{len(record.cells)} cells where the header has {len(header)}: is a delimiter or quote missing?"
        )
    if reason is None and not any(cell.strip() for cell in record.cells):
        reason = "every cell is empty"
    if reason is not None:
        return RejectedRow(record.line_number, reason, record.raw)
    return _row(record.line_number, dict(zip(header, record.cells, strict=True)), record.raw, reading)


def _jsonl_rows(lines: Iterator[Line], reading: _Reading) -> Iterator[Row | RejectedRow]:
    names: tuple[str, ...] = ()
    for line in lines:
        if not line.text.strip() or line.number <= reading.after_line:
            continue
        entry = _jsonl_entry(line)
        if isinstance(entry, str):
            yield RejectedRow(line.number, entry, raw_of([line]))
            continue
        messages = _messages(entry, line, reading)
        if messages is not None:
            yield from messages
            continue
        if tuple(entry) != names:
            names = tuple(entry)
            reading = replace(reading, columns=_columns(names, reading.mapping, strict=False))
        yield _row(line.number, entry, raw_of([line]), reading)


def _messages(entry: JsonObject, line: Line, reading: _Reading) -> list[Row | RejectedRow] | None:
    """Read the messages of a tool's own record; None where the entry is no such record."""
    if reading.mapping.columns:
        return None
    try:
        found = entries_of(entry, settings=reading.settings, received_at=reading.received_at)
        return None if found is None else [_checked(Row(line.number, each), reading) for each in found]
    except Invalid as error:
        return [RejectedRow(line.number, error.message, raw_of([line]))]


def _checked(row: Row, reading: _Reading) -> Row:
    """Have the webhook's own parser judge a row."""
    generic_json.parse(body_of(row), headers={}, settings=reading.settings, received_at=reading.received_at)
    return row


def _jsonl_entry(line: Line) -> JsonObject | str:
    """Return the object that a line holds, or why it holds none."""
    if not line.complete:
        return f"the line is longer than {MAX_LINE_CHARS} characters"
    reason = damage(line.text)
    if reason is not None:
        return reason
    try:
        entry = json.loads(line.text)
    except (ValueError, RecursionError) as error:
        return f"not JSON ({error})"
    return entry if isinstance(entry, dict) else "not a JSON object: one row is {...} on one line"


def _row(line_number: int, cells: Mapping[str, object], raw: str, reading: _Reading) -> Row | RejectedRow:
    """Map a row's cells to an entry and have the webhook's own parser judge it."""
    try:
        row = _checked(Row(line_number, _entry(cells, reading)), reading)
    except Invalid as error:
        return RejectedRow(line_number, error.message, raw)
    return row


def _entry(cells: Mapping[str, object], reading: _Reading) -> JsonObject:
    mapping = reading.mapping
    entry: JsonObject = dict(mapping.constants)
    for name, columns in reading.columns.items():
        filled = [each for each in columns if _filled(cells[each])]
        if filled:
            entry[name] = _value(name, filled, cells, mapping)
    for name in _TIMES:
        if name in entry:
            entry[name] = _written_time(entry[name], name, mapping)
    if "external_id" not in entry:
        raise Invalid(
            "external_id is missing: without an id the row would be stored twice", field="external_id"
        )
    if "created_at" not in entry:
        raise Invalid("created_at is missing: a complaint is dated by it", field="created_at")
    if isinstance(entry.get("tags"), str) and mapping.tag_separator:
        entry["tags"] = [tag for tag in str(entry["tags"]).split(mapping.tag_separator) if tag]
    if mapping.rating is not None and "rating" in entry:
        scale = mapping.rating
        entry |= {
            "rating_min": scale.scale_min,
            "rating_max": scale.scale_max,
            "rating_kind": scale.kind.value,
        }
    return entry


def _value(name: str, filled: list[str], cells: Mapping[str, object], mapping: ColumnMap) -> object:
    """Return what a field's columns say: the first of them, or all where these are joined."""
    if name in mapping.joined:
        return [str(cells[each]) for each in filled]
    if mapping.ignored and name == "text":
        # The questions of a survey: each column is one, and its number alone says nothing.
        return (
            "\n".join(str(cells[each]) for each in filled if not str(cells[each]).strip().isdecimal()) or None
        )
    words = mapping.words.get(name)
    return words.get(str(cells[filled[0]]).strip().lower(), cells[filled[0]]) if words else cells[filled[0]]


def _filled(value: object) -> bool:
    return bool(value.strip()) if isinstance(value, str) else value is not None


def _written_time(value: object, name: str, mapping: ColumnMap) -> str:
    """Return a time as ISO 8601 in UTC."""
    if mapping.date_format is not None:
        moment = _formatted(str(value).strip(), name, mapping)
    else:
        found = instant_of(value, field=name, zone=mapping.zone)
        if found is None:
            raise Invalid(f"{name} is missing", field=name)
        moment = found
    return moment.isoformat().replace("+00:00", "Z")


def _formatted(value: str, name: str, mapping: ColumnMap) -> datetime:
    for written in (mapping.date_format or "").split("|"):
        with suppress(ValueError, OverflowError, Invalid):
            if written == "iso":
                found = instant_of(value, field=name, zone=mapping.zone)
                if found is not None:
                    return found
                continue
            moment = datetime.strptime(value, written)
            return (moment if moment.tzinfo else moment.replace(tzinfo=mapping.zone)).astimezone(UTC)
    raise Invalid(f"{name} is not written as {mapping.date_format}", field=name)


def _columns(
    header: tuple[str, ...], mapping: ColumnMap, *, strict: bool = True
) -> Mapping[str, tuple[str, ...]]:
    """Say which columns each field is read from: the mapped ones, else those whose names we know."""
    by_name = {_folded(name): name for name in header}
    if strict and len(by_name) != len(header):
        raise Invalid("two columns have the same name: rename one", field="file")
    wanted = {name: tuple(map(_folded, columns)) for name, columns in mapping.columns.items()}
    taken = {each for columns in wanted.values() for each in columns}
    absent = sorted(
        each for name, columns in mapping.columns.items() for each in columns if _folded(each) not in by_name
    )
    if strict and absent:
        raise Invalid(f"the map names column {absent[0]}, the file has {', '.join(header)}", field="columns")
    for name, names in FIELDS.items():
        if name not in wanted and name not in _ONLY_MAPPED and name not in mapping.constants:
            known = map(_folded, (*names, *EXTRA_NAMES.get(name, ())))
            wanted[name] = tuple(each for each in dict.fromkeys(known) if each not in taken)
    found = {
        name: tuple(by_name[each] for each in names if each in by_name) for name, names in wanted.items()
    }
    for name in ("external_id", "created_at") if strict else ():
        if not found.get(name) and name not in mapping.constants:
            raise Invalid(f"no column for {name} among {', '.join(header)}: name it in a map", field=name)
    return {name: columns for name, columns in found.items() if columns}


def _folded(name: str) -> str:
    # A column of signs alone, such as Typeform's "#", keeps them.
    return name.strip() if not re.search(r"\w", name) else re.sub(r"[\W_]+", "", name).lower()
