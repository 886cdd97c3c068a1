"""Word overlap between shipped features and what customers wrote: BM25, TF-IDF cosines and shares of word weight."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from models.language.words import split_identifiers, stem, stop_words, words

TITLE_COUNTS = 3
K1, B = 1.2, 0.75
CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`|https?://\S+|^(?: {4}|\t).*$", re.DOTALL | re.MULTILINE)
IDENTIFIER = re.compile(
    r"\b(?:[A-Za-z]+_\w+|[a-z]+[A-Z]\w*|[A-Z][a-z0-9]+[A-Z]\w*|[A-Za-z]\w*(?:\.[A-Za-z_]\w*)+)\b"
)

Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class LinkText:
    """A feature or a feedback item: its title and text, either may be empty."""

    title: str
    text: str


@dataclass(frozen=True, slots=True)
class WordStatistics:
    """In how many of `documents` texts each stemmed word occurs, and how many words a text has on average."""

    documents: int
    counts: Mapping[str, int]
    mean_length: float

    @classmethod
    def of(cls, texts: Sequence[LinkText]) -> WordStatistics:
        """Count words over a corpus; it must be fixed before pairs are scored, or scores would drift with it."""
        bags = [terms(text) for text in texts]
        lengths = [bag.total() for bag in bags if bag]
        return cls(len(bags), Counter(word for bag in bags for word in bag), float(np.mean(lengths or [1])))

    def weight(self, word: str) -> float:
        """Return a word's inverse document frequency (Robertson and Sparck Jones 1976, plus 1 inside the log)."""
        held = self.counts.get(word, 0)
        return math.log1p((self.documents - held + 0.5) / (held + 0.5))


@dataclass(frozen=True, slots=True)
class Overlap:
    """Word evidence for every pair; each field is (f, i) float64, features by items.

    bm25: share of the attainable score. words, characters: TF-IDF cosines. feature_in_item, feature_in_title:
    share of the feature's word weight found there. title_in_feature: share of the item title's weight found in the
    feature. identifiers: log of 1 + the number of shared code names.
    """

    bm25: Matrix
    words: Matrix
    characters: Matrix
    feature_in_item: Matrix
    feature_in_title: Matrix
    title_in_feature: Matrix
    identifiers: Matrix


def terms(text: LinkText) -> Counter[str]:
    """Count stemmed words of a text, code names split into their parts, a title's words three times."""
    bag = Counter(_stems(text.text))
    for word in _stems(text.title):
        bag[word] += TITLE_COUNTS
    return bag


def prose(text: LinkText, most_words: int = 100) -> str:
    """Return title and the first words of the text without code and addresses: what an encoder should read."""
    plain = " ".join(CODE.sub(" ", text.text).split()[:most_words])
    joined = ". ".join(part for part in (text.title.strip(), plain) if part)
    return joined or text.text.strip()[:500]


def overlap(features: Sequence[LinkText], items: Sequence[LinkText], statistics: WordStatistics) -> Overlap:
    """Compare f features with i items word by word; a pair's numbers do not depend on the other items."""
    bags_f, bags_i = [terms(text) for text in features], [terms(text) for text in items]
    titles = [Counter(_stems(text.title)) for text in items]
    column: dict[str, int] = {}
    for bag in (*bags_f, *bags_i, *titles):
        for word in bag:
            column.setdefault(word, len(column))
    idf = np.array([statistics.weight(word) for word in column])
    f, i, t = (_bag_matrix(bags, column) for bags in (bags_f, bags_i, titles))
    return Overlap(
        bm25=_bm25(f, i, idf, statistics.mean_length),
        words=_cosine(f, i, idf),
        characters=_dense(_characters(features) @ _characters(items).T),
        feature_in_item=_share(f, i, idf),
        feature_in_title=_share(f, t, idf),
        title_in_feature=_share(t, f, idf).T,
        identifiers=np.log1p(_dense(_identifiers(features, items))),
    )


def _stems(text: str) -> list[str]:
    return [stem(word) for word in words(split_identifiers(text)) if word not in stop_words()]


def _bag_matrix(bags: Sequence[Mapping[str, int]], column: Mapping[str, int]) -> sparse.csr_matrix:
    rows = np.repeat(np.arange(len(bags)), [len(bag) for bag in bags])
    columns = [column[word] for bag in bags for word in bag]
    values = [float(count) for bag in bags for count in bag.values()]
    return sparse.csr_matrix((values, (rows, columns)), shape=(len(bags), max(1, len(column))))


def _bm25(f: sparse.csr_matrix, i: sparse.csr_matrix, idf: NDArray[np.float64], mean_length: float) -> Matrix:
    """Score items for features as queries, over the score attainable (Robertson and Zaragoza 2009, eq. 3.15)."""
    length = np.asarray(i.sum(axis=1)).ravel()
    denominator = K1 * (1 - B + B * length / mean_length)
    tf = i.copy()
    tf.data = tf.data * (K1 + 1) / (tf.data + np.repeat(denominator, np.diff(tf.indptr)))
    query = _binary(f).multiply(idf).tocsr()
    most = np.maximum(np.asarray(query.sum(axis=1)) * (K1 + 1), np.finfo(float).tiny)
    return np.asarray(_dense(query @ tf.T) / most)


def _cosine(f: sparse.csr_matrix, i: sparse.csr_matrix, idf: NDArray[np.float64]) -> Matrix:
    # Imported here and below: scikit-learn loads pandas and scipy.stats; most processes never compare texts.
    from sklearn.preprocessing import normalize

    weighted = []
    for bags in (f, i):
        bags = bags.copy()
        bags.data = 1 + np.log(bags.data)
        weighted.append(normalize(bags.multiply(idf).tocsr()))
    return _dense(weighted[0] @ weighted[1].T)


def _share(whole: sparse.csr_matrix, found_in: sparse.csr_matrix, idf: NDArray[np.float64]) -> Matrix:
    """Return the share of each row's word weight that occurs in each row of another: (rows, others)."""
    weight = _binary(whole).multiply(idf).tocsr()
    total = np.maximum(np.asarray(weight.sum(axis=1)), np.finfo(float).tiny)
    return np.asarray(_dense(weight @ _binary(found_in).T) / total)


def _characters(texts: Sequence[LinkText]) -> sparse.csr_matrix:
    from sklearn.feature_extraction.text import HashingVectorizer

    counter = HashingVectorizer(
        analyzer="char_wb", ngram_range=(3, 5), n_features=2**18, norm="l2", alternate_sign=False
    )
    return counter.transform([f"{text.title} {text.title} {text.text[:2_000]}" for text in texts])


def _identifiers(features: Sequence[LinkText], items: Sequence[LinkText]) -> sparse.csr_matrix:
    names = [[Counter(_code_names(text)) for text in texts] for texts in (features, items)]
    column: dict[str, int] = {}
    for bag in (*names[0], *names[1]):
        for name in bag:
            column.setdefault(name, len(column))
    return _binary(_bag_matrix(names[0], column)) @ _binary(_bag_matrix(names[1], column)).T


def _code_names(text: LinkText) -> Iterable[str]:
    return {name.casefold() for name in IDENTIFIER.findall(f"{text.title} {text.text}")}


def _binary(matrix: sparse.csr_matrix) -> sparse.csr_matrix:
    ones = matrix.copy()
    ones.data = np.ones_like(ones.data)
    return ones


def _dense(matrix: sparse.csr_matrix) -> Matrix:
    return np.asarray(matrix.toarray(), dtype=np.float64)
