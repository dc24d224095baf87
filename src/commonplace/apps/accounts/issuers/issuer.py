"""An issuer as the settings name it, with what is known of Google, Apple, Facebook, Keycloak and Cognito."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from commonplace.apps.accounts.issuers.settings import NAME, IssuerSettings, Preset

_KNOWN: Final[dict[str, Preset]] = {
    "google": "google",
    "apple": "apple",
    "facebook": "facebook",
    "keycloak": "keycloak",
    "cognito": "cognito",
}
_TITLES: Final[dict[Preset, str]] = {
    "google": "Google",
    "apple": "Apple",
    "facebook": "Facebook",
    "keycloak": "Keycloak",
    "cognito": "Cognito",
}
_ADDRESSES: Final[dict[Preset, str]] = {
    "google": "https://accounts.google.com",
    "apple": "https://appleid.apple.com",
    "facebook": "https://www.facebook.com",
}
_SCOPES: Final[dict[Preset, str]] = {"apple": "openid email name", "facebook": "public_profile email"}
_GRAPH: Final = "v24.0"  # Facebook keeps a version for two years


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """Who vouches for people, and as whom we are known there."""

    name: str  #: as the settings call it; it stands in the address that the issuer leads back to
    title: str  #: for people
    preset: Preset
    address: str  #: the `iss` of its tokens
    client_id: str
    client_secret: str | None = field(repr=False)
    scopes: str
    trusts_addresses: bool
    administrators_group: str | None
    groups_claim: str
    authorization_endpoint: str | None
    token_endpoint: str | None
    userinfo_endpoint: str | None
    apple_team_id: str | None = None
    apple_key_id: str | None = None
    apple_private_key: str | None = field(default=None, repr=False)

    @property
    def speaks_openid(self) -> bool:
        """Whether it gives out ID tokens. Facebook has OAuth 2.0, and says by `me` who somebody is."""
        return self.preset != "facebook"

    @property
    def response_mode(self) -> Literal["query", "form_post"]:
        """How it leads back. Apple posts a form where the address or the name is asked for."""
        return "form_post" if self.preset == "apple" else "query"


def issuers_of(settings: Mapping[str, IssuerSettings]) -> dict[str, Issuer]:
    """The issuers of these settings, by their names, in their order.

    Raises:
        ValueError: something is missing, or contradicts itself; the message says where.
    """
    return {name: _issuer(name, given) for name, given in settings.items()}


def _issuer(name: str, given: IssuerSettings) -> Issuer:
    if not NAME.fullmatch(name):
        raise ValueError(f"the issuer {name!r} needs a name of small letters, digits and hyphens, 32 at most")
    preset = given.preset or _KNOWN.get(name, "openid")
    address = given.issuer or _ADDRESSES.get(preset)
    variable = f"ACCOUNTS__ISSUERS__{name.upper()}__"
    if address is None:
        raise ValueError(f"{variable}ISSUER is not set; it is where the issuer's openid-configuration is found")
    if not given.client_id:
        raise ValueError(f"{variable}CLIENT_ID is not set; the issuer gives it to those who register an application")
    apple = (given.apple_team_id, given.apple_key_id, given.apple_private_key)
    if preset == "apple" and given.client_secret is None and not all(apple):
        raise ValueError(f"{variable}APPLE_TEAM_ID, …APPLE_KEY_ID and …APPLE_PRIVATE_KEY belong together")
    if preset == "facebook" and given.client_secret is None:
        raise ValueError(f"{variable}CLIENT_SECRET is not set, and Facebook has no public clients")
    facebook = preset == "facebook"
    return Issuer(
        name=name,
        title=given.title or _TITLES.get(preset, name.replace("-", " ").capitalize()),
        preset=preset,
        address=address.removesuffix("/") if preset in {"cognito", "keycloak"} else address,
        client_id=given.client_id,
        client_secret=given.client_secret.get_secret_value() if given.client_secret is not None else None,
        scopes=given.scopes or _SCOPES.get(preset, "openid email profile"),
        trusts_addresses=given.trusts_addresses,
        administrators_group=given.administrators_group,
        groups_claim=given.groups_claim or ("cognito:groups" if preset == "cognito" else "groups"),
        authorization_endpoint=given.authorization_endpoint
        or (f"https://www.facebook.com/{_GRAPH}/dialog/oauth" if facebook else None),
        token_endpoint=given.token_endpoint
        or (f"https://graph.facebook.com/{_GRAPH}/oauth/access_token" if facebook else None),
        userinfo_endpoint=given.userinfo_endpoint or (f"https://graph.facebook.com/{_GRAPH}/me" if facebook else None),
        apple_team_id=given.apple_team_id,
        apple_key_id=given.apple_key_id,
        apple_private_key=given.apple_private_key.get_secret_value() if given.apple_private_key is not None else None,
    )
