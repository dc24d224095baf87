"""Issuers and identities, as they go out over HTTP."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field


class IssuerRead(BaseModel):
    """Somebody whom people can sign in with."""

    name: str
    title: Annotated[str, Field(description="For people.")]
    sign_in_path: Annotated[str, Field(description="Where a browser begins; it comes back by itself.")]


class IssuerList(BaseModel):
    """Everybody whom people can sign in with here."""

    keeps_passwords: Annotated[bool, Field(description="Whether people can also sign in by a password of here.")]
    items: list[IssuerRead]
    next: Annotated[None, Field(description="There are never more.")] = None


class IdentityRead(BaseModel):
    """An account elsewhere that its person can sign in with."""

    id: UUID
    issuer: Annotated[str, Field(description="Its address, which never changes.")]
    title: str
    shown: Annotated[str | None, Field(description="The address that the issuer told last, to know it by.")]
    linked_at: datetime
    last_used_at: datetime | None


class IdentityList(BaseModel):
    """All of a person's linked accounts."""

    items: list[IdentityRead]
    next: Annotated[None, Field(description="There are never more.")] = None
