"""`ebb themes suggestions`: corrections of themes that wait for a person, on the database."""

import json

import typer

from models.queries import overview, theme_suggestions
from models.queries.theme_suggestions import Waiting
from models.values.ids import Prefix, public_id
from models.values.suggestions import SuggestionKind
from service.commands import world
from service.commands.world import AsJson, OfWorkspace
from service.why import Labels, name_of


def register(app: typer.Typer) -> None:
    """Add the command to `ebb themes`."""
    app.command()(suggestions)


def suggestions(
    kind: SuggestionKind | None = typer.Option(None, help="Only item, merge or split."),
    as_json: AsJson = False,
    workspace: OfWorkspace = None,
) -> None:
    """List corrections that wait for a person, the best of each kind first."""
    with world.open_database() as database:
        owner = world.choose_workspace(database, workspace).id
        with database.read(workspace=owner) as session:
            labels = overview.theme_labels(session, workspace=owner)
            rows = theme_suggestions.list_suggestions(session, workspace=owner, kind=kind)
            said = [_told(row) for row in rows]
            lines = [
                f"{public_id(Prefix.SUGGESTION, row.id):<8} {_line(row, labels)} {row.reason}" for row in rows
            ]
    if as_json:
        typer.echo(json.dumps(said))
        return
    for line in lines:
        typer.echo(line)
    if not lines:
        typer.echo("Nothing waits for you: no theme looks as if it should be corrected.")


def _told(row: Waiting) -> dict[str, object]:
    return {
        "id": public_id(Prefix.SUGGESTION, row.id),
        "kind": row.kind.value,
        "theme": None if row.theme_id is None else public_id(Prefix.THEME, row.theme_id),
        "other": None if row.other_theme_id is None else public_id(Prefix.THEME, row.other_theme_id),
        "items": [public_id(Prefix.ITEM, item) for item in row.item_ids],
        "score": row.score,
        "margin": row.margin,
        "reason": row.reason,
        "revision": row.revision,
    }


def _line(row: Waiting, labels: Labels) -> str:
    theme = name_of(labels, row.theme_id) if row.theme_id is not None else None
    other = name_of(labels, row.other_theme_id) if row.other_theme_id is not None else None
    if row.kind is SuggestionKind.MERGE:
        return f"merge {other} into {theme}?"
    count = len(row.item_ids)
    items = public_id(Prefix.ITEM, row.item_ids[0]) if count == 1 else f"{count} items"
    if row.kind is SuggestionKind.SPLIT:
        return f"split {items} from {theme}?"
    return f"move {items} from {theme} to {other}?" if theme else f"put {items} into {other}?"
