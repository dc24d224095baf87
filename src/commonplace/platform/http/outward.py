"""Requests to addresses that somebody else named: they reach the public internet, and nothing of the operator's own.

A name is resolved once, every address it has is looked at, and the connection goes to one of just these: a name that
answers differently the next moment (DNS rebinding) gains nothing. Redirects are not followed, proxies of the
environment not asked. The certificate has to be good for the name.
"""

import asyncio
import socket
import ssl
from collections.abc import Sequence

import httpx

from commonplace.platform.http.addresses import is_public


class AddressNotPublic(httpx.ConnectError):
    """The name leads to an address of this machine, of its network, or to none that a server on the internet has."""


class Outward(httpx.AsyncBaseTransport):
    """A transport for `httpx.AsyncClient(transport=…)`."""

    def __init__(self, *, trusts: ssl.SSLContext, allows_private: bool = False) -> None:
        """`trusts`: whose certificates count; `allows_private`: for tests, and for a service of the operator's own."""
        # Each connection serves one request: connections are kept by address, and two names may share one.
        self._inner = httpx.AsyncHTTPTransport(
            verify=trusts, trust_env=False, limits=httpx.Limits(max_connections=100, max_keepalive_connections=0)
        )
        self._allows_private = allows_private

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer one request.

        Raises:
            AddressNotPublic: the host has an address that is not.
            httpx.TransportError: it cannot be resolved or reached.
        """
        host = request.url.host
        addresses = await self._addresses(host, request.url.port or 443)
        failure: httpx.ConnectError | None = None
        for address in addresses:
            attempt = httpx.Request(
                request.method,
                request.url.copy_with(host=address),
                headers=request.headers,  # with `Host` as the name
                stream=request.stream,
                extensions={**request.extensions, "sni_hostname": host},
            )
            try:
                return await self._inner.handle_async_request(attempt)
            except httpx.ConnectError as error:
                failure = error
        raise failure or httpx.ConnectError("The name has no address.")

    async def aclose(self) -> None:
        """Close what is open."""
        await self._inner.aclose()

    async def _addresses(self, host: str, port: int) -> Sequence[str]:
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise httpx.ConnectError("The name cannot be resolved.") from error
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        if not self._allows_private and not all(map(is_public, addresses)):
            raise AddressNotPublic("The name has an address that is not on the public internet.")
        return addresses
