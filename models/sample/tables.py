"""Write what stands beside the tickets: accounts, exposure, releases, features, events, goals."""

import json
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from random import Random

import numpy as np
import numpy.typing as npt
import yaml

from models.sample.exports import write_csv
from models.sample.people import Crowd
from models.sample.plan import (
    DAYS,
    Event,
    Raw,
    Release,
    Topic,
    number,
    optional_text,
    read_data,
    record,
    records,
    text,
)

Active = Mapping[str, npt.NDArray[np.int64]]

COMPLAINT_UNIT = "complaints per 1,000 account-days"
RELEASE_HOUR = "T09:00:00Z"


class _Plain(yaml.SafeDumper):
    """Writes repeated values in full, without YAML anchors."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def write_accounts(path: Path, crowd: Crowd, start: date) -> None:
    """Write `accounts.csv`, oldest account first."""
    columns = ("account_id", "name", "plan", "arr_usd", "segment", "created_on")
    rows = (
        (a.account_id, a.name, a.plan, a.arr_usd, a.segment, start + timedelta(days=a.created_day))
        for a in crowd.accounts
    )
    write_csv(path, columns, rows)


def write_exposure(path: Path, active: Active, start: date) -> None:
    """Write `exposure.csv`: active accounts per day, in all and per plan."""
    rows = (
        (start + timedelta(days=day), segment, counts[day])
        for day in range(DAYS)
        for segment, counts in active.items()
    )
    write_csv(path, ("date", "segment", "active_accounts"), rows)


def write_releases(path: Path, releases: tuple[Release, ...], start: date) -> None:
    """Write `releases.csv`; `rollout_steps` is a JSON list of `{at, percent}`."""
    columns = ("key", "version", "name", "released_at", "rollout_percent", "rollout_steps", "full_at", "url")
    write_csv(path, columns, (_release_row(release, start) for release in releases))


def write_features(path: Path, releases: tuple[Release, ...]) -> None:
    """Write `features.csv`, one row per line of a release note."""
    rows = (
        (feature.key, feature.title, feature.body, feature.area, release_key(release))
        for release in releases
        for feature in release.features
    )
    write_csv(path, ("key", "title", "body", "area", "release_key"), rows)


def write_events(path: Path, events: tuple[Event, ...], start: date) -> None:
    """Write `events.csv` in time order; `ended_at` is the first moment after the event."""
    rows = (
        (e.key, e.kind, e.title, _midnight(start, e.start_day), _midnight(start, e.end_day), e.silent, e.note)
        for e in sorted(events, key=lambda event: event.start_day)
    )
    write_csv(path, ("key", "kind", "title", "started_at", "ended_at", "source", "note"), rows)


def write_goals(
    path: Path, topics: tuple[Topic, ...], active: npt.NDArray[np.int64], start: date, seed: int
) -> None:
    """Write `goals.yaml`: teams, objectives and key results with weekly observations.

    active: (DAYS,) active accounts per day, from which complaint rates are computed.
    """
    raw = record(read_data("goals"))
    weekly_days = float(active.mean()) * 7.0
    rates = {topic.key: 1000.0 * topic.weekly / weekly_days for topic in topics}
    rng = Random(f"{seed}/goals")
    goals = {
        "teams": [dict(team) for team in records(raw["teams"])],
        "objectives": [_objective(raw_goal, rates, start, rng) for raw_goal in records(raw["objectives"])],
    }
    dumped = yaml.dump(goals, Dumper=_Plain, sort_keys=False, allow_unicode=True, width=110)
    path.write_bytes(dumped.encode("utf-8"))


def release_key(release: Release) -> str:
    """Name a release, such as `jobwren-4.4.0`."""
    return f"jobwren-{release.version}"


def _release_row(release: Release, start: date) -> tuple[str, ...]:
    steps = [
        {"at": f"{start + timedelta(days=DAYS - back)}{RELEASE_HOUR}", "percent": round(100 * share)}
        for back, share in release.steps
    ]
    return (
        release_key(release),
        release.version,
        release.name,
        str(steps[0]["at"]),
        str(steps[0]["percent"]),
        json.dumps(steps),
        str(steps[-1]["at"]),
        f"https://jobwren.example.com/releases/{release.version}",
    )


def _midnight(start: date, day: int) -> str:
    return f"{start + timedelta(days=day)}T00:00:00Z"


def _objective(raw: Raw, rates: Mapping[str, float], start: date, rng: Random) -> dict[str, object]:
    first, last = (DAYS - int(number(raw, field)) for field in ("start", "end"))
    dates = {"start": start + timedelta(days=first), "end": start + timedelta(days=last)}
    results = [_key_result(item, rates, start, (first, last), rng) for item in records(raw["key_results"])]
    head = {field: text(raw, field) for field in ("key", "team", "title")}
    return head | dates | {"key_results": [result | dates for result in results]}


def _key_result(
    raw: Raw, rates: Mapping[str, float], start: date, days: tuple[int, int], rng: Random
) -> dict[str, object]:
    topic = optional_text(raw, "problem")
    if topic is None:
        fields = ("key", "text", "metric", "unit", "direction", "baseline", "target")
        return {field: raw[field] for field in fields} | {
            "observations": _observations(raw, start, days, rng)
        }
    baseline = round(rates[topic], 2)
    target = round(rates[topic] * number(raw, "target_ratio"), 2)
    return {
        "key": text(raw, "key"),
        "text": text(raw, "text").format(baseline=baseline, target=target),
        "metric": text(raw, "theme_hint").capitalize() + ": complaints",
        "unit": COMPLAINT_UNIT,
        "direction": "down",
        "baseline": baseline,
        "target": target,
        "computed_from": {"problem": topic, "theme_hint": text(raw, "theme_hint")},
    }


def _observations(raw: Raw, start: date, days: tuple[int, int], rng: Random) -> list[dict[str, object]]:
    """Observe each week from its start: level until the bend, then most of the way within four weeks."""
    baseline, reached = number(raw, "baseline"), number(raw, "reached")
    bend = DAYS - int(number(raw, "bend_days_back"))
    seen: list[dict[str, object]] = []
    for day in range(days[0], min(days[1], DAYS), 7):
        way = min(max((day - bend) / 28.0, 0.0), 1.0)
        value = baseline + (reached - baseline) * way + rng.gauss(0.0, 1.0) * number(raw, "noise")
        seen.append({"date": start + timedelta(days=day), "value": round(value, 2)})
    return seen
