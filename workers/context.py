"""What every stage is given: the database, the settings, the clock, and the encoder, loaded at first use."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from models.database import Database
from models.language.encode import Encoder
from models.settings import Settings

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
    encoders: dict[str, Encoder] = field(default_factory=dict)

    def encoder(self, dtype: str) -> Encoder:
        """Return the encoder for an arithmetic, loading it once."""
        if dtype not in self.encoders:
            self.encoders[dtype] = self.load_encoder(dtype)
        return self.encoders[dtype]
