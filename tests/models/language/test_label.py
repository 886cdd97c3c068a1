import numpy as np
import pytest

from models.language.encode import WordHashEncoder
from models.language.label import label_themes
from models.language.phrases import courtesy_words, phrases, sentences, tokens
from models.language.words import stop_words

EXPORTS = [
    "Hello team! The CSV export fails with a timeout. Thanks",
    "Our CSV export fails every morning",
    "CSV export fails since the update, please help",
    "Why does the csv export not finish?",
    "Hi, the export to CSV stopped working for <num> rows.",
]
LOGINS = [
    "I cannot log in with SSO",
    "The SSO login page keeps looping. It asks for my password again and again.",
    "SSO login loops since yesterday",
    "Thank you for your help. SSO login is broken",
    "After the SSO login I land on the login page again",
]
NOISE = ["What is the weather like", "Completely unrelated words here"]
TEXTS = [*EXPORTS, *LOGINS, *NOISE]
THEMES = np.array([1] * 5 + [2] * 5 + [0] * 2)
VECTORS = WordHashEncoder().encode(TEXTS)


def test_labels_are_verbatim_distinctive_and_whole() -> None:
    labels = label_themes(TEXTS, VECTORS, THEMES)
    assert set(labels) == {1, 2}
    for theme, label in labels.items():
        members = [text for text, at in zip(TEXTS, THEMES, strict=True) if at == theme]
        parts = label.label.casefold().split()
        assert any(label.label in text for text in members)
        assert 2 <= len(parts) <= 5
        assert not {parts[0], parts[-1]} & (stop_words() | courtesy_words())
    assert "export" in labels[1].label.casefold()
    assert "login" in labels[2].label.casefold()
    assert {"csv", "export"} <= set(labels[1].keywords)
    assert not {"hello", "thanks", "num", "please"} & set(labels[1].keywords)


def test_quotes_are_whole_sentences_of_members() -> None:
    labels = label_themes(TEXTS, VECTORS, THEMES)
    for theme, label in labels.items():
        assert 3 <= len(label.quotes) <= 5
        assert len({quote.index for quote in label.quotes}) == len(label.quotes)
        for quote in label.quotes:
            assert THEMES[quote.index] == theme
            assert (quote.start, quote.end) in sentences(TEXTS[quote.index])
    said = [TEXTS[q.index][q.start : q.end] for label in labels.values() for q in label.quotes]
    assert "Hello team!" not in said
    assert "Thank you for your help." not in said


def test_no_two_themes_share_a_label() -> None:
    texts = ["app crashes today"] * 6
    labels = label_themes(texts, WordHashEncoder().encode(texts), np.array([1, 1, 2, 2, 3, 3]))
    assert len({label.label.casefold() for label in labels.values()}) == 3


@pytest.mark.parametrize("text", ["Help", "!!!", "12345", "hi"])
def test_texts_without_a_phrase_still_get_a_label_and_a_quote(text: str) -> None:
    labels = label_themes([text, text], WordHashEncoder().encode([text, text]), np.array([4, 4]))
    assert labels[4].label == text
    assert [(q.start, q.end) for q in labels[4].quotes] == [(0, len(text))], "nothing is quoted twice"


def test_nothing_to_label() -> None:
    assert label_themes(NOISE, VECTORS[-2:], np.zeros(2, dtype=np.int64)) == {}
    with pytest.raises(ValueError, match="equally long"):
        label_themes(NOISE, VECTORS, np.zeros(2, dtype=np.int64))


def test_phrases_stay_in_a_clause_and_end_on_a_word_with_meaning() -> None:
    text = "I want a refund from the store, card to top up"
    found = {text[p.start : p.end] for p in phrases(text, tokens(text))}
    assert found == {"refund from the store", "card to top", "card to top up", "top up"}


def test_placeholders_are_not_words() -> None:
    assert [t.word for t in tokens("order <num> of {{Order Number}} for [email] isn't here")] == [
        "order",
        "of",
        "for",
        "isnt",
        "here",
    ]


def test_sentences_keep_their_places() -> None:
    text = "  Fails at v2.1.3 today! \nSecond line\n\n"
    assert [text[a:b] for a, b in sentences(text)] == ["Fails at v2.1.3 today!", "Second line"]
