"""The encoder protocol (texts in, unit vectors out) and a word-hash encoder that needs no neural model."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b, sha256
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.language.words import stem, stop_words, words

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]

STOP_WORD_WEIGHT = 0.1


class Encoder(Protocol):
    """Turns texts into vectors; the same name, digest and dtype always mean the same vectors."""

    @property
    def name(self) -> str:
        """Name the model."""

    @property
    def digest(self) -> str:
        """Return the hash of the model's weights, 64 hexadecimal digits."""

    @property
    def dtype(self) -> str:
        """Return the precision the model computes in, for example "float32"."""

    @property
    def dimension(self) -> int:
        """Return the length of a vector."""

    def encode(self, texts: Sequence[str]) -> FloatArray:
        """Encode n texts: (n, d) float32, rows of unit length, in order; an empty text raises ValueError."""


class WordHashEncoder:
    """Add up one fixed pseudo-random direction per word: texts that share words point the same way.

    It knows no synonyms. The direction of a word comes from BLAKE2b, so every process and platform agrees.
    """

    name = "word-hash"
    dtype = "float32"

    def __init__(self, dimension: int = 256) -> None:
        if not (8 <= dimension <= 512 and dimension % 8 == 0):
            raise ValueError(f"dimension must be a multiple of 8 from 8 to 512, not {dimension}")
        self.dimension = dimension
        self.digest = sha256(f"word-hash/1/{dimension}".encode()).hexdigest()

    def encode(self, texts: Sequence[str]) -> FloatArray:
        """Encode n texts: (n, d) float32, rows of unit length. A text without words is hashed as a whole."""
        refuse_empty(texts)
        rows = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            for word in words(text) or [text.strip()]:
                row += _direction(stem(word), self.dimension) * (
                    STOP_WORD_WEIGHT if word in stop_words() else 1
                )
            if not row.any():  # opposite directions of equal weight cancel; never leave a zero vector
                row += _direction(text, self.dimension)
        return unit_rows(rows)


def refuse_empty(texts: Sequence[str]) -> None:
    """Raise ValueError naming the first text that is empty or blank."""
    for position, text in enumerate(texts):
        if not text.strip():
            raise ValueError(f"text {position} is empty: leave it out before encoding")


def unit_rows(vectors: NDArray[np.floating]) -> FloatArray:
    """Scale rows to unit length: (n, d) in, (n, d) float32 out; a zero or infinite row raises ValueError."""
    if vectors.ndim != 2:
        raise ValueError(f"vectors must be two-dimensional, not of shape {vectors.shape}")
    rows = np.asarray(vectors, dtype=np.float32)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    bad = np.flatnonzero(~(np.isfinite(lengths[:, 0]) & (lengths[:, 0] > 0)))
    if len(bad):
        raise ValueError(f"vector {bad[0]} is zero or not finite and has no direction")
    return np.asarray(rows / lengths, dtype=np.float32)


@lru_cache(maxsize=65_536)
def _direction(word: str, dimension: int) -> FloatArray:
    """Draw the signs of one word's direction from its hash: (d,) float32 of -1 and +1."""
    digest = blake2b(word.encode(), digest_size=dimension // 8).digest()
    return np.unpackbits(np.frombuffer(digest, dtype=np.uint8)).astype(np.float32) * 2 - 1
