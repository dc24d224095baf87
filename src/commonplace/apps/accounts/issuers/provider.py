"""What an issuer says of itself, and the keys that it signs with: fetched when needed, and remembered for a while.

A key that is not known is looked for at most every ten seconds, so strangers with invented ids cause no storm. While
the issuer is away, what is remembered goes on to count.
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import jwt
import structlog
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from commonplace.apps.accounts.issuers.errors import IssuerNotBelieved, IssuerUnavailable
from commonplace.apps.accounts.issuers.issuer import Issuer
from commonplace.apps.accounts.issuers.web import AnswerUnusable, Web

_METADATA_SECONDS: Final = 6 * 3600.0
_KEYS_SECONDS: Final = 3600.0
_UNKNOWN_SECONDS: Final = 10.0  # between two looks for a key that is not known
_RETRY_SECONDS: Final = 30.0  # between two tries to fetch anew what is remembered
_FEWEST_RSA_BITS: Final = 2048  # RFC 7518, section 3.3
#: RFC 7518 and 8037: signatures by a key pair only, so that no public key can serve as a secret.
ALGORITHMS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"), "RSA"),
    **dict.fromkeys(("ES256", "ES384", "ES512"), "EC"),
    "EdDSA": "OKP",
}
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """OpenID Connect Discovery 1.0, section 3: what of it is needed."""

    authorization_endpoint: str | None  #: None: of a user pool without pages of its own
    token_endpoint: str | None
    userinfo_endpoint: str | None
    jwks_uri: str | None
    token_auth_methods: tuple[str, ...]
    tells_itself: bool  #: whether it names itself when it leads back (RFC 9207)


class Provider:
    """One issuer, as this process knows it."""

    def __init__(self, issuer: Issuer, web: Web) -> None:
        self.issuer = issuer
        self.web = web
        self._metadata: Metadata | None = None
        self._metadata_until = 0.0
        self._keys: list[Mapping[str, Any]] = []
        self._keys_at = float("-inf")
        self._asking = asyncio.Lock()

    async def metadata(self) -> Metadata:
        """Where its endpoints are.

        Raises:
            IssuerUnavailable: it does not answer.
            IssuerNotBelieved: it is not who the settings name, or says nothing of use.
        """
        async with self._asking:
            if self._metadata is None or time.monotonic() >= self._metadata_until:
                self._metadata = await self._fresh_metadata()
            return self._metadata

    async def key(self, kid: str | None, algorithm: str) -> jwt.PyJWK | None:
        """The key of this id for this algorithm; without an id the only one there is. None: it has no such key.

        Raises:
            IssuerUnavailable: its keys cannot be fetched.
            IssuerNotBelieved: as `metadata`.
        """
        metadata = await self.metadata()
        async with self._asking:
            age = time.monotonic() - self._keys_at
            if age > _KEYS_SECONDS or (age > _UNKNOWN_SECONDS and self._found(kid, algorithm) is None):
                await self._fetch_keys(metadata)
        found = self._found(kid, algorithm)
        return None if found is None else _usable(found, algorithm)

    def _found(self, kid: str | None, algorithm: str) -> Mapping[str, Any] | None:
        fitting = [
            key
            for key in self._keys
            if key.get("kty") == ALGORITHMS.get(algorithm)
            and key.get("use", "sig") == "sig"
            and key.get("alg", algorithm) == algorithm
            and (kid is None or key.get("kid") == kid)
        ]
        return fitting[0] if len(fitting) == 1 or (fitting and kid is not None) else None

    async def _fetch_keys(self, metadata: Metadata) -> None:
        if metadata.jwks_uri is None:
            raise IssuerNotBelieved(self.issuer.title)
        try:
            document = await self.web.get(metadata.jwks_uri)
        except AnswerUnusable as error:
            _log.warning("issuer.keys_unavailable", issuer=self.issuer.name, why=str(error))
            if not self._keys:
                raise IssuerUnavailable(self.issuer.title) from error
            self._keys_at = time.monotonic() - _KEYS_SECONDS + _RETRY_SECONDS
            return
        keys = document.get("keys")
        self._keys = [key for key in keys if isinstance(key, dict)] if isinstance(keys, list) else []
        self._keys_at = time.monotonic()

    async def _fresh_metadata(self) -> Metadata:
        issuer = self.issuer
        if not issuer.speaks_openid:
            return self._checked({}, "")
        address = issuer.address.removesuffix("/") + "/.well-known/openid-configuration"
        try:
            document = await self.web.get(address)
        except AnswerUnusable as error:
            _log.warning("issuer.unavailable", issuer=issuer.name, why=str(error))
            if self._metadata is None:
                raise IssuerUnavailable(issuer.title) from error
            self._metadata_until = time.monotonic() + _RETRY_SECONDS
            return self._metadata
        # Discovery 1.0, section 4.3: who answers as another than who was asked is not to be believed.
        if document.get("issuer") != issuer.address:
            _log.error("issuer.is_another", issuer=issuer.name, says=str(document.get("issuer"))[:200])
            raise IssuerNotBelieved(issuer.title)
        return self._checked(document, address)

    def _checked(self, document: Mapping[str, Any], address: str) -> Metadata:
        issuer = self.issuer
        is_secure = not address.startswith("http://")

        def endpoint(name: str) -> str | None:
            given = getattr(issuer, name, None) or document.get(name)
            fits = isinstance(given, str) and given.startswith(("https://",) if is_secure else ("https://", "http://"))
            return given if fits or getattr(issuer, name, None) else None

        methods = document.get("token_endpoint_auth_methods_supported")
        self._metadata_until = time.monotonic() + _METADATA_SECONDS
        return Metadata(
            authorization_endpoint=endpoint("authorization_endpoint"),
            token_endpoint=endpoint("token_endpoint"),
            userinfo_endpoint=endpoint("userinfo_endpoint"),
            jwks_uri=endpoint("jwks_uri"),
            # Left out it means this one (Discovery 1.0, section 3).
            token_auth_methods=tuple(map(str, methods)) if isinstance(methods, list) else ("client_secret_basic",),
            tells_itself=document.get("authorization_response_iss_parameter_supported") is True,
        )


def _usable(key: Mapping[str, Any], algorithm: str) -> jwt.PyJWK | None:
    try:
        read = jwt.PyJWK(dict(key), algorithm=algorithm)
    except (jwt.PyJWTError, ValueError, TypeError):
        return None
    if isinstance(read.key, RSAPublicKey) and read.key.key_size < _FEWEST_RSA_BITS:
        return None
    return read
