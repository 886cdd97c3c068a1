"""The stages of work, in the order in which a ticket walks through them."""

from enum import StrEnum


class Job(StrEnum):
    """Name a stage; `work.stage` and the messages between programs carry exactly these names."""

    INTAKE = "intake"
    EMBED = "embed"
    PLACE = "place"
    LABEL = "label"
    COUNT = "count"
    LINK = "link"
    MEASURE = "measure"


class WorkState(StrEnum):
    """Say whether a piece of work waits, is done, or was given up after bounded attempts."""

    READY = "ready"
    DONE = "done"
    DEAD = "dead"
