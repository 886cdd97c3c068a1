"""Candidate labels of themes: phrases that several of a theme's texts hold, and how well each tells the theme."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.special import logsumexp

from models.language.encode import FloatArray, IntArray
from models.language.phrases import PARTICLES, Token, links, phrases
from models.language.place import PENDING

CANDIDATES = 40  # phrases of a theme whose sense is asked for
HOLDERS = 2  # texts of a theme that say a phrase before it may name the theme
FRAGMENT = 0.6
LEAST_SEEN = 5  # occurrences of a word before a neighbour can be called its own
NAMED_BY = 0.25  # share of a theme's texts that hold a name before it may name the theme
SCALE = 20.0  # of cosines before the softmax: the one the packaged encoder was trained with
TYPICAL = 0.1  # weight of nearness itself beside how clearly a phrase tells the theme
TINY = float(np.finfo(np.float32).tiny)

Key = tuple[str, ...]
Encode = Callable[[Sequence[str]], FloatArray]


@dataclass(frozen=True, slots=True)
class Counts:
    """How many texts of each theme hold each word or phrase; the other fields are of all themes together.

    plain: words that say something. names: those of them that are always written with a capital.
    never_first, never_last: words that are half of a longer term.
    """

    sizes: dict[int, int]
    by_theme: dict[int, Counter[Key]]
    total: Counter[Key]
    surface: dict[Key, Counter[str]]
    plain: frozenset[str]
    names: frozenset[str]
    never_first: frozenset[str]
    never_last: frozenset[str]


@dataclass(frozen=True, slots=True)
class Candidate:
    """One phrase of a theme as it is spelt there; worth: weights of its words; specific: share of holders inside."""

    key: Key
    name: str
    worth: float
    specific: float


def count(texts: Sequence[str], runs: Sequence[list[Token]], themes: IntArray) -> Counts:
    """Count words and phrases: texts, their words and themes are n each, theme 0 is none."""
    by_theme: dict[int, Counter[Key]] = defaultdict(Counter)
    surface: dict[Key, Counter[str]] = defaultdict(Counter)
    plain: set[str] = set()
    common: set[str] = set()
    for text, run, theme in zip(texts, runs, themes.tolist(), strict=True):
        if theme == PENDING:
            continue
        spoken = {token.key: token.word for token in run if token.plain}
        plain.update(spoken)
        common |= {token.key for token in run if not _is_capitalised(text[token.start : token.end])}
        by_theme[theme].update({phrase.key for phrase in phrases(text, run)} | {(key,) for key in spoken})
        for key, word in spoken.items():
            surface[(key,)][word] += 1
    total: Counter[Key] = Counter()
    for counter in by_theme.values():
        total.update(counter)
    numbers, sizes = np.unique(themes[themes != PENDING], return_counts=True)
    return Counts(
        dict(zip(numbers.tolist(), sizes.tolist(), strict=True)),
        by_theme,
        total,
        surface,
        frozenset(plain),
        frozenset(plain - common),
        *_halves(texts, runs),
    )


def word_weights(theme: int, counts: Counts) -> dict[str, float]:
    """Weigh each word of a theme: share of its texts that hold it, times log(1 + A / f).

    That is class-based TF-IDF (Grootendorst 2022, eq. 2) on texts rather than occurrences: A is the mean number of
    texts of a theme, f that of all texts with the word.
    """
    mean = sum(counts.sizes.values()) / len(counts.sizes)
    return {
        key[0]: held / counts.sizes[theme] * math.log1p(mean / counts.total[key])
        for key, held in counts.by_theme[theme].items()
        if len(key) == 1
    }


def candidates(
    theme: int, counts: Counts, texts: Sequence[str], runs: Sequence[list[Token]], rows: IntArray
) -> list[Candidate]:
    """List a theme's phrases that could be its label, most distinctive first; rows: its members."""
    spelt: dict[Key, Counter[str]] = defaultdict(Counter)
    for row in rows.tolist():
        found = {
            phrase.key: texts[row][phrase.start : phrase.end] for phrase in phrases(texts[row], runs[row])
        }
        for key, name in found.items():
            spelt[key][" ".join(name.split())] += 1
    said = {key: counts.by_theme[theme][key] for key in spelt}
    # What one customer alone says may be anything: it serves only where no two say the same.
    held = {key: many for key, many in said.items() if many >= HOLDERS} or said
    torn = _fragments(held)
    whole = [
        key
        for key in held
        if key not in torn and key[0] not in counts.never_first and key[-1] not in counts.never_last
    ]
    names = _rare_names(theme, counts)
    unnamed = [key for key in whole if names.isdisjoint(key)]
    weights = word_weights(theme, counts)
    listed = [
        Candidate(
            key,
            spelling(spelt[key]),
            # In a fixed order: a sum of floats in the order of a set would differ between processes.
            sum(weights.get(word, 0.0) for word in sorted(set(key)) if word in counts.plain),
            held[key] / counts.total[key],
        )
        for key in unnamed or whole or held
    ]
    return sorted(listed, key=lambda each: (-each.worth * each.specific, each.key))[:CANDIDATES]


