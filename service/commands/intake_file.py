"""What `ebb import` does with a file: rows into deliveries, in constant memory, resumable.

Beside the file stand, while it is read, `FILE.progress.json` (up to which line everything is stored), and afterwards
`FILE.rejected.jsonl` if rows were set aside. A run that died goes on at the mark; rows between the mark and the kill
are read again, and are copies.
"""

import contextlib
import hashlib
import json
import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from models.database import Database
from models.errors import Invalid
from models.queries import deliveries
from models.queries.deliveries import DeliveryDraft
from models.records import Source, Workspace
from models.sealing import bound_to, keyring
from models.settings import load_settings
from models.sources import rows
from models.sources.exports import Export, export_of
from models.sources.generic_json import delivery_key
from models.sources.mapping import ColumnMap, load_map
from models.sources.pullers import IMPORT_HEADER
from models.sources.rows import RejectedRow, Row
from models.sources.source import settings_from
from models.values.ids import Prefix, public_id
from service.commands import world

CHUNK = 500
"""Rows stored in one transaction."""
MARK_EVERY = 10
"""Chunks between two marks of progress."""
HEAD_BYTES = 1 << 16
SHOWN = 5
KIND = "generic_json"


def choose_map(given: str | None) -> tuple[ColumnMap | None, Export | None]:
    """Read `--map`: a file, or the name of a tool whose export it is; nothing lets the columns tell."""
    if given is None:
        return None, None
    path = Path(given)
    if not path.is_file() and path.suffix.lower() not in (".yaml", ".yml"):
        return None, export_of(given)
    if not path.is_file():
        raise Invalid(f"{path}: there is no such file.", field="file")
    try:
        return load_map(path.read_text(encoding="utf-8-sig")), None
    except UnicodeDecodeError as error:
        raise Invalid(f"{path}: not UTF-8 at byte {error.start}: save it as UTF-8.", field="file") from error
    except Invalid as error:
        raise Invalid(f"{path}: {error.message}", field=error.field) from error


@dataclass(slots=True)
class FileImport:
    """One run over a file."""

    database: Database
    workspace: Workspace
    file: Path
    source: str
    mapping: ColumnMap | None = None
    export: Export | None = None
    stored: int = 0
    copies: int = 0
    rejected: int = 0
    first_rejected: list[RejectedRow] = field(default_factory=list)

    def run(self, *, from_start: bool) -> int:
        """Store the file's rows and say so; return how many were set aside.

        Raise `Invalid`, which names the file, where it cannot be read as a whole, or something beside it not written.
        """
        try:
            return self._run(from_start=from_start)
        except Invalid as error:
            raise Invalid(f"{self.file.name}: {error.message}", field=error.field) from error
        except OSError as error:
            raise Invalid(
                f"{error.filename or self.file}: {error.strerror}: check its rights, and the room on its disk.",
                field="file",
            ) from error

    def _run(self, *, from_start: bool) -> int:
        now = world.now()
        mark = Mark(self.file, f"{self.workspace.id}/{self.source}/{self.mapping}/{self.export}")
        after, self.rejected, size = (0, 0, 0) if from_start else mark.read()
        if after:
            typer.echo(f"{self.file.name}: goes on after line {after:,}.", err=True)
        if self._size_aside() > size:
            # What was set aside after the mark is met again.
            os.truncate(self._aside, size)
        if not size:
            self._aside.unlink(missing_ok=True)
        owner = self._source(now)
        with self.file.open("rb") as stream, _progress() as bar:
            task = bar.add_task(f"Reading {self.file.name}", total=self.file.stat().st_size)
            found = rows.read_rows(
                stream,
                file_format=rows.format_of(self.file.name),
                received_at=now,
                mapping=self.mapping,
                settings=settings_from((KIND,), {}),
                export=self.export,
                after_line=after,
            )
            for number, chunk in enumerate(_chunks(found), start=1):
                self._take(owner, chunk, now)
                # The last record may have more messages in the next chunk: it is read again.
                if number % MARK_EVERY == 0 and isinstance(chunk[-1], Row):
                    mark.write(chunk[-1].line_number - 1, self.rejected, self._size_aside())
                bar.update(task, completed=stream.tell())
        mark.remove()
        self._report()
        return self.rejected

    @property
    def _aside(self) -> Path:
        return self.file.with_name(f"{self.file.name}.rejected.jsonl")

    def _size_aside(self) -> int:
        return self._aside.stat().st_size if self._aside.exists() else 0

    def _source(self, now: datetime) -> Source:
        """Find the one source of this id or name, whatever its kind, or make one for files."""
        with self.database.write(workspace=self.workspace.id) as session:
            known = deliveries.list_sources(session, workspace=self.workspace.id)
            fitting = [row for row in known if self.source in (public_id(Prefix.SOURCE, row.id), row.name)]
            if len(fitting) > 1:
                fitting = [row for row in fitting if row.kind == KIND]
            if len(fitting) == 1:
                return fitting[0]
            return deliveries.named_source(
                session, workspace=self.workspace.id, kind=KIND, name=self.source, now=now
            )

    def _take(self, source: Source, chunk: list[Row | RejectedRow], now: datetime) -> None:
        """Store a chunk's good rows in one transaction, and set the others aside."""
        good = [row for row in chunk if isinstance(row, Row)]
        kept = {} if source.kind == KIND else {IMPORT_HEADER: KIND}
        drafts = []
        keys = keyring(load_settings().sealing_key)
        for row in good:
            body = rows.body_of(row)
            key = delivery_key({}, body)
            sealed = keys.seal(body, bound=bound_to(source.id, key))
            drafts.append(DeliveryDraft(self.workspace.id, source.id, key, now, kept, sealed))
        with self.database.write(workspace=self.workspace.id) as session:
            fresh = sum(deliveries.record(session, drafts=drafts))
        self.stored, self.copies = self.stored + fresh, self.copies + len(good) - fresh
        self._set_aside([row for row in chunk if isinstance(row, RejectedRow)])

    def _set_aside(self, found: list[RejectedRow]) -> None:
        if not found:
            return
        self.rejected += len(found)
        self.first_rejected += found[: SHOWN - len(self.first_rejected)]
        # Bytes that are no UTF-8 come as half surrogates; JSON can escape these, a file cannot hold them.
        with self._aside.open("a", encoding="utf-8", errors="backslashreplace") as stream:
            for row in found:
                line = {"line": row.line_number, "reason": row.reason, "raw": row.raw}
                stream.write(json.dumps(line, ensure_ascii=False) + "\n")

    def _report(self) -> None:
        again = f", {self.copies:,} were here already" if self.copies else ""
        typer.echo(
            f"{self.file.name}: {self.stored:,} rows imported{again}, {self.rejected:,} set aside.", err=True
        )
        if not self.rejected:
            return
        for row in self.first_rejected:
            typer.echo(f"  line {row.line_number}: {row.reason}", err=True)
        typer.echo(f"  all of them, with their reasons: {self._aside}", err=True)


