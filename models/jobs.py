"""The stages of work, in the order in which a ticket walks through them, and the chores that come round."""

from collections.abc import Mapping
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
    SCOPE = "scope"
    SHADOW = "shadow"


class WorkState(StrEnum):
    """Say whether a piece of work waits, is done, or was given up after bounded attempts."""

    READY = "ready"
    DONE = "done"
    DEAD = "dead"


class Queue(StrEnum):
    """The two kinds of worker: one holds models and vectors in memory, the other is light and forks."""

    DEFAULT = "default"
    EMBED = "embed"


QUEUE_OF: Mapping[Job, Queue] = {
    Job.INTAKE: Queue.DEFAULT,
    Job.EMBED: Queue.EMBED,
    Job.PLACE: Queue.EMBED,
    Job.LABEL: Queue.EMBED,
    Job.COUNT: Queue.DEFAULT,
    Job.LINK: Queue.EMBED,
    Job.MEASURE: Queue.DEFAULT,
    Job.SCOPE: Queue.DEFAULT,
    Job.SHADOW: Queue.EMBED,
}
"""Which worker does a stage: those that encode, or that keep a workspace's vectors between batches, are `embed`."""

ONE_AT_A_TIME = frozenset({Job.PLACE, Job.LABEL})
"""Stages of which one workspace has at most one batch in hand: each reads the theme stream the last one wrote."""


class Chore(StrEnum):
    """Name a periodic chore; beat sends exactly these names, the embedded worker does them itself."""

    REMIND = "remind"
    """Nudge every stage that has due work: heals lost messages, and starts what was planned for now."""
    SWEEP = "sweep"
    """Add the work rows that should exist and do not."""
    TIDY = "tidy"
    """Remove what is spent: slots, old signs of life, sign-in links and sessions that are over."""
    WATCH = "watch"
    """Find sources that are silent beyond what their own rhythm lets expect, and those that speak again."""
    RETAIN = "retain"
    """Remove the raw bodies of deliveries whose time is over."""
    SEAL = "seal"
    """Seal secrets that are plain, or sealed with a key that is on its way out."""
    PULSE = "pulse"
    """Let a worker of each kind show that it gets work done."""
    PULL = "pull"
    """Ask the vendors whose sources are pulled for what changed."""
    RECONCILE = "reconcile"
    """Compare our records of a day with the vendor's own count, and fetch what is missing."""
