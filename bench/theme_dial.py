"""Whether the granularity that the data give carries over to streams with other numbers and sizes of intents.

Each part of Banking77 is read with the dial as it is, turned to half and to double. Beside it stands the best single
cut of the whole stream by Louvain's method over all resolutions, chosen with the truth, which no method may do.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np

from bench.report import Emit, say
from bench.themes import BATCH, banking
from bench.topics.order import arrival
from bench.topics.score import quality, stability
from bench.topics.streamed import read_stream
from models.language.encode import FloatArray, IntArray
from models.language.events import ThemeSetting
from models.language.granularity import RESOLUTIONS
from models.language.graph import communities, shared_neighbour_graph
from models.language.neighbours import NeighbourLists, list_length
from workers.encoder import SentenceEncoder

DRAW: Final = 11
STREAMS: Final = (
    ("20 intents", "random", 5),
    ("20 intents", "late", 5),
    ("8 intents", "late", 6),
    ("45 intents of very unequal size", "random", 5),
    ("45 intents of very unequal size", "late", 5),
    ("77 intents of 40 items", "random", 5),
    ("77 intents of 40 items", "late", 6),
)
DIALS: Final = (1.0, 0.5, 2.0)


def run(emit: Emit, folder: Path) -> None:
    """Hand in agreement, themes and intents found for every stream and dial."""
    del folder
    texts, intents = banking()
    say("encoding")
    vectors = SentenceEncoder().encode(texts)
    parts = subsets(intents)
    for part, order, seed in STREAMS:
        rows = parts[part]
        truth = np.unique(intents[rows], return_inverse=True)[1].astype(np.int64)
        turn, wanted = arrival(truth, order, seed)
        name = f"{part}, {order} order"
        for dial in DIALS:
            _one(emit, f"{name}, dial {dial:g}", vectors[rows][turn], truth[turn], wanted, dial)
        best = _best_cut(vectors[rows], truth)
        emit(f"{name}: ARI + AMI of the best single cut", best, "", "chosen with the truth")


def subsets(intents: IntArray) -> Mapping[str, IntArray]:
    """Return the rows of each part by name, in order; sizes of the unequal one fall by rank to the power .6."""
    rng = np.random.default_rng(DRAW)
    kinds = rng.permutation(int(intents.max()) + 1)
    unequal = [
        rng.permutation(np.flatnonzero(intents == kind))[
            : max(8, int((intents == kind).sum() / (1 + rank) ** 0.6))
        ]
        for rank, kind in enumerate(kinds[:45])
    ]
    thin = [rng.permutation(np.flatnonzero(intents == kind))[:40] for kind in kinds]
    return {
        "20 intents": np.flatnonzero(np.isin(intents, kinds[:20])),
        "8 intents": np.flatnonzero(np.isin(intents, kinds[:8])),
        "45 intents of very unequal size": np.sort(np.concatenate(unequal)),
        "77 intents of 40 items": np.sort(np.concatenate(thin)),
    }


def _one(emit: Emit, name: str, vectors: FloatArray, truth: IntArray, wanted: list[int], dial: float) -> None:
    streamed = read_stream(vectors, BATCH, ThemeSetting.dialled(dial))
    found, steady = quality(truth, streamed.last, nothing=0), stability(truth, streamed, wanted)
    emit(f"{name}: ARI", found.ari, "", "the intents")
    emit(f"{name}: AMI", found.ami, "", "the intents")
    emit(f"{name}: themes", found.themes, "themes", f"{len(set(truth.tolist()))} intents")
    emit(f"{name}: unassigned", found.unassigned, "share", "each counted as a theme of its own")
    emit(f"{name}: churn", steady.churn, "share", "first theme against last, redirects followed")
    emit(f"{name}: intents with a theme of their own", steady.found, "share", "all, or those that come late")


def _best_cut(vectors: FloatArray, truth: IntArray) -> float:
    lists = NeighbourLists(ThemeSetting().neighbours, vectors.shape[1])
    lists.add(vectors)
    graph = shared_neighbour_graph(lists.near[:, : list_length(len(vectors), lists.length)])
    cuts = (quality(truth, communities(graph, each), nothing=-1) for each in RESOLUTIONS)
    return max(each.ari + each.ami for each in cuts)
