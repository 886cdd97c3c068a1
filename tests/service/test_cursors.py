"""Cursors are opaque: one that we did not write is refused, whatever it holds."""

import base64
import json

import pytest
from fastapi.testclient import TestClient

from models.database import Database

LISTS = [
    "/v1/sources",
    "/v1/feedback",
    "/v1/themes",
    "/v1/trends",
    "/v1/features",
    "/v1/releases",
    "/v1/links",
    "/v1/teams",
]


@pytest.fixture
def database(sqlite: Database) -> Database:
    """Cursors are read before the database is asked."""
    return sqlite


def cursor_of(*parts: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize(
    "cursor",
    [
        "nonsense",
        "é",
        cursor_of(),
        cursor_of("x", "y"),
        cursor_of("2026-06-01T00:00:00+00:00", 10**30),
        cursor_of("0001-01-01T00:00:00+23:59", 1),
        cursor_of(10**30),
        cursor_of(-1),
        cursor_of(None),
        base64.urlsafe_b64encode(b"[" * 200).decode(),
    ],
)
def test_a_cursor_that_is_not_ours_is_refused(client: TestClient, path: str, cursor: str) -> None:
    answer = client.get(path, params={"cursor": cursor})
    assert (answer.status_code, answer.json().get("field")) == (422, "cursor"), answer.text
