"""The client's part of the code flow: leading to the issuer, and asking it whom it has vouched for.

The rules are those of RFC 6749, RFC 7636 and OpenID Connect Core 1.0.

It is written out here: of authlib's client for httpx, which is for exactly this, loading takes half a second, and it
holds tokens and renews them, where we ask once and throw the token away.
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import quote, urlencode

import jwt
import structlog

from commonplace.apps.accounts.issuers import id_tokens
from commonplace.apps.accounts.issuers.errors import IssuerNotBelieved, IssuerUnavailable
from commonplace.apps.accounts.issuers.flow import Flow
from commonplace.apps.accounts.issuers.id_tokens import TokenNotBelieved
from commonplace.apps.accounts.issuers.issuer import Issuer
from commonplace.apps.accounts.issuers.provider import Metadata, Provider
from commonplace.apps.accounts.issuers.web import AnswerUnusable

_APPLE_SECRET_SECONDS: Final = 300
_LONGEST_NAME: Final = 200
_SERVER_ERRORS: Final = 500
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Vouched:
    """Whom an issuer vouches for."""

    issuer: Issuer
    subject: str  #: who it is there, for ever
    email: str | None
    is_email_verified: bool
    name: str | None
    groups: tuple[str, ...]
    at: datetime  #: when it said so
    authenticated_at: datetime | None = None  #: when the person last showed it who they are, if it tells


async def address_to_lead_to(provider: Provider, flow: Flow) -> str:
    """Where the browser goes to be vouched for.

    Raises:
        IssuerUnavailable, IssuerNotBelieved: it cannot be found out.
    """
    issuer, metadata = provider.issuer, await provider.metadata()
    query = {
        "response_type": "code",
        "client_id": issuer.client_id,
        "redirect_uri": flow.redirect_uri,
        "scope": issuer.scopes,
        "state": flow.state,
        "code_challenge": flow.challenge,
        "code_challenge_method": "S256",
    }
    if issuer.speaks_openid:
        query["nonce"] = flow.nonce
    if issuer.response_mode != "query":
        query["response_mode"] = issuer.response_mode
    if flow.purpose == "prove" and issuer.speaks_openid:
        query |= {"prompt": "login", "max_age": "0"}  # that somebody left a browser open there proves nothing
    if metadata.authorization_endpoint is None:
        raise IssuerNotBelieved(issuer.title)
    separator = "&" if "?" in metadata.authorization_endpoint else "?"
    return f"{metadata.authorization_endpoint}{separator}{urlencode(query)}"


async def vouched_for(provider: Provider, flow: Flow, code: str, now: datetime) -> Vouched:
    """Give the code back to the issuer, for whom it has vouched.

    Raises:
        IssuerUnavailable: it does not answer.
        IssuerNotBelieved: it does not take the code, or what it answers cannot be trusted.
    """
    issuer, metadata = provider.issuer, await provider.metadata()
    answer = await _exchange(provider, metadata, flow, code, now)
    if not issuer.speaks_openid:
        return await _by_graph(provider, metadata, answer, now)
    token = answer.get("id_token")
    try:
        claims = await id_tokens.verify(
            token if isinstance(token, str) else "", provider, nonce=flow.nonce, now=now.timestamp()
        )
    except TokenNotBelieved as error:
        _log.warning("issuer.id_token_refused", issuer=issuer.name, why=str(error))
        raise IssuerNotBelieved(issuer.title) from error
    if "email" not in claims and metadata.userinfo_endpoint and isinstance(answer.get("access_token"), str):
        claims = await _more(provider, metadata.userinfo_endpoint, answer["access_token"], claims)
    return vouched(issuer, claims, now)


def vouched(issuer: Issuer, claims: Mapping[str, Any], now: datetime) -> Vouched:
    """What verified claims say of a person."""
    email, name, groups = claims.get("email"), claims.get("name"), claims.get(issuer.groups_claim)
    told_at, authenticated_at = claims.get("iat"), claims.get("auth_time")
    has_email = isinstance(email, str) and bool(email)
    return Vouched(
        issuer=issuer,
        subject=claims["sub"],
        email=email if has_email else None,
        # Apple and Cognito write it as text.
        is_email_verified=has_email and (claims.get("email_verified") in (True, "true") or issuer.trusts_addresses),
        name=_name(name) or _name(f"{claims.get('given_name') or ''} {claims.get('family_name') or ''}"),
        groups=tuple(map(str, groups)) if isinstance(groups, Sequence) and not isinstance(groups, str) else (),
        at=_moment(told_at) or now,
        authenticated_at=_moment(authenticated_at),
    )


async def _exchange(provider: Provider, metadata: Metadata, flow: Flow, code: str, now: datetime) -> dict[str, Any]:
    issuer = provider.issuer
    if metadata.token_endpoint is None:
        raise IssuerNotBelieved(issuer.title)
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": flow.redirect_uri,
        "code_verifier": flow.verifier,
    }
    secret = _secret(issuer, now)
    takes_basic = issuer.preset not in {"apple", "facebook"} and "client_secret_basic" in metadata.token_auth_methods
    basic = None
    if secret is None:
        form["client_id"] = issuer.client_id
    elif takes_basic:
        basic = (quote(issuer.client_id, safe=""), quote(secret, safe=""))  # RFC 6749, section 2.3.1
    else:
        form |= {"client_id": issuer.client_id, "client_secret": secret}
    try:
        return await provider.web.post(metadata.token_endpoint, form=form, basic=basic)
    except AnswerUnusable as error:
        _log.warning("issuer.code_refused", issuer=issuer.name, why=str(error), error=error.error)
        if error.status == 0 or error.status >= _SERVER_ERRORS:
            raise IssuerUnavailable(issuer.title) from error
        raise IssuerNotBelieved(issuer.title) from error


def _secret(issuer: Issuer, now: datetime) -> str | None:
    """The client secret. Apple's is a token that we sign each time (its "Creating a client secret")."""
    if issuer.preset != "apple" or issuer.apple_private_key is None:
        return issuer.client_secret
    claims = {
        "iss": issuer.apple_team_id,
        "iat": now,
        "exp": now + timedelta(seconds=_APPLE_SECRET_SECONDS),
        "aud": issuer.address,
        "sub": issuer.client_id,
    }
    try:
        return jwt.encode(claims, issuer.apple_private_key, algorithm="ES256", headers={"kid": issuer.apple_key_id})
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        _log.exception("issuer.apple_key_unusable", issuer=issuer.name)
        raise IssuerUnavailable(issuer.title) from error


