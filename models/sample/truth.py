"""Write down what is true of the sample, for the demo's table and for tests; the product never reads it."""

import json
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt

from models.sample.exports import BROKEN_MAIL
from models.sample.plan import DAYS, Effect, Event, Release, Topic
from models.sample.tables import release_key
from models.sample.tickets import Scene, Ticket


def write_truth(
    path: Path,
    scene: Scene,
    tickets: Sequence[Ticket],
    topics: tuple[Topic, ...],
    expected: npt.NDArray[np.float64],
    seed: int,
) -> None:
    """Write `truth.json`.

    `tickets`: truth id (`source:ticket id`) to problem, kind, language, `vague` (the words do not tell the
    problem) and `also` (a second problem mentioned in passing). `problems`: what each is, its expected
    share and weekly volume. `effects`: one entry per release and problem. `links`: which feature is meant
    for which problem. expected: (topics, DAYS) expected tickets.
    """
    start, releases = scene.start, scene.releases
    truth = {
        "seed": seed,
        "start": str(start),
        "until": str(start + timedelta(days=DAYS)),
        "problems": _problems(topics, expected),
        "effects": [_effect(release, effect, scene) for release in releases for effect in release.effects],
        "links": [
            {"feature": feature.key, "release": release_key(release), "problem": feature.topic}
            for release in releases
            for feature in release.features
        ],
        "events": [_event(event, start) for event in scene.events],
        "broken_mail_rows": [{"changes": changes, "why": why} for changes, why in BROKEN_MAIL],
        "tickets": {ticket.truth_id: _ticket(ticket) for ticket in tickets},
    }
    path.write_bytes((json.dumps(truth, ensure_ascii=False, indent=1) + "\n").encode("utf-8"))


def _problems(topics: tuple[Topic, ...], expected: npt.NDArray[np.float64]) -> dict[str, object]:
    total = float(expected.sum())
    return {
        topic.key: {
            "name": topic.name,
            "description": topic.description,
            "kind": topic.kind,
            "area": topic.area,
            "expected_share": round(float(row.sum()) / total, 5),
            "expected_weekly": round(float(row.sum()) / (DAYS / 7), 2),
        }
        for topic, row in zip(topics, expected, strict=True)
    }


def _effect(release: Release, effect: Effect, scene: Scene) -> dict[str, object]:
    start, releases = scene.start, scene.releases
    same = [(other, e) for other in releases for e in other.effects if e.topic == effect.topic]
    joint = float(np.prod([e.ratio for _, e in same]))
    return {
        "release": release_key(release),
        "problem": effect.topic,
        "released_on": str(start + timedelta(days=release.start_day)),
        "full_on": str(start + timedelta(days=release.full_day)),
        "true_ratio": effect.ratio,
        "joint_ratio": round(joint, 4),
        "overlaps_with": [release_key(other) for other, _ in same if other is not release],
        "expected": effect.expected,
        "acceptable": list(effect.acceptable),
        "note": effect.note,
    }


def _event(event: Event, start: date) -> dict[str, object]:
    return {
        "key": event.key,
        "problem": event.topic,
        "factor": event.factor,
        "source": event.silent,
        "from": str(start + timedelta(days=event.start_day)),
        "to": str(start + timedelta(days=event.end_day)),
    }


def _ticket(ticket: Ticket) -> dict[str, object]:
    return {
        "problem": ticket.topic,
        "kind": ticket.kind,
        "language": ticket.language,
        "vague": ticket.vague,
        "also": ticket.also,
    }
