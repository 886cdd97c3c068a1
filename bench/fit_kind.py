"""Learn what tells complaints, requests, praise and questions apart: `python -m bench.fit_kind [--check]`.

Reads bench/data/kinds_train.csv (messages of ours, labelled as docs/notes/kinds.md says), encodes them with the
packaged model, and writes models/language/data/kind.json: two multinomial logistic regressions, one on vector and
signs, one on the signs alone. The penalty is chosen by cross-validation in which the messages of one trade stand in
one fold; the same held-out messages then tell by which temperature to divide the log odds (Guo et al. 2017, eq. 9),
so that the probabilities mean what they say. Nothing here reads the test messages. `--check` only prints the figures.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

import numpy as np
import sklearn
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score, precision_score, recall_score
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from models.language.signs import read_signs
from models.values.kinds import KIND_VERSION, Kind
from workers.encoder import SentenceEncoder

HERE: Final = Path(__file__).parent
TRAINING: Final = HERE / "data" / "kinds_train.csv"
OUT: Final = HERE.parent / "models" / "language" / "data" / "kind.json"

FOLDS: Final = 7
PENALTIES: Final = (0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 2.0)
VECTOR_SCALE: Final = 1.5
"""How much less the penalty weighs on the 384 small numbers of a vector than on the signs, most of them 0 or 1."""

OF_MANY_TRADES: Final = frozenset(
    {
        "long_mails",
        "social_posts",
        "noise_and_followups",
        "sarcasm_and_mixed",
        "non_native_and_other_languages",
        "relayed_by_staff",
        "praise_stories",
        "requests_as_questions",
        "terse_and_bitter_complaints",
        "questions_with_hard_words",
        "ratings_without_words",
        "ratings_against_words",
        "told_without_feeling",
    }
)
"""Groups of messages that share a form and no trade: each message falls into a fold of its own."""

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Message:
    """A labelled message; rating in 0..1 or None."""

    id: str
    group: str
    kind: Kind
    rating: float | None
    channel: str | None
    subject: str
    text: str

    @property
    def embedded(self) -> str:
        """The text as it is embedded (workers.embed.text_of)."""
        return " ".join(part for part in (self.subject, self.text) if part).strip()


@dataclass(frozen=True, slots=True)
class Fit:
    """weights: (4, 1 + n), intercept first, temperature taken in; penalty: scikit-learn's C; figures: held out."""

    weights: Floats
    penalty: float
    figures: dict[str, float]


def main() -> None:
    """Fit both regressions, print the held-out figures, write the numbers."""
    messages = read_messages(TRAINING)
    encoder = SentenceEncoder()
    vectors = encode(encoder, messages)
    signs, kinds, folds = sign_table(messages), kind_numbers(messages), fold_numbers(messages)
    scale = np.concatenate([np.ones(signs.shape[1]), np.full(vectors.shape[1], VECTOR_SCALE)])
    # One thread: on small tables more of them wait for each other, and sum in another order at every run.
    with threadpool_limits(1):
        with_vector = fit(np.hstack([signs, vectors]) * scale, kinds, folds)
        without_vector = fit(signs, kinds, folds)
    with_vector.weights[:, 1:] *= scale
    figures = {"with_vector": with_vector.figures, "without_vector": without_vector.figures}
    print(json.dumps(figures))
    if "--check" not in sys.argv[1:]:
        OUT.write_text(as_json(with_vector, without_vector, (encoder.name, encoder.digest)), encoding="utf-8")


def read_messages(path: Path, group: str = "domain") -> list[Message]:
    """Read labelled messages from a CSV file whose column `group` says which belong together."""
    with path.open(encoding="utf-8", newline="") as lines:
        return [
            Message(
                row["id"],
                row[group],
                Kind(row["kind"]),
                float(row["rating"]) if row["rating"] else None,
                row["channel"] or None,
                row["subject"],
                row["text"],
            )
            for row in csv.DictReader(lines)
        ]


def encode(encoder: SentenceEncoder, messages: Sequence[Message]) -> Floats:
    """Return vectors (n, d), all zero where there are no words, for then the product has none."""
    vectors = np.zeros((len(messages), encoder.dimension))
    worded = [place for place, message in enumerate(messages) if message.embedded]
    vectors[worded] = encoder.encode([messages[place].embedded for place in worded])
    return vectors


def sign_table(messages: Sequence[Message]) -> Floats:
    """Return the values of all signs: (n, m)."""
    return np.array(
        [
            [sign.value for sign in read_signs(m.text, rating=m.rating, channel=m.channel, subject=m.subject)]
            for m in messages
        ]
    )


