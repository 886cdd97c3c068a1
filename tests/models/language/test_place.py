import numpy as np
import pytest

from models.language import propose
from models.language.place import count_votes, novelty_floors

NEAR = np.array([[1, 2, 3], [0, 2, 3], [3, 0, 1], [2, 0, -1]])
COSINE = np.array([[0.9, 0.8, 0.5], [0.9, 0.7, 0.2], [0.95, 0.8, 0.7], [0.95, 0.5, -1.0]])


def test_votes_are_shares_of_powered_cosines() -> None:
    votes = count_votes(NEAR, COSINE, np.array([0, 1, 2, 2]), np.array([0, 2]))
    weights = np.array([0.9, 0.8, 0.5]) ** 8
    assert votes.theme.tolist() == [1, 2]
    assert votes.share[0] == pytest.approx(weights[0] / weights.sum())
    assert votes.nearest.tolist() == [0.9, 0.95]
    assert votes.own[0] == 0  # a pending item has no theme of its own
    assert votes.own[1] == pytest.approx(0.95**8 / (0.95**8 + 0.8**8 + 0.7**8))


def test_pending_neighbours_count_in_the_total_only() -> None:
    votes = count_votes(NEAR, COSINE, np.array([0, 0, 1, 0]), np.array([0]))
    assert votes.share[0] == pytest.approx(0.8**8 / (np.array([0.9, 0.8, 0.5]) ** 8).sum())
    nobody = count_votes(NEAR, COSINE, np.zeros(4, dtype=np.int64), np.array([0, 3]))
    assert (nobody.theme.tolist(), nobody.share.tolist(), nobody.nearest.tolist()) == (
        [0, 0],
        [0, 0],
        [-1, -1],
    )


def test_a_tie_goes_to_the_older_theme() -> None:
    near, cosine = np.array([[1, 2], [0, 2], [0, 1]]), np.full((3, 2), 0.8)
    assert count_votes(near, cosine, np.array([0, 9, 4]), np.array([0])).theme.tolist() == [4]


def test_no_rows_no_votes() -> None:
    assert count_votes(
        NEAR, COSINE, np.zeros(4, dtype=np.int64), np.zeros(0, dtype=np.int64)
    ).theme.shape == (0,)


def test_novelty_floor_is_a_quantile_of_cosines_to_fellow_members() -> None:
    floors = novelty_floors(NEAR, COSINE, np.array([5, 5, 7, 7]), 0.5)
    assert floors == {5: pytest.approx(0.9), 7: pytest.approx(0.95)}
    assert novelty_floors(NEAR, COSINE, np.array([5, 0, 7, 0]), 0.5) == {}


def test_births_need_enough_pending_members() -> None:
    labels = np.repeat([0, 1, 2], [6, 6, 20])
    themes = np.array([0] * 6 + [0] * 4 + [3] * 2 + [0] * 5 + [3] * 15)
    ones = np.ones(32, dtype=np.int64)
    born = [rows.tolist() for rows in propose.births(labels, themes, ones, least=5, share=0.35)]
    assert born == [[0, 1, 2, 3, 4, 5]]
    copies = ones.copy()
    copies[6] = 2  # one wording used twice makes the fifth item
    assert [len(r) for r in propose.births(labels, themes, copies, least=5, share=0.35)] == [6, 4]


def test_bursts_are_new_and_not_covered_by_one_theme() -> None:
    labels = np.repeat([0, 1, 2], [20, 20, 960])
    recent = np.zeros(1_000, dtype=bool)
    recent[:20] = True  # all of the first community
    recent[20:30] = True  # half of the second: too few
    spread = np.arange(1_000) % 25 + 1
    found = list(propose.bursts(labels, spread, recent, least=6, share=0.6, chance=1e-3))
    assert [rows.tolist() for rows in found] == [list(range(20))]
    covered = spread.copy()
    covered[:20] = 99
    assert list(propose.bursts(labels, covered, recent, least=6, share=0.6, chance=1e-3)) == []
    everywhere = np.ones(1_000, dtype=bool)  # if all is recent, nothing is newer than chance allows
    assert list(propose.bursts(labels, spread, everywhere, least=6, share=0.6, chance=1e-3)) == []


def test_means_and_centres_are_those_of_the_members() -> None:
    vectors = np.array([[1.0, 0.0]] * 4 + [[0.8, 0.6]] * 4 + [[0.0, 1.0]] * 4, dtype=np.float32)
    means = propose.theme_means(vectors, np.repeat([1, 2, 2], 4))
    assert means[2] == pytest.approx([0.4, 0.8])
    assert propose.theme_centres(vectors, np.repeat([1, 2, 2], 4))[2] == pytest.approx(
        [0.447, 0.894], abs=1e-3
    )
    assert propose.theme_centres(vectors, np.zeros(12, dtype=int)) == {}


def test_alike_is_the_average_over_pairs_so_a_mixed_theme_draws_nobody_in() -> None:
    pure = [[1.0, 0.0]] * 4
    mixed = [[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [1.0, 0.0]]
    vectors = np.array([*pure, *[[0.8, 0.6]] * 4, *mixed], dtype=np.float32)
    means = propose.theme_means(vectors, np.repeat([1, 2, 3], 4))
    assert means[1] @ means[2] == pytest.approx(0.8)
    assert propose.alike(means, cosine=0.75) == [(1, 2)]
    assert propose.alike(means, cosine=0.85) == []
    assert propose.alike({}, cosine=0.5) == []
