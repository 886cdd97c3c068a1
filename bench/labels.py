"""Labels of Banking77's themes: how often the intent's own name is, of all 77, the one nearest to the label.

Two partitions: the intents themselves, and the themes that our own stream finds, where a theme's name is that of the
intent most of its members have. On each, one run names the same themes by our label, by BERTopic's c-TF-IDF terms, by
the member nearest to the centre, and by the centre itself. Nearest is by cosine of the bundled encoder, which our
label is also chosen with; so a second judge, which knows nothing but words, stands beside it.
"""

from __future__ import annotations

import csv
import gzip
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.preprocessing import normalize

from bench.report import Emit, data_set, say
from bench.topics.order import arrival
from bench.topics.streamed import read_stream
from models.language.encode import Encoder, FloatArray, IntArray, WordHashEncoder
from models.language.label import ThemeLabel, label_themes
from models.language.phrases import PARTICLE_VERBS, PARTICLES, tokens
from models.language.place import PENDING
from models.language.propose import theme_centres
from models.language.words import stop_words
from workers.encoder import SentenceEncoder

SEED: Final = 5
BATCH: Final = 200
TERMS: Final = 4
WORDS: Final = (2, 6)  # a label of so many words is short and yet a phrase


@dataclass(frozen=True, slots=True)
class Corpus:
    """Texts (n) with vectors (n, d), the names of the intents (g) and which each text has (n,)."""

    texts: list[str]
    vectors: FloatArray
    names: list[str]
    intents: IntArray


def run(emit: Emit, _folder: Path) -> None:
    """Hand in, for either partition, the share of themes that each way names rightly, and what labels look like."""
    encoder = SentenceEncoder()
    corpus = _banking(encoder)
    for name, themes in (("gold themes", corpus.intents + 1), ("found themes", _found(corpus))):
        gold = majority(themes, corpus.intents)
        emit(f"{name}: themes", len(gold), "themes", "77 intents")
        start = time.process_time()
        labels = label_themes(corpus.texts, corpus.vectors, themes, encode=encoder.encode)
        emit(
            f"{name}: CPU of labelling", time.process_time() - start, "s", f"one thread, {len(themes)} texts"
        )
        start = time.process_time()
        bare = label_themes(corpus.texts, corpus.vectors, themes)
        emit(f"{name}: CPU of labelling by words alone", time.process_time() - start, "s", "one thread")
        _emit_names(emit, name, corpus, themes, gold, labels, bare, encoder)
        _emit_looks(
            emit, f"{name}: labels", corpus.texts, themes, {t: label.label for t, label in labels.items()}
        )
        _emit_quotes(emit, name, corpus, themes, labels, encoder)


def _banking(encoder: Encoder) -> Corpus:
    path = data_set("banking77", published="PolyAI-LDN/task-specific-datasets") / "banking77.csv.gz"
    with gzip.open(path, "rt", encoding="utf-8", newline="") as source:
        rows = list(csv.DictReader(source))
    names, intents = np.unique([row["label"] for row in rows], return_inverse=True)
    texts = [row["text"] for row in rows]
    say("encoding")
    vectors = encoder.encode(texts)
    return Corpus(
        texts, vectors, [name.replace("_", " ") for name in names.tolist()], intents.astype(np.int64)
    )


def _found(corpus: Corpus) -> IntArray:
    """Read the texts as a stream in random order and return the theme of each (n,), 0 for none."""
    turn, _ = arrival(corpus.intents, "random", SEED)
    themes = np.zeros(len(turn), dtype=np.int64)
    themes[turn] = read_stream(corpus.vectors[turn], BATCH).last
    return themes


def majority(themes: IntArray, intents: IntArray) -> dict[int, int]:
    """Return the commonest intent of every theme, the lower of equal ones; both (n,), theme 0 is none."""
    return {
        theme: int(np.bincount(intents[themes == theme]).argmax())
        for theme in np.unique(themes[themes != PENDING]).tolist()
    }


def _emit_names(
    emit: Emit,
    name: str,
    corpus: Corpus,
    themes: IntArray,
    gold: Mapping[int, int],
    labels: Mapping[int, ThemeLabel],
    bare: Mapping[int, ThemeLabel],
    encoder: Encoder,
) -> None:
    centres = theme_centres(corpus.vectors, themes)
    terms = {plain: class_terms(corpus.texts, themes, TERMS, plain=plain) for plain in (False, True)}
    said = {
        "our label": [labels[theme].label for theme in gold],
        "our label by words alone": [bare[theme].label for theme in gold],
        "c-TF-IDF's four terms": [" ".join(terms[False][theme]) for theme in gold],
        "c-TF-IDF's four terms, stop words left out": [" ".join(terms[True][theme]) for theme in gold],
        "nearest member": [_nearest(corpus, themes, theme, centres[theme]) for theme in gold],
    }
    aim = np.array(list(gold.values()), dtype=np.int64)
    names = encoder.encode(corpus.names)
    right = {way: share_named(encoder.encode(texts), names, aim) for way, texts in said.items()}
    right["centre"] = share_named(np.array([centres[theme] for theme in gold]), names, aim)
    for way, share in right.items():
        emit(
            f"{name}: {way} names its theme", share, "share", "the nearest of 77 intent names, by the encoder"
        )
    best = max(share for way, share in right.items() if way.startswith("c-TF-IDF"))
    emit(
        f"{name}: margin of our label",
        100 * (right["our label"] - best),
        "points",
        "the better of c-TF-IDF; 10 aimed at",
    )
    for way in ("our label", "our label by words alone", "c-TF-IDF's four terms"):
        share = share_found_again(corpus.vectors, themes, list(gold), encoder.encode(said[way]))
        emit(
            f"{name}: items nearest to their own theme by {way}",
            share,
            "share",
            "of all themes; needs no intents",
        )
    words = WordHashEncoder()
    names = words.encode(corpus.names)
    for way, texts in said.items():
        share = share_named(words.encode(texts), names, aim)
        emit(
            f"{name}: {way} names its theme in words",
            share,
            "share",
            "the nearest of 77 intent names, by words alone",
        )