async def _more(provider: Provider, endpoint: str, token: str, claims: Mapping[str, Any]) -> dict[str, Any]:
    """What the issuer tells beside the ID token. It counts only if it is about the same person (Core 1.0, 5.3.2)."""
    try:
        told = await provider.web.get(endpoint, headers={"Authorization": f"Bearer {token}"})
    except AnswerUnusable as error:
        _log.warning("issuer.userinfo_unavailable", issuer=provider.issuer.name, why=str(error))
        return dict(claims)
    return {**told, **claims} if told.get("sub") == claims["sub"] else dict(claims)


async def _by_graph(provider: Provider, metadata: Metadata, answer: Mapping[str, Any], now: datetime) -> Vouched:
    """Who it is by Facebook's Graph API. The token came for our code and secret, so it is for us."""
    issuer, token = provider.issuer, answer.get("access_token")
    if not isinstance(token, str) or metadata.userinfo_endpoint is None or issuer.client_secret is None:
        raise IssuerNotBelieved(issuer.title)
    proof = hmac.digest(issuer.client_secret.encode(), token.encode(), hashlib.sha256).hex()
    query = urlencode({"fields": "id,name,email", "appsecret_proof": proof})
    try:
        told = await provider.web.get(
            f"{metadata.userinfo_endpoint}?{query}", headers={"Authorization": f"Bearer {token}"}
        )
    except AnswerUnusable as error:
        _log.warning("issuer.userinfo_unavailable", issuer=issuer.name, why=str(error))
        raise IssuerUnavailable(issuer.title) from error
    subject = told.get("id")
    if not isinstance(subject, str) or not subject.isdigit():
        raise IssuerNotBelieved(issuer.title)
    return vouched(issuer, {"sub": subject, "email": told.get("email"), "name": told.get("name")}, now)


def _name(text: Any) -> str | None:
    """A name that a profile can have."""
    if not isinstance(text, str):
        return None
    shown = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return shown[:_LONGEST_NAME].strip() or None


def _moment(seconds: Any) -> datetime | None:
    if not isinstance(seconds, int | float) or isinstance(seconds, bool):
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, OSError, ValueError):
        return None
