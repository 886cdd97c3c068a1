"""The sources of one API process as intake knows them: read from the database, and kept for a second.

A secret that was taken away opens its door for `KEPT_S` at most. A new one opens it at once: whoever fails by what is
kept is looked at again by what is stored.
"""

import time
from collections import OrderedDict
from dataclasses import dataclass

from models.database import Database
from models.queries import deliveries
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
    secret: str | None
    settings: SourceSettings


class Doors:
    """The doors that were read lately; written and read by one event loop and its threads."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[Database, int], tuple[float, Door]] = OrderedDict()

    def kept(self, database: Database, number: int) -> Door | None:
        """Return a source as it was less than a second ago; None where nobody has looked since."""
        found = self._kept.get((database, number))
        return found[1] if found is not None and time.monotonic() - found[0] < KEPT_S else None

    def read(self, database: Database, number: int) -> Door | None:
        """Read a source anew, and keep it; None where there is none."""
        began = time.monotonic()
        door = read_door(database, number)
        self._kept.pop((database, number), None)
        if door is not None:
            self._kept[database, number] = (began, door)
            while len(self._kept) > MOST:
                self._kept.popitem(last=False)
        return door


def read_door(database: Database, number: int) -> Door | None:
    """Read a source of whichever workspace; None where there is none."""
    with database.read(workspace=None) as session:
        row = deliveries.find_source(session, source=number)
    if row is None:
        return None
    kind = source_of(row.kind)
    settings = settings_from(kind.schemes, row.settings)
    return Door(row.id, row.workspace_id, kind, row.secret, settings)
