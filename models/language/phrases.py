"""Key phrases of customers' texts: runs of two to six words that could stand as a label."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

from models.language.words import stem, stop_words

LONGEST_PHRASE = 6
LONGEST_SENTENCE = 300
TOKEN = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
PLACEHOLDER = re.compile(
    r"<[^<>]{1,40}>|\[[^\[\]]{1,40}\]|\{\{?[^{}]{1,40}\}?\}"
)  # <num>, [email], {{Order}}
SENTENCE = re.compile(r"[^.!?\n]+(?:[.!?](?=\S)[^.!?\n]+)*[.!?]*")
PARTICLES = frozenset(("in", "out", "up", "off", "on", "down"))
PARTICLE_VERBS = frozenset(
    ("log", "sign", "top", "set", "check", "cash", "opt", "turn", "shut", "lock", "back")
)
DOES = frozenset(("did", "do", "does"))
BEING = ("am", "are", "is", "was", "were", "had", "has", "have")
ASKING = DOES.union(BEING, ("can", "could", "may", "must", "shall", "should", "will", "would"))
ASKED = frozenset(("he", "i", "it", "she", "that", "there", "they", "this", "we", "you"))
JOINING = frozenset(("and", "but", "or", "so"))
PASSIVE = frozenset(("be", "been", "being"))
SHORT_QUESTIONS = frozenset(("hows", "whens", "wheres", "whos", "whys"))


@dataclass(frozen=True, slots=True)
class Token:
    """One word of a text, with its place and the key under which its forms are counted together."""

    start: int
    end: int
    word: str
    key: str
    plain: bool  # says something about a subject


@dataclass(frozen=True, slots=True)
class Phrase:
    """One candidate label: text[start:end], counted under `key`."""

    start: int
    end: int
    key: tuple[str, ...]


@cache
def courtesy_words() -> frozenset[str]:
    """Return words of greeting and asking, in lower case; no label contains one."""
    return frozenset(
        (Path(__file__).parent / "data" / "courtesy_words.txt").read_text(encoding="utf-8").split()
    )


def tokens(text: str) -> list[Token]:
    """Split a text into words with places, leaving out what stands for removed data, such as <num> or [email]."""
    blanked = PLACEHOLDER.sub(lambda found: "\n" * len(found.group()), text)
    return [_token(found) for found in TOKEN.finditer(blanked)]


def _token(found: re.Match[str]) -> Token:
    word = re.sub(r"['’]", "", found.group().casefold())
    plain = len(word) > 1 and word not in stop_words() and word not in courtesy_words() and not word.isdigit()
    return Token(found.start(), found.end(), word, stem(word), plain)


def links(text: str, run: Sequence[Token]) -> list[bool]:
    """Say of every two neighbours among the words of a text whether they stand in one clause."""
    return [_one_clause(text, a, b) for a, b in pairwise(run)]


def phrases(text: str, run: list[Token]) -> Iterator[Phrase]:
    """Yield runs of two to six words of one clause that begin and end with a word that says something.

    What is left of a question, or runs on into another clause, is no phrase: see `_is_torn`.
    """
    joined = links(text, run)
    for first, token in enumerate(run):
        if not token.plain:
            continue
        for last in range(first + 1, min(first + LONGEST_PHRASE, len(run))):
            if not joined[last - 1] or run[last].word in courtesy_words():
                break
            part = run[first : last + 1]
            if _is_torn(part):
                break  # whatever goes on from here is torn as well
            if _may_end(run, first, last):
                yield Phrase(token.start, run[last].end, tuple(t.key for t in part))


def _is_torn(part: Sequence[Token]) -> bool:
    """Say whether words are the rest of a question or run on into a second clause.

    Of a question: an auxiliary stands before its subject ("plans do you sell", "time do refunds"), or "be"
    and "been" follow a word that cannot lead them ("parcel be late"). On into another: "card and need to pay".
    """
    if part[0].word in SHORT_QUESTIONS:
        return True
    for at, (before, after) in enumerate(pairwise(part)):
        if before.word in ASKING and after.word in ASKED:
            return True
        if before.plain and after.word in PASSIVE:
            return True
        if before.word in JOINING and not after.plain:
            return True
        if at and part[at - 1].plain and before.word in DOES and after.plain:
            return True
    return False


def sentences(text: str) -> list[tuple[int, int]]:
    """Return the spans of a text's sentences, without the blanks around them."""
    spans = []
    for found in SENTENCE.finditer(text):
        piece = found.group()
        start = found.start() + len(piece) - len(piece.lstrip())
        end = found.start() + len(piece.rstrip())
        if start < end:
            spans.append((start, end))
    return spans


def _may_end(run: list[Token], first: int, last: int) -> bool:
    if run[last].plain:
        return True
    return run[last].word in PARTICLES and run[last - 1].key in PARTICLE_VERBS and last - 1 >= first


def _one_clause(text: str, a: Token, b: Token) -> bool:
    return text[a.end : b.start].strip(" \t/") == "" and b.start - a.end <= 3
