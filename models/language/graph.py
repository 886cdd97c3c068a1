"""Communities in the graph of shared neighbours."""

from __future__ import annotations

import numpy as np
from scipy import sparse
from sknetwork.clustering import Louvain

from models.language.encode import IntArray
from models.language.neighbours import NOBODY


def shared_neighbour_graph(near: IntArray) -> sparse.csr_matrix:
    """Weigh each pair of neighbours by the Jaccard overlap of their lists, each item standing in its own list.

    near: (n, k) positions, -1 where there is none. Returns a symmetric (n, n) float64 matrix with an empty diagonal
    (Jarvis and Patrick 1973; weights as in Xu and Su 2015, SNN-Cliq, with Jaccard in place of ranks).
    """
    count = len(near)
    owners, slots = np.nonzero(near != NOBODY)
    everyone = np.arange(count)
    rows, columns = np.concatenate([owners, everyone]), np.concatenate([near[owners, slots], everyone])
    lists = sparse.csr_matrix((np.ones(len(rows)), (rows, columns)), shape=(count, count))
    linked = ((lists + lists.T) > 0).astype(np.float64)
    shared = (lists @ lists.T).multiply(linked).tocoo()
    size = np.asarray(lists.sum(axis=1)).ravel()
    apart = shared.row != shared.col
    row, column, overlap = shared.row[apart], shared.col[apart], shared.data[apart]
    weight = overlap / (size[row] + size[column] - overlap)
    graph = sparse.csr_matrix((weight, (row, column)), shape=(count, count))
    graph.sort_indices()
    return graph


def communities(graph: sparse.csr_matrix, resolution: float) -> IntArray:
    """Cut a graph into communities by Louvain's method: (n,) int64 labels from 0 (Blondel et al. 2008).

    The nodes are visited in order, never shuffled, so equal graphs give equal labels. (Leiden would be the newer
    choice, but scikit-network's draws from the C library's generator and cannot be repeated.)
    """
    if graph.nnz == 0:
        return np.arange(graph.shape[0], dtype=np.int64)
    return np.asarray(Louvain(resolution=resolution, shuffle_nodes=False).fit_predict(graph), dtype=np.int64)
