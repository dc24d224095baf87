"""The keys that sign access tokens. They live in the database, encrypted, and every process agrees on them.

A process signs with the newest key that it can decrypt, and makes one when there is none; a lock in the database lets
one process do so at a time. It accepts tokens of every key that is not retired, and of a retired one for as long as its
last token may be valid. So keys rotate, and `JWT__SECRET_KEY` can be changed, while everybody stays signed in.

A key that somebody else may have is revoked: no token signed with it is accepted any more, anywhere, from the moment on
at which `rotate` returns. Sessions go on, since refresh tokens and cookies are no signatures: programs get a new access
token by the refresh token that they have.
"""

import asyncio
import secrets
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import structlog
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from commonplace.apps.accounts import queries
from commonplace.apps.accounts.derived_keys import DerivedKeys
from commonplace.apps.accounts.events import SigningKeysRotated
from commonplace.platform.database.bus import Bus
from commonplace.platform.database.errors import DatabaseUnavailable
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import Database
from commonplace.platform.events import log
from commonplace.platform.identity.tokens import ALGORITHM, KEYS_CHANGED, SigningKey, VerifyingKey
from commonplace.platform.identity.verifier import SESSION_CHANGED

_LOCK: Final = 0x7369676E  # "sign": the advisory lock of whoever makes a key
_NONCE_BYTES: Final = 12
_RELOAD_SECONDS: Final = 300.0  # without a word from the bus
_UNKNOWN_SECONDS: Final = 2.0  # at most one reload in this time for key ids that nobody knows
_ALLOWANCE: Final = timedelta(minutes=2)  # for clocks that differ
_log = structlog.get_logger(__name__)


