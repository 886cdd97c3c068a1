"""`ebb encoder`: which encoder a workspace uses, trying another one, and switching to it."""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Annotated

import typer

from models.queries.theme_log import Author
from models.queries.workspaces import COMMAND_LINE
from models.records import ShadowState
from models.settings import load_settings
from models.values.encoders import Dtype
from service.commands import world
from service.commands.world import AsJson, OfWorkspace
from service.encoders import EncoderView, Hand, ReportView, ThemeFate, acting, read_encoder

app = typer.Typer(no_args_is_help=True)
LISTED = 20
"""So many themes of each kind are printed."""


def register(program: typer.Typer) -> None:
    """Add the commands."""
    program.add_typer(app, name="encoder", help="Try another encoder, see what it would move, switch to it.")


@app.callback()
def encoder() -> None:
    """Try another encoder beside the workspace's own, see what it would move, and switch to it."""


@app.command()
def status(as_json: AsJson = False, workspace: OfWorkspace = None) -> None:
    """Show the encoder in use and the one that is tried: how far it is, and what a switch would move."""
    with world.open_database() as database:
        owner = world.choose_workspace(database, workspace).id
        with database.read(workspace=owner) as session:
            view = read_encoder(session, workspace=owner, settings=load_settings())
    _tell(view, as_json)


@app.command("try")
def try_encoder(
    model: Annotated[
        str | None, typer.Argument(metavar="[MODEL]", help="The model to try; the one in use if left out.")
    ] = None,
    dtype: Annotated[Dtype | None, typer.Option(help="Its arithmetic; the one in use if left out.")] = None,
    as_json: AsJson = False,
    workspace: OfWorkspace = None,
) -> None:
    """Run another encoder in the shadow: workers let it read all items, and nothing else changes."""
    _act(lambda hand: hand.start(model, dtype), as_json, workspace)


@app.command()
def switch(
    accept_moved: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Share that may change its theme, where it is above the limit."),
    ] = None,
    as_json: AsJson = False,
    workspace: OfWorkspace = None,
) -> None:
    """Ask for the switch to the encoder that is tried; a worker makes it, all at once."""
    _act(lambda hand: hand.switch(accept_moved), as_json, workspace)


@app.command()
def drop(as_json: AsJson = False, workspace: OfWorkspace = None) -> None:
    """Stop trying an encoder; a worker deletes what it stored."""
    _act(lambda hand: hand.drop(), as_json, workspace)


def _act(act: Callable[[Hand], None], as_json: bool, workspace: str | None) -> None:
    """Do an act, and say what stands afterwards."""
    with world.open_database() as database:
        owner = world.choose_workspace(database, workspace).id
        author = Author(world.ACTOR, COMMAND_LINE)
        with acting(database, load_settings(), workspace=owner, author=author, now=world.now()) as hand:
            act(hand)
            view = hand.view()
    _tell(view, as_json)


def _tell(view: EncoderView, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(_said(view)))
        return
    for line in _lines(view):
        typer.echo(line)


def _said(view: EncoderView) -> dict[str, object]:
    shadow = view.shadow
    return {
        "model": view.choice.model,
        "dtype": view.choice.dtype,
        "models": list(view.models),
        "moved_limit": view.limit,
        "shadow": None
        if shadow is None
        else {
            "model": shadow.choice.model,
            "dtype": shadow.choice.dtype,
            "state": str(shadow.state),
            "done": shadow.done,
            "total": shadow.total,
            "error": shadow.error,
            "refusal": shadow.refusal,
            "report": None if shadow.report is None else _said_report(shadow.report),
        },
    }


def _said_report(view: ReportView) -> dict[str, object]:
    found = view.report
    return {
        "at": view.at.isoformat(),
        "items": found.items,
        "complaints": found.complaints,
        "moved_items": found.moved_items,
        "moved_complaints": found.moved_complaints,
        "moved_share": found.moved_share,
        "waiting_before": found.waiting_before,
        "waiting_after": found.waiting_after,
        "lost": [asdict(each) for each in view.lost],
        "new": [asdict(each) for each in view.new],
        "changed": [asdict(each) for each in view.changed],
        "unchanged": view.unchanged,
    }


def _lines(view: EncoderView) -> Iterator[str]:
    yield f"In use: {view.choice}."
    shadow = view.shadow
    if shadow is None:
        yield f"No other encoder is tried. Models: {', '.join(view.models)}."
        return
    if shadow.state is ShadowState.DROPPING:
        yield "What is not needed any more is being deleted; then another encoder can be tried."
        return
    yield f"Tried: {shadow.choice}, {shadow.state}; it has read {shadow.done} of {shadow.total} items."
    if shadow.error:
        yield f"It stands still: {shadow.error}"
    if shadow.refusal:
        yield f"The switch was not made: {shadow.refusal}"
    if shadow.report is not None:
        yield from _report_lines(shadow.report, view.limit)


def _report_lines(view: ReportView, limit: float) -> Iterator[str]:
    found = view.report
    yield (
        f"A switch would move {found.moved_items} of {found.items} items ({found.items_share:.1%}) and "
        f"{found.moved_complaints} of {found.complaints} complaints ({found.complaints_share:.1%}); "
        f"the limit is {limit:.1%}."
    )
    yield f"Without a theme: {found.waiting_before} now, {found.waiting_after} afterwards."
    yield f"{view.unchanged} themes stay as they are, {len(view.changed)} gain or lose items."
    for title, verb, rows in (("Lost", "most go to", view.lost), ("New", "most come from", view.new)):
        if rows:
            yield f"{title}:"
        yield from (f"  {_theme_line(row, verb)}" for row in rows[:LISTED])
        if len(rows) > LISTED:
            yield f"  and {len(rows) - LISTED} more; --json has all."


def _theme_line(row: ThemeFate, verb: str) -> str:
    name = " ".join(filter(None, (row.theme, f"“{row.label}”" if row.label else "")))
    size = max(row.before, row.after)
    where = " ".join(filter(None, (row.other, f"“{row.other_label}”" if row.other_label else "")))
    rest = f"; {verb} {where or 'waiting'} ({row.other_items})" if row.other_items else ""
    return f"{name or 'a theme'}: {size} items{rest}"
