"""The console's door: sessions, CSRF tokens, security headers, and errors as pages."""

import gzip
import hashlib
import hmac
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import Depends, Form, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse
from fastapi.routing import APIRoute

from models.database import Database, Session
from models.errors import EbbError, Forbidden
from models.queries import access
from models.queries.access import Caller
from models.settings import Settings
from models.values.roles import Permission
from service.console import render
from service.console.frame import Frame, read_frame
from service.console.roles_text import say_who_may
from service.dependencies import SESSION_COOKIE, DatabaseOf, Now, SettingsOf
from service.errors import STATUS_OF
from service.tracing import note_caller

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
            # After signing out, the button "back" must find nothing in the browser's store.
            response.headers.setdefault("Cache-Control", "no-store")
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


@dataclass(frozen=True, slots=True)
class Visit:
    """One request of somebody who is signed in: who, where to read and write, when, and the form token."""

    caller: Caller
    database: Database
    settings: Settings
    now: datetime
    path: str
    token: str

    @property
    def csrf(self) -> str:
        """Derive the form token of the session: only who knows the cookie can know it."""
        return hmac.new(self.token.encode(), b"ebb console form", hashlib.sha256).hexdigest()

    def may(self, permission: str) -> bool:
        """Say whether the visitor has a permission; for templates, which name it."""
        return self.caller.may(Permission(permission))

    @contextmanager
    def read(self) -> Iterator[tuple[Session, Frame]]:
        """Open what every page reads: a session of the visitor's workspace, and its frame."""
        sees_all = self.caller.may(Permission.READ_TICKETS)
        least = None if sees_all else self.settings.least_group
        workspace = self.caller.workspace_id
        with self.database.read(workspace=workspace) as session:
            decides = sees_all and self.caller.may(Permission.CURATE)
            yield (
                session,
                read_frame(session, workspace=workspace, now=self.now, least=least, decides=decides),
            )

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Open a session that writes in the visitor's workspace."""
        with self.database.write(workspace=self.caller.workspace_id) as session:
            yield session


def get_visit(request: Request, database: DatabaseOf, settings: SettingsOf, now: Now) -> Visit:
    """Find whose browser this is, with the role the person has now; raise `SignedOut` without a session."""
    token = request.cookies.get(cookie_name(is_secure(request, settings)))
    if not token:
        raise SignedOut
    with database.read(workspace=None) as session:
        caller = access.find_session(session, token=token, now=now)
    if caller is None:
        raise SignedOut
    note_caller(caller)
    return Visit(caller, database, settings, now, request.url.path, token)


AnyVisit = Annotated[Visit, Depends(get_visit)]


def asks(permission: Permission) -> Callable[[Visit], Visit]:
    """Make the dependency of a page that asks for a permission; it says in plain words who has it."""

    def check(visit: AnyVisit) -> Visit:
        if not visit.caller.may(permission):
            raise Forbidden(say_who_may(permission, visit.caller.role))
        return visit

    check.permission = permission  # type: ignore[attr-defined]  # read by the test of every route
    return check


def check_form(visit: AnyVisit, csrf: Annotated[str, Form()] = "") -> Visit:
    """Let a form pass that one of our own pages made for this session; raise `Forbidden` for others."""
    if not hmac.compare_digest(csrf.encode(), visit.csrf.encode()):
        raise Forbidden("This form is out of date or came from elsewhere. Open the page again and repeat.")
    return visit


AnyForm = Annotated[Visit, Depends(check_form)]


def asks_form(permission: Permission) -> Callable[[Visit, Visit], Visit]:
    """Make the dependency of a form that asks for a permission; whoever has it still needs the form's token."""

    def check(visit: Annotated[Visit, Depends(asks(permission))], _form: AnyForm) -> Visit:
        return visit

    return check


def is_secure(request: Request, settings: Settings) -> bool:
    """Say whether people reach the console over https, here or at a proxy before it."""
    return request.url.scheme == "https" or settings.public_url.startswith("https:")


def cookie_name(secure: bool) -> str:
    """Name the session's cookie; over https with `__Host-`, which no other host of the domain can set."""
    return f"__Host-{SESSION_COOKIE}" if secure else SESSION_COOKIE


def set_session(response: Response, token: str, *, secure: bool) -> None:
    """Hand a browser its session."""
    response.set_cookie(
        cookie_name(secure),
        token,
        max_age=SESSION_SECONDS,
        path="/",
        httponly=True,
        samesite="lax",
        secure=secure,
    )


def clear_session(response: Response, *, secure: bool) -> None:
    """Take a browser's session away."""
    response.delete_cookie(cookie_name(secure), path="/", httponly=True, samesite="lax", secure=secure)