class SigningKeys:
    """A `KeySource` over `accounts.signing_key`."""

    def __init__(
        self,
        *,
        database: Database,
        bus: Bus,
        keys: DerivedKeys,
        token_seconds: int,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._bus = bus
        self._derived = keys
        self._accepted_for = timedelta(seconds=token_seconds) + _ALLOWANCE
        self._clock = clock
        self._keys: dict[str, VerifyingKey] = {}
        self._current: SigningKey | None = None
        self._loaded = float("-inf")
        self._loading = asyncio.Lock()
        bus.subscribe(KEYS_CHANGED, self._grow_stale)

    async def signing_key(self) -> SigningKey:
        """The key to sign with; made when there is none that this process can decrypt."""
        await self._refresh(older_than_seconds=_RELOAD_SECONDS)
        return self._current or await self._make()

    async def verifying_key(self, kid: str) -> VerifyingKey | None:
        """The key of this id. One that is not known is looked for in the database, at most every two seconds."""
        # Out of touch with the others, this process may have missed that a key was revoked.
        in_touch = await self._bus.confirm()
        try:
            await self._refresh(older_than_seconds=_RELOAD_SECONDS if in_touch else _UNKNOWN_SECONDS)
        except DatabaseUnavailable:
            if kid not in self._keys:
                raise
        if kid not in self._keys:
            await self._refresh(older_than_seconds=_UNKNOWN_SECONDS)
        return self._keys.get(kid)

    async def verifying_keys(self) -> Sequence[VerifyingKey]:
        """Every key whose tokens are accepted, newest first; one is made when there is none yet."""
        await self.signing_key()
        return tuple(self._keys.values())

    async def rotate(self, *, is_compromised: bool = False, older_than: timedelta | None = None) -> str | None:
        """Make a new key, and retire all others; the new one's id. None: the present one is not `older_than` that.

        With `is_compromised` the others are revoked as well: when this returns, no process accepts what they signed,
        and none goes on to trust a caller whom it remembers.
        """
        async with self._loading, self._database.writing() as session:
            await session.execute(queries.LOCK, lock=_LOCK)
            present = await session.all(queries.ALL_SIGNING_KEYS)
            newest = next((row.created_at for row in present if row.retired_at is None), None)
            if older_than is not None and newest is not None and self._now - newest <= older_than:
                return None
            made = self._new_key()
            await session.execute(queries.ADD_SIGNING_KEY, **made)
            await session.execute(queries.RETIRE_SIGNING_KEYS, kid=made["kid"], now=self._now)
            if is_compromised:
                await session.execute(queries.REVOKE_SIGNING_KEYS, kid=made["kid"], now=self._now)
            fact = SigningKeysRotated(kid=made["kid"], is_compromised=is_compromised)
            await log.tell(session, fact, owner_id=None, by=None)
        self._grow_stale({})
        await self._bus.publish_and_wait(KEYS_CHANGED, {})
        if is_compromised:
            await self._bus.publish_and_wait(SESSION_CHANGED, {})  # of none in particular: each is read anew
        kid: str = made["kid"]
        return kid

    async def all_keys(self) -> Sequence[Row]:
        """Every key that is kept: kid, created_at, retired_at, revoked_at; the newest first."""
        async with self._database.reading() as session:
            return await session.all(queries.ALL_SIGNING_KEYS)

    def grow_stale(self) -> None:
        """Read the keys anew when one is asked for next: they are sealed with another secret from now on."""
        self._loaded = float("-inf")

    def _grow_stale(self, _payload: dict[str, Any]) -> None:
        self._loaded = float("-inf")

    async def _refresh(self, *, older_than_seconds: float) -> None:
        if time.monotonic() - self._loaded < older_than_seconds:
            return
        async with self._loading:
            if time.monotonic() - self._loaded < older_than_seconds:
                return  # another task has just done it
            began = time.monotonic()
            async with self._database.reading() as session:
                rows = await session.all(queries.SIGNING_KEYS, **self._accepted)
            self._loaded = began
            self._take(rows)

    async def _make(self) -> SigningKey:
        async with self._loading:
            async with self._database.writing() as session:
                await session.execute(queries.LOCK, lock=_LOCK)
                self._take(await session.all(queries.SIGNING_KEYS, **self._accepted))
                if self._current is None:
                    await session.execute(queries.ADD_SIGNING_KEY, **self._new_key())
                    self._take(await session.all(queries.SIGNING_KEYS, **self._accepted))
            current = self._current
        await self._bus.publish(KEYS_CHANGED, {})
        if current is None:
            raise LookupError("The signing key that was just made cannot be read.")
        return current

    def _new_key(self) -> dict[str, Any]:
        private_key = Ed25519PrivateKey.generate()
        kid = secrets.token_hex(8)
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return {
            "kid": kid,
            "algorithm": ALGORITHM,
            "public_key": private_key.public_key().public_bytes_raw(),
            "private_key": nonce + self._cipher.encrypt(nonce, private_key.private_bytes_raw(), kid.encode()),
            "now": self._now,
        }

    def _take(self, rows: Sequence[Row]) -> None:
        self._keys = {
            row.kid: VerifyingKey(kid=row.kid, public_key=Ed25519PublicKey.from_public_bytes(row.public_key))
            for row in rows
        }
        opened = (self._opened(row) for row in rows if row.retired_at is None)
        self._current = next(filter(None, opened), None)

    def _opened(self, row: Row) -> SigningKey | None:
        nonce, sealed = row.private_key[:_NONCE_BYTES], row.private_key[_NONCE_BYTES:]
        try:
            private = Ed25519PrivateKey.from_private_bytes(self._cipher.decrypt(nonce, sealed, row.kid.encode()))
        except (InvalidTag, ValueError):
            _log.warning("signing_key.sealed_with_another_secret", kid=row.kid)
            return None
        return SigningKey(kid=row.kid, private_key=private)

    @property
    def _cipher(self) -> AESGCM:
        return AESGCM(self._derived.sealing)  # of the secret that counts at this moment

    @property
    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)

    @property
    def _accepted(self) -> dict[str, Any]:
        return {"algorithm": ALGORITHM, "accepted_since": self._now - self._accepted_for}
