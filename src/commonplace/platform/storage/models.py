"""The table of stored objects."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, DateTime, LargeBinary, Text, UniqueConstraint, text
from sqlmodel import Field, SQLModel


class StoredObject(SQLModel, table=True):
    """Bytes that somebody owns. They never change; the same bytes of the same owner are stored once.

    Two owners never share an object, so that nobody learns from an upload what others have.
    """

    __tablename__: ClassVar[Any] = "object"
    __table_args__ = (
        CheckConstraint("length(sha256) = 32", name="object_sha256_check"),
        CheckConstraint("size_bytes >= 0", name="object_size_bytes_check"),
        UniqueConstraint("key", name="object_key_key"),
        UniqueConstraint("owner_id", "sha256", name="object_owner_id_sha256_key"),
        {"schema": "platform"},
    )

    id: UUID = Field(primary_key=True)
    owner_id: UUID
    sha256: bytes = Field(sa_type=LargeBinary)
    key: str = Field(sa_type=Text(collation="C"))  #: ordered as storages list: the sweep walks both side by side
    size_bytes: int = Field(sa_type=BigInteger)
    created_at: datetime = Field(
        sa_type=DateTime(timezone=True), sa_column_kwargs={"server_default": text("clock_timestamp()")}
    )
