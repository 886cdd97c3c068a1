"""What is told of deliveries that are not read: why, and how they are read again."""

from models.queries.delivery_log import DeliveryEntry
from models.values.deliveries import DeliveryOutcome
from models.values.ids import Prefix, public_id


def reason_of(entry: DeliveryEntry) -> str | None:
    """Say in words why a delivery is not read; errors are told by their type, for a message may quote a ticket."""
    if entry.outcome is DeliveryOutcome.DEAD:
        return (
            f"Reading it failed {entry.attempts} times and was given up; the last time: {entry.error}. That is a "
            f"fault of this program: after an update replay it, {replay_one(entry.id)}."
        )
    if entry.outcome is DeliveryOutcome.OPEN and entry.error:
        return f"Reading it failed {entry.attempts} times so far, the last time: {entry.error}; it is tried again."
    return entry.reason


def fault_of(error: str) -> str:
    """Say in words what the type of an error means for deliveries that reading was given up of."""
    return f"Reading failed every time: {error}. That is a fault of this program: replay after an update."


def replay_one(delivery: int) -> str:
    """Say how a single delivery is read again."""
    name = public_id(Prefix.DELIVERY, delivery)
    return f"POST /v1/deliveries/{name}/replay or `ebb replay --delivery {name}`"


def replay_all(source: int, outcome: DeliveryOutcome) -> str:
    """Say how all deliveries of a source that ended so are read again."""
    name = public_id(Prefix.SOURCE, source)
    body = f'{{"source": "{name}", "state": "{outcome}"}}'
    return f"POST /v1/deliveries/replay with {body} or `ebb replay --source {name} --state {outcome}`"
