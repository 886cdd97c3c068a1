"""What every stage is given: the database, the settings, the clock, and the encoder, loaded at first use."""

import os
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Protocol

from models.database import Database
from models.errors import Invalid
from models.language.encode import Encoder
from models.settings import Settings
from models.values.encoders import PACKAGED_MODEL, EncoderChoice, model_folders

EMBEDDED = "embedded"

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Read the wall clock."""
    return datetime.now(UTC)


def no_other_model(choice: EncoderChoice) -> Encoder:
    """Refuse a model that is not the packaged one."""
    raise Invalid(f"this worker knows no model {choice.model!r}; see EBB_ENCODER_MODELS.", field="model")


class Heard(Protocol):
    """Somebody who wants to know how far a long step is."""

    def __call__(self, done: int, total: int) -> None:
        """Hear that `done` of `total` units are finished."""


@dataclass(slots=True)
class Context:
    """One worker process's world.

    `load_encoder` gets the arithmetic ("float32") in which the packaged model computes, `load_model` names another.
    """

    database: Database
    settings: Settings
    load_encoder: Callable[[str], Encoder]
    clock: Clock = utc_now
    # What it is in the table of heartbeats: `embedded`, or the queue it serves.
    kind: str = EMBEDDED
    load_model: Callable[[EncoderChoice], Encoder] = no_other_model
    encoders: dict[EncoderChoice, Encoder] = field(default_factory=dict)
    started_at: datetime = field(init=False)
    version: str = field(init=False, default_factory=lambda: version("ebb"))

    def __post_init__(self) -> None:
        """Note when this process began."""
        self.started_at = self.clock()

    @property
    def worker(self) -> str:
        """The name under which this machine's workers of one kind are known."""
        return f"{self.kind}@{socket.gethostname()}"

    def encoder(self, choice: EncoderChoice) -> Encoder:
        """Return an encoder, loading it once."""
        if choice not in self.encoders:
            is_packaged = choice.model == PACKAGED_MODEL
            self.encoders[choice] = (
                self.load_encoder(choice.dtype) if is_packaged else self.load_model(choice)
            )
        return self.encoders[choice]


def build_context(settings: Settings, *, kind: str = EMBEDDED) -> Context:
    """Build the world of a worker process; the encoder is loaded when the first item needs it."""

    threads = settings.encoder_threads or os.cpu_count() or 1

    def load_encoder(dtype: str) -> Encoder:
        # Imported here: torch costs seconds and hundreds of megabytes, and many runs never need it.
        from workers.encoder import SentenceEncoder

        return SentenceEncoder(dtype=dtype, threads=threads)

    def load_model(choice: EncoderChoice) -> Encoder:
        from workers.encoder import SentenceEncoder, digests_of

        folder = model_folders(settings.encoder_models).get(choice.model)
        if folder is None:
            return no_other_model(choice)
        return SentenceEncoder(
            folder, name=choice.model, digests=digests_of(folder), dtype=choice.dtype, threads=threads
        )

    database = Database(settings.database_url, synchronous=settings.sqlite_synchronous)
    return Context(database, settings, load_encoder, utc_now, kind=kind, load_model=load_model)
