"""`ebb text`: show what Ebb keeps of a message and what it cuts."""

import json
import sys
from typing import Annotated

import typer

from models.language.detect import detect
from models.language.mail import read_body
from models.language.own_words import TEXT_VERSION, own_words
from models.values.text import Removed, reason_of

app = typer.Typer(no_args_is_help=True, help="Text as Ebb reads it.")


@app.callback()
def text() -> None:
    """Text as Ebb reads it."""


@app.command("clean")
def clean_command(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON with the removed spans.")] = False,
) -> None:
    """Read HTML, a mail or plain text from standard input; print the customer's own words without personal data.

    With --json: text, language, notes, the rules' version, and removed spans with kind and reason. Spans count
    characters of the plain text, which is the input itself unless it is HTML, a raw mail, or holds characters that
    are normalised.
    """
    body = read_body(sys.stdin.buffer.read())
    kept = own_words(body.text, html=body.html)
    if not as_json:
        typer.echo(kept.text)
        return
    answer = {
        "text": kept.text,
        "removed": [_shown(span) for span in kept.removed],
        "language": detect(kept.text),
        "notes": [note.value for note in kept.notes],
        "text_version": TEXT_VERSION,
    }
    typer.echo(json.dumps(answer, ensure_ascii=False))


def _shown(span: Removed) -> dict[str, str | int]:
    shown: dict[str, str | int] = {"kind": span.kind.value, "start": span.start, "end": span.end}
    if span.what:
        shown["what"] = span.what
    return shown | {"reason": reason_of(span.kind, span.what)}


def register(program: typer.Typer) -> None:
    """Add the commands."""
    program.add_typer(app, name="text", help="Text as Ebb reads it.")
