"""Every error leaves as problem+json (RFC 9457): what is wrong, where, and how to mend it."""

from collections.abc import Mapping
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from models.errors import (
    Busy,
    Conflict,
    EbbError,
    Forbidden,
    Invalid,
    NotFound,
    Rejected,
    TooLarge,
    Unsupported,
)
from models.logs import get_logger
from service import tracing

log = get_logger("ebb.api")

STATUS_OF: Mapping[type[EbbError], HTTPStatus] = {
    NotFound: HTTPStatus.NOT_FOUND,
    Conflict: HTTPStatus.CONFLICT,
    Invalid: HTTPStatus.UNPROCESSABLE_ENTITY,
    Rejected: HTTPStatus.UNAUTHORIZED,
    TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    Unsupported: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    Forbidden: HTTPStatus.FORBIDDEN,
    Busy: HTTPStatus.SERVICE_UNAVAILABLE,
}

_HEADERS: Mapping[int, Mapping[str, str]] = {
    401: {"WWW-Authenticate": "Bearer"},
    503: {"Retry-After": "5"},
}


def problem(
    request: Request,
    status: int,
    detail: str,
    *,
    field: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """Build a problem+json answer; the request's id leads to its lines in the log."""
    request_id = tracing.request_id_of(request)
    content: dict[str, object] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
    }
    if field is not None:
        content["field"] = field
    sent = dict(headers or {})
    if request_id is not None:
        content["request_id"] = request_id
        # The answer to an unexpected error does not pass through the middleware again.
        sent[tracing.HEADER] = request_id
    return JSONResponse(content, status, sent, media_type="application/problem+json")


def problem_of(request: Request, error: EbbError) -> JSONResponse:
    """Build the answer to an error of ours."""
    status = next((code for kind, code in STATUS_OF.items() if isinstance(error, kind)), 500)
    headers = _HEADERS.get(int(status))
    return problem(request, int(status), error.message, field=error.field, headers=headers)


def install(app: FastAPI) -> None:
    """Map our errors, the framework's and the unexpected ones."""

    @app.exception_handler(EbbError)
    async def _expected(request: Request, error: EbbError) -> JSONResponse:
        return problem_of(request, error)

    @app.exception_handler(RequestValidationError)
    async def _malformed(request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        # A body that is no JSON at all is placed by the number of a character, which is no field.
        place = first["loc"][:1] if first["type"] == "json_invalid" else first["loc"][1:]
        where = ".".join(str(part) for part in place) or str(first["loc"][0])
        return problem(request, 422, f"{where}: {first['msg']}.", field=where)

    @app.exception_handler(HTTPException)
    async def _framework(request: Request, error: HTTPException) -> JSONResponse:
        return problem(request, error.status_code, str(error.detail), headers=error.headers)

    @app.exception_handler(Exception)
    async def _unexpected(request: Request, error: Exception) -> JSONResponse:
        log.error(
            "a request failed",
            method=tracing.method_of(request.scope),
            route=tracing.route_of(request.scope),
            request_id=tracing.request_id_of(request),
            exc_info=error,
        )
        return problem(request, 500, "Something went wrong on our side; it was logged.")
