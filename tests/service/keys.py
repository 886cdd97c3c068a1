"""What tests of keys and users share: headers with a key, a key made by the API, the acts in the log."""

from typing import Any

from fastapi.testclient import TestClient


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def make_key(client: TestClient, **body: object) -> dict[str, Any]:
    answer = client.post("/v1/keys", json={"name": "bot", **body})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def acts(client: TestClient) -> list[tuple[str, str]]:
    return [(each["action"], each["subject"]) for each in client.get("/v1/audit").json()["items"]]
