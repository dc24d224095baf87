"""`Identity`: turns an access token, an API token or a cookie into a `Caller`.

A credential is verified once and remembered. What is remembered is trusted only while the bus confirms that no word of
an ended session can have been missed; otherwise the session is looked up in the database anew. So a sign-out holds
everywhere as soon as every process has heard of it, and a process that hears nothing asks.

A session may end while its credential is being verified, after it was read and before it is remembered. Each
verification therefore keeps a witness: what the bus says meanwhile is written into it, and the session is read again.
"""

import hashlib
import math
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, Protocol
from uuid import UUID

from commonplace.platform.identity.api_tokens import is_well_formed
from commonplace.platform.identity.caller import EVERYTHING, Caller, Role
from commonplace.platform.identity.enrolment import SecondFactorMissing
from commonplace.platform.identity.errors import ApiTokenOver, InvalidCredential, SessionOver
from commonplace.platform.identity.foreign import Admitted, ForeignTokens, Origin
from commonplace.platform.identity.remembered import RememberedCallers
from commonplace.platform.identity.tokens import AccessTokens, Claims

SESSION_ENDED: Final = "session.ended"  #: bus channel; payload {"sids": [uuid, …]}, or {} when some may be lost
SESSION_CHANGED: Final = "session.changed"  #: the same, for sessions that go on with another role
REMEMBERED: Final = 10_000  #: credentials
RECHECK_SECONDS: Final = 60.0  #: after this a session is read anew, and its last use written down
LONGEST_COOKIE: Final = 128  #: characters
_TRIES: Final = 3  # reads of a session that is spoken of again and again while it is read


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveSession:
    """A session that has neither ended nor expired, of a person who is not suspended."""

    session_id: UUID
    person_id: UUID
    role: Role
    expires_at: float  #: Unix seconds; infinite: never
    scopes: frozenset[str] = EVERYTHING  #: what an API token admits
    may_only_enrol: bool = False  #: whether the person has to set up a second factor before anything else


Read = Callable[[], Awaitable[LiveSession | None]]


class SessionSource(Protocol):
    """Who knows the sessions: the accounts app, or a client of it in a separate service."""

    async def live_session(self, session_id: UUID) -> LiveSession | None:
        """The session of this id; None when it has ended or never was."""

    async def live_session_of_cookie(self, digest: bytes) -> LiveSession | None:
        """The session whose cookie's value has this SHA-256; None when it has ended or never was."""

    async def live_api_token(self, digest: bytes) -> LiveSession | None:
        """The API token with this SHA-256, as if it were a session; None when it was revoked, expired or never was."""


class Touch(Protocol):
    """What `Identity` needs of the bus."""

    def subscribe(self, channel: str, callback: Callable[[dict[str, Any]], None]) -> None:
        """Call back for each message; with {} after a break, when some may be lost."""

    async def confirm(self) -> bool:
        """Whether every message sent more than a second ago has been heard."""


