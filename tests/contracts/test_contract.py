"""Clients written against the last release go on working; and the comparison finds what would break them."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from infrastructure.contract import FROZEN, breaks, current

OLD: dict[str, Any] = {
    "paths": {
        "/notes": {
            "get": {
                "parameters": [{"in": "query", "name": "sort", "schema": {"enum": ["name", "size"]}}],
                "responses": {
                    "200": {
                        "content": {
                            "application/json": {"schema": {"type": "array", "items": {"$ref": "#/schemas/Note"}}}
                        }
                    }
                },
            },
            "post": {
                "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/schemas/NoteCreate"}}}},
                "responses": {"201": {}},
            },
        }
    },
    "schemas": {
        "Note": {
            "type": "object",
            "required": ["id", "title"],
            "properties": {
                "id": {"type": "string"},
                "title": {"type": "string"},
                "due": {"anyOf": [{"type": "string"}, {"type": "null"}]},
            },
        },
        "NoteCreate": {
            "type": "object",
            "required": ["title"],
            "additionalProperties": False,
            "properties": {
                "title": {"type": "string", "maxLength": 200},
                "due": {"anyOf": [{"type": "string"}, {"type": "null"}]},
                "colour": {"anyOf": [{"enum": ["red", "blue"], "type": "string"}, {"type": "null"}]},
            },
        },
    },
}


def test_what_the_last_release_promised_is_kept() -> None:
    found = breaks(json.loads(FROZEN.read_text()), current())
    assert not found, "\n".join(["This would break clients:", *found])


def _get(new: Any) -> Any:
    return new["paths"]["/notes"]["get"]


def _create(new: Any) -> Any:
    return new["schemas"]["NoteCreate"]


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda new: new["paths"].pop("/notes"), "GET /notes is gone"),
        (lambda new: new["paths"]["/notes"].pop("post"), "POST /notes is gone"),
        (lambda new: _get(new)["parameters"].clear(), "sort is gone"),
        (lambda new: _get(new)["parameters"][0]["schema"]["enum"].remove("size"), 'no longer takes "size"'),
        (lambda new: _get(new)["parameters"][0].update(required=True), "sort has to be sent"),
        (lambda new: _get(new)["responses"].pop("200"), "no longer answers 200"),
        (lambda new: _get(new)["responses"]["200"]["content"].clear(), "no longer answers application/json"),
        (lambda new: new["schemas"]["Note"]["properties"].pop("due"), "no longer has `due`"),
        (lambda new: new["schemas"]["Note"]["required"].remove("title"), "need not have title"),
        (lambda new: new["schemas"]["Note"]["properties"]["id"].update(type="integer"), "may be integer"),
        (lambda new: new["schemas"]["Note"]["properties"].update(id={}), "may be anything"),
        (lambda new: _create(new)["required"].append("due"), "has to have due"),
        (lambda new: _create(new)["properties"].pop("due"), "no longer takes `due`"),
        (lambda new: _create(new)["properties"]["title"].update(maxLength=100), "narrower maxLength: 100"),
        (lambda new: _create(new)["properties"]["due"]["anyOf"].pop(), "may no longer be null"),
        (lambda new: _create(new)["properties"]["colour"]["anyOf"][0]["enum"].pop(), 'no longer takes "blue"'),
        (lambda new: new["paths"]["/notes"]["post"]["requestBody"].update(required=True), "the body has to be sent"),
        (lambda new: new["paths"]["/notes"]["post"].pop("requestBody"), "may no longer be application/json"),
    ],
)
def test_what_would_break_a_client_is_found(change: Callable[[Any], object], word: str) -> None:
    new = copy.deepcopy(OLD)
    change(new)
    found = breaks(OLD, new)
    assert any(word in line for line in found), found


def test_what_is_added_breaks_nobody() -> None:
    new = copy.deepcopy(OLD)
    new["paths"]["/lists"] = {"get": {"responses": {"200": {}}}}
    _get(new)["parameters"].append({"in": "query", "name": "limit", "schema": {"type": "integer"}})
    _get(new)["parameters"][0]["schema"]["enum"].append("colour")
    new["schemas"]["Note"]["properties"]["colour"] = {"type": "string"}
    _create(new)["properties"]["title"]["maxLength"] = 400
    _create(new)["properties"]["tags"] = {"type": "array", "items": {"type": "string"}}
    assert breaks(OLD, new) == []
    assert breaks(OLD, OLD) == []
