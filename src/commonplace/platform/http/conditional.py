"""Conditional requests (RFC 9110, section 13) over items' version numbers and objects' hashes."""

import re
from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Request, Response

from commonplace.platform.errors import BadRequest

_STRONG = re.compile(r'"([\x21\x23-\x7e]*)"')
_VERSION = re.compile(r'"([0-9]{1,9})(?:\.[a-z]+)?"')


class MalformedPrecondition(BadRequest):
    """An `If-Match` that names no version of ours."""

    def __init__(self) -> None:
        super().__init__('`If-Match` must repeat the `ETag` of the item as it was read, such as "3", or be *.')


def etag(version: int | str, beside: str | None = None) -> str:
    """The entity tag of a version number or of a hash, and of what else its representation shows, in one word."""
    return f'"{version}"' if beside is None else f'"{version}.{beside}"'


async def expected_version(request: Request) -> int | None:
    """The version that the client changed, by its `If-Match`; None when any will do.

    Raises:
        MalformedPrecondition: the header is there and names no version.
    """
    header = request.headers.get("if-match")
    if header is None or header.strip() == "*":
        return None
    match = _VERSION.fullmatch(header.strip())
    if match is None:
        raise MalformedPrecondition
    return int(match[1])


IfMatch = Annotated[int | None, Depends(expected_version)]


def is_unchanged(request: Request, tag: str) -> bool:
    """Whether the client's `If-None-Match` names `tag`, so that 304 is the answer to a read."""
    header = request.headers.get("if-none-match")
    if header is None:
        return False
    return header.strip() == "*" or tag.strip('"') in (match[1] for match in _STRONG.finditer(header))


def answer_read(request: Request, content: str, tag: str) -> Response:
    """What was read, as JSON with its `ETag`; 304 when the client has it already."""
    if is_unchanged(request, tag):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers={"ETag": tag})
    return Response(content, headers={"ETag": tag}, media_type="application/json")
