"""What the doctor says of the secrets of sources: which are sealed, plain, or sealed with a key that is missing."""

from collections.abc import Iterator, Sequence

from models.database import Database
from models.queries import sealed, workspaces
from models.queries.sealed import KeptSecret
from models.sealing import SETTING, Keyring, Seal
from models.values.ids import Prefix, public_id
from service.commands.findings import Finding

SHOWN = 20
"""So many secrets of one kind are named; of more, how many."""


def read_secrets(database: Database, keys: Keyring) -> list[KeptSecret]:
    """List the secrets of every workspace's sources."""
    found: list[KeptSecret] = []
    with database.read(workspace=None) as session:
        numbers = [row.id for row in workspaces.list_workspaces(session)]
    for number in numbers:
        with database.read(workspace=number) as session:
            found += sealed.list_secrets(session, workspace=number, keys=keys)
    return found


def tell_secrets(found: Sequence[KeptSecret], keys: Keyring) -> Iterator[Finding]:
    """Tell how secrets stand; a person is needed where one cannot be opened."""
    by_seal = {seal: [each for each in found if each.seal is seal] for seal in Seal}
    counts = ", ".join(f"{len(by_seal[seal])} {seal}" for seal in Seal if by_seal[seal])
    yield Finding("secrets of sources", counts or "none")
    if by_seal[Seal.PLAIN]:
        cure = f"set {SETTING} and" if not keys.keys else "within the hour"
        yield Finding("plain secrets", f"{_names(by_seal[Seal.PLAIN])}: {cure} the chore `seal` seals them")
    if by_seal[Seal.OUTDATED]:
        yield Finding(
            "secrets of an older key",
            f"{_names(by_seal[Seal.OUTDATED])}: keep that key in {SETTING}; within the hour the chore `seal` "
            "seals them with the first",
        )
    if by_seal[Seal.UNREADABLE]:
        yield Finding(
            "unreadable secrets",
            _names(by_seal[Seal.UNREADABLE]),
            f"add the key that they are sealed with to {SETTING}: calls of these sources are answered 503 and "
            "nothing is pulled with these tokens until then",
        )


def _names(secrets: Sequence[KeptSecret]) -> str:
    """Name secrets by source and kind."""
    named = [f"{public_id(Prefix.SOURCE, each.source)} ({each.kind})" for each in secrets[:SHOWN]]
    more = f" and {len(secrets) - SHOWN} more" if len(secrets) > SHOWN else ""
    return ", ".join(named) + more
