"""The `ebb` command.

Exit codes: 0 done, 1 our fault, 2 bad input (one line on stderr), 3 the check it was asked to make found something.
"""

import sys
from collections.abc import Mapping, Sequence
from importlib import import_module

import typer

from models.errors import EbbError

ROOMS: Mapping[str, tuple[str, ...]] = {
    "setup": ("init", "sign-in", "workspaces", "users"),
    "serve": ("up", "api", "worker", "beat"),
    "operate": ("work", "replay"),
    "pull": ("pull",),
    "doctor": ("doctor",),
    "transfer": ("import", "releases"),
    "demo": ("demo",),
    "themes": ("themes", "links"),
    "impact": ("impact",),
    "text": ("text",),
    "erase": ("erase",),
    "encoder": ("encoder",),
}
"""Modules of `service.commands` and the commands they register; only the one that is asked for is imported."""


def build(command: str | None) -> typer.Typer:
    """Build the program for one command; for an unknown one, or for help, with all of them."""
    app = typer.Typer(
        name="ebb",
        help="Did complaints ebb after you shipped?",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    # A program with one command would take its name for an argument without a callback.
    app.callback()(lambda: None)
    wanted = [room for room, commands in ROOMS.items() if command in commands] or list(ROOMS)
    for room in wanted:
        import_module(f"service.commands.{room}").register(app)
    return app


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command and exit with its code; bad input is one line on stderr, never a traceback."""
    sys.exit(run(arguments))


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    command = next((word for word in given if not word.startswith("-")), None)
    try:
        program = typer.main.get_command(build(command))
        code = program.main(args=given, prog_name="ebb", standalone_mode=False)
    except EbbError as error:
        where = f"{error.field}: " if error.field and error.field not in error.message else ""
        typer.echo(f"ebb: {where}{error.message}", err=True)
        return 2
    except typer.Abort:
        typer.echo("ebb: stopped", err=True)
        return 130
    except typer.TyperException as error:
        message = error.format_message()
        if message:  # without a command, the help was printed instead
            typer.echo(f"ebb: {message}", err=True)
        return 2
    return code if isinstance(code, int) else 0
