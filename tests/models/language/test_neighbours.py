import numpy as np
import pytest

from models.language.copies import fold_copies
from models.language.encode import unit_rows
from models.language.graph import communities, shared_neighbour_graph
from models.language.neighbours import NOBODY, NeighbourLists
from tests.models.language.synthetic import mixture


def lists_of(vectors: np.ndarray, batches: list[int], length: int = 7) -> NeighbourLists:
    lists = NeighbourLists(length, vectors.shape[1])
    for part in np.split(vectors, np.cumsum(batches)):
        lists.add(part)
    return lists


def test_lists_are_exact() -> None:
    vectors, _ = mixture([40, 60, 30], seed=1)
    lists = lists_of(vectors, [50])
    cosine = vectors.astype(float) @ vectors.T.astype(float)
    np.fill_diagonal(cosine, -2)
    assert lists.near.tolist() == np.argsort(-cosine, axis=1, kind="stable")[:, :7].tolist()
    assert lists.cosine == pytest.approx(-np.sort(-cosine, axis=1)[:, :7], abs=1e-6)


@pytest.mark.parametrize("batches", [[1, 1, 1], [3, 250, 4], [300], [600]])
def test_lists_do_not_depend_on_batches(batches: list[int]) -> None:
    vectors, _ = mixture([400, 200, 20], seed=2)
    whole, parts = lists_of(vectors, []), lists_of(vectors, batches)
    assert np.array_equal(whole.near, parts.near)
    assert np.array_equal(whole.cosine, parts.cosine)


def test_few_vectors_leave_places_empty() -> None:
    lists = lists_of(mixture([3], seed=3)[0], [])
    assert sorted(lists.near[0].tolist()) == [NOBODY] * 5 + [1, 2]
    assert lists_of(mixture([1], seed=3)[0], []).near.tolist() == [[NOBODY] * 7]


@pytest.mark.parametrize(
    "gone", [[0], [3, 4, 5, 200, 399], list(range(0, 400, 2)), list(range(398)), list(range(400))]
)
def test_lists_after_removal_are_those_never_added(gone: list[int]) -> None:
    vectors, _ = mixture([300, 100], seed=8)
    lists = lists_of(vectors, [])
    lists.remove(np.array(gone))
    rest = np.delete(vectors, gone, axis=0)
    fresh = lists_of(rest, [])
    assert np.array_equal(lists.near, fresh.near)
    assert np.array_equal(lists.cosine, fresh.cosine)
    lists.add(vectors[:5])
    fresh.add(vectors[:5])
    assert np.array_equal(lists.near, fresh.near)


def test_copies_share_a_row_whatever_the_batches() -> None:
    vectors, _ = mixture([200, 200], seed=4)
    noise = np.random.default_rng(5).normal(size=vectors.shape)
    nearly = unit_rows(vectors + 1e-3 * noise)
    everything = np.concatenate([vectors, nearly])
    rows = fold_copies(everything[:0], everything, 0.98)
    assert rows[400:].tolist() == rows[:400].tolist()
    assert rows[:400].tolist() == list(range(400))
    later = fold_copies(everything[:400], everything[400:], 0.98)
    assert later.tolist() == rows[400:].tolist()


def test_communities_are_the_themes_and_repeat_exactly() -> None:
    vectors, labels = mixture([60, 60, 60], seed=6)
    graph = shared_neighbour_graph(lists_of(vectors, []).near)
    assert abs(graph - graph.T).max() == 0
    assert graph.diagonal().sum() == 0
    first, second = communities(graph, 0.3), communities(graph, 0.3)
    assert first.tolist() == second.tolist()
    assert len(set(zip(first.tolist(), labels.tolist(), strict=True))) == 3


def test_weights_are_the_overlap_of_lists() -> None:
    near = np.array([[1, 2], [0, 2], [0, 1], [0, NOBODY]])
    graph = shared_neighbour_graph(near).toarray()
    assert graph[0, 1] == 1.0  # both lists, each with its owner, hold 0, 1 and 2
    assert graph[0, 3] == pytest.approx(1 / 4)  # {0,1,2} and {3,0}
    assert graph[1, 3] == 0  # neither stands in the other's list


def test_a_graph_without_links_has_one_community_per_item() -> None:
    graph = shared_neighbour_graph(np.full((3, 2), NOBODY))
    assert communities(graph, 1.0).tolist() == [0, 1, 2]
