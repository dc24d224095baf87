"""What stands before a link: its password, and the pass that whoever gave it carries.

Passwords are hashed with Argon2id, one at a time in a process, off the event loop. Who gave the right one, or a name
where one is asked for, gets a pass: a few fields under an HMAC-SHA256, good for this link, for some hours, and only
while the link has the password that it had.
"""

import asyncio
import base64
import binascii
import hashlib
import hmac
import ipaddress
import time
import unicodedata
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Final, TypeVar
from uuid import UUID

import msgspec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from commonplace.platform.http.context import is_loopback
from commonplace.platform.sharing.errors import LinkBusy

if TYPE_CHECKING:
    from argon2 import PasswordHasher

T = TypeVar("T")
_USE: Final = b"commonplace: links"
_KEY_BYTES: Final = 16
_LONGEST_PASS: Final = 2048  #: characters; ours have a name of 80 in them
_MOST_WAITING: Final = 32
_MEMORY_KIB: Final = 19_456  # OWASP, "Password Storage Cheat Sheet": 19 MiB, two passes, one lane
_PASSES: Final = 2


class Pass(msgspec.Struct, frozen=True, array_like=True):
    """What somebody showed at a link."""

    link_id: str
    until: int  #: Unix seconds
    lock: str  #: which password was given; empty: there was none
    name: str | None


class LinkGate:
    """A part: checks the passwords of links, and makes and reads passes. Nothing is started before it is needed."""

    def __init__(self, secret: bytes, *, clock: Callable[[], float] = time.time) -> None:
        self._key = HKDF(algorithm=SHA256(), length=32, salt=None, info=_USE).derive(secret)
        self._clock = clock
        self._waiting = 0
        self._turns = asyncio.Semaphore(1)

    async def close(self) -> None:
        """End the thread, if there is one."""
        if "_thread" in self.__dict__:
            self._thread.shutdown(cancel_futures=True)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for one's turn; `fits` belongs inside, and so does the count of wrong passwords before it.

        Raises:
            LinkBusy: too many wait already.
        """
        if self._waiting >= _MOST_WAITING:
            raise LinkBusy
        self._waiting += 1
        try:
            async with self._turns:
                yield
        finally:
            self._waiting -= 1

    async def hash(self, password: str) -> str:
        """What is stored of a password."""
        async with self.turn():
            return await self._off_the_loop(lambda: self._hasher.hash(_normalised(password)))

    async def fits(self, password: str, stored: str) -> bool:
        """Whether this is the password of the stored hash."""
        from argon2.exceptions import Argon2Error, InvalidHashError  # noqa: PLC0415 - loaded when it is needed

        def verify() -> bool:
            try:
                return self._hasher.verify(stored, _normalised(password))
            except (Argon2Error, InvalidHashError):
                return False

        return await self._off_the_loop(verify)

    def make_pass(self, link_id: UUID, password_hash: str | None, name: str | None, seconds: int) -> tuple[str, int]:
        """A pass for this link, and until when it is good, in Unix seconds."""
        until = int(self._clock()) + seconds
        shown = msgspec.json.encode(Pass(link_id.hex, until, _lock(password_hash), name))
        return f"{_text(shown)}.{_text(self._mac(shown))}", until

    def read_pass(self, text: str, link_id: UUID, password_hash: str | None) -> Pass | None:
        """The pass, when it is one of ours for this link as it is now; otherwise None."""
        shown, _, mac = text.partition(".")
        if len(text) > _LONGEST_PASS or not text.isascii():
            return None
        try:
            content = _bytes(shown)
            if not hmac.compare_digest(self._mac(content), _bytes(mac)):
                return None
            found = msgspec.json.decode(content, type=Pass)
        except (binascii.Error, ValueError, msgspec.DecodeError):
            return None
        is_good = found.link_id == link_id.hex and found.until > self._clock() and found.lock == _lock(password_hash)
        return found if is_good else None

    def visitor_key(self, link_id: UUID, address: str, browser: str) -> bytes:
        """By which visitors of one link are told apart: nobody can compute it who has not our secret."""
        return self._keyed(b"visitor", link_id.bytes + network_of(address).encode() + b"\0" + browser.encode())

    def network_key(self, address: str) -> bytes | None:
        """Under which the guesses from an address are counted; None: those of this machine are not."""
        return None if not address or is_loopback(address) else self._keyed(b"network", network_of(address).encode())

    @cached_property
    def _thread(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(1, thread_name_prefix="link-password")

    @cached_property
    def _hasher(self) -> "PasswordHasher":
        from argon2 import PasswordHasher  # noqa: PLC0415 - loaded when it is needed

        return PasswordHasher(time_cost=_PASSES, memory_cost=_MEMORY_KIB, parallelism=1)

    async def _off_the_loop(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _mac(self, content: bytes) -> bytes:
        return hmac.digest(self._key, b"pass\0" + content, "sha256")

    def _keyed(self, what: bytes, content: bytes) -> bytes:
        return hmac.digest(self._key, what + b"\0" + content, "sha256")[:_KEY_BYTES]


def network_of(address: str) -> str:
    """Whom one person has whole: an IPv4 address, or the /64 network of an IPv6 one."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    return str(ipaddress.ip_network((parsed, 64), strict=False)) if parsed.ipv4_mapped is None else str(parsed)


def address_class(address: str) -> str:
    """What the ledger says of an address: where it lies, not whose it is. Of public ones the /24, or the /48."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    mapped = getattr(parsed, "ipv4_mapped", None)
    parsed = parsed if mapped is None else mapped
    if parsed.is_loopback:
        return "this machine"
    if not parsed.is_global:
        return "local network"
    return str(ipaddress.ip_network((parsed, 24 if parsed.version == 4 else 48), strict=False))  # noqa: PLR2004


def _lock(password_hash: str | None) -> str:
    return "" if password_hash is None else hashlib.sha256(password_hash.encode()).hexdigest()[:_KEY_BYTES]


def _normalised(password: str) -> bytes:
    # NIST SP 800-63B: the same letters typed on another keyboard are the same password.
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
