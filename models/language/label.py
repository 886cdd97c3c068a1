"""Name themes in customers' own words: a key phrase, keywords and quotes, all verbatim, without a language model."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from models.language.candidates import (
    Candidate,
    Counts,
    Encode,
    Key,
    candidates,
    count,
    holder_vectors,
    phrase_vectors,
    rank,
    spelling,
    word_weights,
)
from models.language.encode import FloatArray, IntArray
from models.language.phrases import LONGEST_PHRASE, PLACEHOLDER, Token, links, tokens
from models.language.place import PENDING
from models.language.propose import theme_centres
from models.language.quotes import Quote, choose_quotes

KEYWORDS = 6
NEAREST_ASKED = 20  # members whose words serve where a theme has no phrase of its own


@dataclass(frozen=True, slots=True)
class ThemeLabel:
    """What a theme is called: a phrase found in its texts, its distinctive words, and quotes nearest its centre."""

    label: str
    keywords: tuple[str, ...]
    quotes: tuple[Quote, ...]


def label_themes(
    texts: Sequence[str],
    vectors: FloatArray,
    themes: IntArray,
    *,
    encode: Encode | None = None,
    only: Collection[int] | None = None,
    taken: Iterable[str] = (),
) -> dict[int, ThemeLabel]:
    """Label themes: texts (n), vectors (n, d) float32 of unit length, themes (n,) int64 with 0 for none.

    A label is a phrase that several of the theme's texts hold, chosen by how clearly it tells this theme from the
    others and how near it is to the centre; see `candidates.rank`. `encode` gives the sense of phrases, (m, d)
    float32 for m phrases, in the space of `vectors`; without it words and the vectors of whole texts decide. `only`
    names the themes to label (default: all), held against all others; `taken` are labels that others keep. No two
    themes share a label, not even the same words in another order or form. Unequal lengths raise ValueError.
    """
    if not len(texts) == len(vectors) == len(themes):
        raise ValueError("texts, vectors and themes must be equally long")
    runs = [
        tokens(text) if theme != PENDING else [] for text, theme in zip(texts, themes.tolist(), strict=True)
    ]
    centres = theme_centres(vectors, themes)
    members = {theme: np.flatnonzero(themes == theme) for theme in centres if only is None or theme in only}
    if not members:
        return {}
    counts = count(texts, runs, themes)
    listed = {theme: candidates(theme, counts, texts, runs, rows) for theme, rows in members.items()}
    senses = (
        phrase_vectors(listed, encode) if encode else holder_vectors(listed, texts, runs, vectors, themes)
    )
    ranked = rank(listed, senses, centres, by_words=encode is None)
    nearest = {
        theme: rows[np.argsort(-np.round(vectors[rows] @ centres[theme], 4), kind="stable")][
            :NEAREST_ASKED
        ].tolist()
        for theme, rows in members.items()
    }
    names = _distinct(
        ranked,
        {theme: _spare_names(theme, counts, texts, runs, rows) for theme, rows in nearest.items()},
        taken,
    )
    return {
        theme: ThemeLabel(
            label=names[theme],
            keywords=_keywords(theme, counts),
            quotes=choose_quotes(texts, runs, vectors, rows, centres[theme], word_weights(theme, counts)),
        )
        for theme, rows in members.items()
    }


def _distinct(
    ranked: Mapping[int, Sequence[tuple[float, Candidate]]],
    spare: Mapping[int, Iterator[str]],
    taken: Iterable[str],
) -> dict[int, str]:
    """Choose one label per theme; where two want the same, the higher score has it and the other its next best."""
    wishes = sorted(
        ((score, theme, each) for theme, found in ranked.items() for score, each in found),
        key=lambda wish: (-wish[0], wish[1], wish[2].key),
    )
    names: dict[int, str] = {}
    used = {_words_of(label) for label in taken}
    for _, theme, each in wishes:
        if theme not in names and _words_of(each.name) not in used:
            names[theme] = each.name
            used.add(_words_of(each.name))
    for theme in sorted(set(ranked) - set(names)):
        names[theme] = _last_resort(theme, spare[theme], used)
        used.add(_words_of(names[theme]))
    return names


def _words_of(label: str) -> Key:
    """Return what makes two labels the same to a reader: the words that say something, in any order and form."""
    run = tokens(label)
    return tuple(sorted(token.key for token in run if token.plain)) or (label.casefold(),)


def _last_resort(theme: int, spare: Iterable[str], used: set[Key]) -> str:
    """Use the first spare name that nobody has; where all are gone, the theme's number tells equal ones apart."""
    first = ""
    for name in spare:
        if _words_of(name) not in used:
            return name
        first = first or name
    return f"{first} ({theme})".strip()


def _spare_names(
    theme: int, counts: Counts, texts: Sequence[str], runs: Sequence[list[Token]], rows: Sequence[int]
) -> Iterator[str]:
    """Yield names for a theme without a phrase: its keywords, beginnings of its clauses, what is left of a text."""
    yield from _keywords(theme, counts)
    for row in rows:
        yield from _clause_beginnings(texts[row], runs[row])
    for row in rows:
        bare = " ".join(PLACEHOLDER.sub(" ", texts[row]).split()[:LONGEST_PHRASE])
        if bare:
            yield bare


def _clause_beginnings(text: str, run: Sequence[Token]) -> Iterator[str]:
    first = 0
    for last, linked in enumerate([*links(text, run), False][: len(run)]):
        if not linked:
            yield text[run[first].start : run[min(last, first + LONGEST_PHRASE - 1)].end]
            first = last + 1


def _keywords(theme: int, counts: Counts) -> tuple[str, ...]:
    weights = word_weights(theme, counts)
    best = sorted(weights, key=lambda word: (-weights[word], word))[:KEYWORDS]
    return tuple(spelling(counts.surface[(word,)]) for word in best)
