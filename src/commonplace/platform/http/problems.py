"""Everything that goes wrong, as RFC 9457 problem documents.

    {"type": "/problems/stale-version", "title": "Stale version", "status": 412, "detail": "…",
     "instance": "/api/files/…", "request_id": "…", …}

Expected errors are `Problem`s and tell their own story. What FastAPI and Starlette raise is translated here. Anything
else is a defect: a 500 that tells the client no more than an id, and the log everything. `type` leads to a page that
explains the problem (`docs_page.py`).
"""

from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Scope

from commonplace.platform.errors import BadRequest, NotFound, Problem

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "/problems/"
MAX_ERRORS = 50  #: places named in one validation problem
MAX_LOCATION = 200  #: characters

Document = dict[str, Any]
"""A problem document, ready to be encoded."""

HtmlProblem = Callable[[Scope, Document], Response | None]
"""Renders a problem as a page, or redirects; None: as JSON after all."""


class ValidationFailed(Problem):
    """The request is not of the form that the route documents; `errors` names each place."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY


class MethodNotAllowed(Problem):
    """The path exists, but not for this method."""

    status = HTTPStatus.METHOD_NOT_ALLOWED

    def __init__(self, method: str, allowed: str) -> None:
        super().__init__(f"{method} is not possible here; {allowed or 'other methods'} may be.")
        self.allowed = allowed

    def headers(self) -> dict[str, str]:
        """Add the methods that are possible."""
        return {**super().headers(), "Allow": self.allowed}


class InternalError(Problem):
    """A defect of ours. The request id leads to it in the log."""

    status = HTTPStatus.INTERNAL_SERVER_ERROR

    def __init__(self) -> None:
        super().__init__("Something went wrong on our side and was logged. Ask again, or report the `request_id`.")


class OtherHttpError(Problem):
    """An HTTP status that a library answered with."""

    def __init__(self, error: HTTPException) -> None:
        status = HTTPStatus(error.status_code)
        super().__init__(status.description or status.phrase)
        self.actual_status = status
        self.own_headers = dict(error.headers or {})

    def headers(self) -> dict[str, str]:
        """The headers the library gave."""
        return self.own_headers


def problem_of(error: BaseException, *, method: str = "") -> Problem:
    """What `error` means to a client; an `InternalError` for what nobody expected."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, RequestValidationError):
        return _validation_failed(error.errors())
    if isinstance(error, HTTPException):
        return _of_http_exception(error, method)
    return InternalError()


def is_disconnect(error: BaseException | None) -> bool:
    """Whether `error` only says that the client went away; behind a `Problem` somebody else did."""
    while error is not None and not isinstance(error, Problem):
        if isinstance(error, ClientDisconnect | ConnectionResetError | BrokenPipeError):
            return True
        error = error.__cause__
    return False


def status_of(problem: Problem) -> HTTPStatus:
    """The status to answer `problem` with."""
    return problem.actual_status if isinstance(problem, OtherHttpError) else problem.status


def document(problem: Problem, *, path: str, request_id: str) -> Document:
    """`problem` as RFC 9457 writes it; extensions cannot take the place of the standard members."""
    status = status_of(problem)
    is_ours = not isinstance(problem, OtherHttpError)
    return {
        **problem.extensions,
        "type": TYPE_PREFIX + problem.type_name() if is_ours else "about:blank",
        "title": problem.title_text() if is_ours else status.phrase,
        "status": int(status),
        "detail": problem.detail,
        "instance": path,
        "request_id": request_id,
    }


def response(problem: Problem, content: Document) -> Response:
    """The response that carries `content`, the document of `problem`."""
    return Response(
        msgspec.json.encode(content, enc_hook=str),
        status_code=int(content["status"]),
        headers={**problem.headers(), "Cache-Control": "no-store"},
        media_type=MEDIA_TYPE,
    )


def wants_page(path: str, accept: bytes) -> bool:
    """Whether a person in front of a browser waits for this answer."""
    return (path == "/app" or path.startswith(("/app/", "/s/"))) and b"text/html" in accept


def problems(*classes: type[Problem]) -> dict[int | str, dict[str, Any]]:
    """For a route's `responses=`: the problems it answers with. Several of one status are described together."""
    by_status: dict[int | str, list[type[Problem]]] = {}
    for problem in classes:
        by_status.setdefault(int(problem.status), []).append(problem)
    return {status: documented(same) for status, same in by_status.items()}


def documented(classes: Iterable[type[Problem]]) -> dict[str, Any]:
    """An OpenAPI response for problems of one status."""
    lines = [f"`{problem.type_name()}`: {(problem.__doc__ or '').strip().splitlines()[0]}" for problem in classes]
    return {
        "description": "\n\n".join(lines),
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }


def install(app: FastAPI) -> None:
    """Let a FastAPI application answer problems on its own, where `Front` does not stand before it."""

    async def answer(request: Request, error: Exception) -> Response:
        problem = problem_of(error, method=request.method)
        return response(problem, document(problem, path=request.url.path, request_id=""))

    for kind in (Problem, RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(kind, answer)


def _validation_failed(errors: Iterable[Mapping[str, Any]]) -> ValidationFailed:
    places = [
        {"location": ".".join(map(str, error["loc"]))[:MAX_LOCATION], "message": _message(error)} for error in errors
    ]
    count = len(places)
    return ValidationFailed(
        "One value is not as it should be; `errors` names it."
        if count == 1
        else f"{count} values are not as they should be; `errors` names them.",
        errors=places[:MAX_ERRORS],
    )


def _message(error: Mapping[str, Any]) -> str:
    """What is wrong, without what was sent: that may be a password."""
    if error["type"] == "json_invalid":
        return f"Not JSON: {error.get('ctx', {}).get('error', 'it cannot be read')}."
    return str(error["msg"]).removeprefix("Value error, ")


def _of_http_exception(error: HTTPException, method: str) -> Problem:
    cause = error.__cause__
    if isinstance(cause, Problem):  # raised while FastAPI read the body, and wrapped by it
        return cause
    if error.status_code == HTTPStatus.NOT_FOUND:
        return NotFound("There is nothing at this path.")
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        return MethodNotAllowed(method or "This method", (error.headers or {}).get("Allow", ""))
    if error.status_code == HTTPStatus.BAD_REQUEST:
        return BadRequest(f"The request cannot be read: {error.detail.rstrip('.')}.")
    return OtherHttpError(error)
