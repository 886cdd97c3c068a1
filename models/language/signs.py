"""Signs of the kind of a message that a person can name: cues in the text, its rating, its channel, its length."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

from models.language.cues import CUES
from models.language.forms import FORMS

READ: Final = 2000
"""Characters read: what a message is about stands at its beginning."""

LOW: Final = 0.4
HIGH: Final = 0.7
"""Ratings up to `LOW` are low, from `HIGH` on high: of five stars one or two, four or five."""

IDEA_BOARDS: Final = ("canny", "productboard", "uservoice", "idea", "feature")
_ALL_CUES: Final = (*CUES, *FORMS)
_SHOWN: Final = 32  # characters of the words that a sign was found in


@dataclass(frozen=True, slots=True)
class Sign:
    """One sign: its name, how much of it there is (0: none), and the words it was found in, if any."""

    name: str
    value: float
    found: str = ""


def read_signs(
    text: str, *, rating: float | None = None, channel: str | None = None, subject: str = ""
) -> tuple[Sign, ...]:
    """List all signs, always the same ones in the same order, those that are absent with the value 0.

    `rating` is in 0..1 (1 = best) or `None`. Raises ValueError where it is out of bounds.
    """
    if rating is not None and not 0 <= rating <= 1:
        raise ValueError(f"rating must be between 0 and 1, got {rating}; scale it first")
    plain = plain_words(f"{subject}\n{text[:READ]}" if subject else text[:READ])
    return (*_from_text(plain), *_from_rating(rating), *_from_channel(channel), *_from_length(text))


def plain_words(text: str) -> str:
    """Lower-case a text with straight apostrophes, so that the cues need one spelling."""
    return text.lower().replace("\u2019", "'").replace("`", "'")


def _from_text(plain: str) -> Iterator[Sign]:
    for cue in _ALL_CUES:
        matches = list(islice(cue.pattern.finditer(plain), cue.most))
        found = " ".join(matches[0].group().split())[:_SHOWN] if matches else ""
        yield Sign(cue.name, float(len(matches)), found.strip(" .,;:-"))


def _from_rating(rating: float | None) -> Iterator[Sign]:
    yield Sign("has a low rating", float(rating is not None and rating <= LOW))
    yield Sign("has a high rating", float(rating is not None and rating >= HIGH))
    yield Sign("has a middling rating", float(rating is not None and LOW < rating < HIGH))


def _from_channel(channel: str | None) -> Iterator[Sign]:
    yield Sign("came from an idea board", float((channel or "").lower().startswith(IDEA_BOARDS)))


def _from_length(text: str) -> Iterator[Sign]:
    count = len(text.split())
    yield Sign("is very short", float(count <= 3))
    yield Sign("is short", float(count <= 8))
    yield Sign("how long it is", min(math.log1p(len(text)) / 5, 1.6))
