"""Sessions, keys and proofs in a process that does not serve the app accounts: asked of one that does."""

import asyncio
import base64
import time
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final, NoReturn
from uuid import UUID

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from commonplace.platform.identity.caller import Caller
from commonplace.platform.identity.errors import AccountsUnavailable, InvalidCredential, NotAdmitted, SessionOver
from commonplace.platform.identity.foreign import Admitted, Origin, claimed_issuer
from commonplace.platform.identity.proofs import ProofNeeded
from commonplace.platform.identity.services.client import AccountsClient
from commonplace.platform.identity.services.questions import (
    FOREIGN_PATH,
    KEYS_PATH,
    PROOF_PATH,
    SESSION_PATH,
    ForeignAnswer,
    ForeignQuestion,
    ProofAnswer,
    ProofQuestion,
    SessionAnswer,
    SessionQuestion,
)
from commonplace.platform.identity.tokens import VerifyingKey
from commonplace.platform.identity.verifier import LiveSession

_RELOAD_SECONDS: Final = 30.0
_UNKNOWN_SECONDS: Final = 2.0  # at most one reload in this time for key ids that nobody knows


class RemoteSessions:
    """A `SessionSource`: each question goes to the auth service. Any of them raises `AccountsUnavailable`."""

    def __init__(self, client: AccountsClient) -> None:
        self._client = client

    async def live_session(self, session_id: UUID) -> LiveSession | None:
        """The session of this id; None when it has ended or never was."""
        return await self._ask(SessionQuestion(session_id=session_id))

    async def live_session_of_cookie(self, digest: bytes) -> LiveSession | None:
        """The session of this cookie; None when it has ended or never was."""
        return await self._ask(SessionQuestion(cookie_digest=digest.hex()))

    async def live_api_token(self, digest: bytes) -> LiveSession | None:
        """The API token with this digest; None when it was revoked, has expired or never was."""
        return await self._ask(SessionQuestion(api_token_digest=digest.hex()))

    async def _ask(self, question: SessionQuestion) -> LiveSession | None:
        answer = await self._client.ask(SESSION_PATH, question, SessionAnswer)
        return None if answer.session is None else answer.session.live()


class RemoteProofs:
    """`Proofs` of the auth service."""

    def __init__(self, client: AccountsClient) -> None:
        self._client = client

    async def refuse_unless_recent(self, caller: Caller) -> None:
        """Let pass who has proved lately who they are.

        Raises:
            ProofNeeded: it is too long ago, or the caller is an API token.
            AccountsUnavailable: it cannot be found out.
        """
        question = ProofQuestion(session_id=caller.session_id, person_id=caller.person_id, scopes=sorted(caller.scopes))
        answer = await self._client.ask(PROOF_PATH, question, ProofAnswer)
        if not answer.is_proved:
            raise ProofNeeded(minutes=answer.minutes, factors=tuple(answer.factors))


class RemoteForeignTokens:
    """`ForeignTokens` of the auth service: it knows the other providers, and is asked about whatever is not ours."""

    def __init__(self, client: AccountsClient, issuer: str) -> None:
        """With the name that our own tokens bear as their issuer."""
        self._client = client
        self._issuer = issuer

    def is_foreign(self, token: str) -> bool:
        """Whether the token says that a provider elsewhere made it."""
        claimed = claimed_issuer(token)
        return claimed is not None and claimed != self._issuer and claimed.startswith("https://")

    async def admit(self, token: str, origin: Origin) -> Admitted:
        """Have the auth service verify the token, and find or begin its session.

        Raises:
            InvalidCredential: it is forged, over, or not for us.
            SessionOver: its session was ended here, or the person is suspended.
            NotAdmitted: it is genuine, and no account goes with it; the text says why.
            AccountsUnavailable: it cannot be found out.
        """
        question = ForeignQuestion(
            token=token, address=origin.address, user_agent=origin.user_agent, is_secure=origin.is_secure
        )
        answer = await self._client.ask(FOREIGN_PATH, question, ForeignAnswer)
        if answer.person_id is not None and answer.session_id is not None:
            return Admitted(person_id=answer.person_id, session_id=answer.session_id, expires_at=answer.expires_at)
        if answer.is_over:
            raise SessionOver
        if answer.status == HTTPStatus.UNAUTHORIZED:
            raise InvalidCredential(answer.detail)
        if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise AccountsUnavailable
        raise NotAdmitted(answer.detail)


class _Key(msgspec.Struct, frozen=True):
    kid: str
    x: str
    kty: str
    crv: str


class _KeySet(msgspec.Struct, frozen=True):
    keys: list[_Key]


class RemoteKeys:
    """A `KeySource` that verifies with the auth service's published keys, and signs nothing."""

    def __init__(self, client: AccountsClient) -> None:
        self._client = client
        self._keys: dict[str, VerifyingKey] = {}
        self._loaded = float("-inf")
        self._loading = asyncio.Lock()

    async def signing_key(self) -> NoReturn:
        """Raise: the auth service alone makes tokens out.

        Raises:
            LookupError: always.
        """
        raise LookupError("Tokens are made out by the auth service, not by this one.")

    async def verifying_key(self, kid: str) -> VerifyingKey | None:
        """The key of this id. One that is not known is asked for, at most every two seconds.

        Raises:
            AccountsUnavailable: it is not known, and cannot be asked for. (A known one is used meanwhile: whether its
                session is alive has to be asked all the same.)
        """
        try:
            await self._refresh(older_than_seconds=_RELOAD_SECONDS)
        except AccountsUnavailable:
            if kid not in self._keys:
                raise
        if kid not in self._keys:
            await self._refresh(older_than_seconds=_UNKNOWN_SECONDS)
        return self._keys.get(kid)

    async def verifying_keys(self) -> Sequence[VerifyingKey]:
        """Every key whose tokens are accepted.

        Raises:
            AccountsUnavailable: they cannot be asked for.
        """
        await self._refresh(older_than_seconds=_RELOAD_SECONDS)
        return tuple(self._keys.values())

    async def _refresh(self, *, older_than_seconds: float) -> None:
        if time.monotonic() - self._loaded < older_than_seconds:
            return
        async with self._loading:
            if time.monotonic() - self._loaded < older_than_seconds:
                return  # another task has just done it
            began = time.monotonic()
            answer = await self._client.ask(KEYS_PATH, None, _KeySet)
            known = {"kty": "OKP", "crv": "Ed25519"}
            self._keys = {
                key.kid: VerifyingKey(kid=key.kid, public_key=Ed25519PublicKey.from_public_bytes(_decoded(key.x)))
                for key in answer.keys
                if {"kty": key.kty, "crv": key.crv} == known
            }
            self._loaded = began

    def grow_stale(self, _payload: dict[str, Any]) -> None:
        """Ask anew at the next token: the bus says that the keys changed, or that some word may be lost."""
        self._loaded = float("-inf")


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
