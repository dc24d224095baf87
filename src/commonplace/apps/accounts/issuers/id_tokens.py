"""ID tokens (OpenID Connect Core 1.0, section 3.1.3.7), and what else an issuer signs: is it genuine, and for us?"""

import hmac
import re
from collections.abc import Mapping
from typing import Any, Final

import jwt

from commonplace.apps.accounts.issuers.issuer import Issuer
from commonplace.apps.accounts.issuers.provider import ALGORITHMS, Provider

LONGEST: Final = 16_384  #: characters; with groups in it a token may have several thousand
_LONGEST_KID: Final = 256
_LONGEST_SUBJECT: Final = 255  # Core 1.0, section 2
_SKEW_SECONDS: Final = 60
_SHAPE: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")


class TokenNotBelieved(Exception):
    """The token is forged, over, or not for us; the message says why, for the log."""


def header_of(token: str) -> Mapping[str, Any]:
    """The header of a token, after everything cheap was checked. It is not verified.

    Raises:
        TokenNotBelieved: it is no signed token of a kind that can be accepted.
    """
    if len(token) > LONGEST or not _SHAPE.fullmatch(token):
        raise TokenNotBelieved("it is no signed token")
    try:
        header: Mapping[str, Any] = jwt.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError, RecursionError) as error:
        raise TokenNotBelieved("its header cannot be read") from error
    kid = header.get("kid")
    if header.get("alg") not in ALGORITHMS:
        raise TokenNotBelieved("its algorithm is none of a key pair")
    if "crit" in header:
        raise TokenNotBelieved("it asks for what is not understood")
    if kid is not None and not (isinstance(kid, str) and 0 < len(kid) <= _LONGEST_KID):
        raise TokenNotBelieved("its key id is none")
    return header


async def signed_claims(token: str, provider: Provider, now: float) -> dict[str, Any]:
    """What a token of this issuer says, when its signature, `iss` and times are right; for whom it is, is open.

    The key is one of the issuer's own, found by the id; nothing in a token says where to find one.

    Raises:
        TokenNotBelieved: it is not genuine, or its time is over.
        IssuerUnavailable, IssuerNotBelieved: the keys cannot be had.
    """
    header = header_of(token)
    algorithm = header["alg"]
    key = await provider.key(header.get("kid"), algorithm)
    if key is None:
        raise TokenNotBelieved("it is signed with a key that the issuer does not have")
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            key.key,
            algorithms=[algorithm],
            issuer=provider.issuer.address,
            options={
                "require": ["iss", "sub", "exp", "iat"],
                "verify_aud": False,
                # The times are compared below, by a clock that tests can set.
                "verify_exp": False,
                "verify_iat": False,
                "verify_nbf": False,
            },
        )
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        raise TokenNotBelieved(f"{type(error).__name__}") from error
    _check_times(claims, now)
    subject = claims["sub"]
    if not isinstance(subject, str) or not 0 < len(subject) <= _LONGEST_SUBJECT or not subject.isprintable():
        raise TokenNotBelieved("it names nobody")
    return claims


async def verify(token: str, provider: Provider, *, nonce: str, now: float) -> dict[str, Any]:
    """The claims of an ID token that this issuer made for us, in answer to the sign-in with this `nonce`.

    Raises:
        TokenNotBelieved: it is not that.
        IssuerUnavailable, IssuerNotBelieved: the keys cannot be had.
    """
    claims = await signed_claims(token, provider, now)
    _check_audience(claims, provider.issuer)
    said = claims.get("nonce")
    if not isinstance(said, str) or not hmac.compare_digest(said.encode(), nonce.encode()):
        raise TokenNotBelieved("it answers another sign-in")
    return claims


def _check_audience(claims: Mapping[str, Any], issuer: Issuer) -> None:
    audience, party = claims.get("aud"), claims.get("azp")
    audiences = [audience] if isinstance(audience, str) else audience
    if not isinstance(audiences, list) or issuer.client_id not in audiences:
        raise TokenNotBelieved("it is for somebody else")
    if party is None and len(audiences) > 1:
        raise TokenNotBelieved("it is for several, and does not say for whom it was made")
    if party is not None and party != issuer.client_id:
        raise TokenNotBelieved("it was made for somebody else")


def _check_times(claims: Mapping[str, Any], now: float) -> None:
    times = [claims.get(name, now) for name in ("iat", "exp", "nbf")]
    if not all(isinstance(moment, int | float) and not isinstance(moment, bool) for moment in times):
        raise TokenNotBelieved("its times are none")
    issued_at, expires_at, not_before = times
    if issued_at > now + _SKEW_SECONDS or not_before > now + _SKEW_SECONDS:
        raise TokenNotBelieved("it does not hold yet")
    if not now < expires_at + _SKEW_SECONDS:
        raise TokenNotBelieved("its time is over")
