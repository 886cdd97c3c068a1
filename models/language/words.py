"""Words of a text: splitting, light stemming, and the English words that say nothing about a subject."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from pathlib import Path

WORD = re.compile(r"[^\W_]+")
CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
SUFFIXES = ("ing", "ed", "es", "ly", "s")
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
    """Drop one common English ending, keeping at least three letters: "exports", "exported" -> "export"; "ies" gives "y"."""
    if word.endswith("ies") and len(word) > len("ties"):
        return word[:-3] + "y"
    for suffix in SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= SHORTEST_STEM and not word.endswith("ss"):
            return word[: -len(suffix)]
    return word
