"""What the doctor says of deliveries that were not read: by source, why, and how they are read again."""

from collections.abc import Iterator

from models.queries.delivery_log import Unread
from models.values.deliveries import DeliveryOutcome
from models.values.ids import Prefix, public_id
from service.commands.findings import Finding
from service.unread import UnreadBySource

SHOWN = 20
"""So many sources are told of one by one."""


def tell_unread(found: UnreadBySource) -> Iterator[Finding]:
    """Tell of sources with deliveries that were given up, which need a person, or that were not understood."""
    told = [
        (workspace, source, unread)
        for workspace, sources in found.items()
        for source, unread in sources.items()
        if unread.dead or unread.invalid
    ]
    # Those that need a person first.
    told.sort(key=lambda each: not each[2].dead)
    for workspace, source, unread in told[:SHOWN]:
        yield _of_source(source, unread, f" --workspace {public_id(Prefix.WORKSPACE, workspace)}")
    if len(told) > SHOWN:
        yield Finding("unread deliveries", f"of {len(told) - SHOWN} more sources")


def _of_source(source: int, unread: Unread, where: str) -> Finding:
    name = public_id(Prefix.SOURCE, source)
    parts = [f"{unread.waiting} waiting"] if unread.waiting else []
    advice = ""
    if unread.dead:
        parts.append(f"{unread.dead} given up ({', '.join(unread.errors)})")
        again = f"`ebb replay --source {name} --state {DeliveryOutcome.DEAD}{where}`"
        advice = f"reading deliveries of {name} was given up, by a fault of Ebb's: after an update {again}"
    if unread.invalid:
        again = f"`ebb replay --source {name} --state {DeliveryOutcome.INVALID}{where}`"
        parts.append(f"{unread.invalid} not understood: see its health, then {again}")
    return Finding(f"unread deliveries, {name}", ", ".join(parts), advice)
