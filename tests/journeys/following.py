"""What journeys share: read whole lists over HTTP, and follow every number down to its tickets."""

from collections import Counter
from typing import Any

import httpx

from models.database import Database
from tests import year
from tests.steps import recounted, stored_counts


def pages(client: httpx.Client, path: str, **query: str | bool) -> list[dict[str, Any]]:
    """Read a whole list, page by page."""
    found: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        chosen = {**query, "limit": 100, **({"cursor": cursor} if cursor else {})}
        answer = client.get(path, params=chosen)
        assert answer.status_code == 200, answer.text
        found += answer.json()["items"]
        cursor = answer.json()["next_cursor"]
        if cursor is None:
            return found


def theme_about(client: httpx.Client, problem: str, truth: dict[str, str]) -> str:
    """Return the theme that holds most tickets of a problem."""
    themes: Counter[str] = Counter()
    for item in pages(client, "/v1/feedback"):
        if item["theme_id"] and truth[str(item["external_id"])] == problem:
            themes[str(item["theme_id"])] += 1
    return themes.most_common(1)[0][0]


def verdicts_of(client: httpx.Client, release: str, theme: str) -> list[dict[str, Any]]:
    answer = client.get(f"/v1/releases/{release}/impact", params={"theme": theme})
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["verdicts"]
    return found


def every_number_can_be_followed(
    client: httpx.Client, database: Database, tickets: list[year.Ticket], verdict: dict[str, Any]
) -> None:
    items = pages(client, "/v1/feedback")
    assert sorted(str(item["external_id"]) for item in items) == sorted(t.row["id"] for t in tickets)
    assert recounted(database) == stored_counts(database)

    counted = Counter(str(item["theme_id"]) for item in items if item["counted"])
    shown = {str(theme["id"]): theme["complaints"] for theme in pages(client, "/v1/themes")}
    assert {theme: count for theme, count in shown.items() if count} == dict(counted)
    for theme, complaints in shown.items():
        own = pages(client, "/v1/feedback", theme=theme, counted=True)
        assert len(own) == complaints
        assert {item["theme_id"] for item in own} <= {theme}

    texts = {str(item["id"]): str(item["text"]) for item in items}
    quotes = verdict["quotes"]
    assert isinstance(quotes, list)
    assert quotes
    for quote in quotes:
        assert texts[quote["item"]][quote["start"] : quote["end"]] == quote["text"]
