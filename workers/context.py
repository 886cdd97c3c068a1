"""What every stage is given: the database, the settings, the clock, and the encoder, loaded at first use."""

import os
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Protocol

from models.database import Database
from models.language.encode import Encoder
from models.settings import Settings

EMBEDDED = "embedded"

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Read the wall clock."""
    return datetime.now(UTC)


class Heard(Protocol):
    """Somebody who wants to know how far a long step is."""

    def __call__(self, done: int, total: int) -> None:
        """Hear that `done` of `total` units are finished."""


@dataclass(slots=True)
class Context:
    """One worker process's world; `load_encoder` gets the arithmetic ("float32") the workspace fixed."""

    database: Database
    settings: Settings
    load_encoder: Callable[[str], Encoder]
    clock: Clock = utc_now
    # What it is in the table of heartbeats: `embedded`, or the queue it serves.
    kind: str = EMBEDDED
    encoders: dict[str, Encoder] = field(default_factory=dict)
    started_at: datetime = field(init=False)
    version: str = field(init=False, default_factory=lambda: version("ebb"))

    def __post_init__(self) -> None:
        """Note when this process began."""
        self.started_at = self.clock()

    @property
    def worker(self) -> str:
        """The name under which this machine's workers of one kind are known."""
        return f"{self.kind}@{socket.gethostname()}"

    def encoder(self, dtype: str) -> Encoder:
        """Return the encoder for an arithmetic, loading it once."""
        if dtype not in self.encoders:
            self.encoders[dtype] = self.load_encoder(dtype)
        return self.encoders[dtype]


def build_context(settings: Settings, *, kind: str = EMBEDDED) -> Context:
    """Build the world of a worker process; the encoder is loaded when the first item needs it."""

    def load_encoder(dtype: str) -> Encoder:
        # Imported here: torch costs seconds and hundreds of megabytes, and many runs never need it.
        from workers.encoder import SentenceEncoder

        return SentenceEncoder(dtype=dtype, threads=settings.encoder_threads or os.cpu_count() or 1)

    database = Database(settings.database_url, synchronous=settings.sqlite_synchronous)
    return Context(database, settings, load_encoder, utc_now, kind=kind)
