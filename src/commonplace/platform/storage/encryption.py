"""Files on local disk, encrypted with AES-256-GCM, so that any part of one can be read by itself.

    file  = salt (16) · mark (32) · block · block · …
    block = up to 64 KiB of content, encrypted, and its tag (16); nonce = number of the block (8) · 0 or, in the last, 1

Each file has a key of its own, derived from the operator's by the salt. The mark, an HMAC of the salt, tells an
encrypted file from a plain one written before there was a key: nobody without the key can write bytes that look
encrypted. Blocks cannot be swapped or cut off: their number, and which one is the last, is part of the nonce.
The content's SHA-256 in the database ties a file to its row.
"""

import hashlib
import hmac
import os
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from commonplace.platform.storage.errors import StorageUnavailable

BLOCK = 64 * 1024
TAG = 16
SEALED_BLOCK = BLOCK + TAG
_SALT = 16
HEADER = _SALT + hashlib.sha256().digest_size


class FileKeys:
    """Derives the key of each file from the operator's."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    @property
    def fingerprint(self) -> bytes:
        """Tells this key from others, and nothing about it: 64 hexadecimal digits."""
        return hmac.digest(self._key, b"fingerprint", hashlib.sha256).hex().encode()

    def new_header(self) -> bytes:
        """The first bytes of a new encrypted file."""
        salt = os.urandom(_SALT)
        return salt + self._mark(salt)

    def is_header(self, start_of_file: bytes) -> bool:
        """Whether a file that starts so was encrypted with our key."""
        return len(start_of_file) == HEADER and hmac.compare_digest(
            start_of_file[_SALT:], self._mark(start_of_file[:_SALT])
        )

    def cipher(self, header: bytes) -> AESGCM:
        """The cipher of the file that starts with `header`."""
        return AESGCM(hmac.digest(self._key, b"file" + header[:_SALT], hashlib.sha256))

    def _mark(self, salt: bytes) -> bytes:
        return hmac.digest(self._key, b"mark" + salt, hashlib.sha256)


class KeyRing:
    """The operator's keys: the one that new files are encrypted with, if any, and those that older ones may be.

    Which key a file needs is told by the mark in its header.
    """

    def __init__(self, current: bytes | None, previous: Sequence[bytes] = ()) -> None:
        self.current = FileKeys(current) if current else None
        others = [FileKeys(key) for key in previous if key != current]
        self._all = (*([self.current] if self.current else []), *others)

    def __bool__(self) -> bool:
        return bool(self._all)

    @property
    def fingerprints(self) -> frozenset[bytes]:
        """Of all keys."""
        return frozenset(key.fingerprint for key in self._all)

    @property
    def current_fingerprint(self) -> bytes:
        """Of the key that new files are encrypted with; empty: they are not."""
        return self.current.fingerprint if self.current else b""

    def of(self, start_of_file: bytes) -> FileKeys | None:
        """The key of a file that starts so; None: it is not encrypted with any of them."""
        return next((key for key in self._all if key.is_header(start_of_file)), None)

    def is_current(self, start_of_file: bytes) -> bool:
        """Whether a file that starts so is as a new one would be."""
        return self.of(start_of_file) is self.current


class Sealer:
    """Encrypts one file from its first byte to its last. One call at a time."""

    def __init__(self, keys: FileKeys) -> None:
        header = keys.new_header()
        self._cipher = keys.cipher(header)
        self._ready = [header]
        self._rest = b""
        self._number = 0

    def update(self, content: bytes) -> bytes:
        """What is to be written for `content`; up to one block is held back, since it may be the last."""
        view = memoryview(content)
        if self._rest and len(self._rest) + len(view) > BLOCK:
            missing = BLOCK - len(self._rest)
            self._seal(self._rest + view[:missing], last=False)
            self._rest, view = b"", view[missing:]
        while len(view) > BLOCK:
            self._seal(view[:BLOCK], last=False)
            view = view[BLOCK:]
        self._rest += view
        return self._take()

    def finish(self) -> bytes:
        """What is to be written at the end: the last block, which may be empty."""
        self._seal(self._rest, last=True)
        return self._take()

    def _seal(self, block: bytes | memoryview, *, last: bool) -> None:
        self._ready.append(self._cipher.encrypt(nonce(self._number, last=last), block, None))
        self._number += 1

    def _take(self) -> bytes:
        ready = b"".join(self._ready)
        self._ready.clear()
        return ready


def nonce(number: int, *, last: bool) -> bytes:
    """The nonce of a block; no two blocks of a file share one."""
    return number.to_bytes(8, "big") + (b"\0\0\0\1" if last else b"\0\0\0\0")


def content_size(file_size: int) -> int:
    """How many bytes of content an encrypted file of `file_size` bytes holds."""
    sealed = file_size - HEADER
    blocks = max(1, -(-sealed // SEALED_BLOCK))
    return max(0, sealed - blocks * TAG)


def open_blocks(cipher: AESGCM, sealed: bytes, *, first: int, last_of_file: int) -> bytes:
    """The content of consecutive blocks, the first of which has the number `first`.

    Raises:
        StorageUnavailable: the file was changed or cut after it was written.
    """
    content = []
    for number, offset in enumerate(range(0, len(sealed), SEALED_BLOCK), first):
        try:
            content.append(
                cipher.decrypt(nonce(number, last=number == last_of_file), sealed[offset : offset + SEALED_BLOCK], None)
            )
        except InvalidTag as error:
            raise StorageUnavailable(
                "A stored file is damaged, or was encrypted with another key; restore it from a backup."
            ) from error
    return b"".join(content)
