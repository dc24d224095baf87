"""Pages of files and folders, as JSON."""

import unicodedata
from collections.abc import Callable, Sequence
from typing import Annotated, Any, NamedTuple
from uuid import UUID

from fastapi import Query as QueryParameter
from starlette.responses import Response

from commonplace.apps.files import queries
from commonplace.platform.database.pages import UnknownPage, json_page, read_cursor, write_cursor
from commonplace.platform.database.query import Query
from commonplace.platform.database.session import ReadSession
from commonplace.platform.history.places import ContainerNotFound
from commonplace.platform.http.moments import moment_of_cursor
from commonplace.platform.identity.caller import Caller

TagFilter = Annotated[
    str | None, QueryParameter(max_length=500, description="Only what has all of these tags, with commas between.")
]
Page = Callable[..., Query]


class _Cursor(NamedTuple):
    """Where a page ended: in which order, and at which entry."""

    sort: str
    key: str
    id: UUID


def tags_of(tag: str | None) -> Sequence[str]:
    """The tags that a `TagFilter` names; what stands between commas, as tags are written."""
    named = unicodedata.normalize("NFC", tag or "").replace("\0", "").split(",")
    return [name for name in (" ".join(one.split()) for one in named) if name]


async def page_of(
    session: ReadSession,
    caller: Caller,
    page: Page,
    *,
    container: tuple[str, UUID | None],
    sort: str,
    limit: int,
    after: str | None,
    tags: Sequence[str] = (),
) -> Response:
    """One page of `queries.files_page` or `queries.folders_page`; `container` is its parameter and what it is to be.

    With `tags` only what has all of them.

    Raises:
        UnknownPage: `after` is no cursor of this list in this order.
        ContainerNotFound: there is no such folder.
    """
    name, container_id = container
    parameters: dict[str, Any] = {"person_id": caller.person_id, "limit": limit + 1}
    if container_id is not None:
        parameters[name] = container_id
    if after is not None:
        parameters |= _place_in(after, sort)
    if tags:
        parameters["tags"] = list(tags)
    statement = page(sort, in_folder=container_id is not None, is_later_page=after is not None, is_tagged=bool(tags))
    row = await session.first(statement, **parameters)
    if row is None:
        raise LookupError("An aggregate always answers with a row.")
    if not row["found"] and container_id is not None:
        is_open = await session.scalar(queries.FOLDER_IS_OPEN, folder_id=container_id, person_id=caller.person_id)
        if not is_open:
            raise ContainerNotFound
    following = write_cursor(sort, row["key"], row["id"]) if row["found"] > limit else None
    return Response(json_page(row["items"], following), media_type="application/json")


def _place_in(after: str, sort: str) -> dict[str, Any]:
    cursor = read_cursor(after, _Cursor)
    if cursor.sort != sort or not _is_key(cursor.key, sort):
        raise UnknownPage
    key = moment_of_cursor(cursor.key).isoformat() if sort.endswith("updated_at") else cursor.key
    return {"key": key, "id": cursor.id}


def _is_key(key: str, sort: str) -> bool:
    """Whether the database can read `key` as what the list is sorted by."""
    if sort.endswith("size_bytes"):
        return key.isascii() and key.isdigit() and len(key) < 19  # noqa: PLR2004 - digits of a bigint
    return "\0" not in key
