"""A connected tool over HTTP: it signs and sends its events, as the connectors' tests need it."""

import json
from typing import Any

from fastapi.testclient import TestClient

from models.sources.signature import SCHEMES, sign
from tests.clock import Clock
from tests.steps import walk
from workers.context import Context

SECRETS = {"standardwebhooks": "whsec_c2VjcmV0LWtleQ=="}


class Desk:
    """One connected tool: send its events, read the items."""

    def __init__(
        self, client: TestClient, context: Context, clock: Clock, kind: str, scheme: str, **settings: object
    ) -> None:
        self._client, self._context, self._clock = client, context, clock
        self._scheme, self._secret = SCHEMES[scheme], SECRETS.get(kind, "secret-of-the-tool")
        made = client.post(
            "/v1/sources",
            json={
                "kind": kind,
                "name": kind,
                "secret": self._secret,
                "settings": {"signature": scheme, **settings},
            },
        )
        assert made.status_code == 201, made.text
        self.source = made.json()
        self._sent = 0

    def send(self, payload: object, **headers: str) -> str:
        """Send one event, work it off, and return what was answered."""
        status = self.post(payload, **headers)
        walk(self._context)
        return status

    def post(self, payload: object, **headers: str) -> str:
        """Send one event and return what was answered."""
        self._sent += 1
        now = self._clock.now.timestamp()
        if isinstance(payload, dict) and self._scheme.timestamp_field:
            payload = {**payload, self._scheme.timestamp_field: round(now * 1000)}
        body = json.dumps(payload).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if self._scheme.id_header:
            named.setdefault(self._scheme.id_header, f"msg_{self._sent}")
        if self._scheme.timestamp_header:
            named[self._scheme.timestamp_header] = self._stamp(now)
        named[self._scheme.header] = sign(self._scheme, secret=self._secret, body=body, headers=named)
        answer = self._client.post(
            self.source["ingest_url"], content=body, headers={"Authorization": "", **named}
        )
        assert answer.status_code == 202, answer.text
        status: str = answer.json()["status"]
        return status

    def _stamp(self, now: float) -> str:
        if self._scheme.timestamp_unit == "iso8601":
            return f"{self._clock.now:%Y-%m-%dT%H:%M:%SZ}"
        return str(round(now * (1000 if self._scheme.timestamp_unit == "ms" else 1)))

    def listed(self) -> list[dict[str, Any]]:
        """Return the source's items."""
        answer = self._client.get("/v1/feedback", params={"source": self.source["id"]})
        found: list[dict[str, Any]] = answer.json()["items"]
        return found

    def items(self) -> dict[str, dict[str, Any]]:
        """Return the items of a source with one record by message id."""
        found = self.listed()
        by_message = {item["message_id"]: item for item in found}
        assert len(by_message) == len(found)
        return by_message

    def texts(self) -> dict[str, str]:
        """Return the items' texts by message id."""
        return {message: item["text"] for message, item in self.items().items()}

    def failures(self) -> list[Any]:
        """Return the deliveries that could not be understood."""
        failures: list[Any] = self._client.get(f"/v1/sources/{self.source['id']}/health").json()["failures"]
        return failures
