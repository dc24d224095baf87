"""The promise to clients: what a release's OpenAPI said stays true.

`python -m infrastructure.contract` freezes it anew, at a release.

`docs/reference/openapi.json` is the contract of the last release. `tests/contracts/test_contract.py` compares it with
what the code says today, and fails for whatever could break a client written against it: a path, a parameter, a field
of an answer that is gone; something that has to be sent now; a value that is refused now. What is new may be added.

A schema is compared by its types, fields, enumerations and bounds. Alternatives (`anyOf`) are taken together, as one
schema that allows what any of them does; patterns and formats are not compared.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from commonplace import application
from commonplace.platform.database.address import Address
from commonplace.settings import load_settings
from infrastructure.reference import ROOT

FROZEN: Final = ROOT / "docs" / "reference" / "openapi.json"
_METHODS: Final = ("get", "put", "post", "patch", "delete")
_LOWER: Final = ("minimum", "exclusiveMinimum", "minLength", "minItems")
_UPPER: Final = ("maximum", "exclusiveMaximum", "maxLength", "maxItems")
_DEEPEST: Final = 12
_WORDS: Final = frozenset({"title", "description", "examples", "example", "summary", "default"})
Schema = Mapping[str, Any]


def current() -> dict[str, Any]:
    """What the code says today, with every app that comes with Commonplace."""
    settings = load_settings({"JWT__SECRET_KEY": "contract" * 8}, env_file=None)
    apps = application.served_apps(settings)
    nowhere = Address(host="localhost", user="nobody", database="none")
    document: dict[str, Any] = application.fastapi(application.compose(settings, nowhere, apps), apps).openapi()
    return document


def bare(document: Mapping[str, Any]) -> dict[str, Any]:
    """`document` without what breaks nobody: words, examples, problems, and the schemas that only those named."""
    paths = {
        path: {method: _bare_operation(operations[method]) for method in _METHODS if method in operations}
        for path, operations in document["paths"].items()
    }
    schemas: dict[str, Any] = {}
    waiting = _referenced(paths)
    while waiting:
        name = waiting.pop()
        if name not in schemas:
            schemas[name] = _without_words(document["components"]["schemas"][name])
            waiting |= _referenced(schemas[name])
    return {"paths": paths, "components": {"schemas": schemas}}


def breaks(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Every way in which a client of `old` could fail against `new`, in words."""
    return list(_Comparison(old, new).of_operations())


@dataclass
class _Shape:
    """What a schema allows, its alternatives taken together."""

    types: set[str] = field(default_factory=set)  #: empty: anything
    values: set[str] | None = None  #: of an enumeration, as JSON
    fields: dict[str, Schema] = field(default_factory=dict)
    required: set[str] | None = None
    items: Schema | None = None
    is_open: bool = True  #: whether fields that are not named may be there
    bounds: dict[str, float] = field(default_factory=dict)


