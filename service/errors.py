"""Every error leaves as problem+json (RFC 9457): what is wrong, where, and how to mend it."""

import logging
from collections.abc import Mapping
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from models.errors import Busy, Conflict, EbbError, Forbidden, Invalid, NotFound, Rejected, TooLarge

log = logging.getLogger("ebb.api")

STATUS_OF: Mapping[type[EbbError], HTTPStatus] = {
    NotFound: HTTPStatus.NOT_FOUND,
    Conflict: HTTPStatus.CONFLICT,
    Invalid: HTTPStatus.UNPROCESSABLE_ENTITY,
    Rejected: HTTPStatus.UNAUTHORIZED,
    TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    Forbidden: HTTPStatus.FORBIDDEN,
    Busy: HTTPStatus.SERVICE_UNAVAILABLE,
}

_HEADERS: Mapping[int, Mapping[str, str]] = {
    401: {"WWW-Authenticate": "Bearer"},
    503: {"Retry-After": "5"},
}


def problem(
    status: int, detail: str, *, field: str | None = None, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """Build a problem+json answer."""
    content: dict[str, object] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
    }
    if field is not None:
        content["field"] = field
    return JSONResponse(content, status, dict(headers or {}), media_type="application/problem+json")


def install(app: FastAPI) -> None:
    """Map our errors, the framework's and the unexpected ones."""

    @app.exception_handler(EbbError)
    async def _expected(_: Request, error: EbbError) -> JSONResponse:
        status = next((code for kind, code in STATUS_OF.items() if isinstance(error, kind)), 500)
        headers = _HEADERS.get(int(status))
        return problem(int(status), error.message, field=error.field, headers=headers)

    @app.exception_handler(RequestValidationError)
    async def _malformed(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        # A body that is no JSON at all is placed by the number of a character, which is no field.
        place = first["loc"][:1] if first["type"] == "json_invalid" else first["loc"][1:]
        where = ".".join(str(part) for part in place) or str(first["loc"][0])
        return problem(422, f"{where}: {first['msg']}.", field=where)

    @app.exception_handler(HTTPException)
    async def _framework(_: Request, error: HTTPException) -> JSONResponse:
        return problem(error.status_code, str(error.detail), headers=error.headers)

    @app.exception_handler(Exception)
    async def _unexpected(request: Request, error: Exception) -> JSONResponse:
        log.error("%s %s failed: %s", request.method, request.url.path, type(error).__name__, exc_info=error)
        return problem(500, "Something went wrong on our side; it was logged.")
