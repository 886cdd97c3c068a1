"""Read vectors as a theme stream, and tell where every item first and last was."""

from __future__ import annotations

import numpy as np

from bench.topics.score import Streamed
from models.language.discover import ThemeStream
from models.language.encode import FloatArray
from models.language.events import ThemeSetting


def read_stream(vectors: FloatArray, batch: int, setting: ThemeSetting | None = None) -> Streamed:
    """Feed vectors (n, d) in batches, end as an import ends, and return themes with redirects followed, (n,) each."""
    stream = ThemeStream(vectors.shape[1], setting)
    first, last, after = (np.zeros(len(vectors), dtype=np.int64) for _ in range(3))
    starts = range(0, len(vectors), batch)
    for start in (*starts, None):
        if start is None:
            events = stream.finish()
        else:
            ids = np.arange(start, min(start + batch, len(vectors)))
            events = stream.add(ids, vectors[ids])
        for event in events:
            items = np.array(event.items, dtype=np.int64)
            new = items[first[items] == 0]
            first[new], after[new], last[items] = event.theme, event.read, event.theme
    standing = np.array([0, *(stream.resolve(each) for each in range(1, int(last.max(initial=0)) + 1))])
    return Streamed(standing[first], standing[last], after)
