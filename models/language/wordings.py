"""Communities of wordings: near-identical phrasings count as one before the graph is cut."""

from __future__ import annotations

import numpy as np

from models.language.copies import fold_copies
from models.language.encode import FloatArray, IntArray
from models.language.graph import communities, shared_neighbour_graph
from models.language.neighbours import NeighbourLists, list_length


def wording_communities(
    vectors: FloatArray, *, cosine: float, neighbours: int, resolution: float
) -> IntArray:
    """Cut rows into communities, (n,) int64 labels, after folding those at least `cosine` close into one.

    vectors: (n, d) float32 of unit length. Where customers repeat a few phrasings, the nearest neighbours of a
    text are its own variants and a theme falls apart into its phrasings; once folded, the lists reach across.
    """
    fold = fold_copies(vectors[:0], vectors, cosine)
    _, heads = np.unique(fold, return_index=True)
    lists = NeighbourLists(neighbours, vectors.shape[1])
    lists.add(vectors[heads])
    graph = shared_neighbour_graph(lists.near[:, : list_length(len(heads), neighbours)])
    return communities(graph, resolution)[fold]
