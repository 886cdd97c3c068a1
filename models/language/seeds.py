"""Themes that a person expects before there are items: which items are close to a wording that stands for one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.language.encode import IntArray
from models.language.place import PENDING
from models.language.theme_rows import ThemeRows

ROUNDING = 1e-6


def near_seeds(
    stream: ThemeRows, rows: IntArray, nearest: NDArray[np.float64], *, least: float
) -> tuple[IntArray, NDArray[np.float64]]:
    """Return the theme of each row's closest seed, 0 where none is as close as `least` or others are closer.

    rows: (p,). nearest: (p,), cosine to the nearest member of the theme that the neighbours vote for. The cosines to
    the seeds, (p,), come with the themes.
    """
    seeds, vectors = stream.seeds, stream.lists.vectors
    if not len(seeds):
        return np.full(len(rows), PENDING), np.zeros(len(rows))
    product = (vectors[rows] @ vectors[seeds].T).astype(np.float64).round(6)
    cosine = product.max(axis=1)
    close = (cosine >= least) & (cosine >= nearest - ROUNDING)
    return np.where(close, stream.themes[seeds[product.argmax(axis=1)]], PENDING), cosine.clip(0, 1)


def expected_theme(stream: ThemeRows, rows: IntArray, labels: IntArray, *, least: float) -> int:
    """Return the theme that has a seed in the community of `rows` and close to their middle; 0 if none has.

    labels: (k,), the community of every row.
    """
    seeds = stream.seeds[labels[stream.seeds] == labels[rows[0]]]
    if not len(seeds):
        return PENDING
    vectors = stream.lists.vectors
    middle = vectors[rows].mean(axis=0)
    cosine = vectors[seeds] @ middle / max(float(np.linalg.norm(middle)), ROUNDING)
    best = int(cosine.argmax())
    return int(stream.themes[seeds[best]]) if float(cosine[best]) >= least else PENDING
