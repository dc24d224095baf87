"""What a storage of objects promises, whatever keeps the bytes.

Objects are written once and never changed in place: a write is whole or absent, also after `kill -9`, a power cut or a
full disk. What stands in the database (names, owners, media types) is not kept here. `LocalStorage` and `S3Storage` run
the same contract tests.
"""

from collections.abc import AsyncIterable, AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from commonplace.platform.storage.signing import Grant


@dataclass(frozen=True, slots=True)
class Stored:
    """What was written: durable by the time one holds this."""

    key: str
    size_bytes: int
    sha256: bytes  #: 32 bytes, computed from what came in

    @property
    def sha256_hex(self) -> str:
        """The digest as 64 lower-case hexadecimal digits."""
        return self.sha256.hex()


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """What the storage itself knows of an object."""

    key: str
    size_bytes: int
    modified_at: datetime  #: when it came to this storage (UTC); never earlier than the write


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A request that whoever holds it may make until it expires, without any credential."""

    method: str
    url: str  #: absolute on S3; a path of this application on local disk
    headers: dict[str, str]  #: to be sent exactly so: they are part of what is signed
    expires_at: datetime


class ObjectWriter(Protocol):
    """An object that is being written. Used with `async with`, it aborts unless it was committed."""

    @property
    def size_bytes(self) -> int:
        """How many bytes were handed in so far."""

    async def write(self, chunk: bytes) -> None:
        """Add `chunk`, of any length. Waits while the storage is slower than the sender.

        Raises:
            StorageFull: there is no room; the writer is aborted, and nothing is left behind.
            StorageUnavailable: the same, for another reason.
        """

    async def commit(self) -> Stored:
        """Make the object appear, whole and durable.

        Raises:
            ObjectExists: it was to be written only if absent.
            StorageFull, StorageUnavailable: as for `write`.
        """

    async def abort(self) -> None:
        """Forget the object. Does nothing after a commit or another abort."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class GrowingObject(Protocol):
    """An object that more is written to, at its end, over several requests. Used with `async with`, it is closed.

    What counts of it is known to whoever grows it, and to nobody else: what was written and not made durable is gone
    with the process, and beyond what counts there may be anything.
    """

    async def write(self, chunk: bytes) -> None:
        """Add `chunk`, of any length. Waits while the storage is slower than the sender.

        Raises:
            StorageFull, StorageUnavailable: it failed; what was made durable before stays.
        """

    async def sync(self) -> int:
        """Make what was written durable; how many bytes the object has then."""

    async def close(self) -> None:
        """Let go of it, and of what was not made durable. Does nothing the second time."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class ObjectReader(Protocol):
    """The bytes of an object, or of a range of it, in chunks of at most 1 MiB; one or two are in memory at a time."""

    @property
    def size_bytes(self) -> int:
        """The size of the whole object."""

    @property
    def start(self) -> int:
        """The first byte that is read."""

    @property
    def end(self) -> int:
        """The byte behind the last one that is read."""

    def __aiter__(self) -> AsyncIterator[bytes]: ...

    async def __anext__(self) -> bytes:
        """The next chunk.

        Raises:
            StorageUnavailable: the storage went away, or holds fewer bytes than it said.
        """

    async def aclose(self) -> None:
        """Let go of the object; done by itself at the end of the bytes."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class ObjectStorage(Protocol):
    """A place for objects. Every method may raise `InvalidKey` and `StorageUnavailable`."""

    async def start(self) -> None:
        """Get ready: make the directory, remove what dead processes left."""

    async def close(self) -> None:
        """Let go of threads and connections. Writers that are still open are lost."""

    async def put(
        self,
        key: str,
        content: bytes | AsyncIterable[bytes],
        *,
        content_type: str | None = None,
        expected_bytes: int | None = None,
        only_if_absent: bool = False,
    ) -> Stored:
        """Write one object; it is durable on return, and absent after any error.

        An object of the same key is replaced as a whole, unless `only_if_absent`. `expected_bytes`, where it is known,
        lets a write that cannot fit be refused at once. `content_type` is kept where the storage can (S3).

        Raises:
            ObjectExists: `only_if_absent`, and there is one.
            StorageFull: there is no room, or less than is kept for the database would remain.
        """

    async def put_many(self, objects: Sequence[tuple[str, bytes]]) -> list[Stored]:
        """Write many small objects, all durable on return; faster than one after the other.

        Not atomic as a whole: after an error any of them may be there. Each is whole or absent.
        """

    async def open_writer(
        self,
        key: str,
        *,
        content_type: str | None = None,
        expected_bytes: int | None = None,
        only_if_absent: bool = False,
    ) -> ObjectWriter:
        """Begin an object whose bytes arrive piece by piece; the arguments are those of `put`."""

    async def grow(self, key: str, size_bytes: int) -> GrowingObject | None:
        """Go on with an object of which `size_bytes` count; what there is beyond is dropped. 0 begins it.

        None where objects cannot grow (S3, encrypted files): there one writes several and has them joined.

        Raises:
            ObjectNotFound: there is none, or it is shorter.
            ObjectBusy: somebody else is writing to it.
            StorageFull: there is no room.
        """

    async def join(self, key: str, parts: Sequence[tuple[str, int]]) -> None:
        """Make an object of the bytes of others, in their order; they stay. Durable on return, absent after any error.

        `parts` are keys, each with how many of its first bytes count.

        Raises:
            ObjectNotFound: one of them is not there.
            StorageFull: there is no room for it.
        """

    async def stat(self, key: str) -> ObjectInfo:
        """What is known of an object.

        Raises:
            ObjectNotFound: there is none.
        """

    async def read(self, key: str, start: int = 0, end: int | None = None) -> ObjectReader:
        """Open an object for reading from byte `start` to before byte `end` (by default, or beyond: its end).

        Errors come here, before the first byte.

        Raises:
            ObjectNotFound: there is none.
            RangeNotSatisfiable: the range holds no byte. An empty object can be read whole, from 0 to its end.
        """

    async def local_path(self, key: str) -> Path | None:
        """A file that the server can send by itself; `None` where there is no such thing (S3, encrypted files).

        Raises:
            ObjectNotFound: there is no such object.
        """

    async def copy(self, source: str, destination: str) -> None:
        """Make a second, independent object; one of that key is replaced.

        Raises:
            ObjectNotFound: there is no `source`.
        """

    async def delete(self, *keys: str) -> None:
        """Remove objects; those that do not exist are no error."""

    def list(self, prefix: str = "") -> AsyncIterator[ObjectInfo]:
        """Every object below the folder `prefix` (whole segments, no slash at the end), ordered by key.

        Memory is bounded: one page, or one directory's names, at a time. What is written or deleted meanwhile may
        or may not be seen.
        """

    async def sign_read(
        self,
        key: str,
        *,
        lifetime: timedelta | None = None,
        disposition: str | None = None,
        content_type: str | None = None,
    ) -> SignedRequest:
        """A URL that reads this object and nothing else; the object is not looked up.

        Args:
            key: The object.
            lifetime: How long it works, 1 second to 7 days; by default 60 minutes, or what the settings say.
            disposition: The `Content-Disposition` that the answer is to have.
            content_type: The `Content-Type` that the answer is to have.
        """

    async def sign_upload(
        self, key: str, *, size_bytes: int, content_type: str, lifetime: timedelta | None = None
    ) -> SignedRequest:
        """A URL that takes exactly `size_bytes` bytes of `content_type` by PUT, once: only while `key` is absent."""

    def redeem(self, token: str, *, method: str) -> Grant:
        """What the token of a signed URL of this application allows.

        Raises:
            SignatureRefused: it was altered, is too old, is for another method, or this storage makes no tokens.
        """

    async def remove_leftovers(self) -> int:
        """Remove what writers that died left behind; how many there were. Writers that live are not touched."""

    async def check(self) -> None:
        """Ask for a sign of life, cheaply.

        Raises:
            StorageUnavailable: the directory or the bucket is gone, or refuses us.
        """

    async def free_bytes(self) -> int | None:
        """How much more is taken before writes are refused; None where no end is known (S3)."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
