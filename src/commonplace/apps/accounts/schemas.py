"""What goes in and out over HTTP."""

from datetime import datetime
from typing import Annotated, Any, Final, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.json_schema import SkipJsonSchema

from commonplace.apps.accounts.addresses import LONGEST_ADDRESS
from commonplace.apps.accounts.password_rules import FEWEST_CHARACTERS, MOST_CHARACTERS
from commonplace.apps.accounts.profile_rules import (
    LANGUAGE_PATTERN,
    LINE_PATTERN,
    LONGEST_NAME,
    NAME_PATTERN,
    time_zones,
)

# The bounds below are stated here and held by the service: pages and commands go by it too, and its refusals say more.
_EMAIL: Final[dict[str, Any]] = {"format": "email", "maxLength": LONGEST_ADDRESS}
_PASSWORD: Final[dict[str, Any]] = {
    "format": "password", "minLength": FEWEST_CHARACTERS, "maxLength": MOST_CHARACTERS,
}  # fmt: skip
_NAME: Final[dict[str, Any]] = {"minLength": 1, "maxLength": LONGEST_NAME, "pattern": NAME_PATTERN}

Name = Annotated[str, Field(json_schema_extra=_NAME, description="How others see the person.")]
RefreshTokenText = Annotated[str, Field(description="As given by sign-in or by the last refresh.")]
RoleName = Literal["user", "administrator"]


def _list_time_zones(schema: dict[str, Any]) -> None:
    schema["enum"] = [*time_zones(), None]  # when the documentation is asked for, not when a process starts


class PersonCreate(BaseModel):
    """A new account."""

    email: Annotated[str, Field(json_schema_extra=_EMAIL, description="The address to sign in with.")]
    password: Annotated[str, Field(json_schema_extra=_PASSWORD, repr=False)]
    name: Name


class Registration(PersonCreate):
    """A new account, asked for by its person."""

    invitation: Annotated[
        str | None,
        Field(description="The token in the link of an invitation; needless while registration is open.", repr=False),
    ] = None


class PersonRead(BaseModel):
    """A person as they see themselves."""

    id: UUID
    email: str
    is_email_verified: Annotated[bool, Field(description="Whether the person has followed a link sent to it.")]
    name: str
    role: RoleName
    job_title: str | None
    time_zone: Annotated[str, Field(description="IANA name, such as Europe/Vienna.")]
    language: Annotated[str, Field(description="BCP 47 tag, such as de-AT.")]
    version: int
    created_at: datetime
    updated_at: datetime


class ProfileChange(BaseModel):
    """A changed profile. What is absent or null stays as it is; fields that only the server sets are ignored."""

    name: Annotated[str | None, Field(json_schema_extra=_NAME)] = None
    job_title: Annotated[
        str | None,
        Field(
            description="Null or empty: none; absent: as it is.",
            json_schema_extra={"maxLength": LONGEST_NAME, "pattern": LINE_PATTERN},
        ),
    ] = None
    time_zone: Annotated[
        str | None,
        Field(description="IANA name, such as Europe/Vienna.", json_schema_extra=_list_time_zones),
    ] = None
    language: Annotated[
        str | None,
        Field(description="BCP 47 tag, such as de-AT.", json_schema_extra={"pattern": LANGUAGE_PATTERN}),
    ] = None
    email: Annotated[str | None, Field(description="May be repeated, not changed.")] = None


class SignIn(BaseModel):
    """An address and a password."""

    model_config = ConfigDict(
        json_schema_extra={"anyOf": [{"required": ["email", "password"]}, {"required": ["username", "password"]}]}
    )

    email: str | SkipJsonSchema[None] = None
    username: Annotated[str | SkipJsonSchema[None], Field(description="The same as `email`.")] = None
    password: Annotated[str, Field(repr=False)]

    @model_validator(mode="after")
    def _names_somebody(self) -> Self:
        if self.email is None and self.username is None:
            raise ValueError("`email` is missing")
        return self

    @property
    def address(self) -> str:
        """Whatever was sent as the address."""
        return self.email if self.email is not None else self.username or ""


class Refresh(BaseModel):
    """A refresh token to be replaced."""

    refresh_token: RefreshTokenText


class SignOut(BaseModel):
    """Nothing, or the refresh token of the session to end."""

    refresh_token: Annotated[str | None, Field(description="Instead of an access token or a cookie.")] = None


class Tokens(BaseModel):
    """What a program needs to act for a person."""

    access_token: Annotated[str, Field(description="A JWT; send it as `Authorization: Bearer`.")]
    refresh_token: Annotated[str, Field(description="Works once; the answer holds the next one.")]
    token_type: Literal["bearer"] = "bearer"  # noqa: S105 - a type, no password
    expires_in: Annotated[int, Field(description="Seconds until the access token expires.")]


class JsonWebKey(BaseModel):
    """A public key (RFC 7517)."""

    kty: Literal["OKP"]
    crv: Literal["Ed25519"]
    x: str
    kid: str
    use: Literal["sig"]
    alg: Literal["EdDSA"]


class JsonWebKeySet(BaseModel):
    """The keys that access tokens are signed with."""

    keys: list[JsonWebKey]