def class_terms(texts: Sequence[str], themes: IntArray, count: int, *, plain: bool) -> dict[int, list[str]]:
    """Return the leading terms of each theme by class-based TF-IDF, best first, as BERTopic 0.17 computes them.

    Texts of a theme are joined; a term's frequency there, as a share, times log(1 + A / f) with A the mean number of
    words of a theme (whole) and f the term's frequency in all (Grootendorst 2022, eq. 2). BERTopic keeps stop words
    by default and recommends to leave out scikit-learn's; `plain` does.
    """
    numbers = np.unique(themes[themes != PENDING]).tolist()
    joined = [" ".join(texts[row] for row in np.flatnonzero(themes == theme).tolist()) for theme in numbers]
    counter = CountVectorizer(stop_words="english" if plain else None)
    counts = counter.fit_transform([re.sub(r"[^A-Za-z0-9 ]+", "", text) for text in joined])
    mean = int(counts.sum(axis=1).mean())
    weight = np.log(mean / np.asarray(counts.sum(axis=0))[0] + 1)
    scores = normalize(counts.astype(np.float64), norm="l1", axis=1).toarray() * weight
    terms = counter.get_feature_names_out()
    best = np.argsort(-scores, axis=1, kind="stable")[:, :count]
    return {theme: terms[row].tolist() for theme, row in zip(numbers, best, strict=True)}


def _nearest(corpus: Corpus, themes: IntArray, theme: int, centre: FloatArray) -> str:
    rows = np.flatnonzero(themes == theme)
    return corpus.texts[int(rows[int(np.argmax(corpus.vectors[rows] @ centre))])]


def share_named(said: FloatArray, names: FloatArray, aim: IntArray) -> float:
    """Return the share of themes whose own name is the nearest: said (t, d), names (g, d), aim (t,) rows of names.

    A name as near as another is not the nearest, so a label that says nothing of any is wrong.
    """
    cosine = said.astype(np.float64) @ names.T
    own = cosine[np.arange(len(aim)), aim]
    cosine[np.arange(len(aim)), aim] = -np.inf
    return float((own > cosine.max(axis=1)).mean())


def share_found_again(
    vectors: FloatArray, themes: IntArray, numbers: Sequence[int], said: FloatArray
) -> float:
    """Return the share of placed items that are nearer to what their theme is called than to any other name.

    vectors (n, d), themes (n,) with 0 for none; numbers: the themes, in order; said: (t, d), what each is called.
    """
    placed = themes != PENDING
    nearest = (vectors[placed] @ said.T).argmax(axis=1)
    return float((np.asarray(numbers)[nearest] == themes[placed]).mean())


def _emit_looks(
    emit: Emit, name: str, texts: Sequence[str], themes: IntArray, labels: Mapping[int, str]
) -> None:
    looks = [tokens(label) for label in labels.values()]
    short = [WORDS[0] <= len(run) <= WORDS[1] for run in looks]
    emit(f"{name} of 2 to 6 words", float(np.mean(short)), "share", "1")
    said = len(labels) - len({label.casefold() for label in labels.values()})
    emit(f"{name} that another theme has too", said, "labels", "0")
    verbatim = [
        any(label in " ".join(texts[row].split()) for row in np.flatnonzero(themes == theme).tolist())
        for theme, label in labels.items()
    ]
    emit(
        f"{name} found in a member, letter by letter",
        float(np.mean(verbatim)),
        "share",
        "1; runs of blanks are one",
    )
    ends = [not {run[0].word, run[-1].word}.isdisjoint(stop_words()) for run in looks if run]
    emit(f"{name} with a stop word at an end", float(np.mean(ends)), "share", "0")
    verbs = [len(run) > 1 and run[-1].word in PARTICLES and run[-2].key in PARTICLE_VERBS for run in looks]
    emit(
        f"{name} that end in a phrasal verb", float(np.mean(verbs)), "share", "as “top up”; among those above"
    )


def _emit_quotes(
    emit: Emit,
    name: str,
    corpus: Corpus,
    themes: IntArray,
    labels: Mapping[int, ThemeLabel],
    encoder: Encoder,
) -> None:
    own = [
        themes[quote.index] == theme and 0 <= quote.start < quote.end <= len(corpus.texts[quote.index])
        for theme, label in labels.items()
        for quote in label.quotes
    ]
    emit(f"{name}: quotes that are spans of a member's text", float(np.mean(own)), "share", "1")
    said = [[corpus.texts[q.index][q.start : q.end] for q in label.quotes] for label in labels.values()]
    emit(f"{name}: quotes of a theme", float(np.mean([len(quotes) for quotes in said])), "quotes", "mean")
    alike = [_mean_cosine(encoder.encode(quotes)) for quotes in said if len(quotes) > 1]
    emit(
        f"{name}: cosine among a theme's quotes",
        float(np.mean(alike)),
        "",
        "mean of pairs; lower is more diverse",
    )


def _mean_cosine(vectors: FloatArray) -> float:
    return float((vectors @ vectors.T)[np.triu_indices(len(vectors), k=1)].mean())
