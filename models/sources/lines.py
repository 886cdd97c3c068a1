"""Split a file of any size into numbered lines and CSV records, in constant memory, past whatever is broken
in it."""

import codecs
import csv
import io
import json
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

CHUNK_BYTES = 1 << 16
MAX_LINE_CHARS = 1 << 20
MAX_RAW_CHARS = 2_000
DELIMITERS = (",", ";", "\t", "|")

_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_DECODER = json.JSONDecoder()
_BETWEEN = re.compile(r"[ \t\r\n,]*")
_NOT_UTF8 = re.compile("[\udc80-\udcff]")


@dataclass(frozen=True, slots=True)
class Line:
    """A physical line with its ending; `number` counts from 1. `complete` is false where it was cut for its
    length."""

    number: int
    text: str
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Record:
    """The cells of one CSV record, which may span lines; `line_number` is that of its first."""

    line_number: int
    cells: tuple[str, ...]
    raw: str


@dataclass(frozen=True, slots=True)
class Broken:
    """What could not be read, and why; `raw` is at most 2 000 characters of it."""

    line_number: int
    reason: str
    raw: str


def read_lines(file: BinaryIO, *, encoding: str | None = None) -> Iterator[Line]:
    """Yield the lines of a file, ended by LF, CR LF or CR.

    Without `encoding` a byte order mark decides, else UTF-8. Bytes that are not UTF-8 come through as lone
    surrogates, which `damage` finds, so that one bad byte costs one row and not the file. A line over
    `MAX_LINE_CHARS` is cut to it, marked incomplete, and the rest of it skipped.
    """
    head = file.read(CHUNK_BYTES)
    found = next((name for mark, name in _BOMS if head.startswith(mark)), "utf-8")
    chosen = encoding or found
    errors = "surrogateescape" if chosen.lower().startswith("utf-8") else "replace"
    decoder = codecs.getincrementaldecoder(chosen)(errors=errors)
    number, held, skipping = 0, "", False
    for text in _decoded(file, head, decoder):
        parts = list(io.StringIO(held + text, newline=""))
        held = parts.pop() if parts and not parts[-1].endswith("\n") else ""
        for part in parts:
            number += 0 if skipping else 1
            if not skipping:
                yield Line(number, part)
            skipping = False
        if len(held) > MAX_LINE_CHARS:
            if not skipping:
                number += 1
                yield Line(number, held[:MAX_LINE_CHARS], complete=False)
            held, skipping = "", True
    if held and not skipping:
        yield Line(number + 1, held)


def json_lines(file: BinaryIO) -> Iterator[Line]:
    """Yield the elements of a JSON list as lines, numbered from 1; a file that is no list is read line by line.

    In constant memory: an element longer than `MAX_LINE_CHARS` ends the reading, as nothing after it can be trusted.
    """
    head = file.read(CHUNK_BYTES).removeprefix(codecs.BOM_UTF8)
    if not head.lstrip().startswith(b"["):
        file.seek(0)
        yield from read_lines(file)
        return
    decoder = codecs.getincrementaldecoder("utf-8")(errors="surrogateescape")
    held, at, number, is_over = decoder.decode(head).lstrip()[1:], 0, 0, False
    while True:
        at = _BETWEEN.match(held, at).end()  # type: ignore[union-attr]  # it matches nothing as well
        if held.startswith("]", at):
            return
        try:
            _, end = _DECODER.raw_decode(held, at)
        except (ValueError, RecursionError):
            end = None
        # A number or word at the end of what was read may go on.
        if end is not None and (end < len(held) or is_over):
            number += 1
            yield Line(number, held[at:end])
            at = end
            continue
        held, at = held[at:], 0
        if is_over or len(held) > MAX_LINE_CHARS:
            if held.strip():
                yield Line(number + 1, held[:MAX_LINE_CHARS], complete=len(held) <= MAX_LINE_CHARS)
            return
        chunk = file.read(max(CHUNK_BYTES, len(held)))
        is_over = not chunk
        held += decoder.decode(chunk, final=is_over)


def damage(text: str) -> str | None:
    """Say what makes a text unusable: bytes that are not UTF-8, or NUL; None where nothing does."""
    bad = _NOT_UTF8.search(text)
    if bad is not None:
        byte = ord(bad.group()) - 0xDC00
        return f"not UTF-8 (byte 0x{byte:02x}): save the file as UTF-8, or name its encoding in the map"
    return "a NUL byte: the file is damaged or not text" if "\x00" in text else None


def delimiter_of(header: str) -> str:
    """Return the delimiter that splits a header line into most cells; a comma where none splits it."""
    start = header[:10_000]
    return max(DELIMITERS, key=lambda each: len(next(csv.reader([start], delimiter=each), [])))


def csv_records(lines: Iterator[Line], *, delimiter: str) -> Iterator[Record | Broken]:
    """Yield CSV records (RFC 4180: double quotes, doubled inside, line breaks allowed); skip empty lines.

    A quote that is never closed would swallow every row after it. Here it costs its own line: the lines it
    swallowed are read again.
    """
    tape = _Tape(lines)
    reader = csv.reader(tape, delimiter=delimiter, strict=True)
    while True:
        tape.taken.clear()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield _unreadable(tape.taken[0], error)
            tape.waiting.extendleft(reversed(tape.taken[1:]))
            reader = csv.reader(tape, delimiter=delimiter, strict=True)
            continue
        if cells:
            yield Record(tape.taken[0].number, tuple(cells), raw_of(tape.taken))


def raw_of(lines: list[Line]) -> str:
    """Return lines as they stood, at most 2 000 characters, without the last line break."""
    return "".join(line.text for line in lines[:MAX_RAW_CHARS])[:MAX_RAW_CHARS].rstrip("\r\n")


class _Tape:
    """Feeds lines to csv.reader and remembers which it took, so that they can be given again."""

    def __init__(self, lines: Iterator[Line]) -> None:
        self.lines = lines
        self.waiting: deque[Line] = deque()
        self.taken: list[Line] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self.waiting.popleft() if self.waiting else next(self.lines)
        self.taken.append(line)
        if not line.complete:
            raise csv.Error(f"longer than {MAX_LINE_CHARS} characters")
        return line.text


def _decoded(file: BinaryIO, head: bytes, decoder: codecs.IncrementalDecoder) -> Iterator[str]:
    """Yield the decoded text in pieces; a CR at the end of one waits for the LF that may follow it."""
    carried, chunk = "", head
    while chunk:
        text = carried + decoder.decode(chunk)
        carried = "\r" if text.endswith("\r") else ""
        yield text[: len(text) - len(carried)]
        chunk = file.read(CHUNK_BYTES)
    yield carried + decoder.decode(b"", final=True)


def _unreadable(line: Line, error: csv.Error) -> Broken:
    """Put csv's words (field larger than field limit, unexpected end of data ...) into ours."""
    said = str(error)
    if "limit" in said:
        reason = "a cell is longer than 131072 characters, or a quote that opens here is never closed"
    elif "longer than" in said:
        reason = f"the line is {said}"
    else:
        reason = 'a quote is not closed, or stands inside a quoted cell: write it twice ("")'
    return Broken(line.number, reason, raw_of([line]))
