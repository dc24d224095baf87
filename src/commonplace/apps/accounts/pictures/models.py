"""The tables of people's pictures. They are not of the person's item: who removes a picture wants it gone."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, ForeignKey, Index, Text
from sqlmodel import Field, SQLModel


class PersonPicture(SQLModel, table=True):
    """A person's picture as it came, and which square of it is shown."""

    __tablename__: ClassVar[Any] = "picture"
    __table_args__ = (
        Index("picture_by_id", "id", unique=True),
        Index("picture_of_object", "object_id"),
        {"schema": "accounts"},
    )

    person_id: UUID = Field(
        sa_column_args=[ForeignKey("accounts.account.person_id", ondelete="CASCADE")], primary_key=True
    )
    id: UUID  #: another with each change: addresses with it show the same for ever
    object_id: UUID  #: of `platform.object`
    media_type: str = Field(sa_type=Text)
    width: int
    height: int
    side: float
    x: float
    y: float
    changed_at: datetime = Field(sa_type=DateTime(timezone=True))


class PersonPictureVariant(SQLModel, table=True):
    """One stored form of a picture: a square of so many pixels, or the whole."""

    __tablename__: ClassVar[Any] = "picture_variant"
    __table_args__ = (Index("picture_variant_by_key", "key"), {"schema": "accounts"})

    picture_id: UUID = Field(sa_column_args=[ForeignKey("accounts.picture.id", ondelete="CASCADE")], primary_key=True)
    name: str = Field(sa_type=Text, primary_key=True)
    key: str = Field(sa_type=Text)
    media_type: str = Field(sa_type=Text)
    size_bytes: int = Field(sa_type=BigInteger)
