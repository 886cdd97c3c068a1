"""What became of a delivery, in the words that people read."""

from enum import StrEnum


class DeliveryOutcome(StrEnum):
    """What became of a delivery; `dead` where reading it was given up: our fault, and not its sender's."""

    OPEN = "open"
    PARSED = "parsed"
    IGNORED = "ignored"
    INVALID = "invalid"
    DEAD = "dead"


REPLAYED_AT_ONCE = (DeliveryOutcome.INVALID, DeliveryOutcome.DEAD)
"""What can be read again all at once: the others were understood, or still wait."""
