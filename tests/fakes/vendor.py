"""What the fakes of vendors share: limits, failures, a token; spoken over httpx's mock transport or a real socket."""

import json
import threading
from abc import ABC, abstractmethod
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from tests.clock import Clock

TOKEN = "a-token-of-the-tests"


@dataclass(slots=True)
class Call:
    """A request as a fake sees it."""

    method: str
    path: str
    query: dict[str, str]
    headers: Mapping[str, str]
    body: Any


@dataclass(slots=True)
class Said:
    """What a fake answers."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Vendor(ABC):
    """A vendor's API over records in memory: a token, a limit of requests a minute, failures that are planned."""

    clock: Callable[[], datetime] = field(default_factory=Clock)
    token: str = TOKEN
    # Requests answered in one minute; None: as many as come.
    per_minute: int | None = None
    # Answers given in place of the next ones.
    planned: deque[Said] = field(default_factory=deque)
    # Requests whose path ends so fail, whenever they come.
    broken: set[str] = field(default_factory=set)
    calls: list[Call] = field(default_factory=list)
    # Called after each answer: records that change while they are read.
    after_call: Callable[["Vendor", Call], None] = lambda vendor, call: None
    minutes: Counter[int] = field(default_factory=Counter)

    @property
    def paths(self) -> list[str]:
        return [call.path for call in self.calls]

    def is_known(self, headers: Mapping[str, str]) -> bool:
        return headers.get("authorization") == f"Bearer {self.token}"

    @abstractmethod
    def answer(self, call: Call) -> Said:
        """Answer a call that nothing stands in the way of."""

    def limited(self, seconds: int) -> Said:
        """Refuse for haste."""
        return Said(429, {"error": "rate limit"}, {"Retry-After": str(seconds)})

    def serve(self, call: Call) -> Said:
        self.calls.append(call)
        now = self.clock()
        said = self._serve(call, now)
        said.headers.setdefault("Date", format_datetime(now, usegmt=True))
        return said

    def _serve(self, call: Call, now: datetime) -> Said:
        minute = int(now.timestamp()) // 60
        if self.planned:
            return self.planned.popleft()
        if any(call.path.endswith(each) for each in self.broken):
            return Said(500, {"error": "timeout"})
        if not self.is_known(call.headers):
            return Said(401, {"error": "token"})
        self.minutes[minute] += 1
        if self.per_minute is not None and self.minutes[minute] > self.per_minute:
            return self.limited(60 - int(now.timestamp()) % 60)
        said = self.answer(call)
        # What was said stays said, whatever changes afterwards.
        said.body = json.loads(json.dumps(said.body))
        self.after_call(self, call)
        return said

    def client(self) -> httpx.Client:
        """Open a client that speaks with this vendor and with nobody else."""

        def handle(request: httpx.Request) -> httpx.Response:
            body = json.loads(request.content) if request.content else None
            headers = {name.lower(): value for name, value in request.headers.items()}
            query = dict(request.url.params.multi_items())
            said = self.serve(Call(request.method, request.url.path, query, headers, body))
            content = b"" if said.body is None else json.dumps(said.body).encode()
            return httpx.Response(said.status, headers=said.headers, content=content)

        return httpx.Client(transport=httpx.MockTransport(handle), follow_redirects=False)


@contextmanager
def listening(vendor: Vendor) -> Iterator[str]:
    """Let a vendor listen on a socket; yield its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            raw = self.rfile.read(size)
            parts = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            headers = {name.lower(): value for name, value in self.headers.items()}
            said = vendor.serve(
                Call(self.command, parts.path, query, headers, json.loads(raw) if raw else None)
            )
            content = b"" if said.body is None else json.dumps(said.body).encode()
            self.send_response(said.status)
            for name, value in said.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_GET  # noqa: N815 - the name that http.server asks for

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
