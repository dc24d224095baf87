"""Sends notices to browsers by Web Push.

RFC 8030 says what goes over the wire, RFC 8291 how it is encrypted, RFC 8292 how we are known.
"""

import asyncio
import secrets
import ssl
from http import HTTPStatus
from importlib import import_module
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

from commonplace.platform.messages.errors import PushGone, PushRefused, PushUnavailable
from commonplace.platform.messages.push import LARGEST_CONTENT, PushMessage, Receiver
from commonplace.platform.messages.push_keys import PushKey, derived_key, read_key
from commonplace.platform.messages.push_settings import PushSettings

_SALT_BYTES: Final = 16
_GONE: Final = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.GONE})  # RFC 8030, section 7.3
_LATER: Final = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})


class WebPush:
    """The installation's way to browsers. `parts[WebPush]`; what it needs is loaded with the first notice."""

    def __init__(self, settings: PushSettings, key: PushKey) -> None:
        self._settings = settings
        self._key = key
        self._client: Any = None

    @property
    def public_key(self) -> str:
        """What browsers subscribe with; a subscription made with another is of no use."""
        return self._key.public_key

    @property
    def allows_private(self) -> bool:
        """Whether push services on private addresses are reached."""
        return self._settings.private_addresses

    @property
    def kept_seconds(self) -> int:
        """How long a push service keeps a notice."""
        return self._settings.kept_hours * 3600

    async def send(self, receiver: Receiver, message: PushMessage) -> None:
        """Hand a notice over; when this returns, the push service has taken it on.

        Raises:
            PushGone: the subscription is no more, or leads where none may: forget it.
            PushRefused: this message will never be taken.
            PushUnavailable: it was not taken this time.
            ValueError: the content is longer than `LARGEST_CONTENT`.
        """
        if len(message.content) > LARGEST_CONTENT:
            raise ValueError(f"A pushed notice has {LARGEST_CONTENT} bytes at most.")
        import httpx  # noqa: PLC0415 - only where it is used

        from commonplace.platform.http.outward import AddressNotPublic  # noqa: PLC0415 - it loads httpx

        headers = {
            "Authorization": self._key.authorization(receiver.origin),
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(message.ttl_seconds),
            "Topic": message.topic,
            "Urgency": message.urgency,
        }
        client = self._client or self._connect()
        try:
            async with asyncio.timeout(self._settings.timeout_seconds):
                # What the service says is not read: its status says all, and its length is its own.
                async with client.stream(
                    "POST", receiver.endpoint, headers=headers, content=_sealed(message.content, receiver)
                ) as answer:
                    status = int(answer.status_code)
        except AddressNotPublic:
            raise PushGone(f"{receiver.origin} is not on the public internet.") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise PushUnavailable(f"{receiver.origin} could not be reached: {type(error).__name__}.") from error
        except TimeoutError as error:
            seconds = self._settings.timeout_seconds
            raise PushUnavailable(f"{receiver.origin} gave no answer within {seconds:g} s.") from error
        _judge(status, receiver.origin)

    async def close(self) -> None:
        """Close what is open."""
        if self._client is not None:
            await self._client.aclose()

    def _connect(self) -> Any:
        import httpx  # noqa: PLC0415 - only where it is used

        from commonplace.platform.http.outward import Outward  # noqa: PLC0415 - it loads httpx

        trusts = ssl.create_default_context(cafile=self._settings.trusted_certificates)
        trusts.minimum_version = ssl.TLSVersion.TLSv1_2
        transport = Outward(trusts=trusts, allows_private=self.allows_private)
        self._client = httpx.AsyncClient(transport=transport, timeout=None, trust_env=False)  # noqa: S113 - ours is over all of it
        return self._client


def build_web_push(settings: PushSettings, *, secret: bytes, contact: str) -> WebPush:
    """`secret`: what the key is derived from when the settings name none; `contact`: whom they name if nobody."""
    given = settings.private_key
    private_key = derived_key(secret) if given is None else read_key(given.get_secret_value())
    return WebPush(settings, PushKey(private_key, contact=settings.contact or contact))


def _sealed(content: bytes, receiver: Receiver) -> bytes:
    """What only this browser reads (RFC 8291), under a key pair of this one message."""
    http_ece = import_module("http_ece")  # only where it is used; it has no types

    sealed: bytes = http_ece.encrypt(
        content,
        salt=secrets.token_bytes(_SALT_BYTES),
        private_key=generate_private_key(SECP256R1()),
        dh=receiver.public_key,
        auth_secret=receiver.auth,
        version="aes128gcm",
    )
    return sealed


def _judge(status: int, origin: str) -> None:
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return
    if status in _GONE:
        raise PushGone(f"{origin} knows no such subscription ({status}).")
    if status in _LATER or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise PushUnavailable(f"{origin} answered {status}.")
    raise PushRefused(f"{origin} answered {status}.")
