"""The sources of one API process as intake knows them: read from the database, and kept for a second.

A secret that was taken away opens its door for `KEPT_S` at most. A new one opens it at once: whoever fails by what is
kept is looked at again by what is stored.
"""

import time
from collections import OrderedDict
from dataclasses import dataclass, field

from models.database import Database
from models.queries import deliveries, sealed
from models.records import Source as SourceRow
from models.sealing import Keyring, Sealed
from models.sources.registry import source_of
from models.sources.source import Source, SourceSettings, settings_from

KEPT_S = 1.0
MOST = 1_000
"""So many doors are kept; beyond that the one that was read first gives way."""


@dataclass(frozen=True, slots=True)
class Door:
    """What intake needs of a configured source; it outlives the session that read it."""

    id: int
    workspace_id: int
    kind: Source
    secret: str | None = field(repr=False)
    settings: SourceSettings
    # Why its secret cannot be read; None where it can, or where it has none.
    unreadable: str | None = None


class Doors:
    """The doors that were read lately; written and read by one event loop and its threads.

    `keys` open the secrets that are sealed.
    """

    def __init__(self, keys: Keyring) -> None:
        self._keys = keys
        self._kept: OrderedDict[tuple[Database, int], tuple[float, Door]] = OrderedDict()

    def kept(self, database: Database, number: int) -> Door | None:
        """Return a source as it was less than a second ago; None where nobody has looked since."""
        found = self._kept.get((database, number))
        return found[1] if found is not None and time.monotonic() - found[0] < KEPT_S else None

    def read(self, database: Database, number: int) -> Door | None:
        """Read a source anew, and keep it; None where there is none."""
        began = time.monotonic()
        door = self.look(database, number)
        self._kept.pop((database, number), None)
        if door is not None:
            self._kept[database, number] = (began, door)
            while len(self._kept) > MOST:
                self._kept.popitem(last=False)
        return door

    def look(self, database: Database, number: int) -> Door | None:
        """Read a source of whichever workspace; None where there is none."""
        with database.read(workspace=None) as session:
            row = deliveries.find_source(session, source=number)
        return _door(row, self._keys) if row is not None else None

    def is_key_missing(self, database: Database) -> bool:
        """Say whether there are secrets, of whichever source, that none of this process's keys opens."""
        with database.read(workspace=None) as session:
            return sealed.has_unreadable_secret(session, keys=self._keys)


def _door(row: SourceRow, keys: Keyring) -> Door:
    kind = source_of(row.kind)
    settings = settings_from(kind.schemes, row.settings)
    try:
        return Door(row.id, row.workspace_id, kind, sealed.secret_of(row, keys), settings)
    except Sealed as error:
        return Door(row.id, row.workspace_id, kind, None, settings, unreadable=error.message)
