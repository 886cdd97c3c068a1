"""Name themes in customers' own words: a key phrase, keywords and quotes, all verbatim, without a language model."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from models.language.encode import FloatArray, IntArray
from models.language.phrases import LONGEST_SENTENCE, Token, courtesy_words, phrases, sentences, tokens
from models.language.place import PENDING
from models.language.propose import theme_centres

KEYWORDS = 6
QUOTES = 5
SAME_QUOTE = 0.92  # members closer than this say the same thing
CANDIDATES = 40
NEAREST_MEMBERS = 60
LEAST_QUOTE_WORDS = 3
FRAGMENT = 0.6
LEAST_SUPPORT = 0.03  # of a theme's texts hold its label; where no phrase is so common, keywords must do

Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Quote:
    """A verbatim span of one text: texts[index][start:end]."""

    index: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class ThemeLabel:
    """What a theme is called: a phrase found in its texts, its distinctive words, and quotes nearest its centre."""

    label: str
    keywords: tuple[str, ...]
    quotes: tuple[Quote, ...]


@dataclass(frozen=True, slots=True)
class _Counts:
    """How many texts of each theme hold each word or phrase, and how each is spelt most often."""

    sizes: dict[int, int]
    by_theme: dict[int, Counter[Key]]
    total: Counter[Key]
    surface: dict[Key, Counter[str]]
    plain: frozenset[str]


def label_themes(texts: Sequence[str], vectors: FloatArray, themes: IntArray) -> dict[int, ThemeLabel]:
    """Label every theme: texts (n), vectors (n, d) float32 of unit length, themes (n,) int64 with 0 for none.

    A phrase scores by how distinctive its words are (class-based TF-IDF, Grootendorst 2022, eq. 2, on texts rather
    than occurrences), by how many of the theme's texts hold it, and by how close those stand to the centre. No two
    themes share a label. Unequal lengths raise ValueError.
    """
    if not len(texts) == len(vectors) == len(themes):
        raise ValueError("texts, vectors and themes must be equally long")
    runs = [
        tokens(text) if theme != PENDING else [] for text, theme in zip(texts, themes.tolist(), strict=True)
    ]
    counts = _count(texts, runs, themes)
    centres = theme_centres(vectors, themes)
    members = {theme: np.flatnonzero(themes == theme) for theme in centres}
    ranked = {
        theme: _rank_phrases(theme, counts, _holders(texts, runs, rows), vectors[rows] @ centres[theme])
        for theme, rows in members.items()
    }
    fallback = {
        theme: ", ".join(_keywords(theme, counts)[:2]) or texts[rows[0]] for theme, rows in members.items()
    }
    names = _distinct(ranked, counts, fallback)
    return {
        theme: ThemeLabel(
            label=names[theme],
            keywords=_keywords(theme, counts),
            quotes=_quotes(texts, runs, vectors, rows, centres[theme], _word_weights(theme, counts)),
        )
        for theme, rows in members.items()
    }


def _count(texts: Sequence[str], runs: Sequence[list[Token]], themes: IntArray) -> _Counts:
    by_theme: dict[int, Counter[Key]] = defaultdict(Counter)
    surface: dict[Key, Counter[str]] = defaultdict(Counter)
    plain: set[str] = set()
    for text, run, theme in zip(texts, runs, themes.tolist(), strict=True):
        if theme == PENDING:
            continue
        held = {phrase.key: text[phrase.start : phrase.end] for phrase in phrases(text, run)}
        held |= {(token.key,): token.word for token in run if token.plain}
        plain.update(token.key for token in run if token.plain)
        by_theme[theme].update(held.keys())
        for key, spelt in held.items():
            surface[key][spelt] += 1
    total: Counter[Key] = Counter()
    for counter in by_theme.values():
        total.update(counter)
    numbers, sizes = np.unique(themes[themes != PENDING], return_counts=True)
    return _Counts(
        dict(zip(numbers.tolist(), sizes.tolist(), strict=True)), by_theme, total, surface, frozenset(plain)
    )


def _word_weights(theme: int, counts: _Counts) -> dict[str, float]:
    """Weigh each word of a theme: share of its texts that hold it, times log(1 + A / f), as in the source."""
    mean = sum(counts.sizes.values()) / len(counts.sizes)
    return {
        key[0]: held / counts.sizes[theme] * math.log1p(mean / counts.total[key])
        for key, held in counts.by_theme[theme].items()
        if len(key) == 1
    }


def _holders(texts: Sequence[str], runs: Sequence[list[Token]], rows: IntArray) -> dict[Key, list[int]]:
    """List, per phrase, the positions within `rows` of the texts that hold it."""
    holders: dict[Key, list[int]] = defaultdict(list)
    for position, row in enumerate(rows.tolist()):
        for key in {phrase.key for phrase in phrases(texts[row], runs[row])}:
            holders[key].append(position)
    return holders


def _rank_phrases(
    theme: int, counts: _Counts, holders: dict[Key, list[int]], closeness: FloatArray
) -> list[tuple[float, Key]]:
    """Rank a theme's phrases, best first; closeness: (members,) cosine to the centre."""
    weights, size = _word_weights(theme, counts), counts.sizes[theme]
    # A phrase that hardly anybody says names nothing, however distinctive it is.
    holders = {key: held for key, held in holders.items() if len(held) >= LEAST_SUPPORT * size}
    fragments = _fragments(holders)
    scored = []
    for key, held in holders.items():
        if key in fragments:
            continue
        worth = sum(weights.get(word, 0.0) for word in set(key) if word in counts.plain)
        support = math.sqrt(len(held) / size) * math.log1p(len(held))
        specific = len(held) / counts.total[key]
        scored.append((worth * support * specific * _evenness(key, counts), key))
    scored.sort(key=lambda pair: (-pair[0], pair[1]))
    best = [(score * float(closeness[holders[key]].mean()), key) for score, key in scored[:CANDIDATES]]
    return sorted(best, key=lambda pair: (-pair[0], pair[1]))


