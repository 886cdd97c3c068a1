"""`ebb themes` and `ebb links`; file mode runs in a child process, for only workers may load the encoder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from service.commands import theme_acts, theme_suggestions

app = typer.Typer(no_args_is_help=True)
links_app = typer.Typer(no_args_is_help=True)


theme_acts.register(app)
theme_suggestions.register(app)


@app.callback()
def themes() -> None:
    """Find themes in a file, which needs no database; or correct the themes of a workspace."""


@links_app.callback()
def links() -> None:
    """Links between two files: no database needed."""


@app.command()
def discover(
    path_in: Annotated[Path, typer.Argument(metavar="IN", help="A .jsonl or .csv file with id and text.")],
    out: Annotated[Path, typer.Option(help="The .csv file to write; the themes go beside it.")],
    embeddings: Annotated[
        Path | None, typer.Option(help="An .npy file, one vector per item in file order.")
    ] = None,
    batch: Annotated[int, typer.Option(min=1, help="Items read at once.")] = 200,
) -> None:
    """Find themes in a file, read as a stream in file order."""
    arguments = ["themes-discover", str(path_in), "--out", str(out), "--batch", str(batch)]
    _work([*arguments, *(["--embeddings", str(embeddings)] if embeddings else [])])


@links_app.command()
def rank(
    features: Annotated[Path, typer.Option(help="A .jsonl or .csv file with id, title and body.")],
    feedback: Annotated[Path, typer.Option(help="A .jsonl or .csv file with id, title and text.")],
    out: Annotated[Path, typer.Option(help="The .csv file to write.")],
    top: Annotated[int, typer.Option(min=1, help="Pairs kept per feature and per item.")] = 10,
) -> None:
    """Rank feedback for shipped features, and features for feedback."""
    files = ["--features", str(features), "--feedback", str(feedback), "--out", str(out)]
    _work(["links-rank", *files, "--top", str(top)])


def _work(arguments: list[str]) -> None:
    """Run a worker's file command and pass on its messages and its exit code."""
    done = subprocess.run([sys.executable, "-m", "workers.files", *arguments], check=False)
    if done.returncode:
        raise typer.Exit(done.returncode if done.returncode > 0 else 1)


def register(program: typer.Typer) -> None:
    """Add the commands."""
    program.add_typer(app, name="themes", help="Find themes in a file, or correct those of a workspace.")
    program.add_typer(links_app, name="links", help="Links in files: no database needed.")
