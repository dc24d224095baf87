"""The API for people: `/docs` lists every operation, `/problems/…` explains a problem, `/openapi.json` is for programs.

Rendered here, without scripts and without another server's files, so that the strict policy needs no exception and an
installation without the internet has its documentation.
"""

import asyncio
from collections.abc import Callable, Iterator
from functools import cache
from hashlib import sha256
from importlib.resources import files
from inspect import cleandoc
from typing import Any

import jinja2
import msgspec
from fastapi import APIRouter, FastAPI, Request
from starlette.responses import Response

from commonplace.platform.errors import NotFound, Problem
from commonplace.platform.http.conditional import is_unchanged
from commonplace.platform.http.openapi import METHODS

router = APIRouter(include_in_schema=False)

_ASSETS = files("commonplace.platform.http") / "docs"


class UnknownProblem(NotFound):
    """No problem of this name exists."""


@router.get("/openapi.json")
async def openapi_document(request: Request) -> Response:
    """The OpenAPI document."""
    return _cached(request, await _made_once(request.app, "document", _encoded), "application/json")


@router.get("/docs")
async def documentation(request: Request) -> Response:
    """Every operation on one page."""
    return _cached(request, await _made_once(request.app, "page", _rendered), "text/html")


@router.get("/docs/docs.css")
async def stylesheet(request: Request) -> Response:
    """The page's style."""
    return _cached(request, _asset("docs.css").encode(), "text/css")


@router.get("/problems/{name}")
async def problem_page(request: Request, name: str) -> Response:
    """What a problem's `type` leads to."""
    for problem in _all_problems(Problem):
        if problem.type_name() == name:
            text = cleandoc(problem.__doc__ or "")
            page = _template("problem.html").render(problem=problem, status=problem.status, text=text, title=name)
            return _cached(request, page.encode(), "text/html")
    raise UnknownProblem("No problem has this name.")


def _cached(request: Request, body: bytes, media_type: str) -> Response:
    tag = f'"{sha256(body).hexdigest()[:16]}"'
    headers = {"ETag": tag, "Cache-Control": "no-cache"}
    if is_unchanged(request, tag):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type=media_type, headers=headers)


async def _made_once(app: FastAPI, name: str, make: Callable[[FastAPI], bytes]) -> bytes:
    """What `make` makes of `app`, kept from the first time on; made in a thread, for it takes a third of a second."""
    if not hasattr(app.state, "openapi_made"):
        app.state.openapi_made = {}
    kept: dict[str, bytes] = app.state.openapi_made
    if name not in kept:
        kept[name] = await asyncio.to_thread(make, app)
    return kept[name]


def _encoded(app: FastAPI) -> bytes:
    return msgspec.json.encode(app.openapi())


def _rendered(app: FastAPI) -> bytes:
    schema = app.openapi()
    page = _template("docs.html").render(info=schema["info"], groups=_groups(schema), title="API")
    return page.encode()


def _groups(schema: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Operations by their first tag, without those of aliases, which are named beside the canonical ones."""
    groups: dict[str, list[dict[str, Any]]] = {}
    aliases: dict[str, list[str]] = {}
    for path, method, operation in _operations(schema):
        canonical = operation.get("x-alias-of")
        if canonical is not None:
            aliases.setdefault(f"{method} {canonical}", []).append(path)
    for path, method, operation in _operations(schema):
        if "x-alias-of" not in operation:
            entry = {
                "id": operation.get("operationId", f"{method}-{path}"),
                "method": method.upper(),
                "path": path,
                "also": aliases.get(f"{method} {path}", []),
                "summary": operation.get("summary", ""),
                "description": operation.get("description", ""),
                "is_public": not operation.get("security"),
                "parameters": operation.get("parameters", []),
                "bodies": _bodies(schema, operation),
                "responses": operation.get("responses", {}),
            }
            groups.setdefault((operation.get("tags") or ["other"])[0], []).append(entry)
    return groups


def _operations(schema: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in schema.get("paths", {}).items():
        for method in METHODS:
            if method in item:
                yield path, method, item[method]


def _bodies(schema: dict[str, Any], operation: dict[str, Any]) -> list[dict[str, Any]]:
    """What a request may carry: per media type the fields of its schema."""
    bodies = []
    for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
        resolved = _resolved(schema, content.get("schema", {}))
        required = set(resolved.get("required", ()))
        fields = [
            {
                "name": name,
                "type": kind(field),
                "required": name in required,
                "description": field.get("description", ""),
            }
            for name, field in resolved.get("properties", {}).items()
        ]
        bodies.append({"media_type": media_type, "fields": fields})
    return bodies


def _resolved(schema: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    reference = part.get("$ref", "")
    return schema["components"]["schemas"].get(reference.rpartition("/")[2], {}) if reference else part


def kind(schema: dict[str, Any]) -> str:
    """A schema in a word or two."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    for combination in ("anyOf", "oneOf", "allOf"):
        if combination in schema:
            return " or ".join(kind(option) for option in schema[combination])
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    name = str(schema.get("type", "any"))
    if name == "array":
        return f"list of {kind(schema.get('items', {}))}"
    return f"{name} ({schema['format']})" if "format" in schema else name


def _all_problems(parent: type[Problem]) -> Iterator[type[Problem]]:
    for problem in parent.__subclasses__():
        yield problem
        yield from _all_problems(problem)


@cache
def _asset(name: str) -> str:
    return (_ASSETS / name).read_text(encoding="utf-8")


@cache
def _template(name: str) -> jinja2.Template:
    environment = jinja2.Environment(autoescape=True, loader=jinja2.FunctionLoader(_asset), trim_blocks=True)
    environment.filters["kind"] = kind
    return environment.get_template(name)
