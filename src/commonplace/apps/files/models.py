"""The tables of files.

Of a file its item says the name, the place and the version (`platform.item`); here stands what its bytes are. What
machines find out about an object (`processing`, `rendition`, `found`, `form`) can be made again, so it has no versions.
"""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, DateTime, ForeignKey, Index, PrimaryKeyConstraint, SmallInteger, Text
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import DOUBLE_PRECISION, JSONB
from sqlmodel import BigInteger, Field, SQLModel

from commonplace.platform.history.kind import Kind, State

_SCHEMA = {"schema": "files"}
_TAGGED: Any = {"postgresql_using": "gin", "postgresql_where": sql("tags <> '{}'")}


class File(SQLModel, table=True):
    """A file's bytes: the object that holds them, and what is true of it."""

    __tablename__: ClassVar[Any] = "file"
    __table_args__ = (
        CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name="file_sha256"),
        Index("file_by_object", "object_id"),
        Index("file_by_tag", "tags", **_TAGGED),
        _SCHEMA,
    )

    id: UUID = Field(primary_key=True)
    object_id: UUID
    size_bytes: int = Field(sa_type=BigInteger)
    media_type: str = Field(sa_type=Text)
    sha256: str = Field(sa_type=Text)
    tags: list[str] = Field(sa_type=ARRAY(Text), sa_column_kwargs={"server_default": sql("'{}'")})


class Folder(SQLModel, table=True):
    """A folder. What else is known of it stands in its item."""

    __tablename__: ClassVar[Any] = "folder"
    __table_args__ = (Index("folder_by_tag", "tags", **_TAGGED), _SCHEMA)

    id: UUID = Field(primary_key=True)
    tags: list[str] = Field(sa_type=ARRAY(Text), sa_column_kwargs={"server_default": sql("'{}'")})


class Processing(SQLModel, table=True):
    """What became of looking at an object's bytes. No row: nobody has yet, or nobody need."""

    __tablename__: ClassVar[Any] = "processing"
    __table_args__ = (
        CheckConstraint("state IN ('done', 'failed', 'none')", name="processing_state"),
        _SCHEMA,
    )

    object_id: UUID = Field(sa_column_args=[ForeignKey("platform.object.id", ondelete="CASCADE")], primary_key=True)
    state: str = Field(sa_type=Text)
    reason: str | None = Field(default=None, sa_type=Text)
    media_type: str = Field(sa_type=Text)
    width: int | None = None
    height: int | None = None
    taken_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    is_zone_known: bool = Field(default=False, sa_column_kwargs={"server_default": sql("false")})
    processed_at: datetime = Field(
        sa_type=DateTime(timezone=True), sa_column_kwargs={"server_default": sql("clock_timestamp()")}
    )


class Checksum(SQLModel, table=True):
    """The CRC-32 of an object's bytes, which archives hold beside them. No row: nobody has needed it yet."""

    __tablename__: ClassVar[Any] = "checksum"
    __table_args__ = (CheckConstraint("crc32 BETWEEN 0 AND 4294967295", name="checksum_crc32"), _SCHEMA)

    object_id: UUID = Field(sa_column_args=[ForeignKey("platform.object.id", ondelete="CASCADE")], primary_key=True)
    crc32: int = Field(sa_type=BigInteger)


class Rendition(SQLModel, table=True):
    """A smaller picture of an object, `size` pixels at its longer side at most. Several sizes may share one key."""

    __tablename__: ClassVar[Any] = "rendition"
    __table_args__ = (
        PrimaryKeyConstraint("object_id", "size", name="rendition_pkey"),
        Index("rendition_by_key", "key"),
        _SCHEMA,
    )

    object_id: UUID = Field(
        sa_column_args=[ForeignKey("files.processing.object_id", ondelete="CASCADE")], primary_key=True
    )
    size: int = Field(sa_type=SmallInteger, primary_key=True)
    key: str = Field(sa_type=Text)
    media_type: str = Field(sa_type=Text)
    width: int
    height: int
    size_bytes: int = Field(sa_type=BigInteger)


class Found(SQLModel, table=True):
    """What was found in an object's bytes by reading them. No row: nobody has read them yet."""

    __tablename__: ClassVar[Any] = "found"
    __table_args__ = (
        CheckConstraint("state IN ('done', 'failed', 'none')", name="found_state"),
        CheckConstraint("latitude BETWEEN -90 AND 90", name="found_latitude"),
        CheckConstraint("longitude BETWEEN -180 AND 180", name="found_longitude"),
        CheckConstraint("(latitude IS NULL) = (longitude IS NULL)", name="found_place"),
        Index("found_failed", "object_id", postgresql_where=sql("state = 'failed'")),
        _SCHEMA,
    )

    object_id: UUID = Field(sa_column_args=[ForeignKey("platform.object.id", ondelete="CASCADE")], primary_key=True)
    state: str = Field(sa_type=Text)
    reason: str | None = Field(default=None, sa_type=Text)
    media_type: str = Field(sa_type=Text)
    text: str | None = Field(default=None, sa_type=Text)  #: up to a million bytes
    is_cut: bool = Field(default=False, sa_column_kwargs={"server_default": sql("false")})
    facts: dict[str, Any] = Field(sa_type=JSONB, sa_column_kwargs={"server_default": sql("'{}'")})
    entries: list[dict[str, Any]] | None = Field(default=None, sa_type=JSONB)  #: of an archive
    latitude: float | None = Field(default=None, sa_type=DOUBLE_PRECISION)
    longitude: float | None = Field(default=None, sa_type=DOUBLE_PRECISION)
    #: Whether others than the owner see the place: a choice, which reading the file again keeps.
    is_place_shared: bool = Field(default=False, sa_column_kwargs={"server_default": sql("false")})
    reader: int = Field(sa_type=SmallInteger)  #: the version of what read it
    processed_at: datetime = Field(
        sa_type=DateTime(timezone=True), sa_column_kwargs={"server_default": sql("clock_timestamp()")}
    )


class Form(SQLModel, table=True):
    """Another form of a picture of an object: a rendition as AVIF, a page of a document as a picture."""

    __tablename__: ClassVar[Any] = "form"
    __table_args__ = (
        PrimaryKeyConstraint("object_id", "form", "size", name="form_pkey"),
        Index("form_by_key", "key"),
        _SCHEMA,
    )

    object_id: UUID = Field(sa_column_args=[ForeignKey("platform.object.id", ondelete="CASCADE")], primary_key=True)
    form: str = Field(sa_type=Text, primary_key=True)  #: `webp`, `avif`, `page 12`
    size: int = Field(sa_type=SmallInteger, primary_key=True)
    key: str = Field(sa_type=Text)
    media_type: str = Field(sa_type=Text)
    width: int
    height: int
    size_bytes: int = Field(sa_type=BigInteger)


def _without_tags(state: State) -> State:
    """Before there were tags, nothing had any."""
    return {**state, "tags": []}


FILE = Kind(name="file", table=File, schema=2, upgrades={1: _without_tags}, path="/app/files?file={id}", icon="file")
FOLDER = Kind(
    name="folder",
    table=Folder,
    schema=2,
    upgrades={1: _without_tags},
    path="/app/files/folder/{id}",
    icon="folder",
    is_container=True,
)
