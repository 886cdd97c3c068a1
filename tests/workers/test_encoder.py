"""The real encoder, and discovery measured with it on Banking77."""

import csv
import gzip
import os
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score

from models.errors import Invalid
from models.language.discover import Event, ThemeStream
from models.language.encode import Encoder, FloatArray, IntArray
from workers.encoder import PACKAGED_DIGESTS, SentenceEncoder, token_batches, verify_files


@pytest.fixture(scope="module")
def encoder() -> SentenceEncoder:
    return SentenceEncoder()


def test_batches_hold_a_token_budget_longest_first() -> None:
    assert list(token_batches([3, 10, 5, 100, 5], budget=20)) == [[3], [1, 2], [4, 0]]
    assert list(token_batches([], budget=20)) == []


def test_changed_or_missing_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match=r"no file model\.safetensors"):
        verify_files(tmp_path, PACKAGED_DIGESTS)
    (tmp_path / "model.safetensors").write_bytes(b"changed")
    with pytest.raises(Invalid, match="has SHA-256"):
        verify_files(tmp_path, PACKAGED_DIGESTS)
    with pytest.raises(Invalid, match=r"must name model\.safetensors"):
        verify_files(tmp_path, {})
    with pytest.raises(Invalid, match="dtype 'int8'"):
        SentenceEncoder(dtype="int8")


@pytest.mark.encoder
def test_meaning_not_words_makes_vectors_close(encoder: SentenceEncoder) -> None:
    as_protocol: Encoder = encoder
    vectors = as_protocol.encode(
        ["My card was stolen", "Somebody took my bank card", "How do I export a report?"]
    )
    assert vectors.shape == (3, 384)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1.0, abs=1e-6)
    assert vectors[0] @ vectors[1] > 0.5 > 0.3 > vectors[0] @ vectors[2]
    assert encoder.digest == PACKAGED_DIGESTS["model.safetensors"]


@pytest.mark.encoder
def test_vectors_do_not_depend_on_order_or_batch(encoder: SentenceEncoder) -> None:
    texts = [f"ticket {n}: " + "the export fails " * (n % 40 + 1) for n in range(90)]
    done: list[tuple[int, int]] = []
    together = encoder.encode(texts, lambda count, total: done.append((count, total)))
    assert done[-1] == (90, 90)
    assert [count for count, _ in done] == sorted(count for count, _ in done)
    alone = np.concatenate([encoder.encode([text]) for text in texts[::30]])
    assert (alone * together[::30]).sum(axis=1) == pytest.approx(1.0, abs=1e-5)
    assert encoder.encode([]).shape == (0, 384)
    with pytest.raises(ValueError, match="text 1 is empty"):
        encoder.encode(["a", ""])


@pytest.mark.encoder
def test_half_precision_stays_close(encoder: SentenceEncoder) -> None:
    texts = ["My card was stolen", "The invoice shows the wrong tax"]
    half = SentenceEncoder(dtype="bfloat16").encode(texts)
    assert (half * encoder.encode(texts)).sum(axis=1).min() > 0.999


@pytest.mark.encoder
@pytest.mark.slow
@pytest.mark.parametrize(
    ("order", "most_churn", "least_ari", "least_ami"),
    [
        ("random", 0.03, 0.53, 0.785),
        ("late", 0.055, 0.50, 0.775),
    ],
)
def test_banking_questions(
    banking: tuple[FloatArray, IntArray], order: str, most_churn: float, least_ari: float, least_ami: float
) -> None:
    vectors, labels = banking
    arrival = _arrival(labels, order)
    stream, first = _read(vectors[arrival])
    themes = stream.assignments()[1]
    waiting = themes == 0
    placed = np.array(sorted(first))
    churn = np.mean([stream.resolve(first[int(i)]) != themes[i] for i in placed])
    counted = np.where(waiting, -1 - np.arange(len(themes)), themes)  # each waiting item on its own
    assert churn <= most_churn
    assert waiting.mean() <= 0.015
    assert adjusted_rand_score(labels[arrival], counted) >= least_ari
    assert adjusted_mutual_info_score(labels[arrival], counted) >= least_ami


@pytest.fixture(scope="module")
def banking(encoder: SentenceEncoder) -> tuple[FloatArray, IntArray]:
    shared = os.environ.get("EBB_SHARED")
    if shared is None:
        pytest.skip(
            "EBB_SHARED is not set; Banking77: PolyAI-LDN/task-specific-datasets on GitHub, banking_data"
        )
    with gzip.open(
        Path(shared) / "data" / "banking77" / "banking77.csv.gz", "rt", encoding="utf-8"
    ) as stream:
        rows = list(csv.DictReader(stream))
    labels = np.unique([row["label"] for row in rows], return_inverse=True)[1]
    return encoder.encode([row["text"] for row in rows]), labels.astype(np.int64)


def _arrival(labels: IntArray, order: str) -> IntArray:
    """Shuffle; in "late" order half of the intents appear only in the second half."""
    rng = np.random.default_rng(0)
    if order == "random":
        return rng.permutation(len(labels))
    late = np.isin(labels, rng.permutation(77)[:39])
    early, rest = rng.permutation(np.flatnonzero(~late)), np.flatnonzero(late)
    half = len(labels) // 2
    return np.concatenate([early[:half], rng.permutation(np.concatenate([early[half:], rest]))])


def _read(vectors: FloatArray) -> tuple[ThemeStream, dict[int, int]]:
    stream = ThemeStream(vectors.shape[1])
    events: list[Event] = []
    for start in range(0, len(vectors), 200):
        part = vectors[start : start + 200]
        events += stream.add(np.arange(start, start + len(part), dtype=np.int64), part)
    events += stream.finish()
    first: dict[int, int] = {}
    for event in events:
        for item in event.items:
            first.setdefault(item, event.theme)
    return stream, first
