"""The connection under the application: uvicorn's, with bounds on what a sender may make us hold and wait for.

uvicorn's fast parser bounds neither the head of a request nor the time that it takes to come, and a body that stalls
is waited for. Whoever sends from outside must not be able to fill our memory or keep our connections. What is left of
a body that was refused is read and dropped within the same time: closing at once might lose the answer.
"""

import asyncio
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from models.settings import load_settings

MOST_HEAD_BYTES = 64 * 1024
"""Longest request line and headers together; proxies take 8 to 32 KiB."""
MOST_HEADERS = 200
TOO_LONG = b"The head of the request is too long."

MOST_BODY_BYTES = 16 * 1024 * 1024
"""Longest body at any address; intake refuses earlier (`EBB_WEBHOOK_MAX_BYTES`), unless it is told to take more."""
SMALL_BODY_BYTES = 64 * 1024
"""What of a body is held whatever others send: nearly every delivery is shorter."""
MOST_HELD_BYTES = 128 * 1024 * 1024
"""What is held beyond that of all bodies together, until their requests are answered."""


class _Held:
    """Bytes of bodies that this process holds; its one event loop alone reads and writes them."""

    def __init__(self) -> None:
        self.bytes = 0


_held = _Held()


class BoundedProtocol(HttpToolsProtocol):
    """Answer 431 to heads that are too long, and 408 to requests that are not whole in time."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        settings = load_settings()
        self._within_s = settings.request_seconds
        self._most_body_bytes = max(MOST_BODY_BYTES, settings.webhook_max_bytes)
        self._deadline: asyncio.TimerHandle | None = None
        self._is_in_head = True
        self._head_bytes = self._pending_bytes = self._body_bytes = self._held_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Give the first request its time from now on: a sender may also say nothing at all."""
        super().connection_made(transport)
        self._start_clock()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the clock with the connection, and what it held."""
        self._stop_clock()
        self._let_go()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, unless the connection is being closed: what still comes is not looked at."""
        if self.transport.is_closing():
            return
        super().data_received(data)
        if self._is_in_head:
            # A header is handed over once it is whole: one that never ends is counted here.
            self._pending_bytes += len(data)
            if self._pending_bytes > MOST_HEAD_BYTES:
                self._refuse(431, TOO_LONG)

    def on_message_begin(self) -> None:
        """Start the clock and the count of a request."""
        super().on_message_begin()
        self._head_bytes = self._pending_bytes = self._body_bytes = 0
        self._is_in_head = True
        self._start_clock()

    def on_url(self, url: bytes) -> None:
        """Take a part of the address."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header."""
        self._count(len(name) + len(value))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Hand a request over, unless its head was too long."""
        self._is_in_head = False
        if not self.transport.is_closing():
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a part of the body, unless it is too long or too many are held already."""
        if self.transport.is_closing():
            return
        is_wanted = self.cycle is not None and not self.cycle.response_started
        if is_wanted and not self._hold(len(body)):
            return
        super().on_body(body)

    def on_response_complete(self) -> None:
        """Let go of the body once its request is answered."""
        self._let_go()
        super().on_response_complete()

    def on_message_complete(self) -> None:
        """Stop the clock: the rest is ours to do."""
        self._stop_clock()
        if not self.transport.is_closing():
            super().on_message_complete()

    def _hold(self, size: int) -> bool:
        """Count a part of a body; refuse the request and return False where it is too much."""
        self._body_bytes += size
        large = max(self._body_bytes - SMALL_BODY_BYTES, 0) - self._held_bytes
        if self._body_bytes > self._most_body_bytes:
            self._refuse(413, b"The body is too long.")
            return False
        if large > 0 and _held.bytes + large > MOST_HELD_BYTES:
            self._refuse(503, b"Too many long bodies come at once; send it again in a few seconds.")
            return False
        if large > 0:
            self._held_bytes += large
            _held.bytes += large
        return True

    def _let_go(self) -> None:
        _held.bytes -= self._held_bytes
        self._held_bytes = 0

    def _count(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > MOST_HEAD_BYTES or len(self.headers) >= MOST_HEADERS:
            self._refuse(431, TOO_LONG)

    def _start_clock(self) -> None:
        self._stop_clock()
        self._deadline = self.loop.call_later(self._within_s, self._out_of_time)

    def _stop_clock(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _out_of_time(self) -> None:
        is_answered = self.cycle is not None and self.cycle.response_started
        if is_answered:
            self.transport.close()
        else:
            self._refuse(408, b"The request did not come in time.")

    def _refuse(self, status: int, why: bytes) -> None:
        """Answer in the server's place, once, and close."""
        if self.transport.is_closing():
            return
        head = b"content-type: text/plain; charset=utf-8\r\nconnection: close\r\ncontent-length: %d\r\n\r\n"
        self.transport.write(STATUS_LINE[status] + head % len(why) + why)
        self.transport.close()
