"""What holds of labels whatever the texts: verbatim, apart, without removed data, the same in every process."""

import os
import subprocess
import sys
from collections.abc import Sequence

import numpy as np
import pytest

from models.language.encode import FloatArray, IntArray, WordHashEncoder
from models.language.label import ThemeLabel, label_themes
from models.language.phrases import courtesy_words, tokens
from models.language.words import stop_words

OPENERS = ["Hello,", "Hi <name>!", "Please help:", "", "Since [date]", "For order <num>"]
SUBJECTS = {
    1: ["the invoice shows the wrong tax", "wrong tax on our invoice", "tax on an invoice is wrong"],
    2: ["the export to CSV times out", "CSV export times out", "our CSV export never ends"],
    3: [
        "password reset mail never arrives",
        "I get no mail to reset my password",
        "the reset mail is missing",
    ],
    4: [
        "calendar sync doubles events",
        "events are doubled after a calendar sync",
        "doubled calendar events",
    ],
    5: [
        "Die Rechnung zeigt die falsche Steuer",
        "falsche Steuer auf der Rechnung",
        "Steuer der Rechnung falsch",
    ],
    6: ["請求書の税金が間違っています", "請求書の税金 が 違う", "税金が間違っています"],
}
CLOSERS = ["", "thanks", "mail me at <email>", "since the update", "on {{Device Name}}", "every morning"]


def corpus(seed: int, count: int = 240) -> tuple[list[str], IntArray]:
    rng = np.random.default_rng(seed)
    themes = rng.integers(0, len(SUBJECTS) + 1, count)
    texts = [
        f"{rng.choice(OPENERS)} {rng.choice(SUBJECTS[max(1, theme)])} {rng.choice(CLOSERS)}".strip()
        for theme in themes.tolist()
    ]
    return texts, themes.astype(np.int64)


def labelled(seed: int, *, with_sense: bool) -> dict[int, ThemeLabel]:
    texts, themes = corpus(seed)
    encoder = WordHashEncoder()
    return label_themes(texts, encoder.encode(texts), themes, encode=encoder.encode if with_sense else None)


@pytest.mark.parametrize("with_sense", [True, False])
@pytest.mark.parametrize("seed", range(4))
def test_labels_are_members_words_apart_and_free_of_removed_data(seed: int, with_sense: bool) -> None:
    texts, themes = corpus(seed)
    labels = labelled(seed, with_sense=with_sense)
    assert set(labels) == set(themes.tolist()) - {0}
    assert len({label.label.casefold() for label in labels.values()}) == len(labels)
    for theme, label in labels.items():
        members = [" ".join(text.split()) for text, at in zip(texts, themes, strict=True) if at == theme]
        assert any(label.label in text for text in members)
        assert not set("<>[]{}") & set(label.label)
        run = tokens(label.label)
        assert 1 <= len(run) <= 6
        assert not {run[0].word, run[-1].word} & (stop_words() | courtesy_words())
        for quote in label.quotes:
            assert themes[quote.index] == theme
            assert texts[quote.index][quote.start : quote.end].strip()


SCRIPT = """
from tests.models.language.test_label_properties import labelled
for with_sense in (True, False):
    print(sorted(labelled(3, with_sense=with_sense).items()))
"""


def test_two_processes_give_the_same_labels() -> None:
    said = [
        subprocess.run(
            [sys.executable, "-c", SCRIPT],
            env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert said[0] == said[1]
    assert said[0].count("ThemeLabel(") == 12


def test_the_order_of_texts_does_not_matter() -> None:
    texts, themes = corpus(5)
    turn = np.random.default_rng(5).permutation(len(texts))
    encoder = WordHashEncoder()
    vectors = encoder.encode(texts)
    one = label_themes(texts, vectors, themes, encode=encoder.encode)
    other = label_themes([texts[i] for i in turn], vectors[turn], themes[turn], encode=encoder.encode)
    assert {t: label.label for t, label in one.items()} == {t: label.label for t, label in other.items()}


@pytest.mark.parametrize("with_sense", [True, False])
@pytest.mark.parametrize("count", [1, 2])
def test_a_theme_of_one_or_two_is_named_in_its_words(count: int, with_sense: bool) -> None:
    texts = ["My parcel is at the wrong address", "The parcel went to a wrong address"][:count]
    encoder = WordHashEncoder()
    encode = encoder.encode if with_sense else None
    label = label_themes(texts, encoder.encode(texts), np.full(count, 8), encode=encode)[8]
    assert label.label in {"wrong address", "parcel is at the wrong address"}
    assert [quote.index for quote in label.quotes][:1] == [0]
    assert len(label.quotes) == count


@pytest.mark.parametrize("text", ["", "   ", "<name>", "[email] <num>"])
def test_a_theme_without_words_is_called_by_its_number(text: str) -> None:
    vectors = WordHashEncoder().encode(["a", "b"])
    label = label_themes([text, text], vectors, np.array([4, 4]), encode=WordHashEncoder().encode)[4]
    assert label.label == "(4)"
    assert label.keywords == ()
    assert all(quote.start < quote.end for quote in label.quotes)
    assert len(label.quotes) == (1 if text.strip() else 0)


def test_only_some_themes_are_labelled_apart_from_names_that_others_keep() -> None:
    texts, themes = corpus(2)
    encoder = WordHashEncoder()
    vectors = encoder.encode(texts)
    asked: list[str] = []

    def encode(phrases: Sequence[str]) -> FloatArray:
        asked.extend(phrases)
        return encoder.encode(phrases)

    every = label_themes(texts, vectors, themes, encode=encoder.encode)
    first = label_themes(texts, vectors, themes, encode=encode, only={2})
    assert first == {2: every[2]}
    assert asked
    others = ("invoice", "tax", "password", "calendar", "steuer", "税金")
    assert not [phrase for phrase in asked if any(word in phrase.casefold() for word in others)]
    kept = every[2].label.upper()
    again = label_themes(texts, vectors, themes, encode=encoder.encode, only={2}, taken=[kept])
    assert again[2].label.casefold() != kept.casefold()
    assert label_themes(texts, vectors, themes, encode=encoder.encode, only={99}) == {}


def test_the_sense_of_a_phrase_decides_where_words_do_not() -> None:
    texts = ["red lamp flickers, blue lamp hums"] * 2 + ["green door jams, grey door creaks"] * 2
    themes = np.array([1, 1, 2, 2])
    vectors = np.array([[1, 0], [1, 0], [0, 1], [0, 1]], dtype=np.float32)

    def of(wanted: set[str]) -> dict[int, str]:
        def encode(phrases: Sequence[str]) -> FloatArray:
            near, far = ([0.6, 0.8], [0.8, 0.6])
            rows = [
                ([1, 0] if "lamp" in phrase else [0, 1])
                if any(word in phrase for word in wanted)
                else (near if "lamp" in phrase else far)
                for phrase in phrases
            ]
            return np.array(rows, dtype=np.float32)

        labels = label_themes(texts, vectors, themes, encode=encode)
        return {theme: label.label for theme, label in labels.items()}

    assert of({"red", "green"}) == {1: "red lamp flickers", 2: "green door jams"}
    assert of({"blue", "grey"}) == {1: "blue lamp hums", 2: "grey door creaks"}
