"""API tokens as they go in and out over HTTP."""

from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import BaseModel, Field

from commonplace.apps.accounts.profile_rules import NAME_PATTERN
from commonplace.platform.http.moments import Instant

LONGEST_TOKEN_NAME: Final = 100  #: characters
SCOPE_PATTERN: Final = "^[a-z_]+:(read|write)$"
_NAME: Final[dict[str, Any]] = {"minLength": 1, "maxLength": LONGEST_TOKEN_NAME, "pattern": NAME_PATTERN}
_SCOPES: Final[dict[str, Any]] = {"minItems": 1, "uniqueItems": True}

Scope = Annotated[str, Field(pattern=SCOPE_PATTERN, description="`files:read`, `files:write`; write includes read.")]


class TokenCreate(BaseModel):
    """An API token to be made."""

    name: Annotated[str, Field(json_schema_extra=_NAME, description="What it is for: `the phone`.")]
    scopes: Annotated[list[Scope], Field(max_length=100, json_schema_extra=_SCOPES)]
    expires_at: Annotated[
        Instant | None, Field(description="When it ceases to hold; null: never, until it is revoked.")
    ]


class TokenRead(BaseModel):
    """An API token, without the token itself, which is shown once."""

    id: UUID
    name: str
    scopes: list[str]
    created_at: datetime
    expires_at: Annotated[datetime | None, Field(description="Null: it never expires.")]
    last_used_at: Annotated[datetime | None, Field(description="To the minute; null: it was never used.")]
    is_expired: bool


class TokenMade(TokenRead):
    """A new API token. `token` is told here, and never again."""

    token: Annotated[
        str,
        Field(
            description="Send it as `Authorization: Bearer`, or as the password of HTTP Basic.",
            pattern="^cp_[0-9A-Za-z]{46}$",
            repr=False,
        ),
    ]


class TokenPage(BaseModel):
    """A page of API tokens, the newest first."""

    items: list[TokenRead]
    next: Annotated[str | None, Field(description="Send it as `after` to get the next page; null at the end.")]
