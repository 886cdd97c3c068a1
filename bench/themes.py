"""Themes of Banking77 read as a stream through `ebb themes discover`, with BERTopic beside it on the same vectors.

Parameters were tuned on this set, so its figures are optimistic; see docs/notes/themes.md for how they carry over.
BERTopic runs where BENCH_PEERS names a folder with its environment `bertopic`; elsewhere it is skipped, said so.
"""

from __future__ import annotations

import csv
import gzip
import json
import os
import resource
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from bench.report import Emit, Skipped, say
from bench.topics.order import arrival
from bench.topics.score import Quality, quality, read_streamed, stability
from models.language.encode import FloatArray, IntArray
from workers.encoder import SentenceEncoder

SEEDS: Final = (5, 6, 7)
ORDERS: Final = ("random", "late")
BATCH: Final = 200
SIZES: Final = (30, 50, 75, 100)  # of BERTopic's topics; the best of them is picked with the truth
TOPICS: Final = Path(__file__).parent / "topics"
ONE_THREAD: Final = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}


def run(emit: Emit, folder: Path) -> None:
    """Hand in agreement with the intents, churn, waiting, new intents found and CPU, for every order and seed."""
    texts, truth = banking()
    say("encoding")
    vectors = SentenceEncoder().encode(texts)
    ours: list[float] = []
    for order in ORDERS:
        for seed in SEEDS:
            turn, late = arrival(truth, order, seed)
            name = f"{order} order, seed {seed}"
            ours.append(
                _stream(emit, folder, name, [texts[i] for i in turn], vectors[turn], truth[turn], late)
            )
    python = peer()
    if python is None:
        say("SKIPPED BERTopic: BENCH_PEERS names no folder with an environment `bertopic`. " + how_to_make())
        return
    for seed in SEEDS:
        turn, _ = arrival(truth, "random", seed)
        seconds = _bertopic(emit, folder, python, [texts[i] for i in turn], vectors[turn], truth[turn], seed)
        emit(
            f"CPU of our stream, seed {seed}",
            ours[SEEDS.index(seed)] / seconds,
            "share",
            "one warm BERTopic fit",
        )


def banking() -> tuple[list[str], IntArray]:
    """Return Banking77's texts and the number of each one's intent, (n,); raise `Skipped` where it is not at hand."""
    shared = os.environ.get("EBB_SHARED")
    path = Path(shared or "") / "data" / "banking77" / "banking77.csv.gz"
    if shared is None or not path.is_file():
        raise Skipped("EBB_SHARED names no folder with data/banking77 (PolyAI-LDN/task-specific-datasets)")
    with gzip.open(path, "rt", encoding="utf-8", newline="") as source:
        rows = list(csv.DictReader(source))
    intents = np.unique([row["label"] for row in rows], return_inverse=True)[1]
    return [row["text"] for row in rows], intents.astype(np.int64)


def _stream(
    emit: Emit,
    folder: Path,
    name: str,
    texts: list[str],
    vectors: FloatArray,
    truth: IntArray,
    wanted: list[int],
) -> float:
    """Run the command on one stream and return its CPU seconds, reading and writing included."""
    source, found, given = (folder / f"stream.{end}" for end in ("jsonl", "csv", "npy"))
    lines = [json.dumps({"id": str(at), "text": text}) for at, text in enumerate(texts)]
    source.write_text("\n".join(lines) + "\n", encoding="utf-8")
    np.save(given, vectors)
    command = ["themes-discover", str(source), "--out", str(found), "--embeddings", str(given)]
    seconds = _timed([sys.executable, "-m", "workers.files", *command, "--batch", str(BATCH)])
    streamed = read_streamed(found)
    _emit_quality(emit, f"Ebb, {name}", quality(truth, streamed.last, nothing=0))
    steady = stability(truth, streamed, wanted)
    emit(f"Ebb, {name}: churn", steady.churn, "share", "first theme against last, redirects followed")
    emit(f"Ebb, {name}: wait", steady.wait, "items", "median, read between an item and its placement")
    emit(
        f"Ebb, {name}: intents with a theme of their own",
        steady.found,
        "share",
        "all, or those that come late",
    )
    emit(f"Ebb, {name}: items until then", steady.items, "items", "median over intents")
    emit(f"Ebb, {name}: CPU", seconds, "s", "one thread, labels included")
    return seconds


def _timed(command: list[str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, env=os.environ | ONE_THREAD, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _emit_quality(emit: Emit, name: str, found: Quality) -> None:
    emit(f"{name}: ARI", found.ari, "", "the intents")
    emit(f"{name}: AMI", found.ami, "", "the intents")
    emit(f"{name}: themes", found.themes, "themes", "77 intents")
    emit(f"{name}: unassigned", found.unassigned, "share", "each counted as a theme of its own")


# --- BERTopic ---------------------------------------------------------------------------------------------------


def peer() -> Path | None:
    """Return the Python of BERTopic's environment, if there is one."""
    folder = os.environ.get("BENCH_PEERS")
    python = Path(folder or "").resolve() / "bertopic" / "bin" / "python"
    return python if folder and python.exists() else None


def how_to_make() -> str:
    """Say how that environment is made."""
    wanted = (TOPICS / "requirements-bertopic.txt").relative_to(TOPICS.parents[1])
    return (
        "Make it with: python3.11 -m venv PEERS/bertopic && PEERS/bertopic/bin/pip install --no-deps bertopic==0.17.4"
        f" && PEERS/bertopic/bin/pip install $(grep -v -e '#' -e bertopic {wanted}), and set BENCH_PEERS=PEERS"
    )


class Fitted(NamedTuple):
    """What BERTopic found in every way of using it, and the CPU seconds of a warm default fit."""

    ways: dict[str, Quality]
    seconds: float


def fit_bertopic(
    folder: Path,
    python: Path,
    texts: list[str],
    vectors: FloatArray,
    truth: IntArray,
    seed: int,
    *,
    sizes: Sequence[int] = SIZES,
) -> Fitted:
    """Fit BERTopic in every way to one stream; sizes: values of its least topic size to try besides the default."""
    given, words, out = folder / "peer.npy", folder / "peer.json", folder / "peer.npz"
    np.save(given, vectors)
    words.write_text(json.dumps(texts), encoding="utf-8")
    command = [str(python), str(TOPICS / "run_bertopic.py"), str(given), str(words), str(out), str(seed)]
    done = subprocess.run(
        [*command, ",".join(map(str, sizes))],
        env=os.environ | ONE_THREAD,
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"BERTopic ended with {done.returncode}:\n{done.stderr[-2000:]}")
    with np.load(out) as answer:
        found = {
            str(way): quality(truth, labels.astype(np.int64), nothing=-1)
            for way, labels in zip(answer["ways"], answer["labels"], strict=True)
        }
        return Fitted(found, float(answer["seconds"]))


def _bertopic(
    emit: Emit, folder: Path, python: Path, texts: list[str], vectors: FloatArray, truth: IntArray, seed: int
) -> float:
    """Hand in what BERTopic finds in every way, and return the CPU seconds of a warm default fit."""
    found, seconds = fit_bertopic(folder, python, texts, vectors, truth, seed)
    best = max((way for way in found if way.startswith("size ")), key=lambda way: found[way].ari)
    for way in ("default", "default, outliers reassigned", "online recipe", best):
        named = "size chosen with labels" if way == best else way
        _emit_quality(emit, f"BERTopic {named}, random order, seed {seed}", found[way])
    emit(f"BERTopic, seed {seed}: CPU", seconds, "s", "one warm default fit, one thread")
    return seconds
