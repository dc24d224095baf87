"""Where a person's space went: by part, kind, year and folder, and the largest files."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from commonplace.apps.files.errors import FolderNotFound
from commonplace.apps.files.space import queries
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import ReadSession
from commonplace.platform.space.usage import space_of

MOST_FOLDERS: Final = 50
MOST_FILES: Final = 20
Part = Literal["files", "trash", "versions", "other"]
FileKind = Literal["pictures", "films", "sound", "documents", "archives", "other"]


class PartWeight(BaseModel):
    """What one part of the space holds. Bytes that several parts refer to count for the first of them."""

    part: Annotated[Part, Field(description="`other`: the picture of the person, and what is on its way in or out.")]
    objects: int
    size_bytes: int


class KindWeight(BaseModel):
    """What files of one kind weigh."""

    kind: FileKind
    objects: int
    size_bytes: int


class YearWeight(BaseModel):
    """What files that were changed last in this year weigh."""

    year: int
    objects: int
    size_bytes: int


class FolderWeight(BaseModel):
    """A folder with everything below it; the trash is not counted."""

    id: UUID
    name: str
    files: int
    size_bytes: int


class LargeFile(BaseModel):
    """One of the largest files."""

    id: UUID
    name: str
    folder_id: UUID | None
    size_bytes: int
    media_type: str
    updated_at: datetime


class SpaceRead(BaseModel):
    """Where a person's space went. `parts` add up to `used_bytes`; kinds and years are of the files that are there."""

    used_bytes: int
    quota_bytes: Annotated[int | None, Field(description="null: as much as there is room for.")]
    parts: list[PartWeight]
    kinds: list[KindWeight]
    years: list[YearWeight]
    folders: Annotated[list[FolderWeight], Field(description=f"The {MOST_FOLDERS} heaviest of the place asked for.")]
    largest: Annotated[list[LargeFile], Field(description=f"The {MOST_FILES} largest files.")]


async def space_report(session: ReadSession, person_id: UUID, folder_id: UUID | None) -> SpaceRead:
    """Where the space of a person went; with the folders of one place, or of the top level.

    Raises:
        FolderNotFound: it is no folder of theirs.
    """
    if folder_id is not None:
        await folder_of(session, person_id, folder_id)
    space = await space_of(session, person_id)
    rows = await session.all(queries.BY_PART, person_id=person_id)
    folders = await session.all(queries.BY_FOLDER, person_id=person_id, folder_id=folder_id, limit=MOST_FOLDERS)
    largest = await session.all(queries.LARGEST, person_id=person_id, limit=MOST_FILES)
    return SpaceRead(
        used_bytes=space.used_bytes,
        quota_bytes=space.quota_bytes,
        parts=[PartWeight(part=name, objects=number, size_bytes=size) for name, number, size in _by(rows, "part")],
        kinds=[KindWeight(kind=name, objects=number, size_bytes=size) for name, number, size in _by(rows, "kind")],
        years=sorted(
            (YearWeight(year=name, objects=number, size_bytes=size) for name, number, size in _by(rows, "year")),
            key=lambda weight: -weight.year,
        ),
        folders=[
            FolderWeight(id=row.id, name=row.name, files=row.number, size_bytes=row.size_bytes) for row in folders
        ],
        largest=[LargeFile(**dict(row)) for row in largest],
    )


async def folder_of(session: ReadSession, person_id: UUID, folder_id: UUID) -> Row:
    """A folder of the person's own: its name and where it lies.

    Raises:
        FolderNotFound: there is none.
    """
    row = await session.first(queries.FOLDER, folder_id=folder_id, person_id=person_id)
    if row is None:
        raise FolderNotFound
    return row


def _by(rows: Sequence[Row], column: str) -> list[tuple[str, int, int]]:
    """Numbers and bytes summed by a column, the heaviest first; where it is null nothing counts."""
    numbers: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    for row in rows:
        name = row[column]
        if name is not None:
            numbers[name] += row.number
            sizes[name] += row.size_bytes
    return [(name, numbers[name], size) for name, size in sizes.most_common()]
