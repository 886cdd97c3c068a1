"""The demo's sample, sent in the way a company would: webhooks and API calls over HTTP, exports by import."""

import csv
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import httpx
import yaml
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from models.sources.signature import SCHEMES, sign

SENDERS = 8
IMPORTS = ("app_feedback.jsonl", "mail_export.csv", "reviews.csv")
Row = Mapping[str, str]


def wait_until_up(address: str, child: "subprocess.Popen[bytes]", seconds: float = 60.0) -> None:
    """Wait until the API answers; raise RuntimeError if its process ends or time runs out."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and child.poll() is None:
        try:
            if httpx.get(f"{address}/healthz", timeout=1.0).status_code == 200:
                return
        except httpx.HTTPError:
            time.sleep(0.2)
    raise RuntimeError(f"the API at {address} did not come up")


def load(sample: Path, *, address: str, key: str, environment: Mapping[str, str]) -> None:
    """Send the whole sample: what the company is, what it shipped, and what its customers wrote."""
    with httpx.Client(base_url=address, headers={"Authorization": f"Bearer {key}"}, timeout=60) as client:
        _send_company(client, sample)
        _send_goals(client, sample)
        _send_releases(client, sample)
        _send_webhooks(client, sample / "zendesk.jsonl")
    for name in IMPORTS:
        command = [sys.executable, "-m", "service", "import", str(sample / name), "--source", Path(name).stem]
        subprocess.run(command, env=dict(environment), check=True)


def _rows(path: Path) -> list[Row]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def _put(client: httpx.Client, method: str, path: str, body: object) -> dict[str, object]:
    answer = client.request(method, path, json=body)
    if answer.is_error:
        raise RuntimeError(f"{method} {path}: {answer.status_code} {answer.text[:500]}")
    found: dict[str, object] = answer.json()
    return found


def _send_company(client: httpx.Client, sample: Path) -> None:
    accounts = [
        {
            "key": row["account_id"],
            "name": row["name"],
            "plan": row["plan"],
            "segment": row["segment"],
            "arr_usd": float(row["arr_usd"]),
            "created_at": f"{row['created_on']}T00:00:00Z",
        }
        for row in _rows(sample / "accounts.csv")
    ]
    for chunk in _chunks(accounts, 1000):
        _put(client, "PUT", "/v1/accounts", {"accounts": chunk})
    points = [
        {"day": row["date"], "segment": row["segment"], "value": float(row["active_accounts"])}
        for row in _rows(sample / "exposure.csv")
    ]
    _put(client, "PUT", "/v1/exposure/active_accounts", {"points": points})
    for row in _rows(sample / "events.csv"):
        event = {
            "key": row["key"],
            "kind": row["kind"],
            "title": row["title"],
            "starts_at": row["started_at"],
            "ends_at": row["ended_at"] or None,
        }
        _put(client, "POST", "/v1/events", event)


def _chunks(rows: Sequence[object], size: int) -> Iterator[Sequence[object]]:
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def _send_goals(client: httpx.Client, sample: Path) -> None:
    goals = yaml.safe_load((sample / "goals.yaml").read_text(encoding="utf-8"))
    teams = {
        team["key"]: _put(client, "POST", "/v1/teams", {"key": team["key"], "name": team["name"]})["id"]
        for team in goals["teams"]
    }
    for objective in goals["objectives"]:
        owner = teams[objective["team"]]
        body = {
            "key": objective["key"],
            "title": objective["title"],
            "team": owner,
            "starts_on": str(objective["start"]),
            "ends_on": str(objective["end"]),
        }
        made = _put(client, "POST", "/v1/objectives", body)["id"]
        for result in objective["key_results"]:
            _send_key_result(client, result, made, owner)


def _send_key_result(
    client: httpx.Client, result: Mapping[str, object], objective: object, team: object
) -> None:
    metric = {
        "key": result["key"],
        "name": result["metric"],
        "unit": result.get("unit"),
        "better": result.get("direction"),
        "team": team,
    }
    number = _put(client, "POST", "/v1/metrics", metric)["id"]
    values = result.get("observations")
    if isinstance(values, list) and values:
        points = [{"at": f"{each['date']}T00:00:00Z", "value": each["value"]} for each in values]
        _put(client, "PUT", f"/v1/metrics/{number}/observations", {"observations": points})
    body = {
        "key": result["key"],
        "objective": objective,
        "text": result["text"],
        "metric": number,
        "unit": result.get("unit"),
        "baseline": result.get("baseline"),
        "target": result.get("target"),
        "starts_on": str(result["start"]),
        "ends_on": str(result["end"]),
    }
    _put(client, "POST", "/v1/key-results", body)


def _send_releases(client: httpx.Client, sample: Path) -> None:
    features: dict[str, list[dict[str, str]]] = {}
    for row in _rows(sample / "features.csv"):
        features.setdefault(row["release_key"], []).append(
            {"key": row["key"], "title": row["title"], "body": row["body"], "area": row["area"]}
        )
    for row in _rows(sample / "releases.csv"):
        release = {
            "key": row["key"],
            "version": row["version"],
            "name": row["name"],
            "released_at": row["released_at"],
            "url": row["url"] or None,
            "steps": json.loads(row["rollout_steps"]),
            "features": features.get(row["key"], []),
        }
        _put(client, "POST", "/v1/releases", release)


def _send_webhooks(client: httpx.Client, path: Path) -> None:
    """Post every Zendesk event, signed as Zendesk signs, by several senders at once."""
    made = _put(client, "POST", "/v1/sources", {"kind": "zendesk", "name": "zendesk"})
    secret, address = str(made["secret"]), str(made["ingest_url"])
    bodies = path.read_bytes().splitlines()

    def post(body: bytes) -> None:
        headers = _signed(body, secret)
        answer = client.post(address, content=body, headers=headers)
        if answer.status_code != 202:
            raise RuntimeError(f"the webhook was answered {answer.status_code}: {answer.text[:300]}")

    with _bar() as bar, ThreadPoolExecutor(SENDERS) as pool:
        task = bar.add_task("Posting zendesk webhooks", total=len(bodies))
        for _ in pool.map(post, bodies):
            bar.advance(task)


def _signed(body: bytes, secret: str) -> dict[str, str]:
    scheme = SCHEMES["zendesk"]
    headers = {"X-Zendesk-Webhook-Signature-Timestamp": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"}
    return {**headers, scheme.header: sign(scheme, secret=secret, body=body, headers=headers)}


def _bar() -> Progress:
    return Progress(
        TextColumn("  {task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(file=sys.stderr),
    )
