"""`ebb import`, `ebb releases import`: bring history in from files."""

import io
from datetime import datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from models.database import Session
from models.errors import Invalid
from models.queries import products
from models.sources.changelog import Changelog, ReleaseDraft, read_changelog, read_release_csv
from models.sources.exports import Export
from models.sources.mapping import ColumnMap
from service.commands import world
from service.commands.intake_file import FileImport, choose_map, is_archive
from service.commands.world import OfWorkspace

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
    source: Annotated[
        str | None, typer.Option(help="Name or id of the source; default: the file's name.")
    ] = None,
    mapping: Annotated[
        str | None, typer.Option("--map", help="YAML that maps columns to fields, or a tool's name.")
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit 2 if a row was set aside.")] = False,
    channel: Annotated[
        list[str] | None, typer.Option(help="A channel of Slack's export, by name or id; again for more.")
    ] = None,
    again: Annotated[
        bool, typer.Option("--from-start", help="Read the whole file, not from where the last run ended.")
    ] = False,
    workspace: OfWorkspace = None,
) -> None:
    """Import feedback from CSV, JSON, JSON Lines or Slack's export; bad rows are set aside beside the file."""
    file = file.resolve() if file.is_dir() else file
    if not file.is_dir():
        _check_file(file)
    column_map, export = _how(file, mapping, channel)
    with world.open_database() as database:
        owner = world.choose_workspace(database, workspace)
        reading = FileImport(
            database, owner, file, source or file.stem, column_map, export, tuple(channel or ())
        )
        rejected = reading.run(from_start=again)
    if strict and rejected:
        raise typer.Exit(2)


def _how(
    file: Path, mapping: str | None, channels: list[str] | None
) -> tuple[ColumnMap | None, Export | None]:
    """Choose how a file is read; an export of many files says itself what is in it."""
    if not is_archive(file):
        if channels:
            raise Invalid("--channel: only an export of Slack's has channels.", field="channel")
        return choose_map(mapping)
    if mapping not in (None, "slack"):
        raise Invalid(f"--map {mapping}: a ZIP or folder is read as an export of Slack's.", field="map")
    return None, None


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