class _Comparison:
    def __init__(self, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
        self._old, self._new = old, new

    def of_operations(self) -> Iterator[str]:
        for path, operations in self._old["paths"].items():
            for method in _METHODS:
                if method in operations:
                    name = f"{method.upper()} {path}"
                    there = self._new["paths"].get(path, {}).get(method)
                    if there is None:
                        yield f"{name} is gone."
                    else:
                        yield from self._of_operation(name, operations[method], there)

    def _of_operation(self, name: str, old: Schema, new: Schema) -> Iterator[str]:
        yield from self._of_parameters(name, old, new)
        yield from self._of_body(f"{name}: the body", old.get("requestBody"), new.get("requestBody"))
        for status, answer in old.get("responses", {}).items():
            if not status.startswith("2"):
                continue
            there = new.get("responses", {}).get(status)
            if there is None:
                yield f"{name} no longer answers {status}."
                continue
            for media_type, content in answer.get("content", {}).items():
                other = there.get("content", {}).get(media_type)
                if other is None:
                    yield f"{name} no longer answers {media_type}."
                else:
                    where = f"{name}: the answer {status}"
                    yield from self._narrower(where, content.get("schema", {}), other.get("schema", {}), 0)

    def _of_parameters(self, name: str, old: Schema, new: Schema) -> Iterator[str]:
        before = {(one["in"], one["name"]): one for one in old.get("parameters", ())}
        now = {(one["in"], one["name"]): one for one in new.get("parameters", ())}
        for (place, parameter), one in before.items():
            other = now.get((place, parameter))
            where = f"{name}: the parameter {parameter}"
            if other is None:
                yield f"{where} is gone."
            else:
                yield from self._wider(where, one.get("schema", {}), other.get("schema", {}), 0)
        for key, one in now.items():
            if one.get("required") and not before.get(key, {}).get("required"):
                yield f"{name}: the parameter {key[1]} has to be sent now."

    def _of_body(self, where: str, old: Schema | None, new: Schema | None) -> Iterator[str]:
        if new is not None and new.get("required") and not (old or {}).get("required"):
            yield f"{where} has to be sent now."
        if old is None:
            return
        for media_type, content in old["content"].items():
            other = (new or {}).get("content", {}).get(media_type)
            if other is None:
                yield f"{where} may no longer be {media_type}."
            else:
                yield from self._wider(where, content.get("schema", {}), other.get("schema", {}), 0)

    def _wider(self, where: str, old: Schema, new: Schema, depth: int) -> Iterator[str]:
        """What is sent: everything that was taken before is to be taken still."""
        before, now = _shape(self._old, old), _shape(self._new, new)
        yield from _refused(where, before, now)
        if depth < _DEEPEST:
            for name, schema in before.fields.items():
                if name in now.fields:
                    yield from self._wider(f"{where}, `{name}`", schema, now.fields[name], depth + 1)
                elif not now.is_open:
                    yield f"{where} no longer takes `{name}`."
            if before.items is not None and now.items is not None:
                yield from self._wider(f"{where}, an item", before.items, now.items, depth + 1)

    def _narrower(self, where: str, old: Schema, new: Schema, depth: int) -> Iterator[str]:
        """What is answered: whoever understood it before is to understand it still."""
        before, now = _shape(self._old, old), _shape(self._new, new)
        if before.types and not (now.types and now.types <= before.types):
            yield f"{where} may be {_listed(now.types - before.types or {'anything'})} now."
        for name, schema in before.fields.items():
            if name not in now.fields:
                yield f"{where} no longer has `{name}`."
            elif depth < _DEEPEST:
                yield from self._narrower(f"{where}, `{name}`", schema, now.fields[name], depth + 1)
        if missing := (before.required or set()) - (now.required or set()):
            yield f"{where} need not have {_listed(missing)} any more."
        if before.items is not None and depth < _DEEPEST:
            yield from self._narrower(f"{where}, an item", before.items, now.items or {}, depth + 1)


def _refused(where: str, before: _Shape, now: _Shape) -> Iterator[str]:
    """What was taken before, and is not now."""
    if now.types and not before.types <= now.types:
        yield f"{where} may no longer be {_listed(before.types - now.types)}."
    elif now.types and not before.types:
        yield f"{where} has to be {_listed(now.types)} now."
    if now.values is not None and (before.values is None or not before.values <= now.values):
        yield f"{where} no longer takes {_listed((before.values or {'any value'}) - now.values)}."
    if missing := (now.required or set()) - (before.required or set()):
        yield f"{where} has to have {_listed(missing)} now."
    for bound, value in now.bounds.items():
        former = before.bounds.get(bound)
        if former is None or (value > former if bound in _LOWER else value < former):
            yield f"{where} has a narrower {bound}: {value:g}, before {former}."


def _bare_operation(operation: Schema) -> dict[str, Any]:
    answers = operation.get("responses", {}).items()
    kept = {
        "parameters": [
            {name: one[name] for name in ("in", "name", "required", "schema") if name in one}
            for one in operation.get("parameters", ())
        ],
        "requestBody": operation.get("requestBody"),
        "responses": {status: {"content": answer.get("content", {})} for status, answer in answers if status < "3"},
    }
    return _without_words({name: value for name, value in kept.items() if value})  # type: ignore[no-any-return]


def _without_words(value: Any, *, of_fields: bool = False) -> Any:
    """`value` without titles, descriptions and examples; fields may be named so."""
    if isinstance(value, list):
        return [_without_words(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        name: _without_words(one, of_fields=name == "properties" and not of_fields)
        for name, one in value.items()
        if of_fields or name not in _WORDS
    }


def _referenced(value: Any) -> set[str]:
    """The names of the schemas that `value` refers to."""
    if isinstance(value, list):
        return set().union(*map(_referenced, value))
    if not isinstance(value, dict):
        return set()
    named = {value["$ref"].rpartition("/")[2]} if isinstance(value.get("$ref"), str) else set()
    return named.union(*map(_referenced, value.values()))


def _shape(document: Mapping[str, Any], schema: Schema) -> _Shape:
    """What `schema`, a part of `document`, allows."""
    alternatives = list(_alternatives(document, schema))
    shape = _Shape(is_open=any(one.get("additionalProperties", True) is not False for one in alternatives))
    is_any = False
    for one in alternatives:
        kinds = one.get("type", [])
        found = {kinds} if isinstance(kinds, str) else set(kinds)
        is_any = is_any or not (found or "enum" in one or "const" in one)
        shape.types |= found
        values = one.get("enum", [one["const"]] if "const" in one else None)
        if values is not None:
            shape.values = (shape.values or set()) | {json.dumps(value) for value in values}
        shape.fields |= one.get("properties", {})
        if "properties" in one:
            required = set(one.get("required", ()))
            shape.required = required if shape.required is None else shape.required & required
        shape.items = one.get("items", shape.items)
        shape.bounds |= {name: one[name] for name in (*_LOWER, *_UPPER) if name in one}
    if is_any:
        shape.types = set()
    if any("enum" not in one and "const" not in one and one.get("type") != "null" for one in alternatives):
        shape.values = None
    return shape


def _alternatives(document: Mapping[str, Any], schema: Schema) -> Iterator[Schema]:
    if "$ref" in schema:
        found: Any = document
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        yield from _alternatives(document, found)
        return
    nested = [*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())]
    if not nested:
        yield schema
    for one in nested:
        yield from _alternatives(document, one)


def _listed(names: set[str]) -> str:
    return ", ".join(sorted(names))


if __name__ == "__main__":
    FROZEN.write_text(json.dumps(bare(current()), indent=0, sort_keys=True) + "\n")
    sys.stdout.write(f"Froze {FROZEN.relative_to(ROOT)}.\n")
