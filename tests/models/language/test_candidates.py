import math

import numpy as np
import pytest

from models.language.candidates import SCALE, TYPICAL, Candidate, candidates, count, rank
from models.language.encode import WordHashEncoder
from models.language.phrases import phrases, tokens
from models.language.quotes import choose_quotes


@pytest.mark.parametrize(
    "text",
    [
        "Which plans do you sell here",
        "Will my parcel be late",
        "How much time do refunds take",
        "Has the parcel been opened",
        "How's the seat upgrade",
    ],
)
def test_the_rest_of_a_question_is_no_phrase(text: str) -> None:
    found = {text[p.start : p.end] for p in phrases(text, tokens(text))}
    assert found <= {"refunds take", "seat upgrade"}


def test_a_phrase_ends_where_another_clause_begins() -> None:
    text = "Lost card and need to pay or stolen phone"
    found = {text[p.start : p.end] for p in phrases(text, tokens(text))}
    assert "Lost card" in found
    assert "pay or stolen phone" in found
    assert not [phrase for phrase in found if "and" in phrase.split()]


def test_half_of_a_term_begins_or_ends_no_phrase() -> None:
    texts = [
        *("order a virtual card now", "order a virtual card fast", "the virtual card failed"),
        *("obtain a virtual account", "a virtual card failed", "obtain a virtual account"),
        *("top up failed", "top up reverted", "a reverted top up", "the top up", "top up failed"),
    ]
    themes = np.ones(len(texts), dtype=np.int64)
    runs = [tokens(text) for text in texts]
    names = {
        each.name for each in candidates(1, count(texts, runs, themes), texts, runs, np.arange(len(texts)))
    }
    assert "virtual card failed" in names
    assert "obtain a virtual account" in names
    assert "top up failed" in names
    assert not [name for name in names if name.split()[-1] in {"virtual", "top"}]


def named(texts: list[str]) -> set[str]:
    themes = np.ones(len(texts), dtype=np.int64)
    runs = [tokens(text) for text in texts]
    return {
        each.name for each in candidates(1, count(texts, runs, themes), texts, runs, np.arange(len(texts)))
    }


def test_a_name_that_few_say_names_no_theme() -> None:
    said = ["my half-written invoice is lost", "the half-written invoice was lost again"]
    colleague = ["Gareth lost a half-written invoice", "yesterday Gareth lost a half-written invoice"]
    found = named([*said * 4, *colleague])
    assert "half-written invoice" in found
    assert not [name for name in found if "Gareth" in name]
    # What the theme is about may be a name: most of its texts hold it.
    product = ["the Teamster login is broken", "since Monday the Teamster login is broken"]
    assert [name for name in named(product * 5) if "Teamster" in name]


def test_the_score_follows_the_formula() -> None:
    centres = {3: np.array([1, 0], dtype=np.float32), 7: np.array([0, 1], dtype=np.float32)}
    found = [Candidate(("a", "b"), "a b", 2.0, 0.5), Candidate(("c", "d"), "c d", 1.0, 1.0)]
    senses = np.array([[1, 0], [0.8, 0.6]], dtype=np.float32)
    ranked = rank({3: found}, {3: senses}, centres, by_words=False)[3]
    by_sense = {each.name: score for score, each in ranked}
    for name, (own, other), specific in (("a b", (1.0, 0.0), 0.5), ("c d", (0.8, 0.6), 1.0)):
        chance = math.exp(SCALE * own) / (math.exp(SCALE * own) + math.exp(SCALE * other))
        assert by_sense[name] == pytest.approx(
            math.log(chance) + TYPICAL * SCALE * own + math.log(specific), abs=1e-4
        )
    by_words = rank({3: found}, {3: senses}, centres, by_words=True)[3]
    gained = {each.name: score - by_sense[each.name] for score, each in by_words}
    assert gained == {"a b": pytest.approx(math.log(2.0), abs=2e-4), "c d": pytest.approx(0.0, abs=2e-4)}
    assert rank({3: []}, {3: senses[:0]}, centres, by_words=False) == {3: []}


def test_quotes_differ_from_one_another_and_begin_at_the_centre() -> None:
    angles = np.radians([0, 2, 4, 30, -30, 60])
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    texts = [f"sentence number {name} of ours" for name in ("one", "two", "three", "four", "five", "six")]
    runs = [tokens(text) for text in texts]
    rows = np.arange(6)
    chosen = [q.index for q in choose_quotes(texts, runs, vectors, rows, np.array([1, 0], np.float32), {})]
    # The nearest five stand to choice; those beside the first say the same, so three are enough.
    assert chosen == [0, 3, 4]
    copies = ["the same words"] * 6
    runs = [tokens(text) for text in copies]
    same = choose_quotes(copies, runs, WordHashEncoder().encode(copies), rows, vectors[0].repeat(128), {})
    assert [quote.index for quote in same] == [0]
