"""Streams of vectors with known themes, for tests of discovery."""

from __future__ import annotations

import numpy as np

from models.language.encode import FloatArray, IntArray, unit_rows


def mixture(
    sizes: list[int], *, seed: int, dimension: int = 64, spread: float = 0.09
) -> tuple[FloatArray, IntArray]:
    """Draw vectors around one random direction per theme, shuffled: (n, d) float32 of unit length, (n,) labels."""
    rng = np.random.default_rng(seed)
    centres = unit_rows(rng.normal(size=(len(sizes), dimension)))
    labels = rng.permutation(np.repeat(np.arange(len(sizes), dtype=np.int64), sizes))
    return unit_rows(centres[labels] + spread * rng.normal(size=(len(labels), dimension))), labels
