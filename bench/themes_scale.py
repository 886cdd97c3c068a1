"""What an item costs at 10,000, 100,000 and a million of them, and what BERTopic takes for 10,000 and 36,000.

The stream is Banking77 drawn again and again, each item jittered so that no two are alike: no new subjects come
after the first rounds, so this shows cost and memory, not quality. BERTopic is given the same vectors, with the texts
they were drawn from; it runs where BENCH_PEERS names a folder with its environment `bertopic`, and is skipped
elsewhere, said so.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import numpy as np

from bench.report import Emit, say
from bench.themes import ONE_THREAD, banking, fit_bertopic, how_to_make, peer
from bench.topics.long_stream import SEED, replicas
from workers.encoder import SentenceEncoder

MARKS: Final = (10_000, 36_000, 100_000, 1_000_000)
PEER_SIZES: Final = (10_000, 36_000)


def run(emit: Emit, folder: Path) -> None:
    """Hand in CPU per item at each mark, pauses, memory, and the whole time beside BERTopic's."""
    texts, intents = banking()
    say("encoding")
    vectors = SentenceEncoder().encode(texts)
    given = folder / "vectors.npy"
    np.save(given, vectors)
    told = _ours(emit, given)
    first = told[MARKS[0]]["ms_per_item"]
    for mark in MARKS[1:]:
        emit(f"cost of an item at {mark:,}", told[mark]["ms_per_item"] / first, "times", "that at 10,000")
    python = peer()
    if python is None:
        say("SKIPPED BERTopic: BENCH_PEERS names no folder with an environment `bertopic`. " + how_to_make())
        return
    for size in PEER_SIZES:
        drawn = np.concatenate([_drawn(len(vectors), start) for start in range(0, size, 200)])[:size]
        jittered = np.concatenate([replicas(vectors, start, 200) for start in range(0, size, 200)])[:size]
        answer = fit_bertopic(
            folder, python, [texts[i] for i in drawn], jittered, intents[drawn], SEED, sizes=()
        )
        emit(f"BERTopic, {size:,} items: CPU", answer.seconds, "s", "one warm default fit, one thread")
        emit(f"our stream of {size:,} items", told[size]["total_s"] / answer.seconds, "share", "that fit")


def _drawn(count: int, first: int) -> np.ndarray:
    """Return which texts the batch of the stream from `first` on was drawn from."""
    return np.random.default_rng((SEED, first)).integers(0, count, 200)


def _ours(emit: Emit, given: Path) -> dict[int, dict[str, float]]:
    command = [sys.executable, "-m", "bench.topics.long_stream", str(given), str(MARKS[-1])]
    told: dict[int, dict[str, float]] = {}
    with subprocess.Popen(
        [*command, ",".join(map(str, MARKS))], env=os.environ | ONE_THREAD, stdout=subprocess.PIPE, text=True
    ) as running:
        for line in running.stdout or ():
            one = json.loads(line)
            told[one["items"]] = one
            name = f"{one['items']:,} items"
            emit(f"{name}: CPU of an item", one["ms_per_item"], "ms", "window of 10,000, one thread")
            emit(f"{name}: longest batch of 200", one["longest_batch_s"], "s", "a refit included")
            emit(f"{name}: rows held", one["rows"], "rows", "12,000")
            emit(f"{name}: resident memory, peak", one["memory_mib"], "MiB", "2,048")
    if running.returncode:
        raise RuntimeError(f"the stream ended with {running.returncode}")
    return told
