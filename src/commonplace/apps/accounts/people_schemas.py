"""People as administrators see them, and the trail of what was done, over HTTP."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from commonplace.apps.accounts.schemas import RoleName

StateName = Literal["active", "suspended"]


class MemberRead(BaseModel):
    """A person as an administrator sees them: how they get in and how much they keep, never what."""

    id: UUID
    email: str
    name: str
    role: RoleName
    state: StateName
    created_at: datetime
    last_used_at: Annotated[datetime | None, Field(description="When a session was last used; null: never.")]
    sessions: Annotated[int, Field(description="How many have not ended.")]
    has_second_factor: bool
    needs_second_factor: Annotated[
        bool, Field(description="Whether an administrator asks one of this person; the settings may ask it of all.")
    ]
    picture: Annotated[str | None, Field(description="Path of their picture, small and square; null: they have none.")]
    stored_bytes: Annotated[int, Field(description="What their objects take, versions and trash included.")]
    quota_bytes: Annotated[int | None, Field(description="How much they may keep; null: as much as there is room for.")]
    has_own_quota: Annotated[bool, Field(description="Whether it is theirs alone; else it is everybody's.")]


class MemberPage(BaseModel):
    """People, the longest here first."""

    items: list[MemberRead]
    next: Annotated[str | None, Field(description="Send it as `after` for the next page; null: this is the last.")]


class MemberChange(BaseModel):
    """What is to become of a person. What is absent or null stays as it is."""

    role: RoleName | None = None
    state: Annotated[StateName | None, Field(description="`suspended` ends every session at once.")] = None
    needs_second_factor: Annotated[
        bool | None,
        Field(description="True: who has none can do nothing, from this moment on, but set one up."),
    ] = None
    quota_bytes: Annotated[
        Annotated[int, Field(ge=0)] | Literal["default"] | None,
        Field(description="How many bytes they may keep; `default`: what everybody may. Who keeps more keeps it."),
    ] = None


class AuditEntryRead(BaseModel):
    """One thing that was done."""

    id: UUID
    at: datetime
    action: str
    detail: Annotated[str | None, Field(description="The new role, for one.")]
    person_id: Annotated[UUID | None, Field(description="To whom; null: they were erased, or have no account yet.")]
    person_name: str | None
    person_email: Annotated[str | None, Field(description="Or the address that was invited.")]
    by_id: Annotated[UUID | None, Field(description="By whom; null: on the server, or by somebody who left.")]
    by_name: str | None
    is_on_server: Annotated[bool, Field(description="Whether it was done by a command on the server.")]


class AuditPage(BaseModel):
    """The trail, the latest first."""

    items: list[AuditEntryRead]
    next: Annotated[str | None, Field(description="Send it as `after` for the next page; null: this is the last.")]
