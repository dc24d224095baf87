"""Solving an endpoint's parameters by the short way: once declared, each request only fills them in.

FastAPI describes the parameters (and documents them); its own way of solving them is general, and costs a hot route as
much as all the rest. Taken here are parameters of the path and the query, one JSON body, the request, and dependencies
that take the request and nothing else.
"""

import inspect
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from pydantic import TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import Response

Handle = Callable[[Request], Coroutine[Any, Any, Response]]


def shortly(endpoint: Callable[..., Coroutine[Any, Any, Response]], dependant: Dependant) -> Handle:
    """Call `endpoint` with what the request says; it returns a ready `Response`.

    Raises:
        TypeError: it has parameters that cannot be solved here.
    """
    _refuse_what_is_not_short(endpoint, dependant)
    path_fields, query_fields = list(dependant.path_params), list(dependant.query_params)
    dependencies = [(str(sub.name), str(sub.request_param_name), sub.call) for sub in dependant.dependencies]
    request_name = dependant.request_param_name
    body_name, body = _body(dependant)

    async def call(request: Request) -> Response:
        arguments: dict[str, Any] = {}
        errors: list[Any] = []
        for field in path_fields:
            _fill("path", field, request.path_params, arguments, errors)
        if query_fields:
            query = request.query_params
            for field in query_fields:
                _fill("query", field, query, arguments, errors)
        for name, parameter, function in dependencies:
            value = function(**{parameter: request})  # type: ignore[misc]
            arguments[name] = await value if inspect.isawaitable(value) else value
        if body is not None:
            arguments[body_name] = await _json(request, body, errors)
        if errors:
            raise RequestValidationError(errors)
        if request_name:
            arguments[request_name] = request
        return await endpoint(**arguments)

    return call


def _refuse_what_is_not_short(endpoint: Callable[..., Any], dependant: Dependant) -> None:
    if dependant.header_params or dependant.cookie_params or len(dependant.body_params) > 1:
        raise TypeError(f"{endpoint.__name__}: a hot route takes parameters of the path and the query, and one body.")
    for sub in dependant.dependencies:
        if sub.dependencies or sub.query_params or sub.path_params or not sub.request_param_name:
            raise TypeError(
                f"{endpoint.__name__}: {sub.name} takes more than the request; a hot route cannot solve it."
            )


def _fill(source: str, field: Any, values: Any, arguments: dict[str, Any], errors: list[Any]) -> None:
    value = values.get(field.alias)
    if value is None and not field.field_info.is_required():
        arguments[field.name] = field.get_default()
        return
    arguments[field.name], problems = field.validate(value, {}, loc=(source, field.alias))
    if problems:
        errors.extend(problems)


def _body(dependant: Dependant) -> tuple[str, TypeAdapter[Any] | None]:
    if not dependant.body_params:
        return "", None
    field = dependant.body_params[0]
    annotation: Any = field.field_info.annotation
    return field.name, TypeAdapter(annotation)


async def _json(request: Request, body: TypeAdapter[Any], errors: list[Any]) -> Any:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json" and not (
        media_type.startswith("application/") and media_type.endswith("+json")
    ):
        message = "The body is to be JSON, with `Content-Type: application/json`."
        errors.append({"type": "content_type", "loc": ("header", "content-type"), "msg": message, "input": None})
        return None
    content = await request.body()
    try:
        return body.validate_json(content)
    except ValidationError as error:
        errors.extend({**one, "loc": ("body", *one["loc"])} for one in error.errors(include_url=False))
        return None
