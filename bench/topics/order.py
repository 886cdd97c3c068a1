"""Orders in which a labelled set arrives."""

from __future__ import annotations

import numpy as np

from models.language.encode import IntArray


def arrival(truth: IntArray, order: str, seed: int) -> tuple[IntArray, list[int]]:
    """Return an order of arrival, (n,) positions, and the intents to look for: all, or those that come late.

    In "late" order half of the intents appear only after the midpoint, or after four fifths of the others.
    """
    rng = np.random.default_rng(seed)
    turn = rng.permutation(len(truth))
    intents = np.unique(truth).tolist()
    if order == "random":
        return turn, intents
    late = sorted(rng.permutation(intents)[len(intents) // 2 :].tolist())
    is_late = np.isin(truth[turn], late)
    early = turn[~is_late]
    cut = min(len(turn) // 2, int(0.8 * len(early)))
    return np.concatenate([early[:cut], rng.permutation(np.concatenate([early[cut:], turn[is_late]]))]), late
