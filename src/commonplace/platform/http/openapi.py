"""The OpenAPI document, completed: what many operations have in common is said here once.

FastAPI knows parameters, bodies and answers. Added are the problems that any operation may answer, who may call it, the
headers of answers, what conditional and repeated requests mean, and the aliases, from the table that routes them.

`If-Match`, `If-None-Match`, `Range` and `Idempotency-Key` are told in words, not as parameters of each operation: HTTP
itself defines the first three, they have the same meaning everywhere, and whether a value is accepted depends on the
thing's present state, which no schema can say.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from threading import Lock
from typing import Any, Final

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from commonplace.platform.app import Alias
from commonplace.platform.database.errors import DatabaseBusy, DatabaseUnavailable, StatementTooLong
from commonplace.platform.errors import BadRequest, NotAuthenticated, Problem
from commonplace.platform.http.aliases import Aliases
from commonplace.platform.http.conditional import expected_version
from commonplace.platform.http.idempotency import IdempotencyKeyReused, MalformedIdempotencyKey, StillRunning
from commonplace.platform.http.problems import InternalError, ValidationFailed, documented
from commonplace.platform.http.refusals import (
    AmbiguousHost,
    BodyTooSlow,
    CrossSiteRequest,
    HeadersTooLarge,
    MisdirectedRequest,
    Overloaded,
    PayloadTooLarge,
    TookTooLong,
    TooManyRequests,
    UriTooLong,
)
from commonplace.platform.http.routing import HotRoute, Route
from commonplace.platform.identity.errors import ScopeMissing

IsPublic = Callable[[str, str], bool]
"""Whether (method, canonical path) is open to callers without a credential."""

METHODS: Final = ("get", "head", "post", "put", "patch", "delete", "options")
_KEY: Final = "Idempotency-Key"
_UNSAFE: Final = frozenset({"post", "put", "patch", "delete"})

_CONVENTIONS: Final = """
Every error is a problem document (RFC 9457); its `type` is stable and leads to an explanation. Times are RFC 3339 in
UTC. A list answers `{"items": […], "next": …}`: send `next` as `after` to get the page behind it.

HEAD is answered wherever GET is. What is read has an `ETag`; `If-None-Match` with it answers 304 where nothing changed,
and bytes are read in part with `Range`. A change with `If-Match` and the `ETag` that was read happens only if nobody
else changed the thing meanwhile; otherwise the answer is 412.

A change that is sent with an `Idempotency-Key` (1 to 255 printable ASCII characters, new for each change) happens once,
however often it is sent within a day: the same request gets the first answer again, with `Idempotent-Replayed: true`;
another request with the key 422; one whose first try still runs 409.

What changes is told to those who wait by the WebSocket `/api/live`, and to those who ask by `/api/sync`.
""".strip()

_PROBLEM_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "title": "Problem",
    "description": "What went wrong (RFC 9457). Further members depend on the type.",
    "required": ["type", "title", "status", "detail", "instance", "request_id"],
    "properties": {
        "type": {"type": "string", "description": "Which problem; stable. `/problems/…` explains it."},
        "title": {"type": "string", "description": "The type in words."},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string", "description": "What was refused this time, the limit, and the way out."},
        "instance": {"type": "string", "description": "The path that was asked for."},
        "request_id": {"type": "string", "description": "Leads to the log; also in `X-Request-ID`."},
        "errors": {
            "type": "array",
            "description": "Of `validation-failed`: each place.",
            "items": {
                "type": "object",
                "required": ["location", "message"],
                "properties": {"location": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
    "additionalProperties": True,
}


def _header(description: str, *, required: bool = False, **schema: Any) -> dict[str, Any]:
    return {"description": description, "required": required, "schema": {"type": "string", **schema}}


_HEADERS: Final[dict[str, Any]] = {
    "X-Request-ID": _header("Names this request in logs and traces.", required=True),
    "Retry-After": _header("Seconds to wait before asking again.", type="integer", minimum=1),
    "WWW-Authenticate": _header("How to authenticate.", required=True),
    "ETag": _header("What was read, or is now: for `If-Match` and `If-None-Match`.", pattern='^"[^"]*"$'),
    "Location": _header("The path of what was made.", pattern="^/"),
    "Content-Range": _header("Which bytes of how many these are.", pattern="^bytes "),
    "Content-Disposition": _header("The file's name, and whether to show it or to save it."),
    "Idempotent-Replayed": _header(
        "This is the answer to an earlier request with the same `Idempotency-Key`.", enum=["true"]
    ),
}

#: What any operation may answer, before its route is asked or because of what it needs.
_ANY: Final = (
    BadRequest,
    AmbiguousHost,
    UriTooLong,
    MisdirectedRequest,
    TooManyRequests,
    HeadersTooLarge,
    InternalError,
    Overloaded,
    TookTooLong,
    DatabaseUnavailable,
    DatabaseBusy,
    StatementTooLong,
)
_OF_UNSAFE: Final = (CrossSiteRequest, PayloadTooLarge, BodyTooSlow)
_OF_REPEATABLE: Final = (MalformedIdempotencyKey, StillRunning, IdempotencyKeyReused)
_HEADERS_OF_STATUS: Final = {
    "401": ("WWW-Authenticate",),
    "409": ("Retry-After",),
    "429": ("Retry-After",),
    "503": ("Retry-After",),
}


#: For a route's `responses=` under 304: what was read has the `ETag` that the client knows.
UNCHANGED: Final[dict[str, Any]] = {
    "description": "It is as the `ETag` in `If-None-Match` says.",
    "headers": {"ETag": {"$ref": "#/components/headers/ETag"}},
}


def with_headers(*names: str) -> dict[str, Any]:
    """For a status in a route's `responses=`: the answer carries these headers of `_HEADERS`."""
    return {"headers": {name: {"$ref": f"#/components/headers/{name}"} for name in names}}


