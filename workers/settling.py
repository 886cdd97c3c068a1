"""When a theme stream is refitted outside its own rhythm: after an import, or in a small set."""

from models.language.discover import ThemeStream
from models.records import JsonObject

LEAST = 20
"""Items without any theme from which a small set is fitted at once instead of waiting for its first refit."""

WAITING_SHARE = 0.05
GROWTH = 1.1


def settling_is_due(stream: ThemeStream, settled_at: int) -> bool:
    """Say whether too many items wait, given how many were read since the last time."""
    _, numbers = stream.assignments()
    read = stream.state().bookkeeping.read
    waiting = int((numbers == 0).sum())
    return read >= LEAST and waiting > WAITING_SHARE * len(numbers) and read >= GROWTH * settled_at


def settled_at(state: JsonObject) -> int:
    """Return how many items a stored stream had read when it was settled last; 0: it never was."""
    return int(str(state.get("settled_at", 0)))


def settles(state: JsonObject) -> list[int]:
    """Return how many items a stored stream had read each time it was settled, as far as that was written down."""
    told = state.get("settles", [settled_at(state)])
    assert isinstance(told, list)
    return [int(str(read)) for read in told if int(str(read)) > 0]
