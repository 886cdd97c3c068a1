"""`ebb text`: show what Ebb keeps of a message and what it cuts."""

import json
import sys
from collections.abc import Iterator
from typing import Annotated

import typer

from models.language.clean import Cleaned, clean
from models.language.detect import detect
from models.language.mail import read_body
from models.language.redact import Redacted, redact
from models.values.text import Removed

app = typer.Typer(no_args_is_help=True, help="Text as Ebb reads it.")


@app.callback()
def text() -> None:
    """Text as Ebb reads it."""


@app.command("clean")
def clean_command(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON with the removed spans.")] = False,
) -> None:
    """Read HTML, a mail or plain text from standard input; print the customer's own words without personal data.

    With --json: text, language, notes, and removed spans with their kind. Spans count characters of the plain text,
    which is the input itself unless it is HTML, a raw mail, or holds characters that are normalised.
    """
    body = read_body(sys.stdin.buffer.read())
    cleaned = clean(body.text, html=body.html)
    redacted = redact(cleaned.text)
    if not as_json:
        typer.echo(redacted.text)
        return
    removed = sorted((*cleaned.removed, *_in_plain_text(cleaned, redacted)), key=lambda span: span.start)
    answer = {
        "text": redacted.text,
        "removed": [_shown(span) for span in removed],
        "language": detect(redacted.text),
        "notes": [note.value for note in cleaned.notes],
    }
    typer.echo(json.dumps(answer, ensure_ascii=False))


def _in_plain_text(cleaned: Cleaned, redacted: Redacted) -> Iterator[Removed]:
    """Move redacted spans from the cleaned text to the plain text, where the other spans count."""
    for span in redacted.removed:
        start, last = cleaned.plain_offset(span.start), cleaned.plain_offset(span.end - 1)
        yield Removed(span.kind, start, last + 1, span.what)


def _shown(span: Removed) -> dict[str, str | int]:
    shown: dict[str, str | int] = {"kind": span.kind.value, "start": span.start, "end": span.end}
    return shown | {"what": span.what} if span.what else shown


def register(program: typer.Typer) -> None:
    """Add the commands."""
    program.add_typer(app, name="text", help="Text as Ebb reads it.")
