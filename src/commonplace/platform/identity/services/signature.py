"""How the services of one installation know each other: each signs what it asks with a key that all of them have.

The signature is an HMAC-SHA256 over method, path, moment and body, in the header `Commonplace-Service`. It holds for a
minute and for nothing but this question, so that a log or a dump that shows one gives nothing away.
"""

import hashlib
import hmac
import re
import time
from collections.abc import Callable
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

HEADER: Final = "Commonplace-Service"
PREFIX: Final = "/internal/"  #: paths that only services reach; a gateway leads nobody there
VALID_SECONDS: Final = 60  #: either way, for clocks that differ
_SHAPE: Final = re.compile(r"(\d{1,12}) ([0-9a-f]{64})")
_USE: Final = b"commonplace: services"


class ServiceKey:
    """The key of one installation's services, from `JWT__SECRET_KEY`; that of the secret before still counts."""

    def __init__(self, secret: bytes, previous: bytes | None = None, *, clock: Callable[[], float] = time.time) -> None:
        self.take(secret, previous)
        self._clock = clock

    def take(self, secret: bytes, previous: bytes | None = None) -> None:
        """Sign with the key of another secret from now on."""
        self._keys = [
            HKDF(algorithm=SHA256(), length=32, salt=None, info=_USE).derive(one) for one in (secret, previous) if one
        ]

    def sign(self, method: str, path: str, body: bytes) -> str:
        """The value of the header for a request that is sent now."""
        moment = str(int(self._clock()))
        return f"{moment} {_signature(self._keys[0], method, path, moment, body)}"

    def is_genuine(self, header: str, method: str, path: str, body: bytes) -> bool:
        """Whether a service of this installation sent this, within the last minute."""
        match = _SHAPE.fullmatch(header)
        if match is None or abs(self._clock() - int(match[1])) > VALID_SECONDS:
            return False
        return any(hmac.compare_digest(_signature(key, method, path, match[1], body), match[2]) for key in self._keys)


def _signature(key: bytes, method: str, path: str, moment: str, body: bytes) -> str:
    message = "\n".join((method, path, moment, hashlib.sha256(body).hexdigest()))
    return hmac.new(key, message.encode(), hashlib.sha256).hexdigest()
