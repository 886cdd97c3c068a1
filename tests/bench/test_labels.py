import math
from pathlib import Path

import numpy as np
import pytest

from bench.labels import class_terms, majority, run, share_found_again, share_named
from bench.report import Skipped

TEXTS = ["refund refund late", "refund lost", "login the login", "the page", "left out refund"]
THEMES = np.array([1, 1, 2, 2, 0])


def test_class_terms_follow_the_formula() -> None:
    # Theme 1 has refund 3, late 1, lost 1; theme 2 login 2, the 2, page 1: five words each, so A is 5.
    scores = {"refund": 3 / 5 * math.log1p(5 / 3), "late": math.log1p(5) / 5}
    assert scores["refund"] > scores["late"]
    assert class_terms(TEXTS, THEMES, 2, plain=False) == {1: ["refund", "late"], 2: ["login", "the"]}
    assert class_terms(TEXTS, THEMES, 2, plain=True)[2] == ["login", "page"]


def test_a_name_that_is_as_near_as_another_is_not_the_nearest() -> None:
    names = np.eye(3, dtype=np.float32)
    said = np.array([[1, 0, 0], [0.6, 0.8, 0], [0.6, 0, 0.8], [0, 0, 0]], dtype=np.float32)
    assert share_named(said, names, np.array([0, 1, 2, 2])) == 0.75
    assert share_named(said, names, np.array([1, 0, 0, 2])) == 0.0


def test_a_theme_is_named_after_the_intent_most_of_it_has() -> None:
    assert majority(np.array([0, 3, 3, 3, 5, 5]), np.array([7, 1, 1, 2, 4, 2])) == {3: 1, 5: 2}


def test_items_are_found_again_by_the_name_of_their_theme() -> None:
    vectors = np.array([[1, 0], [0.8, 0.6], [0, 1], [1, 0]], dtype=np.float32)
    themes = np.array([4, 4, 9, 0])
    assert share_found_again(vectors, themes, [4, 9], np.eye(2, dtype=np.float32)) == 1.0
    assert share_found_again(vectors, themes, [9, 4], np.eye(2, dtype=np.float32)) == 0.0
    assert share_found_again(vectors, themes, [4, 9], vectors[[0, 1]]) == pytest.approx(2 / 3)


def test_the_bench_says_where_its_data_set_is_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EBB_SHARED", raising=False)
    with pytest.raises(Skipped, match="PolyAI-LDN"):
        run(lambda *_: pytest.fail("nothing was measured"), tmp_path)
