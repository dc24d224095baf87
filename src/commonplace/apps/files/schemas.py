"""What goes in and out over HTTP.

The bytes of `FileRead` and `FolderRead` are written by the database (`queries.py`); a test holds them to the classes.
"""

import unicodedata
from datetime import datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from fastapi import Query as QueryParameter
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from commonplace.apps.files.names import LONGEST_NAME, NAME_PATTERN


def _without_default(schema: dict[str, Any]) -> None:
    """What is left out is not what stands here as the default: it stays as it is."""
    for field in schema["properties"].values():
        field.pop("default", None)


# The pattern and the length are stated here and held by `names.checked_name`, whose refusals say more.
Name = Annotated[
    str,
    Field(
        min_length=1,
        description=f"1 to {LONGEST_NAME} bytes of UTF-8; not `.` or `..`, without slashes and control characters.",
        examples=["Harbour at dawn.jpg"],
        json_schema_extra={"maxLength": LONGEST_NAME, "pattern": NAME_PATTERN},
    ),
]


def _each_once(values: list[str]) -> list[str]:
    return list(dict.fromkeys(unicodedata.normalize("NFC", value) for value in values))


Tag = Annotated[
    str,
    Field(
        pattern=r"^[^\s,\u0000-\u001f\u007f-\u009f]+( [^\s,\u0000-\u001f\u007f-\u009f]+)*$",
        max_length=50,
        description="1 to 50 characters, single spaces inside, no comma.",
        examples=["harbour"],
    ),
]
MOST_TAGS: Final = 50  #: of one file or folder
Tags = Annotated[list[Tag], Field(max_length=MOST_TAGS), AfterValidator(_each_once)]
OnConflict = Literal["keep_both", "replace", "fail"]
OnBatchConflict = Literal["keep_both", "fail"]
OnFolderConflict = Literal["fail", "keep_both", "reuse"]
RULES: Final = (
    "Where a name is taken: `fail`; `keep_both`, with a number; `skip`; `replace`: a file there gets the bytes as its"
    " next version, a folder there is merged by this rule; `merge`: a folder there takes in what lies in this one,"
    " files get a number."
)
Rule = Literal["fail", "keep_both", "replace", "skip", "merge"]
OnPlaceConflict = Annotated[Rule, QueryParameter(description=RULES)]
Sort = Literal["name", "-name", "updated_at", "-updated_at", "size_bytes", "-size_bytes"]
FolderSort = Literal["name", "-name", "updated_at", "-updated_at"]
ProcessingState = Literal["pending", "done", "failed", "none"]


class ProcessingRead(BaseModel):
    """What machines found out about a file's bytes."""

    state: Annotated[
        ProcessingState,
        Field(description="`pending`: it is waiting its turn; `none`: there is nothing to make of such a file."),
    ]
    reason: Annotated[str | None, Field(description="Why it failed, or why there is nothing: a code, then text.")]
    width: Annotated[int | None, Field(description="Pixels, as the picture is looked at.")]
    height: int | None
    taken_at: Annotated[
        datetime | None,
        Field(description="When the photograph was taken; by the camera's clock where it does not tell its time zone."),
    ]


class FileRead(BaseModel):
    """A file."""

    id: UUID
    name: str
    folder_id: Annotated[UUID | None, Field(description="The folder it lies in; null at the top level.")]
    size_bytes: int
    media_type: Annotated[str, Field(description="What the bytes really are, whatever the name says.")]
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    tags: list[str]
    version: int
    created_at: datetime
    updated_at: datetime
    processing: ProcessingRead


class FilePage(BaseModel):
    """A page of files."""

    items: list[FileRead]
    next: Annotated[str | None, Field(description="Send it as `after` to get the next page; null at the end.")]


class Selection(BaseModel):
    """Files and folders that somebody selected."""

    ids: Annotated[list[UUID], Field(min_length=1, max_length=10_000)]


class FileBatch(BaseModel):
    """The files that a batch made, in the order in which they were sent."""

    items: list[FileRead]


class UploadRead(BaseModel):
    """An upload that can be resumed, as `GET` tells of it; HEAD says the same in the headers of tus."""

    id: UUID
    name: str
    size_bytes: Annotated[int | None, Field(description="Null: the client has not said yet.")]
    received_bytes: Annotated[int, Field(description="What is durable. Go on from here.")]
    file_id: Annotated[UUID | None, Field(description="The file that was made; null while bytes are missing.")]
    expires_at: Annotated[datetime, Field(description="When it is forgotten, unless bytes come before.")]


class ContentByHash(BaseModel):
    """A file to be made of bytes that the caller has already."""

    model_config = ConfigDict(extra="forbid")

    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    size_bytes: Annotated[int, Field(ge=0, le=2**62)]
    name: Name
    folder_id: UUID | None = None
    on_conflict: OnConflict = "keep_both"


class FileChange(BaseModel):
    """Changes to a file; what is left out stays as it is."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=_without_default)

    name: Name = ""
    folder_id: UUID | None = None
    tags: Tags = []


class FileReplacement(BaseModel):
    """The name and the place of a file."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    folder_id: UUID | None


class FileVersionRead(BaseModel):
    """A version of a file."""

    version: int
    name: str
    folder_id: UUID | None
    size_bytes: int
    media_type: str
    sha256: str
    created_at: Annotated[datetime, Field(description="Since when the file was so.")]
    created_by: UUID | None
    is_current: bool
    is_trashed: Annotated[bool, Field(description="Whether this is the version in which the file was in the trash.")]
    kept: Annotated[bool, Field(description="Whether it is kept for ever, whatever the settings say of versions.")]
    label: Annotated[str | None, Field(description="What somebody noted of it.")]


class FileVersionPage(BaseModel):
    """A page of versions, the newest first."""

    items: list[FileVersionRead]
    next: str | None


class SignedUrl(BaseModel):
    """A link that reads a file's bytes without any credential, until it expires."""

    url: str
    expires_at: datetime


class FolderCreate(BaseModel):
    """A new folder."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    parent_id: UUID | None = None


class FolderChange(BaseModel):
    """Changes to a folder; what is left out stays as it is."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=_without_default)

    name: Name = ""
    parent_id: UUID | None = None
    tags: Tags = []


class FolderRead(BaseModel):
    """A folder."""

    id: UUID
    name: str
    parent_id: Annotated[UUID | None, Field(description="The folder it lies in; null at the top level.")]
    tags: list[str]
    version: int
    created_at: datetime
    updated_at: datetime


class FolderPage(BaseModel):
    """A page of folders."""

    items: list[FolderRead]
    next: str | None


class TrashedRead(BaseModel):
    """Something in the trash; what lies in a trashed folder is not listed by itself."""

    id: UUID
    kind: Annotated[str, Field(description="`file`, `folder`, or a kind of another app.")]
    name: str
    parent_id: UUID | None
    parent_name: Annotated[str | None, Field(description="The folder it lay in; null at the top level.")]
    version: int
    trashed_at: datetime
    removed_at: Annotated[datetime, Field(description="When it is removed for good.")]


class TrashPage(BaseModel):
    """A page of the trash, the latest first."""

    items: list[TrashedRead]
    next: str | None
