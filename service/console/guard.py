"""The console's door: sessions, CSRF tokens, security headers, and errors as pages."""

import gzip
import hashlib
import hmac
from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import Depends, Form, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse
from fastapi.routing import APIRoute

from models.errors import EbbError, Forbidden
from models.queries import access
from models.queries.access import Caller
from models.values.roles import Permission
from service.console import render
from service.dependencies import SESSION_COOKIE, DatabaseOf, Now, require
from service.errors import STATUS_OF

POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
SESSION_SECONDS: Final = 30 * 24 * 3600
_LEAST_PACKED: Final = 1000


class SignedOut(Exception):
    """The request carries no session that is known and still runs."""


class ConsoleRoute(APIRoute):
    """A route that answers people: errors become pages, and every answer carries the security headers."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap the framework's handler."""
        answer = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            try:
                response = await answer(request)
            except SignedOut:
                response = RedirectResponse("/sign-in", HTTPStatus.SEE_OTHER)
            except EbbError as error:
                status = next((code for kind, code in STATUS_OF.items() if isinstance(error, kind)), 500)
                response = render.error_page(HTTPStatus(status), error.message)
            except RequestValidationError as error:
                first = error.errors()[0]
                message = f"{first['loc'][-1]}: {first['msg']}."
                response = render.error_page(HTTPStatus.UNPROCESSABLE_ENTITY, message)
            for name, value in HEADERS.items():
                response.headers[name] = value
            response.headers.setdefault("Cache-Control", "private, no-cache")
            _compress(request, response)
            return response

        return guarded


def _compress(request: Request, response: Response) -> None:
    """Compress an answer where the browser takes it and nothing of the address can stand in it.

    Text of the asker beside text of others, compressed together, leaks by its length (BREACH, Gluck, Harris and
    Prado 2013); so pages asked for with a query go out as they are. A chart's data repeat nothing of the address.
    """
    may_repeat = bool(request.url.query) and response.headers.get("content-type", "").startswith("text/html")
    takes = "gzip" in request.headers.get("accept-encoding", "")
    is_packed = "content-encoding" in response.headers
    if may_repeat or not takes or is_packed or len(response.body) < _LEAST_PACKED:
        return
    response.body = gzip.compress(bytes(response.body), 6, mtime=0)
    response.headers["Content-Encoding"] = "gzip"
    response.headers["Content-Length"] = str(len(response.body))
    response.headers.add_vary_header("Accept-Encoding")


def get_visitor(request: Request, database: DatabaseOf, now: Now) -> Caller:
    """Find whose browser this is; raise `SignedOut` without a session, `Forbidden` for one that may not read."""
    token = request.cookies.get(SESSION_COOKIE)
    if not token:
        raise SignedOut
    with database.read(workspace=None) as session:
        caller = access.find_session(session, token=token, now=now)
    if caller is None:
        raise SignedOut
    require(caller, Permission.READ_NUMBERS)
    return caller


Visitor = Annotated[Caller, Depends(get_visitor)]


def csrf_token(request: Request) -> str:
    """Derive the form token of the request's session: only who knows the cookie can know it."""
    secret = request.cookies.get(SESSION_COOKIE, "")
    return hmac.new(secret.encode(), b"ebb console form", hashlib.sha256).hexdigest()


def check_form(request: Request, visitor: Visitor, csrf: Annotated[str, Form()] = "") -> Caller:
    """Let a form pass that one of our own pages made for this session; raise `Forbidden` for others."""
    if not hmac.compare_digest(csrf.encode(), csrf_token(request).encode()):
        raise Forbidden("this form is out of date or came from elsewhere; open the page again and repeat.")
    return visitor


FormVisitor = Annotated[Caller, Depends(check_form)]


def set_session(response: Response, token: str, *, is_secure: bool) -> None:
    """Hand a browser its session."""
    response.set_cookie(
        SESSION_COOKIE,
        token,
        max_age=SESSION_SECONDS,
        path="/",
        httponly=True,
        samesite="lax",
        secure=is_secure,
    )
