"""The `ebb` command.

Exit codes: 0 done, 1 our fault, 2 bad input (one line on stderr), 3 the check it was asked to make found something.
"""

import sys
from collections.abc import Sequence

import typer

from models.errors import EbbError
from service.commands import demo, impact, operate, serve, text, themes, transfer

app = typer.Typer(
    name="ebb",
    help="Did complaints ebb after you shipped?",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for register in (serve.register, operate.register, transfer.register, demo.register):
    register(app)
app.add_typer(themes.app, name="themes", help="Themes in a file: no database needed.")
app.add_typer(impact.app, name="impact", help="Verdicts on series in a file: no database needed.")
app.add_typer(text.app, name="text", help="Text as Ebb reads it.")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command and exit with its code; bad input is one line on stderr, never a traceback."""
    sys.exit(run(arguments))


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    try:
        code = typer.main.get_command(app).main(
            args=list(arguments) if arguments is not None else None, prog_name="ebb", standalone_mode=False
        )
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
