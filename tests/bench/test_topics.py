import numpy as np
import pytest

from bench.topics.order import arrival
from bench.topics.score import Streamed, quality, stability


def test_items_without_a_theme_count_as_themes_of_their_own() -> None:
    truth = np.array([0, 0, 0, 1, 1, 1])
    perfect = quality(truth, np.array([4, 4, 4, 9, 9, 9]), nothing=0)
    assert perfect == (1.0, 1.0, 2, 0.0)
    holes = quality(truth, np.array([4, 4, 0, 9, 9, 0]), nothing=0)
    assert holes.themes == 2
    assert holes.unassigned == pytest.approx(1 / 3)
    assert holes == quality(truth, np.array([4, 4, 5, 9, 9, 6]), nothing=0)._replace(
        themes=2, unassigned=holes.unassigned
    )


def test_stability_counts_moves_waits_and_the_first_of_an_intent() -> None:
    truth = np.array([0] * 6 + [1] * 6)
    first = np.array([1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 0])
    last = np.array([1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 0])
    after = np.array([4, 4, 4, 4, 8, 8, 8, 10, 10, 10, 12, 0])
    found = stability(truth, Streamed(first, last, after), [0, 1])
    assert found.churn == pytest.approx(1 / 11)
    assert found.wait == np.median(after[:11] - np.arange(1, 12))
    assert found.found == 1.0
    assert found.items == np.median([4, 4])  # theme 2 first took an item when 4 of its intent had been read
    assert stability(truth, Streamed(first, np.ones(12, dtype=np.int64), after), [1]).found == 0.0


def test_late_intents_come_after_the_midpoint_only() -> None:
    truth = np.repeat(np.arange(10), 20)
    turn, late = arrival(truth, "late", 3)
    assert sorted(turn.tolist()) == list(range(200))
    assert len(late) == 5
    positions = np.flatnonzero(np.isin(truth[turn], late))
    assert positions.min() >= 80
    again, everyone = arrival(truth, "random", 3)
    assert sorted(again.tolist()) == list(range(200))
    assert everyone == list(range(10))
