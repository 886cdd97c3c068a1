"""Mails and messages of ours in many styles, each with the words that must stay and those that must go.

The rules were mended on the half `tuning`. The half `held_out` was written before either was measured: floors stand
below what was reached there, 51 of 65 before the mending and 62 after it.
"""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from models.language.clean import CleanNote, clean

ROWS = [
    json.loads(line)
    for line in (Path(__file__).parents[2] / "data" / "cleaning.jsonl")
    .read_text(encoding="utf-8")
    .splitlines()
]


def flat(text: str) -> str:
    return " ".join(text.split())


def left_of(row: Mapping[str, object]) -> str:
    """Return what is read of a message: nothing where all of it is a machine's."""
    cleaned = clean(str(row["text"]), html=row["html"])  # type: ignore[arg-type]
    return "" if CleanNote.ONLY_AUTOMATIC_TEXT in cleaned.notes else flat(cleaned.text)


def faults(row: Mapping[str, object]) -> list[str]:
    text = left_of(row)
    lost = [f"lost: {words}" for words in _words(row, "keep") if words not in text]
    return lost + [f"left: {words}" for words in _words(row, "cut") if words in text]


def _words(row: Mapping[str, object], name: str) -> list[str]:
    words = row[name]
    assert isinstance(words, list)
    return [flat(each) for each in words]


def test_the_set_is_large_and_says_what_is_in_its_texts() -> None:
    assert len(ROWS) >= 120
    assert len({row["id"] for row in ROWS}) == len({row["text"] for row in ROWS}) == len(ROWS)
    plain = [row for row in ROWS if not row["html"]]
    for row in plain:
        for name in ("keep", "cut"):
            assert all(words in flat(row["text"]) for words in _words(row, name)), row["id"]


@pytest.mark.parametrize("row", [row for row in ROWS if row["split"] == "tuning"], ids=lambda row: row["id"])
def test_what_the_rules_were_mended_on_is_right(row: Mapping[str, object]) -> None:
    assert faults(row) == []


def test_no_customers_word_is_lost_in_the_half_that_was_held_out() -> None:
    held_out = [row for row in ROWS if row["split"] == "held_out"]
    assert [fault for row in held_out for fault in faults(row) if fault.startswith("lost")] == []


def test_most_of_the_half_that_was_held_out_is_right() -> None:
    held_out = [row for row in ROWS if row["split"] == "held_out"]
    right = sum(not faults(row) for row in held_out)
    assert right / len(held_out) >= 0.9
