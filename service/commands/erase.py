"""`ebb erase`: remove a person's words and keep their counts."""

import json
from typing import Annotated

import typer

from models.queries.workspaces import COMMAND_LINE
from models.sealing import keyring
from models.settings import load_settings
from models.values.ids import Prefix, public_id
from service.commands import world
from service.commands.world import AsJson, OfWorkspace
from service.erasure import Receipt, erase, parse_who


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("erase")(erase_command)


def erase_command(
    person: Annotated[
        str, typer.Option("--person", help="E-mail address, src_N:CUSTOMER_ID at a source, or per_N.")
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count what would go.")] = False,
    as_json: AsJson = False,
    workspace: OfWorkspace = None,
) -> None:
    """Erase a person: text, vectors, quotes, search entries and raw deliveries go; the receipt says how many.

    Exit 3 if something of theirs was found afterwards, or if the database's files could not be cleaned at once.
    """
    who = parse_who(person)
    with world.open_database() as database:
        owner = world.choose_workspace(database, workspace)
        receipt = erase(
            database,
            keyring(load_settings().sealing_key),
            workspace=owner.id,
            who=who,
            actor=world.ACTOR,
            by=COMMAND_LINE,
            now=world.now(),
            dry_run=dry_run,
        )
    _tell(receipt, as_json)
    if receipt.left or not (receipt.scrubbed or dry_run):
        raise typer.Exit(3)


def _tell(receipt: Receipt, as_json: bool) -> None:
    number = None if receipt.id is None else public_id(Prefix.ERASURE, receipt.id)
    said = {
        "id": number,
        "at": receipt.at.isoformat(),
        "asked_by": world.ACTOR,
        "persons": receipt.persons,
        "digests": list(receipt.digests),
        "items": receipt.removed.items,
        "vectors": receipt.removed.vectors,
        "quotes": receipt.removed.quotes,
        "deliveries": receipt.removed.deliveries,
        "labels": receipt.removed.labels,
        "left": receipt.left,
        "reports_unchanged": receipt.counts_unchanged,
        "files_cleaned": receipt.scrubbed if number else None,
        "receipt_hash": receipt.receipt_hash,
    }
    if as_json:
        typer.echo(json.dumps(said))
        return
    typer.echo("Would go; nothing was changed." if number is None else f"Erased; receipt {number}.")
    for name in ("persons", "items", "vectors", "quotes", "deliveries", "labels"):
        typer.echo(f"  {name:<11}{said[name]}")
    if number is None:
        return
    typer.echo(
        f"  left       {receipt.left}, counts {'as before' if receipt.counts_unchanged else 'CHANGED'}"
    )
    typer.echo(f"  sha256     {receipt.receipt_hash}")
    if not receipt.scrubbed:
        typer.echo(
            "ebb: the rows are gone; the files could not be cleaned yet (another program reads them, or this user "
            "does not own the tables): docs/privacy.md says how.",
            err=True,
        )
