"""Tracing: each request has an id, each answer tells it, and each request ends as one line of the log."""

import re
import secrets
import time
from contextvars import ContextVar
from dataclasses import dataclass

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from models.logs import bound, get_logger
from models.queries.access import Caller
from models.values.roles import Role
from service.metrics import INGEST_ROUTE, Metrics

HEADER = "X-Request-ID"
UNKNOWN_ROUTE = "unknown"
"""Stands for every path that leads nowhere: paths are the caller's words."""

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_IN_SCOPE = "ebb.trace"
_ACCEPTED = re.compile(r"[A-Za-z0-9._-]{1,64}")
_QUIET = frozenset({"/healthz", "/metrics"})
_STORED = (INGEST_ROUTE, 202)
"""The writer tells of deliveries that were stored, in one line for those that came together."""
log = get_logger("ebb.access")


@dataclass(slots=True)
class Trace:
    """What is known of a request so far; the caller once its key or session was read."""

    request_id: str
    status: int = 500
    workspace: int | None = None
    role: Role | None = None


_current: ContextVar[Trace | None] = ContextVar("ebb_trace", default=None)


def note_caller(caller: Caller) -> None:
    """Tell the request that is being answered who asks; outside of a request nothing happens."""
    trace = _current.get()
    if trace is not None:
        trace.workspace, trace.role = caller.workspace_id, caller.role


def request_id_of(request: Request) -> str | None:
    """Return the id of a request; None where no tracing is installed."""
    trace = request.scope.get(_IN_SCOPE)
    return trace.request_id if isinstance(trace, Trace) else None


def route_of(scope: Scope) -> str:
    """Return the template of the route that took a request, such as /v1/themes/{theme_id}."""
    route = scope.get("route")
    if route is not None:
        return str(route.path)
    # The framework's own pages leave no route behind; without parameters the path is the template.
    return str(scope["path"]) if "endpoint" in scope and not scope.get("path_params") else UNKNOWN_ROUTE


def method_of(scope: Scope) -> str:
    """Return the method of a request; "other" for words that are none."""
    return str(scope["method"]) if scope["method"] in METHODS else "other"


class Tracing:
    """Give requests their ids, count them and log them; outermost, so that it sees every answer."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics) -> None:
        self.app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; anything but HTTP passes untouched."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        trace = scope[_IN_SCOPE] = Trace(_request_id(scope))
        began = time.perf_counter()

        async def traced(message: Message) -> None:
            if message["type"] == "http.response.start":
                trace.status = message["status"]
                MutableHeaders(scope=message)[HEADER] = trace.request_id
            await send(message)

        token = _current.set(trace)
        try:
            with bound(request_id=trace.request_id):
                try:
                    await self.app(scope, receive, traced)
                finally:
                    self._finish(scope, trace, time.perf_counter() - began)
        finally:
            _current.reset(token)

    def _finish(self, scope: Scope, trace: Trace, seconds: float) -> None:
        route, method = route_of(scope), method_of(scope)
        self._metrics.count_request(method=method, route=route, status=trace.status, seconds=seconds)
        is_quiet = route in _QUIET or (route, trace.status) == _STORED
        tell = log.debug if is_quiet else log.info
        tell(
            "request",
            method=method,
            route=route,
            status=trace.status,
            ms=round(seconds * 1000, 1),
            workspace=trace.workspace,
            role=trace.role,
        )


def _request_id(scope: Scope) -> str:
    """Return the caller's id for the request, if it is one that may stand in a log; else one of ours."""
    given = Headers(scope=scope).get(HEADER, "")
    return given if _ACCEPTED.fullmatch(given) else secrets.token_hex(8)
