"""The tables of files.

Of a file its item says the name, the place and the version (`platform.item`); here stands what its bytes are. What
machines find out about an object (`processing`, `rendition`) can be made again, so it has no versions.
"""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Index, PrimaryKeyConstraint, SmallInteger, Text, text
from sqlmodel import BigInteger, Field, SQLModel

from commonplace.platform.history.kind import Kind

_SCHEMA = {"schema": "files"}


class File(SQLModel, table=True):
    """A file's bytes: the object that holds them, and what is true of it."""

    __tablename__: ClassVar[Any] = "file"
    __table_args__ = (
        CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name="file_sha256"),
        Index("file_by_object", "object_id"),
        _SCHEMA,
    )

    id: UUID = Field(primary_key=True)
    object_id: UUID
    size_bytes: int = Field(sa_type=BigInteger)
    media_type: str = Field(sa_type=Text)
    sha256: str = Field(sa_type=Text)


class Folder(SQLModel, table=True):
    """A folder. Everything that is known of it stands in its item."""

    __tablename__: ClassVar[Any] = "folder"
    __table_args__ = (_SCHEMA,)

    id: UUID = Field(primary_key=True)


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
    is_zone_known: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    processed_at: datetime = Field(
        sa_type=DateTime(timezone=True), sa_column_kwargs={"server_default": text("clock_timestamp()")}
    )


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


FILE = Kind(name="file", table=File, path="/app/files?file={id}", icon="file")
FOLDER = Kind(name="folder", table=Folder, path="/app/files/folder/{id}", icon="folder", is_container=True)
