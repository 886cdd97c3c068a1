"""The wire to a vendor's API: one request at a time, bounded, never redirected, never faster than it allows."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from importlib.metadata import version

import httpx

from models.errors import Invalid
from models.sources.pull import Ask, Held, Reply, backoff, check, pause_after, told_at

MAX_ANSWER_BYTES = 64_000_000
MAX_ANSWER_S = 300.0
"""Longest time for one answer: one that trickles must not hold a worker for ever."""
TIMEOUT = httpx.Timeout(30.0, connect=10.0)


def open_client() -> httpx.Client:
    """Open a client for one vendor; it follows no redirect, which could lead anywhere."""
    agent = f"Ebb/{version('ebb')}"
    return httpx.Client(timeout=TIMEOUT, follow_redirects=False, headers={"User-Agent": agent})


OpenClient = Callable[[], httpx.Client]


@dataclass(slots=True)
class Wire:
    """Sends a puller's requests to one address; `failures` counts the runs that failed before."""

    client: httpx.Client
    base: str
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    clock: Callable[[], datetime]
    failures: int = 0
    answer_s: float = MAX_ANSWER_S
    sent: int = 0
    not_before: datetime | None = None
    # Called before each request, to go on holding what is worked on.
    on_send: Callable[[], None] = lambda: None

    def send(self, ask: Ask) -> Reply:
        """Send one request; raise `Held` or `Refused` where its answer is none."""
        self.on_send()
        now = self.clock()
        if self.not_before is not None and now < self.not_before:
            wait = (self.not_before - now).total_seconds()
            raise Held("the vendor's rate limit is used up", wait, is_limit=True)
        self.sent += 1
        try:
            reply = self._exchange(ask)
        except httpx.HTTPError as error:
            reason = f"the vendor could not be reached ({type(error).__name__})"
            raise Held(reason, backoff(self.failures), is_limit=False) from error
        now = self.clock()
        theirs = told_at(reply, now)
        check(ask, reply, now=theirs, failures=self.failures)
        if pause := pause_after(reply, now=theirs):
            self.not_before = now + timedelta(seconds=pause)
        return reply

    def _exchange(self, ask: Ask) -> Reply:
        method = "GET" if ask.body is None else "POST"
        sent = [*self.headers, *ask.headers]
        address = f"{self.base}{ask.path}"
        with self.client.stream(
            method, address, params=list(ask.query) or None, headers=sent, json=ask.body
        ) as response:
            raw = self._read(response)
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Reply(response.status_code, headers, _json_of(raw, response.status_code))

    def _read(self, response: httpx.Response) -> bytes:
        """Read an answer, giving up as soon as it is longer than an answer may be, or takes longer."""
        found, end = bytearray(), time.monotonic() + self.answer_s
        for chunk in response.iter_bytes():
            found += chunk
            if time.monotonic() > end:
                raise httpx.ReadTimeout(f"no whole answer within {self.answer_s:g} s")
            if len(found) > MAX_ANSWER_BYTES:
                raise Invalid(
                    f"the vendor's answer is longer than {MAX_ANSWER_BYTES:,} bytes", field="answer"
                )
        return bytes(found)


def _json_of(raw: bytes, status: int) -> object:
    """Read an answer; one that is no success need not be JSON, and is None then."""
    try:
        return json.loads(raw)
    except (ValueError, RecursionError) as error:
        if status == 200:
            raise Invalid("the vendor's answer is not JSON", field="answer") from error
        return None
