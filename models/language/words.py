"""Words of a text: splitting, light stemming, and the English words that say nothing about a subject."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from pathlib import Path

WORD = re.compile(r"[^\W_]+")
CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
SHORTEST_STEM = 3


@cache
def stop_words() -> frozenset[str]:
    """Return English words without a subject of their own, in lower case, apostrophes left out."""
    return frozenset((Path(__file__).parent / "data" / "stop_words.txt").read_text(encoding="utf-8").split())


def words(text: str) -> list[str]:
    """Split a text into lower-case runs of letters and digits; "can't" gives "can" and "t"."""
    return WORD.findall(unicodedata.normalize("NFKC", text).casefold())


def split_identifiers(text: str) -> str:
    """Set the parts of camelCase, HTTPServer and snake_case names apart with blanks."""
    return CAMEL.sub(" ", text).replace("_", " ")


def stem(word: str) -> str:
    """Drop common English endings, keeping at least three letters: "exports", "exported" -> "export"."""
    word = _singular(word)
    for ending in ("ing", "ed", "ly"):
        if word.endswith(ending) and len(word) - len(ending) >= SHORTEST_STEM:
            word = word[: -len(ending)]
            break
    if len(word) > SHORTEST_STEM and word[-1] == word[-2] and word[-1] not in "lsz":
        word = word[:-1]  # "logged", "topping"
    return word[:-1] if word.endswith("e") and len(word) > SHORTEST_STEM else word


def _singular(word: str) -> str:
    if len(word) <= SHORTEST_STEM or not word.endswith("s") or word.endswith("ss"):
        return word
    if word.endswith("ies"):
        return word[:-3] + "y"
    return word[:-2] if word.endswith(("ses", "xes", "zes", "ches", "shes")) else word[:-1]
