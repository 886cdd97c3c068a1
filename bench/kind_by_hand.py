"""The classifier that the learned one took the place of, cues weighed by hand: a reference for bench/kind.py."""

from __future__ import annotations

import re
from itertools import islice
from typing import Final

from bench.fit_kind import Message
from models.language.cues import CUES
from models.language.signs import READ, plain_words
from models.values.kinds import Kind

WEIGHTS: Final[dict[str, dict[str, float]]] = {
    "says it is broken": {"complaint": 2.0},
    "names an error": {"complaint": 0.9},
    "says it does not work": {"complaint": 1.9},
    "cannot do what they want": {"complaint": 1.2},
    "is annoyed": {"complaint": 1.6, "praise": -0.9},
    "lost something or was charged wrongly": {"complaint": 1.2},
    "says how long it has been bad": {"complaint": 1.2},
    "says what was better before or promised": {"complaint": 1.3, "praise": -0.6},
    "wants money back": {"complaint": 0.7},
    "denies something good": {"complaint": 2.2, "praise": -2.2},
    "is shocked by it": {"complaint": 0.4},
    "asks an angry question": {"complaint": 2.0, "question": -0.6},
    "says wryly what should be normal": {"complaint": 2.2, "request": -1.0},
    "asks for something new": {"request": 1.5, "praise": -1.0},
    "says please and what to do": {"request": 1.8},
    "begins with what to do": {"request": 1.7},
    "names something products have": {"request": 0.3},
    "is pleased": {"praise": 1.4},
    "praises": {"praise": 1.9},
    "praises by denying something bad": {"praise": 3.0, "complaint": -2.5},
    "thanks": {"praise": 0.4},
    "asks for news": {"question": 2.4, "complaint": -0.4},
    "asks how or whether": {"question": 1.3},
    "wonders": {"question": 1.5},
    "ends with a question mark": {"question": 1.1},
    "has a question mark": {"question": 0.6},
}
_IDEA_BOARD: Final = re.compile("canny|productboard|uservoice|idea|feature")


def by_hand(message: Message) -> Kind:
    """Name the kind with the highest sum of weights."""
    words = plain_words(
        f"{message.subject}\n{message.text[:READ]}" if message.subject else message.text[:READ]
    )
    sums = dict.fromkeys(map(str, Kind), 0.0)
    for cue in CUES:
        times = sum(1 for _ in islice(cue.pattern.finditer(words), cue.most))
        for kind, weight in WEIGHTS[cue.name].items():
            sums[kind] += weight * times
    for kind, weight in (*_from_rating(message.rating), *_from_channel(message.channel)):
        sums[kind] += weight
    return max(Kind, key=lambda kind: sums[kind])


def _from_rating(rating: float | None) -> tuple[tuple[str, float], ...]:
    if rating is None:
        return ()
    if rating <= 0.4:
        return (("complaint", 1.6), ("praise", -1.5))
    return (("praise", 1.6), ("complaint", -0.6)) if rating >= 0.8 else (("complaint", 0.4),)


def _from_channel(channel: str | None) -> tuple[tuple[str, float], ...]:
    return (("request", 1.2),) if _IDEA_BOARD.match((channel or "").lower()) else (("complaint", 0.3),)
