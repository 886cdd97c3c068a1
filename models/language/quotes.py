"""Choose quotes for a theme: whole sentences of members that are near its centre and unlike one another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from models.language.encode import FloatArray, IntArray
from models.language.phrases import LONGEST_SENTENCE, Token, courtesy_words, sentences

QUOTES = 5
FEWEST = 3  # quotes of a theme in which everybody says the same
SAME_QUOTE = 0.92  # members closer than this say the same thing
NEAREST_MEMBERS = 60
LEAST_QUOTE_WORDS = 3


@dataclass(frozen=True, slots=True)
class Quote:
    """A verbatim span of one text: texts[index][start:end]."""

    index: int
    start: int
    end: int


def choose_quotes(
    texts: Sequence[str],
    runs: Sequence[list[Token]],
    vectors: FloatArray,
    rows: IntArray,
    centre: FloatArray,
    weights: Mapping[str, float],
) -> tuple[Quote, ...]:
    """Quote up to five members, one sentence each, the one nearest to the centre first.

    texts and runs (their words): n; vectors: (n, d), rows of unit length; rows: the theme's members; centre: (d,);
    weights: of the theme's words, by key. Each next one has the largest cosine to the centre less its largest to a
    quote already chosen (maximal marginal relevance, Carbonell and Goldstein 1998, with equal weights), out of the
    nearer half of the members. Copies and near copies are quoted only where there is nothing else.
    """
    # Rounded: of members that say the same, the first is quoted, however their products are summed.
    near = np.round(vectors[rows] @ centre, 4)
    order = np.argsort(-near, kind="stable")[: min(NEAREST_MEMBERS, max(QUOTES, len(rows) // 2))]
    pool, near = rows[order].tolist(), near[order].tolist()
    spoken = [_best_sentence(texts[row], runs[row], weights) for row in pool]
    plain = [
        "".join(filter(str.isalnum, texts[row][slice(*span)].casefold()))
        for row, span in zip(pool, spoken, strict=True)
    ]
    cosine = np.round(vectors[pool] @ vectors[pool].T, 4).tolist()
    filled = [at for at, (start, end) in enumerate(spoken) if start < end]
    chosen: list[int] = []
    alike = [-1.0] * len(pool)
    while len(chosen) < QUOTES:
        said = {plain[at] for at in chosen}
        left = [at for at in filled if at not in chosen and plain[at] not in said]
        fresh = [at for at in left if alike[at] < SAME_QUOTE]
        if not left or (not fresh and len(chosen) >= FEWEST):
            break
        # The first has no other beside it: the nearest of all.
        best = max(fresh or left, key=lambda at: near[at] - (alike[at] if chosen else 0.0))
        chosen.append(best)
        alike = [max(known, cosine[at][best]) for at, known in enumerate(alike)]
    return tuple(Quote(pool[at], *spoken[at]) for at in chosen)


def _best_sentence(text: str, run: list[Token], weights: Mapping[str, float]) -> tuple[int, int]:
    """Pick the sentence that says most of what the theme is about; greetings and fragments come last."""
    spans = sentences(text) or [(0, len(text.rstrip()))]
    return max(spans, key=lambda span: (_worth(span, run, weights), -span[0]))


def _worth(span: tuple[int, int], run: Iterable[Token], weights: Mapping[str, float]) -> float:
    inside = [token for token in run if span[0] <= token.start and token.end <= span[1]]
    # In a fixed order: a sum of floats in the order of a set would differ between processes.
    says = sum(weights.get(key, 0.0) for key in sorted({token.key for token in inside if token.plain}))
    short = sum(token.word not in courtesy_words() for token in inside) < LEAST_QUOTE_WORDS
    long = span[1] - span[0] > LONGEST_SENTENCE
    return says * (0.2 if short else 1.0) * (0.5 if long else 1.0)
