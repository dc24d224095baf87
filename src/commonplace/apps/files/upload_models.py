"""The tables of uploads that can be resumed."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Index,
    PrimaryKeyConstraint,
    Text,
    UniqueConstraint,
    text,
)
from sqlmodel import Field, SQLModel

_SCHEMA = {"schema": "files"}


class Upload(SQLModel, table=True):
    """Bytes on their way in over several requests, and what is to become of them.

    `received_bytes` is what is durable and acknowledged. It reaches `size_bytes` in the transaction that makes the file
    (`made_id`), and in no other; a `partial` upload makes none.
    """

    __tablename__: ClassVar[Any] = "upload"
    __table_args__ = (
        CheckConstraint("purpose IN ('file', 'partial', 'final')", name="upload_purpose"),
        CheckConstraint("size_bytes >= 0", name="upload_size_bytes"),
        CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name="upload_sha256"),
        CheckConstraint("received_bytes >= 0 AND received_bytes <= size_bytes", name="upload_received_bytes"),
        Index("upload_by_person", "person_id"),
        Index("upload_by_expiry", "expires_at"),
        _SCHEMA,
    )

    id: UUID = Field(primary_key=True)
    person_id: UUID  #: who sends it
    purpose: str = Field(sa_type=Text)
    size_bytes: int | None = Field(default=None, sa_type=BigInteger)  #: None: the client does not know yet
    received_bytes: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs={"server_default": text("0")})
    sent_metadata: str = Field(sa_type=Text)  #: as it came
    concat: str | None = Field(default=None, sa_type=Text)  #: likewise
    name: str = Field(sa_type=Text)
    folder_id: UUID | None = None
    replaces_id: UUID | None = None  #: the file whose bytes these are to be
    replaces_version: int | None = None
    on_conflict: str = Field(sa_type=Text)
    sha256: str | None = Field(default=None, sa_type=Text)  #: what the client says that the bytes have
    made_id: UUID | None = None  #: the file that was made of it
    is_over: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    claim: UUID | None = None  #: of the request that writes to it
    process: str | None = Field(default=None, sa_type=Text)
    claimed_until: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    created_at: datetime = Field(
        sa_type=DateTime(timezone=True), sa_column_kwargs={"server_default": text("clock_timestamp()")}
    )
    expires_at: datetime = Field(sa_type=DateTime(timezone=True))


class UploadPart(SQLModel, table=True):
    """An object that holds bytes of an upload. Its row is there before its bytes are, and goes after them."""

    __tablename__: ClassVar[Any] = "upload_part"
    __table_args__ = (
        PrimaryKeyConstraint("upload_id", "number", name="upload_part_pkey"),
        UniqueConstraint("key", name="upload_part_key_key"),
        _SCHEMA,
    )

    upload_id: UUID = Field(sa_column_args=[ForeignKey("files.upload.id")], primary_key=True)
    number: int = Field(primary_key=True)  #: the order of the bytes; 0 is made of all the others
    key: str = Field(sa_type=Text)
    size_bytes: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs={"server_default": text("0")})
