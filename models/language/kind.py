"""Say whether a message is a complaint, a request, praise or a question: a first version by weighted cues.

Every cue is one pattern with a weight for one or more kinds and a name a person can read. The weights add up, the
highest sum wins, and the strongest cue of the winner is given as the reason.
"""

import math
from dataclasses import dataclass
from itertools import islice

from models.language import cues
from models.values.kinds import Kind

KIND_VERSION = "kind-cues-1"

__all__ = ["KIND_VERSION", "Kind", "KindResult", "classify"]

READ = 2000  # characters; what a message is about stands at its beginning
MARGIN_SCALE = 1.0  # one unit of weight in log odds


@dataclass(frozen=True, slots=True)
class KindResult:
    """A kind, the strongest reason for it, and a score in (0, 1]: the winner's share of all weights.

    The score orders messages by how clear they are; it is not a calibrated probability.
    """

    kind: Kind
    why: str
    score: float


def classify(text: str, *, rating: float | None, channel: str | None, subject: str = "") -> KindResult:
    """Name the kind of a cleaned message.

    `rating` is in 0..1 (1 = best) or `None`; `channel` names the connector or the medium (`canny`, `app_store`,
    `email`, ...) or is `None`. Reads `READ` characters. Raises ValueError where the rating is out of bounds.
    """
    if rating is not None and not 0 <= rating <= 1:
        raise ValueError(f"rating must be between 0 and 1, got {rating}; scale it first")
    words = _plain_words(f"{subject}\n{text[:READ]}" if subject else text[:READ])
    reasons: dict[Kind, list[tuple[float, str]]] = {kind: [] for kind in Kind}
    for cue in cues.CUES:
        times = sum(1 for _ in islice(cue.pattern.finditer(words), cue.most))
        if times:
            for kind, weight in cue.weights:
                reasons[Kind(kind)].append((weight * times, cue.name))
    for kind, weight, name in (*_from_rating(rating), *_from_channel(channel)):
        reasons[kind].append((weight, name))
    return _decide(reasons)


def _plain_words(text: str) -> str:
    """Lower-case a text with straight apostrophes, so that the cues need one spelling."""
    return text.lower().replace("\u2019", "'").replace("`", "'")


def _from_rating(rating: float | None) -> tuple[tuple[Kind, float, str], ...]:
    if rating is None:
        return ()
    if rating <= 0.4:
        return ((Kind.COMPLAINT, 1.6, "low rating"), (Kind.PRAISE, -1.5, "low rating"))
    if rating >= 0.8:
        return ((Kind.PRAISE, 1.6, "high rating"), (Kind.COMPLAINT, -0.6, "high rating"))
    return ((Kind.COMPLAINT, 0.4, "middling rating"),)


def _from_channel(channel: str | None) -> tuple[tuple[Kind, float, str], ...]:
    name = (channel or "").lower()
    if name.startswith(("canny", "productboard", "uservoice", "idea", "feature")):
        return ((Kind.REQUEST, 1.2, "came from an idea board"),)
    return ((Kind.COMPLAINT, 0.3, "nothing says otherwise"),)


def _decide(reasons: dict[Kind, list[tuple[float, str]]]) -> KindResult:
    sums = {kind: sum(weight for weight, _ in found) for kind, found in reasons.items()}
    best = max(Kind, key=lambda kind: sums[kind])
    powers = {kind: math.exp((total - sums[best]) * MARGIN_SCALE) for kind, total in sums.items()}
    why = max(reasons[best], key=lambda reason: reason[0], default=(0.0, "nothing says otherwise"))[1]
    return KindResult(best, why, 1 / sum(powers.values()))
