"""Where a request to sign in comes from."""

import ipaddress
import re
from dataclasses import dataclass, field
from typing import Final

from starlette.requests import HTTPConnection

from commonplace.platform.http.origin import origin_of

DEVICE_COOKIE: Final = "commonplace_device"  #: the cookie by which a browser is known again
_DEVICE_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_IPV6_CUSTOMER_BITS: Final = 64  # what one line of a household gets at least: within it addresses are free


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """The device at the other end, as far as a request tells."""

    address: str  #: of the client, the proxies that are trusted discounted; empty when unknown
    user_agent: str  #: as sent, cut at 400 characters; empty when none was
    is_secure: bool  #: whether the person's connection is HTTPS
    token: str = field(default="", repr=False)  #: what a browser keeps to be known again; empty: it keeps nothing

    @property
    def network(self) -> str:
        """What limits count by: the IPv4 address, or the /64 of an IPv6 address; empty when unknown."""
        try:
            address = ipaddress.ip_address(self.address.partition("%")[0])
        except ValueError:
            return ""
        if isinstance(address, ipaddress.IPv6Address):
            if address.ipv4_mapped is not None:
                return str(address.ipv4_mapped)
            return str(ipaddress.ip_network((address, _IPV6_CUSTOMER_BITS), strict=False))
        return str(address)

    @property
    def is_loopback(self) -> bool:
        """Whether the request came from this machine itself."""
        try:
            return ipaddress.ip_address(self.address.partition("%")[0]).is_loopback
        except ValueError:
            return False


def device_of(connection: HTTPConnection) -> Device:
    """The device that a request came from."""
    origin = origin_of(connection)
    token = connection.cookies.get(DEVICE_COOKIE, "")
    return Device(
        address=origin.address,
        user_agent=origin.user_agent,
        is_secure=origin.is_secure,
        token=token if _DEVICE_TOKEN.fullmatch(token) else "",
    )
