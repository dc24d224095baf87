"""Invitations as they go in and out over HTTP."""

from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import BaseModel, Field

from commonplace.apps.accounts.addresses import LONGEST_ADDRESS
from commonplace.apps.accounts.schemas import RoleName

MOST_USES: Final = 1000
MOST_DAYS: Final = 90
USUAL_DAYS: Final = 7
_EMAIL: Final[dict[str, Any]] = {"format": "email", "maxLength": LONGEST_ADDRESS}


class InvitationCreate(BaseModel):
    """An invitation to be made: for one address, or a link for whoever gets it."""

    email: Annotated[
        str | None, Field(json_schema_extra=_EMAIL, description="Whom it is for; null: whoever has the link.")
    ] = None
    role: Annotated[RoleName, Field(description="What they become.")] = "user"
    uses: Annotated[
        int,
        Field(ge=1, le=MOST_USES, description="How many may come by it; one only, by address or as administrator."),
    ] = 1
    days: Annotated[int, Field(ge=1, le=MOST_DAYS, description="After how many days it ends.")] = USUAL_DAYS


class InvitationRead(BaseModel):
    """An invitation that holds, without its link, which is shown once."""

    id: UUID
    email: Annotated[str | None, Field(description="Null: whoever has the link.")]
    role: RoleName
    uses_left: int
    is_mailed: Annotated[bool, Field(description="Whether the link went to the address by mail.")]
    created_at: datetime
    expires_at: datetime
    by_id: Annotated[UUID | None, Field(description="Who made it; null: a command on the server.")]
    by_name: str | None


class InvitationMade(InvitationRead):
    """A new invitation."""

    link: Annotated[
        str | None,
        Field(description="To be handed on. It is told here, and never again; null: it was sent by mail.", repr=False),
    ]


class InvitationPage(BaseModel):
    """Invitations that hold, the newest first."""

    items: list[InvitationRead]
    next: Annotated[str | None, Field(description="Send it as `after` for the next page; null: this is the last.")]