def install(
    app: FastAPI,
    *,
    aliases: Iterable[Alias] = (),
    is_public: IsPublic | None = None,
    session_cookie: str = "commonplace_session",
) -> None:
    """Let `app.openapi()` answer the completed document. It is made once, when first asked for."""
    table = Aliases(aliases)
    original = app.openapi
    lock = Lock()  # it is asked for from threads, and half of it must not be seen
    completed: list[dict[str, Any]] = []

    def openapi() -> dict[str, Any]:
        with lock:
            if not completed:
                schema = original()
                complete(schema, is_public or (lambda _method, _path: False), session_cookie, _heeded(app))
                table.add_to(schema)
                completed.append(schema)
        return completed[0]

    app.openapi = openapi  # type: ignore[method-assign]


def complete(
    schema: dict[str, Any],
    is_public: IsPublic,
    session_cookie: str,
    heeded: Mapping[tuple[str, str], Sequence[str]],
) -> None:
    """Add to `schema` what all operations have in common."""
    schema["info"]["description"] = "\n\n".join(filter(None, (schema["info"].get("description"), _CONVENTIONS)))
    components = schema.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    schemas["Problem"] = _PROBLEM_SCHEMA
    components["headers"] = _HEADERS
    components["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer", "description": "An access token (JWT), or an API token."},
        "basic": {"type": "http", "scheme": "basic", "description": "Any name, and an API token as the password."},
        "cookie": {
            "type": "apiKey",
            "in": "cookie",
            "name": session_cookie,
            "description": "The session of a browser; requests from other sites' pages are refused.",
        },
    }
    for path, item in schema.get("paths", {}).items():
        for method in METHODS:
            if method in item:
                heeds = heeded.get((method, path), ())
                _complete_operation(item[method], method, heeds, is_public=is_public(method.upper(), path))
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)


def _complete_operation(operation: dict[str, Any], method: str, heeds: Sequence[str], *, is_public: bool) -> None:
    operation["security"] = [] if is_public else [{"bearer": []}, {"basic": []}, {"cookie": []}]
    if heeds:
        words = " and ".join(f"`{name}`" for name in heeds)
        operation["description"] = "\n\n".join(filter(None, (operation.get("description"), f"Heeds {words}.")))
    responses = operation.setdefault("responses", {})
    if "HTTPValidationError" in str(responses.get("422")):
        responses["422"] = documented([ValidationFailed])
    _add(responses, _ANY)
    _add(responses, _OF_UNSAFE if method in _UNSAFE else ())
    _add(responses, () if is_public else (NotAuthenticated, ScopeMissing))
    _add(responses, _OF_REPEATABLE if _KEY in heeds else ())
    for status, response in responses.items():
        names = ["X-Request-ID", *_HEADERS_OF_STATUS.get(status, ())]
        if _KEY in heeds and status.startswith("2"):
            names.append("Idempotent-Replayed")
        response["headers"] = {**response.get("headers", {}), **with_headers(*names)["headers"]}
    operation["responses"] = dict(sorted(responses.items()))


def _add(responses: dict[str, Any], problems: Iterable[type[Problem]]) -> None:
    """Say that `problems` may be the answer, too."""
    for problem in problems:
        told = documented([problem])
        present = responses.setdefault(str(int(problem.status)), told)
        if present is not told and f"`{problem.type_name()}`" not in present["description"]:
            present["description"] += "\n\n" + told["description"]
            present["content"] = {**present.get("content", {}), **told["content"]}


def _heeded(app: FastAPI) -> dict[tuple[str, str], list[str]]:
    """Which request headers an operation heeds, by its method and path."""
    heeded: dict[tuple[str, str], list[str]] = {}
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        if isinstance(route, Route | HotRoute):
            is_conditional = any(dependency.call is expected_version for dependency in route.dependant.dependencies)
            for method in {method.lower() for method in route.methods or ()} & _UNSAFE:
                heeded[method, str(context.path_format)] = ["If-Match", _KEY] if is_conditional else [_KEY]
    return heeded
