"""`ebb import`, `ebb releases import`: bring history in from files."""

import io
import json
import sys
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from models.database import Database, Session
from models.errors import Invalid
from models.queries import deliveries, products
from models.queries.deliveries import DeliveryDraft
from models.records import Source, Workspace
from models.sealing import bound_to, keyring
from models.settings import load_settings
from models.sources import rows
from models.sources.changelog import Changelog, ReleaseDraft, read_changelog, read_release_csv
from models.sources.generic_json import delivery_key
from models.sources.mapping import ColumnMap, load_map
from models.sources.rows import RejectedRow, Row
from models.sources.source import settings_from
from service.commands import world
from service.commands.world import OfWorkspace

CHUNK = 500
"""Rows stored in one transaction."""

ExistingFile = Annotated[Path, typer.Argument(help="The file to read.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("import")(import_feedback)
    releases = typer.Typer(help="Releases.", no_args_is_help=True)
    releases.command("import")(import_releases)
    # A group with one command would lose the command's name without a callback.
    releases.callback()(lambda: None)
    app.add_typer(releases, name="releases")


def import_feedback(
    file: ExistingFile,
    source: Annotated[str | None, typer.Option(help="Name of the source; default: the file's name.")] = None,
    mapping: Annotated[Path | None, typer.Option("--map", help="YAML that maps columns to fields.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit 2 if a row was set aside.")] = False,
    workspace: OfWorkspace = None,
) -> None:
    """Import feedback from CSV or JSON Lines; rows that cannot be read are set aside beside the file."""
    _check_file(file)
    column_map = load_map(_read_text(mapping)) if mapping else None
    with world.open_database() as database:
        owner = world.choose_workspace(database, workspace)
        stored, copies, rejected = _read_into(database, owner, file, source or file.stem, column_map)
    _report(file, stored, copies, rejected)
    if strict and rejected:
        raise typer.Exit(2)


def _read_into(
    database: Database, workspace: Workspace, file: Path, source: str, column_map: ColumnMap | None
) -> tuple[int, int, list[RejectedRow]]:
    """Store a file's rows; return how many are new, how many were here already, and those set aside."""
    now = world.now()
    with database.write(workspace=workspace.id) as session:
        owner = deliveries.named_source(
            session, workspace=workspace.id, kind="generic_json", name=source, now=now
        )
    with file.open("rb") as stream, _progress() as bar:
        task = bar.add_task(f"Reading {file.name}", total=file.stat().st_size)
        found = rows.read_rows(
            stream,
            file_format=rows.format_of(file.name),
            received_at=now,
            mapping=column_map,
            settings=settings_from(("generic_json",), {}),
        )
        stored, copies = 0, 0
        rejected: list[RejectedRow] = []
        for chunk in _chunks(found):
            rejected += [row for row in chunk if isinstance(row, RejectedRow)]
            good = [row for row in chunk if isinstance(row, Row)]
            fresh = _store(database, workspace, owner, good, now)
            stored, copies = stored + fresh, copies + len(good) - fresh
            bar.update(task, completed=stream.tell())
    return stored, copies, rejected


def _chunks(found: Iterable[Row | RejectedRow]) -> Iterator[list[Row | RejectedRow]]:
    iterator = iter(found)
    while chunk := list(islice(iterator, CHUNK)):
        yield chunk


def _store(database: Database, workspace: Workspace, source: Source, chunk: list[Row], now: datetime) -> int:
    drafts = []
    keys = keyring(load_settings().raw_body_key)
    for row in chunk:
        body = rows.body_of(row)
        key = delivery_key({}, body)
        sealed = keys.seal(body, bound=bound_to(source.id, key))
        drafts.append(DeliveryDraft(workspace.id, source.id, key, now, {}, sealed))
    with database.write(workspace=workspace.id) as session:
        return sum(deliveries.record(session, drafts=drafts))


def _report(file: Path, stored: int, copies: int, rejected: list[RejectedRow]) -> None:
    again = f", {copies:,} were here already" if copies else ""
    typer.echo(f"{file.name}: {stored:,} rows imported{again}, {len(rejected):,} set aside.", err=True)
    if not rejected:
        return
    aside = file.with_name(f"{file.name}.rejected.jsonl")
    lines = (
        json.dumps({"line": row.line_number, "reason": row.reason, "raw": row.raw}, ensure_ascii=False)
        for row in rejected
    )
    # Bytes that are no UTF-8 come as half surrogates; JSON can escape these, a file cannot hold them.
    aside.write_text("\n".join(lines) + "\n", encoding="utf-8", errors="backslashreplace")
    for row in rejected[:5]:
        typer.echo(f"  line {row.line_number}: {row.reason}", err=True)
    typer.echo(f"  all of them, with their reasons: {aside}", err=True)


def import_releases(file: ExistingFile, workspace: OfWorkspace = None) -> None:
    """Import releases and their features from a Keep-a-Changelog CHANGELOG.md or a CSV of tags."""
    _check_file(file)
    features = 0
    with world.open_database() as database:
        owner = world.choose_workspace(database, workspace)
        changelog = _read_changelog(file, ZoneInfo(owner.time_zone))
        for draft in changelog.releases:
            with database.write(workspace=owner.id) as session:
                features += _put(session, owner.id, draft, world.now())
    typer.echo(
        f"{file.name}: {len(changelog.releases)} releases, {features} features, "
        f"{len(changelog.set_aside)} entries set aside.",
        err=True,
    )
    for entry in changelog.set_aside[:10]:
        typer.echo(f"  line {entry.line_number}: {entry.reason}", err=True)


def _read_changelog(file: Path, zone: ZoneInfo) -> Changelog:
    if file.suffix.lower() in (".csv", ".tsv"):
        return read_release_csv(io.BytesIO(file.read_bytes()), zone=zone)
    return read_changelog(_read_text(file), zone=zone)


def _put(session: Session, workspace: int, draft: ReleaseDraft, now: datetime) -> int:
    release = products.draft_of(draft.change, received_at=now)
    products.put_release(session, workspace=workspace, draft=release, now=now)
    for feature in draft.features:
        products.put_feature(
            session,
            workspace=workspace,
            draft=products.FeatureDraft(
                feature.key, feature.title, feature.body, feature.area, release_key=release.key
            ),
            now=now,
        )
    return len(draft.features)


def _check_file(file: Path) -> None:
    if not file.is_file():
        raise Invalid(f"{file}: there is no such file.", field="file")


def _read_text(file: Path) -> str:
    _check_file(file)
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise Invalid(f"{file}: not UTF-8 at byte {error.start}.", field="file") from error


def _progress() -> Progress:
    return Progress(
        TextColumn("  {task.description}"),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
        console=Console(file=sys.stderr),
    )
