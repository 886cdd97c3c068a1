import subprocess
import sys

import numpy as np
import pytest

from models.language.encode import Encoder, WordHashEncoder, unit_rows
from models.language.words import split_identifiers, stem, stop_words, words


def test_word_hash_vectors_are_unit_and_follow_shared_words() -> None:
    encoder: Encoder = WordHashEncoder()
    rows = encoder.encode(["export fails every time", "exports failed again", "login is broken"])
    assert rows.shape == (3, encoder.dimension)
    assert rows.dtype == np.float32
    assert np.linalg.norm(rows, axis=1) == pytest.approx(1.0, abs=1e-6)
    assert rows[0] @ rows[1] > 0.6 > 0.3 > abs(rows[0] @ rows[2])


def test_word_hash_ignores_case_order_and_batch() -> None:
    encoder = WordHashEncoder()
    alone = encoder.encode(["Export FAILS"])[0]
    together = encoder.encode(["x y", "fails export", "z"])[1]
    assert alone @ together == pytest.approx(1.0, abs=1e-6)


def test_word_hash_is_the_same_in_another_process() -> None:
    code = (
        "import models.language.encode as m; print(m.WordHashEncoder().encode(['card lost']).tobytes().hex())"
    )
    other = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()
    assert other == WordHashEncoder().encode(["card lost"])[0].tobytes().hex()


def test_texts_without_words_still_have_a_direction() -> None:
    rows = WordHashEncoder().encode(["!!!", "???", "!!!"])
    assert rows[0] @ rows[2] == pytest.approx(1.0)
    assert rows[0] @ rows[1] < 0.9


@pytest.mark.parametrize("dimension", [0, 7, 12, 520])
def test_dimensions_that_a_hash_cannot_fill_are_refused(dimension: int) -> None:
    with pytest.raises(ValueError, match="dimension"):
        WordHashEncoder(dimension)


def test_empty_texts_and_directionless_rows_are_refused() -> None:
    with pytest.raises(ValueError, match="text 1 is empty"):
        WordHashEncoder().encode(["a", " "])
    with pytest.raises(ValueError, match="vector 1 is zero"):
        unit_rows(np.array([[1.0, 0.0], [0.0, 0.0]]))
    with pytest.raises(ValueError, match="vector 0 is zero or not finite"):
        unit_rows(np.array([[np.nan, 0.0]]))
    with pytest.raises(ValueError, match="two-dimensional"):
        unit_rows(np.ones(3))


def test_words_are_split_and_stemmed() -> None:
    assert words("Can't  log-in… ＡＢＣ") == ["can", "t", "log", "in", "abc"]
    assert split_identifiers("readCSVFile snake_case HTTPServer").split() == [
        "read", "CSV", "File", "snake", "case", "HTTP", "Server",
    ]  # fmt: skip
    assert {stem(w) for w in ("export", "exports", "exported", "exporting")} == {"export"}
    for forms in (
        ("file", "files"),
        ("change", "changes", "changed", "changing"),
        ("log", "logs", "logged", "logging"),
        ("class", "classes"),
        ("currency", "currencies"),
        ("bill", "bills", "billed", "billing"),
        ("string", "strings"),
    ):
        assert len({stem(form) for form in forms}) == 1, forms
    assert (stem("class"), stem("is"), stem("currency")) == ("class", "is", "currency")
    assert "the" in stop_words()
    assert "refund" not in stop_words()
