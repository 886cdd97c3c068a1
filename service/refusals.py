"""Calls that were refused, noted for their sources' health a moment later and never in the call's own time.

Writing takes milliseconds, and only a source that exists has something to write: whoever measured how long a refusal
takes would learn which sources there are. It also keeps a flood of forged calls from becoming a flood of commits.
"""

import threading
from dataclasses import dataclass
from datetime import datetime

from models.database import Database, is_out_of_reach
from models.logs import get_logger, type_name
from models.queries import deliveries
from service.doors import Door

log = get_logger("ebb.intake")

WRITTEN_AFTER_S = 0.1


@dataclass(slots=True)
class _Refused:
    """The refused calls of a source since they were last written."""

    count: int
    reason: str
    at: datetime


class Refusals:
    """The refused calls of one process; the application writes what is left when it ends."""

    def __init__(self) -> None:
        self._waiting: dict[tuple[Database, int, int], _Refused] = {}
        self._timer: threading.Timer | None = None
        self._lock, self._writing = threading.Lock(), threading.Lock()

    def note(self, database: Database, door: Door | None, *, reason: str, now: datetime) -> None:
        """Note a refused call; one of an unknown source takes as long, and leaves nothing."""
        with self._lock:
            if door is not None:
                self._add((database, door.workspace_id, door.id), _Refused(1, reason, now))
            if self._timer is None:
                self._timer = threading.Timer(WRITTEN_AFTER_S, self.write)
                self._timer.daemon = True
                self._timer.start()

    def _add(self, key: tuple[Database, int, int], more: _Refused) -> None:
        stands = self._waiting.setdefault(key, _Refused(0, more.reason, more.at))
        stands.count += more.count
        if more.at >= stands.at:
            stands.reason, stands.at = more.reason, more.at

    def write(self) -> None:
        """Write what was noted; return once it stands. What cannot be written now is kept for the next time."""
        with self._writing:
            with self._lock:
                taken, self._waiting = self._waiting, {}
                if self._timer is not None:
                    self._timer.cancel()
                self._timer = None
            for key, refused in taken.items():
                self._write_one(key, refused)

    def _write_one(self, key: tuple[Database, int, int], refused: _Refused) -> None:
        database, workspace, source = key
        try:
            with database.write(workspace=workspace) as session:
                deliveries.count_rejected(
                    session,
                    workspace=workspace,
                    source=source,
                    reason=refused.reason,
                    now=refused.at,
                    count=refused.count,
                )
        except Exception as error:  # noqa: BLE001 - nobody waits for it: calls are refused all the same
            log.warning("refused calls could not be noted", calls=refused.count, error=type_name(error))
            if is_out_of_reach(error):
                with self._lock:
                    self._add(key, refused)
