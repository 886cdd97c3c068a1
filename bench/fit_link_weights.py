"""Fit the weights that turn overlap of words and meaning into the chance that a feature addresses an item.

Reads data/release_note_links under EBB_SHARED (108 release notes, the issue each one fixed, 630 other issues),
prints figures that leave one project out, and writes models/language/data/link_weights.json. Run it with
`python -m bench.fit_link_weights`; `--check` only prints the figures.
"""

from __future__ import annotations

import gzip
import json
import os
import sys
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, log_expit
from sklearn.metrics import brier_score_loss, roc_auc_score

from models.language.lexical import LinkText, WordStatistics, overlap, prose
from models.language.link import (
    PAIR_FEATURES,
    PROBABILITY_FEATURES,
    LinkWeights,
    combine,
    pair_features,
    passages,
)
from workers.encoder import SentenceEncoder

OUT = Path(__file__).parents[1] / "models" / "language" / "data" / "link_weights.json"
RANK_PENALTY, PROBABILITY_PENALTY = 0.1, 0.3

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Data:
    """features: name -> (f, i); linked: (f, i), the truth; projects of features and of items."""

    features: dict[str, Floats]
    linked: Bools
    feature_project: NDArray[np.str_]
    item_project: NDArray[np.str_]


def main() -> None:
    shared = os.environ.get("EBB_SHARED")
    if shared is None:
        sys.exit("EBB_SHARED is not set: point it at the folder that holds data/release_note_links")
    folder = Path(shared) / "data" / "release_note_links"
    data = load(folder)
    figures = leave_one_project_out(data)
    print(json.dumps(figures))
    if "--check" not in sys.argv[1:]:
        everything = (
            np.ones_like(data.feature_project, dtype=bool),
            np.ones_like(data.item_project, dtype=bool),
        )
        OUT.write_text(as_json(fit(data, *everything), figures, folder), encoding="utf-8")


def load(folder: Path) -> Data:
    pairs, others = (_lines(folder / name) for name in ("pairs.jsonl.gz", "unlinked_issues.jsonl.gz"))
    features = [LinkText("", row["note"]) for row in pairs]
    items = [LinkText(row["issue_title"], row["issue_body"]) for row in (*pairs, *others)]
    encoder = SentenceEncoder()
    vectors = [encoder.encode(passages(feature)) for feature in features]
    words_ = overlap(features, items, WordStatistics.of(features))
    return Data(
        features=pair_features(words_, vectors, encoder.encode([prose(item) for item in items])),
        linked=np.eye(len(features), len(items), dtype=bool),
        feature_project=np.array([row["repo"] for row in pairs]),
        item_project=np.array([row["repo"] for row in (*pairs, *others)]),
    )


def fit(data: Data, rows: Bools, columns: Bools) -> LinkWeights:
    """Fit both regressions on the features in `rows` and the items in `columns`."""
    table = np.stack([data.features[name][rows][:, columns] for name in PAIR_FEATURES], axis=-1)
    rank = _logistic(
        table.reshape(-1, len(PAIR_FEATURES)), data.linked[rows][:, columns].ravel(), RANK_PENALTY
    )
    score = combine(data.features, LinkWeights(rank, (0.0,) * (1 + len(PROBABILITY_FEATURES)))).score
    tops = top_features(data, score, rows, columns)
    known = {"score": score, **data.features}
    seen = np.array([[known[name][at] for name in PROBABILITY_FEATURES] for at in tops])
    truth = np.array([data.linked[at] for at in tops])
    return LinkWeights(rank, _logistic(seen, truth, PROBABILITY_PENALTY))


def top_features(data: Data, score: Floats, rows: Bools, columns: Bools) -> list[tuple[int, int]]:
    """Return, for each item whose project has features, the pair with its best feature."""
    tops = []
    for item in np.flatnonzero(columns).tolist():
        of_project = np.flatnonzero(rows & (data.feature_project == data.item_project[item]))
        if len(of_project):
            tops.append((int(of_project[score[of_project, item].argmax()]), item))
    return tops


def leave_one_project_out(data: Data) -> dict[str, float]:
    ranks: list[int] = []
    chances: list[float] = []
    truths: list[bool] = []
    for project in sorted(set(data.feature_project.tolist())):
        rows, columns = data.feature_project == project, data.item_project == project
        scored = combine(data.features, fit(data, ~rows, ~columns))
        for feature in np.flatnonzero(rows).tolist():
            ranks.append(1 + int((scored.score[feature] > scored.score[feature, feature]).sum()))
        for at in top_features(data, scored.score, rows, columns):
            chances.append(float(scored.probability[at]))
            truths.append(bool(data.linked[at]))
    return _figures(np.array(ranks), np.array(chances), np.array(truths), int(data.linked.sum()))


def _figures(ranks: NDArray[np.int64], chance: Floats, truth: Bools, linked: int) -> dict[str, float]:
    bins = np.minimum((chance * 10).astype(int), 9)
    error = sum(
        abs(chance[bins == b].mean() - truth[bins == b].mean()) * (bins == b).mean() for b in np.unique(bins)
    )
    said = chance >= 0.5
    figures = {
        "mrr": (1 / ranks).mean(),
        "recall_at_1": (ranks == 1).mean(),
        "recall_at_5": (ranks <= 5).mean(),
        "decision_auroc": roc_auc_score(truth, chance),
        "decision_brier": brier_score_loss(truth, chance),
        "decision_calibration_error": error,
        "decision_recall": (said & truth).sum() / linked,
        "decision_precision": truth[said].mean(),
    }
    return {name: round(float(value), 3) for name, value in figures.items()}


def _logistic(table: Floats, truth: Bools, penalty: float) -> tuple[float, ...]:
    """Fit with slopes of at least 0, for evidence must never count against a link; intercept first.

    The columns are standardised for the fit (penalty as C of scikit-learn), the weights returned are for the
    plain columns. Correlated columns would otherwise trade large weights of opposite sign.
    """
    mean, spread = table.mean(axis=0), table.std(axis=0)
    columns, sign = (table - mean) / spread, np.where(truth, 1.0, -1.0)

    def loss(weights: Floats) -> tuple[float, Floats]:
        margin = sign * (weights[0] + columns @ weights[1:])
        pull = -sign * expit(-margin)
        slope = columns.T @ pull + weights[1:] / penalty
        value = -log_expit(margin).sum() + weights[1:] @ weights[1:] / (2 * penalty)
        return float(value), np.concatenate([[pull.sum()], slope])

    start = np.zeros(1 + columns.shape[1])
    bounds = [(None, None), *[(0.0, None)] * columns.shape[1]]
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 2_000})
    slopes = found.x[1:] / spread
    return (float(found.x[0] - slopes @ mean), *map(float, slopes))


def as_json(weights: LinkWeights, figures: dict[str, float], folder: Path) -> str:
    digest = sha256((folder / "pairs.jsonl.gz").read_bytes()).hexdigest()
    rank, probability = (
        dict(zip(("intercept", *names), [round(value, 6) for value in values], strict=True))
        for names, values in ((PAIR_FEATURES, weights.rank), (PROBABILITY_FEATURES, weights.probability))
    )
    made = {"script": "bench/fit_link_weights.py", "data": "release_note_links", "pairs_sha256": digest}
    document = {"rank": rank, "probability": probability, "leave_one_project_out": figures, "made": made}
    return json.dumps(document, indent=2) + "\n"


def _lines(path: Path) -> list[dict[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8") as stream:
        return [json.loads(line) for line in stream]


if __name__ == "__main__":
    main()