def _fragments(holders: dict[Key, list[int]]) -> set[Key]:
    """Find phrases that mostly stand inside one longer phrase: "disposable virtual" of "disposable virtual card"."""
    return {
        part
        for whole, held in holders.items()
        for part in (whole[:-1], whole[1:])
        if part in holders and len(held) >= max(2, FRAGMENT * len(holders[part]))
    }


def _evenness(key: Key, counts: _Counts) -> float:
    """Prefer phrases whose words mostly say something: "card not working" over "card that is still not working"."""
    says = sum(word in counts.plain for word in key)
    return says / (says + 0.35 * (len(key) - says)) / math.sqrt(max(2, says) - 1)


def _distinct(
    ranked: dict[int, list[tuple[float, Key]]], counts: _Counts, fallback: dict[int, str]
) -> dict[int, str]:
    """Choose one label per theme; where two want the same, the higher score has it."""
    wishes = sorted(
        ((score, theme, key) for theme, phrases_ in ranked.items() for score, key in phrases_),
        key=lambda wish: (-wish[0], wish[1], wish[2]),
    )
    names: dict[int, str] = {}
    taken: set[str] = set()
    for _, theme, key in wishes:
        name = _spelling(counts.surface[key])
        if theme not in names and name.casefold() not in taken:
            names[theme] = name
            taken.add(name.casefold())
    for theme in sorted(set(ranked) - set(names)):
        names[theme] = _last_resort(theme, fallback[theme], taken)
        taken.add(names[theme].casefold())
    return names


def _last_resort(theme: int, text: str, taken: set[str]) -> str:
    """Use keywords, or the beginning of a text, where no phrase will do; the number tells equal ones apart."""
    name = " ".join(text.split()[:5])
    return name if name and name.casefold() not in taken else f"{name} ({theme})".strip()


def _spelling(spelt: Counter[str]) -> str:
    return min(spelt, key=lambda form: (-spelt[form], form != form.lower(), form))


def _keywords(theme: int, counts: _Counts) -> tuple[str, ...]:
    weights = _word_weights(theme, counts)
    best = sorted(weights, key=lambda word: (-weights[word], word))[:KEYWORDS]
    return tuple(_spelling(counts.surface[(word,)]) for word in best)


def _quotes(
    texts: Sequence[str],
    runs: Sequence[list[Token]],
    vectors: FloatArray,
    rows: IntArray,
    centre: FloatArray,
    weights: dict[str, float],
) -> tuple[Quote, ...]:
    """Quote members near the centre that do not repeat one another, one whole sentence each."""
    order = rows[np.argsort(-(vectors[rows] @ centre), kind="stable")][:NEAREST_MEMBERS].tolist()
    spoken = {row: _best_sentence(texts[row], runs[row], weights) for row in order}
    plain = {row: "".join(filter(str.isalnum, texts[row][slice(*spoken[row])].casefold())) for row in order}
    chosen: list[int] = []
    for limit in (SAME_QUOTE, 1.01):  # the second round fills up where everybody says the same
        for row in order:
            alike = max((float(vectors[row] @ vectors[other]) for other in chosen), default=-1.0)
            is_new = all(plain[row] != plain[other] for other in chosen)
            if len(chosen) < (QUOTES if limit < 1 else min(3, QUOTES)) and is_new and alike < limit:
                chosen.append(row)
    return tuple(Quote(row, *spoken[row]) for row in chosen)


def _best_sentence(text: str, run: list[Token], weights: dict[str, float]) -> tuple[int, int]:
    """Pick the sentence that says most of what the theme is about; greetings and fragments come last."""
    spans = sentences(text) or [(0, len(text))]
    return max(spans, key=lambda span: (_worth(span, run, weights), -span[0]))


def _worth(span: tuple[int, int], run: Iterable[Token], weights: dict[str, float]) -> float:
    inside = [token for token in run if span[0] <= token.start and token.end <= span[1]]
    says = sum(weights.get(key, 0.0) for key in {token.key for token in inside if token.plain})
    short = sum(token.word not in courtesy_words() for token in inside) < LEAST_QUOTE_WORDS
    long = span[1] - span[0] > LONGEST_SENTENCE
    return says * (0.2 if short else 1.0) * (0.5 if long else 1.0)
