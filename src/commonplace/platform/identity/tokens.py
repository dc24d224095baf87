"""Access tokens: JSON Web Tokens signed with Ed25519, each naming a person, a session and a role.

Only one algorithm is ever accepted, and it is never read from the token. The key is looked up by `kid` among the
installation's own; nothing in a token says where to find one.
"""

import base64
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, cast, get_args
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from commonplace.platform.database.ids import new_id
from commonplace.platform.identity.caller import Role
from commonplace.platform.identity.errors import CredentialExpired, InvalidCredential
from commonplace.platform.identity.settings import JwtSettings

ALGORITHM: Final = "EdDSA"
KEYS_CHANGED: Final = "accounts.signing_keys"  #: bus channel: there is a new key, or one was retired
LONGEST_TOKEN: Final = 2048  #: characters; ours have about 450
_SHAPE: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_KID: Final = re.compile(r"[A-Za-z0-9_-]{8,64}")
_HEADERS: Final = frozenset({"alg", "kid", "typ"})
_REQUIRED: Final = ["iss", "aud", "sub", "sid", "role", "iat", "exp", "jti"]
_CLOCK_SKEW_SECONDS: Final = 60  # how far ahead the clock of the machine that made a token out may be


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """The key that signs new tokens."""

    kid: str
    private_key: Ed25519PrivateKey = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyingKey:
    """A key whose tokens are accepted."""

    kid: str
    public_key: Ed25519PublicKey


class KeySource(Protocol):
    """Where keys come from: the database that made them, or, in a separate service, the issuer's JWKS."""

    async def signing_key(self) -> SigningKey:
        """The key to sign with now; made when there is none."""

    async def verifying_key(self, kid: str) -> VerifyingKey | None:
        """The key of this id; None when no token signed with it is to be accepted."""

    async def verifying_keys(self) -> Sequence[VerifyingKey]:
        """Every key whose tokens are accepted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What a verified token says."""

    token_id: UUID
    person_id: UUID
    session_id: UUID
    role: Role
    issued_at: int  #: Unix seconds
    expires_at: int  #: Unix seconds


class AccessTokens:
    """Makes access tokens out and verifies them."""

    def __init__(self, keys: KeySource, settings: JwtSettings, *, clock: Callable[[], float] = time.time) -> None:
        self.keys = keys
        self.settings = settings
        self._clock = clock

    async def issue(self, *, person_id: UUID, session_id: UUID, role: Role) -> str:
        """A token for a person's session, valid for `settings.access_seconds`."""
        key = await self.keys.signing_key()
        now = int(self._clock())
        claims = {
            "iss": self.settings.issuer,
            "aud": self.settings.audience,
            "sub": str(person_id),
            "sid": str(session_id),
            "role": role,
            "iat": now,
            "exp": now + self.settings.access_seconds,
            "jti": str(new_id()),
        }
        return jwt.encode(claims, key.private_key, algorithm=ALGORITHM, headers={"kid": key.kid})

    async def verify(self, token: str) -> Claims:
        """What `token` says, when it is genuine and in time. Whether its session still holds is not looked at.

        Raises:
            CredentialExpired: it is genuine, but its time is over.
            InvalidCredential: it is anything else.
        """
        key = await self.keys.verifying_key(_key_id(token))
        if key is None:
            raise InvalidCredential
        try:
            payload = jwt.decode(
                token,
                key.public_key,
                algorithms=[ALGORITHM],
                audience=self.settings.audience,
                issuer=self.settings.issuer,
                # The times are compared below, by a clock that tests can set.
                options={
                    "require": _REQUIRED,
                    "strict_aud": True,
                    "verify_exp": False,
                    "verify_iat": False,
                    "verify_nbf": False,
                },
            )
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise InvalidCredential from error
        return self._in_time(payload)

    def _in_time(self, payload: Mapping[str, Any]) -> Claims:
        now = self._clock()
        times = [payload.get(name, now) for name in ("iat", "exp", "nbf")]
        if not all(isinstance(moment, int | float) and not isinstance(moment, bool) for moment in times):
            raise InvalidCredential
        issued_at, expires_at, not_before = times
        if issued_at > now + _CLOCK_SKEW_SECONDS or not_before > now:
            raise InvalidCredential
        if not now < expires_at:
            raise CredentialExpired
        if payload["role"] not in get_args(Role):
            raise InvalidCredential
        try:
            return Claims(
                token_id=UUID(payload["jti"]),
                person_id=UUID(payload["sub"]),
                session_id=UUID(payload["sid"]),
                role=cast("Role", payload["role"]),
                issued_at=int(issued_at),
                expires_at=int(expires_at),
            )
        except (ValueError, TypeError, AttributeError, OverflowError) as error:
            raise InvalidCredential from error


def _key_id(token: str) -> str:
    """The id of the key that `token` claims to be signed with, after everything cheap was checked."""
    if len(token) > LONGEST_TOKEN or not _SHAPE.fullmatch(token):
        raise InvalidCredential
    try:
        header = jwt.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError, RecursionError) as error:
        raise InvalidCredential from error
    kid = header.get("kid")
    if not header.keys() <= _HEADERS or header.get("alg") != ALGORITHM:
        raise InvalidCredential
    if not isinstance(kid, str) or not _KID.fullmatch(kid):
        raise InvalidCredential
    return kid


def key_set(keys: Sequence[VerifyingKey]) -> dict[str, Any]:
    """The keys as a JSON Web Key Set (RFC 7517, RFC 8037): what others verify our tokens with."""
    return {
        "keys": [
            {
                "kty": "OKP",
                "crv": "Ed25519",
                "x": _base64url(key.public_key.public_bytes_raw()),
                "kid": key.kid,
                "use": "sig",
                "alg": ALGORITHM,
            }
            for key in keys
        ]
    }


def _base64url(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
