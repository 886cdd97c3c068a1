"""Send signed deliveries over kept-alive connections as fast as they are answered, and tell how many and how fast.

A process of its own. Requests are written out before the clock starts and answers are hardly read, so that on a
machine of few cores the sender takes as little as it can of what it measures.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, cast

import uvloop

from models.sources.signature import SCHEMES, sign

SHAPES = Path(__file__).parents[1] / "tests" / "data" / "webhooks"
EVENT = {"zendesk": "cbe4028c-0000-4000-8000-000000000001", "generic_json": "row-77"}
"""What in the example of a kind makes it this delivery and no other; every request gets a text of its own there."""
EXAMPLES = {
    "zendesk": "zendesk.event_ticket_created.json",
    "generic_json": "generic_json.feedback.json",
}


@dataclass(frozen=True, slots=True)
class Target:
    """Where deliveries of a kind go, and the secret that signs them."""

    kind: str
    path: str
    secret: str


@dataclass(frozen=True, slots=True)
class Volley:
    """What came of one round: answers by status, seconds, and milliseconds of the middle and slowest answers."""

    answered: int
    stored: int
    seconds: float
    p50_ms: float
    p99_ms: float

    @property
    def rate(self) -> float:
        """Return durable answers per second."""
        return self.stored / self.seconds


@cache
def example_of(kind: str) -> dict[str, Any]:
    """Read the example of a kind."""
    found: dict[str, Any] = json.loads((SHAPES / EXAMPLES[kind]).read_text(encoding="utf-8"))
    return found


def request_of(target: Target, number: int, salt: str, now: datetime) -> bytes:
    """Write one signed HTTP request; equal numbers and salts make equal deliveries."""
    example = example_of(target.kind)
    name = EVENT[target.kind]
    own = f"{salt}-{number:x}".rjust(len(name), "0")
    body = str(example["body"]).replace(name, own).encode()
    scheme = SCHEMES[target.kind]
    stamp = f"{now:%Y-%m-%dT%H:%M:%SZ}" if scheme.timestamp_unit == "iso8601" else str(int(now.timestamp()))
    headers = {**example["headers_example"], scheme.timestamp_header or "": stamp}
    headers[scheme.header] = sign(scheme, secret=target.secret, body=body, headers=headers)
    headers |= {"Host": "127.0.0.1", "Content-Length": str(len(body))}
    if "Idempotency-Key" in headers:
        headers["Idempotency-Key"] = own
    lines = "".join(f"{key}: {value}\r\n" for key, value in headers.items())
    return f"POST {target.path} HTTP/1.1\r\n{lines}\r\n".encode() + body


class Sender(asyncio.Protocol):
    """One connection: send, wait for the whole answer, send the next, until the time is over."""

    def __init__(self, requests: Sequence[bytes], until: float) -> None:
        self._requests = iter(requests)
        self._until = until
        self._answer = b""
        self._sent_at = 0.0
        self.done = asyncio.get_running_loop().create_future()
        self.waits: list[float] = []
        self.statuses: Counter[int] = Counter()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._send()

    def _send(self) -> None:
        request = next(self._requests, None)
        self._sent_at = time.perf_counter()
        if request is None or self._sent_at > self._until:
            self._transport.close()
        else:
            self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._answer += data
        head, found, body = self._answer.partition(b"\r\n\r\n")
        if not found or len(body) < _length(head):
            return
        self.waits.append(time.perf_counter() - self._sent_at)
        self.statuses[int(head[9:12])] += 1
        self._answer = b""
        self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None)


def _length(head: bytes) -> int:
    return int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])


async def fire(port: int, requests: Sequence[bytes], connections: int, seconds: float) -> Volley:
    """Send over so many connections for so long; a connection that the server closes sends no more."""
    loop = asyncio.get_running_loop()
    began = time.perf_counter()
    made = []
    for number in range(connections):
        share = requests[number::connections]
        _, sender = await loop.create_connection(
            lambda share=share: Sender(share, began + seconds),  # type: ignore[misc]
            "127.0.0.1",
            port,
        )
        made.append(sender)
    await asyncio.gather(*(sender.done for sender in made))
    spent = time.perf_counter() - began
    waits = sorted(wait for sender in made for wait in sender.waits)
    statuses = sum((sender.statuses for sender in made), Counter())
    return Volley(
        answered=len(waits),
        stored=statuses[202],
        seconds=spent,
        p50_ms=1000 * waits[len(waits) // 2],
        p99_ms=1000 * waits[int(len(waits) * 0.99)],
    )


def main() -> int:
    """Read what to send from stdin as JSON, wait for a line, send, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--most", type=int, default=30_000)
    parser.add_argument("--salt", default="")
    options = parser.parse_args()
    targets = [Target(**each) for each in json.loads(sys.stdin.readline())]
    now = datetime.now(UTC)
    requests = [
        # Neighbours of one connection take turns between kinds.
        request_of(
            targets[number // options.connections % len(targets)],
            number,
            options.salt,
            now,
        )
        for number in range(options.most)
    ]
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        volley = runner.run(fire(options.port, requests, options.connections, options.seconds))
    print(json.dumps(asdict(volley)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
