"""`ebb themes merge` and the other acts of people on themes, on the database."""

import json
from collections.abc import Callable
from typing import Annotated

import typer

from models.queries import theme_acts, themes
from models.queries.theme_log import Acted, Author, name_of
from models.queries.workspaces import COMMAND_LINE
from models.values.ids import Prefix, parse_id, public_id
from service.commands import world
from service.commands.world import AsJson, OfWorkspace
from service.curation import Hand

Theme = Annotated[str, typer.Argument(metavar="THEME", help="A theme, as in th_17.")]
Into = Annotated[str, typer.Option("--into", metavar="THEME", help="The theme that stands afterwards.")]

Act = Callable[[Hand], Acted]


def register(app: typer.Typer) -> None:
    """Add the commands to `ebb themes`."""
    for command in (merge, split, rename, pin, unpin, move, dismiss, seed, undo, acts):
        app.command()(command)


def merge(
    others: Annotated[list[str], typer.Argument(metavar="THEME...", help="Themes to take in.")],
    into: Into,
    as_json: AsJson = False,
    workspace: OfWorkspace = None,
) -> None:
    """Merge themes into one, for good: their ids lead to it."""
    _act(lambda hand: hand.merge(into, others), as_json, workspace)


def split(
    theme: Theme,
    item: Annotated[list[str], typer.Option("--item", help="An item to move out, as in fb_17; repeatable.")],
    label: Annotated[
        str | None, typer.Option(help="Name of the new theme; found from its words if left out.")
    ] = None,
    as_json: AsJson = False,
    workspace: OfWorkspace = None,
) -> None:
    """Move items out of a theme into one of their own."""
    _act(lambda hand: hand.split(theme, item, label), as_json, workspace)


def rename(
    theme: Theme,
    label: Annotated[str, typer.Argument(help="What it is about.")],
    as_json: AsJson = False,
    workspace: OfWorkspace = None,
) -> None:
    """Name a theme; refits keep the name."""
    _act(lambda hand: hand.rename(theme, label), as_json, workspace)


def pin(theme: Theme, as_json: AsJson = False, workspace: OfWorkspace = None) -> None:
    """Hold a theme together: refits neither merge it nor take items out."""
    _act(lambda hand: hand.pin(theme), as_json, workspace)


def unpin(theme: Theme, as_json: AsJson = False, workspace: OfWorkspace = None) -> None:
    """Let a theme go that was pinned."""
    _act(lambda hand: hand.pin(theme, pinned=False), as_json, workspace)


def move(
    items: Annotated[list[str], typer.Argument(metavar="ITEM...", help="Items to move, as in fb_17.")],
    into: Into,
    as_json: AsJson = False,
    workspace: OfWorkspace = None,
) -> None:
    """Put items into a theme; they stay there whatever refits find."""
    _act(lambda hand: hand.move(into, items), as_json, workspace)


def dismiss(theme: Theme, as_json: AsJson = False, workspace: OfWorkspace = None) -> None:
    """Call a theme noise: it takes in what is like it, and nothing in it counts."""
    _act(lambda hand: hand.dismiss(theme), as_json, workspace)


def seed(
    label: Annotated[str, typer.Argument(help="The name of the theme.")],
    description: Annotated[str, typer.Option(help="What belongs in it.")] = "",
    example: Annotated[
        list[str] | None, typer.Option("--example", help="What customers might write; repeatable.")
    ] = None,
    as_json: AsJson = False,
    workspace: OfWorkspace = None,
) -> None:
    """Make a theme that is expected, before there are items."""
    _act(lambda hand: hand.seed(label, description, example or []), as_json, workspace)


def undo(
    theme: Theme,
    of: Annotated[
        str | None, typer.Option("--act", help="The act to take back; the latest if left out.")
    ] = None,
    as_json: AsJson = False,
    workspace: OfWorkspace = None,
) -> None:
    """Take back the latest act on a theme that stands, or the one that is named."""
    _act(lambda hand: hand.undo(theme, act=of), as_json, workspace)


def acts(
    theme: Annotated[str | None, typer.Option(help="Only acts that touched this theme.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Most acts listed.")] = 50,
    as_json: AsJson = False,
    workspace: OfWorkspace = None,
) -> None:
    """List what people did to themes, newest first."""
    number = None if theme is None else parse_id(Prefix.THEME, theme)
    with world.open_database() as database:
        owner = world.choose_workspace(database, workspace).id
        with database.read(workspace=owner) as session:
            if number is not None:
                themes.get_theme(session, workspace=owner, theme=number)
            rows = theme_acts.list_acts(session, workspace=owner, theme=number, before=None, limit=limit)
            undone = theme_acts.undone_by(session, workspace=owner, acts=[row.id for row in rows])
            said = [
                {
                    "id": public_id(Prefix.ACT, row.id),
                    "act": name_of(row).partition(", ")[2],
                    "label": row.label,
                    "undone_by": public_id(Prefix.ACT, undone[row.id]) if row.id in undone else None,
                }
                for row in rows
            ]
    if as_json:
        typer.echo(json.dumps(said))
        return
    for each in said:
        label = f" “{each['label']}”" if each["label"] else ""
        gone = f" (undone by {each['undone_by']})" if each["undone_by"] else ""
        typer.echo(f"{each['id']:<8} {each['act']}{label}{gone}")
    if not said:
        typer.echo("Nobody has changed a theme yet.")


def _act(act: Act, as_json: bool, workspace: str | None) -> None:
    """Do an act, and say what came of it."""
    with world.open_database() as database:
        owner = world.choose_workspace(database, workspace).id
        with database.write(workspace=owner) as session:
            done = act(Hand(session, owner, Author(world.ACTOR, COMMAND_LINE), world.now()))
            said = {
                "act": public_id(Prefix.ACT, done.act.id),
                "theme": public_id(Prefix.THEME, done.act.theme_id),
                "others": [public_id(Prefix.THEME, other) for other in done.act.other_ids],
                "revision": done.act.revision,
                "moved": done.moved,
            }
            words = name_of(done.act)
    if as_json:
        typer.echo(json.dumps(said))
        return
    moved = f"; {done.moved} items moved" if done.moved else ""
    typer.echo(f"Done: {words}{moved}. A worker counts anew.")
