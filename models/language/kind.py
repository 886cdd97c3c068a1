"""Say whether a message is a complaint, a request, praise or a question, and why.

A multinomial logistic regression on the message's vector and on signs that a person can name; learned offline by
bench/fit_kind.py, shipped as numbers. Where there is no vector (a follow-up, a language that the encoder does not
know, another encoder) a second regression on the signs alone decides.
"""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.language.signs import Sign, read_signs
from models.values.kinds import KIND_VERSION, KIND_VERSION_WITHOUT_VECTORS, Kind

__all__ = ["Kind", "KindModel", "KindResult", "classify", "load_model", "version_for"]

Floats = NDArray[np.float64]

NAMED_REASONS: Final = 3
LEAST_REASON: Final = 0.25
"""Log odds against the runner-up that a sign must bring to be named as a reason."""


@dataclass(frozen=True, slots=True)
class KindResult:
    """A kind with its probability, the reasons in words, and the version of what decided.

    Probabilities are calibrated on messages that were held out of training; why names the runner-up and its
    probability, and the signs that spoke most against it.
    """

    kind: Kind
    probability: float
    why: str
    version: str


@dataclass(frozen=True, slots=True)
class KindModel:
    """The learned numbers, kinds in the order of `Kind`; m signs, d the dimension of the vectors.

    signs: their names in order; with_vector: (4, 1 + m + d) weights, intercept first, then signs, then vector;
    without_vector: (4, 1 + m); encoder: name and SHA-256 of the encoder the vectors must come from.
    """

    signs: tuple[str, ...]
    with_vector: Floats
    without_vector: Floats
    encoder: tuple[str, str]


@cache
def load_model() -> KindModel:
    """Read the packaged numbers; raise RuntimeError where they are not those of this program."""
    stored = json.loads((Path(__file__).parent / "data" / "kind.json").read_text(encoding="utf-8"))
    names = tuple(sign.name for sign in read_signs(""))
    if (stored["version"], tuple(stored["signs"])) != (KIND_VERSION, names):
        raise RuntimeError("kind.json was made for other signs: run python -m bench.fit_kind")
    return KindModel(
        signs=names,
        with_vector=np.array(stored["with_vector"], dtype=np.float64),
        without_vector=np.array(stored["without_vector"], dtype=np.float64),
        encoder=(stored["encoder"]["name"], stored["encoder"]["sha256"]),
    )


def version_for(encoder: tuple[str, str] | None) -> str:
    """Return the version that decides in a workspace with this encoder (name, SHA-256); None: not bound yet."""
    known = encoder is None or encoder == load_model().encoder
    return KIND_VERSION if known else KIND_VERSION_WITHOUT_VECTORS


def classify(
    text: str,
    *,
    rating: float | None,
    channel: str | None,
    subject: str = "",
    vector: NDArray[np.float32] | None = None,
    version: str = KIND_VERSION,
) -> KindResult:
    """Name the kind of a cleaned message.

    `rating` is in 0..1 (1 = best) or `None`; `channel` names the connector or the medium (`canny`, `app_store`,
    `email`, ...) or is `None`; `vector` is (d,), of unit length, from the encoder that `version_for` was asked about,
    and left out of account unless `version` is `KIND_VERSION`. Reads 2 000 characters. Raises ValueError where the
    rating is out of bounds.
    """
    model = load_model()
    signs = read_signs(text, rating=rating, channel=channel, subject=subject)
    values = np.array([1.0, *(sign.value for sign in signs)])
    if vector is None or version != KIND_VERSION:
        parts = model.without_vector * values
        whole = np.zeros(len(Kind))
    else:
        count = len(values)
        parts = model.with_vector[:, :count] * values
        whole = model.with_vector[:, count:] @ vector.astype(np.float64)
    odds = parts.sum(axis=1) + whole
    chances = np.exp(odds - odds.max())
    chances /= chances.sum()
    first, second = (int(place) for place in np.argsort(-chances, kind="stable")[:2])
    kinds = tuple(Kind)
    reasons = _reasons(signs, parts[first, 1:] - parts[second, 1:], float(whole[first] - whole[second]))
    why = f"{chances[first]:.0%} {kinds[first]}, {chances[second]:.0%} {kinds[second]}: {reasons}"
    return KindResult(kinds[first], float(chances[first]), why, version)


def _reasons(signs: tuple[Sign, ...], weighed: Floats, whole: float) -> str:
    """Name what spoke most for the first kind against the second, strongest first."""
    found = [
        (float(weight), _as_words(sign)) for sign, weight in zip(signs, weighed, strict=True) if sign.value
    ]
    found.append((whole, "the sense of the text as a whole"))
    strong = sorted((each for each in found if each[0] >= LEAST_REASON), key=lambda each: -each[0])
    return "; ".join(words for _, words in strong[:NAMED_REASONS]) or "nothing says otherwise"


def _as_words(sign: Sign) -> str:
    return f"{sign.name} (“{sign.found}”)" if sign.found else sign.name
