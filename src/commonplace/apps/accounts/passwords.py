"""Hashing passwords: off the event loop, in few threads, with a queue that has an end.

bcrypt takes 72 bytes and no NUL. A password beyond that is hashed with SHA-256 first, and the stored hash says so by a
prefix of its own. Passwords are compared in NFKC, so that one typed on another keyboard is the same (NIST SP 800-63B).
"""

import asyncio
import base64
import hashlib
import math
import os
import platform
import secrets
import string
import threading
import time
import unicodedata
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final, TypeVar

import bcrypt
import structlog
from pwdlib import PasswordHash
from pwdlib.exceptions import PwdlibError
from pwdlib.hashers import HasherProtocol
from pwdlib.hashers.argon2 import Argon2Hasher
from pwdlib.hashers.bcrypt import BcryptHasher

from commonplace.apps.accounts.errors import SignInBusy
from commonplace.apps.accounts.password_rules import MOST_CHARACTERS
from commonplace.apps.accounts.settings import AccountsSettings

LONG_PREFIX: Final = "$sha256"  #: stands before a bcrypt hash (`$2b$…`) whose password went through SHA-256 first
_BCRYPT_BYTES: Final = 72
_NICENESS: Final = 10  # while cores hash, p99 of a wake-up was 12 ms at 0 and at 5, and 1 to 3 ms from 10 on (EEVDF)
_SLOTS_PER_THREAD: Final = 2  # one hashes while the other talks with the database
_ARGON2_BYTES: Final = 32
_log = structlog.get_logger(__name__)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of comparing a password with a stored hash."""

    is_right: bool
    replacement: str | None = None  #: the hash to store instead, when the scheme or its cost has changed since


class Passwords:
    """Hashes and checks passwords, in at most as many threads as there are cores."""

    def __init__(self, settings: AccountsSettings) -> None:
        self.threads = settings.hashing_threads or _cores()
        self._queue = settings.hashing_queue
        self._slots = asyncio.Semaphore(self.threads * _SLOTS_PER_THREAD)
        self._waiting = 0
        self._seconds_each = 0.1
        self._executor = ThreadPoolExecutor(self.threads, thread_name_prefix="password", initializer=_step_back)
        hashers: list[HasherProtocol] = [
            BcryptOfAnyLength(settings.effective_bcrypt_cost),
            Argon2Hasher(time_cost=settings.argon2_passes, memory_cost=settings.argon2_memory_kib, parallelism=1),
        ]
        if settings.hashing_scheme == "argon2id":
            hashers.reverse()
            self._nobodys = _nobodys_argon2(settings)
        else:
            self._nobodys = _nobodys_bcrypt(settings)
        self._hash = PasswordHash(hashers)

    def close(self) -> None:
        """End the threads, after what they are at."""
        self._executor.shutdown(cancel_futures=True)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for one's turn to hash; first come, first served. `hash` and `check` belong inside.

        Raises:
            SignInBusy: too many wait already.
        """
        if self._slots.locked() and self._waiting >= self._queue:
            wait_seconds = self._waiting * self._seconds_each / self.threads
            raise SignInBusy(retry_after_seconds=max(1, math.ceil(wait_seconds)))
        self._waiting += 1
        try:
            await self._slots.acquire()
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._slots.release()

    async def hash(self, password: str) -> str:
        """The hash to store for `password`, by the scheme of the settings."""
        return await self._off_the_loop(lambda: self._hash.hash(_normalised(password)))

    async def check(self, password: str, stored: str | None) -> Checked:
        """Compare `password` with a stored hash; with None (nobody's) it is wrong, after the same work."""
        if len(password) > MOST_CHARACTERS:
            password, stored = "", None  # no account has it
        return await self._off_the_loop(lambda: self._compare(_normalised(password), stored))

    def _compare(self, password: bytes, stored: str | None) -> Checked:
        if stored is not None:
            try:
                return Checked(*self._hash.verify_and_update(password, stored))
            except (PwdlibError, ValueError) as error:
                _log.warning("password.hash_unreadable", reason=type(error).__name__)
        self._hash.verify(password, self._nobodys)
        return Checked(is_right=False)

    async def _off_the_loop(self, work: Callable[[], T]) -> T:
        began = time.monotonic()
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, work)
        finally:
            self._seconds_each += (time.monotonic() - began - self._seconds_each) / 8


class BcryptOfAnyLength(BcryptHasher):
    """bcrypt, with SHA-256 before it where a password is too long for it or has a NUL."""

    @classmethod
    def identify(cls, hash: str | bytes) -> bool:  # noqa: A002 - the protocol's name
        """Whether the stored hash is one of ours."""
        return super().identify(_text(hash).removeprefix(LONG_PREFIX))

    def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
        """The hash to store."""
        secret = _bytes(password)
        if _fits(secret):
            return super().hash(secret, salt=salt)
        return LONG_PREFIX + super().hash(_shortened(secret), salt=salt)

    def verify(self, password: str | bytes, hash: str | bytes) -> bool:  # noqa: A002 - the protocol's name
        """Whether the password fits the stored hash; takes one bcrypt in every case."""
        secret, stored = _bytes(password), _text(hash)
        is_long = stored.startswith(LONG_PREFIX)
        is_equal = super().verify(secret if _fits(secret) else _shortened(secret), stored.removeprefix(LONG_PREFIX))
        return is_equal and is_long is not _fits(secret)

    def check_needs_rehash(self, hash: str | bytes) -> bool:  # noqa: A002 - the protocol's name
        """Whether the stored hash has another cost than new ones."""
        return super().check_needs_rehash(_text(hash).removeprefix(LONG_PREFIX))


def _fits(secret: bytes) -> bool:
    return len(secret) <= _BCRYPT_BYTES and b"\x00" not in secret


def _shortened(secret: bytes) -> bytes:
    return base64.b64encode(hashlib.sha256(secret).digest())


def _normalised(password: str) -> bytes:
    # A lone surrogate cannot be UTF-8; where one comes by a terminal it must not become an error of ours.
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")


def _bytes(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else value


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode()


def _nobodys_bcrypt(settings: AccountsSettings) -> str:
    """A hash of nothing anybody knows, at the present cost, made without hashing: the first sign-in is not slower."""
    letters = "./" + string.ascii_letters + string.digits
    return (
        bcrypt.gensalt(settings.effective_bcrypt_cost).decode()
        + "".join(secrets.choice(letters) for _ in range(30))
        + "."
    )


def _nobodys_argon2(settings: AccountsSettings) -> str:
    salt, digest = (
        base64.b64encode(secrets.token_bytes(length)).rstrip(b"=").decode() for length in (16, _ARGON2_BYTES)
    )
    return f"$argon2id$v=19$m={settings.argon2_memory_kib},t={settings.argon2_passes},p=1${salt}${digest}"


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _step_back() -> None:
    if platform.system() == "Linux":  # elsewhere a thread has no niceness of its own
        with suppress(OSError):
            niceness = os.getpriority(os.PRIO_PROCESS, 0) + _NICENESS
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), niceness)
