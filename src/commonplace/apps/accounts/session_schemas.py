"""Sessions and the history of sign-ins, as they go out over HTTP."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, Field

Address = Annotated[str, Field(description="Where the sign-in came from, as an IP address; empty when unknown.")]
Network = Annotated[
    str, Field(description="What limits count by: the IPv4 address, or the /64 network of an IPv6 one.")
]
DeviceName = Annotated[str, Field(description="The program and its system, as the `User-Agent` says.")]
MethodName = Annotated[str, Field(description="How the session was signed in: `password`, for one.")]


class SessionRead(BaseModel):
    """A session that has not ended."""

    id: UUID
    is_current: Annotated[bool, Field(description="Whether this request came by it.")]
    kind: Annotated[Literal["api", "browser"], Field(description="Whether tokens or a browser's cookie carry it.")]
    method: MethodName
    device: DeviceName
    is_on_new_device: Annotated[bool, Field(description="Whether the person had not signed in from there before.")]
    user_agent: str
    address: Address
    network: Network
    created_at: datetime
    last_used_at: Annotated[datetime, Field(description="To within a minute or two.")]
    expires_at: Annotated[datetime, Field(description="When it ends unless it is used, or refreshed, before.")]


class SessionPage(BaseModel):
    """Sessions, the one used last first."""

    items: list[SessionRead]
    next: Annotated[str | None, Field(description="Send it as `after` for the next page; null: this is the last.")]


class SessionsEnded(BaseModel):
    """What was done."""

    ended: Annotated[int, Field(description="How many sessions were ended.")]


class SignInRead(BaseModel):
    """One sign-in, or one try."""

    id: UUID
    at: datetime
    outcome: Annotated[
        Literal["signed_in", "second_step", "refused"],
        Field(description="`second_step`: the password was right, and the second step was never finished."),
    ]
    method: MethodName
    device: DeviceName
    is_on_new_device: bool
    user_agent: str
    address: Address
    network: Network
    session_id: Annotated[UUID | None, Field(description="The session that began; null: none did.")]
    is_live: Annotated[bool, Field(description="Whether that session goes on.")]


class SignInPage(BaseModel):
    """Sign-ins, the latest first."""

    items: list[SignInRead]
    next: Annotated[str | None, Field(description="Send it as `after` for the next page; null: this is the last.")]