def kind_numbers(messages: Sequence[Message]) -> Numbers:
    """Return each message's kind as its place in `Kind`: (n,)."""
    places = {kind: place for place, kind in enumerate(Kind)}
    return np.array([places[message.kind] for message in messages])


def fold_numbers(messages: Sequence[Message]) -> Numbers:
    """Deal trades, and messages that belong to none, into folds: (n,), the same at every run."""
    trades = sorted({message.group for message in messages} - OF_MANY_TRADES)
    return np.array(
        [
            trades.index(message.group) % FOLDS
            if message.group in trades
            else int(sha256(message.id.encode()).hexdigest(), 16) % FOLDS
            for message in messages
        ]
    )


def fit(table: Floats, kinds: Numbers, folds: Numbers) -> Fit:
    """Choose the penalty by the held-out log loss, calibrate, and fit on everything."""
    held_out = {penalty: _held_out(table, kinds, folds, penalty) for penalty in PENALTIES}
    penalty = min(PENALTIES, key=lambda each: _loss(held_out[each], kinds))
    odds = held_out[penalty]
    found = minimize_scalar(lambda t: _loss(odds / t, kinds), bounds=(0.2, 5.0), method="bounded")
    temperature = float(found.x)
    weights = _logistic(table, kinds, penalty) / temperature
    return Fit(weights, penalty, _figures(odds / temperature, kinds) | {"temperature": round(temperature, 3)})


def _held_out(table: Floats, kinds: Numbers, folds: Numbers, penalty: float) -> Floats:
    """Return log odds (n, 4) of each message by a fit that has not seen its fold."""
    odds = np.zeros((len(kinds), len(Kind)))
    for fold in range(FOLDS):
        weights = _logistic(table[folds != fold], kinds[folds != fold], penalty)
        odds[folds == fold] = weights[:, 0] + table[folds == fold] @ weights[:, 1:].T
    return odds


def _logistic(table: Floats, kinds: Numbers, penalty: float) -> Floats:
    model = LogisticRegression(C=penalty, max_iter=5_000, tol=1e-6).fit(table, kinds)
    return np.hstack([model.intercept_[:, None], model.coef_])


def _loss(odds: Floats, kinds: Numbers) -> float:
    return -float(log_softmax(odds, axis=1)[np.arange(len(kinds)), kinds].mean())


def _figures(odds: Floats, kinds: Numbers) -> dict[str, float]:
    said = odds.argmax(axis=1)
    figures = {
        "macro_f1": f1_score(kinds, said, average="macro"),
        "complaint_precision": precision_score(kinds == 0, said == 0),
        "complaint_recall": recall_score(kinds == 0, said == 0),
        "log_loss": _loss(odds, kinds),
        "calibration_error": calibration_error(np.exp(log_softmax(odds, axis=1)).max(axis=1), said == kinds),
    }
    return {name: round(float(value), 3) for name, value in figures.items()}


def calibration_error(chances: Floats, right: NDArray[np.bool_]) -> float:
    """Return the expected calibration error of the kinds that were said, in ten bins of their probability (n,)."""
    bins = np.minimum((chances * 10).astype(int), 9)
    parts = [(bins == b, (bins == b).mean()) for b in np.unique(bins)]
    return float(sum(share * abs(chances[part].mean() - right[part].mean()) for part, share in parts))


def as_json(with_vector: Fit, without_vector: Fit, encoder: tuple[str, str]) -> str:
    """Write the numbers with what they were made from."""
    rows = [line for line in TRAINING.read_text(encoding="utf-8").splitlines() if line]
    document = {
        "version": KIND_VERSION,
        "made": {
            "script": "bench/fit_kind.py",
            "data": "bench/data/kinds_train.csv",
            "data_sha256": sha256(TRAINING.read_bytes()).hexdigest(),
            "lines": len(rows),
            "scikit_learn": sklearn.__version__,
            "penalty": {"with_vector": with_vector.penalty, "without_vector": without_vector.penalty},
        },
        "held_out": {"with_vector": with_vector.figures, "without_vector": without_vector.figures},
        "encoder": {"name": encoder[0], "sha256": encoder[1]},
        "kinds": [str(kind) for kind in Kind],
        "signs": [sign.name for sign in read_signs("")],
    }
    head = json.dumps(document, indent=1, ensure_ascii=False)[:-2]
    tables = ",\n ".join(
        f'"{name}": {_table(weights)}'
        for name, weights in (
            ("with_vector", with_vector.weights),
            ("without_vector", without_vector.weights),
        )
    )
    return f"{head},\n {tables}\n}}\n"


def _table(weights: Floats) -> str:
    rows = (json.dumps([round(value, 4) for value in row]) for row in weights.tolist())
    return "[\n  " + ",\n  ".join(rows) + "\n ]"


if __name__ == "__main__":
    main()