class Identity:
    """Who is calling, by bearer token or cookie."""

    def __init__(
        self,
        *,
        tokens: AccessTokens,
        sessions: SessionSource,
        bus: Touch,
        remember: int = REMEMBERED,
        recheck_seconds: float = RECHECK_SECONDS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.tokens = tokens
        self._sessions = sessions
        self._bus = bus
        self._recheck_seconds = recheck_seconds
        self._clock = clock
        self._remembered = RememberedCallers(remember)
        # Apart: who knows an API token and sends it as a cookie must not be taken for the person's own session.
        self._remembered_api_tokens = RememberedCallers(remember)
        self._witnesses: set[_Witness] = set()
        self.foreign: ForeignTokens | None = None  #: whose tokens are credentials here beside our own
        bus.subscribe(SESSION_ENDED, self._hear)
        bus.subscribe(SESSION_CHANGED, self._hear)

    async def caller_of_bearer(
        self, token: str, *, even_enrolling: bool = False, origin: Callable[[], Origin] | None = None
    ) -> Caller:
        """The caller of an access token; with `even_enrolling` also one who has to set up a second factor first.

        Tokens of others are taken with the `origin` that they came from, where they are taken at all.

        Raises:
            SecondFactorMissing: the caller has to do so.
            InvalidCredential: it is forged, from elsewhere, or no token at all.
            CredentialExpired: its time is over.
            SessionOver: its session has ended.
            DatabaseUnavailable: whether its session has ended cannot be found out.
        """
        caller = await self._recall(self._remembered, token)
        if caller is None:
            foreign = self.foreign
            if origin is not None and foreign is not None and foreign.is_foreign(token):
                claims: Claims | Admitted = await foreign.admit(token, origin())
            else:
                claims = await self.tokens.verify(token)
            caller = await self._current(
                self._remembered,
                token,
                lambda: self._sessions.live_session(claims.session_id),
                expires_at=claims.expires_at,
                person_id=claims.person_id,
            )
        return _admitted(caller, even_enrolling=even_enrolling)

    async def caller_of_cookie(self, value: str, *, even_enrolling: bool = False) -> Caller:
        """The caller of a browser's session cookie. The request's origin was checked before.

        Raises:
            SecondFactorMissing: the caller has to set up a second factor first, and not `even_enrolling`.
            InvalidCredential: it is no value that a cookie of ours can have.
            SessionOver: no session has it, or not any more.
            DatabaseUnavailable: whether its session has ended cannot be found out.
        """
        caller = await self._recall(self._remembered, value)
        if caller is None:
            if not value or len(value) > LONGEST_COOKIE or not value.isascii():
                raise InvalidCredential
            digest = hashlib.sha256(value.encode()).digest()
            caller = await self._current(self._remembered, value, lambda: self._sessions.live_session_of_cookie(digest))
        return _admitted(caller, even_enrolling=even_enrolling)

    async def caller_of_api_token(self, token: str) -> Caller:
        """The caller of an API token, with its scopes; who admits the caller holds them against the request.

        Raises:
            InvalidCredential: it is none that an installation can have made.
            ApiTokenOver: it was revoked, has expired, or is of elsewhere.
            DatabaseUnavailable: whether it still holds cannot be found out.
        """
        remembered = await self._recall(self._remembered_api_tokens, token)
        if remembered is not None:
            return remembered
        if not is_well_formed(token):
            raise InvalidCredential("This API token is not complete, or was mistyped. Copy it anew, or make another.")
        digest = hashlib.sha256(token.encode()).digest()
        try:
            return await self._current(
                self._remembered_api_tokens, token, lambda: self._sessions.live_api_token(digest)
            )
        except SessionOver as error:
            raise ApiTokenOver from error

    async def _recall(self, memory: RememberedCallers, credential: str) -> Caller | None:
        # In this order: while the bus is asked, it may say that just this session ended.
        if await self._bus.confirm():
            return memory.get(credential, self._clock())
        return None

    def forget(self, session_ids: Iterable[UUID]) -> None:
        """Trust nothing that is remembered of these sessions; the next request reads them anew."""
        session_ids = set(session_ids)
        self._remembered.forget(session_ids)
        self._remembered_api_tokens.forget(session_ids)
        for witness in self._witnesses:
            witness.spoken_of |= session_ids

    def _hear(self, payload: dict[str, Any]) -> None:
        if "sids" in payload:
            self.forget(UUID(session_id) for session_id in payload["sids"])
            return
        self._remembered.clear()
        self._remembered_api_tokens.clear()
        for witness in self._witnesses:
            witness.missed_some = True

    async def _current(
        self,
        memory: RememberedCallers,
        credential: str,
        read: Read,
        *,
        expires_at: float = math.inf,
        person_id: UUID | None = None,
    ) -> Caller:
        for _ in range(_TRIES):
            witness = _Witness()
            self._witnesses.add(witness)
            try:
                session = await read()
            finally:
                self._witnesses.discard(witness)
            if session is None or (person_id is not None and session.person_id != person_id):
                raise SessionOver
            caller = Caller(
                person_id=session.person_id,
                session_id=session.session_id,
                role=session.role,
                scopes=session.scopes,
                may_only_enrol=session.may_only_enrol,
            )
            if not witness.missed_some and session.session_id not in witness.spoken_of:
                until = min(expires_at, session.expires_at, self._clock() + self._recheck_seconds)
                memory.put(credential, caller, until)
                return caller
        # Spoken of during each read, and alive at the last one: right for this request, but nothing to remember.
        return caller


def _admitted(caller: Caller, *, even_enrolling: bool) -> Caller:
    if caller.may_only_enrol and not even_enrolling:
        raise SecondFactorMissing
    return caller


class _Witness:
    """What the bus said while one session was read."""

    __slots__ = ("missed_some", "spoken_of")

    def __init__(self) -> None:
        self.spoken_of: set[UUID] = set()
        self.missed_some = False