@dataclass(frozen=True, slots=True)
class Mark:
    """The file beside a file that says how far it was imported; of another file or map it is worth nothing."""

    file: Path
    how: str

    @property
    def path(self) -> Path:
        """Where the mark stands."""
        return self.file.with_name(f"{self.file.name}.progress.json")

    def _identity(self) -> str:
        with self.file.open("rb") as stream:
            head = stream.read(HEAD_BYTES)
        # A file that was mended in place may have the same length and beginning.
        stood = self.file.stat()
        told = f"{stood.st_size}/{stood.st_mtime_ns}/{self.how}".encode("utf-8", "backslashreplace")
        return hashlib.sha256(head + told).hexdigest()

    def read(self) -> tuple[int, int, int]:
        """Return the last line that is stored, the rows set aside up to it and their bytes; zeros without a mark."""
        try:
            found = json.loads(self.path.read_text(encoding="utf-8"))
            place = int(found["line"]), int(found["rejected"]), int(found["aside_bytes"])
            return place if found["file"] == self._identity() else (0, 0, 0)
        except (OSError, ValueError, KeyError, TypeError):
            return 0, 0, 0

    def write(self, line: int, rejected: int, aside_bytes: int) -> None:
        """Say that everything up to a line is stored; a folder that cannot be written costs the mark alone."""
        told = {
            "file": self._identity(),
            "line": line,
            "rejected": rejected,
            "aside_bytes": aside_bytes,
        }
        fresh = self.path.with_suffix(".new")
        with contextlib.suppress(OSError):
            fresh.write_text(json.dumps(told), encoding="utf-8")
            fresh.replace(self.path)

    def remove(self) -> None:
        """Forget the mark."""
        with contextlib.suppress(OSError):
            self.path.unlink(missing_ok=True)


def _chunks(found: Iterable[Row | RejectedRow]) -> Iterator[list[Row | RejectedRow]]:
    iterator = iter(found)
    while chunk := list(islice(iterator, CHUNK)):
        yield chunk


def _progress() -> Progress:
    """Draw a bar on a terminal, and nothing elsewhere; it goes with the end, so that errors stand alone."""
    console = Console(file=sys.stderr)
    return Progress(
        TextColumn("  {task.description}"),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
