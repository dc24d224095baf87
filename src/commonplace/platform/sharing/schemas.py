"""What sharing takes and answers over HTTP."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from commonplace.platform.identity.people import Person
from commonplace.platform.sharing.rights import Level

_LONGEST_ADDRESS = 254  # RFC 5321, section 4.5.3.1.3
LevelField = Annotated[
    Level,
    Field(
        description="`view`; `comment`; `edit`: change, add, trash; `own`: also say who else may. Each has the last."
    ),
]


class SharedPerson(BaseModel):
    """A person, as those see them with whom they share."""

    id: UUID
    name: str
    picture: Annotated[str | None, Field(description="Path of their picture, small and square; null: they have none.")]

    @classmethod
    def of(cls, person: Person | None) -> Self | None:
        """The person as others see them; None for nobody."""
        return None if person is None else cls(id=person.id, name=person.name, picture=person.picture)


class GrantCreate(BaseModel):
    """Access to be given to one person, named by `person_id` or by `email`."""

    model_config = ConfigDict(extra="forbid")

    item_id: UUID
    person_id: UUID | None = None
    email: Annotated[str | None, Field(min_length=3, max_length=_LONGEST_ADDRESS, pattern=r"^[^\x00-\x20\x7f]+$")] = (
        None
    )
    level: LevelField


class GrantChange(BaseModel):
    """Another level for a grant."""

    model_config = ConfigDict(extra="forbid")

    level: LevelField


class GrantRead(BaseModel):
    """Access that somebody has to an item and to all that lies in it."""

    id: UUID
    item_id: UUID
    person: Annotated[
        SharedPerson | None,
        Field(description="Null: it was given to an address, and whoever has it did not say so yet, or nobody has it."),
    ]
    email: Annotated[str | None, Field(description="The address it was given to, until the person accepts.")]
    level: Level
    granted_at: datetime
    granted_by: UUID


class GrantPage(BaseModel):
    """A page of grants, the oldest first."""

    items: list[GrantRead]
    next: Annotated[str | None, Field(description="Send it as `after` to get the next page; null at the end.")]


class ReceivedItem(BaseModel):
    """An item that somebody shared."""

    id: UUID
    kind: str
    name: str
    version: int
    updated_at: datetime


class ReceivedRead(BaseModel):
    """An item that is shared with the caller, by itself."""

    id: Annotated[UUID, Field(description="Of the grant: to accept it, or to leave.")]
    item: ReceivedItem
    owner: Annotated[SharedPerson | None, Field(description="To whom it belongs; null: their account is gone.")]
    level: Level
    granted_at: datetime
    granted_by: UUID
    is_accepted: Annotated[bool, Field(description="Whether those who share it know that it reached the caller.")]


class ReceivedPage(BaseModel):
    """A page of what is shared with the caller, the latest first."""

    items: list[ReceivedRead]
    next: str | None
