"""Trees over HTTP: the way to a folder, one level of the tree, how much lies in one; which tags there are."""

from typing import Annotated, NamedTuple
from uuid import UUID

from fastapi import Query as QueryParameter
from pydantic import BaseModel, Field

from commonplace.apps.files import folder_queries as queries
from commonplace.apps.files.errors import FolderNotFound
from commonplace.apps.files.queries import FOLDER_IS_OPEN
from commonplace.platform.database.pages import UnknownPage, read_cursor, write_cursor
from commonplace.platform.errors import NotAuthenticated
from commonplace.platform.history.places import ContainerNotFound
from commonplace.platform.http.dependencies import CurrentCaller, Reading
from commonplace.platform.http.problems import problems
from commonplace.platform.http.routing import Router

router = Router(prefix="/api/folders", tags=["folders"])


class FolderStep(BaseModel):
    """A folder on the way to another one."""

    id: UUID
    name: str


class FolderPath(BaseModel):
    """The way to a folder."""

    items: Annotated[list[FolderStep], Field(description="The uppermost that the caller may see first; itself last.")]
    is_own: Annotated[bool, Field(description="Whether it begins at the caller's top level; else it was shared.")]


class Branch(BaseModel):
    """A folder in the tree."""

    id: UUID
    name: str
    parent_id: UUID | None
    version: int
    has_folders: Annotated[bool, Field(description="Whether there are folders in it.")]


class BranchPage(BaseModel):
    """A page of one level of the tree, by name."""

    items: list[Branch]
    next: Annotated[str | None, Field(description="Send it as `after` to get the next page; null at the end.")]


class FolderSize(BaseModel):
    """How much lies in a folder and in all folders below it."""

    files: int
    folders: int
    size_bytes: int
    is_whole: Annotated[
        bool, Field(description=f"Whether all was counted: files and folders are, up to {queries.MOST_COUNTED:,} each.")
    ]


class TagUse(BaseModel):
    """A tag, and how many files and folders have it."""

    tag: str
    number: int


class TagUses(BaseModel):
    """The caller's tags, the most used first."""

    items: list[TagUse]


class _After(NamedTuple):
    """Where a page ended."""

    title: str
    id: UUID


@router.get("/tree", responses=problems(NotAuthenticated, ContainerNotFound, UnknownPage))
async def list_branches(
    caller: CurrentCaller,
    session: Reading,
    parent_id: Annotated[UUID | None, QueryParameter(description="Left out: the top level.")] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=1000)] = 200,
    after: Annotated[str | None, QueryParameter(description="`next` of the page before.")] = None,
) -> BranchPage:
    """One level of the tree of folders: those in a folder, each with whether it can be opened further."""
    place = None if after is None else read_cursor(after, _After)
    if place is not None and "\0" in place.title:
        raise UnknownPage
    parameters = {"person_id": caller.person_id, "limit": limit + 1}
    if parent_id is not None:
        parameters["parent_id"] = parent_id
    rows = await session.all(
        queries.branches(in_folder=parent_id is not None, is_later_page=place is not None),
        **parameters,
        **({} if place is None else place._asdict()),
    )
    is_empty = not rows and parent_id is not None
    if is_empty and not await session.scalar(FOLDER_IS_OPEN, folder_id=parent_id, person_id=caller.person_id):
        raise ContainerNotFound
    items = [
        Branch(id=row.id, name=row.title, parent_id=row.parent_id, version=row.version, has_folders=row.has_folders)
        for row in rows[:limit]
    ]
    following = write_cursor(items[-1].name, items[-1].id) if len(rows) > limit else None
    return BranchPage(items=items, next=following)


@router.get("/tags", responses=problems(NotAuthenticated))
async def list_tags(
    caller: CurrentCaller, session: Reading, limit: Annotated[int, QueryParameter(ge=1, le=1000)] = 200
) -> TagUses:
    """The tags of the caller's own files and folders, the most used first."""
    rows = await session.all(queries.TAGS, person_id=caller.person_id, limit=limit)
    return TagUses(items=[TagUse(tag=row.tag, number=row.number) for row in rows])


@router.get("/{folder_id:uuid}/path", responses=problems(NotAuthenticated, FolderNotFound))
async def read_path(folder_id: UUID, caller: CurrentCaller, session: Reading) -> FolderPath:
    """The way to a folder: those above it that the caller may see, and itself."""
    rows = await session.all(queries.PATH, folder_id=folder_id, person_id=caller.person_id)
    if not rows:
        raise FolderNotFound
    steps = [FolderStep(id=row.id, name=row.title) for row in rows]
    return FolderPath(items=steps, is_own=rows[0].owner_id == caller.person_id)


@router.get("/{folder_id:uuid}/size", responses=problems(NotAuthenticated, FolderNotFound))
async def read_size(folder_id: UUID, caller: CurrentCaller, session: Reading) -> FolderSize:
    """How many files lie in a folder and below, and how large they are together; without what is in the trash."""
    if not await session.scalar(FOLDER_IS_OPEN, folder_id=folder_id, person_id=caller.person_id):
        raise FolderNotFound
    most = queries.MOST_COUNTED
    row = await session.first(queries.SIZE, folder_id=folder_id, most=most)
    if row is None:
        raise LookupError("An aggregate always answers with a row.")
    is_whole = row.files <= most and row.folders < most
    return FolderSize(files=row.files, folders=row.folders, size_bytes=row.size_bytes, is_whole=is_whole)
