"""Say how likely it is that a shipped feature addresses what a customer wrote, and gather that for themes.

A pair is judged from the two texts and from the other features, never from the other items: when fifty tickets
belong to one release, each must keep its own probability.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from models.language.encode import FloatArray, IntArray
from models.language.lexical import LinkText, Matrix, Overlap, WordStatistics, overlap, prose
from models.language.phrases import sentences, tokens
from models.language.words import split_identifiers, stem, stop_words, words

PAIR_FEATURES = (
    "bm25",
    "words",
    "characters",
    "feature_in_item",
    "feature_in_title",
    "title_in_feature",
    "identifiers",
    "meaning",
    "best_passage",
)
PROBABILITY_FEATURES = ("score", "bm25", "characters", "feature_in_item", "meaning", "best_passage")
BACKS = 0.5  # an item backs a link from this probability on
EVIDENCE = 5
SHARED_TERMS = 6
LEAST_PASSAGE_WORDS = 3
MOST_PASSAGES = 12


@dataclass(frozen=True, slots=True)
class LinkWeights:
    """Two logistic regressions, intercept first: one ranks pairs, the other turns the rank score into a chance."""

    rank: tuple[float, ...]
    probability: tuple[float, ...]

    @classmethod
    def read(cls, text: str) -> LinkWeights:
        """Read the JSON written by bench/fit_link_weights.py; other features than ours raise ValueError."""
        values = json.loads(text)
        if tuple(values["rank"]) != ("intercept", *PAIR_FEATURES):
            raise ValueError("the link weights name other rank features: fit them again")
        if tuple(values["probability"]) != ("intercept", *PROBABILITY_FEATURES):
            raise ValueError("the link weights name other probability features: fit them again")
        return cls(tuple(values["rank"].values()), tuple(values["probability"].values()))


@dataclass(frozen=True, slots=True)
class PairScores:
    """Scores of f features for i items, (f, i) float64: `score` ranks, `probability` is the chance of a link."""

    score: Matrix
    probability: Matrix


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why one item backs a link: its probability, shared words as the item spells them, and text[start:end]."""

    item: int
    score: float
    shared: tuple[str, ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Proposal:
    """A possible link between a theme and a feature.

    feature: position among the features. probability: mean over the better half of the members. share_backing:
    share of all members that back the link. evidence: the members that say most, best first.
    """

    theme: int
    feature: int
    probability: float
    share_backing: float
    evidence: tuple[Evidence, ...]


@cache
def shipped_weights() -> LinkWeights:
    """Return the weights that ship with the program."""
    return LinkWeights.read(
        (Path(__file__).parent / "data" / "link_weights.json").read_text(encoding="utf-8")
    )


def passages(feature: LinkText) -> tuple[str, ...]:
    """Split a feature into what an encoder should read: the whole first, then its title and its sentences."""
    parts = [feature.text[start:end] for start, end in sentences(feature.text)]
    parts = [part for part in parts if len(part.split()) >= LEAST_PASSAGE_WORDS]
    title = [feature.title] if feature.title.strip() else []
    return tuple([prose(feature), *title, *parts][:MOST_PASSAGES])


def score_pairs(
    features: Sequence[LinkText],
    items: Sequence[LinkText],
    *,
    passage_vectors: Sequence[FloatArray],
    item_vectors: FloatArray,
    statistics: WordStatistics,
    weights: LinkWeights | None = None,
) -> PairScores:
    """Score every feature for every item.

    passage_vectors: per feature (p, d) float32 of unit length, one row per text of `passages`. item_vectors: (i, d)
    float32 of unit length, of `prose(item)`. statistics: counted over a corpus fixed before, usually the features.
    Unequal lengths raise ValueError.
    """
    if len(features) != len(passage_vectors) or len(items) != len(item_vectors):
        raise ValueError("every feature needs its passage vectors and every item its vector")
    found = pair_features(overlap(features, items, statistics), passage_vectors, item_vectors)
    return combine(found, weights or shipped_weights())


def pair_features(
    words_: Overlap, passage_vectors: Sequence[FloatArray], item_vectors: FloatArray
) -> dict[str, Matrix]:
    """Return each of PAIR_FEATURES as an (f, i) float64 matrix."""
    cosines = [np.asarray(vectors @ item_vectors.T, dtype=np.float64) for vectors in passage_vectors]
    shape = words_.bm25.shape
    found = {name: getattr(words_, name) for name in PAIR_FEATURES[:-2]}
    found["meaning"] = np.array([each[0] for each in cosines]).reshape(shape)
    found["best_passage"] = np.array([each.max(axis=0) for each in cosines]).reshape(shape)
    return found


def combine(found: Mapping[str, Matrix], weights: LinkWeights) -> PairScores:
    """Turn PAIR_FEATURES, each (f, i), into rank scores and probabilities."""
    score = _linear(weights.rank, [found[name] for name in PAIR_FEATURES])
    logit = _linear(weights.probability, [score, *(found[name] for name in PROBABILITY_FEATURES[1:])])
    return PairScores(score, 1 / (1 + np.exp(-np.clip(logit, -50, 50))))


def propose(
    features: Sequence[LinkText],
    items: Sequence[LinkText],
    pairs: PairScores,
    themes: Mapping[int, IntArray],
    *,
    statistics: WordStatistics,
    least: float = 0.3,
    most: int = 3,
) -> tuple[Proposal, ...]:
    """Propose up to `most` features per theme whose probability is at least `least`, best first.

    themes: theme -> positions of its members among the items. Members are judged one by one; the mean over the
    better half keeps intruders from hiding a link that most members back. There is no truth for themes to fit a
    probability to, so read it as an order and let a person confirm.
    """
    proposals = []
    for theme, members in themes.items():
        chances = np.sort(pairs.probability[:, members], axis=1)[:, ::-1]
        together = chances[:, : max(1, -(-len(members) // 2))].mean(axis=1)
        for feature in np.argsort(-together, kind="stable")[:most].tolist():
            if together[feature] >= least:
                backing = float((pairs.probability[feature, members] >= BACKS).mean())
                evidence = _evidence(
                    features[feature], items, pairs.probability[feature], members, statistics
                )
                proposals.append(Proposal(theme, feature, float(together[feature]), backing, evidence))
    return tuple(sorted(proposals, key=lambda one: (-one.probability, one.theme, one.feature)))


def _linear(weights: Sequence[float], columns: Sequence[Matrix]) -> Matrix:
    total = np.full_like(columns[0], weights[0])
    for weight, column in zip(weights[1:], columns, strict=True):
        total += weight * column
    return total


def _evidence(
    feature: LinkText,
    items: Sequence[LinkText],
    probability: np.ndarray[tuple[int], np.dtype[np.float64]],
    members: IntArray,
    statistics: WordStatistics,
) -> tuple[Evidence, ...]:
    best = members[np.argsort(-probability[members], kind="stable")][:EVIDENCE].tolist()
    wanted = {
        stem(word) for word in words(split_identifiers(f"{feature.title} {feature.text}"))
    } - stop_words()
    return tuple(_explain(item, float(probability[item]), items[item], wanted, statistics) for item in best)


def _explain(
    item: int, score: float, text: LinkText, wanted: set[str], statistics: WordStatistics
) -> Evidence:
    """Find the words an item shares with a feature, rarest first, and the sentence that holds most of them."""
    said = [token for token in tokens(text.text) if token.plain and token.key in wanted]
    rarest = sorted({t.key: t.word for t in said}.items(), key=lambda kv: (-statistics.weight(kv[0]), kv[1]))
    spans = sentences(text.text) or [(0, len(text.text))]
    worth = {
        span: sum(
            statistics.weight(key) for key in {t.key for t in said if span[0] <= t.start and t.end <= span[1]}
        )
        for span in spans
    }
    start, end = max(spans, key=lambda span: (worth[span], -span[0]))
    return Evidence(item, round(score, 4), tuple(word for _, word in rarest[:SHARED_TERMS]), start, end)
