"""Issuers that people may sign in with. Their variables start with `ACCOUNTS__ISSUERS__` and a name of yours."""

import ipaddress
import re
from typing import Final, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, SecretStr, field_validator

Preset = Literal["openid", "google", "apple", "facebook", "keycloak", "cognito"]
NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")  #: it stands in the address that the issuer leads back to


class IssuerSettings(BaseModel):
    """One issuer: who it is, and as whom this installation is known there."""

    preset: Preset | None = Field(
        default=None,
        description="What kind of issuer it is. Left out: what its name says (`GOOGLE`, `APPLE`, `FACEBOOK`,"
        " `KEYCLOAK`, `COGNITO`), or any OpenID Connect issuer.",
    )
    issuer: str | None = Field(
        default=None,
        description="Its address, where `/.well-known/openid-configuration` is found: "
        "`https://id.example.org/realms/home` of Keycloak, `https://cognito-idp.REGION.amazonaws.com/POOL` of Cognito."
        " Those of Google, Apple and Facebook are known.",
    )
    client_id: str = Field(default="", description="As whom it knows this installation.")
    client_secret: SecretStr | None = Field(
        default=None, description="The secret that goes with it. Left out: a public client, which has none."
    )
    title: str | None = Field(default=None, max_length=60, description="What the button says: `Sign in with …`.")
    scopes: str | None = Field(
        default=None, description="What is asked of it, separated by spaces. Left out: the address and the name."
    )
    trusts_addresses: bool = Field(
        default=False,
        description="Whether every address that it tells counts as verified, though it does not say so. Only for an"
        " issuer that lets nobody enter the address of somebody else.",
    )
    administrators_group: str | None = Field(
        default=None,
        description="Who is in this group there is an administrator here, and nobody else of this issuer is. Left out:"
        " roles are given here.",
    )
    groups_claim: str | None = Field(
        default=None,
        description="Where it tells the groups. Left out: `cognito:groups`, where it is Cognito, or `groups`.",
    )
    authorization_endpoint: str | None = Field(
        default=None, description="In the place of what it says of itself, or what is known of Facebook."
    )
    token_endpoint: str | None = Field(default=None, description="The same.")
    userinfo_endpoint: str | None = Field(default=None, description="The same.")
    apple_team_id: str | None = Field(default=None, description="Apple only: the team that the key belongs to.")
    apple_key_id: str | None = Field(default=None, description="Apple only: the id of the key.")
    apple_private_key: SecretStr | None = Field(
        default=None, description="Apple only: the key that client secrets are signed with, as PEM (the .p8 file)."
    )

    @field_validator("issuer", "authorization_endpoint", "token_endpoint", "userinfo_endpoint")
    @classmethod
    def _is_safe(cls, value: str | None) -> str | None:
        if not value:
            return None
        url = urlsplit(value)
        if not url.hostname or url.username or url.fragment or url.scheme not in {"http", "https"}:
            raise ValueError("is no address like https://id.example.org")
        if url.scheme == "http" and not _is_near(url.hostname):
            raise ValueError("must begin with https://, except on this machine and in a container's own network")
        return value


def _is_near(host: str) -> bool:
    """Whether what is sent there leaves neither the machine nor the network of containers (names without a dot)."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return "." not in host
