"""Feed one theme stream with jittered replicas of given vectors: VECTORS.npy COUNT MARKS; one JSON line a mark.

Runs as a process of its own, so that its memory is its own. MARKS: counts of items, separated by commas; around each
the CPU seconds of `WINDOW` items are told, with the longest batch in it, the rows held and the peak of memory.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

import numpy as np

from models.language.discover import ThemeStream
from models.language.encode import FloatArray, unit_rows

BATCH = 200
WINDOW = 10_000  # as many items as lie between two looks at which themes are one
JITTER = 0.02  # standard deviation in each dimension: a replica has a cosine of about .93 to its original
SEED = 5


def replicas(vectors: FloatArray, first: int, count: int) -> FloatArray:
    """Return items `first` to `first + count` of the stream: (count, d) float32 of unit length, no two alike."""
    rng = np.random.default_rng((SEED, first))
    chosen = rng.integers(0, len(vectors), count)
    return unit_rows(vectors[chosen] + JITTER * rng.normal(size=(count, vectors.shape[1])))


def main(vectors_path: str, count: int, marks: list[int]) -> None:
    """Feed `count` items and tell of the window around each mark."""
    vectors: FloatArray = np.load(Path(vectors_path))
    stream = ThemeStream(vectors.shape[1])
    spent: list[float] = []
    pauses: list[float] = []
    births = 0
    for first in range(0, count, BATCH):
        batch = replicas(vectors, first, BATCH)
        ids = np.arange(first, first + BATCH)
        began, clock = time.process_time(), time.perf_counter()
        events = stream.add(ids, batch)
        spent.append(time.process_time() - began)
        pauses.append(time.perf_counter() - clock)
        births += sum(str(event.kind) in ("birth", "burst") for event in events)
        read = first + BATCH
        # The window lies around the mark where there is room on both sides, and else ends with the stream.
        for mark in marks:
            if read == min(mark + WINDOW // 2, count):
                window = WINDOW // BATCH
                told = {
                    "items": mark,
                    "ms_per_item": 1_000 * sum(spent[-window:]) / (window * BATCH),
                    "longest_batch_s": max(pauses[-window:]),
                    "rows": len(stream.rows),
                    "total_s": sum(spent),
                    "waiting": float((stream.rows.themes == 0).mean()),
                    "themes": len(np.unique(stream.rows.themes)) - 1,
                    "births": births,
                    "memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_024,
                }
                print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), [int(mark) for mark in sys.argv[3].split(",")])