def _rare_names(theme: int, counts: Counts) -> frozenset[str]:
    """Return the names that few of a theme's texts hold.

    A product that a theme is about stands in many of them; a colleague or customer in a few, and names no theme.
    """
    least = NAMED_BY * counts.sizes[theme]
    return frozenset(name for name in counts.names if counts.by_theme[theme][(name,)] < least)


def _is_capitalised(word: str) -> bool:
    return word[:1].isupper() and not word.isupper()


def spelling(spelt: Counter[str]) -> str:
    """Choose the commonest spelling, of equal ones that in lower case."""
    return min(spelt, key=lambda form: (-spelt[form], form != form.lower(), form))


def phrase_vectors(listed: Mapping[int, Sequence[Candidate]], encode: Encode) -> dict[int, FloatArray]:
    """Encode the phrases of every theme: theme -> (c, d), rows of unit length."""
    names = sorted({each.name for found in listed.values() for each in found})
    if not names:
        return {}
    place = {name: row for row, name in enumerate(names)}
    vectors = encode(names)
    return {theme: vectors[[place[each.name] for each in found]] for theme, found in listed.items()}


def holder_vectors(
    listed: Mapping[int, Sequence[Candidate]],
    texts: Sequence[str],
    runs: Sequence[list[Token]],
    vectors: FloatArray,
    themes: IntArray,
) -> dict[int, FloatArray]:
    """Stand in for the sense of a phrase by the mean of all placed texts that hold it: theme -> (c, d), unit rows."""
    sums = {each.key: np.zeros(vectors.shape[1]) for found in listed.values() for each in found}
    for row in np.flatnonzero(themes != PENDING).tolist():
        for key in {phrase.key for phrase in phrases(texts[row], runs[row])} & sums.keys():
            sums[key] += vectors[row]
    units = {
        key: (total / max(float(np.linalg.norm(total)), TINY)).astype(np.float32)
        for key, total in sums.items()
    }
    return {
        theme: np.array([units[each.key] for each in found], dtype=np.float32)
        for theme, found in listed.items()
    }


def rank(
    listed: Mapping[int, Sequence[Candidate]],
    senses: Mapping[int, FloatArray],
    centres: Mapping[int, FloatArray],
    *,
    by_words: bool,
) -> dict[int, list[tuple[float, Candidate]]]:
    """Rank the phrases of every theme, best first; senses: theme -> (c, d), centres: theme -> (d,), of unit length.

    The score is the log of how probable the theme is, given the phrase: by its sense, a softmax over the cosines to
    the centres of all themes, and by its words, the share of its holders that are in the theme. A tenth of the scaled
    cosine to the own centre is added, because among phrases that all tell the theme the more typical one names it
    better. `by_words` adds the log of the phrase's worth, for senses that are but those of whole texts.
    """
    numbers = sorted(centres)
    around = np.array([centres[number] for number in numbers])
    ranked: dict[int, list[tuple[float, Candidate]]] = {}
    for theme, found in listed.items():
        if not found:
            ranked[theme] = []
            continue
        scaled = SCALE * (senses[theme].astype(np.float64) @ around.T)
        own = scaled[:, numbers.index(theme)]
        scores = own - logsumexp(scaled, axis=1) + TYPICAL * own
        scores += np.log([each.specific for each in found])
        if by_words:
            scores += np.log([each.worth for each in found])
        # Rounded, so that the order in which an encoder batches texts cannot turn a tie.
        pairs = zip(np.round(scores, 4).tolist(), found, strict=True)
        ranked[theme] = sorted(pairs, key=lambda pair: (-pair[0], pair[1].key))
    return ranked


def _halves(texts: Sequence[str], runs: Sequence[list[Token]]) -> tuple[frozenset[str], frozenset[str]]:
    """Find words that cannot begin a phrase, and words that cannot end one, because they are half of a term.

    In `FRAGMENT` of all places where such a word stands, the same word stands beside it: "debit" behind "direct",
    "virtual" before "card", "top" before "up".
    """
    seen: Counter[str] = Counter()
    before: dict[str, Counter[str]] = defaultdict(Counter)
    after: dict[str, Counter[str]] = defaultdict(Counter)
    for text, run in zip(texts, runs, strict=True):
        seen.update(token.key for token in run)
        for (a, b), linked in zip(pairwise(run), links(text, run), strict=True):
            if linked and a.plain and (b.plain or b.word in PARTICLES):
                after[a.key][b.key] += 1
                if b.plain:
                    before[b.key][a.key] += 1
    return _bound(before, seen), _bound(after, seen)


def _bound(beside: Mapping[str, Counter[str]], seen: Counter[str]) -> frozenset[str]:
    return frozenset(
        word
        for word, counter in beside.items()
        if seen[word] >= LEAST_SEEN and max(counter.values()) >= FRAGMENT * seen[word]
    )


def _fragments(held: Mapping[Key, int]) -> set[Key]:
    """Find phrases that mostly stand inside one longer phrase: "disposable virtual" of "disposable virtual card"."""
    return {
        part
        for whole, many in held.items()
        for part in (whole[:-1], whole[1:])
        if part in held and many >= max(2, FRAGMENT * held[part])
    }
